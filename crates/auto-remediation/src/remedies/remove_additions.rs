//! Takes out only what came: the statements of a policy, the members of a grant that the
//! state does not have. Whatever else stands there stays, also what the state does not know.

use super::{Proposal, Remedy, is_written, worst};
use crate::subject::Subject;
use ledger::Operation;
use model::AttributePath;
use model::finding::DriftStatus;
use model::remediation::ActionChange;
use std::collections::BTreeSet;

pub(super) struct RemoveAdditions;

impl Remedy for RemoveAdditions {
    fn name(&self) -> &'static str {
        "remove_additions"
    }

    fn about(&self) -> &'static str {
        "takes foreign statements out of a policy, foreign members out of a grant"
    }

    fn operation(&self) -> Operation {
        Operation::Update
    }

    fn propose(&self, subject: &Subject<'_>) -> Option<Proposal> {
        let finding = subject.finding;
        if finding.status != DriftStatus::Changed {
            return None;
        }
        let (desired, live) = (subject.desired.as_ref()?, subject.live.as_ref()?);
        let knowledge = subject.knowledge;
        let changed: BTreeSet<&str> =
            finding.attributes.iter().map(|c| c.path.attribute()).collect();
        let mut changes = Vec::new();
        let mut restoring = Vec::new();
        let mut left = Vec::new();
        for name in changed {
            let path = AttributePath::root(name);
            let (wanted, is) =
                (desired.get(name).cloned().unwrap_or_default(), live.attributes.get(name)?);
            // Where something else has changed besides, the general remedy takes all of it.
            let without = knowledge.without_additions(&path, &wanted, is)?;
            if !is_written(knowledge, name) {
                return None;
            }
            restoring.push(knowledge.restoring(&finding.native_id, &path, &without, is));
            if knowledge.equal(&path, &wanted, &without) == Some(false) {
                left.push(path.clone());
            }
            let summary = knowledge.summary(&path, is, &without);
            changes.push(ActionChange { path, from: is.clone(), to: without, summary });
        }
        if changes.is_empty() {
            return None;
        }
        Some(Proposal { left, ..Proposal::on(subject, changes, worst(restoring)) })
    }
}
