//! Native audit records in, [`model::Event`]s out: one module per format, pure.
//!
//! Any file is recognised by its content, whatever stands around the records: gzip, JSON lines,
//! arrays, answers of lookups and queries, EventBridge, CloudWatch Logs, diagnostic settings.
//!
//! A reader of foreign bytes keeps the good and lists the bad: both functions return
//! `(Vec<Event>, Vec<Rejected>)`, and neither panics nor gives up on anything.
//!
//! * [`read`]: a file or an object's bytes, gzip or not, one document or JSON lines
//! * [`read_records`]: records that came one by one, from a cloud's own lookup
//! * [`link_sessions`]: who stands behind a role session, out of all events together
//! * [`to_ocsf`]: an event as one OCSF object
//!
//! Losing nothing is the contract. Of each record:
//!
//! * what has a field in `Event` is moved there: `request`, `response`, `error_code`, ...
//! * **`unmapped` is the record less what was moved, in the record's own shape**, so that
//!   `event.unmapped.pointer("/protoPayload/serviceData/policyDelta")` and
//!   `"/userIdentity/sessionContext"` and `"/identity/claims"` work. What is only derived
//!   (the principal, resources, a JSON text that was parsed) leaves its original there too.
//!   What stood around a record is beside its own fields, under the envelope's name.
//! * a number that no machine number holds is kept as its text, and a record that says two
//!   things under one key is refused.
//!
//! | format | `service` | `operation` | `request` | `correlation_uid` |
//! | --- | --- | --- | --- | --- |
//! | cloudtrail | `s3.amazonaws.com` | `PutBucketPolicy` | requestParameters | sharedEventID |
//! | azure_activity | `Microsoft.Storage` | as received, compare without case | requestbody, parsed | correlationId |
//! | google_audit | `storage.googleapis.com` | `storage.setIamPermissions` | protoPayload.request | operation.id |
//! | kubernetes_audit | `k8s.io` | `create pods/exec` | requestObject | auditID |
//! | entra_signin | resourceDisplayName | `Sign-in activity` | | correlationId |
//! | findings | the service that found | the finding's type | | |
//!
//! `docs/formats.md` lists all of them, and what becomes of records that nobody here wrote.
//!
//! ```
//! let line = br#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","userName":"ci-deploy",
//!   "arn":"arn:aws:iam::111122223333:user/ci-deploy","accessKeyId":"AKIAIOSFODNN7EXAMPLE"},
//!   "eventTime":"2026-01-02T14:02:11Z","eventSource":"s3.amazonaws.com",
//!   "eventName":"PutBucketPolicy","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.23",
//!   "requestParameters":{"bucketName":"acme-exports"},"responseElements":null,
//!   "eventID":"4f0c0d5e-0000-4000-8000-000000000001","recipientAccountId":"111122223333"}"#;
//! let (events, rejected) = event_formats::read(line, "trail.json");
//! assert!(rejected.is_empty());
//! assert_eq!(events[0].principal.name, "ci-deploy");
//! assert_eq!(events[0].resources[0].uid, "arn:aws:s3:::acme-exports");
//! ```

mod azure_activity;
mod azure_activity_table;
mod azure_storage;
mod canonical;
mod cloudtrail;
mod cloudtrail_identity;
mod cloudtrail_insight;
mod cloudtrail_lake;
mod csv;
mod entra;
mod entra_audit;
mod entra_signin;
mod envelope;
mod finding;
mod format;
mod google_audit;
mod google_findings;
mod guardduty;
mod kubernetes_audit;
mod ocsf;
mod person;
mod read;
mod record;
mod salvage;
mod security_hub;
mod sessions;
mod strangers;
mod strict;
mod vpc_flow;

pub use format::{Format, find_format};
pub use ocsf::{OCSF_VERSION, to_ocsf};
pub use read::{MAX_INFLATED, read, read_records};
pub use record::Record;
pub use sessions::{link_sessions, opened_session};

/// Every format, sorted by name. One line makes a format known.
pub const FORMATS: &[&dyn Format] = &[
    &azure_activity::AzureActivity,
    &azure_activity_table::AzureActivityTable,
    &azure_storage::AzureStorage,
    &cloudtrail::CloudTrail,
    &cloudtrail_insight::CloudTrailInsight,
    &cloudtrail_lake::CloudTrailLake,
    &entra_audit::EntraAudit,
    &entra_signin::EntraSignIn,
    &google_audit::GoogleAudit,
    &google_findings::GoogleFindings,
    &guardduty::GuardDuty,
    &kubernetes_audit::KubernetesAudit,
    &security_hub::SecurityHub,
    &vpc_flow::VpcFlow,
];
