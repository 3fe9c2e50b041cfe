//! `aws_iam_access_key`: its status only. The secret is told once, when a key is made, and
//! is sealed before it leaves this crate.

use super::attributes::set;
use super::records;
use crate::session::AwsSession;
use async_trait::async_trait;
use model::knowledge::{EventChange, EventEffect, KindFacts};
use model::{Attributes, Event, Knowledge, Resource, Value};
use provider::{FactsFile, Kind, ProviderError, Wanted};
use serde_json::{Value as Json, json};

pub(super) struct AccessKey;

static FACTS: FactsFile = FactsFile::new(include_str!("iam_access_key.toml"));

impl Knowledge for AccessKey {
    fn facts(&self) -> &KindFacts {
        FACTS.get()
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        let operation = records::iam(event)?;
        let asked = |name: &str| event.request.get(name).and_then(Json::as_str);
        match operation {
            "CreateAccessKey" => {
                let made = event.response.get("accessKey")?;
                let told = |name: &str| made.get(name).and_then(Json::as_str);
                let attributes = records::attributes([
                    ("status", told("status").unwrap_or("Active").into()),
                    ("user", told("userName").into()),
                ]);
                records::effect(told("accessKeyId")?, EventChange::Creates(attributes))
            }
            "UpdateAccessKey" => {
                let key = asked("accessKeyId")?;
                match asked("status") {
                    Some(status) => {
                        records::effect(key, records::sets([("status", status.into())]))
                    }
                    None => records::effect(key, EventChange::Opaque),
                }
            }
            "DeleteAccessKey" => records::effect(asked("accessKeyId")?, EventChange::Deletes),
            _ => None,
        }
    }

    fn belongs_to(&self, resource: &Resource) -> String {
        let user = resource.attributes.get("user").and_then(Value::as_str);
        user.unwrap_or(&resource.native_id).to_owned()
    }
}

fn resource(kind: &dyn Knowledge, account: Option<String>, key: &Json) -> Option<Resource> {
    let own = |name: &str| key[name].as_str();
    let id = own("AccessKeyId")?;
    Some(Resource {
        cloud: crate::CLOUD,
        account,
        region: None,
        kind: kind.facts().kind.clone(),
        native_id: id.to_owned(),
        attributes: records::attributes([
            ("create_date", own("CreateDate").into()),
            ("id", id.into()),
            ("status", own("Status").into()),
            ("user", own("UserName").into()),
        ]),
    })
}

fn target(id: &str) -> String {
    format!("access key {id}")
}

impl AccessKey {
    async fn keys_of(
        &self,
        session: &AwsSession,
        user: &str,
    ) -> Result<Vec<Resource>, ProviderError> {
        let input = json!({ "UserName": user });
        let target = format!("user {user}");
        let keys =
            session.iam().pages("ListAccessKeys", &target, input, "AccessKeyMetadata").await?;
        let account = session.account().await;
        Ok(keys.iter().filter_map(|key| resource(self, account.clone(), key)).collect())
    }

    /// Whose key it is, where nobody recorded it: IAM tells the user of a key it knows.
    async fn user_of(
        &self,
        session: &AwsSession,
        wanted: &Wanted,
    ) -> Result<Option<String>, ProviderError> {
        if let Some(user) = wanted.recorded("user").filter(|u| !u.is_empty()) {
            return Ok(Some(user.to_owned()));
        }
        let id = wanted.native_id.as_str();
        let input = json!({ "AccessKeyId": id });
        let answer = session.iam().find("GetAccessKeyLastUsed", &target(id), &input).await?;
        Ok(answer.and_then(|a| a["UserName"].as_str().map(str::to_owned)))
    }
}

#[async_trait]
impl Kind<AwsSession> for AccessKey {
    async fn read(
        &self,
        session: &AwsSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        let Some(user) = self.user_of(session, wanted).await? else { return Ok(None) };
        let keys = match self.keys_of(session, &user).await {
            Err(error) if error.is(provider::ErrorKind::NotFound) => return Ok(None),
            other => other?,
        };
        Ok(keys.into_iter().find(|key| key.native_id == wanted.native_id))
    }

    async fn list(&self, session: &AwsSession) -> Result<Vec<Resource>, ProviderError> {
        let users = session.iam().pages("ListUsers", "all users", json!({}), "Users").await?;
        let mut all = Vec::new();
        for user in users.iter().filter_map(|u| u["UserName"].as_str()) {
            match self.keys_of(session, user).await {
                // Deleted since the listing.
                Err(error) if error.is(provider::ErrorKind::NotFound) => {}
                other => all.extend(other?),
            }
        }
        Ok(all)
    }

    async fn create(
        &self,
        session: &AwsSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let user = self.required(wanted, "user")?;
        let input = json!({ "UserName": user });
        let answer = session.iam().call("CreateAccessKey", &format!("user {user}"), &input).await?;
        let key = &answer["AccessKey"];
        let made = resource(self, session.account().await, key).ok_or_else(|| {
            ProviderError::new(
                provider::ErrorKind::Malformed,
                "iam:CreateAccessKey",
                format!("user {user}"),
            )
            .because("the answer names no key")
        })?;
        let mut made = made;
        // Sealed by whoever hands this on; that there is one is worth telling.
        made.attributes.insert("secret".to_owned(), Value::Redacted);
        if let Some(status) = set(wanted, "status").filter(|s| *s != "Active") {
            update(session, &made, status).await?;
            made.attributes.insert("status".to_owned(), status.into());
        }
        Ok(made)
    }

    async fn update(
        &self,
        session: &AwsSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        update(session, current, self.required(changes, "status")?).await
    }

    async fn delete(&self, session: &AwsSession, current: &Resource) -> Result<(), ProviderError> {
        let id = current.native_id.as_str();
        let mut input = json!({ "AccessKeyId": id });
        if let Some(user) = set(&current.attributes, "user") {
            input["UserName"] = user.into();
        }
        session.iam().call("DeleteAccessKey", &target(id), &input).await.map(drop)
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &["iam:GetAccessKeyLastUsed", "iam:ListAccessKeys"]
    }

    fn list_permissions(&self) -> &'static [&'static str] {
        &["iam:ListUsers"]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey"]
    }

    fn update_permissions(&self) -> &'static [&'static str] {
        &["iam:UpdateAccessKey"]
    }
}

async fn update(
    session: &AwsSession,
    current: &Resource,
    status: &str,
) -> Result<(), ProviderError> {
    let id = current.native_id.as_str();
    let mut input = json!({ "AccessKeyId": id, "Status": status });
    if let Some(user) = set(&current.attributes, "user") {
        input["UserName"] = user.into();
    }
    session.iam().call("UpdateAccessKey", &target(id), &input).await.map(drop)
}
