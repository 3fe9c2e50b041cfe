//! The power to look.

use crate::error::ProviderError;
use crate::kind::{Probe, Wanted};
use async_trait::async_trait;
use model::{Cloud, KindName, Live, Resource};

/// Who the credentials are, as the cloud itself says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account (subscription, project) that calls land in.
    pub account: String,
    /// Whom the cloud takes us for: an ARN, an object id, an e-mail.
    pub principal: String,
    /// The short form for messages: `role/ci`, `drift-reader`.
    pub caller: String,
    /// Where the credentials were found: `profile prod`, `environment`, `web identity`.
    pub source: String,
}

/// Reads and lists; it cannot change anything.
#[async_trait]
pub trait Reader: Send + Sync {
    fn cloud(&self) -> Cloud;

    async fn identity(&self) -> Result<Identity, ProviderError>;

    /// What the cloud says of one resource. A failure is an answer too: [`Live::Unknown`].
    async fn read(&self, wanted: &Wanted) -> Live;

    /// Every resource of a kind, page after page.
    async fn list(&self, kind: &KindName) -> Result<Vec<Resource>, ProviderError>;

    /// Tries the effect as nobody: an anonymous read of what `live` describes. `None` when
    /// there is nothing to try (no object, or the question makes no sense for this kind).
    async fn probe(&self, live: &Resource) -> Result<Option<Probe>, ProviderError>;
}
