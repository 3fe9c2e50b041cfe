//! The whole of one drift check, in the shape that `--format json` prints.

use crate::address::ResourceAddress;
use crate::finding::Finding;
use crate::remediation::LedgerHead;
use crate::resource::{KindName, Unknown};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

pub const DRIFT_REPORT_SCHEMA: &str = "cloud-security-lab/drift-report/v1";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    pub schema: String,
    pub tool: Tool,
    pub target: String,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    /// Some source, state or cloud could not be read to its end; `errors` says which.
    pub partial: bool,
    pub states: Vec<StateSummary>,
    pub summary: Summary,
    pub findings: Vec<Finding>,
    pub unknown: Vec<UnknownResource>,
    pub errors: Vec<ReportError>,
    /// Addresses in sync, for `-v`; not part of the JSON contract's required fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_sync: Vec<String>,
    /// Findings left out by `.driftignore`, counted.
    #[serde(default)]
    pub ignored: usize,
    /// The end of the ledger when this was written, so that a cut tail shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerHead>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSummary {
    pub source: String,
    pub lineage: String,
    pub serial: u64,
    pub terraform_version: String,
    /// Seconds since the state was last written, where its source tells.
    pub age_seconds: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub resources: usize,
    pub in_sync: usize,
    pub changed: usize,
    pub missing: usize,
    pub unmanaged: usize,
    pub unknown: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownResource {
    pub address: Option<ResourceAddress>,
    pub kind: KindName,
    #[serde(flatten)]
    pub unknown: Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportError {
    /// The state, log or cloud that it happened in.
    #[serde(rename = "where")]
    pub place: String,
    pub what: String,
    pub next_step: String,
}
