//! Blob containers.

use crate::exposure::Level;
use crate::ids;
use crate::state::account::Account;
use crate::state::blob;
use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const TABLE: &str = "azure/containers";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    pub account: String,
    pub name: String,
    pub level: Level,
    pub metadata: BTreeMap<String, String>,
    pub etag: String,
    pub modified: Timestamp,
    /// Stored access policies, as the wire has them.
    pub policies: Vec<StoredPolicy>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredPolicy {
    pub id: String,
    pub start: Option<String>,
    pub expiry: Option<String>,
    pub permission: Option<String>,
}

impl Container {
    pub fn new(
        tx: &mut Tx<'_>,
        account: &str,
        name: &str,
        level: Level,
        now: Timestamp,
    ) -> Container {
        Container {
            account: account.to_owned(),
            name: name.to_owned(),
            level,
            metadata: BTreeMap::new(),
            etag: fresh_etag(tx),
            modified: now,
            policies: Vec::new(),
        }
    }

    pub fn touch(&mut self, tx: &mut Tx<'_>, now: Timestamp) {
        self.etag = fresh_etag(tx);
        self.modified = now;
    }

    /// As Resource Manager answers; a list carries the etag inside too.
    pub fn to_json(&self, account: &Account) -> Value {
        let mut properties = json!({
            "deleted": false,
            "remainingRetentionDays": 0,
            "defaultEncryptionScope": "$account-encryption-key",
            "denyEncryptionScopeOverride": false,
            "publicAccess": self.level.arm_name(),
            "leaseStatus": "Unlocked",
            "leaseState": "Available",
            "lastModifiedTime": self.modified.to_millis_text(),
            "hasImmutabilityPolicy": false,
            "hasLegalHold": false,
        });
        if !self.metadata.is_empty() {
            let metadata: Map<String, Value> =
                self.metadata.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            properties["metadata"] = Value::Object(metadata);
        }
        json!({
            "id": ids::container(&account.group, &account.name, &self.name),
            "name": self.name,
            "type": "Microsoft.Storage/storageAccounts/blobServices/containers",
            "etag": format!("\"{}\"", self.etag),
            "properties": properties,
        })
    }
}

/// `0x8D...`: what Blob storage puts between the quotes of an etag.
pub fn fresh_etag(tx: &mut Tx<'_>) -> String {
    let bytes = tx.fresh("azure/etag");
    format!("0x8D{}", hex::encode_upper(&bytes[..7]))
}

/// Three to 63 lower-case letters, digits and single hyphens; `$root` and `$web` besides.
pub fn valid_name(name: &str) -> bool {
    if matches!(name, "$root" | "$web" | "$logs") {
        return true;
    }
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn key(account: &str, name: &str) -> String {
    format!("{account}/{name}")
}

pub fn get(view: &View<'_>, account: &str, name: &str) -> Option<Container> {
    view.get(TABLE, &key(account, name))
}

pub fn all(view: &View<'_>, account: &str) -> Vec<Container> {
    view.scan(TABLE, &format!("{account}/")).into_iter().map(|(_, c)| c).collect()
}

/// A page of containers whose name starts with `prefix`, after `after`.
pub fn page(
    view: &View<'_>,
    account: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Vec<Container> {
    let after = after.map(|name| key(account, name));
    view.after(TABLE, &key(account, prefix), after.as_deref(), limit)
        .into_iter()
        .map(|(_, c)| c)
        .collect()
}

pub fn put(tx: &mut Tx<'_>, container: &Container) {
    tx.put(TABLE, &key(&container.account, &container.name), container);
}

pub fn delete(tx: &mut Tx<'_>, container: &Container) {
    blob::delete_all(tx, &container.account, &container.name);
    tx.delete(TABLE, &key(&container.account, &container.name));
}
