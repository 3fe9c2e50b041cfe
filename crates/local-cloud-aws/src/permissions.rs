//! The permissions of the founded callers, each list sorted.
//!
//! `lab doctor --grant` prints the same lists out of the provider; a test holds them equal.

use serde_json::{Value, json};

/// What drift-check reads: the configuration of every supported kind, the event history, and
/// states that lie in a bucket.
pub const DRIFT_READER: &[&str] = &[
    "cloudtrail:LookupEvents",
    "iam:GetAccessKeyLastUsed",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "iam:ListUsers",
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetObject",
    "s3:GetReplicationConfiguration",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
];

/// What log-collect reads: the event history, the trails and the objects they write.
pub const LOG_READER: &[&str] = &[
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetTrail",
    "cloudtrail:GetTrailStatus",
    "cloudtrail:ListTrails",
    "cloudtrail:LookupEvents",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
];

/// What remediate writes, beside reading what drift-check reads: every supported kind.
pub const WRITES: &[&str] = &[
    "iam:CreateAccessKey",
    "iam:CreateUser",
    "iam:DeleteAccessKey",
    "iam:DeleteUser",
    "iam:TagUser",
    "iam:UntagUser",
    "iam:UpdateAccessKey",
    "iam:UpdateUser",
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteBucketWebsite",
    "s3:PutAccelerateConfiguration",
    "s3:PutBucketAcl",
    "s3:PutBucketCORS",
    "s3:PutBucketLogging",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketRequestPayment",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutBucketWebsite",
    "s3:PutEncryptionConfiguration",
];

/// What a deployment job is given in too many places.
pub const CI_DEPLOY: &[&str] = &[
    "s3:DeleteObject",
    "s3:GetBucketLocation",
    "s3:GetBucketPolicy",
    "s3:GetObject",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "s3:PutBucketPolicy",
    "s3:PutObject",
];

/// The policy document of lists, a statement each.
pub fn policy(lists: &[&[&str]]) -> String {
    let statements: Vec<Value> = lists
        .iter()
        .map(|actions| json!({ "Effect": "Allow", "Action": actions, "Resource": "*" }))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_become_policies() {
        for list in [DRIFT_READER, LOG_READER, WRITES, CI_DEPLOY] {
            assert!(list.is_sorted_by(|a, b| a < b));
            let policy = iam_policy::Policy::parse(&policy(&[list])).unwrap();
            policy.check(iam_policy::Attachment::Identity).unwrap();
        }
    }

    #[test]
    fn whoever_reads_for_drift_changes_nothing() {
        for action in DRIFT_READER {
            let verb = action.split_once(':').unwrap().1;
            let reads = ["Get", "List", "Lookup"].iter().any(|prefix| verb.starts_with(prefix));
            assert!(reads, "{action}");
        }
    }
}
