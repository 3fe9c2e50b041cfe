//! `google_storage_bucket_iam_binding`: all members of one role on one bucket.

use super::facts;
use super::storage_bucket::probe;
use crate::members::{self, ALL_AUTHENTICATED, ALL_USERS, Powers};
use crate::policy::{self, BucketName, Grant, Touched, is_convenience, unreadable};
use crate::session::GcpSession;
use crate::{CLOUD, exposure};
use async_trait::async_trait;
use google_cloud_iam_v1::model::Policy;
use model::knowledge::{EventChange, Exposure, Judgement, KindFacts, Restoring};
use model::path::Step;
use model::{AttributePath, Attributes, Event, Knowledge, Resource, Severity, Value};
use provider::kind::{Kind, Probe, Wanted};
use provider::{ErrorKind, ProviderError, basis};
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
        judged(None, path, desired, live)
    }

    fn judge_on(
        &self,
        native_id: &str,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Option<Judgement> {
        let grant = Grant::of(native_id, &Attributes::new());
        judged(grant.as_ref().and_then(|g| members::powers(&g.role)), path, desired, live)
    }

    fn restoring(
        &self,
        _native_id: &str,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Restoring {
        if *path != AttributePath::root("members") {
            return self.facts().restoring(path, desired, live);
        }
        let goes = missing(desired, live).map(|member| match members::is_public(member) {
            true => Restoring::Closes,
            false => Restoring::TakesFrom(vec![member.to_owned()]),
        });
        let comes = missing(live, desired).map(|_| Restoring::Opens);
        goes.chain(comes).fold(Restoring::Neutral, Restoring::and)
    }

    /// A binding of no members is none: where nobody would stay there is no such value.
    fn without_additions(
        &self,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Option<Value> {
        if *path != AttributePath::root("members") || missing(desired, live).next().is_none() {
            return None;
        }
        let wanted: Vec<&str> = missing(&Value::Null, desired).collect();
        let stays =
            missing(&Value::Null, live).filter(|m| wanted.iter().any(|w| members::same(m, w)));
        let stays: Vec<&str> = stays.collect();
        (!stays.is_empty()).then(|| Value::strings(stays))
    }

    fn exposure(&self, live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
        exposure::of(live, neighbours)
    }

    /// A bucket's name is taken once in all accounts.
    fn id_is_global(&self) -> bool {
        true
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

/// By who came, who went, and what the role lets them do, where that is known.
fn judged(
    powers: Option<Powers>,
    path: &AttributePath,
    desired: &Value,
    live: &Value,
) -> Option<Judgement> {
    if path.pattern() != "members" {
        return None;
    }
    let new: Vec<&str> = missing(desired, live).collect();
    let judgement = |severity, why: String, techniques: &[&str]| Judgement {
        severity,
        why,
        techniques: techniques.iter().map(|t| (*t).to_owned()).collect(),
    };
    let can = |who: &str| match powers {
        Some(p) if p.read && p.administer => {
            format!("{who} can read and administer this bucket now.")
        }
        Some(p) if p.administer => format!("{who} can administer this bucket now."),
        Some(p) if p.read && p.write => format!("{who} can read and write this bucket now."),
        Some(p) if p.read => format!("{who} can read this bucket now."),
        Some(p) if p.write => format!("{who} can write to this bucket now."),
        Some(p) if p.list => format!("{who} can list this bucket now."),
        _ => format!("{who} has this role on the bucket now."),
    };
    let public = match new.as_slice() {
        new if new.contains(&ALL_USERS) => Some("Anyone on the internet"),
        new if new.contains(&ALL_AUTHENTICATED) => Some("Anyone with a Google account"),
        _ => None,
    };
    Some(match (public, new.as_slice()) {
        (Some(who), _) => {
            // Names of objects are less than what is in them.
            let severity = match powers {
                Some(p) if !p.read && !p.write && !p.administer => Severity::High,
                _ => Severity::Critical,
            };
            judgement(severity, can(who), &["T1098.003", "T1530"])
        }
        (None, [first, more @ ..]) => {
            let severity = match powers {
                Some(p) if !p.write && !p.administer => Severity::Medium,
                _ => Severity::High,
            };
            let who = match more.len() {
                0 => (*first).to_owned(),
                n => format!("{first} (and {n} more)"),
            };
            judgement(severity, can(&who), &["T1098.003"])
        }
        (None, []) => {
            let why = "Somebody lost this role on the bucket.".to_owned();
            judgement(Severity::Low, why, &["T1531"])
        }
    })
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
            .change_policy(&grant.bucket, |policy| {
                let has = grant.members_in(policy);
                // Those that every bucket has from its beginning give way, as in Terraform.
                let other = has.iter().find(|m| {
                    !is_convenience(&grant.role, m) && !members.iter().any(|w| members::same(w, m))
                });
                match other {
                    None => Ok(grant.set_members(policy, &members)),
                    Some(other) => Err(there_already(&grant, other)),
                }
            })
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
        let seen = match basis::of_change(current, changes, &[]).contains(&"members") {
            true => members_of(&current.attributes),
            false => None,
        };
        replace(session, &grant, current, seen.as_deref(), &members).await
    }

    async fn delete(&self, session: &GcpSession, current: &Resource) -> Result<(), ProviderError> {
        let grant = grant(&current.native_id, &current.attributes)?;
        let seen = members_of(&current.attributes);
        replace(session, &grant, current, seen.as_deref(), &[]).await
    }

    async fn probe(
        &self,
        session: &GcpSession,
        live: &Resource,
    ) -> Result<Option<Probe>, ProviderError> {
        probe(session, &grant(&live.native_id, &live.attributes)?.bucket).await
    }

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

/// Made as a whole, it would take the role from somebody of whom its maker knows nothing.
fn there_already(grant: &Grant, other: &str) -> ProviderError {
    ProviderError::new(
        ErrorKind::AlreadyExists,
        "create google_storage_bucket_iam_binding",
        grant.id(),
    )
    .because(format!("{other} has this role already"))
    .next_step("look at who has it, then change it")
}

/// Members for members, where they are still those that were seen. The policy's etag also
/// moves with every other role of the bucket; that is no reason to refuse, and the write is
/// repeated on the policy as it is then.
async fn replace(
    session: &GcpSession,
    grant: &Grant,
    current: &Resource,
    seen: Option<&[String]>,
    wanted: &[String],
) -> Result<(), ProviderError> {
    session
        .change_policy(&grant.bucket, |policy| {
            let live = Value::strings(grant.members_in(policy));
            let moved = seen.is_some_and(|seen| {
                let seen = Value::strings(seen.to_vec());
                missing(&seen, &live).next().is_some() || missing(&live, &seen).next().is_some()
            });
            match moved {
                true => Err(basis::conflict(current, &["members"])),
                false => Ok(grant.set_members(policy, wanted)),
            }
        })
        .await
        .map(drop)
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

    const PATH: &str = "members";

    fn restoring(desired: &[&str], live: &[&str]) -> Restoring {
        let (desired, live) = (Value::strings(desired.to_vec()), Value::strings(live.to_vec()));
        StorageBucketIamBinding.restoring("", &AttributePath::root(PATH), &desired, &live)
    }

    #[test]
    fn one_row_a_direction() {
        let takes = |who: &[&str]| Restoring::TakesFrom(who.iter().map(|w| (*w).into()).collect());
        assert_eq!(restoring(&["user:a@x"], &["user:A@x"]), Restoring::Neutral);
        assert_eq!(restoring(&["user:a@x"], &["user:a@x", "allUsers"]), Restoring::Closes);
        let both = ["user:a@x", "allAuthenticatedUsers", "user:c@x", "user:b@x"];
        assert_eq!(restoring(&["user:a@x"], &both), takes(&["user:b@x", "user:c@x"]));
        assert_eq!(restoring(&["user:a@x"], &["allUsers"]), Restoring::Opens);
        assert_eq!(restoring(&["allUsers"], &[]), Restoring::Opens);
        let role = AttributePath::root("role");
        let back = StorageBucketIamBinding.restoring("", &role, &"a".into(), &"b".into());
        assert_eq!(back, Restoring::Neutral);
    }

    /// Every desired and every live list of some.
    #[test]
    fn only_additions_go_and_all_of_them() {
        let all = ["user:a@x", "user:b@x", "allUsers", "group:c@x"];
        let lists = || {
            (0..1 << all.len()).map(|bits: usize| {
                let some = all.iter().enumerate().filter(move |(i, _)| bits >> i & 1 == 1);
                some.map(|(_, m)| *m).collect::<Vec<_>>()
            })
        };
        let path = AttributePath::root(PATH);
        let mut taken = 0;
        for (desired, live) in lists().flat_map(|d| lists().map(move |l| (d.clone(), l))) {
            let both: Vec<&str> = live.iter().filter(|m| desired.contains(m)).copied().collect();
            let value = |list: &[&str]| Value::strings(list.to_vec());
            let left = |live: &Value| {
                StorageBucketIamBinding.without_additions(&path, &value(&desired), live)
            };
            let expected = both.len() < live.len() && !both.is_empty();
            let rest = left(&value(&live));
            assert_eq!(rest, expected.then(|| value(&both)), "{desired:?} {live:?}");
            if let Some(rest) = rest {
                assert_eq!(left(&rest), None);
                taken += 1;
            }
        }
        assert!(taken > 100, "{taken}");
    }

    fn change(role: &str, desired: &[&str], live: &[&str]) -> (Vec<String>, Severity, String) {
        let path = AttributePath::root("members");
        let (desired, live) = (Value::strings(desired.to_vec()), Value::strings(live.to_vec()));
        let id = format!("b/exports/{role}");
        let kind = StorageBucketIamBinding;
        let judged = kind.judge_on(&id, &path, &desired, &live).unwrap();
        (kind.summary(&path, &desired, &live), judged.severity, judged.why)
    }

    #[test]
    fn who_came_and_what_the_role_does_decide_how_bad_it_is() {
        const VIEWER: &str = "roles/storage.objectViewer";
        let (lines, severity, why) = change(VIEWER, &["user:a@x"], &["user:A@x", "allUsers"]);
        assert_eq!(lines, ["+ allUsers"]);
        assert_eq!(severity, Severity::Critical);
        assert_eq!(why, "Anyone on the internet can read this bucket now.");
        let (_, severity, why) = change(VIEWER, &[], &["allAuthenticatedUsers"]);
        assert_eq!(severity, Severity::Critical);
        assert_eq!(why, "Anyone with a Google account can read this bucket now.");
        let (_, severity, why) = change("roles/storage.legacyBucketReader", &[], &["allUsers"]);
        assert_eq!(severity, Severity::High);
        assert_eq!(why, "Anyone on the internet can list this bucket now.");
        let (_, severity, why) = change("roles/storage.objectCreator", &[], &["allUsers"]);
        assert_eq!(severity, Severity::Critical);
        assert_eq!(why, "Anyone on the internet can write to this bucket now.");
        let (_, severity, why) = change("projects/p/roles/custom", &[], &["allUsers"]);
        assert_eq!(severity, Severity::Critical);
        assert_eq!(why, "Anyone on the internet has this role on the bucket now.");
        let (lines, severity, why) = change(VIEWER, &["user:a@x"], &["user:b@x", "user:c@x"]);
        assert_eq!(lines, ["- user:a@x", "+ user:b@x", "+ user:c@x"]);
        assert_eq!(severity, Severity::Medium);
        assert_eq!(why, "user:b@x (and 1 more) can read this bucket now.");
        let (_, severity, _) = change("roles/storage.admin", &[], &["user:b@x"]);
        assert_eq!(severity, Severity::High);
        let (lines, severity, _) = change(VIEWER, &["user:a@x", "user:b@x"], &["user:b@x"]);
        assert_eq!((lines.len(), severity), (1, Severity::Low));
    }
}
