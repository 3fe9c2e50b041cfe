//! S3 buckets: what is stored, and the rules that a configuration must pass.
//!
//! One document a bucket. Names are unique across accounts, so the name is the key.

use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const BUCKETS: &str = "aws/s3/buckets";
const ACCOUNT_BLOCKS: &str = "aws/s3/account-blocks";

/// The default quota of an account ("Amazon S3 general purpose bucket quotas").
pub const MOST_BUCKETS: usize = 10_000;
/// "Bucket policies are limited to 20 KB in size" (S3 User Guide).
pub const LARGEST_POLICY: usize = 20 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    pub name: String,
    pub account: String,
    pub region: String,
    pub created: Timestamp,
    pub versioning: Versioning,
    /// As it was put, without white space between its tokens.
    pub policy: Option<String>,
    /// `None`: deleted, which counts as all four off.
    pub public_access_block: Option<PublicAccessBlock>,
    /// `None`: deleted, which counts as `ObjectWriter`.
    pub ownership: Option<Ownership>,
    pub acl: Acl,
    pub encryption: Encryption,
    pub tags: Vec<Tag>,
}

/// The four switches of S3 Block Public Access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    pub block_public_acls: bool,
    pub ignore_public_acls: bool,
    pub block_public_policy: bool,
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    pub const ALL: PublicAccessBlock = PublicAccessBlock {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };

    /// "S3 applies the most restrictive combination" of bucket and account settings.
    pub fn or(self, other: PublicAccessBlock) -> PublicAccessBlock {
        PublicAccessBlock {
            block_public_acls: self.block_public_acls || other.block_public_acls,
            ignore_public_acls: self.ignore_public_acls || other.ignore_public_acls,
            block_public_policy: self.block_public_policy || other.block_public_policy,
            restrict_public_buckets: self.restrict_public_buckets || other.restrict_public_buckets,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// Never switched on; answers carry no status then.
    #[default]
    Unset,
    Enabled,
    Suspended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    BucketOwnerEnforced,
    BucketOwnerPreferred,
    ObjectWriter,
}

impl Ownership {
    pub fn parse(text: &str) -> Option<Ownership> {
        match text {
            "BucketOwnerEnforced" => Some(Ownership::BucketOwnerEnforced),
            "BucketOwnerPreferred" => Some(Ownership::BucketOwnerPreferred),
            "ObjectWriter" => Some(Ownership::ObjectWriter),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Ownership::BucketOwnerEnforced => "BucketOwnerEnforced",
            Ownership::BucketOwnerPreferred => "BucketOwnerPreferred",
            Ownership::ObjectWriter => "ObjectWriter",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// `AES256`, `aws:kms`, `aws:kms:dsse`.
    pub algorithm: String,
    pub kms_key: Option<String>,
    pub bucket_key: bool,
}

impl Default for Encryption {
    /// What every bucket has since January 2023, and what deleting the configuration goes
    /// back to.
    fn default() -> Self {
        Encryption { algorithm: "AES256".to_owned(), kms_key: None, bucket_key: false }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

pub const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
pub const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grantee {
    /// A canonical user id.
    User(String),
    /// A predefined group's URI.
    Group(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    FullControl,
    Read,
    Write,
    ReadAcp,
    WriteAcp,
}

impl Permission {
    pub fn parse(text: &str) -> Option<Permission> {
        match text {
            "FULL_CONTROL" => Some(Permission::FullControl),
            "READ" => Some(Permission::Read),
            "WRITE" => Some(Permission::Write),
            "READ_ACP" => Some(Permission::ReadAcp),
            "WRITE_ACP" => Some(Permission::WriteAcp),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Permission::FullControl => "FULL_CONTROL",
            Permission::Read => "READ",
            Permission::Write => "WRITE",
            Permission::ReadAcp => "READ_ACP",
            Permission::WriteAcp => "WRITE_ACP",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub grantee: Grantee,
    pub permission: Permission,
}

/// An access control list: who owns, and who else may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// The owner's canonical user id.
    pub owner: String,
    pub grants: Vec<Grant>,
}

impl Acl {
    /// The owner alone.
    pub fn private(owner: &str) -> Acl {
        let grant =
            Grant { grantee: Grantee::User(owner.to_owned()), permission: Permission::FullControl };
        Acl { owner: owner.to_owned(), grants: vec![grant] }
    }

    /// A canned ACL; `None` when there is none of that name. For objects the bucket's owner
    /// may be another one than the object's.
    pub fn canned(name: &str, owner: &str, bucket_owner: &str) -> Option<Acl> {
        let mut acl = Acl::private(owner);
        let mut group = |uri: &str, permission| {
            acl.grants.push(Grant { grantee: Grantee::Group(uri.to_owned()), permission });
        };
        match name {
            "private" | "aws-exec-read" => {}
            "public-read" => group(ALL_USERS, Permission::Read),
            "public-read-write" => {
                group(ALL_USERS, Permission::Read);
                group(ALL_USERS, Permission::Write);
            }
            "authenticated-read" => group(AUTHENTICATED_USERS, Permission::Read),
            "log-delivery-write" => {
                group(LOG_DELIVERY, Permission::Write);
                group(LOG_DELIVERY, Permission::ReadAcp);
            }
            "bucket-owner-read" | "bucket-owner-full-control" if owner == bucket_owner => {}
            "bucket-owner-read" | "bucket-owner-full-control" => {
                let permission = match name {
                    "bucket-owner-read" => Permission::Read,
                    _ => Permission::FullControl,
                };
                let grantee = Grantee::User(bucket_owner.to_owned());
                acl.grants.push(Grant { grantee, permission });
            }
            _ => return None,
        }
        Some(acl)
    }

    /// "S3 considers a bucket or object ACL public if it grants any permissions to members of
    /// the predefined AllUsers or AuthenticatedUsers groups."
    pub fn is_public(&self) -> bool {
        self.grants.iter().any(|grant| match &grant.grantee {
            Grantee::Group(uri) => uri == ALL_USERS || uri == AUTHENTICATED_USERS,
            Grantee::User(_) => false,
        })
    }
}

/// The canonical user id of an account: 64 hexadecimal digits, always the same ones.
pub fn canonical_user(account: &str) -> String {
    hex::encode(Sha256::digest(format!("canonical user of {account}")))
}

impl Bucket {
    /// A bucket as CreateBucket makes it since April 2023: no ACLs, all public access blocked.
    pub fn new(name: &str, account: &str, region: &str, created: Timestamp) -> Bucket {
        Bucket {
            name: name.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            created,
            versioning: Versioning::Unset,
            policy: None,
            public_access_block: Some(PublicAccessBlock::ALL),
            ownership: Some(Ownership::BucketOwnerEnforced),
            acl: Acl::private(&canonical_user(account)),
            encryption: Encryption::default(),
            tags: Vec::new(),
        }
    }

    pub fn arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.name)
    }

    pub fn acls_disabled(&self) -> bool {
        self.ownership == Some(Ownership::BucketOwnerEnforced)
    }

    pub fn owner(&self) -> String {
        canonical_user(&self.account)
    }
}

pub fn bucket(view: &View<'_>, name: &str) -> Option<Bucket> {
    view.get(BUCKETS, name)
}

/// The buckets of an account whose name starts with `prefix`, after a name, by name.
pub fn buckets(view: &View<'_>, account: &str, prefix: &str, after: Option<&str>) -> Vec<Bucket> {
    view.after::<Bucket>(BUCKETS, prefix, after, usize::MAX)
        .into_iter()
        .map(|(_, bucket)| bucket)
        .filter(|bucket| bucket.account == account)
        .collect()
}

pub fn put_bucket(tx: &mut Tx<'_>, bucket: &Bucket) {
    tx.put(BUCKETS, &bucket.name, bucket);
}

pub fn delete_bucket(tx: &mut Tx<'_>, name: &str) {
    tx.delete(BUCKETS, name);
}

/// The account's own block; `None`: never set.
pub fn account_block(view: &View<'_>, account: &str) -> Option<PublicAccessBlock> {
    view.get(ACCOUNT_BLOCKS, account)
}

pub fn set_account_block(tx: &mut Tx<'_>, account: &str, block: Option<PublicAccessBlock>) {
    match block {
        Some(block) => tx.put(ACCOUNT_BLOCKS, account, &block),
        None => tx.delete(ACCOUNT_BLOCKS, account),
    }
}

/// Bucket and account together: what is in force.
pub fn effective_block(view: &View<'_>, bucket: &Bucket) -> PublicAccessBlock {
    let account = account_block(view, &bucket.account).unwrap_or_default();
    bucket.public_access_block.unwrap_or_default().or(account)
}

/// Whether a name may be given to a general purpose bucket ("Bucket naming rules").
pub fn is_bucket_name(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
    const SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    let bytes = name.as_bytes();
    let ends = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(inner)
        && ends(bytes.first())
        && ends(bytes.last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// A JSON text without white space between its tokens: how S3 hands a policy back.
pub fn without_spaces(json: &str) -> String {
    let (mut compact, mut quoted, mut escaped) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        if quoted {
            (escaped, quoted) = (c == '\\' && !escaped, escaped || c != '"');
        } else if matches!(c, ' ' | '\n' | '\r' | '\t') {
            continue;
        } else {
            quoted = c == '"';
        }
        compact.push(c);
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        for good in ["abc", "acme-exports", "a.b.c", "111", "a".repeat(63).as_str()] {
            assert!(is_bucket_name(good), "{good}");
        }
        for bad in [
            "ab",
            "Acme",
            "-acme",
            "acme-",
            "a..b",
            "192.168.5.4",
            "xn--acme",
            "acme-s3alias",
            "acme_exports",
            "ä-acme",
            "a".repeat(64).as_str(),
        ] {
            assert!(!is_bucket_name(bad), "{bad}");
        }
    }

    #[test]
    fn white_space_goes_but_not_inside_strings() {
        let text = r#"{ "Sid" : "a \" b" , "x":[ 1 , 2 ] , "y": "\\" , "z" : 1 }"#;
        let expected = r#"{"Sid":"a \" b","x":[1,2],"y":"\\","z":1}"#;
        assert_eq!(without_spaces(text), expected);
    }

    #[test]
    fn a_public_acl_is_one_for_everybody_or_everybody_with_an_account() {
        let of = |name| Acl::canned(name, "me", "me").unwrap();
        assert!(of("public-read").is_public());
        assert!(of("authenticated-read").is_public());
        for other in ["private", "log-delivery-write", "bucket-owner-full-control"] {
            assert!(!of(other).is_public(), "{other}");
        }
        assert_eq!(Acl::canned("nonsense", "me", "me"), None);
    }
}
