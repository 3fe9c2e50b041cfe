//! The words of Cloud Security Lab: what a resource, an event, a finding is.
//!
//! Everything above this crate speaks these types, so they hold no I/O, no SDK and no
//! clock: a time is always a value that somebody passed in. Read the modules in this order:
//!
//! * [`value`], [`path`]: attributes as a typed tree under Terraform's own names
//! * [`address`], [`resource`]: one thing in a cloud, desired or live
//! * [`event`]: one audit record, normalised to OCSF's meaning
//! * [`knowledge`]: what is known of a kind (which attributes matter, how, why), and the
//!   pure questions that only the kind can answer
//! * [`finding`], [`report`]: what a person may need to act on, and the whole of one check
//! * [`remediation`]: what is proposed against a finding, decided, done and put back
//! * [`fingerprint`]: identities that stay the same from run to run

pub mod address;
pub mod event;
pub mod finding;
pub mod fingerprint;
pub mod knowledge;
pub mod path;
pub mod remediation;
pub mod report;
pub mod resource;
pub mod time;
pub mod value;

pub use address::{Index, ResourceAddress};
pub use event::{Event, Principal, PrincipalType};
pub use finding::{Confidence, Finding, Severity};
pub use knowledge::Knowledge;
pub use path::AttributePath;
pub use remediation::{Action, ActionState, Decision, RemediationPlan};
pub use resource::{Cloud, KindName, Live, Resource, Unknown, UnknownReason};
pub use time::Timestamp;
pub use value::{Attributes, Value};
