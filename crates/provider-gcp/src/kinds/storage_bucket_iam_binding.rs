//! `google_storage_bucket_iam_binding`: all members of one role on one bucket.

use super::facts;
use super::storage_bucket::probe;
use crate::members::{self, ALL_AUTHENTICATED, ALL_USERS};
use crate::policy::{self, BucketName, Grant, Touched, is_convenience, unreadable};
use crate::session::GcpSession;
use crate::{CLOUD, exposure};
use async_trait::async_trait;
use google_cloud_iam_v1::model::Policy;
use model::knowledge::{EventChange, Exposure, Judgement, KindFacts};
use model::path::Step;
use model::{AttributePath, Attributes, Event, Knowledge, Resource, Severity, Value};
use provider::kind::{Kind, Probe, Wanted};
use provider::{ErrorKind, ProviderError};
use std::sync::LazyLock;

static FACTS: LazyLock<KindFacts> =
    LazyLock::new(|| facts(include_str!("storage_bucket_iam_binding.toml")));

pub struct StorageBucketIamBinding;

impl Knowledge for StorageBucketIamBinding {
    fn facts(&self) -> &KindFacts {
        &FACTS
    }

    fn equal(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<bool> {
        match (path.attribute(), desired, live) {
            ("members", Value::String(a), Value::String(b))
                if matches!(path.steps().last(), Some(Step::Index(_))) =>
            {
                Some(members::same(a, b))
            }
            ("bucket", Value::String(a), Value::String(b)) => {
                Some(BucketName::parse(a) == BucketName::parse(b))
            }
            _ => None,
        }
    }

    fn summary(&self, path: &AttributePath, desired: &Value, live: &Value) -> Vec<String> {
        if path.pattern() != "members" {
            return Vec::new();
        }
        let gone = missing(live, desired).map(|m| format!("- {m}"));
        let new = missing(desired, live).map(|m| format!("+ {m}"));
        gone.chain(new).collect()
    }

    fn judge(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<Judgement> {
        if path.pattern() != "members" {
            return None;
        }
        let new: Vec<&str> = missing(desired, live).collect();
        Some(if new.contains(&ALL_USERS) {
            opened("Anyone on the internet")
        } else if new.contains(&ALL_AUTHENTICATED) {
            opened("Anyone with a Google account")
        } else if let [first, more @ ..] = new.as_slice() {
            let others =
                if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            Judgement {
                severity: Severity::High,
                why: format!("{first}{others} may use this role on the bucket now."),
                techniques: vec!["T1098.003".to_owned()],
            }
        } else {
            Judgement {
                severity: Severity::Low,
                why: "Somebody lost this role on the bucket.".to_owned(),
                techniques: vec!["T1531".to_owned()],
            }
        })
    }

    fn exposure(&self, live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
        exposure::of(live, neighbours)
    }

    fn effect_on(&self, event: &Event, native_id: &str) -> Option<EventChange> {
        let touched = Grant::of(native_id, &Attributes::new())?.touched_by(event)?;
        let Touched::Members { added, removed } = touched else { return Some(touched.change()) };
        let values = |members: Vec<String>| members.into_iter().map(Value::from).collect();
        Some(EventChange::Elements {
            path: AttributePath::root("members"),
            added: values(added),
            removed: values(removed),
        })
    }

    fn belongs_to(&self, resource: &Resource) -> String {
        exposure::bucket_of(resource)
            .map_or_else(|| resource.native_id.clone(), |b| b.as_str().to_owned())
    }
}

/// The judge is not told the role; the effect of a finding says what anyone can do.
fn opened(who: &str) -> Judgement {
    Judgement {
        severity: Severity::Critical,
        why: format!("{who} can read this bucket now."),
        techniques: vec!["T1098.003".to_owned(), "T1530".to_owned()],
    }
}

/// The members of `of` that `here` does not have.
fn missing<'v>(here: &'v Value, of: &'v Value) -> impl Iterator<Item = &'v str> {
    let list = |v: &'v Value| v.as_list().unwrap_or_default().iter().filter_map(Value::as_str);
    list(of).filter(move |m| !list(here).any(|h| members::same(h, m)))
}

#[async_trait]
impl Kind<GcpSession> for StorageBucketIamBinding {
    async fn read(
        &self,
        session: &GcpSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        let grant = grant(&wanted.native_id, &wanted.recorded)?;
        let policy = session.policy(&grant.bucket).await?;
        Ok(policy.and_then(|policy| resource(session, &grant, &policy)))
    }

    /// The grants that every bucket has from its beginning are left out: nobody made them.
    async fn list(&self, session: &GcpSession) -> Result<Vec<Resource>, ProviderError> {
        let mut all = Vec::new();
        for (bucket, policy) in session.policies().await? {
            let grants = policy::grants(&bucket, &policy);
            let made = grants
                .iter()
                .filter(|g| g.members_in(&policy).iter().any(|m| !is_convenience(&g.role, m)));
            all.extend(made.filter_map(|g| resource(session, g, &policy)));
        }
        Ok(all)
    }

    async fn create(
        &self,
        session: &GcpSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        self.required(wanted, "bucket")?;
        self.required(wanted, "role")?;
        let grant = grant("", wanted)?;
        let members = members_of(wanted).unwrap_or_default();
        let policy = session
            .change_policy(&grant.bucket, |policy| grant.set_members(policy, &members))
            .await?;
        resource(session, &grant, &policy).ok_or_else(|| {
            ProviderError::new(
                ErrorKind::Invalid,
                "create google_storage_bucket_iam_binding",
                grant.id(),
            )
            .because("a binding without members is none")
        })
    }

    async fn update(
        &self,
        session: &GcpSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let grant = grant(&current.native_id, &current.attributes)?;
        same_grant(&grant, changes)?;
        let Some(members) = members_of(changes) else { return Ok(()) };
        session
            .change_policy(&grant.bucket, |policy| grant.set_members(policy, &members))
            .await
            .map(drop)
    }

    async fn delete(&self, session: &GcpSession, current: &Resource) -> Result<(), ProviderError> {
        let grant = grant(&current.native_id, &current.attributes)?;
        session
            .change_policy(&grant.bucket, |policy| grant.set_members(policy, &[]))
            .await
            .map(drop)
    }

    async fn probe(
        &self,
        session: &GcpSession,
        live: &Resource,
    ) -> Result<Option<Probe>, ProviderError> {
        probe(session, &grant(&live.native_id, &live.attributes)?.bucket).await
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &["storage.buckets.getIamPolicy", "storage.buckets.list"]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &["storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy"]
    }
}

fn grant(id: &str, attributes: &Attributes) -> Result<Grant, ProviderError> {
    Grant::of(id, attributes)
        .ok_or_else(|| unreadable("read google_storage_bucket_iam_binding", id))
}

/// Bucket, role and condition are what a grant is: another one is another grant.
pub(super) fn same_grant(grant: &Grant, changes: &Attributes) -> Result<(), ProviderError> {
    let mut asked = grant.attributes(String::new(), &[]);
    for name in ["bucket", "role", "condition"] {
        if let Some(value) = changes.get(name) {
            asked.insert(name.to_owned(), value.clone());
        }
    }
    if Grant::of("", &asked).as_ref() == Some(grant) {
        return Ok(());
    }
    Err(ProviderError::new(
        ErrorKind::Unsupported,
        "storage.buckets.setIamPolicy",
        grant.bucket.to_string(),
    )
    .because("bucket, role and condition of a grant cannot be changed in place")
    .next_step("let Terraform replace it"))
}

fn members_of(attributes: &Attributes) -> Option<Vec<String>> {
    let list = attributes.get("members")?.as_list()?;
    Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// `None` where nobody has the role.
fn resource(session: &GcpSession, grant: &Grant, policy: &Policy) -> Option<Resource> {
    of_policy(grant, policy).map(|r| Resource { account: Some(session.project.clone()), ..r })
}

fn of_policy(grant: &Grant, policy: &Policy) -> Option<Resource> {
    let members = grant.members_in(policy);
    if members.is_empty() {
        return None;
    }
    let id = grant.id();
    let mut attributes = grant.attributes(id.clone(), &policy.etag);
    attributes.insert("members".to_owned(), Value::strings(members));
    Some(Resource {
        cloud: CLOUD,
        account: None,
        region: None,
        kind: super::BINDING,
        native_id: id,
        attributes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_pair() {
        let wire: Policy =
            serde_json::from_str(include_str!("storage_bucket_iam_binding.wire.json")).unwrap();
        let expected: serde_json::Value =
            serde_json::from_str(include_str!("storage_bucket_iam_binding.resource.json")).unwrap();
        let id = "b/acme-lab-datasets/roles/storage.objectViewer";
        let grant = grant(id, &Attributes::new()).unwrap();
        let made = serde_json::to_value(of_policy(&grant, &wire)).unwrap();
        assert_eq!(made, expected, "{made:#}");
    }

    fn change(desired: &[&str], live: &[&str]) -> (Vec<String>, Judgement) {
        let path = AttributePath::root("members");
        let (desired, live) = (Value::strings(desired.to_vec()), Value::strings(live.to_vec()));
        let judged = StorageBucketIamBinding.judge(&path, &desired, &live).unwrap();
        (StorageBucketIamBinding.summary(&path, &desired, &live), judged)
    }

    #[test]
    fn who_came_decides_how_bad_it_is() {
        let (lines, judged) = change(&["user:a@x"], &["user:A@x", "allUsers"]);
        assert_eq!(lines, ["+ allUsers"]);
        assert_eq!(judged.severity, Severity::Critical);
        assert_eq!(judged.why, "Anyone on the internet can read this bucket now.");
        let (_, judged) = change(&[], &["allAuthenticatedUsers"]);
        assert_eq!(judged.why, "Anyone with a Google account can read this bucket now.");
        let (lines, judged) = change(&["user:a@x"], &["user:b@x", "user:c@x"]);
        assert_eq!(lines, ["- user:a@x", "+ user:b@x", "+ user:c@x"]);
        assert_eq!(
            (judged.severity, judged.why.as_str()),
            (Severity::High, "user:b@x and 1 more may use this role on the bucket now.")
        );
        let (lines, judged) = change(&["user:a@x", "user:b@x"], &["user:b@x"]);
        assert_eq!((lines.len(), judged.severity), (1, Severity::Low));
    }
}
