//! Switches off the credential that made the change: mending what it did is not enough where
//! somebody else holds it. It is never done unasked, because its owner may be working with it.

use super::{DEACTIVATE_KEY, Proposal, Remedy};
use crate::subject::Subject;
use ledger::Operation;
use model::AttributePath;
use model::knowledge::Restoring;
use model::remediation::ActionChange;

pub(super) struct DeactivateKey;

impl Remedy for DeactivateKey {
    fn name(&self) -> &'static str {
        DEACTIVATE_KEY
    }

    fn about(&self) -> &'static str {
        "switches off the key that made the change; always asks"
    }

    fn operation(&self) -> Operation {
        Operation::Update
    }

    fn is_beside(&self) -> bool {
        true
    }

    fn propose(&self, subject: &Subject<'_>) -> Option<Proposal> {
        let credential = subject.credential.as_ref()?;
        let facts = credential.knowledge.facts();
        let off = facts.credential.as_ref()?;
        let live = &credential.live;
        let from = live.attributes.get(&off.attribute)?.clone();
        if from == off.off {
            return None;
        }
        let path = AttributePath::root(off.attribute.as_str());
        let change = ActionChange { path, from, to: off.off.clone(), summary: Vec::new() };
        Some(Proposal {
            kind: live.kind.clone(),
            native_id: live.native_id.clone(),
            account: live.account.clone().or_else(|| subject.finding.account.clone()),
            region: live.region.clone(),
            address: credential.address.clone(),
            state: credential.state.clone(),
            changes: vec![change],
            live_digest: crate::digest::live(facts, Some(&live.attributes)),
            restoring: Restoring::Neutral,
            asks: Some(format!(
                "it made the change of {}; whatever else works with this key stops, so a person \
                 decides",
                subject.finding.id
            )),
            left: Vec::new(),
            secret: Vec::new(),
        })
    }
}
