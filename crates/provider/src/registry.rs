//! A reader and a writer out of a session and a list of kinds: the same for every cloud.

use crate::basis;
use crate::error::{ErrorKind, ProviderError};
use crate::kind::{Kind, Probe, Session, Wanted};
use crate::reader::{Identity, Reader};
use crate::redact;
use crate::writer::Writer;
use async_trait::async_trait;
use model::{Attributes, Cloud, KindName, Live, Resource, Unknown, UnknownReason};
use std::sync::Arc;

/// The kinds of a cloud, sorted by name.
pub type Kinds<S> = &'static [&'static dyn Kind<S>];

pub struct Provider<S: Session> {
    cloud: Cloud,
    session: Arc<S>,
    kinds: Kinds<S>,
}

impl<S: Session> Provider<S> {
    pub fn new(cloud: Cloud, session: Arc<S>, kinds: Kinds<S>) -> Self {
        Provider { cloud, session, kinds }
    }

    fn kind(&self, name: &KindName) -> Result<&'static dyn Kind<S>, ProviderError> {
        find(self.kinds, name).ok_or_else(|| {
            ProviderError::new(ErrorKind::Unsupported, name.as_str(), self.cloud.as_str())
                .because("this kind is not supported yet")
                .next_step("lab list shows the kinds that are")
        })
    }
}

pub fn find<S: Session>(kinds: Kinds<S>, name: &KindName) -> Option<&'static dyn Kind<S>> {
    kinds.iter().find(|k| k.facts().kind == *name).copied()
}

fn sealed<S: Session>(kind: &dyn Kind<S>, mut resource: Resource) -> Resource {
    redact::seal(&mut resource.attributes, kind.facts());
    resource
}

#[async_trait]
impl<S: Session> Reader for Provider<S> {
    fn cloud(&self) -> Cloud {
        self.cloud.clone()
    }

    async fn identity(&self) -> Result<Identity, ProviderError> {
        self.session.identity().await
    }

    async fn read(&self, wanted: &Wanted) -> Live {
        let Some(kind) = find(self.kinds, &wanted.kind) else {
            return Live::Unknown(Unknown {
                reason: UnknownReason::Unsupported,
                detail: format!("{} is not supported yet", wanted.kind),
                next_step: "lab list shows the kinds that are".to_owned(),
            });
        };
        // An empty name means something else to many calls: IAM's GetUser answers with the
        // caller, a bucket's call with the list of buckets.
        if wanted.native_id.trim().is_empty() {
            return Live::Unknown(Unknown {
                reason: UnknownReason::Malformed,
                detail: "the state records no id for it".to_owned(),
                next_step: "look at it with terraform state show; terraform apply -refresh-only \
                            writes it again"
                    .to_owned(),
            });
        }
        match kind.read(&self.session, wanted).await {
            Ok(Some(resource)) => Live::Present(sealed(kind, resource)),
            Ok(None) => Live::Absent,
            Err(error) => Live::Unknown(error.to_unknown()),
        }
    }

    async fn list(&self, kind: &KindName) -> Result<Vec<Resource>, ProviderError> {
        let kind = self.kind(kind)?;
        let found = kind.list(&self.session).await?;
        Ok(found.into_iter().map(|r| sealed(kind, r)).collect())
    }

    async fn probe(&self, live: &Resource) -> Result<Option<Probe>, ProviderError> {
        self.kind(&live.kind)?.probe(&self.session, live).await
    }
}

#[async_trait]
impl<S: Session> Writer for Provider<S> {
    fn cloud(&self) -> Cloud {
        self.cloud.clone()
    }

    async fn create(
        &self,
        kind: &KindName,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let kind = self.kind(kind)?;
        Ok(sealed(kind, kind.create(&self.session, wanted).await?))
    }

    async fn update(&self, current: &Resource, changes: &Attributes) -> Result<(), ProviderError> {
        let kind = self.kind(&current.kind)?;
        let names = basis::of_change(current, changes, kind.written_whole());
        basis::hold(kind, &*self.session, current, &names).await?;
        kind.update(&self.session, current, changes).await
    }

    async fn delete(&self, current: &Resource) -> Result<(), ProviderError> {
        let kind = self.kind(&current.kind)?;
        let names = basis::of_deletion(kind, current);
        basis::hold(kind, &*self.session, current, &names).await?;
        kind.delete(&self.session, current).await
    }
}
