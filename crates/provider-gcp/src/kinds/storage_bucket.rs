//! `google_storage_bucket`

use super::facts;
use crate::bucket_shape as shape;
use crate::policy::{BucketName, STORAGE, bucket_of};
use crate::session::GcpSession;
use crate::{CLOUD, exposure};
use async_trait::async_trait;
use google_cloud_storage::model::Bucket;
use model::knowledge::{EventChange, EventEffect, Exposure, Judgement, KindFacts};
use model::{AttributePath, Attributes, Event, Knowledge, Resource, Severity, Value};
use provider::kind::{Kind, Probe, Wanted};
use provider::layers::Call;
use provider::{ErrorKind, ProviderError, basis};
use std::sync::LazyLock;

static FACTS: LazyLock<KindFacts> = LazyLock::new(|| facts(include_str!("storage_bucket.toml")));

pub struct StorageBucket;

/// Attributes that only a new bucket can have otherwise.
const FIXED: [&str; 7] = [
    "custom_placement_config",
    "enable_object_retention",
    "hierarchical_namespace",
    "location",
    "name",
    "project",
    "project_number",
];

impl Knowledge for StorageBucket {
    fn facts(&self) -> &KindFacts {
        &FACTS
    }

    fn judge(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<Judgement> {
        match path.pattern().as_str() {
            "soft_delete_policy.retention_duration_seconds"
            | "retention_policy.retention_period" => {
                let (before, after) = (number(desired), number(live));
                // More time to bring things back is no loss.
                (after > before).then(|| Judgement {
                    severity: Severity::Low,
                    why: "Objects are kept for longer than they should be.".to_owned(),
                    techniques: Vec::new(),
                })
            }
            "retention_policy" if live.is_unset() => Some(Judgement {
                severity: Severity::Medium,
                why: "The retention policy is gone: objects can be deleted at any time.".to_owned(),
                techniques: vec!["T1485".to_owned(), "T1490".to_owned()],
            }),
            "lifecycle_rule" => deletes_more(desired, live).then(|| Judgement {
                severity: Severity::Medium,
                why: "A new rule deletes objects by itself.".to_owned(),
                techniques: vec!["T1485.001".to_owned()],
            }),
            _ => None,
        }
    }

    fn summary(&self, path: &AttributePath, desired: &Value, live: &Value) -> Vec<String> {
        if path.pattern() != "lifecycle_rule" {
            return Vec::new();
        }
        let rules =
            |v: &Value| v.as_list().unwrap_or_default().iter().map(rule_words).collect::<Vec<_>>();
        let (before, after) = (rules(desired), rules(live));
        let gone = before.iter().filter(|r| !after.contains(r)).map(|r| format!("- {r}"));
        let new = after.iter().filter(|r| !before.contains(r)).map(|r| format!("+ {r}"));
        gone.chain(new).collect()
    }

    fn exposure(&self, live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
        exposure::of(live, neighbours)
    }

    /// A bucket's name is taken once in all accounts.
    fn id_is_global(&self) -> bool {
        true
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        if event.service != STORAGE {
            return None;
        }
        let bucket = bucket_of(event)?;
        let change = match event.operation.as_str() {
            "storage.buckets.create" => {
                EventChange::Creates([("name".to_owned(), bucket.as_str().into())].into())
            }
            "storage.buckets.delete" => EventChange::Deletes,
            "storage.buckets.update" => EventChange::Opaque,
            _ => return None,
        };
        Some(EventEffect { native_id: bucket.as_str().to_owned(), change })
    }

    fn log_gap(&self) -> Option<&'static str> {
        Some("Google's record of storage.buckets.update says that a bucket was changed, not what")
    }
}

#[async_trait]
impl Kind<GcpSession> for StorageBucket {
    async fn read(
        &self,
        session: &GcpSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        let found = session.bucket(&name(&wanted.native_id)?).await?;
        match found {
            Some(bucket) => Ok(Some(resource(session, &bucket).await)),
            None => Ok(None),
        }
    }

    async fn list(&self, session: &GcpSession) -> Result<Vec<Resource>, ProviderError> {
        let mut all = Vec::new();
        for bucket in session.buckets().await? {
            all.push(resource(session, &bucket).await);
        }
        Ok(all)
    }

    async fn create(
        &self,
        session: &GcpSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let bucket_name = name(self.required(wanted, "name")?)?;
        self.required(wanted, "location")?;
        let project = wanted.get("project").and_then(Value::as_str).filter(|p| !p.is_empty());
        let project = project.unwrap_or(&session.project);
        let asked = shape::bucket(wanted)?.set_project(format!("projects/{project}"));
        let retained = wanted.get("enable_object_retention") == Some(&Value::Bool(true));
        let made = session.create_bucket(&bucket_name, &asked, retained).await?;
        Ok(resource(session, &made).await)
    }

    async fn update(
        &self,
        session: &GcpSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let bucket_name = name(&current.native_id)?;
        let target = bucket_name.to_string();
        let call = Call::write("storage.buckets.update", &target);
        let Some(read) = session.bucket(&bucket_name).await? else {
            return Err(call.error(ErrorKind::NotFound).because("the bucket does not exist"));
        };
        let live = shape::attributes(&read, None);
        let names = basis::of_change(current, changes, &[]);
        let moved = basis::moved(current, &live, &names);
        if !moved.is_empty() {
            return Err(basis::conflict(current, &moved));
        }
        let changes = writable(changes, &live, &call)?;
        if changes.is_empty() {
            return Ok(());
        }
        let mask = shape::mask(&changes).map_err(|attribute| fixed(&call, attribute))?;
        let bucket = shape::bucket(&changes)?;
        session.update_bucket(&bucket_name, bucket, &read, &mask).await.map(drop)
    }

    async fn delete(&self, session: &GcpSession, current: &Resource) -> Result<(), ProviderError> {
        session.delete_bucket(&name(&current.native_id)?).await
    }

    async fn probe(
        &self,
        session: &GcpSession,
        live: &Resource,
    ) -> Result<Option<Probe>, ProviderError> {
        probe(session, &name(&live.native_id)?).await
    }

    /// Written on the generation of its settings that was read and compared.
    fn holds_its_basis(&self) -> bool {
        true
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &["resourcemanager.projects.get", "storage.buckets.get"]
    }

    fn list_permissions(&self) -> &'static [&'static str] {
        &["storage.buckets.list"]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &[
            "storage.buckets.create",
            "storage.buckets.delete",
            "storage.buckets.get",
            "storage.buckets.update",
        ]
    }

    fn update_permissions(&self) -> &'static [&'static str] {
        &["storage.buckets.get", "storage.buckets.update"]
    }
}

fn name(text: &str) -> Result<BucketName, ProviderError> {
    BucketName::parse(text).ok_or_else(|| {
        ProviderError::new(ErrorKind::Invalid, "read google_storage_bucket", text)
            .because("this is no bucket's name")
    })
}

async fn resource(session: &GcpSession, bucket: &Bucket) -> Resource {
    let project = match shape::number_of(bucket) {
        Some(number) => session.project_of(number).await,
        None => None,
    };
    of_bucket(bucket, project)
}

fn of_bucket(bucket: &Bucket, project: Option<String>) -> Resource {
    Resource {
        cloud: CLOUD,
        region: Some(bucket.location.to_lowercase()).filter(|l| !l.is_empty()),
        kind: super::BUCKET,
        native_id: shape::name_of(bucket).to_owned(),
        attributes: shape::attributes(bucket, project.as_deref()),
        account: project,
    }
}

/// The changes that are any, in the form in which they are written. What Terraform calls a
/// replacement is refused; so is a lock, which nobody could take off again.
fn writable(
    changes: &Attributes,
    live: &Attributes,
    call: &Call<'_>,
) -> Result<Attributes, ProviderError> {
    let facts = &*FACTS;
    let mut out = Attributes::new();
    for (name, value) in changes {
        let known = facts.attributes.get(name.as_str());
        if FIXED.contains(&name.as_str()) {
            let is = live.get(name).unwrap_or(&Value::Null);
            let same = match (value, is) {
                (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
                (value, is) => value == is || value.is_unset(),
            };
            // A read does not tell the project's id without asking for it.
            if same || name == "project" {
                continue;
            }
            return Err(fixed(call, name));
        }
        if name != "labels" && known.is_some_and(|f| f.computed || f.local) {
            continue;
        }
        if name == "retention_policy" && locks(value) && !live.get(name).is_some_and(locks) {
            return Err(call
                .error(ErrorKind::Unsupported)
                .because("a lock on a retention policy can never be taken off again")
                .next_step(
                    "lock it by hand: gcloud storage buckets update --lock-retention-period",
                ));
        }
        if name == "labels" {
            // The configuration's labels; those that the provider adds by itself stay.
            if changes.contains_key("effective_labels") {
                continue;
            }
            let mut all: Attributes = live
                .get("effective_labels")
                .and_then(Value::as_map)
                .into_iter()
                .flatten()
                .filter(|(k, _)| k.starts_with("goog-"))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            all.extend(value.as_map().cloned().unwrap_or_default());
            out.insert(name.clone(), Value::Map(all));
            continue;
        }
        out.insert(name.clone(), value.clone());
    }
    Ok(out)
}

fn locks(value: &Value) -> bool {
    let block = value.as_list().and_then(|l| l.first()).and_then(Value::as_map);
    block.and_then(|b| b.get("is_locked")) == Some(&Value::Bool(true))
}

fn fixed(call: &Call<'_>, attribute: &str) -> ProviderError {
    call.error(ErrorKind::Unsupported)
        .because(format!("{attribute} of a bucket cannot be changed in place"))
        .next_step("let Terraform replace the bucket")
}

/// Finds an object with our own credentials and asks for it with none.
pub(super) async fn probe(
    session: &GcpSession,
    bucket: &BucketName,
) -> Result<Option<Probe>, ProviderError> {
    let Some(object) = session.first_object(bucket).await? else { return Ok(None) };
    let encoded = percent_encoding::utf8_percent_encode(&object, crate::objects::IN_PATH);
    let path = format!("/{}/{encoded}", bucket.as_str());
    let target = format!("{bucket} as nobody");
    let call = Call::read("storage.objects.get", &target);
    let status = session.anonymous_status(call, &path).await?;
    let asked = format!("GET https://storage.googleapis.com{path}");
    // A part of an object is as good as the whole.
    Ok(Some(Probe { asked, status: if status == 206 { 200 } else { status } }))
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Number(n) => n.as_i64().unwrap_or_default(),
        Value::String(s) => s.parse().unwrap_or_default(),
        _ => 0,
    }
}

fn deletes_more(desired: &Value, live: &Value) -> bool {
    let deleting = |v: &Value| -> Vec<String> {
        let rules = v.as_list().unwrap_or_default().iter().map(rule_words);
        rules.filter(|words| words.starts_with("Delete")).collect()
    };
    let before = deleting(desired);
    deleting(live).iter().any(|rule| !before.contains(rule))
}

/// `Delete when age 30, with_state ARCHIVED`
fn rule_words(rule: &Value) -> String {
    let one = |name: &str| rule.as_map()?.get(name)?.as_list()?.first()?.as_map();
    let action = one("action");
    let text = |name: &str| action.and_then(|a| a.get(name)?.as_str()).unwrap_or_default();
    let mut words = text("type").to_owned();
    if !text("storage_class").is_empty() {
        words.push_str(&format!(" {}", text("storage_class")));
    }
    let conditions: Vec<String> = one("condition")
        .into_iter()
        .flatten()
        .filter(|(name, value)| {
            let nothing = value.is_unset() || **value == Value::from(0);
            !nothing && value.as_str() != Some("ANY") && !name.starts_with("send_")
        })
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name} {text}"),
            other => format!("{name} {}", other.to_json()),
        })
        .collect();
    if !conditions.is_empty() {
        words.push_str(&format!(" when {}", conditions.join(", ")));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_pair() {
        let wire: Bucket = serde_json::from_str(include_str!("storage_bucket.wire.json")).unwrap();
        let expected: serde_json::Value =
            serde_json::from_str(include_str!("storage_bucket.resource.json")).unwrap();
        let made = serde_json::to_value(of_bucket(&wire, Some("acme-lab".to_owned()))).unwrap();
        assert_eq!(made, expected, "{made:#}");
    }

    fn judge(path: &str, desired: &str, live: &str) -> Option<Judgement> {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        StorageBucket.judge(&AttributePath::parse(path).unwrap(), &value(desired), &value(live))
    }

    #[test]
    fn less_time_is_worse_than_more() {
        let path = "soft_delete_policy[0].retention_duration_seconds";
        assert_eq!(judge(path, "604800", "0"), None, "the facts judge it");
        assert_eq!(judge(path, "0", "604800").unwrap().severity, Severity::Low);
    }

    #[test]
    fn a_rule_that_deletes_is_seen() {
        let rule = r#"[{"action":[{"type":"Delete","storage_class":""}],"condition":[{"age":1,"with_state":"ANY"}]}]"#;
        assert_eq!(judge("lifecycle_rule", "[]", rule).unwrap().techniques, ["T1485.001"]);
        assert_eq!(judge("lifecycle_rule", rule, "[]"), None);
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let lines = StorageBucket.summary(
            &AttributePath::root("lifecycle_rule"),
            &value("[]"),
            &value(rule),
        );
        assert_eq!(lines, ["+ Delete when age 1"]);
    }

    #[test]
    fn a_lock_is_never_set_and_what_is_fixed_stays() {
        let call = Call::write("storage.buckets.update", "bucket b");
        let attributes = |text: &str| serde_json::from_str::<Attributes>(text).unwrap();
        let live = attributes(r#"{"location":"EU","effective_labels":{"goog-x":"1","a":"2"}}"#);
        let write = |text: &str| writable(&attributes(text), &live, &call);
        assert!(
            write(r#"{"retention_policy":[{"retention_period":1,"is_locked":true}]}"#)
                .unwrap_err()
                .is(ErrorKind::Unsupported)
        );
        assert!(write(r#"{"location":"US"}"#).unwrap_err().is(ErrorKind::Unsupported));
        assert!(
            write(r#"{"location":"eu","updated":"x","force_destroy":true}"#).unwrap().is_empty()
        );
        assert_eq!(
            write(r#"{"labels":{"b":"3"}}"#).unwrap(),
            attributes(r#"{"labels":{"b":"3","goog-x":"1"}}"#)
        );
    }
}
