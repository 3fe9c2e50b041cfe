//! Deletes what no state manages, where deleting loses configuration only.

use super::{Proposal, REMOVE_UNMANAGED, Remedy};
use crate::subject::Subject;
use ledger::Operation;
use model::finding::DriftStatus;
use model::knowledge::Restoring;
use model::remediation::ActionChange;
use model::{AttributePath, Value};

pub(super) struct RemoveUnmanaged;

impl Remedy for RemoveUnmanaged {
    fn name(&self) -> &'static str {
        REMOVE_UNMANAGED
    }

    fn about(&self) -> &'static str {
        "deletes a policy or a grant that no state manages"
    }

    fn operation(&self) -> Operation {
        Operation::Delete
    }

    fn propose(&self, subject: &Subject<'_>) -> Option<Proposal> {
        let facts = subject.knowledge.facts();
        if subject.finding.status != DriftStatus::Unmanaged || !facts.removable {
            return None;
        }
        let live = subject.live.as_ref()?;
        let changes = live
            .attributes
            .iter()
            .filter(|(name, value)| {
                !value.is_unset()
                    && **value != Value::Redacted
                    && !facts.attributes.get(name.as_str()).is_some_and(|f| f.computed || f.local)
            })
            .map(|(name, value)| ActionChange {
                path: AttributePath::root(name.as_str()),
                from: value.clone(),
                to: Value::Null,
                summary: subject.knowledge.summary(
                    &AttributePath::root(name.as_str()),
                    value,
                    &Value::Null,
                ),
            })
            .collect();
        Some(Proposal::on(
            subject,
            changes,
            Restoring::TakesFrom(vec!["whoever uses it".to_owned()]),
        ))
    }
}
