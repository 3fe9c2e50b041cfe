//! Object stores as places to fetch from (states, logs, policies) and to write to once.

use crate::error::ProviderError;
use async_trait::async_trait;
use bytes::Bytes;
use model::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    pub key: String,
    pub size: u64,
    pub modified: Option<Timestamp>,
    /// Changes when the content does (etag, generation).
    pub version: String,
}

/// `place` is a bucket, or `account/container` where containers lie in accounts.
#[async_trait]
pub trait ObjectSource: Send + Sync {
    /// The scheme of its URLs: `s3`, `azblob`, `gs`.
    fn scheme(&self) -> &'static str;

    /// Every object below the prefix, page after page.
    async fn list(&self, place: &str, prefix: &str) -> Result<Vec<ObjectInfo>, ProviderError>;

    /// The object's bytes; an object larger than `limit` is an error and not read.
    async fn get(&self, place: &str, key: &str, limit: u64) -> Result<Bytes, ProviderError>;
}

#[async_trait]
pub trait ObjectSink: Send + Sync {
    /// Writes an object unless one is there; says whether it did.
    async fn put_if_absent(
        &self,
        place: &str,
        key: &str,
        body: Bytes,
    ) -> Result<bool, ProviderError>;
}
