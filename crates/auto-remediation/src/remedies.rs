//! Remedies: one file each. A new one is a file and a line in [`REMEDIES`].

mod deactivate_key;
mod recreate;
mod remove_additions;
mod remove_unmanaged;
mod restore_attributes;

use crate::subject::{StateSeen, Subject};
use ledger::Operation;
use model::knowledge::Restoring;
use model::remediation::ActionChange;
use model::{AttributePath, KindName, Knowledge, ResourceAddress};

/// The name by which history knows that somebody's credential was switched off.
pub const DEACTIVATE_KEY: &str = "deactivate_key";

/// The one that is about what no state manages.
pub const REMOVE_UNMANAGED: &str = "remove_unmanaged";

/// One way to mend. It is asked with what was read, and proposes; it never calls anything.
pub trait Remedy: Sync {
    fn name(&self) -> &'static str;

    /// In a sentence, for documentation and for `lab list`.
    fn about(&self) -> &'static str;

    fn operation(&self) -> Operation;

    /// It comes beside what mends the finding itself, and not in its place.
    fn is_beside(&self) -> bool {
        false
    }

    /// Nothing where it has no answer.
    fn propose(&self, subject: &Subject<'_>) -> Option<Proposal>;
}

/// In the order in which they are asked: the first that has an answer mends a finding.
pub const REMEDIES: &[&dyn Remedy] = &[
    &remove_additions::RemoveAdditions,
    &restore_attributes::RestoreAttributes,
    &recreate::Recreate,
    &remove_unmanaged::RemoveUnmanaged,
    &deactivate_key::DeactivateKey,
];

pub fn find(name: &str) -> Option<&'static dyn Remedy> {
    REMEDIES.iter().find(|r| r.name() == name).copied()
}

/// What a remedy would do.
pub struct Proposal {
    pub kind: KindName,
    pub native_id: String,
    pub account: Option<String>,
    pub region: Option<String>,
    pub address: Option<ResourceAddress>,
    pub state: Option<StateSeen>,
    pub changes: Vec<ActionChange>,
    pub live_digest: String,
    /// What it does to who can reach the resource.
    pub restoring: Restoring,
    /// A person must say yes whatever the policy says, for this reason.
    pub asks: Option<String>,
    /// What the finding has besides and this leaves as it is.
    pub left: Vec<AttributePath>,
    /// Of what is left, those that hold a secret.
    pub secret: Vec<AttributePath>,
}

impl Proposal {
    /// On the resource that the finding is about.
    fn on(subject: &Subject<'_>, changes: Vec<ActionChange>, restoring: Restoring) -> Self {
        let finding = subject.finding;
        let live = subject.live.as_ref().map(|l| &l.attributes);
        Proposal {
            kind: finding.kind.clone(),
            native_id: finding.native_id.clone(),
            account: finding.account.clone(),
            region: finding.region.clone(),
            address: finding.address.clone(),
            state: subject.state.clone(),
            changes,
            live_digest: crate::digest::live(subject.knowledge.facts(), live),
            restoring,
            asks: None,
            left: Vec::new(),
            secret: Vec::new(),
        }
    }
}

/// The most careful of several answers counts for all.
fn worst(all: impl IntoIterator<Item = Restoring>) -> Restoring {
    let caution = |r: &Restoring| match r {
        Restoring::Neutral => 0,
        Restoring::Closes => 1,
        Restoring::TakesFrom(_) => 2,
        Restoring::Opens => 3,
    };
    let mut named: Vec<String> = Vec::new();
    let mut worst = Restoring::Neutral;
    for one in all {
        if let Restoring::TakesFrom(names) = &one {
            named.extend(names.iter().cloned());
        }
        if caution(&one) > caution(&worst) {
            worst = one;
        }
    }
    match worst {
        Restoring::TakesFrom(_) => Restoring::TakesFrom(named),
        other => other,
    }
}

fn is_written(knowledge: &dyn Knowledge, attribute: &str) -> bool {
    knowledge.facts().writable.iter().any(|w| w == attribute)
}
