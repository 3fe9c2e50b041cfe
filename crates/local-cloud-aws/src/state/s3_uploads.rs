//! Multipart uploads under way: the upload, and its parts so far.

use crate::state::s3::{Acl, Encryption, Tag};
use crate::state::s3_objects::Chunk;
use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const UPLOADS: &str = "aws/s3/uploads";
const PARTS: &str = "aws/s3/parts";

/// "Part numbers: 1 to 10,000 (inclusive)" (Amazon S3 multipart upload limits).
pub const LAST_PART: u32 = 10_000;
/// Every part but the last is at least this large.
pub const SMALLEST_PART: u64 = 5 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    pub id: String,
    pub bucket: String,
    pub key: String,
    pub initiated: Timestamp,
    /// Who began it: an ARN.
    pub initiator: String,
    pub headers: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
    pub tags: Vec<Tag>,
    pub storage_class: String,
    pub encryption: Encryption,
    pub acl: Acl,
    /// The algorithm that the whole object is to have, and whether it is composite.
    pub checksum: Option<(String, bool)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub number: u32,
    pub modified: Timestamp,
    pub etag: String,
    pub chunk: Chunk,
    /// Algorithm and Base64 value.
    pub checksum: Option<(String, String)>,
}

fn row(bucket: &str, key: &str, id: &str) -> String {
    format!("{bucket}/{key}\0{id}")
}

/// Begins an upload under a fresh id.
pub fn begin(tx: &mut Tx<'_>, mut upload: Upload) -> Upload {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
    upload.id = tx.fresh_text("s3/upload", ALPHABET, 64);
    tx.put(UPLOADS, &row(&upload.bucket, &upload.key, &upload.id), &upload);
    upload
}

pub fn upload(view: &View<'_>, bucket: &str, key: &str, id: &str) -> Option<Upload> {
    view.get(UPLOADS, &row(bucket, key, id))
}

pub fn put_part(tx: &mut Tx<'_>, upload: &str, part: &Part) {
    tx.put(PARTS, &format!("{upload}/{:05}", part.number), part);
}

/// The parts so far, by number.
pub fn parts(view: &View<'_>, upload: &str) -> Vec<Part> {
    view.scan(PARTS, &format!("{upload}/")).into_iter().map(|(_, part)| part).collect()
}

/// Forgets an upload and its parts.
pub fn end(tx: &mut Tx<'_>, upload: &Upload) {
    tx.delete(UPLOADS, &row(&upload.bucket, &upload.key, &upload.id));
    for part in parts(&tx.view(), &upload.id) {
        tx.delete(PARTS, &format!("{}/{:05}", upload.id, part.number));
    }
}

/// The uploads of a bucket whose key starts with `prefix`, by key and id.
pub fn uploads(view: &View<'_>, bucket: &str, prefix: &str) -> Vec<Upload> {
    let rows = format!("{bucket}/{prefix}");
    view.scan(UPLOADS, &rows).into_iter().map(|(_, upload)| upload).collect()
}
