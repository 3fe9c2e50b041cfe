//! S3 objects and their versions.
//!
//! One table holds every version of every object, newest first within a key; the current
//! object is the first row of its key. The row key is `bucket/key`, a zero byte and a
//! number that falls as time goes on; a zero byte sorts before everything else a key may
//! go on with, so that row order is key order.

use crate::state::s3::{Acl, Bucket, Encryption, Tag, Versioning};
use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const VERSIONS: &str = "aws/s3/versions";
/// Rows looked at in one go; a page of a listing has at most a thousand entries.
const BATCH: usize = 1_000;
/// A page's size, asked for or not.
pub const LARGEST_PAGE: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    pub key: String,
    /// `None`: the null version.
    pub version: Option<String>,
    pub sequence: u64,
    /// A version that says: deleted. The other members are empty then.
    pub delete_marker: bool,
    pub modified: Timestamp,
    pub size: u64,
    /// Without quotation marks.
    pub etag: String,
    pub content: Vec<Chunk>,
    /// It was uploaded in parts, and its chunks are these.
    pub multipart: bool,
    /// Content-Type and its sisters, by lower-case header name.
    pub headers: BTreeMap<String, String>,
    /// Without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    pub tags: Vec<Tag>,
    pub checksum: Option<Checksum>,
    pub storage_class: String,
    pub encryption: Encryption,
    pub acl: Acl,
}

/// A run of bytes in the blob store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub blob: String,
    pub size: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// `CRC32`, `CRC32C`, `CRC64NVME`, `SHA1`, `SHA256`.
    pub algorithm: String,
    /// Base64; of a composite one with its `-3`.
    pub value: String,
    /// Over the parts' checksums rather than over the bytes.
    pub composite: bool,
}

impl Object {
    /// What answers and the log call this version.
    pub fn version_id(&self) -> &str {
        self.version.as_deref().unwrap_or("null")
    }
}

fn of_bucket(bucket: &str) -> String {
    format!("{bucket}/")
}

fn of_key(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}\0")
}

fn row(bucket: &str, key: &str, sequence: u64) -> String {
    format!("{bucket}/{key}\0{:020}", u64::MAX - sequence)
}

/// The place behind every version of a key: `:` follows the digits.
fn behind(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}\0:")
}

/// The newest version, which may be a delete marker.
pub fn newest(view: &View<'_>, bucket: &str, key: &str) -> Option<Object> {
    view.after(VERSIONS, &of_key(bucket, key), None, 1).pop().map(|(_, object)| object)
}

/// One version by its id; `null` names the null version.
pub fn version(view: &View<'_>, bucket: &str, key: &str, id: &str) -> Option<Object> {
    view.scan::<Object>(VERSIONS, &of_key(bucket, key))
        .into_iter()
        .map(|(_, object)| object)
        .find(|object| object.version_id() == id)
}

pub fn is_empty(view: &View<'_>, bucket: &str) -> bool {
    view.after::<Object>(VERSIONS, &of_bucket(bucket), None, 1).is_empty()
}

/// An id such as S3 gives: 32 characters.
fn fresh_version(tx: &mut Tx<'_>) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
    tx.fresh_text("s3/version", ALPHABET, 32)
}

/// Adds a version as the bucket's versioning says and answers with what was stored.
pub fn put(tx: &mut Tx<'_>, bucket: &Bucket, mut object: Object) -> Object {
    object.version = match bucket.versioning {
        Versioning::Enabled => Some(fresh_version(tx)),
        Versioning::Unset | Versioning::Suspended => {
            remove(tx, &bucket.name, &object.key, "null");
            None
        }
    };
    object.sequence = tx.count("s3/sequence");
    tx.put(VERSIONS, &row(&bucket.name, &object.key, object.sequence), &object);
    object
}

/// Writes a version back to its place: its tags or its ACL changed.
pub fn rewrite(tx: &mut Tx<'_>, bucket: &str, object: &Object) {
    tx.put(VERSIONS, &row(bucket, &object.key, object.sequence), object);
}

/// What a delete did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The version that was removed, or the delete marker that was made.
    pub version: Option<String>,
    pub delete_marker: bool,
}

fn remove(tx: &mut Tx<'_>, bucket: &str, key: &str, id: &str) -> Option<Object> {
    let found = version(&tx.view(), bucket, key, id)?;
    tx.delete(VERSIONS, &row(bucket, key, found.sequence));
    Some(found)
}

/// Deletes: with an id that version for good; without one the current object, which leaves
/// a delete marker where the bucket has (or had) versions. Deleting what is not there is no
/// error.
pub fn delete(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    key: &str,
    id: Option<&str>,
    now: Timestamp,
) -> Deleted {
    if let Some(id) = id {
        let removed = remove(tx, &bucket.name, key, id);
        let delete_marker = removed.is_some_and(|object| object.delete_marker);
        return Deleted { version: Some(id.to_owned()), delete_marker };
    }
    if bucket.versioning == Versioning::Unset {
        remove(tx, &bucket.name, key, "null");
        return Deleted { version: None, delete_marker: false };
    }
    let marker = Object {
        key: key.to_owned(),
        version: None,
        sequence: 0,
        delete_marker: true,
        modified: now,
        size: 0,
        etag: String::new(),
        content: Vec::new(),
        multipart: false,
        headers: BTreeMap::new(),
        metadata: BTreeMap::new(),
        tags: Vec::new(),
        checksum: None,
        storage_class: "STANDARD".to_owned(),
        encryption: Encryption::default(),
        acl: Acl::private(&bucket.owner()),
    };
    let marker = put(tx, bucket, marker);
    Deleted { version: Some(marker.version_id().to_owned()), delete_marker: true }
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    pub prefix: &'a str,
    /// Keys that go on with it after the prefix are rolled up into one common prefix.
    pub delimiter: Option<&'a str>,
    /// Begin behind this key or common prefix.
    pub after: Option<&'a str>,
    /// With `after`: begin behind this version of it.
    pub after_version: Option<&'a str>,
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    Object { object: Box<Object>, latest: bool },
    CommonPrefix(String),
}

impl Entry {
    /// The key or common prefix that the next page begins behind.
    pub fn name(&self) -> &str {
        match self {
            Entry::Object { object, .. } => &object.key,
            Entry::CommonPrefix(prefix) => prefix,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub entries: Vec<Entry>,
    pub truncated: bool,
}

/// The common prefix that a key belongs to, if it is rolled up.
pub fn common_prefix(key: &str, prefix: &str, delimiter: Option<&str>) -> Option<String> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.strip_prefix(prefix)?;
    let end = prefix.len() + rest.find(delimiter)? + delimiter.len();
    key.get(..end).map(str::to_owned)
}

/// Lists current objects: newest versions that are not delete markers.
pub fn list(view: &View<'_>, bucket: &str, ask: &Ask<'_>) -> Page {
    walk(view, bucket, ask, |object, latest| latest && !object.delete_marker)
}

/// Lists all versions and delete markers.
pub fn list_versions(view: &View<'_>, bucket: &str, ask: &Ask<'_>) -> Page {
    walk(view, bucket, ask, |_, _| true)
}

fn walk(
    view: &View<'_>,
    bucket: &str,
    ask: &Ask<'_>,
    wanted: impl Fn(&Object, bool) -> bool,
) -> Page {
    let mut page = Page::default();
    let limit = ask.limit.min(LARGEST_PAGE);
    if limit == 0 {
        return page;
    }
    let rows_of = format!("{bucket}/{}", ask.prefix);
    let mut seen: Option<String> = None;
    let mut cursor = ask.after.map(|key| {
        let of_version = ask.after_version.and_then(|id| version(view, bucket, key, id));
        match of_version {
            Some(object) => {
                seen = Some(key.to_owned());
                row(bucket, key, object.sequence)
            }
            None => behind(bucket, key),
        }
    });
    loop {
        let rows = view.after::<Object>(VERSIONS, &rows_of, cursor.as_deref(), BATCH);
        let last_batch = rows.len() < BATCH;
        for (row, object) in rows {
            if cursor.as_ref().is_some_and(|cursor| *cursor >= row) {
                continue;
            }
            let latest = seen.as_deref() != Some(object.key.as_str());
            if latest {
                seen = Some(object.key.clone());
            }
            cursor = Some(row);
            if !wanted(&object, latest) {
                continue;
            }
            let entry = match common_prefix(&object.key, ask.prefix, ask.delimiter) {
                None => Entry::Object { object: Box::new(object), latest },
                Some(common) => {
                    // The rest of what it stands for need not be looked at.
                    cursor = Some(format!("{bucket}/{common}\u{10ffff}"));
                    let known = page.entries.last().map(Entry::name) == Some(common.as_str());
                    if known || ask.after == Some(common.as_str()) {
                        continue;
                    }
                    Entry::CommonPrefix(common)
                }
            };
            if page.entries.len() == limit {
                page.truncated = true;
                return page;
            }
            page.entries.push(entry);
        }
        if last_batch {
            return page;
        }
    }
}
