//! Buckets: one document each, with its configuration, its IAM policy and its default ACL.

use super::config::Config;
use super::object::Acl;
use super::policy::Policy;
use crate::error::ApiError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};

const TABLE: &str = "gcp_buckets";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bucket {
    pub name: String,
    pub project: String,
    pub metageneration: i64,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub config: Config,
    pub policy: Policy,
    pub default_object_acl: Vec<Acl>,
}

impl Bucket {
    /// The serialised message `{1: metageneration}`: what Google's etags of buckets are.
    pub fn etag_bytes(&self) -> Vec<u8> {
        etag_of(self.metageneration)
    }

    pub fn etag(&self) -> String {
        STANDARD.encode(self.etag_bytes())
    }

    /// One more change.
    pub fn touch(&mut self, now: Timestamp) {
        self.metageneration += 1;
        self.updated = now;
    }

    pub fn resource_name(&self) -> String {
        resource_name(&self.name)
    }
}

pub fn resource_name(bucket: &str) -> String {
    format!("projects/_/buckets/{bucket}")
}

pub fn etag_of(number: i64) -> Vec<u8> {
    let mut bytes = vec![0x08];
    let mut rest = number.unsigned_abs();
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap_or(0));
    bytes
}

pub fn get(view: &View<'_>, name: &str) -> Result<Bucket, ApiError> {
    view.get(TABLE, name).ok_or_else(ApiError::no_bucket)
}

pub fn put(tx: &mut Tx<'_>, bucket: &Bucket) {
    tx.put(TABLE, &bucket.name, bucket);
}

pub fn delete(tx: &mut Tx<'_>, name: &str) {
    tx.delete(TABLE, name);
}

pub fn exists(view: &View<'_>, name: &str) -> bool {
    view.has(TABLE, name)
}

/// A page of a project's buckets in the order of their names.
pub fn page(view: &View<'_>, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Bucket> {
    view.after(TABLE, prefix, after, limit).into_iter().map(|(_, b)| b).collect()
}

/// The naming rules of the Cloud Storage documentation.
pub fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let fits = (3..=222).contains(&name.len())
        && name.split('.').all(|part| !part.is_empty() && part.len() <= 63)
        && name.bytes().all(allowed)
        && edge(name.bytes().next())
        && edge(name.bytes().next_back())
        && !name.starts_with("goog")
        && !name.contains("google")
        && name.parse::<std::net::Ipv4Addr>().is_err();
    if fits { Ok(()) } else { Err(ApiError::invalid(format!("Invalid bucket name: '{name}'"))) }
}

/// `ifMetagenerationMatch` and its sister.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preconditions {
    pub matches: Option<i64>,
    pub not_matches: Option<i64>,
}

impl Preconditions {
    pub fn hold(&self, metageneration: i64) -> Result<(), ApiError> {
        let held = self.matches.is_none_or(|m| m == metageneration)
            && self.not_matches.is_none_or(|m| m != metageneration);
        if held { Ok(()) } else { Err(ApiError::precondition_not_held()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_those_of_google() {
        assert_eq!(STANDARD.encode(etag_of(1)), "CAE=");
        assert_eq!(STANDARD.encode(etag_of(3)), "CAM=");
        assert_eq!(etag_of(300), [0x08, 0xac, 0x02]);
    }

    #[test]
    fn names_follow_the_rules() {
        for good in ["abc", "a-b_c.d", "acme-lab-audit-logs"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in
            ["ab", "Abc", "-abc", "abc.", "a..b", "goog-x", "my-google", "10.0.0.1", "a/b", ""]
        {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
