//! The permissions of the founded callers, each list sorted.
//!
//! `lab doctor --grant` prints the same lists out of the provider; a test holds them equal.

use serde_json::json;

/// What drift-check reads: the configuration of every supported kind and the event history.
pub const DRIFT_READER: &[&str] = &[
    "cloudtrail:LookupEvents",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "iam:ListUserTags",
    "iam:ListUsers",
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLocation",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "sts:GetCallerIdentity",
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
    "sts:GetCallerIdentity",
];

/// What remediate reads and writes: drift-check's, and the writes of every supported kind.
pub const REMEDIATOR: &[&str] = &[
    "cloudtrail:LookupEvents",
    "iam:CreateAccessKey",
    "iam:CreateUser",
    "iam:DeleteAccessKey",
    "iam:DeleteUser",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "iam:ListGroupsForUser",
    "iam:ListUserTags",
    "iam:ListUsers",
    "iam:TagUser",
    "iam:UntagUser",
    "iam:UpdateAccessKey",
    "iam:UpdateUser",
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLocation",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "sts:GetCallerIdentity",
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

/// The policy document of a list.
pub fn policy(actions: &[&str]) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_become_policies() {
        for list in [DRIFT_READER, LOG_READER, REMEDIATOR, CI_DEPLOY] {
            assert!(list.is_sorted_by(|a, b| a < b));
            let policy = iam_policy::Policy::parse(&policy(list)).unwrap();
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
