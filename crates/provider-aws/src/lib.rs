//! Amazon Web Services behind the provider traits.
//!
//! * [`session`]: the one file that knows how the SDK is configured: credentials, regions,
//!   endpoints, TLS
//! * [`error`]: what went wrong, out of the services' own codes
//! * [`s3`], [`signed`]: calls through all layers, by the SDK and by `aws-protocol`
//! * [`kinds`]: one stem of files per resource kind
//! * [`exposure`]: would S3 answer somebody without a signature? `probe` tries it
//! * [`catalog`]: what is known of AWS without asking it anything
//! * [`audit_log`]: CloudTrail's event history, asked and not interpreted
//! * [`objects`]: S3 objects as states and logs, and places to write to once
//! * [`grant`]: the policy that an exercise needs
//!
//! Not here: EC2 and other services' kinds, S3 access points and directory buckets, the
//! account's own public access block (S3 Control).

pub mod audit_log;
pub mod catalog;
pub mod error;
pub mod exposure;
pub mod grant;
pub mod kinds;
pub mod objects;
mod probe;
pub mod s3;
pub mod session;
mod settings;
pub mod signed;

pub use catalog::CATALOG;
pub use grant::{grant, grant_for};
pub use objects::S3Objects;
use session::Options;
pub use session::{AwsSession, Options as ConnectOptions, StaticCredentials};

use model::Cloud;
use provider::{Connection, Provider, ProviderError};
use std::sync::Arc;

pub const CLOUD: Cloud = Cloud::from_static("aws");

/// Prepares a connection to one account; nothing is asked of AWS yet.
pub async fn connect(options: Options) -> Result<Connection, ProviderError> {
    Ok(over(Arc::new(AwsSession::open(options).await?)))
}

/// All powers over one session.
pub fn over(session: Arc<AwsSession>) -> Connection {
    let objects = Arc::new(S3Objects::new(session.clone()));
    let provider = Arc::new(Provider::new(CLOUD, session.clone(), kinds::KINDS));
    Connection {
        catalog: &CATALOG,
        reader: provider.clone(),
        writer: provider,
        audit: Arc::new(audit_log::EventHistory::new(session)),
        objects: objects.clone(),
        sink: objects,
    }
}
