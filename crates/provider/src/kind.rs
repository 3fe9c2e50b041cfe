//! What a cloud's crate implements: a session, and one [`Kind`] per resource kind over it.

use crate::error::{ErrorKind, ProviderError};
use crate::reader::Identity;
use async_trait::async_trait;
use model::{Attributes, KindName, Knowledge, Resource};

/// One resource that somebody wants to know of. The recorded attributes help where an id
/// alone does not lead to the thing (its region, its parent).
#[derive(Clone, Debug)]
pub struct Wanted {
    pub kind: KindName,
    pub native_id: String,
    pub region: Option<String>,
    pub recorded: Attributes,
}

impl Wanted {
    pub fn new(kind: impl Into<KindName>, native_id: impl Into<String>) -> Self {
        Wanted {
            kind: kind.into(),
            native_id: native_id.into(),
            region: None,
            recorded: Attributes::new(),
        }
    }

    /// A recorded attribute as text.
    pub fn recorded(&self, attribute: &str) -> Option<&str> {
        self.recorded.get(attribute).and_then(model::Value::as_str)
    }
}

/// What an anonymous read got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What was asked: `GET https://...`
    pub asked: String,
    pub status: u16,
}

/// A connection to one account of one cloud, with its credentials.
#[async_trait]
pub trait Session: Send + Sync + 'static {
    async fn identity(&self) -> Result<Identity, ProviderError>;
}

/// One resource kind: the cloud's shape on one side, Terraform's on the other, and the
/// kind's knowledge. Everything a kind is lies in one stem of files.
#[async_trait]
pub trait Kind<S: Session>: Knowledge {
    /// The live resource, or `None` when the cloud says that there is none. It returns
    /// every attribute that it knows under Terraform's name, secrets sealed.
    async fn read(&self, session: &S, wanted: &Wanted) -> Result<Option<Resource>, ProviderError>;

    async fn list(&self, session: &S) -> Result<Vec<Resource>, ProviderError>;

    async fn create(&self, session: &S, wanted: &Attributes) -> Result<Resource, ProviderError>;

    async fn update(
        &self,
        session: &S,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError>;

    async fn delete(&self, session: &S, current: &Resource) -> Result<(), ProviderError>;

    async fn probe(&self, _session: &S, _live: &Resource) -> Result<Option<Probe>, ProviderError> {
        Ok(None)
    }

    /// Attributes that the API takes together: a write of one writes all of them.
    fn written_whole(&self) -> &'static [&'static str] {
        &[]
    }

    /// Its own writes refuse where what `current` shows of them has moved: under a
    /// precondition of the API. For all others the provider reads once more before it writes.
    fn holds_its_basis(&self) -> bool {
        false
    }

    /// The permissions that reading one takes, in the cloud's own names.
    fn read_permissions(&self) -> &'static [&'static str];

    /// Those that listing all takes besides.
    fn list_permissions(&self) -> &'static [&'static str] {
        &[]
    }

    /// The permissions that creating, changing and deleting this kind takes, beside those of
    /// reading one.
    fn write_permissions(&self) -> &'static [&'static str];

    /// Those of them that changing what is there takes.
    fn update_permissions(&self) -> &'static [&'static str] {
        self.write_permissions()
    }

    /// A text attribute that must be there to create one.
    fn required<'a>(&self, wanted: &'a Attributes, name: &str) -> Result<&'a str, ProviderError> {
        wanted.get(name).and_then(model::Value::as_str).filter(|s| !s.is_empty()).ok_or_else(|| {
            ProviderError::new(ErrorKind::Invalid, format!("create {}", self.facts().kind), name)
                .because(format!("{name} is required and not set"))
        })
    }
}
