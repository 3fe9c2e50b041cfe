//! Native audit records in, [`model::Event`]s out: one module per format, pure.
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
//!
//! | format | `service` | `operation` | `request` | `correlation_uid` |
//! | --- | --- | --- | --- | --- |
//! | cloudtrail | `s3.amazonaws.com` | `PutBucketPolicy` | requestParameters | sharedEventID |
//! | azure_activity | `Microsoft.Storage` | as received, compare without case | requestbody, parsed | correlationId |
//! | google_audit | `storage.googleapis.com` | `storage.setIamPermissions` | protoPayload.request | operation.id |
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
mod cloudtrail;
mod cloudtrail_identity;
mod format;
mod google_audit;
mod ocsf;
mod person;
mod read;
mod record;
mod sessions;

pub use format::{Format, find_format};
pub use ocsf::to_ocsf;
pub use read::{MAX_INFLATED, read, read_records};
pub use record::Record;
pub use sessions::{link_sessions, opened_session};

/// Every format, sorted by name. One line makes a format known.
pub const FORMATS: &[&dyn Format] =
    &[&azure_activity::AzureActivity, &cloudtrail::CloudTrail, &google_audit::GoogleAudit];
