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
    async fn update(&self, current: &Resource, changes: &Attributes) -> Result<(), ProviderError>;

    async fn delete(&self, current: &Resource) -> Result<(), ProviderError>;
}
