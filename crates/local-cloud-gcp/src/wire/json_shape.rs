//! Stored documents as the JSON API answers them.

use crate::calls::acl;
use crate::calls::buckets::Answered;
use crate::state::bucket::{Bucket, resource_name};
use crate::state::object::{Acl, Object};
use crate::story;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// As Google writes names into links.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub fn encode(name: &str) -> String {
    utf8_percent_encode(name, NAME).to_string()
}

/// `full` adds the ACLs, which buckets with uniform access do not have.
pub fn bucket(bucket: &Bucket, full: bool) -> Value {
    let mut answer = serde_json::to_value(&bucket.config).unwrap_or_default();
    let name = &bucket.name;
    for (key, value) in [
        ("kind", json!("storage#bucket")),
        ("id", json!(name)),
        ("name", json!(name)),
        ("selfLink", json!(format!("https://www.googleapis.com/storage/v1/b/{name}"))),
        ("projectNumber", json!(story::PROJECT_NUMBER)),
        ("metageneration", json!(bucket.metageneration.to_string())),
        ("etag", json!(bucket.etag())),
        ("generation", json!((bucket.created.unix_millis() * 1000).to_string())),
        ("locationType", json!(bucket.config.location_type())),
        ("timeCreated", json!(bucket.created)),
        ("updated", json!(bucket.updated)),
    ] {
        answer[key] = value;
    }
    if let Some(iam) = answer.get_mut("iamConfiguration") {
        iam["bucketPolicyOnly"] = iam["uniformBucketLevelAccess"].clone();
    }
    if full && !bucket.config.uniform() {
        answer["acl"] = bucket_acl(bucket);
        answer["defaultObjectAcl"] = bucket
            .default_object_acl
            .iter()
            .map(|a| {
                entry(a, json!({"kind": "storage#objectAccessControl", "etag": bucket.etag()}))
            })
            .collect();
        answer["owner"] = json!({"entity": format!("project-owners-{}", story::PROJECT_NUMBER)});
    }
    answer
}

pub fn layout(bucket: &Bucket) -> Value {
    json!({
        "kind": "storage#storageLayout",
        "bucket": bucket.name,
        "location": bucket.config.location,
        "locationType": bucket.config.location_type(),
        "hierarchicalNamespace": {"enabled": false},
    })
}

pub fn bucket_acl(bucket: &Bucket) -> Value {
    acl::of_bucket(bucket).iter().map(|a| bucket_entry(bucket, a)).collect()
}

pub fn bucket_entry(bucket: &Bucket, acl: &Acl) -> Value {
    let id = format!("{}/{}", bucket.name, acl.entity);
    let link =
        format!("https://www.googleapis.com/storage/v1/b/{}/acl/{}", bucket.name, acl.entity);
    entry(
        acl,
        json!({
            "kind": "storage#bucketAccessControl", "id": id, "selfLink": link,
            "bucket": bucket.name, "etag": bucket.etag(),
        }),
    )
}

pub fn object_entry(object: &Object, acl: &Acl) -> Value {
    entry(
        acl,
        json!({
            "kind": "storage#objectAccessControl",
            "id": format!("{}/{}/{}/{}", object.bucket, object.name, object.generation, acl.entity),
            "bucket": object.bucket,
            "object": object.name,
            "generation": object.generation.to_string(),
            "etag": object.etag(),
        }),
    )
}

fn entry(acl: &Acl, mut base: Value) -> Value {
    base["entity"] = acl.entity.clone().into();
    base["role"] = acl.role.clone().into();
    if let Some(email) = acl.entity.strip_prefix("user-") {
        base["email"] = email.into();
    }
    if let Some((team, number)) =
        acl.entity.strip_prefix("project-").and_then(|e| e.rsplit_once('-'))
    {
        base["projectTeam"] = json!({"projectNumber": number, "team": team});
    }
    base
}

pub fn object(object: &Object, full: bool, uniform: bool) -> Value {
    let (bucket, name) = (&object.bucket, &object.name);
    let (escaped, generation) = (encode(name), object.generation);
    let mut answer = json!({
        "kind": "storage#object",
        "id": format!("{bucket}/{name}/{generation}"),
        "selfLink": format!("https://www.googleapis.com/storage/v1/b/{bucket}/o/{escaped}"),
        "mediaLink": format!(
            "https://storage.googleapis.com/download/storage/v1/b/{bucket}/o/{escaped}?generation={generation}&alt=media"
        ),
        "name": name,
        "bucket": bucket,
        "generation": generation.to_string(),
        "metageneration": object.metageneration.to_string(),
        "storageClass": object.storage_class,
        "size": object.size.to_string(),
        "crc32c": object.crc32c_text(),
        "md5Hash": object.md5,
        "etag": object.etag(),
        "timeCreated": object.created,
        "updated": object.updated,
        "timeStorageClassUpdated": object.created,
        "timeFinalized": object.created,
    });
    if let Some(content_type) = &object.content_type {
        answer["contentType"] = content_type.clone().into();
    }
    for (key, value) in &object.headers {
        answer[key] = value.clone().into();
    }
    if !object.metadata.is_empty() {
        answer["metadata"] = json!(object.metadata);
    }
    if let Some(deleted) = object.deleted {
        answer["timeDeleted"] = json!(deleted);
    }
    if object.event_based_hold {
        answer["eventBasedHold"] = true.into();
    }
    if object.temporary_hold {
        answer["temporaryHold"] = true.into();
    }
    if full && !uniform {
        answer["acl"] = object.acl.iter().map(|a| object_entry(object, a)).collect();
        if let Some(owner) =
            object.acl.iter().find(|a| a.role == "OWNER" && a.entity.starts_with("user-"))
        {
            answer["owner"] = json!({"entity": owner.entity});
        }
    }
    answer
}

pub fn policy(bucket: &str, answered: &Answered) -> Value {
    json!({
        "kind": "storage#policy",
        "resourceId": resource_name(bucket),
        "version": answered.version(),
        "etag": STANDARD.encode(&answered.etag),
        "bindings": answered.policy.bindings,
    })
}
