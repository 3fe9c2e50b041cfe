//! Objects: live ones, and the noncurrent generations of buckets with versioning.

use super::bucket::etag_of;
use crate::error::ApiError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const LIVE: &str = "gcp_objects";
const NONCURRENT: &str = "gcp_noncurrent";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Object {
    pub bucket: String,
    pub name: String,
    pub generation: i64,
    pub metageneration: i64,
    pub blob: String,
    pub size: u64,
    pub crc32c: u32,
    /// In base64, as it is answered.
    pub md5: String,
    pub content_type: Option<String>,
    /// Cache-Control and its like, under the JSON API's names.
    pub headers: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub deleted: Option<Timestamp>,
    pub storage_class: String,
    pub acl: Vec<Acl>,
    #[serde(default)]
    pub event_based_hold: bool,
    #[serde(default)]
    pub temporary_hold: bool,
}

/// One access control entry of an object, or of a bucket's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    pub entity: String,
    pub role: String,
}

impl Object {
    pub fn etag(&self) -> String {
        let mut bytes = etag_of(self.generation);
        let mut meta = etag_of(self.metageneration);
        meta[0] = 0x10;
        bytes.extend(meta);
        STANDARD.encode(bytes)
    }

    pub fn crc32c_text(&self) -> String {
        STANDARD.encode(self.crc32c.to_be_bytes())
    }
}

fn key(bucket: &str, name: &str) -> String {
    format!("{bucket}/{name}")
}

fn archived_key(bucket: &str, name: &str, generation: i64) -> String {
    // A NUL cannot stand in an object's name, so versions of one name stay together.
    format!("{bucket}/{name}\0{generation:020}")
}

pub fn live(view: &View<'_>, bucket: &str, name: &str) -> Option<Object> {
    view.get(LIVE, &key(bucket, name))
}

/// The live object, or one certain generation of it.
pub fn get(
    view: &View<'_>,
    bucket: &str,
    name: &str,
    generation: Option<i64>,
) -> Result<Object, ApiError> {
    let missing = || ApiError::not_found(format!("No such object: {bucket}/{name}"));
    let live = live(view, bucket, name);
    match generation {
        None => live.ok_or_else(missing),
        Some(wanted) => live
            .filter(|o| o.generation == wanted)
            .or_else(|| view.get(NONCURRENT, &archived_key(bucket, name, wanted)))
            .ok_or_else(missing),
    }
}

pub fn put(tx: &mut Tx<'_>, object: &Object) {
    tx.put(LIVE, &key(&object.bucket, &object.name), object);
}

/// Makes way for a new generation, or for none.
pub fn retire(tx: &mut Tx<'_>, object: &Object, keep: bool, now: Timestamp) {
    tx.delete(LIVE, &key(&object.bucket, &object.name));
    if keep {
        let noncurrent = Object { deleted: Some(now), ..object.clone() };
        let key = archived_key(&object.bucket, &object.name, object.generation);
        tx.put(NONCURRENT, &key, &noncurrent);
    }
}

pub fn delete_generation(tx: &mut Tx<'_>, object: &Object) {
    if object.deleted.is_some() {
        tx.delete(NONCURRENT, &archived_key(&object.bucket, &object.name, object.generation));
    } else {
        tx.delete(LIVE, &key(&object.bucket, &object.name));
    }
}

pub fn any(view: &View<'_>, bucket: &str) -> bool {
    let prefix = key(bucket, "");
    !view.after::<Object>(LIVE, &prefix, None, 1).is_empty()
        || !view.after::<Object>(NONCURRENT, &prefix, None, 1).is_empty()
}

/// A generation: microseconds, and greater than any before it.
pub fn next_generation(tx: &mut Tx<'_>, now: Timestamp) -> i64 {
    let last: i64 = tx.get("counters", "gcp/generation").unwrap_or(0);
    let next = (now.unix_millis() * 1000).max(last + 1);
    tx.put("counters", "gcp/generation", &next);
    next
}

pub struct Listing {
    pub prefix: String,
    pub delimiter: Option<String>,
    pub after: Option<String>,
    pub start: Option<String>,
    pub end: Option<String>,
    pub versions: bool,
    pub limit: usize,
}

#[derive(Default)]
pub struct Page {
    pub objects: Vec<Object>,
    pub prefixes: Vec<String>,
    pub next: Option<String>,
}

/// Objects and common prefixes in the order of their names, up to the limit together.
pub fn list(view: &View<'_>, bucket: &str, listing: &Listing) -> Page {
    let prefix = key(bucket, &listing.prefix);
    let mut all: Vec<Object> =
        view.scan::<Object>(LIVE, &prefix).into_iter().map(|(_, o)| o).collect();
    if listing.versions {
        all.extend(view.scan::<Object>(NONCURRENT, &prefix).into_iter().map(|(_, o)| o));
        all.sort_by(|a, b| (&a.name, a.generation).cmp(&(&b.name, b.generation)));
    }
    let mut page = Page::default();
    let mut last: Option<String> = None;
    let mut count = 0;
    for object in all {
        let name = &object.name;
        let outside = listing.start.as_ref().is_some_and(|s| name < s)
            || listing.end.as_ref().is_some_and(|e| !e.is_empty() && name >= e);
        if outside {
            continue;
        }
        let common = listing.delimiter.as_deref().filter(|d| !d.is_empty()).and_then(|d| {
            let at = name[listing.prefix.len()..].find(d)?;
            Some(name[..listing.prefix.len() + at + d.len()].to_owned())
        });
        let mark = match &common {
            Some(prefix) => prefix.clone(),
            None => format!("{name}\0{:020}", object.generation),
        };
        let seen = |a: &String| match &common {
            Some(prefix) => prefix == a,
            None => mark <= *a,
        };
        if listing.after.as_ref().is_some_and(|a| seen(a) || mark < *a)
            || last.as_ref() == Some(&mark)
        {
            continue;
        }
        if count == listing.limit {
            page.next = last;
            break;
        }
        count += 1;
        last = Some(mark);
        match common {
            Some(prefix) => page.prefixes.push(prefix),
            None => page.objects.push(object),
        }
    }
    page
}

/// MD5 in base64, which some clients hold a download to.
pub fn md5(bytes: &[u8]) -> String {
    use md5::Digest;
    STANDARD.encode(md5::Md5::digest(bytes))
}

/// CRC-32C (Castagnoli), the checksum that clients of Cloud Storage verify.
pub fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0u32; 256];
        let mut i = 0;
        while i < 256 {
            let mut crc = i as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
                bit += 1;
            }
            table[i] = crc;
            i += 1;
        }
        table
    };
    let mut crc = !0u32;
    for byte in bytes {
        let [low, ..] = crc.to_le_bytes();
        crc = TABLE[usize::from(low ^ byte)] ^ (crc >> 8);
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
