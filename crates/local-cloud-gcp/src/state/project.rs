//! The project: its policy, its custom roles, its service accounts and people.

use super::policy::{Binding, Policy};
use crate::story;
use local_cloud::{Tx, View};
use serde::{Deserialize, Serialize};

const POLICY: &str = "gcp_project_policy";
const ROLES: &str = "gcp_roles";
const ACCOUNTS: &str = "gcp_accounts";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProjectPolicy {
    pub policy: Policy,
    pub version: u64,
}

impl ProjectPolicy {
    /// Project etags count changes in eight bytes.
    pub fn etag(&self) -> String {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(self.version.to_be_bytes())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub title: String,
    pub permissions: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountKind {
    User,
    ServiceAccount,
}

/// Somebody who can sign in. A service account has one key, a person a refresh token; only
/// what verifies them is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    pub email: String,
    pub kind: AccountKind,
    pub unique_id: String,
    /// The key's id, fixed when the account is founded so that it is the same in every lab.
    pub key_id: String,
    /// PKCS#1 in base64, once the key has been made.
    pub public_key: Option<String>,
    /// SHA-256 of the refresh token.
    pub refresh_hash: Option<String>,
}

impl Account {
    pub fn member(&self) -> String {
        match self.kind {
            AccountKind::User => format!("user:{}", self.email),
            AccountKind::ServiceAccount => format!("serviceAccount:{}", self.email),
        }
    }
}

pub fn policy(view: &View<'_>) -> ProjectPolicy {
    view.get(POLICY, story::PROJECT).unwrap_or_default()
}

pub fn set_policy(tx: &mut Tx<'_>, policy: Policy) -> ProjectPolicy {
    let version = self::policy(&tx.view()).version + 1;
    let new = ProjectPolicy { policy, version };
    tx.put(POLICY, story::PROJECT, &new);
    new
}

/// Adds one binding: for founding only.
pub fn bind(tx: &mut Tx<'_>, role: &str, member: &str) {
    let mut policy = policy(&tx.view()).policy;
    policy.bindings.push(Binding {
        role: role.to_owned(),
        members: vec![member.to_owned()],
        condition: None,
    });
    set_policy(tx, policy.normal());
}

pub fn add_role(tx: &mut Tx<'_>, role: &Role) {
    tx.put(ROLES, &role.name, role);
}

pub fn role(view: &View<'_>, name: &str) -> Option<Role> {
    view.get(ROLES, name)
}

pub fn add_account(tx: &mut Tx<'_>, account: &Account) {
    tx.put(ACCOUNTS, &account.email, account);
}

pub fn account(view: &View<'_>, email: &str) -> Option<Account> {
    view.get(ACCOUNTS, email)
}

pub fn accounts(view: &View<'_>) -> Vec<Account> {
    view.scan(ACCOUNTS, "").into_iter().map(|(_, a)| a).collect()
}
