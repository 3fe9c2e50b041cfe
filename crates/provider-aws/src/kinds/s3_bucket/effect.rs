//! What a record of S3 did to a bucket. Where it does not hold what was written, only the
//! setting that it names is unknown from then on, not the whole bucket.

use super::settings::{self, GrantOf};
use super::write::own_encryption;
use crate::kinds::attributes::{block, none};
use crate::kinds::iam_user::unknown_at;
use crate::kinds::records::{attributes, boolean, effect, s3, sets, several, tags, text};
use crate::kinds::s3_bucket_policy;
use model::knowledge::{EventChange, EventEffect};
use model::{AttributePath, Event, Value};
use serde_json::Value as Json;

const GROUPS: &str = "http://acs.amazonaws.com/groups/";

pub(super) fn effect_of(event: &Event) -> Option<EventEffect> {
    let (operation, bucket) = s3(event)?;
    let asked = |name: &str| event.request.get(name);
    let known = match operation {
        "CreateBucket" => Some(created(event, bucket)),
        "DeleteBucket" => Some(EventChange::Deletes),
        "PutBucketPolicy" => Some(match s3_bucket_policy::written(event) {
            EventChange::Opaque => unknown_at("policy"),
            written => written,
        }),
        "DeleteBucketPolicy" => Some(sets([("policy", "".into())])),
        "PutBucketAcl" => Some(list(event)),
        "PutBucketTagging" => Some(tagging(asked("Tagging"))),
        "DeleteBucketTagging" => Some(sets([("tags_all", Value::Map(Default::default()))])),
        "PutBucketVersioning" => Some(versioning(asked("VersioningConfiguration"))),
        "PutBucketEncryption" => Some(encryption(asked("ServerSideEncryptionConfiguration"))),
        "DeleteBucketEncryption" => {
            Some(sets([("server_side_encryption_configuration", own_encryption())]))
        }
        "PutBucketLogging" => Some(logging(asked("BucketLoggingStatus"))),
        "PutAccelerateConfiguration" | "PutBucketAccelerateConfiguration" => {
            Some(one("acceleration_status", asked("AccelerateConfiguration"), "Status"))
        }
        "PutBucketRequestPayment" => {
            Some(one("request_payer", asked("RequestPaymentConfiguration"), "Payer"))
        }
        "DeleteBucketCors" => Some(sets([("cors_rule", none())])),
        "DeleteBucketWebsite" => Some(sets([("website", none())])),
        "DeleteBucketLifecycle" => Some(sets([("lifecycle_rule", none())])),
        "DeleteBucketReplication" => Some(sets([("replication_configuration", none())])),
        "PutBucketCors" => Some(unknown_at("cors_rule")),
        "PutBucketWebsite" => Some(unknown_at("website")),
        "PutBucketLifecycle" | "PutBucketLifecycleConfiguration" => {
            Some(unknown_at("lifecycle_rule"))
        }
        "PutBucketReplication" => Some(unknown_at("replication_configuration")),
        "PutObjectLockConfiguration" | "PutBucketObjectLockConfiguration" => {
            Some(unknown_at("object_lock_configuration"))
        }
        _ => None,
    };
    effect(bucket, known?)
}

fn created(event: &Event, bucket: &str) -> EventChange {
    let place = event.request.pointer("/CreateBucketConfiguration/LocationConstraint");
    let region = place.and_then(Json::as_str).or(event.region.as_deref());
    EventChange::Creates(attributes([
        ("bucket", bucket.into()),
        ("region", region.into()),
        ("policy", "".into()),
        ("tags_all", Value::Map(Default::default())),
        ("versioning", settings::versioning_block(false, false)),
        ("server_side_encryption_configuration", own_encryption()),
        ("logging", none()),
        ("website", none()),
        ("cors_rule", none()),
        ("lifecycle_rule", none()),
        ("replication_configuration", none()),
    ]))
}

fn tagging(written: Option<&Json>) -> EventChange {
    let pairs = several(written.and_then(|w| w.pointer("/TagSet/Tag")));
    match (written, tags(&pairs, "Key", "Value")) {
        (Some(Json::Object(_)), Some(tags)) => sets([("tags_all", Value::Map(tags))]),
        _ => unknown_at("tags_all"),
    }
}

fn versioning(written: Option<&Json>) -> EventChange {
    let Some(status) = text(written.and_then(|w| w.get("Status"))) else {
        return unknown_at("versioning");
    };
    let mfa = text(written.and_then(|w| w.get("MfaDelete"))).as_deref() == Some("Enabled");
    sets([("versioning", settings::versioning_block(status == "Enabled", mfa))])
}

fn encryption(written: Option<&Json>) -> EventChange {
    let attribute = "server_side_encryption_configuration";
    let rules = several(written.and_then(|w| w.get("Rule")));
    if rules.is_empty() {
        return unknown_at(attribute);
    }
    let rules = rules.into_iter().map(|rule| {
        let default = rule.get("ApplyServerSideEncryptionByDefault");
        let of = |name: &str| text(default.and_then(|d| d.get(name)));
        let bucket_key = boolean(rule.get("BucketKeyEnabled")).unwrap_or(false);
        settings::sse_rule(
            of("SSEAlgorithm").as_deref(),
            of("KMSMasterKeyID").as_deref(),
            bucket_key,
        )
    });
    sets([(attribute, block([("rule", Value::List(rules.collect()))]))])
}

fn logging(written: Option<&Json>) -> EventChange {
    let Some(Json::Object(status)) = written else { return unknown_at("logging") };
    let Some(enabled) = status.get("LoggingEnabled") else { return sets([("logging", none())]) };
    let of = |name: &str| text(enabled.get(name)).unwrap_or_default();
    sets([("logging", settings::logging_block(&of("TargetBucket"), &of("TargetPrefix")))])
}

fn one(attribute: &str, written: Option<&Json>, element: &str) -> EventChange {
    match text(written.and_then(|w| w.get(element))) {
        Some(value) => sets([(attribute, value.into())]),
        None => unknown_at(attribute),
    }
}

/// An access control list comes whole in the body, or as the name of a canned one, whose
/// groups are known although the owner's id is not in the record.
fn list(event: &Event) -> EventChange {
    let grants = several(event.request.pointer("/AccessControlPolicy/AccessControlList/Grant"));
    if !grants.is_empty() {
        let parts = grants.iter().filter_map(|grant| {
            let grantee = grant.get("Grantee")?;
            let uri = text(grantee.get("URI")).unwrap_or_default();
            Some(GrantOf {
                kind: if uri.is_empty() { "CanonicalUser" } else { "Group" }.to_owned(),
                id: text(grantee.get("ID")).unwrap_or_default(),
                uri,
                permission: text(grant.get("Permission"))?,
            })
        });
        return sets([("grant", settings::grants_value(parts))]);
    }
    let canned = match event.request.get("x-amz-acl") {
        Some(Json::String(name)) => name.as_str(),
        Some(Json::Array(names)) => names.first().and_then(Json::as_str).unwrap_or_default(),
        _ => "",
    };
    let group = |name: &str, permissions: &[&str]| {
        let parts = permissions.iter().map(|permission| GrantOf {
            kind: "Group".to_owned(),
            id: String::new(),
            uri: format!("{GROUPS}{name}"),
            permission: (*permission).to_owned(),
        });
        match settings::grants_value(parts) {
            Value::List(list) => list,
            _ => Vec::new(),
        }
    };
    let all = [
        ("public-read", group("global/AllUsers", &["READ"])),
        ("public-read-write", group("global/AllUsers", &["READ", "WRITE"])),
        ("authenticated-read", group("global/AuthenticatedUsers", &["READ"])),
        ("log-delivery-write", group("s3/LogDelivery", &["WRITE", "READ_ACP"])),
        ("private", Vec::new()),
    ];
    let Some((_, added)) = all.iter().find(|(name, _)| *name == canned) else {
        return unknown_at("grant");
    };
    let others = all.iter().filter(|(name, _)| *name != canned);
    EventChange::Elements {
        path: AttributePath::root("grant"),
        added: added.clone(),
        removed: others.flat_map(|(_, grants)| grants.clone()).collect(),
    }
}
