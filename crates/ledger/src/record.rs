//! What the entries hold.

use model::remediation::Identified;
use model::{Action, Attributes, Timestamp};
use serde::{Deserialize, Serialize};

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Update,
    Create,
    Delete,
}

/// Written before the first call of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub plan: String,
    pub target: String,
    pub action: Action,
    pub operation: Operation,
    /// This takes an earlier change back.
    pub undo: bool,
    /// Every attribute that was there, secrets sealed; none where nothing was there.
    pub before: Option<Attributes>,
    pub before_digest: String,
    /// What the changed attributes shall be; none where nothing shall be left.
    pub wanted: Option<Attributes>,
    pub by: Option<Identified>,
    /// Who said yes, where somebody had to.
    pub approved_by: Option<Identified>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcomes {
    /// Written, read back and equal.
    Verified,
    /// Written; it could not be read back.
    Applied,
    /// Nothing was written, because something had moved or a rule forbids it.
    Refused,
    /// Nothing was written, or what was read back is not what was wanted.
    Failed,
    /// An intent that a run left open: nothing had been written.
    NotApplied,
    /// An intent that a run left open, and what is there is neither before nor after: a
    /// person must look.
    Unclear,
}

impl Outcomes {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcomes::Verified => "verified",
            Outcomes::Applied => "applied",
            Outcomes::Refused => "refused",
            Outcomes::Failed => "failed",
            Outcomes::NotApplied => "not applied",
            Outcomes::Unclear => "unclear",
        }
    }
}

/// What came of an intent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub result: Outcomes,
    /// In words.
    pub detail: String,
    /// Every attribute that is there now; none where nothing is.
    pub after: Option<Attributes>,
    /// Over what is there now; none where it could not be read.
    pub after_digest: Option<String>,
    /// Found by a later run, not by the one that wrote the intent.
    pub settled: bool,
    pub took_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    pub plan: String,
    pub action: String,
    pub by: Identified,
    pub until: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    pub plan: String,
    pub action: String,
    pub by: Identified,
    pub reason: String,
    /// Of the finding that the action was to mend.
    #[serde(default)]
    pub fingerprint: String,
}
