//! `azurerm_resource_group`: where things lie.

use super::answers::{no_id, not_here, same_location, strange, unchangeable, vanished};
use super::records::{effect, is_put, operation_is};
use crate::CLOUD;
use crate::id::{GroupId, normal_location};
use crate::session::AzureSession;
use crate::wire::{json_map, location, text, text_map, wanted_text};
use async_trait::async_trait;
use azure_core::http::Method;
use model::knowledge::{EventChange, EventEffect, KindFacts, Knowledge};
use model::{AttributePath, Attributes, Event, Resource, Value};
use provider::layers::Call;
use provider::{ErrorKind, FactsFile, Kind, ProviderError, Wanted};
use serde_json::{Value as Json, json};

static FACTS: FactsFile = FactsFile::new(include_str!("resource_group.toml"));

const VERSION: &str = "2021-04-01";
const READ: &str = "Microsoft.Resources/subscriptions/resourceGroups/read";
const WRITE: &str = "Microsoft.Resources/subscriptions/resourceGroups/write";
const DELETE: &str = "Microsoft.Resources/subscriptions/resourceGroups/delete";
const CONTENTS: &str = "Microsoft.Resources/subscriptions/resourcegroups/resources/read";

pub(crate) struct ResourceGroup;

/// As azurerm stores what Resource Manager answers.
fn resource(wire: &Json) -> Option<Resource> {
    let id = GroupId::parse(text(wire, "/id")?)?;
    let location = location(wire);
    let attributes = [
        ("id", Value::from(id.to_string())),
        ("name", id.group.as_str().into()),
        ("location", location.as_str().into()),
        ("managed_by", text(wire, "/managedBy").unwrap_or_default().into()),
        ("tags", text_map(wire.get("tags"))),
    ];
    Some(Resource {
        cloud: CLOUD,
        account: Some(id.subscription.clone()),
        region: Some(location).filter(|l| !l.is_empty()),
        kind: FACTS.get().kind.clone(),
        native_id: id.to_string(),
        attributes: attributes.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
    })
}

fn parse(native_id: &str) -> Result<GroupId, ProviderError> {
    GroupId::parse(native_id).ok_or_else(|| no_id(READ, native_id))
}

fn shown(id: &GroupId) -> String {
    format!("resource group {}", id.group)
}

async fn fetch(session: &AzureSession, id: &GroupId) -> Result<Option<Resource>, ProviderError> {
    let target = shown(id);
    let call = Call::read(READ, &target);
    session.owns(&id.subscription, &call).await?;
    match session.get(call.clone(), &id.to_string(), VERSION).await {
        Ok(wire) => resource(&wire).map(Some).ok_or_else(|| strange(&call)),
        Err(error) => not_here(error),
    }
}

#[async_trait]
impl Kind<AzureSession> for ResourceGroup {
    async fn read(
        &self,
        session: &AzureSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        fetch(session, &parse(&wanted.native_id)?).await
    }

    async fn list(&self, session: &AzureSession) -> Result<Vec<Resource>, ProviderError> {
        let subscription = session.subscription().await?;
        let target = format!("subscription {subscription}");
        let path = format!("/subscriptions/{subscription}/resourcegroups");
        let found = session.list(Call::read(READ, &target), &path, VERSION).await?;
        Ok(found.iter().filter_map(resource).collect())
    }

    async fn create(
        &self,
        session: &AzureSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let id = GroupId::new(session.subscription().await?, self.required(wanted, "name")?);
        let location = self.required(wanted, "location")?;
        let target = shown(&id);
        let call = Call::write(WRITE, &target);
        // A PUT on what is there would take it over in silence.
        if fetch(session, &id).await?.is_some() {
            return Err(call.error(ErrorKind::AlreadyExists));
        }
        let mut body = json!({
            "location": normal_location(location),
            "tags": json_map(wanted.get("tags")),
        });
        if let Some(manager) = wanted_text(wanted, "managed_by") {
            body["managedBy"] = json!(manager);
        }
        let path = id.to_string();
        session.change(call.clone(), Method::Put, &path, VERSION, Some(&body)).await?;
        fetch(session, &id).await?.ok_or_else(|| vanished(&call))
    }

    async fn update(
        &self,
        session: &AzureSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let id = parse(&current.native_id)?;
        let target = shown(&id);
        // What a patch says twice it does once.
        let call = Call::write(WRITE, &target);
        session.owns(&id.subscription, &call).await?;
        let mut body = json!({});
        for (name, value) in changes {
            match name.as_str() {
                "tags" => body["tags"] = json_map(Some(value)),
                "managed_by" => body["managedBy"] = json!(value.as_str().unwrap_or_default()),
                _ => return Err(unchangeable(&call, name)),
            }
        }
        session.change(call, Method::Patch, &id.to_string(), VERSION, Some(&body)).await
    }

    /// As azurerm's `prevent_deletion_if_contains_resources`: Resource Manager would delete
    /// everything in it.
    async fn delete(
        &self,
        session: &AzureSession,
        current: &Resource,
    ) -> Result<(), ProviderError> {
        let id = parse(&current.native_id)?;
        let target = shown(&id);
        let call = Call::write(DELETE, &target);
        session.owns(&id.subscription, &call).await?;
        let path = format!("{id}/resources");
        let holds = session.list(Call::read(CONTENTS, &target), &path, VERSION).await?;
        if let Some(first) = holds.first().and_then(|r| text(r, "/id")) {
            return Err(session.named(
                call.error(ErrorKind::Conflict)
                    .because(format!("it still holds {} resources, {first} first", holds.len()))
                    .next_step("delete what lies in it first"),
            ));
        }
        session.change(call, Method::Delete, &id.to_string(), VERSION, None).await
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &[READ]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &[CONTENTS, DELETE, WRITE]
    }

    fn update_permissions(&self) -> &'static [&'static str] {
        &[WRITE]
    }
}

impl Knowledge for ResourceGroup {
    fn facts(&self) -> &KindFacts {
        FACTS.get()
    }

    fn equal(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<bool> {
        same_location(path, desired, live)
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        let group = event.resources.iter().find_map(|r| GroupId::parse(&r.uid))?;
        if operation_is(event, DELETE) {
            return effect(group, EventChange::Deletes);
        }
        if !operation_is(event, WRITE) {
            return None;
        }
        let Some(body) = event.request.as_object() else {
            return effect(group, EventChange::Opaque);
        };
        let mut attributes = Attributes::new();
        if let Some(location) = body.get("location").and_then(Json::as_str) {
            attributes.insert("location".to_owned(), normal_location(location).into());
        }
        // A PUT of a group is the whole of it: what it leaves out is gone.
        let whole = is_put(event).unwrap_or(attributes.contains_key("location"));
        if whole || body.get("tags").is_some_and(Json::is_object) {
            attributes.insert("tags".to_owned(), text_map(body.get("tags")));
        }
        if whole || body.get("managedBy").is_some_and(Json::is_string) {
            let manager = body.get("managedBy").and_then(Json::as_str).unwrap_or_default();
            attributes.insert("managed_by".to_owned(), manager.into());
        }
        effect(group, EventChange::Sets(attributes))
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{event, golden};
    use super::*;

    #[test]
    fn golden_pair() {
        golden("resource_group", |wire| resource(wire).unwrap());
    }

    #[test]
    fn what_records_did() {
        let uid = "/SUBSCRIPTIONS/S/RESOURCEGROUPS/ACME-DATA";
        let write = "MICROSOFT.RESOURCES/SUBSCRIPTIONS/RESOURCEGROUPS/WRITE";
        let of = |operation: &str, body: Json| {
            ResourceGroup.effect_of(&event(operation, uid, body)).unwrap().change
        };
        let sets = |pairs: &[(&str, Value)]| {
            EventChange::Sets(pairs.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect())
        };
        let tags = Value::Map([("a".to_owned(), "1".into())].into());
        assert_eq!(
            of(write, json!({"location": "West Europe", "tags": {"a": "1"}})),
            sets(&[
                ("location", "westeurope".into()),
                ("managed_by", "".into()),
                ("tags", tags.clone())
            ])
        );
        assert_eq!(of(write, json!({"tags": {"a": "1"}})), sets(&[("tags", tags)]));
        assert_eq!(of(write, Json::Null), EventChange::Opaque);
        assert_eq!(of(&write.replace("WRITE", "DELETE"), Json::Null), EventChange::Deletes);
        let account = format!("{uid}/providers/Microsoft.Storage/storageAccounts/a");
        assert_eq!(ResourceGroup.effect_of(&event(write, &account, Json::Null)), None);
    }
}
