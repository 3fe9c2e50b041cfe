//! Microsoft Azure behind the provider traits. The one room that knows the Azure SDK.
//!
//! * [`session`]: options, the subscription, the clients; [`credentials`] finds who calls,
//!   `transport` decides where requests really go, `arm` makes Resource Manager's calls
//! * `error`: what went wrong, out of the services' own codes
//! * `kinds`: one stem of files per kind: the wire's shape, Terraform's shape, the knowledge
//! * [`catalog`]: what is known of Azure without asking it anything
//! * `exposure`: would somebody without a name be answered, and why
//! * `audit_log`: the Activity Log's query API, asked and not interpreted
//! * `objects`: blobs as states and logs, and places to write to once
//! * [`data_plane`]: what an account's key opens, past Resource Manager
//! * [`mod@grant`]: the custom role that an exercise needs
//!
//! Not here: sovereign clouds, accounts with partitioned DNS endpoints, resource logs.

mod arm;
mod audit_log;
pub mod catalog;
pub mod credentials;
pub mod data_plane;
mod error;
mod exposure;
pub mod grant;
mod id;
mod kinds;
mod objects;
pub mod session;
mod shared_key;
mod transport;
mod wire;

pub use catalog::CATALOG;
pub use credentials::Explicit;
pub use grant::{grant, grant_for};
pub use session::{AzureSession, ConnectOptions};

use model::Cloud;
use provider::{Connection, Provider, ProviderError};
use std::sync::Arc;

/// The cloud's name, in its own crates and the wiring only.
pub const CLOUD: Cloud = Cloud::from_static("azure");

/// Prepares a connection to one subscription; nothing is asked of Azure yet.
pub async fn connect(options: ConnectOptions) -> Result<Connection, ProviderError> {
    let session = Arc::new(AzureSession::new(options)?);
    let provider = Arc::new(Provider::new(CLOUD, session.clone(), kinds::KINDS));
    let objects = Arc::new(objects::Blobs::new(session.clone()));
    Ok(Connection {
        catalog: &CATALOG,
        reader: provider.clone(),
        writer: provider,
        audit: Arc::new(audit_log::ActivityLog::new(session)),
        objects: objects.clone(),
        sink: objects,
    })
}
