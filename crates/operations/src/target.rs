//! What a use-case is given of each cloud. A check gets no writer, so it cannot change
//! anything.

use model::knowledge::Catalog;
use model::resource::Desired;
use provider::reader::Identity;
use provider::{AuditLog, ObjectSource, ProviderError, Reader};
use std::sync::Arc;

/// One cloud of a target, as a check sees it.
pub struct CheckCloud {
    pub catalog: &'static dyn Catalog,
    /// The accounts of this cloud that the target names; a connection that could not even be
    /// prepared (no credentials) is its error.
    pub accounts: Vec<Result<Account, ProviderError>>,
}

/// One account of one cloud, with its credentials.
#[derive(Clone)]
pub struct Account {
    /// The account that the target's section names; `None` when it takes what the
    /// credentials lead to.
    pub expected: Option<String>,
    pub reader: Arc<dyn Reader>,
    pub audit: Arc<dyn AuditLog>,
    pub objects: Arc<dyn ObjectSource>,
}

/// An account whose cloud has said who we are.
#[derive(Clone)]
pub struct Known {
    pub account: Account,
    pub identity: Identity,
}

impl CheckCloud {
    /// The first object store of this cloud, for URLs of its scheme.
    pub fn objects(&self) -> Option<Arc<dyn ObjectSource>> {
        self.accounts.iter().flatten().next().map(|a| a.objects.clone())
    }
}

/// The cloud that a kind belongs to.
pub fn cloud_of<'a>(
    clouds: &'a [CheckCloud],
    desired: &Desired,
) -> Option<(usize, &'a CheckCloud)> {
    clouds.iter().enumerate().find(|(_, c)| c.catalog.owns(&desired.address.kind))
}
