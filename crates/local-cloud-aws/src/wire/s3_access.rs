//! May this S3 call be made: which actions on which resources it needs, and what identity
//! policies, bucket policy, Block Public Access and ACLs say to them.

use crate::authorize::{Circumstances, Question, authorize};
use crate::exposure::{self, Requester, Standing};
use crate::state::{s3, s3_objects};
use crate::story::ACCOUNT;
use crate::wire::s3_call::S3Call;
use crate::wire::s3_error::Refused;
use crate::wire::s3_route::{parameter, parameters};
use aws_protocol::cloudtrail::Authentication;
use iam_policy::{Context, Policy, Request};
use local_cloud::View;
use s3s::dto::CopySource;

/// One action on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub action: String,
    pub bucket: Option<String>,
    pub key: Option<String>,
    pub version: Option<String>,
}

impl Need {
    pub fn on_bucket(action: &str, bucket: &str) -> Need {
        Need {
            action: action.to_owned(),
            bucket: Some(bucket.to_owned()),
            key: None,
            version: None,
        }
    }

    pub fn on_object(action: &str, bucket: &str, key: &str, version: Option<&str>) -> Need {
        Need {
            action: action.to_owned(),
            bucket: Some(bucket.to_owned()),
            key: Some(key.to_owned()),
            version: version.map(str::to_owned),
        }
    }

    fn resource(&self) -> String {
        match (&self.bucket, &self.key) {
            (None, _) => "*".to_owned(),
            (Some(bucket), None) => format!("arn:aws:s3:::{bucket}"),
            (Some(bucket), Some(key)) => format!("arn:aws:s3:::{bucket}/{key}"),
        }
    }
}

/// Actions that have a name of their own when a version is asked for by id.
const VERSIONED: [(&str, &str); 9] = [
    ("s3:GetObject", "s3:GetObjectVersion"),
    ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    ("s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
    ("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
    ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
    ("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
    ("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
    ("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"),
    ("s3:GetObjectTorrent", "s3:GetObjectVersionTorrent"),
];

pub fn for_version(action: &str, version: Option<&str>) -> String {
    let named = VERSIONED.iter().find(|(plain, _)| version.is_some() && *plain == action);
    named.map_or(action, |(_, versioned)| versioned).to_owned()
}

const GRANTS: [&str; 5] = [
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
];

/// What the call needs ("Required permissions for Amazon S3 API operations"). DeleteObjects
/// is decided key by key, where it is carried out.
pub fn needs(call: &S3Call) -> Vec<Need> {
    let operation = call.operation.name;
    let action = call.operation.row.action.as_deref().unwrap_or("s3:*");
    let version = parameter(&call.query, "versionId");
    let version = version.as_deref();
    let on_target = |action: &str, version: Option<&str>| Need {
        action: for_version(action, version),
        bucket: call.bucket.clone(),
        key: call.key.clone(),
        version: version.map(str::to_owned),
    };
    if operation == "DeleteObjects" {
        return Vec::new();
    }
    let mut needs = vec![on_target(action, version)];
    let with_acl = call.headers.contains_key("x-amz-acl")
        || GRANTS.iter().any(|grant| call.headers.contains_key(*grant));
    match operation {
        "CreateBucket" => {
            if with_acl && call.header("x-amz-acl") != Some("private") {
                needs.push(on_target("s3:PutBucketAcl", None));
            }
            if call.headers.contains_key("x-amz-object-ownership") {
                needs.push(on_target("s3:PutBucketOwnershipControls", None));
            }
        }
        "PutObject" | "CopyObject" | "CreateMultipartUpload" => {
            if with_acl {
                needs.push(on_target("s3:PutObjectAcl", None));
            }
            if call.headers.contains_key("x-amz-tagging") {
                needs.push(on_target("s3:PutObjectTagging", None));
            }
        }
        "GetObjectAttributes" => needs.push(on_target("s3:GetObject", version)),
        _ => {}
    }
    if matches!(operation, "CopyObject" | "UploadPartCopy")
        && let Some(Ok(CopySource::Bucket { bucket, key, version_id })) =
            call.header("x-amz-copy-source").map(CopySource::parse)
    {
        let version = version_id.as_deref();
        let action = for_version("s3:GetObject", version);
        needs.push(Need::on_object(&action, &bucket, &key, version));
    }
    needs
}

/// Decides the whole call.
pub fn check(call: &S3Call, view: &View<'_>) -> Result<(), Refused> {
    if let Some(name) = &call.bucket
        && let Some(bucket) = s3::bucket(view, name)
        && call.operation.name != "CreateBucket"
    {
        if call.header("x-amz-expected-bucket-owner").is_some_and(|owner| owner != bucket.account) {
            return Err(Refused::access_denied());
        }
        if let Some(signed) = call.signed_region.as_ref().filter(|r| **r != bucket.region) {
            let message = format!(
                "The authorization header is malformed; the region '{signed}' is wrong; \
                 expecting '{}'",
                bucket.region
            );
            return Err(Refused::new("AuthorizationHeaderMalformed", 400, message));
        }
    }
    needs(call).iter().try_for_each(|need| allowed(call, view, need))
}

/// The refusal of a call whose permission was taken away on request.
pub fn denied(call: &S3Call) -> Refused {
    let need = needs(call).into_iter().next();
    let action = need.as_ref().map_or("s3:*", |need| need.action.as_str());
    let resource = need.as_ref().map_or("*".to_owned(), Need::resource);
    let request = Request::new(call.principal.in_policies(), action, &resource, ACCOUNT);
    let reason = format!("because no identity-based policy allows the {action} action");
    match call.principal.is_anonymous() {
        true => Refused::access_denied(),
        false => Refused::new("AccessDenied", 403, request.refusal(&reason)),
    }
}

/// Decides one action.
pub fn allowed(call: &S3Call, view: &View<'_>, need: &Need) -> Result<(), Refused> {
    let resource = need.resource();
    let mut context = context(call, need);
    let bucket = need.bucket.as_deref().and_then(|name| s3::bucket(view, name));
    let Some(bucket) = bucket.filter(|_| need.action != "s3:CreateBucket") else {
        if call.principal.is_anonymous() {
            return Err(match need.bucket.is_some() && need.action != "s3:CreateBucket" {
                true => Refused::no_such_bucket(),
                false => Refused::access_denied(),
            });
        }
        let question = Question::new(&need.action, &resource);
        return authorize(view, &call.principal, &question, &context)
            .map_err(|denied| Refused::new("AccessDenied", 403, denied.message));
    };
    let object = need.key.as_deref().and_then(|key| match &need.version {
        Some(version) => s3_objects::version(view, &bucket.name, key, version),
        None => s3_objects::newest(view, &bucket.name, key),
    });
    if let Some(object) = &object {
        for tag in &object.tags {
            context.set(&format!("s3:ExistingObjectTag/{}", tag.key), tag.value.as_str());
        }
    }
    // A stored policy was parsed when it was put.
    let policy = bucket.policy.as_deref().and_then(|text| Policy::parse(text).ok());
    let standing = Standing {
        policy: policy.as_ref(),
        bucket_block: bucket.public_access_block,
        account_block: s3::account_block(view, &bucket.account),
        ownership: bucket.ownership,
        bucket_acl: &bucket.acl,
        object_acl: object.as_ref().map(|object| &object.acl),
    };
    if call.principal.is_anonymous() {
        // "Only the bucket owner's account can use this operation", whatever the policy says.
        if need.action.ends_with("BucketPolicy") {
            return Err(Refused::access_denied());
        }
        return match exposure::anonymous(&standing, &need.action, &resource, &context).open {
            true => Ok(()),
            false => Err(Refused::access_denied()),
        };
    }
    let question = Question {
        action: &need.action,
        resource: &resource,
        owner: &bucket.account,
        policy: policy.as_ref(),
        restrict_public_buckets: s3::effective_block(view, &bucket).restrict_public_buckets,
    };
    let Err(denied) = authorize(view, &call.principal, &question, &context) else {
        return Ok(());
    };
    // What an ACL gives to everybody it gives to those with an account too.
    let granted = exposure::by_acl(&standing, &need.action, Requester::Account(""));
    match granted {
        Some(found) if found.open && !denied.explicit => Ok(()),
        _ => Err(Refused::new("AccessDenied", 403, denied.message)),
    }
}

/// Request headers that are condition keys under their own name.
const HEADER_KEYS: [&str; 14] = [
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

/// What conditions may ask ("Actions, resources, and condition keys for Amazon S3").
fn context(call: &S3Call, need: &Need) -> Context {
    let circumstances =
        Circumstances { time: call.time, region: &call.region, user_agent: &call.user_agent };
    let mut context = circumstances.context(&call.principal);
    context.set("aws:SecureTransport", call.secure.to_string());
    context.set("s3:ResourceAccount", ACCOUNT);
    if call.secure {
        context.set("s3:TlsVersion", "1.3");
    }
    if let Some(referer) = call.header("referer") {
        context.set("aws:Referer", referer);
    }
    if let Some(how) = call.authentication {
        context.set("s3:signatureversion", "AWS4-HMAC-SHA256");
        context.set(
            "s3:authType",
            match how {
                Authentication::Header => "REST-HEADER",
                Authentication::Query => "REST-QUERY-STRING",
            },
        );
    }
    if let Some(version) = &need.version {
        context.set("s3:VersionId", version.as_str());
    }
    if need.action.starts_with("s3:ListBucket") {
        for name in ["prefix", "delimiter", "max-keys"] {
            if let Some(value) = parameter(&call.query, name) {
                context.set(&format!("s3:{name}"), value);
            }
        }
    }
    for name in HEADER_KEYS {
        if let Some(value) = call.header(name) {
            context.set(&format!("s3:{name}"), value);
        }
    }
    for name in ["if-match", "if-none-match"] {
        if let Some(value) = call.header(name) {
            context.set(&format!("s3:{name}"), value);
        }
    }
    if let Some(tagging) = call.header("x-amz-tagging") {
        let tags: Vec<_> = parameters(tagging).collect();
        for (key, value) in &tags {
            context.set(&format!("s3:RequestObjectTag/{key}"), value.as_str());
        }
        context.set_all("s3:RequestObjectTagKeys", tags.into_iter().map(|(key, _)| key));
    }
    context
}
