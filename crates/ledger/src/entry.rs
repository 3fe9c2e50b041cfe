//! One entry, and its place in the chain.

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// What an entry is about. With its key it is there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A plan was made. Key: its hash.
    Plan,
    /// Somebody said yes. Key: `PLAN/ACTION/N`.
    Approval,
    /// Somebody said no. Key: `PLAN/ACTION/N`.
    Rejection,
    /// A change is about to be made. Key: `FINDING/ACTION/N` (or `reaction-N`), and `.../N/undo/M`
    /// where it is taken back, so that all that was done about one finding lies together.
    Intent,
    /// What came of the intent with the same key.
    Outcome,
    /// A place among the changes of one minute, for runs that share a limit. Key: `MINUTE/N`.
    Claim,
}

impl EntryKind {
    pub const ALL: [EntryKind; 6] = [
        EntryKind::Plan,
        EntryKind::Approval,
        EntryKind::Rejection,
        EntryKind::Intent,
        EntryKind::Outcome,
        EntryKind::Claim,
    ];

    /// Must it be on the disk before anything is done that relies on it? A plan or an outcome
    /// that a power cut takes is made or found again, and a claim is of a minute that is over by
    /// then.
    pub fn outlives_power(self) -> bool {
        match self {
            EntryKind::Intent | EntryKind::Approval | EntryKind::Rejection => true,
            EntryKind::Plan | EntryKind::Outcome | EntryKind::Claim => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::Plan => "plan",
            EntryKind::Approval => "approval",
            EntryKind::Rejection => "rejection",
            EntryKind::Intent => "intent",
            EntryKind::Outcome => "outcome",
            EntryKind::Claim => "claim",
        }
    }
}

/// What is to be appended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEntry {
    pub kind: EntryKind,
    pub key: String,
    pub time: Timestamp,
    pub body: serde_json::Value,
}

/// What was appended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the chain, from 1; none where nothing is chained.
    pub seq: Option<u64>,
    pub kind: EntryKind,
    pub key: String,
    pub time: Timestamp,
    pub body: serde_json::Value,
    /// The hash that this entry and all before it lead to.
    pub hash: Option<String>,
}

/// When an entry was written, as far as the ledger knows: its place in the chain first, because
/// clocks can be set.
pub type Order = (u64, Timestamp);

impl Entry {
    pub fn order(&self) -> Order {
        (self.seq.unwrap_or(0), self.time)
    }

    /// The body as what its kind holds.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.body)
    }
}
