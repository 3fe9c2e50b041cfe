//! Role definitions: the built-in ones that matter here, and the story's custom ones.
//! Ids and actions of the built-in roles are those of Microsoft's public list
//! (learn.microsoft.com/azure/role-based-access-control/built-in-roles).

use local_cloud::View;
use serde::{Deserialize, Serialize};

const TABLE: &str = "azure/roles";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub guid: String,
    pub name: String,
    pub custom: bool,
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    pub data_actions: Vec<String>,
    pub not_data_actions: Vec<String>,
    /// Custom roles only: where it may be assigned.
    pub scopes: Vec<String>,
}

pub const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
pub const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
pub const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
pub const BLOB_DATA_OWNER: &str = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b";
pub const BLOB_DATA_CONTRIBUTOR: &str = "ba92f5b4-2d11-453d-a403-e96b0029c9fe";
pub const BLOB_DATA_READER: &str = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
pub const KEY_OPERATOR: &str = "81a9662b-bebf-436f-a333-f67b29880f12";

const AUTHORIZATION_WRITES: &[&str] = &[
    "Microsoft.Authorization/*/Delete",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
];
const CONTAINERS_READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/read";
const CONTAINERS_WRITE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/write";
const CONTAINERS_DELETE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/delete";
const BLOBS_READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";

/// guid, name, actions, notActions, dataActions
type BuiltIn = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const BUILT_IN: &[BuiltIn] = &[
    (OWNER, "Owner", &["*"], &[], &[]),
    (CONTRIBUTOR, "Contributor", &["*"], AUTHORIZATION_WRITES, &[]),
    (READER, "Reader", &["*/read"], &[], &[]),
    (
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        &["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
        &[],
        &[],
    ),
    (
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "Storage Account Contributor",
        &[
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Storage/storageAccounts/*",
        ],
        &[],
        &[],
    ),
    (
        KEY_OPERATOR,
        "Storage Account Key Operator Service Role",
        &[
            "Microsoft.Storage/storageAccounts/listkeys/action",
            "Microsoft.Storage/storageAccounts/regeneratekey/action",
        ],
        &[],
        &[],
    ),
    (
        BLOB_DATA_OWNER,
        "Storage Blob Data Owner",
        &["Microsoft.Storage/storageAccounts/blobServices/containers/*"],
        &[],
        &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*"],
    ),
    (
        BLOB_DATA_CONTRIBUTOR,
        "Storage Blob Data Contributor",
        &[CONTAINERS_DELETE, CONTAINERS_READ, CONTAINERS_WRITE],
        &[],
        &[
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
            BLOBS_READ,
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
        ],
    ),
    (BLOB_DATA_READER, "Storage Blob Data Reader", &[CONTAINERS_READ], &[], &[BLOBS_READ]),
    ("43d0d8ad-25c7-4714-9337-8ba259a9fe05", "Monitoring Reader", &["*/read"], &[], &[]),
];

impl Role {
    fn built_in((guid, name, actions, not_actions, data_actions): &BuiltIn) -> Role {
        let own = |list: &[&str]| list.iter().map(|a| (*a).to_owned()).collect();
        Role {
            guid: (*guid).to_owned(),
            name: (*name).to_owned(),
            custom: false,
            actions: own(actions),
            not_actions: own(not_actions),
            data_actions: own(data_actions),
            not_data_actions: Vec::new(),
            scopes: vec!["/".to_owned()],
        }
    }

    /// Whether this role lets its holder do `action`; data actions are lists of their own.
    pub fn permits(&self, action: &str, data: bool) -> bool {
        let (yes, no) = if data {
            (&self.data_actions, &self.not_data_actions)
        } else {
            (&self.actions, &self.not_actions)
        };
        yes.iter().any(|p| matches(p, action)) && !no.iter().any(|p| matches(p, action))
    }
}

/// An action pattern: `*` stands for any text, letters compare without case.
pub fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

pub fn all(view: &View<'_>) -> Vec<Role> {
    let mut roles: Vec<Role> = BUILT_IN.iter().map(Role::built_in).collect();
    roles.extend(view.scan::<Role>(TABLE, "").into_iter().map(|(_, r)| r));
    roles
}

pub fn find(view: &View<'_>, guid: &str) -> Option<Role> {
    let built_in = BUILT_IN.iter().find(|r| r.0.eq_ignore_ascii_case(guid)).map(Role::built_in);
    built_in.or_else(|| view.get(TABLE, &guid.to_ascii_lowercase()))
}

pub fn put(tx: &mut local_cloud::Tx<'_>, role: &Role) {
    tx.put(TABLE, &role.guid.to_ascii_lowercase(), role);
}

pub fn delete(tx: &mut local_cloud::Tx<'_>, guid: &str) {
    tx.delete(TABLE, &guid.to_ascii_lowercase());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, action, fits) in [
            ("*", "Microsoft.Storage/storageAccounts/write", true),
            ("*/read", "Microsoft.Storage/storageAccounts/read", true),
            ("*/read", "Microsoft.Storage/storageAccounts/listKeys/action", false),
            (
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/roleAssignments/write",
                true,
            ),
            (
                "Microsoft.Storage/storageAccounts/read",
                "microsoft.storage/STORAGEACCOUNTS/read",
                true,
            ),
            ("Microsoft.Storage/storageAccounts", "Microsoft.Storage/storageAccounts/read", false),
            ("Microsoft.*/x/*/read", "Microsoft.A/x/b/c/read", true),
        ] {
            assert_eq!(matches(pattern, action), fits, "{pattern} {action}");
        }
    }

    #[test]
    fn a_contributor_lists_keys_and_grants_nothing() {
        let view = |v: &View<'_>| find(v, CONTRIBUTOR);
        let role = local_cloud::Store::in_memory().read(view).unwrap();
        assert!(role.permits("Microsoft.Storage/storageAccounts/listKeys/action", false));
        assert!(!role.permits("Microsoft.Authorization/roleAssignments/write", false));
        assert!(!role.permits(BLOBS_READ, true));
    }
}
