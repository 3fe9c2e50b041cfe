//! Changes of a bucket's settings. What the provider keeps in a kind of its own and is more
//! than a switch (lifecycle, replication, object lock) is not written through this one.

use super::settings;
use crate::kinds::attributes::{first, integer, set, strings, wanted_tags};
use crate::s3::Bucket;
use crate::session::AwsSession;
use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    AccelerateConfiguration, AccessControlPolicy, BucketAccelerateStatus, BucketCannedAcl,
    BucketLoggingStatus, BucketVersioningStatus, CorsConfiguration, CorsRule, ErrorDocument, Grant,
    Grantee, IndexDocument, LoggingEnabled, MfaDelete, Owner, Payer, Permission,
    RedirectAllRequestsTo, RequestPaymentConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    Tag, Tagging, Type, VersioningConfiguration, WebsiteConfiguration,
};
use model::{Attributes, Resource, Value};
use provider::{ErrorKind, ProviderError};
use std::collections::BTreeMap;

fn refused(bucket: &Bucket<'_>, kind: ErrorKind, attribute: &str, why: String) -> ProviderError {
    ProviderError::new(kind, format!("change {attribute}"), format!("bucket {}", bucket.name))
        .because(why)
}

/// A request that cannot even be built was not complete.
fn incomplete(bucket: &Bucket<'_>, attribute: &str, error: BuildError) -> ProviderError {
    refused(bucket, ErrorKind::Invalid, attribute, error.to_string())
}

/// The settings that a new bucket gets with it, where they differ from a new bucket's own.
pub(super) async fn inline(bucket: &Bucket<'_>, wanted: &Attributes) -> Result<(), ProviderError> {
    let fresh = [
        ("versioning", settings::versioning_block(false, false)),
        ("server_side_encryption_configuration", own_encryption()),
    ];
    let own = |name: &str| fresh.iter().find(|(n, _)| *n == name).map(|(_, v)| v);
    for name in [
        "versioning",
        "server_side_encryption_configuration",
        "acceleration_status",
        "request_payer",
    ] {
        let Some(value) = wanted.get(name).filter(|v| !v.is_unset()) else { continue };
        let usual = own(name) == Some(value) || value.as_str() == Some("BucketOwner");
        if !usual {
            setting(bucket, name, value).await?;
        }
    }
    Ok(())
}

/// Since January 2023 a bucket whose owner asked for nothing encrypts with S3's own keys.
pub(super) fn own_encryption() -> Value {
    let rule = settings::sse_rule(Some("AES256"), None, false);
    crate::kinds::attributes::block([("rule", Value::List(vec![rule]))])
}

pub(super) async fn changes(
    session: &AwsSession,
    bucket: &Bucket<'_>,
    current: &Resource,
    changes: &Attributes,
) -> Result<(), ProviderError> {
    if let Some(wanted) = wanted_tags(changes) {
        tags(bucket, &wanted).await?;
    }
    for (name, value) in changes.iter().filter(|(name, _)| !name.starts_with("tags")) {
        match name.as_str() {
            "force_destroy" => {}
            "policy" => policy(session, bucket, value).await?,
            "acl" => canned_list(bucket, value).await?,
            "grant" => grants(bucket, current, value).await?,
            _ => setting(bucket, name, value).await?,
        }
    }
    Ok(())
}

pub(super) async fn tags(
    bucket: &Bucket<'_>,
    tags: &BTreeMap<String, String>,
) -> Result<(), ProviderError> {
    let name = bucket.name;
    if tags.is_empty() {
        return bucket
            .write("DeleteBucketTagging", |c| c.delete_bucket_tagging().bucket(name).send())
            .await
            .map(drop);
    }
    let built: Result<Vec<Tag>, BuildError> =
        tags.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
    let set = built.and_then(|t| Tagging::builder().set_tag_set(Some(t)).build());
    let set = set.map_err(|e| incomplete(bucket, "tags_all", e))?;
    bucket
        .write("PutBucketTagging", |c| {
            c.put_bucket_tagging().bucket(name).tagging(set.clone()).send()
        })
        .await
        .map(drop)
}

async fn policy(
    session: &AwsSession,
    bucket: &Bucket<'_>,
    value: &Value,
) -> Result<(), ProviderError> {
    let name = bucket.name;
    match value.as_str().filter(|p| !p.is_empty()) {
        Some(policy) => crate::kinds::s3_bucket_policy::put(session, name, None, policy).await,
        None => bucket
            .write("DeleteBucketPolicy", |c| c.delete_bucket_policy().bucket(name).send())
            .await
            .map(drop),
    }
}

async fn canned_list(bucket: &Bucket<'_>, value: &Value) -> Result<(), ProviderError> {
    let acl = BucketCannedAcl::from(value.as_str().filter(|a| !a.is_empty()).unwrap_or("private"));
    bucket
        .write("PutBucketAcl", |c| c.put_bucket_acl().bucket(bucket.name).acl(acl.clone()).send())
        .await
        .map(drop)
}

/// The whole list. Its owner is whoever owns the bucket now.
async fn grants(
    bucket: &Bucket<'_>,
    current: &Resource,
    value: &Value,
) -> Result<(), ProviderError> {
    let owner_of = |value: Option<&Value>| {
        let grants = value.and_then(Value::as_list).unwrap_or_default();
        grants.iter().filter_map(Value::as_map).find_map(|g| {
            let id = g.get("id").and_then(Value::as_str).filter(|id| !id.is_empty())?;
            strings(g.get("permissions")).iter().any(|p| p == "FULL_CONTROL").then(|| id.to_owned())
        })
    };
    let owner = owner_of(current.attributes.get("grant")).or_else(|| owner_of(Some(value)));
    let Some(owner) = owner else {
        let why = "no grant names the bucket's owner".to_owned();
        return Err(refused(bucket, ErrorKind::Invalid, "grant", why));
    };
    let mut all = Vec::new();
    for grant in value.as_list().unwrap_or_default().iter().filter_map(Value::as_map) {
        let own = |name: &str| grant.get(name).and_then(Value::as_str).filter(|s| !s.is_empty());
        let grantee = Grantee::builder()
            .r#type(Type::from(own("type").unwrap_or("CanonicalUser")))
            .set_id(own("id").map(str::to_owned))
            .set_uri(own("uri").map(str::to_owned))
            .build()
            .map_err(|e| incomplete(bucket, "grant", e))?;
        all.extend(strings(grant.get("permissions")).into_iter().map(|permission| {
            Grant::builder()
                .grantee(grantee.clone())
                .permission(Permission::from(permission.as_str()))
                .build()
        }));
    }
    let list = AccessControlPolicy::builder()
        .owner(Owner::builder().id(owner).build())
        .set_grants(Some(all))
        .build();
    bucket
        .write("PutBucketAcl", |c| {
            c.put_bucket_acl().bucket(bucket.name).access_control_policy(list.clone()).send()
        })
        .await
        .map(drop)
}

async fn setting(bucket: &Bucket<'_>, attribute: &str, value: &Value) -> Result<(), ProviderError> {
    let name = bucket.name;
    match attribute {
        "versioning" => {
            let on = |key: &str| {
                first(Some(value)).and_then(|v| v.get(key)).and_then(Value::as_bool) == Some(true)
            };
            let status = match on("enabled") {
                true => BucketVersioningStatus::Enabled,
                false => BucketVersioningStatus::Suspended,
            };
            // Only the root user with its device may switch this; asking for *off* needs neither.
            let mfa = on("mfa_delete").then_some(MfaDelete::Enabled);
            let written = VersioningConfiguration::builder().status(status).set_mfa_delete(mfa);
            let written = written.build();
            bucket
                .write("PutBucketVersioning", |c| {
                    let call = c.put_bucket_versioning().bucket(name);
                    call.versioning_configuration(written.clone()).send()
                })
                .await
                .map(drop)
        }
        "server_side_encryption_configuration" => encryption(bucket, value).await,
        "acceleration_status" => {
            let status = value.as_str().filter(|s| !s.is_empty()).unwrap_or("Suspended");
            let written = AccelerateConfiguration::builder()
                .status(BucketAccelerateStatus::from(status))
                .build();
            bucket
                .write("PutBucketAccelerateConfiguration", |c| {
                    let call = c.put_bucket_accelerate_configuration().bucket(name);
                    call.accelerate_configuration(written.clone()).send()
                })
                .await
                .map(drop)
        }
        "request_payer" => {
            let payer = value.as_str().filter(|s| !s.is_empty()).unwrap_or("BucketOwner");
            let written = RequestPaymentConfiguration::builder().payer(Payer::from(payer)).build();
            let written = written.map_err(|e| incomplete(bucket, attribute, e))?;
            bucket
                .write("PutBucketRequestPayment", |c| {
                    let call = c.put_bucket_request_payment().bucket(name);
                    call.request_payment_configuration(written.clone()).send()
                })
                .await
                .map(drop)
        }
        "logging" => logging(bucket, value).await,
        "cors_rule" => cors(bucket, value).await,
        "website" => website(bucket, value).await,
        _ => {
            let why = format!("{attribute} is not changed through aws_s3_bucket");
            Err(refused(bucket, ErrorKind::Unsupported, attribute, why))
        }
    }
}

async fn encryption(bucket: &Bucket<'_>, value: &Value) -> Result<(), ProviderError> {
    let attribute = "server_side_encryption_configuration";
    let name = bucket.name;
    let Some(rule) = first(Some(value)).and_then(|v| first(v.get("rule"))) else {
        return bucket
            .write("DeleteBucketEncryption", |c| c.delete_bucket_encryption().bucket(name).send())
            .await
            .map(drop);
    };
    let default = first(rule.get("apply_server_side_encryption_by_default"));
    let of = |key: &str| default.and_then(|d| set(d, key));
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::from(of("sse_algorithm").unwrap_or("AES256")))
        .set_kms_master_key_id(of("kms_master_key_id").map(str::to_owned))
        .build()
        .map_err(|e| incomplete(bucket, attribute, e))?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .set_bucket_key_enabled(rule.get("bucket_key_enabled").and_then(Value::as_bool))
        .build();
    let written = ServerSideEncryptionConfiguration::builder()
        .rules(rule)
        .build()
        .map_err(|e| incomplete(bucket, attribute, e))?;
    bucket
        .write("PutBucketEncryption", |c| {
            let call = c.put_bucket_encryption().bucket(name);
            call.server_side_encryption_configuration(written.clone()).send()
        })
        .await
        .map(drop)
}

async fn logging(bucket: &Bucket<'_>, value: &Value) -> Result<(), ProviderError> {
    let enabled = first(Some(value)).map(|v| {
        LoggingEnabled::builder()
            .target_bucket(set(v, "target_bucket").unwrap_or_default())
            .target_prefix(set(v, "target_prefix").unwrap_or_default())
            .build()
    });
    let enabled = enabled.transpose().map_err(|e| incomplete(bucket, "logging", e))?;
    let written = BucketLoggingStatus::builder().set_logging_enabled(enabled).build();
    bucket
        .write("PutBucketLogging", |c| {
            let call = c.put_bucket_logging().bucket(bucket.name);
            call.bucket_logging_status(written.clone()).send()
        })
        .await
        .map(drop)
}

async fn cors(bucket: &Bucket<'_>, value: &Value) -> Result<(), ProviderError> {
    let rules = value.as_list().unwrap_or_default().iter().filter_map(Value::as_map).map(|rule| {
        CorsRule::builder()
            .set_allowed_headers(Some(strings(rule.get("allowed_headers"))))
            .set_allowed_methods(Some(strings(rule.get("allowed_methods"))))
            .set_allowed_origins(Some(strings(rule.get("allowed_origins"))))
            .set_expose_headers(Some(strings(rule.get("expose_headers"))))
            .set_max_age_seconds(integer(rule.get("max_age_seconds")))
            .build()
    });
    let rules: Result<Vec<CorsRule>, BuildError> = rules.collect();
    let rules = rules.map_err(|e| incomplete(bucket, "cors_rule", e))?;
    let name = bucket.name;
    if rules.is_empty() {
        return bucket
            .write("DeleteBucketCors", |c| c.delete_bucket_cors().bucket(name).send())
            .await
            .map(drop);
    }
    let written = CorsConfiguration::builder()
        .set_cors_rules(Some(rules))
        .build()
        .map_err(|e| incomplete(bucket, "cors_rule", e))?;
    bucket
        .write("PutBucketCors", |c| {
            c.put_bucket_cors().bucket(name).cors_configuration(written.clone()).send()
        })
        .await
        .map(drop)
}

async fn website(bucket: &Bucket<'_>, value: &Value) -> Result<(), ProviderError> {
    let name = bucket.name;
    let Some(wanted) = first(Some(value)) else {
        return bucket
            .write("DeleteBucketWebsite", |c| c.delete_bucket_website().bucket(name).send())
            .await
            .map(drop);
    };
    if set(wanted, "routing_rules").is_some() {
        let why = "routing rules are not written".to_owned();
        return Err(refused(bucket, ErrorKind::Unsupported, "website", why));
    }
    let failed = |e| incomplete(bucket, "website", e);
    let mut written = WebsiteConfiguration::builder();
    if let Some(suffix) = set(wanted, "index_document") {
        let document = IndexDocument::builder().suffix(suffix).build().map_err(failed)?;
        written = written.index_document(document);
    }
    if let Some(key) = set(wanted, "error_document") {
        let document = ErrorDocument::builder().key(key).build().map_err(failed)?;
        written = written.error_document(document);
    }
    if let Some(to) = set(wanted, "redirect_all_requests_to") {
        let (protocol, host) = match to.split_once("://") {
            Some((protocol, host)) => (Some(protocol.into()), host),
            None => (None, to),
        };
        let to = RedirectAllRequestsTo::builder().host_name(host).set_protocol(protocol).build();
        written = written.redirect_all_requests_to(to.map_err(failed)?);
    }
    let written = written.build();
    bucket
        .write("PutBucketWebsite", |c| {
            c.put_bucket_website().bucket(name).website_configuration(written.clone()).send()
        })
        .await
        .map(drop)
}
