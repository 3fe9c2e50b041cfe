//! `azurerm_storage_container`: who may read blobs without credentials. Managed by its ARM
//! id, or (deprecated, `storage_account_name`) by its URL.

use super::STORAGE_VERSION;
use super::answers::{attribute, no_id, not_here, strange, unchangeable, unwritable, vanished};
use super::records::{effect, is_put, operation_is};
use crate::id::{AccountId, ContainerId, container_url, parse_container_url, split_account};
use crate::session::AzureSession;
use crate::wire::{flag, json_map, text, text_map, wanted_text};
use crate::{CLOUD, data_plane, exposure};
use async_trait::async_trait;
use azure_core::http::Method;
use futures::{StreamExt, TryStreamExt};
use model::knowledge::{EventChange, EventEffect, Exposure, KindFacts, Knowledge, Restoring};
use model::{AttributePath, Attributes, Event, KindName, Resource, Value};
use provider::layers::Call;
use provider::{ErrorKind, FactsFile, Kind, Probe, ProviderError, Wanted};
use serde_json::{Value as Json, json};

static FACTS: FactsFile = FactsFile::new(include_str!("storage_container.toml"));

const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/read";
const WRITE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/write";
const DELETE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/delete";
const READ_ACCOUNT: &str = "Microsoft.Storage/storageAccounts/read";
/// How many accounts are asked at the same time when all containers are listed.
const ABREAST: usize = 8;

pub(crate) struct StorageContainer;

/// Terraform's word for a level; what is not set is private.
fn access_type(level: Option<&str>) -> String {
    match level.map(str::to_ascii_lowercase).as_deref() {
        None | Some("none" | "") => "private".to_owned(),
        Some(level) => level.to_owned(),
    }
}

fn level(access_type: &str) -> Option<&'static str> {
    match access_type {
        "" | "private" => Some("None"),
        "blob" => Some("Blob"),
        "container" => Some("Container"),
        _ => None,
    }
}

/// How a state names a container.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Arm,
    Url,
}

/// As azurerm stores what Resource Manager answers.
pub(super) fn resource(wire: &Json, shape: Shape) -> Option<Resource> {
    let id = ContainerId::parse(text(wire, "/id")?)?;
    let properties = wire.get("properties").filter(|p| p.is_object())?;
    let arm_id = id.to_string();
    let (account_id, account_name, native_id) = match shape {
        Shape::Arm => (id.account.to_string(), String::new(), arm_id.clone()),
        Shape::Url => {
            let url = container_url(&id.account.account, &id.container);
            (String::new(), id.account.account.clone(), url)
        }
    };
    let set = |name: &str| flag(properties, name).unwrap_or(false);
    let attributes = [
        ("id", Value::from(native_id.as_str())),
        ("name", id.container.as_str().into()),
        ("storage_account_id", account_id.into()),
        ("storage_account_name", account_name.into()),
        ("container_access_type", access_type(text(properties, "/publicAccess")).into()),
        (
            "default_encryption_scope",
            text(properties, "/defaultEncryptionScope").unwrap_or_default().into(),
        ),
        ("encryption_scope_override_enabled", (!set("/denyEncryptionScopeOverride")).into()),
        ("has_immutability_policy", set("/hasImmutabilityPolicy").into()),
        ("has_legal_hold", set("/hasLegalHold").into()),
        ("metadata", text_map(properties.get("metadata"))),
        ("resource_manager_id", arm_id.into()),
    ];
    Some(Resource {
        cloud: CLOUD,
        account: Some(id.account.group.subscription.clone()),
        region: None,
        kind: FACTS.get().kind.clone(),
        native_id,
        attributes: attributes.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
    })
}

/// The ARM id behind either shape. An account's name is unique in all of Azure, so a URL is
/// found by listing the subscription's accounts, as azurerm does.
async fn resolve(
    session: &AzureSession,
    wanted: &Wanted,
) -> Result<Option<(ContainerId, Shape)>, ProviderError> {
    if let Some(id) = ContainerId::parse(&wanted.native_id) {
        return Ok(Some((id, Shape::Arm)));
    }
    let (account, container) =
        parse_container_url(&wanted.native_id).ok_or_else(|| no_id(READ, &wanted.native_id))?;
    // The state may have recorded it; an id of another account would be another container.
    let recorded = wanted.recorded("resource_manager_id").and_then(ContainerId::parse);
    if let Some(id) = recorded
        && (&id.account.account, &id.container) == (&account, &container)
    {
        return Ok(Some((id, Shape::Url)));
    }
    let account = find_account(session, &account).await?;
    Ok(account.map(|account| (ContainerId::new(account, &container), Shape::Url)))
}

async fn find_account(
    session: &AzureSession,
    name: &str,
) -> Result<Option<AccountId>, ProviderError> {
    let accounts = super::storage_account::ids(session).await?;
    Ok(accounts.into_iter().find(|id| id.account.eq_ignore_ascii_case(name)))
}

async fn fetch(
    session: &AzureSession,
    id: &ContainerId,
    shape: Shape,
) -> Result<Option<Resource>, ProviderError> {
    let target = shown(id);
    let call = Call::read(READ, &target);
    session.owns(&id.account.group.subscription, &call).await?;
    match session.get(call.clone(), &id.to_string(), STORAGE_VERSION).await {
        Ok(wire) => resource(&wire, shape).map(Some).ok_or_else(|| strange(&call)),
        Err(error) => not_here(error),
    }
}

fn shown(id: &ContainerId) -> String {
    format!("container {}/{}", id.account.account, id.container)
}

#[async_trait]
impl Kind<AzureSession> for StorageContainer {
    async fn read(
        &self,
        session: &AzureSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        match resolve(session, wanted).await? {
            Some((id, shape)) => fetch(session, &id, shape).await,
            None => Ok(None),
        }
    }

    async fn list(&self, session: &AzureSession) -> Result<Vec<Resource>, ProviderError> {
        let accounts = super::storage_account::ids(session).await?;
        let listed = futures::stream::iter(accounts).map(|account| async move {
            let target = format!("storage account {}", account.account);
            let path = format!("{}/containers", account.blob_service());
            match session.list(Call::read(READ, &target), &path, STORAGE_VERSION).await {
                Ok(found) => Ok(found),
                // Deleted since it was listed, or of a kind that has no blobs.
                Err(error) if error.is(ErrorKind::NotFound) => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        });
        let pages: Vec<Vec<Json>> = listed.buffered(ABREAST).try_collect().await?;
        Ok(pages.iter().flatten().filter_map(|wire| resource(wire, Shape::Arm)).collect())
    }

    async fn create(
        &self,
        session: &AzureSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let name = self.required(wanted, "name")?;
        let invalid = |target: &str, why: &str| {
            Call::write(WRITE, target).error(ErrorKind::Invalid).because(why)
        };
        let (account, shape) = match wanted_text(wanted, "storage_account_id") {
            Some(id) => {
                let id = AccountId::parse(id)
                    .ok_or_else(|| invalid(name, "storage_account_id is not an account's id"))?;
                (id, Shape::Arm)
            }
            None => {
                let account = self.required(wanted, "storage_account_name")?;
                let found = find_account(session, account).await?;
                let not_found = || Call::read(READ_ACCOUNT, account).error(ErrorKind::NotFound);
                (found.ok_or_else(not_found)?, Shape::Url)
            }
        };
        let id = ContainerId::new(account, name);
        let target = shown(&id);
        let call = Call::write(WRITE, &target);
        if fetch(session, &id, shape).await?.is_some() {
            return Err(call.error(ErrorKind::AlreadyExists));
        }
        let asked = wanted_text(wanted, "container_access_type").unwrap_or("private");
        let level = level(asked).ok_or_else(|| {
            invalid(&target, "container_access_type is none of private, blob, container")
        })?;
        let mut properties = json!({"publicAccess": level});
        if wanted.get("metadata").is_some_and(|m| !m.is_unset()) {
            properties["metadata"] = json_map(wanted.get("metadata"));
        }
        if let Some(scope) = wanted_text(wanted, "default_encryption_scope") {
            let open = wanted.get("encryption_scope_override_enabled").and_then(Value::as_bool);
            properties["defaultEncryptionScope"] = json!(scope);
            properties["denyEncryptionScopeOverride"] = json!(open == Some(false));
        }
        let body = json!({"properties": properties});
        let path = id.to_string();
        session.change(call.clone(), Method::Put, &path, STORAGE_VERSION, Some(&body)).await?;
        fetch(session, &id, shape).await?.ok_or_else(|| vanished(&call))
    }

    async fn update(
        &self,
        session: &AzureSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let id = of_resource(current)?;
        let target = shown(&id);
        let call = Call::write(WRITE, &target);
        session.owns(&id.account.group.subscription, &call).await?;
        let mut properties = json!({});
        for (name, value) in changes {
            match name.as_str() {
                "container_access_type" => {
                    let level = level(value.as_str().unwrap_or("private"))
                        .ok_or_else(|| unwritable(&call, name))?;
                    properties["publicAccess"] = json!(level);
                }
                "metadata" => properties["metadata"] = json_map(Some(value)),
                _ => return Err(unchangeable(&call, name)),
            }
        }
        let body = json!({"properties": properties});
        session.change(call, Method::Patch, &id.to_string(), STORAGE_VERSION, Some(&body)).await
    }

    async fn delete(
        &self,
        session: &AzureSession,
        current: &Resource,
    ) -> Result<(), ProviderError> {
        let id = of_resource(current)?;
        let target = shown(&id);
        let call = Call::write(DELETE, &target);
        session.owns(&id.account.group.subscription, &call).await?;
        session.change(call, Method::Delete, &id.to_string(), STORAGE_VERSION, None).await
    }

    /// Any blob that an authenticated listing shows is asked for as nobody.
    async fn probe(
        &self,
        session: &AzureSession,
        live: &Resource,
    ) -> Result<Option<Probe>, ProviderError> {
        let id = of_resource(live)?;
        data_plane::probe(session, &id.account.account, &id.container).await
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &[READ, READ_ACCOUNT]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &[DELETE, WRITE]
    }

    fn update_permissions(&self) -> &'static [&'static str] {
        &[WRITE]
    }
}

/// A live resource knows its ARM id whatever its shape.
fn of_resource(resource: &Resource) -> Result<ContainerId, ProviderError> {
    ContainerId::parse(&resource.native_id)
        .or_else(|| ContainerId::parse(attribute(resource, "resource_manager_id")))
        .ok_or_else(|| no_id(READ, &resource.native_id))
}

/// Its account's name, lower case.
pub(super) fn account_of(resource: &Resource) -> Option<String> {
    let of_id = |id: &str| split_account(id).map(|(account, _)| account.account);
    of_id(&resource.native_id)
        .or_else(|| of_id(attribute(resource, "storage_account_id")))
        .or_else(|| parse_container_url(&resource.native_id).map(|(account, _)| account))
}

const ACCOUNT_KIND: KindName = KindName::from_static("azurerm_storage_account");

impl Knowledge for StorageContainer {
    fn facts(&self) -> &KindFacts {
        FACTS.get()
    }

    fn exposure(&self, live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
        let account = account_of(live)?;
        let account = neighbours.iter().find(|n| {
            n.kind == ACCOUNT_KIND && attribute(n, "name").eq_ignore_ascii_case(&account)
        });
        match account {
            Some(account) => Some(exposure::of_container(live, account)),
            None if matches!(attribute(live, "container_access_type"), "" | "private") => {
                let because = format!("container {} is private", attribute(live, "name"));
                Some(Exposure { public: false, because })
            }
            // The account decides, too, and was not read.
            None => None,
        }
    }

    /// Open at the level of the container is worse than at the level of blobs: a list makes
    /// guessing needless.
    fn summary(&self, path: &AttributePath, _: &Value, live: &Value) -> Vec<String> {
        let line = match (path.attribute(), live.as_str()) {
            ("container_access_type", Some("container")) => {
                "+ anyone lists its blobs and reads each"
            }
            ("container_access_type", Some("blob")) => "+ anyone reads a blob whose name they know",
            _ => return Vec::new(),
        };
        vec![line.to_owned()]
    }

    /// A level below the live one lets nobody do more, and is no less closed where it is not
    /// private.
    fn restoring(
        &self,
        _native_id: &str,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Restoring {
        if path.attribute() != "container_access_type" {
            return self.facts().restoring(path, desired, live);
        }
        let height = |value: &Value| match value.as_str() {
            None | Some("" | "private") => Some(0),
            Some("blob") => Some(1),
            Some("container") => Some(2),
            Some(_) => None,
        };
        match (height(desired), height(live)) {
            (Some(to), Some(from)) if to == from => Restoring::Neutral,
            (Some(to), Some(from)) if to < from => Restoring::Closes,
            _ => Restoring::Opens,
        }
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        let id = event.resources.iter().find_map(|r| ContainerId::parse(&r.uid))?;
        if operation_is(event, DELETE) {
            return effect(id, EventChange::Deletes);
        }
        if !operation_is(event, WRITE) {
            return None;
        }
        let Some(body) = event.request.as_object() else {
            return effect(id, EventChange::Opaque);
        };
        let mut attributes = Attributes::new();
        let none = Json::Null;
        let properties = body.get("properties").unwrap_or(&none);
        if let Some(level) = properties.get("publicAccess").and_then(Json::as_str) {
            attributes.insert("container_access_type".to_owned(), access_type(Some(level)).into());
        }
        if properties.get("metadata").is_some_and(Json::is_object) {
            attributes.insert("metadata".to_owned(), text_map(properties.get("metadata")));
        }
        // A PUT makes one, or touches one that is there: what it leaves out is not known.
        if is_put(event) == Some(true) {
            return effect(id, EventChange::Creates(attributes));
        }
        effect(id, EventChange::Sets(attributes))
    }

    fn log_gap(&self) -> Option<&'static str> {
        Some("Azure's Activity Log does not hold changes made on the data plane")
    }

    fn enables(&self, event: &Event) -> Option<String> {
        const KEYS: &[&str] = &[
            "Microsoft.Storage/storageAccounts/listKeys/action",
            "Microsoft.Storage/storageAccounts/regenerateKey/action",
        ];
        const SIGNATURES: &[&str] = &[
            "Microsoft.Storage/storageAccounts/listAccountSas/action",
            "Microsoft.Storage/storageAccounts/listServiceSas/action",
        ];
        let is = |list: &[&str]| list.iter().any(|action| operation_is(event, action));
        if is(KEYS) {
            return Some("was given the account's keys".to_owned());
        }
        is(SIGNATURES).then(|| "was given a signature made with the account's key".to_owned())
    }

    /// The keys of this very account, however either id is written.
    fn enables_on(&self, event: &Event, resource: &Resource) -> Option<String> {
        let how = self.enables(event)?;
        let account = account_of(resource)?;
        event
            .resources
            .iter()
            .filter_map(|r| split_account(&r.uid))
            .any(|(of, _)| of.account == account)
            .then_some(how)
    }

    /// The account whose switch guards it.
    fn belongs_to(&self, resource: &Resource) -> String {
        account_of(resource).unwrap_or_else(|| resource.native_id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{event, golden};
    use super::*;

    const ACCOUNT: &str =
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acme";

    fn id() -> String {
        format!("{ACCOUNT}/blobServices/default/containers/c")
    }

    #[test]
    fn golden_pair() {
        golden("storage_container", |wire| resource(wire, Shape::Arm).unwrap());
    }

    fn container(access: &str, shape: Shape) -> Resource {
        let wire = json!({"id": id(), "properties": {"publicAccess": access}});
        resource(&wire, shape).unwrap()
    }

    fn account(properties: &Json) -> Resource {
        let wire = json!({
            "id": ACCOUNT, "name": "acme", "kind": "StorageV2", "location": "westeurope",
            "sku": {"name": "Standard_LRS", "tier": "Standard"}, "properties": properties,
        });
        super::super::storage_account::resource(&wire, None).unwrap()
    }

    #[test]
    fn both_shapes_are_one_container() {
        let url = container("", Shape::Url);
        assert_eq!(url.native_id, "https://acme.blob.core.windows.net/c");
        assert_eq!(attribute(&url, "storage_account_name"), "acme");
        assert_eq!(attribute(&url, "container_access_type"), "private");
        assert_eq!(of_resource(&url).unwrap().to_string(), id());
        assert_eq!(StorageContainer.belongs_to(&url), "acme");
        assert_eq!(StorageContainer.belongs_to(&container("", Shape::Arm)), "acme");
    }

    /// One row a rule of the truth table.
    #[test]
    fn exposure_rows() {
        let acls = |default: &str, ranges: &[&str]| {
            let rules: Vec<Json> =
                ranges.iter().map(|r| json!({"value": r, "action": "Allow"})).collect();
            let acls =
                json!({"defaultAction": default, "bypass": "AzureServices", "ipRules": rules});
            json!({"networkAcls": acls})
        };
        for (access, properties, public) in [
            ("Blob", json!({"allowBlobPublicAccess": true}), true),
            ("Container", json!({"allowBlobPublicAccess": true}), true),
            ("Blob", json!({}), true),
            ("Blob", json!({"publicNetworkAccess": "Enabled"}), true),
            ("Blob", acls("Allow", &[]), true),
            ("None", json!({"allowBlobPublicAccess": true}), false),
            ("Container", json!({"allowBlobPublicAccess": false}), false),
            ("Blob", json!({"publicNetworkAccess": "Disabled"}), false),
            ("Blob", acls("Deny", &[]), false),
            ("Blob", acls("Deny", &["203.0.113.0/24"]), false),
            ("Blob", acls("Deny", &["0.0.0.0/1", "128.0.0.0/1"]), true),
        ] {
            for shape in [Shape::Arm, Shape::Url] {
                let exposure =
                    StorageContainer.exposure(&container(access, shape), &[account(&properties)]);
                assert_eq!(exposure.unwrap().public, public, "{access} {properties}");
            }
        }
        assert_eq!(StorageContainer.exposure(&container("Blob", Shape::Arm), &[]), None);
        let private = StorageContainer.exposure(&container("None", Shape::Arm), &[]);
        assert!(!private.unwrap().public);
    }

    #[test]
    fn a_lower_level_closes() {
        let path = AttributePath::root("container_access_type");
        let back = |desired: Value, live: &str| {
            StorageContainer.restoring("", &path, &desired, &live.into())
        };
        assert_eq!(back("private".into(), "container"), Restoring::Closes);
        assert_eq!(back(Value::Null, "blob"), Restoring::Closes);
        assert_eq!(back("blob".into(), "container"), Restoring::Closes);
        assert_eq!(back("container".into(), "blob"), Restoring::Opens);
        assert_eq!(back("blob".into(), "private"), Restoring::Opens);
        assert_eq!(back("".into(), "private"), Restoring::Neutral);
        assert_eq!(back("blob".into(), "everything"), Restoring::Opens);
        let metadata = AttributePath::root("metadata");
        let back = StorageContainer.restoring("", &metadata, &Value::Null, &Value::Null);
        assert_eq!(back, Restoring::Neutral);
    }

    #[test]
    fn what_records_did() {
        let of = |operation: &str, body: Json| {
            let event = event(&operation.to_uppercase(), &id().to_uppercase(), body);
            StorageContainer.effect_of(&event).map(|e| e.change)
        };
        let level = |word: &str| {
            EventChange::Sets([("container_access_type".to_owned(), word.into())].into())
        };
        let public = |word: &str| json!({"properties": {"publicAccess": word}});
        assert_eq!(of(WRITE, public("Container")), Some(level("container")));
        assert_eq!(of(WRITE, public("None")), Some(level("private")));
        assert_eq!(of(WRITE, json!({})), Some(EventChange::Sets(Attributes::new())));
        assert_eq!(
            of(WRITE, json!({"properties": []})),
            Some(EventChange::Sets(Attributes::new()))
        );
        assert_eq!(of(WRITE, Json::Null), Some(EventChange::Opaque));
        assert_eq!(of(DELETE, Json::Null), Some(EventChange::Deletes));
        assert_eq!(of("Microsoft.Storage/storageAccounts/write", json!({})), None);
        let mut put = event(WRITE, &id(), json!({}));
        put.unmapped = json!({"httpRequest": {"method": "PUT"}});
        let effect = StorageContainer.effect_of(&put).unwrap();
        assert_eq!(effect.change, EventChange::Creates(Attributes::new()));
        assert_eq!(effect.native_id, id());
    }

    #[test]
    fn the_keys_of_this_account_and_no_other() {
        let keys = "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION";
        let own = ACCOUNT.to_uppercase();
        // The container's own name must not stand for the account's.
        let other = own.replace("/ACME", "/C");
        for shape in [Shape::Arm, Shape::Url] {
            let held = container("Blob", shape);
            let how = |uid: &str| StorageContainer.enables_on(&event(keys, uid, Json::Null), &held);
            assert_eq!(how(&own).as_deref(), Some("was given the account's keys"));
            assert_eq!(how(&other), None);
        }
        assert_eq!(StorageContainer.enables(&event(WRITE, &id(), Json::Null)), None);
    }
}
