//! Makes what is missing again, as the state records it. Whatever it held is not brought back.

use super::{Proposal, Remedy};
use crate::subject::Subject;
use ledger::Operation;
use model::finding::DriftStatus;
use model::knowledge::Restoring;
use model::remediation::ActionChange;
use model::{AttributePath, Value};

pub(super) struct Recreate;

impl Remedy for Recreate {
    fn name(&self) -> &'static str {
        "recreate"
    }

    fn about(&self) -> &'static str {
        "makes what is missing again as the state records it"
    }

    fn operation(&self) -> Operation {
        Operation::Create
    }

    fn propose(&self, subject: &Subject<'_>) -> Option<Proposal> {
        let facts = subject.knowledge.facts();
        if subject.finding.status != DriftStatus::Missing || !facts.recreatable {
            return None;
        }
        let mut sealed = Vec::new();
        let changes: Vec<ActionChange> = subject
            .desired
            .as_ref()?
            .iter()
            .filter(|(name, value)| {
                let own = facts.attributes.get(name.as_str());
                if **value == Value::Redacted || own.is_some_and(|f| f.sensitive) {
                    if !value.is_unset() {
                        sealed.push(name.to_string());
                    }
                    return false;
                }
                !value.is_unset() && !own.is_some_and(|f| f.computed || f.local)
            })
            .map(|(name, value)| ActionChange {
                path: AttributePath::root(name.as_str()),
                from: Value::Null,
                to: value.clone(),
                summary: Vec::new(),
            })
            .collect();
        if changes.is_empty() {
            return None;
        }
        let asks = (!sealed.is_empty())
            .then(|| format!("it would be made without its secrets ({})", sealed.join(", ")));
        Some(Proposal { asks, ..Proposal::on(subject, changes, Restoring::Opens) })
    }
}
