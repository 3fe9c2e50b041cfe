//! The settings of a bucket, from S3's answers to Terraform's shapes.
//!
//! What a bucket does not have, S3 answers with a code of its own. An endpoint that has no
//! such setting at all answers 405 or 501: then nobody can have set it.

use crate::kinds::attributes::{block, map, none, number, tags, text};
use crate::s3::Bucket;
use aws_sdk_s3::operation::get_bucket_website::GetBucketWebsiteOutput;
use aws_sdk_s3::types::{
    BucketVersioningStatus, CorsRule, ExpirationStatus, Grant, LifecycleRule, LifecycleRuleFilter,
    LoggingEnabled, MfaDeleteStatus, ObjectLockConfiguration, ServerSideEncryptionConfiguration,
    Transition, Type,
};
use aws_smithy_types::date_time::Format;
use model::{Attributes, Value};
use provider::{ErrorKind, ProviderError};
use std::collections::BTreeMap;

mod replication;

const NOT_SERVED: [&str; 2] = ["MethodNotAllowed", "NotImplemented"];

fn absent(code: &str) -> [&str; 3] {
    [code, NOT_SERVED[0], NOT_SERVED[1]]
}

/// All of them, asked side by side.
pub(super) async fn read(bucket: &Bucket<'_>) -> Result<Attributes, ProviderError> {
    let name = bucket.name;
    let none_such = [NOT_SERVED[0], NOT_SERVED[1], "UnsupportedArgument"];
    let no_policy = absent("NoSuchBucketPolicy");
    let no_cors = absent("NoSuchCORSConfiguration");
    let no_website = absent("NoSuchWebsiteConfiguration");
    let no_lifecycle = absent("NoSuchLifecycleConfiguration");
    let no_replication = absent("ReplicationConfigurationNotFoundError");
    let no_encryption = absent("ServerSideEncryptionConfigurationNotFoundError");
    let no_lock = absent("ObjectLockConfigurationNotFoundError");
    let no_tags = absent("NoSuchTagSet");
    let first = futures::future::try_join5(
        bucket.find("GetBucketPolicy", &no_policy, |c| c.get_bucket_policy().bucket(name).send()),
        bucket.find("GetBucketAcl", &none_such, |c| c.get_bucket_acl().bucket(name).send()),
        bucket.find("GetBucketCors", &no_cors, |c| c.get_bucket_cors().bucket(name).send()),
        bucket
            .find("GetBucketWebsite", &no_website, |c| c.get_bucket_website().bucket(name).send()),
        bucket.find("GetBucketVersioning", &none_such, |c| {
            c.get_bucket_versioning().bucket(name).send()
        }),
    );
    let second = futures::future::try_join4(
        bucket.find("GetBucketAccelerateConfiguration", &none_such, |c| {
            c.get_bucket_accelerate_configuration().bucket(name).send()
        }),
        payer(bucket, &none_such),
        bucket.find("GetBucketLogging", &none_such, |c| c.get_bucket_logging().bucket(name).send()),
        bucket.find("GetBucketLifecycleConfiguration", &no_lifecycle, |c| {
            c.get_bucket_lifecycle_configuration().bucket(name).send()
        }),
    );
    let third = futures::future::try_join4(
        bucket.find("GetBucketReplication", &no_replication, |c| {
            c.get_bucket_replication().bucket(name).send()
        }),
        bucket.find("GetBucketEncryption", &no_encryption, |c| {
            c.get_bucket_encryption().bucket(name).send()
        }),
        bucket.find("GetObjectLockConfiguration", &no_lock, |c| {
            c.get_object_lock_configuration().bucket(name).send()
        }),
        bucket.find("GetBucketTagging", &no_tags, |c| c.get_bucket_tagging().bucket(name).send()),
    );
    let (first, second, third) = futures::future::try_join3(first, second, third).await?;
    let (policy, acl, cors, website, versioning) = first;
    let (acceleration, payer, logging, lifecycle) = second;
    let (replication, encryption, lock, tagging) = third;

    let pairs = tagging.iter().flat_map(|t| t.tag_set()).map(|t| (t.key(), t.value()));
    let tags = tags(pairs);
    let versioning = versioning.map_or_else(
        || versioning_block(false, false),
        |v| {
            versioning_block(
                v.status() == Some(&BucketVersioningStatus::Enabled),
                v.mfa_delete() == Some(&MfaDeleteStatus::Enabled),
            )
        },
    );
    let grants = acl.map(|a| a.grants.unwrap_or_default()).unwrap_or_default();
    let lock = lock.and_then(|l| l.object_lock_configuration);
    let locked = lock.as_ref().is_some_and(|l| l.object_lock_enabled().is_some());
    let (website, domain) = match &website {
        Some(website) => (website_block(website), Some(website_domain(&bucket.region()))),
        None => (none(), None),
    };
    let endpoint = domain.as_ref().map(|domain| format!("{name}.{domain}"));
    let rules = cors.map(|c| c.cors_rules.unwrap_or_default()).unwrap_or_default();
    let lifecycle = lifecycle.map(|l| l.rules.unwrap_or_default()).unwrap_or_default();
    let entries = [
        ("acceleration_status", text(acceleration.and_then(|a| a.status).map(|s| s.to_string()))),
        ("cors_rule", Value::List(rules.iter().map(cors_rule).collect())),
        ("grant", grant_set(&grants)),
        ("lifecycle_rule", Value::List(lifecycle.iter().map(lifecycle_rule).collect())),
        ("logging", logging.and_then(|l| l.logging_enabled).map_or_else(none, |l| logs(&l))),
        ("object_lock_configuration", lock.as_ref().map_or_else(none, object_lock)),
        ("object_lock_enabled", locked.into()),
        ("policy", text(policy.and_then(|p| p.policy))),
        (
            "replication_configuration",
            replication
                .and_then(|r| r.replication_configuration)
                .map_or_else(none, |r| replication::block_of(&r)),
        ),
        ("request_payer", payer.into()),
        (
            "server_side_encryption_configuration",
            encryption
                .and_then(|e| e.server_side_encryption_configuration)
                .map_or_else(none, |e| encryption_block(&e)),
        ),
        ("tags", tags.clone()),
        ("tags_all", tags),
        ("versioning", versioning),
        ("website", website),
        ("website_domain", domain.into()),
        ("website_endpoint", endpoint.into()),
    ];
    Ok(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
}

/// Endpoints that do not know this setting leave its name out of account and list the
/// bucket. Then nothing is known of it: null, which equals no value that a state may hold.
async fn payer(bucket: &Bucket<'_>, absent: &[&str]) -> Result<Option<String>, ProviderError> {
    let asked = bucket
        .find("GetBucketRequestPayment", absent, |c| {
            c.get_bucket_request_payment().bucket(bucket.name).send()
        })
        .await;
    match asked {
        Err(error) if error.is(ErrorKind::Malformed) => Ok(None),
        asked => Ok(asked?.and_then(|answer| answer.payer).map(|payer| payer.to_string())),
    }
}

pub(super) fn versioning_block(enabled: bool, mfa_delete: bool) -> Value {
    block([("enabled", enabled.into()), ("mfa_delete", mfa_delete.into())])
}

pub(super) fn logging_block(bucket: &str, prefix: &str) -> Value {
    block([("target_bucket", bucket.into()), ("target_prefix", prefix.into())])
}

fn logs(enabled: &LoggingEnabled) -> Value {
    logging_block(enabled.target_bucket(), enabled.target_prefix())
}

fn encryption_block(configuration: &ServerSideEncryptionConfiguration) -> Value {
    let rules = configuration.rules().iter().map(|rule| {
        let default = rule.apply_server_side_encryption_by_default();
        sse_rule(
            default.map(|d| d.sse_algorithm().as_str()),
            default.and_then(|d| d.kms_master_key_id()),
            rule.bucket_key_enabled().unwrap_or(false),
        )
    });
    block([("rule", Value::List(rules.collect()))])
}

pub(super) fn sse_rule(algorithm: Option<&str>, key: Option<&str>, bucket_key: bool) -> Value {
    let default = match algorithm {
        Some(algorithm) => {
            block([("kms_master_key_id", text(key)), ("sse_algorithm", algorithm.into())])
        }
        None => none(),
    };
    map([
        ("apply_server_side_encryption_by_default", default),
        ("bucket_key_enabled", bucket_key.into()),
    ])
}

/// One element a grantee, with all that it may do.
fn grant_set(grants: &[Grant]) -> Value {
    let parts = grants.iter().filter_map(|grant| {
        let grantee = grant.grantee()?;
        let permission = grant.permission()?.as_str();
        // An answer names no type where the group's URI tells it.
        let group = matches!(grantee.r#type(), Type::Group) || grantee.uri().is_some();
        let kind = if group { "Group" } else { grantee.r#type().as_str() };
        Some(GrantOf {
            kind: kind.to_owned(),
            id: grantee.id().unwrap_or_default().to_owned(),
            uri: grantee.uri().unwrap_or_default().to_owned(),
            permission: permission.to_owned(),
        })
    });
    grants_value(parts)
}

/// One permission of one grantee.
#[derive(PartialEq)]
pub(super) struct GrantOf {
    pub kind: String,
    pub id: String,
    pub uri: String,
    pub permission: String,
}

pub(super) fn grants_value(parts: impl Iterator<Item = GrantOf>) -> Value {
    let mut grantees: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for part in parts {
        let permissions = grantees.entry((part.kind, part.id, part.uri)).or_default();
        if !permissions.contains(&part.permission) {
            permissions.push(part.permission);
        }
    }
    let element = |((kind, id, uri), permissions): ((String, String, String), Vec<String>)| {
        map([
            ("id", id.into()),
            ("permissions", Value::strings(permissions)),
            ("type", kind.into()),
            ("uri", uri.into()),
        ])
    };
    Value::List(grantees.into_iter().map(element).collect())
}

fn cors_rule(rule: &CorsRule) -> Value {
    map([
        ("allowed_headers", Value::strings(rule.allowed_headers())),
        ("allowed_methods", Value::strings(rule.allowed_methods())),
        ("allowed_origins", Value::strings(rule.allowed_origins())),
        ("expose_headers", Value::strings(rule.expose_headers())),
        ("max_age_seconds", number(rule.max_age_seconds())),
    ])
}

fn website_block(website: &GetBucketWebsiteOutput) -> Value {
    let redirect = website.redirect_all_requests_to().map(|to| match to.protocol() {
        Some(protocol) => format!("{}://{}", protocol.as_str(), to.host_name()),
        None => to.host_name().to_owned(),
    });
    let rules = website.routing_rules();
    block([
        ("error_document", text(website.error_document().map(|d| d.key()))),
        ("index_document", text(website.index_document().map(|d| d.suffix()))),
        ("redirect_all_requests_to", text(redirect)),
        ("routing_rules", if rules.is_empty() { "".into() } else { routing_rules(rules) }),
    ])
}

/// Terraform keeps them as the JSON of the API's own names.
fn routing_rules(rules: &[aws_sdk_s3::types::RoutingRule]) -> Value {
    let object = |pairs: &[(&str, Option<&str>)]| -> serde_json::Value {
        let given = pairs.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        given.map(|(name, value)| (name.to_owned(), serde_json::Value::from(value))).collect()
    };
    let rules: Vec<serde_json::Value> = rules
        .iter()
        .map(|rule| {
            let condition = rule.condition().map(|c| {
                object(&[
                    ("HttpErrorCodeReturnedEquals", c.http_error_code_returned_equals()),
                    ("KeyPrefixEquals", c.key_prefix_equals()),
                ])
            });
            let redirect = rule.redirect().map(|r| {
                object(&[
                    ("HostName", r.host_name()),
                    ("HttpRedirectCode", r.http_redirect_code()),
                    ("Protocol", r.protocol().map(|p| p.as_str())),
                    ("ReplaceKeyPrefixWith", r.replace_key_prefix_with()),
                    ("ReplaceKeyWith", r.replace_key_with()),
                ])
            });
            let parts = [("Condition", condition), ("Redirect", redirect)];
            parts.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?))).collect()
        })
        .collect();
    serde_json::Value::Array(rules).to_string().into()
}

/// AWS General Reference, "Amazon S3 website endpoints": older regions have a dash.
fn website_domain(region: &str) -> String {
    const DASHED: [&str; 9] = [
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "eu-west-1",
        "sa-east-1",
        "us-east-1",
        "us-gov-west-1",
        "us-west-1",
        "us-west-2",
    ];
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    match DASHED.contains(&region) {
        true => format!("s3-website-{region}.{suffix}"),
        false => format!("s3-website.{region}.{suffix}"),
    }
}

fn lifecycle_rule(rule: &LifecycleRule) -> Value {
    let filter = rule.filter();
    let and = filter.and_then(LifecycleRuleFilter::and);
    #[expect(deprecated, reason = "older rules have their prefix outside of the filter")]
    let outside = rule.prefix();
    let prefix = filter.and_then(|f| f.prefix()).or(and.and_then(|a| a.prefix())).or(outside);
    let one = filter.and_then(|f| f.tag()).into_iter();
    let pairs = one.chain(and.iter().flat_map(|a| a.tags()));
    let tags = tags(pairs.map(|t| (t.key(), t.value())));
    let expiration = rule.expiration().map_or_else(none, |e| {
        block([
            ("date", text(e.date().and_then(|d| d.fmt(Format::DateTime).ok()).map(day))),
            ("days", number(e.days())),
            (
                "expired_object_delete_marker",
                e.expired_object_delete_marker().unwrap_or(false).into(),
            ),
        ])
    });
    let noncurrent = rule
        .noncurrent_version_expiration()
        .map_or_else(none, |e| block([("days", number(e.noncurrent_days()))]));
    let moves = rule.noncurrent_version_transitions().iter().map(|t| {
        map([
            ("days", number(t.noncurrent_days())),
            ("storage_class", text(t.storage_class().map(|c| c.as_str()))),
        ])
    });
    map([
        (
            "abort_incomplete_multipart_upload_days",
            number(
                rule.abort_incomplete_multipart_upload().and_then(|a| a.days_after_initiation()),
            ),
        ),
        ("enabled", (*rule.status() == ExpirationStatus::Enabled).into()),
        ("expiration", expiration),
        ("id", text(rule.id())),
        ("noncurrent_version_expiration", noncurrent),
        ("noncurrent_version_transition", Value::List(moves.collect())),
        ("prefix", text(prefix)),
        ("tags", tags),
        ("transition", Value::List(rule.transitions().iter().map(transition).collect())),
    ])
}

fn transition(transition: &Transition) -> Value {
    map([
        ("date", text(transition.date().and_then(|d| d.fmt(Format::DateTime).ok()).map(day))),
        ("days", number(transition.days())),
        ("storage_class", text(transition.storage_class().map(|c| c.as_str()))),
    ])
}

/// Rules name days, not moments.
fn day(moment: String) -> String {
    moment.split('T').next().unwrap_or_default().to_owned()
}

fn object_lock(lock: &ObjectLockConfiguration) -> Value {
    let retention = lock.rule().and_then(|r| r.default_retention()).map(|r| {
        block([
            ("days", number(r.days())),
            ("mode", text(r.mode().map(|m| m.as_str()))),
            ("years", number(r.years())),
        ])
    });
    let rule = retention.map_or_else(none, |retention| block([("default_retention", retention)]));
    block([
        ("object_lock_enabled", text(lock.object_lock_enabled().map(|e| e.as_str()))),
        ("rule", rule),
    ])
}
