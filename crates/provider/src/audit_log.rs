//! The clouds' own audit logs: asked, never interpreted here.

use crate::error::ProviderError;
use async_trait::async_trait;
use model::finding::Searched;
use model::{Cloud, Timestamp};

/// What records are wanted.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub about: About,
}

#[derive(Clone, Debug)]
pub enum About {
    Everything,
    /// The records that touch these resources, by kind and native id.
    Resources(Vec<(model::KindName, String)>),
    /// The records that one credential signed.
    Credential(String),
}

/// Native records, each the text of one JSON document, and what was searched for them.
#[derive(Clone, Debug)]
pub struct AuditAnswer {
    /// The name under which `event-formats` knows these records.
    pub format: &'static str,
    pub records: Vec<String>,
    pub searched: Searched,
}

#[async_trait]
pub trait AuditLog: Send + Sync {
    fn cloud(&self) -> Cloud;

    /// Answers with all pages. A log that could not be read to its end answers with what it
    /// had and names the gap in `searched.gaps`; one that could not be read at all is an error.
    async fn query(&self, query: &AuditQuery) -> Result<AuditAnswer, ProviderError>;
}
