//! `aws_iam_user`.

use super::attributes::{set, tags, text, wanted_tags};
use super::records;
use crate::session::AwsSession;
use async_trait::async_trait;
use model::knowledge::{EventChange, EventEffect, KindFacts};
use model::{AttributePath, Attributes, Event, Knowledge, Resource, Value};
use provider::{ErrorKind, FactsFile, Kind, ProviderError, Wanted};
use serde_json::{Value as Json, json};

pub(super) struct User;

static FACTS: FactsFile = FactsFile::new(include_str!("iam_user.toml"));

impl Knowledge for User {
    fn facts(&self) -> &KindFacts {
        FACTS.get()
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        let operation = records::iam(event)?;
        let asked = |name: &str| event.request.get(name).and_then(Json::as_str);
        let name = asked("userName")?;
        let change = match operation {
            "CreateUser" => {
                let pairs = records::several(event.request.get("tags"));
                let tags = records::tags(&pairs, "key", "value").unwrap_or_default();
                EventChange::Creates(records::attributes([
                    ("name", name.into()),
                    ("path", asked("path").unwrap_or("/").into()),
                    ("permissions_boundary", text(asked("permissionsBoundary"))),
                    ("tags_all", Value::Map(tags)),
                ]))
            }
            // Under its old name it is gone.
            "UpdateUser" if asked("newUserName").is_some_and(|new| new != name) => {
                EventChange::Deletes
            }
            "UpdateUser" => match asked("newPath") {
                Some(path) => records::sets([("path", path.into())]),
                None => return None,
            },
            // The record holds the tags that it wrote, not those that stayed.
            "TagUser" | "UntagUser" => unknown_at("tags_all"),
            "PutUserPermissionsBoundary" => {
                records::sets([("permissions_boundary", text(asked("permissionsBoundary")))])
            }
            "DeleteUserPermissionsBoundary" => records::sets([("permissions_boundary", "".into())]),
            "DeleteUser" => EventChange::Deletes,
            _ => return None,
        };
        records::effect(name, change)
    }
}

/// Something was written at this path, and the record does not tell all of it.
pub(super) fn unknown_at(path: &str) -> EventChange {
    EventChange::Elements {
        path: AttributePath::root(path),
        added: Vec::new(),
        removed: Vec::new(),
    }
}

fn resource(kind: &dyn Knowledge, account: Option<String>, user: &Json) -> Option<Resource> {
    let own = |name: &str| user[name].as_str();
    let name = own("UserName")?;
    let pairs = user["Tags"].as_array().into_iter().flatten();
    let tags = tags(pairs.filter_map(|t| Some((t["Key"].as_str()?, t["Value"].as_str()?))));
    Some(Resource {
        cloud: crate::CLOUD,
        account,
        region: None,
        kind: kind.facts().kind.clone(),
        native_id: name.to_owned(),
        attributes: records::attributes([
            ("arn", own("Arn").into()),
            ("id", name.into()),
            ("name", name.into()),
            ("path", own("Path").unwrap_or("/").into()),
            (
                "permissions_boundary",
                text(user["PermissionsBoundary"]["PermissionsBoundaryArn"].as_str()),
            ),
            ("tags", tags.clone()),
            ("tags_all", tags),
            ("unique_id", own("UserId").into()),
        ]),
    })
}

fn target(name: &str) -> String {
    format!("user {name}")
}

#[async_trait]
impl Kind<AwsSession> for User {
    async fn read(
        &self,
        session: &AwsSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        let name = wanted.native_id.as_str();
        let input = json!({ "UserName": name });
        let Some(answer) = session.iam().find("GetUser", &target(name), &input).await? else {
            return Ok(None);
        };
        Ok(resource(self, session.account().await, &answer["User"]))
    }

    /// Without tags and boundaries, which the listing does not hold.
    async fn list(&self, session: &AwsSession) -> Result<Vec<Resource>, ProviderError> {
        let users = session.iam().pages("ListUsers", "all users", json!({}), "Users").await?;
        let account = session.account().await;
        Ok(users.iter().filter_map(|user| resource(self, account.clone(), user)).collect())
    }

    async fn create(
        &self,
        session: &AwsSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let name = self.required(wanted, "name")?;
        let mut input = json!({ "UserName": name });
        if let Some(path) = set(wanted, "path") {
            input["Path"] = path.into();
        }
        if let Some(boundary) = set(wanted, "permissions_boundary") {
            input["PermissionsBoundary"] = boundary.into();
        }
        if let Some(tags) = wanted_tags(wanted).filter(|t| !t.is_empty()) {
            input["Tags"] = tags.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect();
        }
        session.iam().call("CreateUser", &target(name), &input).await?;
        super::read_back(self, session, name).await
    }

    async fn update(
        &self,
        session: &AwsSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let name = current.native_id.as_str();
        let iam = session.iam();
        if changes.contains_key("permissions_boundary") {
            let call = "iam:PutUserPermissionsBoundary";
            return Err(ProviderError::new(ErrorKind::Unsupported, call, target(name))
                .because("changing the permissions boundary of a user is not supported yet"));
        }
        if let Some(wanted) = wanted_tags(changes) {
            let had = wanted_tags(&current.attributes).unwrap_or_default();
            let gone: Vec<&String> = had.keys().filter(|k| !wanted.contains_key(*k)).collect();
            if !gone.is_empty() {
                let input = json!({ "UserName": name, "TagKeys": gone });
                iam.call("UntagUser", &target(name), &input).await?;
            }
            let new: Vec<Json> = wanted
                .iter()
                .filter(|(k, v)| had.get(*k) != Some(v))
                .map(|(k, v)| json!({ "Key": k, "Value": v }))
                .collect();
            if !new.is_empty() {
                let input = json!({ "UserName": name, "Tags": new });
                iam.call("TagUser", &target(name), &input).await?;
            }
        }
        let mut input = json!({ "UserName": name });
        if let Some(path) = set(changes, "path") {
            input["NewPath"] = path.into();
        }
        if let Some(new) = set(changes, "name").filter(|new| *new != name) {
            input["NewUserName"] = new.into();
        }
        if input.as_object().is_some_and(|o| o.len() > 1) {
            iam.call("UpdateUser", &target(name), &input).await?;
        }
        Ok(())
    }

    async fn delete(&self, session: &AwsSession, current: &Resource) -> Result<(), ProviderError> {
        let name = current.native_id.as_str();
        let input = json!({ "UserName": name });
        let deleted = session.iam().call("DeleteUser", &target(name), &input).await;
        match deleted {
            Err(error) if error.is(ErrorKind::Conflict) => {
                Err(error.next_step("delete its access keys and policies first"))
            }
            other => other.map(drop),
        }
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &["iam:GetUser"]
    }

    fn list_permissions(&self) -> &'static [&'static str] {
        &["iam:ListUsers"]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &["iam:CreateUser", "iam:DeleteUser", "iam:TagUser", "iam:UntagUser", "iam:UpdateUser"]
    }

    fn update_permissions(&self) -> &'static [&'static str] {
        &["iam:TagUser", "iam:UntagUser", "iam:UpdateUser"]
    }
}
