//! `google_storage_bucket_iam_member`: one member of one role on one bucket.

use super::facts;
use super::storage_bucket::probe;
use super::storage_bucket_iam_binding::same_grant;
use crate::members;
use crate::policy::{self, BucketName, Grant, Touched, is_convenience, unreadable};
use crate::session::GcpSession;
use crate::{CLOUD, exposure};
use async_trait::async_trait;
use google_cloud_iam_v1::model::Policy;
use model::knowledge::{EventChange, Exposure, KindFacts};
use model::{AttributePath, Attributes, Event, Knowledge, Resource, Value};
use provider::kind::{Kind, Probe, Wanted};
use provider::{ErrorKind, ProviderError};
use std::sync::LazyLock;

static FACTS: LazyLock<KindFacts> =
    LazyLock::new(|| facts(include_str!("storage_bucket_iam_member.toml")));

pub struct StorageBucketIamMember;

impl Knowledge for StorageBucketIamMember {
    fn facts(&self) -> &KindFacts {
        &FACTS
    }

    fn equal(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<bool> {
        match (path.attribute(), desired, live) {
            ("member", Value::String(a), Value::String(b)) => Some(members::same(a, b)),
            ("bucket", Value::String(a), Value::String(b)) => {
                Some(BucketName::parse(a) == BucketName::parse(b))
            }
            _ => None,
        }
    }

    fn exposure(&self, live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
        exposure::of(live, neighbours)
    }

    /// A bucket's name is taken once in all accounts.
    fn id_is_global(&self) -> bool {
        true
    }

    fn effect_on(&self, event: &Event, native_id: &str) -> Option<EventChange> {
        let (grant, member) = Grant::of_member(native_id, &Attributes::new())?;
        let touched = grant.touched_by(event)?;
        let Touched::Members { added, removed } = touched else { return Some(touched.change()) };
        let among = |list: &[String]| list.iter().any(|m| members::same(m, &member));
        match (among(&added), among(&removed)) {
            (false, false) => None,
            (true, true) => Some(EventChange::Opaque),
            (false, true) => Some(EventChange::Deletes),
            (true, false) => Some(EventChange::Creates(
                [
                    ("bucket".to_owned(), grant.bucket.short().into()),
                    ("member".to_owned(), member.into()),
                    ("role".to_owned(), grant.role.into()),
                ]
                .into(),
            )),
        }
    }

    fn belongs_to(&self, resource: &Resource) -> String {
        exposure::bucket_of(resource)
            .map_or_else(|| resource.native_id.clone(), |b| b.as_str().to_owned())
    }
}

#[async_trait]
impl Kind<GcpSession> for StorageBucketIamMember {
    async fn read(
        &self,
        session: &GcpSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        let (grant, member) = grant(&wanted.native_id, &wanted.recorded)?;
        let policy = session.policy(&grant.bucket).await?;
        Ok(policy.and_then(|policy| resource(session, &grant, &member, &policy)))
    }

    /// The grants that every bucket has from its beginning are left out: nobody made them.
    async fn list(&self, session: &GcpSession) -> Result<Vec<Resource>, ProviderError> {
        let mut all = Vec::new();
        for (bucket, policy) in session.policies().await? {
            for grant in policy::grants(&bucket, &policy) {
                let held = grant.members_in(&policy);
                let made = held.iter().filter(|m| !is_convenience(&grant.role, m));
                all.extend(made.filter_map(|m| resource(session, &grant, m, &policy)));
            }
        }
        Ok(all)
    }

    async fn create(
        &self,
        session: &GcpSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        for name in ["bucket", "role", "member"] {
            self.required(wanted, name)?;
        }
        let (grant, member) = grant("", wanted)?;
        let policy = session
            .change_policy(&grant.bucket, |policy| Ok(grant.add_member(policy, &member)))
            .await?;
        resource(session, &grant, &member, &policy).ok_or_else(|| {
            ProviderError::new(
                ErrorKind::Malformed,
                "storage.buckets.setIamPolicy",
                grant.bucket.to_string(),
            )
            .because("the policy was answered without the member that was added")
        })
    }

    async fn update(
        &self,
        _session: &GcpSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let (grant, member) = grant(&current.native_id, &current.attributes)?;
        same_grant(&grant, changes)?;
        let asked = changes.get("member").and_then(Value::as_str);
        if asked.is_none_or(|asked| members::same(asked, &member)) {
            return Ok(());
        }
        Err(ProviderError::new(
            ErrorKind::Unsupported,
            "storage.buckets.setIamPolicy",
            grant.bucket.to_string(),
        )
        .because("the member of a grant cannot be changed in place")
        .next_step("let Terraform replace it"))
    }

    async fn delete(&self, session: &GcpSession, current: &Resource) -> Result<(), ProviderError> {
        let (grant, member) = grant(&current.native_id, &current.attributes)?;
        session
            .change_policy(&grant.bucket, |policy| Ok(grant.remove_member(policy, &member)))
            .await
            .map(drop)
    }

    async fn probe(
        &self,
        session: &GcpSession,
        live: &Resource,
    ) -> Result<Option<Probe>, ProviderError> {
        probe(session, &grant(&live.native_id, &live.attributes)?.0.bucket).await
    }

    /// One member goes, under the policy's etag; whoever else is in it stays.
    fn holds_its_basis(&self) -> bool {
        true
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &["storage.buckets.getIamPolicy"]
    }

    fn list_permissions(&self) -> &'static [&'static str] {
        &["storage.buckets.list"]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &["storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy"]
    }
}

fn grant(id: &str, attributes: &Attributes) -> Result<(Grant, String), ProviderError> {
    Grant::of_member(id, attributes)
        .ok_or_else(|| unreadable("read google_storage_bucket_iam_member", id))
}

fn resource(
    session: &GcpSession,
    grant: &Grant,
    member: &str,
    policy: &Policy,
) -> Option<Resource> {
    of_policy(grant, member, policy)
        .map(|r| Resource { account: Some(session.project.clone()), ..r })
}

fn of_policy(grant: &Grant, member: &str, policy: &Policy) -> Option<Resource> {
    let held = grant.members_in(policy);
    let member = held.iter().find(|m| members::same(m, member))?;
    let id = grant.member_id(member);
    let mut attributes = grant.attributes(id.clone(), &policy.etag);
    attributes.insert("member".to_owned(), member.as_str().into());
    Some(Resource {
        cloud: CLOUD,
        account: None,
        region: None,
        kind: super::MEMBER,
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
            serde_json::from_str(include_str!("storage_bucket_iam_member.wire.json")).unwrap();
        let expected: serde_json::Value =
            serde_json::from_str(include_str!("storage_bucket_iam_member.resource.json")).unwrap();
        let id = "b/acme-lab-models/roles/storage.legacyBucketReader/user:audit@example.com";
        let (grant, member) = grant(id, &Attributes::new()).unwrap();
        let made = serde_json::to_value(of_policy(&grant, &member, &wire)).unwrap();
        assert_eq!(made, expected, "{made:#}");
    }

    #[test]
    fn only_case_may_differ() {
        let path = AttributePath::root("member");
        let equal = |a: &str, b: &str| StorageBucketIamMember.equal(&path, &a.into(), &b.into());
        assert_eq!(equal("user:A@x", "user:a@x"), Some(true));
        assert_eq!(equal("user:a@x", "group:a@x"), Some(false));
        let bucket = AttributePath::root("bucket");
        assert_eq!(StorageBucketIamMember.equal(&bucket, &"b".into(), &"b/b".into()), Some(true));
    }
}
