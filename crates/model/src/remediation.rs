//! What is proposed against a finding, decided, done and put back: the plan and its actions,
//! in the shape that `--format json` prints.

use crate::address::ResourceAddress;
use crate::finding::Severity;
use crate::path::AttributePath;
use crate::report::{ReportError, Tool};
use crate::resource::{Cloud, KindName};
use crate::time::Timestamp;
use crate::value::Value;
use serde::{Deserialize, Serialize};

pub const PLAN_SCHEMA: &str = "cloud-security-lab/remediation-plan/v1";

/// What policy says of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Policy allows it: an apply does it.
    Fix,
    /// A person must say yes.
    Ask,
    /// It stays as it is, and that is known.
    Accept,
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Fix => "fix",
            Decision::Ask => "ask",
            Decision::Accept => "accept",
        }
    }
}

/// How far an action has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    Planned,
    Approved,
    Rejected,
    /// Written; what it left could not be read back yet.
    Applied,
    /// Written, read back, equal, and without the effect that it was to end.
    Verified,
    Failed,
    Undone,
    /// Something had moved, or the cloud's rules forbid it: nothing was written.
    Refused,
    /// Over a limit of this run.
    HeldBack,
}

impl ActionState {
    pub fn as_str(self) -> &'static str {
        match self {
            ActionState::Planned => "planned",
            ActionState::Approved => "approved",
            ActionState::Rejected => "rejected",
            ActionState::Applied => "applied",
            ActionState::Verified => "verified",
            ActionState::Failed => "failed",
            ActionState::Undone => "undone",
            ActionState::Refused => "refused",
            ActionState::HeldBack => "held_back",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemediationPlan {
    pub schema: String,
    /// Over what [`ActionDigest`](Action) covers, and nothing else: the same world gives the
    /// same hash.
    pub hash: String,
    pub target: String,
    pub tool: Tool,
    pub made_at: Timestamp,
    /// Who made it, as approvals would record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<Identified>,
    pub actions: Vec<Action>,
    /// Findings that nothing here can mend, with what a person can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_remedy: Vec<Unremedied>,
    pub held_back: HeldBack,
    /// The limits that a run of this plan is held to.
    pub belts: Belts,
    /// The last entry of the ledger when this was written, so that a cut tail shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerHead>,
    /// Resources of which nothing can be said; the drift report lists them.
    #[serde(default)]
    pub unknown: usize,
    /// Some state, cloud or log could not be read to its end; `errors` says which.
    #[serde(default)]
    pub partial: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ReportError>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// The shortest unique prefix of the digest in its plan: `A-51b2`.
    pub id: String,
    /// SHA-256 of what the plan's hash covers of this action.
    pub digest: String,
    pub finding: String,
    /// The fingerprint of that finding.
    pub fingerprint: String,
    pub cloud: Cloud,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    pub kind: KindName,
    pub address: Option<ResourceAddress>,
    pub native_id: String,
    /// The state that wants it, as the user named it; none for what no state manages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub severity: Severity,
    pub remedy: String,
    pub decision: Decision,
    /// Why it is decided so, in one sentence.
    pub reason: String,
    /// The rule that decided: `remediation.toml:14`; none for the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    pub changes: Vec<ActionChange>,
    pub preconditions: Preconditions,
    /// Where the state marks a secret: read from the cloud in plain, it is sealed before it is
    /// kept anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<AttributePath>,
    /// Who used what this takes away, as far as the log at hand tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    pub state: ActionState,
    /// What came of it: `read back equal, anonymous GET 200 -> 403`, or why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// The audit events that made the finding.
    #[serde(default)]
    pub event_ids: Vec<String>,
}

/// One attribute, whole: what it is and what it becomes. A sensitive part is null on both
/// sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionChange {
    pub path: AttributePath,
    pub from: Value,
    pub to: Value,
    /// The change in words: `- allow * s3:GetObject on b/*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub summary: Vec<String>,
}

/// What must still be so when the action runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preconditions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_serial: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_lineage: Option<String>,
    /// Over every live attribute that is ever compared; `absent` where there was nothing.
    pub live_digest: String,
}

/// What an action takes away from whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// Uses of the access in the log at hand.
    pub uses: u64,
    /// From how many addresses.
    pub addresses: usize,
    pub last: Option<Timestamp>,
    /// Whether the log holds reads of data at all.
    pub complete: bool,
    /// In one sentence.
    pub words: String,
}

/// A finding that no remedy mends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unremedied {
    pub finding: String,
    pub kind: KindName,
    pub address: Option<ResourceAddress>,
    pub native_id: String,
    pub reason: String,
    pub next_step: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    pub count: usize,
    pub flag: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belts {
    pub per_run: usize,
    pub per_minute: usize,
}

/// The end of the ledger: how many entries, and the hash that all of them lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerHead {
    pub entries: u64,
    pub hash: String,
}

/// Whom an approval or a plan names, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identified {
    pub name: String,
    pub by: IdentifiedBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifiedBy {
    /// The subject of a CI job's identity token.
    CiToken,
    /// The cloud says whose credentials these are.
    Cloud,
    /// The user of the machine: as good as the machine.
    Machine,
}
