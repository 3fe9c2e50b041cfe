//! Whether a bucket lets CloudTrail in: it delivers as the service that it is, under the
//! bucket's own policy (CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail").

use crate::state::cloudtrail::Trail;
use crate::state::s3::Bucket;
use crate::story::ACCOUNT;
use iam_policy::{Attached, Layers, Policy, Principal, Request};
use model::Timestamp;

pub const SERVICE: &str = "cloudtrail.amazonaws.com";

/// The prefix under which a trail's files lie, without a slash at its end.
pub fn folder(trail: &Trail) -> String {
    match &trail.prefix {
        Some(prefix) => format!("{prefix}/AWSLogs/{ACCOUNT}"),
        None => format!("AWSLogs/{ACCOUNT}"),
    }
}

pub fn admits(bucket: &Bucket, trail: &Trail, now: Timestamp) -> bool {
    let Some(policy) = bucket.policy.as_deref().and_then(|text| Policy::parse(text).ok()) else {
        return false;
    };
    let may = |action: &str, resource: &str| {
        let service = Principal::Service(SERVICE.to_owned());
        let request = Request::new(service, action, resource, &bucket.account)
            .with("aws:SourceArn", trail.arn())
            .with("aws:SourceAccount", ACCOUNT)
            .with("aws:SecureTransport", "true")
            .with("aws:CurrentTime", now.to_seconds_text())
            .with("s3:x-amz-acl", "bucket-owner-full-control");
        let resource = Some(Attached::new("bucket policy", &policy));
        iam_policy::evaluate(&request, &Layers { resource, ..Layers::default() }).is_allow()
    };
    let object = format!("{}/{}/CloudTrail/any.json.gz", bucket.arn(), folder(trail));
    may("s3:GetBucketAcl", &bucket.arn()) && may("s3:PutObject", &object)
}

/// The policy that the CloudTrail console writes.
pub fn policy_for(bucket: &str, trail: &Trail) -> String {
    let folder = folder(trail);
    let arn = trail.arn();
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AWSCloudTrailAclCheck20150319",
                "Effect": "Allow",
                "Principal": { "Service": SERVICE },
                "Action": "s3:GetBucketAcl",
                "Resource": format!("arn:aws:s3:::{bucket}"),
                "Condition": { "StringEquals": { "aws:SourceArn": arn } },
            },
            {
                "Sid": "AWSCloudTrailWrite20150319",
                "Effect": "Allow",
                "Principal": { "Service": SERVICE },
                "Action": "s3:PutObject",
                "Resource": format!("arn:aws:s3:::{bucket}/{folder}/*"),
                "Condition": { "StringEquals": {
                    "aws:SourceArn": arn, "s3:x-amz-acl": "bucket-owner-full-control",
                }},
            },
        ],
    })
    .to_string()
}
