//! The power to change. A check is never given one.

use crate::error::ProviderError;
use async_trait::async_trait;
use model::{Attributes, Cloud, KindName, Resource};

#[async_trait]
pub trait Writer: Send + Sync {
    fn cloud(&self) -> Cloud;

    /// Makes a resource out of Terraform's attributes; answers with what Terraform would
    /// have stored, secrets sealed.
    async fn create(&self, kind: &KindName, wanted: &Attributes)
    -> Result<Resource, ProviderError>;

    /// Brings the named attributes of `current` to the values in `changes`; others stay.
    ///
    /// What `current` shows of them otherwise than it is to become is what the caller saw. If
    /// that has moved in the meantime, this is a [`Conflict`](crate::ErrorKind::Conflict) and
    /// nothing is written: [`crate::basis`].
    async fn update(&self, current: &Resource, changes: &Attributes) -> Result<(), ProviderError>;

    /// Of what is configuration alone, only as it was seen: as [`Writer::update`].
    async fn delete(&self, current: &Resource) -> Result<(), ProviderError>;
}
