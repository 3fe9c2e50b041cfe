//! Users and service principals of the tenant.

use local_cloud::{Tx, View};
use serde::{Deserialize, Serialize};

const TABLE: &str = "azure/principals";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalKind {
    User,
    ServicePrincipal,
}

impl PrincipalKind {
    pub fn as_str(&self) -> &'static str {
        match self {
            PrincipalKind::User => "User",
            PrincipalKind::ServicePrincipal => "ServicePrincipal",
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Principal {
    /// A user principal name, or the application's display name.
    pub name: String,
    pub kind: PrincipalKind,
    pub object_id: String,
    /// Service principals only: the application's id.
    pub client_id: Option<String>,
    /// A password or a client secret: handed to whoever may act as this caller.
    pub secret: String,
}

impl Principal {
    /// The name under which its calls are placed at an address: a client id or a user name.
    pub fn credential(&self) -> &str {
        self.client_id.as_deref().unwrap_or(&self.name)
    }
}

pub fn put(tx: &mut Tx<'_>, principal: &Principal) {
    tx.put(TABLE, &principal.object_id, principal);
}

pub fn by_object(view: &View<'_>, object_id: &str) -> Option<Principal> {
    view.get(TABLE, object_id)
}

fn all(view: &View<'_>) -> impl Iterator<Item = Principal> {
    view.scan::<Principal>(TABLE, "").into_iter().map(|(_, p)| p)
}

pub fn by_client(view: &View<'_>, client_id: &str) -> Option<Principal> {
    all(view).find(|p| p.client_id.as_deref().is_some_and(|c| c.eq_ignore_ascii_case(client_id)))
}

pub fn by_name(view: &View<'_>, name: &str) -> Option<Principal> {
    all(view).find(|p| p.name.eq_ignore_ascii_case(name))
}
