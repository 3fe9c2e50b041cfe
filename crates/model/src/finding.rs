//! Something that a person may need to act on, and who did it where the logs tell.

use crate::address::ResourceAddress;
use crate::event::Principal;
use crate::path::AttributePath;
use crate::resource::{Cloud, KindName};
use crate::time::Timestamp;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How bad. Ordered: the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Severity::ALL
            .into_iter()
            .find(|s| s.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("{text}: not one of critical, high, medium, low, info"))
    }
}

/// How sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    Low,
    Medium,
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FindingClass {
    Drift,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftStatus {
    Changed,
    Missing,
    Unmanaged,
}

impl DriftStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            DriftStatus::Changed => "changed",
            DriftStatus::Missing => "missing",
            DriftStatus::Unmanaged => "unmanaged",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The shortest unique prefix of the fingerprint in its report: `F-7c1e`.
    pub id: String,
    pub fingerprint: String,
    pub change_digest: String,
    pub class: FindingClass,
    pub status: DriftStatus,
    pub cloud: Cloud,
    pub account: Option<String>,
    pub region: Option<String>,
    pub kind: KindName,
    /// Empty for what no state manages.
    pub address: Option<ResourceAddress>,
    pub native_id: String,
    pub state: Option<String>,
    pub severity: Severity,
    pub confidence: Confidence,
    /// One sentence: why it matters here.
    pub why: String,
    pub techniques: Vec<String>,
    pub effect: Option<Effect>,
    pub attributes: Vec<AttributeChange>,
    pub attribution: Attribution,
}

/// What the change lets anyone do, tried or worked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    pub public: bool,
    pub how: EffectSource,
    /// The status code that an anonymous read got, when it was tried.
    pub answer: Option<u16>,
    /// What was asked, or why it is so.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectSource {
    Probed,
    Computed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributeChange {
    pub path: AttributePath,
    /// Null when sensitive.
    pub desired: Value,
    pub live: Value,
    pub security_relevant: bool,
    pub sensitive: bool,
    /// The change in words where values alone are hard to read: `+ allow * s3:GetObject on b/*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub summary: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributionStatus {
    /// A record's own parameters produce the live value, and nothing unknown came later.
    Attributed,
    /// Somebody of these; the records do not tell which.
    Candidates,
    Unattributed,
    NotAsked,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    pub status: AttributionStatus,
    pub events: Vec<AttributedEvent>,
    pub searched: Option<Searched>,
}

impl Attribution {
    pub fn not_asked() -> Self {
        Attribution { status: AttributionStatus::NotAsked, events: Vec::new(), searched: None }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributedEvent {
    /// The changed paths that this event produced; empty for a candidate.
    pub attributes: Vec<AttributePath>,
    pub principal: Principal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    pub operation: String,
    pub time: Timestamp,
    pub source_ip: Option<String>,
    pub user_agent: Option<String>,
    pub event_id: String,
    /// What the rest of the log adds: `an address it never used before`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Where was looked, and what that log cannot tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Searched {
    pub source: String,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub gaps: Vec<String>,
    pub note: Option<String>,
}
