//! Google Cloud behind the provider traits.
//!
//! * [`session`]: the one file that knows how the SDK is configured
//! * [`credentials`]: which credentials, and what they tell about themselves
//! * [`error`]: what went wrong, out of Google's own codes
//! * [`storage`]: the calls on buckets and their policies, through all layers
//! * [`policy`]: IAM bindings, their ids and their audit records; [`members`]: who is in them
//! * [`exposure`]: would Cloud Storage answer nobody in particular?
//! * [`kinds`]: one stem of files per resource kind; [`bucket_shape`]: a bucket in both shapes
//! * [`catalog`]: what is known of Google Cloud without asking it anything
//! * [`audit_log`]: Cloud Audit Logs, asked and not interpreted
//! * [`objects`]: Cloud Storage objects as states and logs, and places to write to once
//! * [`grant`]: the role that an exercise needs
//!
//! Not here: object ACLs, organisation policies and folders' IAM, other services' kinds, and
//! the permissions of custom roles.

pub mod audit_log;
pub mod bucket_shape;
pub mod catalog;
pub mod credentials;
pub mod error;
pub mod exposure;
pub mod grant;
pub mod kinds;
pub mod members;
pub mod objects;
pub mod policy;
pub mod session;
pub mod storage;

pub use catalog::CATALOG;
pub use credentials::ConnectOptions;
pub use grant::{grant, grant_for};
pub use session::GcpSession;

use model::Cloud;
use provider::{Connection, Provider, ProviderError};
use std::sync::Arc;

pub const CLOUD: Cloud = Cloud::from_static("gcp");

/// Prepares a connection to one project. Of Google Cloud nothing is asked yet; where only
/// the metadata server could give credentials, it must be there.
pub async fn connect(options: ConnectOptions) -> Result<Connection, ProviderError> {
    let session = Arc::new(GcpSession::open(options).await?);
    let provider = Arc::new(Provider::new(CLOUD, session.clone(), kinds::KINDS));
    let objects = Arc::new(objects::CloudStorage::new(session.clone()));
    Ok(Connection {
        catalog: &CATALOG,
        reader: provider.clone(),
        writer: provider,
        audit: Arc::new(audit_log::CloudAuditLogs::new(session)),
        objects: objects.clone(),
        sink: objects,
    })
}
