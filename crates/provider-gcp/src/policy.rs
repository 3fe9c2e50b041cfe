//! Bindings of a bucket's IAM policy: their Terraform ids, their place in a policy, and what
//! an audit record says happened to them.

use crate::members;
use base64::Engine;
use google_cloud_iam_v1::model::{Binding, Policy};
use model::knowledge::EventChange;
use model::{Attributes, Event, Value};
use provider::{ErrorKind, ProviderError};
use std::fmt;

pub const STORAGE: &str = "storage.googleapis.com";

/// Kinds whose id is `b/BUCKET/...`.
pub fn is_bucket_iam(kind: &str) -> bool {
    kind.starts_with("google_storage_bucket_iam_")
}

/// The name of a bucket, however somebody wrote it: `B`, `b/B`, `projects/_/buckets/B`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketName(String);

impl BucketName {
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("projects/_/buckets/").unwrap_or(text);
        let name = name.strip_prefix("b/").unwrap_or(name);
        (!name.is_empty() && !name.contains('/')).then(|| BucketName(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As the Storage API names it.
    pub fn resource(&self) -> String {
        format!("projects/_/buckets/{}", self.0)
    }

    /// As Terraform stores it in IAM resources.
    pub fn short(&self) -> String {
        format!("b/{}", self.0)
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bucket {}", self.0)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    pub title: String,
    pub description: String,
    pub expression: String,
}

impl Condition {
    fn known(self) -> Option<Self> {
        (self != Condition::default()).then_some(self)
    }

    fn of_block(value: Option<&Value>) -> Option<Self> {
        let block = value?.as_list()?.first()?.as_map()?;
        let text =
            |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Condition {
            title: text("title"),
            description: text("description"),
            expression: text("expression"),
        }
        .known()
    }

    fn of_json(value: &serde_json::Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Condition {
            title: text("title"),
            description: text("description"),
            expression: text("expression"),
        }
        .known()
    }

    fn of_binding(binding: &Binding) -> Option<Self> {
        let c = binding.condition.as_ref()?;
        Condition {
            title: c.title.clone(),
            description: c.description.clone(),
            expression: c.expression.clone(),
        }
        .known()
    }

    /// `TITLE/DESCRIPTION/EXPRESSION`, the end of an id.
    fn of_id(rest: &str) -> Option<Self> {
        let mut parts = rest.splitn(3, '/').map(str::to_owned);
        Condition {
            title: parts.next().unwrap_or_default(),
            description: parts.next().unwrap_or_default(),
            expression: parts.next().unwrap_or_default(),
        }
        .known()
    }

    fn block(&self) -> Value {
        let attributes = [
            ("description", &self.description),
            ("expression", &self.expression),
            ("title", &self.title),
        ];
        let map = attributes.map(|(k, v)| (k.to_owned(), Value::from(v.as_str())));
        Value::List(vec![Value::Map(map.into())])
    }
}

/// Which binding: one role, under one condition, of one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub bucket: BucketName,
    pub role: String,
    pub condition: Option<Condition>,
}

fn named<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.get(name).and_then(Value::as_str).filter(|t| !t.is_empty())
}

impl Grant {
    /// Out of the attributes where they say it, else out of the id. An id that holds a
    /// condition cannot always be taken apart: its parts may hold slashes.
    pub fn of(native_id: &str, attributes: &Attributes) -> Option<Self> {
        let condition = Condition::of_block(attributes.get("condition"));
        if let (Some(bucket), Some(role)) = (named(attributes, "bucket"), named(attributes, "role"))
        {
            let bucket = BucketName::parse(bucket)?;
            return Some(Grant { bucket, role: role.to_owned(), condition });
        }
        let (bucket, role, rest) = parts(native_id)?;
        let condition = condition.or_else(|| Condition::of_id(rest?));
        Some(Grant { bucket, role: role.to_owned(), condition })
    }

    pub fn of_member(native_id: &str, attributes: &Attributes) -> Option<(Self, String)> {
        if let (Some(member), Some(_)) = (named(attributes, "member"), named(attributes, "role")) {
            return Some((Grant::of(native_id, attributes)?, member.to_owned()));
        }
        let (bucket, role, rest) = parts(native_id)?;
        let (member, rest) = member_in(rest?)?;
        let condition = Condition::of_block(attributes.get("condition"));
        let condition = condition.or_else(|| Condition::of_id(rest?));
        Some((Grant { bucket, role: role.to_owned(), condition }, member.to_owned()))
    }

    /// `b/B/roles/R[/TITLE/DESCRIPTION/EXPRESSION]`
    pub fn id(&self) -> String {
        format!("{}/{}{}", self.bucket.short(), self.role, self.tail())
    }

    /// `b/B/roles/R/MEMBER[/TITLE/DESCRIPTION/EXPRESSION]`
    pub fn member_id(&self, member: &str) -> String {
        let member = members::normal(member);
        format!("{}/{}/{member}{}", self.bucket.short(), self.role, self.tail())
    }

    fn tail(&self) -> String {
        let condition = self.condition.as_ref();
        condition
            .map(|c| format!("/{}/{}/{}", c.title, c.description, c.expression))
            .unwrap_or_default()
    }

    /// The attributes that both kinds share.
    pub fn attributes(&self, id: String, etag: &[u8]) -> Attributes {
        let etag = base64::engine::general_purpose::STANDARD.encode(etag);
        let condition = self.condition.as_ref().map_or(Value::List(Vec::new()), Condition::block);
        [
            ("bucket", self.bucket.short().into()),
            ("condition", condition),
            ("etag", etag.into()),
            ("id", id.into()),
            ("role", self.role.as_str().into()),
        ]
        .map(|(name, value): (&str, Value)| (name.to_owned(), value))
        .into()
    }

    fn is(&self, binding: &Binding) -> bool {
        binding.role == self.role && Condition::of_binding(binding) == self.condition
    }

    /// The members in a policy. A policy may hold a role more than once.
    pub fn members_in(&self, policy: &Policy) -> Vec<String> {
        let own = policy.bindings.iter().filter(|b| self.is(b));
        let mut all: Vec<String> = own.flat_map(|b| b.members.clone()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Makes these the members, and says whether that changed the policy.
    pub fn set_members(&self, policy: &mut Policy, wanted: &[String]) -> bool {
        let has = self.members_in(policy);
        let covers =
            |a: &[String], b: &[String]| a.iter().all(|x| b.iter().any(|y| members::same(x, y)));
        if covers(&has, wanted) && covers(wanted, &has) {
            return false;
        }
        policy.bindings.retain(|b| !self.is(b));
        if !wanted.is_empty() {
            let mut binding = Binding::new().set_role(&self.role).set_members(wanted.to_vec());
            if let Some(condition) = &self.condition {
                // The type of a condition is in no crate of ours.
                let expression = binding.condition.get_or_insert_with(Default::default);
                expression.title.clone_from(&condition.title);
                expression.description.clone_from(&condition.description);
                expression.expression.clone_from(&condition.expression);
            }
            policy.bindings.push(binding);
        }
        true
    }

    pub fn add_member(&self, policy: &mut Policy, member: &str) -> bool {
        let mut all = self.members_in(policy);
        if all.iter().any(|m| members::same(m, member)) {
            return false;
        }
        all.push(member.to_owned());
        self.set_members(policy, &all)
    }

    pub fn remove_member(&self, policy: &mut Policy, member: &str) -> bool {
        let mut all = self.members_in(policy);
        all.retain(|m| !members::same(m, member));
        self.set_members(policy, &all)
    }

    /// What an event did to this binding; `None` when it did nothing to it.
    pub fn touched_by(&self, event: &Event) -> Option<Touched> {
        if event.service != STORAGE || bucket_of(event).as_ref() != Some(&self.bucket) {
            return None;
        }
        let deltas = deltas(event);
        match event.operation.as_str() {
            "storage.buckets.delete" => return Some(Touched::BucketDeleted),
            "storage.setIamPermissions" if deltas.is_none() => return Some(Touched::Unknown),
            // The ACL of a bucket is its legacy roles, and an update may write it.
            "storage.buckets.update" if deltas.is_none() && self.role.contains(".legacyBucket") => {
                return Some(Touched::Unknown);
            }
            "storage.setIamPermissions" | "storage.buckets.update" | "storage.buckets.create" => {}
            _ => return None,
        }
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for delta in deltas.unwrap_or_default() {
            if delta.role == self.role && delta.condition == self.condition {
                if delta.adds { &mut added } else { &mut removed }.push(delta.member);
            }
        }
        let touched = !added.is_empty() || !removed.is_empty();
        touched.then_some(Touched::Members { added, removed })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    Members {
        added: Vec<String>,
        removed: Vec<String>,
    },
    /// And all its bindings with it.
    BucketDeleted,
    /// The record does not say what was written.
    Unknown,
}

impl Touched {
    /// What that means where the record tells too little, or everything is gone.
    pub fn change(&self) -> EventChange {
        match self {
            Touched::BucketDeleted => EventChange::Deletes,
            Touched::Members { .. } | Touched::Unknown => EventChange::Opaque,
        }
    }
}

struct Delta {
    adds: bool,
    role: String,
    member: String,
    condition: Option<Condition>,
}

/// The `bindingDeltas` of a record, where it has any that can be read.
fn deltas(event: &Event) -> Option<Vec<Delta>> {
    let found = event.unmapped.pointer("/protoPayload/serviceData/policyDelta/bindingDeltas")?;
    found
        .as_array()?
        .iter()
        .map(|delta| {
            let text = |name: &str| delta.get(name)?.as_str().map(str::to_owned);
            Some(Delta {
                adds: match text("action")?.as_str() {
                    "ADD" => true,
                    "REMOVE" => false,
                    _ => return None,
                },
                role: text("role")?,
                member: text("member")?,
                condition: delta.get("condition").and_then(Condition::of_json),
            })
        })
        .collect()
}

/// The bucket that a record of Cloud Storage is about.
pub fn bucket_of(event: &Event) -> Option<BucketName> {
    event.resources.iter().find_map(|r| {
        let name = r.uid.strip_prefix("projects/_/buckets/")?;
        BucketName::parse(name.split('/').next()?)
    })
}

/// Every binding of a bucket's policy, each role and condition once.
pub fn grants(bucket: &BucketName, policy: &Policy) -> Vec<Grant> {
    let mut all: Vec<Grant> = Vec::new();
    for binding in &policy.bindings {
        let grant = Grant {
            bucket: bucket.clone(),
            role: binding.role.clone(),
            condition: Condition::of_binding(binding),
        };
        if !all.contains(&grant) {
            all.push(grant);
        }
    }
    all
}

/// The grants that every new bucket has: the project's own roles, mirrored.
pub fn is_convenience(role: &str, member: &str) -> bool {
    let basic = ["projectOwner:", "projectEditor:", "projectViewer:"];
    role.starts_with("roles/storage.legacy") && basic.iter().any(|p| member.starts_with(p))
}

/// `b/B/roles/R/rest`, `b/B/projects/P/roles/R/rest`
fn parts(id: &str) -> Option<(BucketName, &str, Option<&str>)> {
    let (bucket, after) = id.strip_prefix("b/")?.split_once('/')?;
    let segments = match after.split('/').next()? {
        "roles" => 2,
        "projects" | "organizations" => 4,
        _ => return None,
    };
    let end = after.match_indices('/').map(|(at, _)| at).nth(segments - 1).unwrap_or(after.len());
    let role = &after[..end];
    if role.split('/').filter(|s| !s.is_empty()).count() < segments {
        return None;
    }
    let rest = after.get(end + 1..).filter(|r| !r.is_empty());
    Some((BucketName::parse(bucket)?, role, rest))
}

/// The member at the start, and what is left for a condition. The subjects of federated
/// principals hold slashes: such an id is all member.
fn member_in(rest: &str) -> Option<(&str, Option<&str>)> {
    let (member, rest) = match rest.split_once('/') {
        Some((member, tail)) if !rest.contains("://") => (member, Some(tail)),
        _ => (rest, None),
    };
    (!member.is_empty()).then_some((member, rest))
}

/// An id or attributes that name no binding.
pub(crate) fn unreadable(call: &str, id: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, call, id)
        .because("it does not name a bucket and a role: b/BUCKET/roles/ROLE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Attributes {
        Attributes::new()
    }

    #[test]
    fn ids_are_taken_apart_and_put_together() {
        for id in [
            "b/exports/roles/storage.objectViewer",
            "b/exports/projects/p/roles/custom",
            "b/exports/organizations/1/roles/custom",
            "b/exports/roles/storage.objectViewer/until/a description/request.time < x/y",
        ] {
            assert_eq!(Grant::of(id, &nothing()).unwrap().id(), id);
        }
        for id in [
            "b/exports/roles/storage.objectViewer/user:a@x",
            "b/exports/roles/storage.objectViewer/allUsers",
            "b/exports/projects/p/roles/custom/principalSet://iam.googleapis.com/x/y/z",
            "b/exports/roles/storage.objectViewer/user:a@x/title/words/true",
        ] {
            let (grant, member) = Grant::of_member(id, &nothing()).unwrap();
            assert_eq!(grant.member_id(&member), id);
        }
        for id in [
            "",
            "b/",
            "b/x",
            "b/x/roles",
            "b/x/roles/",
            "x/roles/y",
            "b/x/projects/p/roles",
            "b//roles/y",
        ] {
            assert_eq!(Grant::of(id, &nothing()), None, "{id}");
            assert_eq!(Grant::of_member(id, &nothing()), None, "{id}");
        }
        assert_eq!(Grant::of_member("b/x/roles/y", &nothing()), None);
    }

    #[test]
    fn attributes_say_it_before_the_id() {
        let attributes: Attributes = serde_json::from_str(
            r#"{"bucket":"exports","role":"roles/r","member":"principal://a/b","condition":[
                {"title":"t/t","description":"","expression":"a/b"}]}"#,
        )
        .unwrap();
        let (grant, member) = Grant::of_member("b/other/roles/x/user:y", &attributes).unwrap();
        assert_eq!(grant.member_id(&member), "b/exports/roles/r/principal://a/b/t/t//a/b");
    }

    #[test]
    fn members_are_set_added_and_removed_in_their_own_binding_only() {
        let grant = |id: &str| Grant::of(id, &nothing()).unwrap();
        let (plain, narrowed) = (grant("b/x/roles/r"), grant("b/x/roles/r/t/d/e"));
        let mut policy = Policy::new();
        assert!(plain.set_members(&mut policy, &["user:a@x".to_owned()]));
        assert!(!plain.set_members(&mut policy, &["user:A@x".to_owned()]), "case is nothing");
        assert!(narrowed.add_member(&mut policy, "user:b@x"));
        assert!(plain.add_member(&mut policy, "allUsers"));
        assert!(!plain.add_member(&mut policy, "allUsers"));
        assert_eq!(plain.members_in(&policy), ["allUsers", "user:a@x"]);
        assert_eq!(narrowed.members_in(&policy), ["user:b@x"]);
        assert!(plain.remove_member(&mut policy, "user:A@X"));
        assert!(plain.remove_member(&mut policy, "allUsers"));
        assert!(!plain.remove_member(&mut policy, "allUsers"));
        assert_eq!(policy.bindings.len(), 1, "an empty binding is none");
        assert_eq!(grants(&plain.bucket, &policy), [narrowed]);
    }
}
