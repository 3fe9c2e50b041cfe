//! A few of the policies that AWS manages, by their real names.
//!
//! **The documents are simplified**: they allow what this cloud serves of what the real ones
//! allow (AWS Managed Policy Reference), not their full lists of actions.

pub struct AwsManaged {
    pub arn: &'static str,
    pub id: &'static str,
    pub description: &'static str,
    pub document: &'static str,
}

/// Sorted by ARN.
pub const ALL: &[AwsManaged] = &[
    AwsManaged {
        arn: "arn:aws:iam::aws:policy/AdministratorAccess",
        id: "ANPAIWMBCKSKIEE64ZLYK",
        description: "Provides full access to AWS services and resources. (simplified)",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    },
    AwsManaged {
        arn: "arn:aws:iam::aws:policy/AmazonS3FullAccess",
        id: "ANPAIFIR6V6BVTRAHWINE",
        description: "Provides full access to all buckets. (simplified)",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#,
    },
    AwsManaged {
        arn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
        id: "ANPAIZTJ4DXE7G6AGAE6M",
        description: "Provides read only access to all buckets. (simplified)",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        arn: "arn:aws:iam::aws:policy/IAMReadOnlyAccess",
        id: "ANPAJKSO7NDY4T57MWDSQ",
        description: "Provides read only access to IAM. (simplified)",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        arn: "arn:aws:iam::aws:policy/PowerUserAccess",
        id: "ANPAJYRXTHIB4FOVS3ZXS",
        description: "Provides full access to AWS services and resources, but does not allow management of Users and groups. (simplified)",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},{"Effect":"Allow","Action":["iam:ListRoles"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        arn: "arn:aws:iam::aws:policy/ReadOnlyAccess",
        id: "ANPAILL3HVNFSB6DCOWYQ",
        description: "Provides read-only access to AWS services and resources. (simplified)",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","iam:Get*","iam:List*","cloudtrail:Describe*","cloudtrail:Get*","cloudtrail:List*","cloudtrail:LookupEvents","sts:GetAccessKeyInfo","sts:GetCallerIdentity"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        arn: "arn:aws:iam::aws:policy/SecurityAudit",
        id: "ANPAIX2T3QCXHR2OGGCTO",
        description: "The security audit template grants access to read security configuration metadata. (simplified)",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetAccountPublicAccessBlock","s3:GetBucket*","s3:GetEncryptionConfiguration","s3:GetLifecycleConfiguration","s3:GetReplicationConfiguration","s3:ListAllMyBuckets","iam:Get*","iam:List*","cloudtrail:Describe*","cloudtrail:Get*","cloudtrail:List*","cloudtrail:LookupEvents","sts:GetAccessKeyInfo"],"Resource":"*"}]}"#,
    },
];

pub fn find(arn: &str) -> Option<&'static AwsManaged> {
    ALL.binary_search_by(|policy| policy.arn.cmp(arn)).ok().map(|at| &ALL[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_sorted_and_are_policies() {
        assert!(ALL.is_sorted_by(|a, b| a.arn < b.arn));
        for policy in ALL {
            let document = iam_policy::Policy::parse(policy.document).unwrap();
            document.check(iam_policy::Attachment::Identity).unwrap();
            assert_eq!(find(policy.arn).map(|found| found.id), Some(policy.id));
        }
        assert!(find("arn:aws:iam::aws:policy/Nothing").is_none());
    }
}
