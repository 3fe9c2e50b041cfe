//! Storage accounts: the document that Resource Manager keeps, its defaults, its keys.

use crate::exposure::Network;
use crate::ids;
use crate::state::{assignment, container};
use crate::story::TENANT;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local_cloud::{Tx, View};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

const TABLE: &str = "azure/accounts";

#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    pub name: String,
    pub group: String,
    pub location: String,
    pub kind: String,
    pub sku: String,
    pub tags: Option<Map<String, Value>>,
    pub identity: Option<Value>,
    /// What may be set of `properties`, as the wire has it, defaults filled in.
    pub settings: Map<String, Value>,
    pub blob_service: Map<String, Value>,
    pub keys: Vec<Key>,
    pub created: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    pub name: String,
    /// Base64 of 64 bytes, as clients put it into connection strings.
    pub value: String,
    pub created: String,
}

impl Key {
    pub fn fresh(name: &str, now: &str) -> Key {
        let value = BASE64_STANDARD.encode(local_cloud::store::secret_bytes::<64>());
        Key { name: name.to_owned(), value, created: now.to_owned() }
    }
}

/// Why a body is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: &'static str,
    pub message: String,
}

fn refused(code: &'static str, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into() }
}

/// The members of `properties` that a client may set and this cloud keeps, with their type.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Bool,
    Text(&'static [&'static str]),
    Object,
}

const SETTINGS: &[(&str, Shape)] = &[
    ("accessTier", Shape::Text(&["Hot", "Cool", "Cold", "Premium"])),
    ("allowBlobPublicAccess", Shape::Bool),
    ("allowCrossTenantReplication", Shape::Bool),
    ("allowSharedKeyAccess", Shape::Bool),
    ("allowedCopyScope", Shape::Text(&["AAD", "PrivateLink"])),
    ("azureFilesIdentityBasedAuthentication", Shape::Object),
    ("customDomain", Shape::Object),
    ("defaultToOAuthAuthentication", Shape::Bool),
    ("dnsEndpointType", Shape::Text(&["Standard", "AzureDnsZone"])),
    ("enableExtendedGroups", Shape::Bool),
    ("encryption", Shape::Object),
    ("immutableStorageWithVersioning", Shape::Object),
    ("isHnsEnabled", Shape::Bool),
    ("isLocalUserEnabled", Shape::Bool),
    ("isNfsV3Enabled", Shape::Bool),
    ("isSftpEnabled", Shape::Bool),
    ("keyPolicy", Shape::Object),
    ("largeFileSharesState", Shape::Text(&["Enabled", "Disabled"])),
    ("minimumTlsVersion", Shape::Text(&["TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"])),
    ("networkAcls", Shape::Object),
    ("publicNetworkAccess", Shape::Text(&["Enabled", "Disabled", "SecuredByPerimeter"])),
    ("routingPreference", Shape::Object),
    ("sasPolicy", Shape::Object),
    ("supportsHttpsTrafficOnly", Shape::Bool),
];

/// What an answer holds and a request may repeat, because clients send back what they read.
const READ_ONLY: &[&str] = &[
    "creationTime",
    "keyCreationTime",
    "primaryEndpoints",
    "primaryLocation",
    "privateEndpointConnections",
    "provisioningState",
    "secondaryEndpoints",
    "secondaryLocation",
    "statusOfPrimary",
    "statusOfSecondary",
];

const SKUS: &[&str] = &[
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
];
const KINDS: &[&str] = &["StorageV2", "Storage", "BlobStorage", "FileStorage", "BlockBlobStorage"];

pub fn valid_name(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

impl Account {
    /// A new account out of a PUT's body.
    pub fn new(group: &str, name: &str, body: &Value, now: &str) -> Result<Account, Refused> {
        if !valid_name(name) {
            return Err(refused(
                "AccountNameInvalid",
                format!(
                    "{name} is not a valid storage account name. Storage account name must be \
                     between 3 and 24 characters in length and use numbers and lower-case \
                     letters only."
                ),
            ));
        }
        let text = |path: &str| body.pointer(path).and_then(Value::as_str);
        let location = text("/location").ok_or_else(|| {
            refused("LocationRequired", "The location property is required for this definition.")
        })?;
        let missing = |what: &str| {
            refused("InvalidRequestContent", format!("The required property '{what}' is missing."))
        };
        let kind = text("/kind").ok_or_else(|| missing("kind"))?;
        let sku = text("/sku/name").ok_or_else(|| missing("sku.name"))?;
        let mut account = Account {
            name: name.to_owned(),
            group: group.to_owned(),
            location: normal_location(location),
            kind: one_of("kind", KINDS, kind)?,
            sku: one_of("sku.name", SKUS, sku)?,
            tags: None,
            identity: None,
            settings: Map::new(),
            blob_service: default_blob_service(),
            keys: vec![Key::fresh("key1", now), Key::fresh("key2", now)],
            created: now.to_owned(),
        };
        // The defaults of accounts made today: learn.microsoft.com, storage accounts REST.
        for (name, value) in [
            ("allowBlobPublicAccess", json!(false)),
            ("supportsHttpsTrafficOnly", json!(true)),
            ("minimumTlsVersion", json!("TLS1_0")),
            ("accessTier", json!("Hot")),
            ("networkAcls", json!({})),
            ("encryption", encryption(now)),
        ] {
            account.settings.insert(name.to_owned(), value);
        }
        account.settings.insert("networkAcls".to_owned(), acls(&json!({}))?);
        account.change(body)?;
        Ok(account)
    }

    /// Applies a PUT or PATCH: what the body does not mention stays.
    pub fn change(&mut self, body: &Value) -> Result<(), Refused> {
        if let Some(location) = body.get("location").and_then(Value::as_str)
            && normal_location(location) != self.location
        {
            return Err(refused(
                "InvalidResourceLocation",
                format!(
                    "The resource '{}' already exists in location '{}' in resource group '{}'. A \
                     resource with the same name cannot be created in location '{location}'. \
                     Please select a new resource name.",
                    self.name, self.location, self.group
                ),
            ));
        }
        if let Some(sku) = body.pointer("/sku/name").and_then(Value::as_str) {
            self.sku = one_of("sku.name", SKUS, sku)?;
        }
        if let Some(kind) = body.get("kind").and_then(Value::as_str) {
            self.kind = one_of("kind", KINDS, kind)?;
        }
        match body.get("tags") {
            Some(Value::Object(tags)) => self.tags = Some(tags.clone()),
            Some(Value::Null) | None => {}
            Some(_) => return Err(refused("InvalidRequestContent", "tags is not an object")),
        }
        if let Some(identity @ Value::Object(_)) = body.get("identity") {
            self.identity = Some(with_ids(identity.clone(), &self.name));
        }
        let Some(properties) = body.get("properties").and_then(Value::as_object) else {
            return Ok(());
        };
        for (name, value) in properties {
            if READ_ONLY.contains(&name.as_str()) || value.is_null() {
                continue;
            }
            let Some((_, shape)) = SETTINGS.iter().find(|(known, _)| known == name) else {
                return Err(refused(
                    "InvalidRequestContent",
                    format!(
                        "The request content was invalid and could not be deserialized: 'Could \
                         not find member '{name}' on object of type 'StorageAccountProperties'.'."
                    ),
                ));
            };
            let value = match (shape, value) {
                (Shape::Bool, Value::Bool(_)) => value.clone(),
                (Shape::Text(words), Value::String(word)) => one_of(name, words, word)?.into(),
                (Shape::Object, Value::Object(_)) if name == "networkAcls" => acls(value)?,
                (Shape::Object, Value::Object(_)) => value.clone(),
                _ => {
                    return Err(refused(
                        "InvalidRequestContent",
                        format!(
                            "The request content was invalid and could not be deserialized: \
                             'Error converting value to the type of properties.{name}.'."
                        ),
                    ));
                }
            };
            self.settings.insert(name.clone(), value);
        }
        Ok(())
    }

    pub fn id(&self) -> String {
        ids::account(&self.group, &self.name)
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.settings.get(name).and_then(Value::as_bool)
    }

    /// Null on old accounts, where it permits.
    pub fn allows_public_access(&self) -> Option<bool> {
        self.flag("allowBlobPublicAccess")
    }

    /// Null permits.
    pub fn allows_shared_key(&self) -> bool {
        self.flag("allowSharedKeyAccess") != Some(false)
    }

    pub fn https_only(&self) -> bool {
        self.flag("supportsHttpsTrafficOnly") == Some(true)
    }

    /// Where the account may be reached from.
    pub fn network(&self) -> Network {
        let acls = self.settings.get("networkAcls");
        let text = |name: &str| acls.and_then(|a| a.get(name)).and_then(Value::as_str);
        let rules = acls.and_then(|a| a.get("ipRules")).and_then(Value::as_array);
        Network {
            disabled: self
                .settings
                .get("publicNetworkAccess")
                .and_then(Value::as_str)
                .is_some_and(|a| a == "Disabled" || a == "SecuredByPerimeter"),
            deny_by_default: text("defaultAction").is_some_and(|a| a.eq_ignore_ascii_case("Deny")),
            ip_rules: rules
                .into_iter()
                .flatten()
                .filter_map(|r| r.get("value").and_then(Value::as_str).map(str::to_owned))
                .collect(),
        }
    }

    pub fn to_json(&self) -> Value {
        let mut properties = self.settings.clone();
        let endpoint = |service: &str| format!("https://{}.{service}.core.windows.net/", self.name);
        let created: Map<String, Value> =
            self.keys.iter().map(|k| (k.name.clone(), json!(k.created))).collect();
        for (name, value) in [
            ("provisioningState", json!("Succeeded")),
            ("creationTime", json!(self.created)),
            ("keyCreationTime", Value::Object(created)),
            ("primaryLocation", json!(self.location)),
            ("statusOfPrimary", json!("available")),
            ("privateEndpointConnections", json!([])),
            (
                "primaryEndpoints",
                json!({
                    "blob": endpoint("blob"),
                    "dfs": endpoint("dfs"),
                    "file": endpoint("file"),
                    "queue": endpoint("queue"),
                    "table": endpoint("table"),
                    "web": format!("https://{}.z6.web.core.windows.net/", self.name),
                }),
            ),
        ] {
            properties.insert(name.to_owned(), value);
        }
        let tier = self.sku.split('_').next().unwrap_or_default();
        let mut body = json!({
            "id": self.id(),
            "name": self.name,
            "type": "Microsoft.Storage/storageAccounts",
            "location": self.location,
            "kind": self.kind,
            "sku": {"name": self.sku, "tier": tier},
            "tags": self.tags.clone().unwrap_or_default(),
            "properties": properties,
        });
        if let Some(identity) = &self.identity {
            body["identity"] = identity.clone();
        }
        body
    }
}

/// "West Europe" and "westeurope" are one place.
pub fn normal_location(location: &str) -> String {
    location.replace(' ', "").to_lowercase()
}

/// Enumerations are matched without case and kept as documented.
fn one_of(name: &str, words: &[&str], given: &str) -> Result<String, Refused> {
    words.iter().find(|w| w.eq_ignore_ascii_case(given)).map(|w| (*w).to_owned()).ok_or_else(|| {
        refused(
            "InvalidValuesForRequestParameters",
            format!("Values for request parameters are invalid: {name}."),
        )
    })
}

fn encryption(now: &str) -> Value {
    let service = json!({"enabled": true, "keyType": "Account", "lastEnabledTime": now});
    json!({
        "keySource": "Microsoft.Storage",
        "services": {"blob": service, "file": service},
    })
}

fn with_ids(mut identity: Value, account: &str) -> Value {
    if identity["type"].as_str().is_some_and(|t| t.contains("SystemAssigned")) {
        let seed = <sha2::Sha256 as sha2::Digest>::digest(format!("identity/{account}"));
        identity["principalId"] = json!(local_cloud::store::uuid_from(&seed.into()));
        identity["tenantId"] = json!(TENANT);
    }
    identity
}

/// Fills in what a client leaves out, in the form in which Resource Manager answers.
fn acls(given: &Value) -> Result<Value, Refused> {
    let text = |name: &str, default: &str| match given.get(name) {
        None | Some(Value::Null) => Ok(default.to_owned()),
        Some(Value::String(s)) => Ok(s.clone()),
        Some(_) => Err(refused("InvalidRequestContent", format!("networkAcls.{name} is not text"))),
    };
    let default_action =
        one_of("networkAcls.defaultAction", &["Allow", "Deny"], &text("defaultAction", "Allow")?)?;
    let bypass = text("bypass", "AzureServices")?;
    let list = |name: &str| given.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let rules = |name: &str, key: &str| -> Result<Value, Refused> {
        list(name)
            .into_iter()
            .map(|rule| {
                let value = rule.get(key).and_then(Value::as_str).ok_or_else(|| {
                    refused("InvalidRequestContent", format!("networkAcls.{name} has no {key}"))
                })?;
                Ok(json!({key: value, "action": "Allow"}))
            })
            .collect()
    };
    Ok(json!({
        "bypass": bypass,
        "defaultAction": default_action,
        "ipRules": rules("ipRules", "value")?,
        "virtualNetworkRules": rules("virtualNetworkRules", "id")?,
        "resourceAccessRules": list("resourceAccessRules"),
    }))
}

/// What the blob service answers although nothing was ever set.
fn default_blob_service() -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("cors".to_owned(), json!({"corsRules": []}));
    map.insert(
        "deleteRetentionPolicy".to_owned(),
        json!({"allowPermanentDelete": false, "enabled": false}),
    );
    map
}

/// Account names are unique in all of Azure, so the name alone is the key.
pub fn get(view: &View<'_>, name: &str) -> Option<Account> {
    view.get(TABLE, &name.to_lowercase())
}

pub fn in_this_group(view: &View<'_>, group: &str, name: &str) -> Option<Account> {
    get(view, name).filter(|a| a.group.eq_ignore_ascii_case(group))
}

pub fn all(view: &View<'_>) -> Vec<Account> {
    view.scan(TABLE, "").into_iter().map(|(_, a)| a).collect()
}

pub fn in_group(view: &View<'_>, group: &str) -> Vec<Account> {
    all(view).into_iter().filter(|a| a.group.eq_ignore_ascii_case(group)).collect()
}

pub fn put(tx: &mut Tx<'_>, account: &Account) {
    tx.put(TABLE, &account.name.to_lowercase(), account);
}

pub fn delete(tx: &mut Tx<'_>, account: &Account) {
    for container in container::all(&tx.view(), &account.name) {
        container::delete(tx, &container);
    }
    assignment::delete_below(tx, &account.id());
    tx.delete(TABLE, &account.name.to_lowercase());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Value {
        json!({"location": "West Europe", "kind": "StorageV2", "sku": {"name": "standard_lrs"}})
    }

    #[test]
    fn a_minimal_body_gets_the_documented_defaults() {
        let account = Account::new("rg", "acme", &body(), "now").unwrap();
        let json = account.to_json();
        assert_eq!(json["location"], "westeurope");
        assert_eq!(json["sku"], json!({"name": "Standard_LRS", "tier": "Standard"}));
        assert_eq!(json["properties"]["allowBlobPublicAccess"], false);
        assert_eq!(json["properties"]["networkAcls"]["defaultAction"], "Allow");
        assert!(account.allows_shared_key());
        assert_ne!(account.keys[0].value, account.keys[1].value);
        assert!(!json.to_string().contains(&account.keys[0].value));
    }

    #[test]
    fn a_change_keeps_what_it_does_not_mention() {
        let mut account = Account::new("rg", "acme", &body(), "now").unwrap();
        let change = json!({"properties": {"allowSharedKeyAccess": false, "creationTime": "x"}});
        account.change(&change).unwrap();
        assert!(!account.allows_shared_key());
        assert!(account.https_only());
        assert_eq!(account.created, "now");
    }

    #[test]
    fn wrong_bodies_are_refused_with_a_code() {
        let mut account = Account::new("rg", "acme", &body(), "now").unwrap();
        for (change, code) in [
            (json!({"properties": {"allowSharedKeyAccess": "no"}}), "InvalidRequestContent"),
            (json!({"properties": {"allowBlobPublicAcces": true}}), "InvalidRequestContent"),
            (json!({"sku": {"name": "Standard"}}), "InvalidValuesForRequestParameters"),
            (json!({"location": "northeurope"}), "InvalidResourceLocation"),
        ] {
            assert_eq!(account.change(&change).unwrap_err().code, code, "{change}");
        }
        assert_eq!(
            Account::new("rg", "Acme_1", &body(), "now").err().unwrap().code,
            "AccountNameInvalid"
        );
    }
}
