//! One audit record of a cloud, normalised to the meaning that OCSF gives it.

use crate::resource::Cloud;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An event keeps everything: what has no field of its own stays in `unmapped`, and
/// `raw_hash` with `location` lead back to the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub class: EventClass,
    /// OCSF's activity of that class, `99` for *other*.
    pub activity: u8,
    pub time: Timestamp,
    /// The record's own text of its time.
    pub original_time: String,
    /// The provider's event id where it is unique, else the record's hash.
    pub uid: String,
    /// Ties the records of one operation together (start and end, request and outcome).
    pub correlation_uid: Option<String>,
    pub cloud: Cloud,
    pub account: Option<String>,
    pub region: Option<String>,
    /// The log it came from, in the vendor's words: `CloudTrail`, `Activity Log`.
    pub product: String,
    pub service: String,
    pub operation: String,
    pub read_only: bool,
    pub request_uid: Option<String>,
    pub request: serde_json::Value,
    pub response: serde_json::Value,
    pub status: EventStatus,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub principal: Principal,
    /// Id of the credential that signed the call: an access key id, a key name; never a secret.
    pub credential_uid: Option<String>,
    /// Address, or the name of a service where a service called.
    pub source: Option<String>,
    pub user_agent: Option<String>,
    pub resources: Vec<EventResource>,
    pub unmapped: serde_json::Value,
    /// SHA-256 of the record's bytes, in hexadecimal.
    pub raw_hash: String,
    pub location: RecordLocation,
}

/// The OCSF class an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventClass {
    ApiActivity,
    Authentication,
    AccountChange,
    /// Rights given to somebody or taken away.
    UserAccess,
    VulnerabilityFinding,
    ComplianceFinding,
    DetectionFinding,
    NetworkActivity,
}

impl EventClass {
    pub fn uid(self) -> u32 {
        match self {
            EventClass::ApiActivity => 6003,
            EventClass::Authentication => 3002,
            EventClass::AccountChange => 3001,
            EventClass::UserAccess => 3005,
            EventClass::VulnerabilityFinding => 2002,
            EventClass::ComplianceFinding => 2003,
            EventClass::DetectionFinding => 2004,
            EventClass::NetworkActivity => 4001,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    Success,
    Failure,
    /// Begun or accepted; another record of the same correlation tells the outcome.
    InProgress,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalType {
    Human,
    Workload,
    Service,
    Anonymous,
    Unknown,
}

/// Who called: the human behind the session where the record tells it, else the workload.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// `maya.chen@example.com`, `ci-deploy`: the shortest name that a colleague would know.
    pub name: String,
    #[serde(rename = "type")]
    pub kind: PrincipalType,
    /// The chain it acted through, nearest the call last: role sessions, impersonated accounts.
    pub via: Vec<String>,
    /// The stable id behind the name (an ARN, an object id, an e-mail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventResource {
    /// As the record names it: an ARN, a resource id, `projects/_/buckets/B`.
    pub uid: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// Where a record lies, so that a person can open it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordLocation {
    /// A file, an object's URL, or the name of a lookup.
    pub source: String,
    /// The position of the record in it, from 0.
    pub index: usize,
}

/// A record that could not be read, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    pub location: RecordLocation,
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub reason: String,
}
