//! `azurerm_storage_account`: the switches, the firewall and the blob service of an account.

mod blob_service;
mod blocks;
mod endpoints;
mod network;
mod settings;

use super::STORAGE_VERSION as VERSION;
use super::answers::{
    attribute, no_id, not_here, same_location, strange, unchangeable, unwritable, vanished,
};
use super::records::{effect, is_put, operation_is};
use super::storage_container::account_of;
use crate::id::{AccountId, GroupId, normal_location, split_account};
use crate::session::AzureSession;
use crate::wire::{first_block, flag, json_map, location, said, text, text_map, wanted_text};
use crate::{CLOUD, exposure};
use async_trait::async_trait;
use azure_core::http::Method;
use futures::{StreamExt, TryStreamExt};
use model::knowledge::{AttributeFacts, EventChange, EventEffect, Exposure, Judgement};
use model::knowledge::{KindFacts, Knowledge, Restoring};
use model::{AttributePath, Attributes, Event, Resource, Severity, Value};
use provider::layers::Call;
use provider::{ErrorKind, FactsFile, Kind, ProviderError, Wanted};
use serde_json::{Value as Json, json};
use settings::Change;
use std::sync::OnceLock;

static FACTS: FactsFile = FactsFile::new(include_str!("storage_account.toml"));

const READ: &str = "Microsoft.Storage/storageAccounts/read";
const WRITE: &str = "Microsoft.Storage/storageAccounts/write";
const DELETE: &str = "Microsoft.Storage/storageAccounts/delete";
const READ_BLOB_SERVICE: &str = "Microsoft.Storage/storageAccounts/blobServices/read";
const WRITE_BLOB_SERVICE: &str = "Microsoft.Storage/storageAccounts/blobServices/write";
/// An Azure Policy of effect `modify` changes what a request says on its way.
const POLICY: &str = "Microsoft.Authorization/policies/modify/action";
/// How many blob services are asked at the same time when accounts are listed.
const ABREAST: usize = 8;

pub(crate) struct StorageAccount;

/// As azurerm 4.x stores what Resource Manager answers: the account, and its blob service
/// where it has one.
pub(crate) fn resource(account: &Json, blob_service: Option<&Json>) -> Option<Resource> {
    let id = AccountId::parse(text(account, "/id")?)?;
    let none = json!({});
    let properties = account.get("properties").unwrap_or(&none);
    let sku = text(account, "/sku/name").unwrap_or_default();
    let (tier, replication) = sku.split_once('_').unwrap_or((sku, ""));
    let tier = text(account, "/sku/tier").unwrap_or(tier);
    let key_type = |service: &str| {
        let path = format!("/encryption/services/{service}/keyType");
        Value::from(text(properties, &path).unwrap_or("Service"))
    };
    let location = location(account);
    let blob_properties = blob_service.map_or_else(|| Value::List(Vec::new()), blob_service::read);
    let mut attributes = settings::read(properties);
    attributes.extend(endpoints::read(properties));
    let rest = [
        ("id", Value::from(id.to_string())),
        ("name", id.account.as_str().into()),
        ("resource_group_name", id.group.group.as_str().into()),
        ("location", location.as_str().into()),
        ("account_kind", text(account, "/kind").unwrap_or_default().into()),
        ("account_tier", tier.into()),
        ("account_replication_type", replication.into()),
        ("azure_files_authentication", blocks::azure_files_authentication(properties)),
        ("blob_properties", blob_properties),
        ("custom_domain", blocks::custom_domain(properties)),
        ("customer_managed_key", blocks::customer_managed_key(properties)),
        ("edge_zone", text(account, "/extendedLocation/name").unwrap_or_default().into()),
        ("identity", blocks::identity(account)),
        ("immutability_policy", blocks::immutability_policy(properties)),
        (
            "infrastructure_encryption_enabled",
            flag(properties, "/encryption/requireInfrastructureEncryption").unwrap_or(false).into(),
        ),
        ("network_rules", network::read(properties.get("networkAcls"))),
        ("provisioned_billing_model_version", "".into()),
        ("queue_encryption_key_type", key_type("queue")),
        ("routing", blocks::routing(properties)),
        ("sas_policy", blocks::sas_policy(properties)),
        ("table_encryption_key_type", key_type("table")),
        ("tags", text_map(account.get("tags"))),
    ];
    attributes.extend(rest.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Some(Resource {
        cloud: CLOUD,
        account: Some(id.group.subscription.clone()),
        region: Some(location).filter(|l| !l.is_empty()),
        kind: FACTS.get().kind.clone(),
        native_id: id.to_string(),
        attributes,
    })
}

/// Kinds of accounts without a blob service.
fn has_blobs(account: &Json) -> bool {
    !text(account, "/kind").is_some_and(|kind| kind.eq_ignore_ascii_case("FileStorage"))
}

async fn blob_service(
    session: &AzureSession,
    id: &AccountId,
    target: &str,
) -> Result<Option<Json>, ProviderError> {
    let call = Call::read(READ_BLOB_SERVICE, target);
    match session.get(call, &id.blob_service(), VERSION).await {
        Ok(service) => Ok(Some(service)),
        Err(error) => not_here(error),
    }
}

fn shown(id: &AccountId) -> String {
    format!("storage account {}", id.account)
}

async fn fetch(session: &AzureSession, id: &AccountId) -> Result<Option<Resource>, ProviderError> {
    let target = shown(id);
    let call = Call::read(READ, &target);
    session.owns(&id.group.subscription, &call).await?;
    let account = match session.get(call.clone(), &id.to_string(), VERSION).await {
        Ok(account) => account,
        Err(error) => return not_here(error),
    };
    complete(session, &account).await
}

/// An account with its blob service; `None` when it was deleted between the two calls.
async fn complete(
    session: &AzureSession,
    account: &Json,
) -> Result<Option<Resource>, ProviderError> {
    let id = text(account, "/id").and_then(AccountId::parse);
    let Some(id) = id.filter(|_| account.get("properties").is_some_and(Json::is_object)) else {
        return Err(strange(&Call::read(READ, "a storage account")));
    };
    let service = if has_blobs(account) {
        match blob_service(session, &id, &shown(&id)).await? {
            Some(service) => Some(service),
            None => return Ok(None),
        }
    } else {
        None
    };
    Ok(resource(account, service.as_ref()))
}

async fn all(session: &AzureSession) -> Result<Vec<Json>, ProviderError> {
    let subscription = session.subscription().await?;
    let target = format!("subscription {subscription}");
    let path = format!("/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts");
    session.list(Call::read(READ, &target), &path, VERSION).await
}

/// The ids of all accounts of the subscription.
pub(crate) async fn ids(session: &AzureSession) -> Result<Vec<AccountId>, ProviderError> {
    let accounts = all(session).await?;
    Ok(accounts.iter().filter_map(|a| text(a, "/id")).filter_map(AccountId::parse).collect())
}

fn parse(native_id: &str) -> Result<AccountId, ProviderError> {
    AccountId::parse(native_id).ok_or_else(|| no_id(READ, native_id))
}

/// What is made of several parts or is not a plain setting, in a creation and in a change.
/// `None`: not here.
fn part(name: &str, value: &Value) -> Option<(&'static str, Json)> {
    Some(match name {
        "network_rules" => ("/properties/networkAcls", network::write(Some(value))),
        "identity" => ("/identity", blocks::write_identity(Some(value))),
        "tags" => ("/tags", json_map(Some(value))),
        "sas_policy" => {
            let policy = first_block(Some(value))?;
            ("/properties/sasPolicy", blocks::write_sas_policy(policy))
        }
        _ => return None,
    })
}

fn put(body: &mut Json, path: &str, value: Json) {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    if let Some(parent) = body.pointer_mut(parent) {
        parent[name] = value;
    }
}

/// Attributes that cannot be changed on an account that is there.
const FIXED: &[&str] = &[
    "account_tier",
    "edge_zone",
    "immutability_policy",
    "infrastructure_encryption_enabled",
    "location",
    "name",
    "provisioned_billing_model_version",
    "queue_encryption_key_type",
    "resource_group_name",
    "table_encryption_key_type",
];

/// The body of a creation: everything that azurerm sends, so that the record tells it too.
fn creation(wanted: &Attributes, call: &Call<'_>) -> Result<Json, ProviderError> {
    let wrong = |name: &str| {
        call.error(ErrorKind::Invalid).because(format!("{name} has a value of another kind"))
    };
    let of = |name: &str| wanted_text(wanted, name);
    let required = |name: &str| {
        of(name).ok_or_else(|| {
            call.error(ErrorKind::Invalid).because(format!("{name} is required and not set"))
        })
    };
    let (tier, replication) = (required("account_tier")?, required("account_replication_type")?);
    let properties = settings::create(wanted).map_err(wrong)?;
    let mut body = json!({
        "kind": of("account_kind").unwrap_or("StorageV2"),
        "location": normal_location(required("location")?),
        "sku": {"name": format!("{tier}_{replication}")},
        "tags": json_map(wanted.get("tags")),
        "properties": properties,
    });
    body["properties"]["networkAcls"] = network::write(wanted.get("network_rules"));
    let service = |name: &str| of(name).filter(|t| *t != "Service");
    let mut services = json!({});
    for (attribute, name) in
        [("queue_encryption_key_type", "queue"), ("table_encryption_key_type", "table")]
    {
        if let Some(kind) = service(attribute) {
            services[name] = json!({"keyType": kind});
        }
    }
    let twice = wanted.get("infrastructure_encryption_enabled") == Some(&Value::Bool(true));
    if twice || services != json!({}) {
        body["properties"]["encryption"] = json!({
            "keySource": "Microsoft.Storage",
            "requireInfrastructureEncryption": twice,
            "services": services,
        });
    }
    for (name, value) in wanted.iter().filter(|(_, value)| !value.is_unset()) {
        match name.as_str() {
            "network_rules" | "tags" | "blob_properties" => {}
            _ => match part(name, value) {
                Some((path, json)) => put(&mut body, path, json),
                None if written_otherwise(name, value) => {}
                None => return Err(unwritable(call, name)),
            },
        }
    }
    Ok(body)
}

/// Attributes that a creation has already sent, or that stand in a state and are made up by
/// the cloud. Anything else that somebody asks for must not be lost in silence.
fn written_otherwise(name: &str, value: &Value) -> bool {
    const SENT: &[&str] = &[
        "account_kind",
        "account_replication_type",
        "account_tier",
        "infrastructure_encryption_enabled",
        "location",
        "name",
        "queue_encryption_key_type",
        "resource_group_name",
        "table_encryption_key_type",
        "id",
        "timeouts",
        "provisioned_billing_model_version",
    ];
    SENT.contains(&name)
        || !matches!(settings::change(name, value), Change::Unknown)
        || endpoints::computed().iter().any(|computed| computed == name)
}

#[async_trait]
impl Kind<AzureSession> for StorageAccount {
    async fn read(
        &self,
        session: &AzureSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        fetch(session, &parse(&wanted.native_id)?).await
    }

    async fn list(&self, session: &AzureSession) -> Result<Vec<Resource>, ProviderError> {
        let accounts = all(session).await?;
        let found: Vec<Option<Resource>> = futures::stream::iter(accounts)
            .map(|account| async move { complete(session, &account).await })
            .buffered(ABREAST)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(
        &self,
        session: &AzureSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let group = self.required(wanted, "resource_group_name")?;
        let group = GroupId::new(session.subscription().await?, group);
        let id = AccountId::new(group, self.required(wanted, "name")?);
        let target = shown(&id);
        let call = Call::write(WRITE, &target);
        let body = creation(wanted, &call)?;
        // A PUT on what is there would take it over in silence.
        if fetch(session, &id).await?.is_some() {
            return Err(call.error(ErrorKind::AlreadyExists));
        }
        let path = id.to_string();
        session.change(call.clone(), Method::Put, &path, VERSION, Some(&body)).await?;
        if let Some(blobs) = wanted.get("blob_properties").filter(|b| !b.is_unset()) {
            write_blob_service(session, &id, blobs).await?;
        }
        fetch(session, &id).await?.ok_or_else(|| vanished(&call))
    }

    /// A PATCH of what changes and nothing else: the record says what was meant, and what
    /// somebody else changes at the same time is not undone.
    async fn update(
        &self,
        session: &AzureSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let id = parse(&current.native_id)?;
        let target = shown(&id);
        let call = Call::write(WRITE, &target);
        session.owns(&id.group.subscription, &call).await?;
        let mut body = json!({"properties": {}});
        for (name, value) in changes {
            match (name.as_str(), settings::change(name, value)) {
                (_, Change::Sets(property, json)) => body["properties"][property] = json,
                (_, Change::Wrong) => {
                    let why = format!("{name} has a value of another kind");
                    return Err(call.error(ErrorKind::Invalid).because(why));
                }
                (_, Change::Fixed) => return Err(unchangeable(&call, name)),
                ("blob_properties", _) => {}
                ("account_replication_type", _) => {
                    let tier = attribute(current, "account_tier");
                    let replication = value.as_str().unwrap_or_default();
                    body["sku"] = json!({"name": format!("{tier}_{replication}")});
                }
                ("account_kind", _) => body["kind"] = value.to_json(),
                (fixed, _) if FIXED.contains(&fixed) => return Err(unchangeable(&call, name)),
                _ => match part(name, value) {
                    Some((path, json)) => put(&mut body, path, json),
                    None => return Err(unwritable(&call, name)),
                },
            }
        }
        if body != json!({"properties": {}}) {
            let path = id.to_string();
            session.change(call, Method::Patch, &path, VERSION, Some(&body)).await?;
        }
        match changes.get("blob_properties") {
            Some(blobs) => write_blob_service(session, &id, blobs).await,
            None => Ok(()),
        }
    }

    async fn delete(
        &self,
        session: &AzureSession,
        current: &Resource,
    ) -> Result<(), ProviderError> {
        let id = parse(&current.native_id)?;
        let target = shown(&id);
        let call = Call::write(DELETE, &target);
        session.owns(&id.group.subscription, &call).await?;
        session.change(call, Method::Delete, &id.to_string(), VERSION, None).await
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &[READ_BLOB_SERVICE, READ]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &[WRITE_BLOB_SERVICE, DELETE, WRITE]
    }

    fn update_permissions(&self) -> &'static [&'static str] {
        &[WRITE_BLOB_SERVICE, WRITE]
    }
}

async fn write_blob_service(
    session: &AzureSession,
    id: &AccountId,
    wanted: &Value,
) -> Result<(), ProviderError> {
    let target = shown(id);
    let call = Call::write(WRITE_BLOB_SERVICE, &target);
    let body = blob_service::write(Some(wanted));
    session.change(call, Method::Put, &id.blob_service(), VERSION, Some(&body)).await
}

impl Knowledge for StorageAccount {
    fn facts(&self) -> &KindFacts {
        static WHOLE: OnceLock<KindFacts> = OnceLock::new();
        WHOLE.get_or_init(|| {
            let mut facts = FACTS.get().clone();
            for name in endpoints::computed() {
                let sensitive = endpoints::SECRETS.contains(&name.as_str());
                let computed = AttributeFacts { computed: true, sensitive, ..Default::default() };
                facts.attributes.insert(name, computed);
            }
            facts
        })
    }

    fn equal(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<bool> {
        same_location(path, desired, live)
    }

    /// Letting nobody new in is no worse than it was.
    fn judge(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<Judgement> {
        const LETS_IN: &[&str] =
            &["network_rules.ip_rules", "network_rules.virtual_network_subnet_ids"];
        if !LETS_IN.contains(&path.pattern().as_str()) {
            return None;
        }
        let known = desired.as_list().unwrap_or_default();
        let new = live.as_list().unwrap_or_default().iter().any(|rule| !known.contains(rule));
        (!new).then(|| Judgement {
            severity: Severity::Low,
            why: "The firewall lets fewer in than the state says.".to_owned(),
            techniques: Vec::new(),
        })
    }

    fn restoring(
        &self,
        _native_id: &str,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Restoring {
        let known = network::restoring(path, desired, live);
        known.unwrap_or_else(|| self.facts().restoring(path, desired, live))
    }

    /// Public when one of the containers that were read is, through its switches.
    fn exposure(&self, live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
        let name = attribute(live, "name");
        let container = super::storage_container::StorageContainer.facts().kind.clone();
        let mut told: Vec<Exposure> = neighbours
            .iter()
            .filter(|n| n.kind == container && account_of(n).as_deref() == Some(name))
            .map(|n| exposure::of_container(n, live))
            .collect();
        let open = told.iter().position(|e| e.public).unwrap_or(0);
        (!told.is_empty()).then(|| told.swap_remove(open))
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        let (id, rest) = event.resources.iter().find_map(|r| split_account(&r.uid))?;
        if rest.eq_ignore_ascii_case("blobServices/default") {
            if !operation_is(event, WRITE_BLOB_SERVICE) {
                return None;
            }
            if !event.request.is_object() {
                return effect(id, EventChange::Opaque);
            }
            let blobs = blob_service::said(&event.request);
            return effect(id, EventChange::Sets([("blob_properties".to_owned(), blobs)].into()));
        }
        if !rest.is_empty() {
            return None;
        }
        if operation_is(event, DELETE) {
            return effect(id, EventChange::Deletes);
        }
        if operation_is(event, POLICY) {
            return effect(id, EventChange::Opaque);
        }
        if !operation_is(event, WRITE) {
            return None;
        }
        let Some(body) = event.request.as_object() else {
            return effect(id, EventChange::Opaque);
        };
        let attributes = told(&event.request);
        // Only a PUT has all three. It makes an account, or changes one that is there: what
        // it leaves out is not known.
        let whole = ["location", "sku", "kind"].iter().all(|name| body.contains_key(*name));
        if is_put(event).unwrap_or(whole) {
            return effect(id, EventChange::Creates(attributes));
        }
        effect(id, EventChange::Sets(attributes))
    }

    /// The account, as its containers name it.
    fn belongs_to(&self, resource: &Resource) -> String {
        attribute(resource, "name").to_lowercase()
    }
}

/// The attributes that a request's body sets.
fn told(body: &Json) -> Attributes {
    let mut attributes = said(body, "/properties").map(settings::said).unwrap_or_default();
    let mut set = |name: &str, value: Value| {
        attributes.insert(name.to_owned(), value);
    };
    let given = |path: &str| body.pointer(path).filter(|value| !value.is_null());
    if let Some(sku) = text(body, "/sku/name") {
        let (tier, replication) = sku.split_once('_').unwrap_or((sku, ""));
        set("account_tier", tier.into());
        set("account_replication_type", replication.into());
    }
    if let Some(kind) = text(body, "/kind") {
        set("account_kind", kind.into());
    }
    if text(body, "/location").is_some() {
        set("location", location(body).into());
    }
    if given("/tags").is_some() {
        set("tags", text_map(body.get("tags")));
    }
    if given("/identity").is_some() {
        set("identity", blocks::identity(body));
    }
    if let Some(acls) = given("/properties/networkAcls") {
        set("network_rules", network::said(acls));
    }
    if let Some(properties) = given("/properties") {
        if given("/properties/sasPolicy").is_some() {
            set("sas_policy", blocks::sas_policy(properties));
        }
        if given("/properties/encryption/keySource").is_some() {
            set("customer_managed_key", blocks::customer_managed_key(properties));
        }
    }
    attributes
}

#[cfg(test)]
mod tests;
