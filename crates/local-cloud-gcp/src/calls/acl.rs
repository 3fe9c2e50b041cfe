//! Access control lists: of objects, and of buckets, where they are the legacy roles of the
//! bucket's policy under another name.

use crate::error::ApiError;
use crate::state::bucket::Bucket;
use crate::state::object::Acl;
use crate::state::policy::{ALL_AUTHENTICATED, ALL_USERS, Binding, Policy};
use crate::story;
use serde_json::{Value, json};

const LEGACY: [(&str, &str); 3] = [
    ("READER", "roles/storage.legacyBucketReader"),
    ("WRITER", "roles/storage.legacyBucketWriter"),
    ("OWNER", "roles/storage.legacyBucketOwner"),
];

fn project_entity(team: &str) -> String {
    format!("project-{team}-{}", story::PROJECT_NUMBER)
}

fn acl(entity: impl Into<String>, role: &str) -> Acl {
    Acl { entity: entity.into(), role: role.to_owned() }
}

fn project_private() -> Vec<Acl> {
    vec![
        acl(project_entity("owners"), "OWNER"),
        acl(project_entity("editors"), "OWNER"),
        acl(project_entity("viewers"), "READER"),
    ]
}

pub fn default_object_acl() -> Vec<Acl> {
    project_private()
}

/// The predefined ACLs of the documentation.
pub fn predefined_object(name: &str, owner: Option<&str>) -> Result<Vec<Acl>, ApiError> {
    let mut entries: Vec<Acl> =
        owner.map(|o| acl(format!("user-{o}"), "OWNER")).into_iter().collect();
    match name {
        "private" => {}
        "projectPrivate" => entries.extend(project_private()),
        "publicRead" => entries.push(acl(ALL_USERS, "READER")),
        "authenticatedRead" => entries.push(acl(ALL_AUTHENTICATED, "READER")),
        "bucketOwnerRead" => entries.push(acl(project_entity("owners"), "READER")),
        "bucketOwnerFullControl" => entries.push(acl(project_entity("owners"), "OWNER")),
        _ => return Err(ApiError::invalid(format!("Invalid predefined ACL: {name}"))),
    }
    Ok(entries)
}

pub fn predefined_bucket(name: &str) -> Result<Vec<Acl>, ApiError> {
    let mut entries = vec![acl(project_entity("owners"), "OWNER")];
    match name {
        "private" => {}
        "projectPrivate" => entries = project_private(),
        "publicRead" => entries.push(acl(ALL_USERS, "READER")),
        "publicReadWrite" => entries.push(acl(ALL_USERS, "WRITER")),
        "authenticatedRead" => entries.push(acl(ALL_AUTHENTICATED, "READER")),
        _ => return Err(ApiError::invalid(format!("Invalid predefined ACL: {name}"))),
    }
    Ok(entries)
}

/// Replaces the legacy roles in a bucket's policy.
pub fn apply_to_bucket(bucket: &mut Bucket, entries: &[Acl]) -> Result<(), ApiError> {
    not_uniform(bucket, "bucket")?;
    let mut bindings: Vec<Binding> =
        bucket.policy.bindings.iter().filter(|b| legacy_name(&b.role).is_none()).cloned().collect();
    for entry in entries {
        let Some((_, role)) = LEGACY.iter().find(|(name, _)| *name == entry.role) else {
            return Err(ApiError::invalid(format!("Invalid role: {}", entry.role)));
        };
        let members = vec![member(&entry.entity)?];
        bindings.push(Binding { role: (*role).to_owned(), members, condition: None });
    }
    bucket.policy = Policy { bindings, audit_configs: Vec::new() }.normal();
    Ok(())
}

fn legacy_name(role: &str) -> Option<&'static str> {
    LEGACY.iter().find(|(_, r)| *r == role).map(|(name, _)| *name)
}

/// A bucket's ACL out of its policy.
pub fn of_bucket(bucket: &Bucket) -> Vec<Acl> {
    bucket
        .policy
        .bindings
        .iter()
        .filter_map(|b| Some((legacy_name(&b.role)?, &b.members)))
        .flat_map(|(role, members)| members.iter().map(move |m| acl(entity(m), role)))
        .collect()
}

fn member(entity: &str) -> Result<String, ApiError> {
    if entity == ALL_USERS || entity == ALL_AUTHENTICATED {
        return Ok(entity.to_owned());
    }
    let bad = || ApiError::invalid(format!("Invalid entity: {entity}"));
    let (kind, name) = entity.split_once('-').ok_or_else(bad)?;
    let project = story::PROJECT;
    Ok(match kind {
        "user" if name.ends_with(".gserviceaccount.com") => format!("serviceAccount:{name}"),
        "user" => format!("user:{name}"),
        "group" => format!("group:{name}"),
        "domain" => format!("domain:{name}"),
        "project" if name.starts_with("owners-") => format!("projectOwner:{project}"),
        "project" if name.starts_with("editors-") => format!("projectEditor:{project}"),
        "project" if name.starts_with("viewers-") => format!("projectViewer:{project}"),
        _ => return Err(bad()),
    })
}

fn entity(member: &str) -> String {
    match member.split_once(':') {
        None => member.to_owned(),
        Some(("projectOwner", _)) => project_entity("owners"),
        Some(("projectEditor", _)) => project_entity("editors"),
        Some(("projectViewer", _)) => project_entity("viewers"),
        Some(("serviceAccount", name)) => format!("user-{name}"),
        Some((kind, name)) => format!("{kind}-{name}"),
    }
}

/// ACL entries of a request's body.
pub fn read(list: &Value) -> Result<Vec<Acl>, ApiError> {
    let list = list.as_array().ok_or_else(|| ApiError::invalid("Invalid value for acl"))?;
    list.iter().map(read_one).collect()
}

pub fn read_one(entry: &Value) -> Result<Acl, ApiError> {
    let text = |name: &str| {
        entry
            .get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| ApiError::required(format!("Required field: {name}")))
    };
    let (entity, role) = (text("entity")?, text("role")?.to_ascii_uppercase());
    member(entity)?;
    if !matches!(role.as_str(), "READER" | "WRITER" | "OWNER") {
        return Err(ApiError::invalid(format!("Invalid role: {role}")));
    }
    Ok(Acl { entity: entity.to_owned(), role })
}

/// `acl` and `defaultObjectAcl` in a bucket's body.
pub fn patch_bucket(bucket: &mut Bucket, body: &Value) -> Result<(), ApiError> {
    if let Some(list) = body.get("acl").filter(|v| !v.is_null()) {
        let entries = read(list)?;
        if entries != of_bucket(bucket) {
            apply_to_bucket(bucket, &entries)?;
        }
    }
    if let Some(list) = body.get("defaultObjectAcl").filter(|v| !v.is_null()) {
        let entries = read(list)?;
        if entries != bucket.default_object_acl {
            not_uniform(bucket, "object")?;
            bucket.default_object_acl = entries;
        }
    }
    Ok(())
}

pub fn not_uniform(bucket: &Bucket, what: &str) -> Result<(), ApiError> {
    if bucket.config.uniform() {
        let article = if what == "object" { "an" } else { "a" };
        return Err(ApiError::invalid(format!(
            "Cannot insert legacy ACL for {article} {what} when uniform bucket-level access is \
             enabled. Read more at \
             https://cloud.google.com/storage/docs/uniform-bucket-level-access"
        )));
    }
    Ok(())
}

/// Under enforced prevention no ACL may newly name everybody.
pub fn check_public(bucket: &Bucket, new: &[Acl], old: &[Acl]) -> Result<(), ApiError> {
    let public = |a: &&Acl| a.entity == ALL_USERS || a.entity == ALL_AUTHENTICATED;
    if bucket.config.prevented() && new.iter().filter(public).any(|a| !old.contains(a)) {
        return Err(ApiError::precondition(
            "The public ACLs allUsers and allAuthenticatedUsers are not allowed since public \
             access prevention is enforced.",
        ));
    }
    Ok(())
}

/// Object ACLs as the log shows them: bindings of the legacy object roles.
pub fn as_bindings(entries: &[Acl]) -> Value {
    let of = |role: &str, name: &str| {
        let members: Vec<String> = entries
            .iter()
            .filter(|a| a.role == role)
            .filter_map(|a| member(&a.entity).ok())
            .collect();
        (!members.is_empty()).then(|| json!({"role": name, "members": members}))
    };
    [
        of("OWNER", "roles/storage.legacyObjectOwner"),
        of("READER", "roles/storage.legacyObjectReader"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_and_members_name_the_same() {
        for (entity_text, member_text) in [
            ("allUsers", "allUsers"),
            ("user-a@example.com", "user:a@example.com"),
            (
                "user-d@acme-lab.iam.gserviceaccount.com",
                "serviceAccount:d@acme-lab.iam.gserviceaccount.com",
            ),
            ("project-owners-418300000123", "projectOwner:acme-lab"),
            ("domain-example.com", "domain:example.com"),
        ] {
            assert_eq!(member(entity_text).unwrap(), member_text);
            assert_eq!(entity(member_text), entity_text);
        }
        assert!(member("nobody").is_err());
    }
}
