//! Brings records into the trails' buckets: gzipped files in CloudTrail's own layout, when
//! enough have come together, when somebody lists the place, and on settle.

use crate::audit::{self, Head};
use crate::state::cloudtrail::{self, Trail};
use crate::state::{s3, s3_objects, trail_bucket};
use crate::story::ACCOUNT;
use crate::wire::s3_checksum;
use flate2::Compression;
use flate2::write::GzEncoder;
use local_cloud::{Ground, StoreError, Tx, View};
use model::Timestamp;
use std::collections::BTreeMap;
use std::io::Write;

/// Files are written without being asked for when this many records wait.
const FULL: u64 = 500;
/// Records looked at in one go, so that a long log never lies in memory as a whole.
const BATCH: usize = 1_000;

/// The key of the newest record; empty when there is none.
pub fn newest(view: &View<'_>) -> String {
    match view.get::<u64>("counters", audit::HEADS) {
        Some(number) => format!("{number:012}"),
        None => String::new(),
    }
}

/// Called before a bucket is listed: what is due appears in the answer.
pub fn before_listing(ground: &Ground, bucket: &str, prefix: &str) {
    let concerned = ground.store.read(|view| {
        cloudtrail::trails(view).into_iter().any(|trail| {
            let folder = trail_bucket::folder(&trail);
            trail.bucket == bucket && (prefix.starts_with(&folder) || folder.starts_with(prefix))
        })
    });
    if concerned {
        all(ground);
    }
}

/// Called after every call: cheap while little waits.
pub fn when_full(ground: &Ground) {
    let due = ground.store.read(|view| {
        let newest = view.get::<u64>("counters", audit::HEADS).unwrap_or(0);
        cloudtrail::trails(view).iter().any(|trail| {
            let delivered = trail.delivered.parse::<u64>().unwrap_or(0);
            trail.logging && trail.last_error.is_none() && newest.saturating_sub(delivered) >= FULL
        })
    });
    if due {
        all(ground);
    }
}

/// Delivers everything that waits.
pub fn all(ground: &Ground) {
    let names: Vec<String> = ground
        .store
        .read(|view| cloudtrail::trails(view).into_iter().map(|trail| trail.name).collect());
    for name in names {
        // Each round passes a batch by; the log may grow meanwhile, so there is an end.
        for _ in 0..10_000 {
            match batch(ground, &name) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(trail = name, %error, "log files wait");
                    break;
                }
            }
        }
    }
}

/// One file that is about to be written.
struct File {
    region: String,
    /// Of its last record.
    time: Timestamp,
    records: Vec<String>,
}

/// Delivers one batch of one trail; whether there may be more.
fn batch(ground: &Ground, name: &str) -> Result<bool, StoreError> {
    let now = ground.clock.now();
    let Some((trail, heads, files)) = ground.store.read(|view| gather(view, name)) else {
        return Ok(false);
    };
    let Some((last, _)) = heads.last() else { return Ok(false) };
    let blobs = files
        .into_iter()
        .map(|file| {
            let bytes = gzip(&file.records)
                .map_err(|cause| StoreError::Io { path: trail.name.clone().into(), cause })?;
            Ok((ground.store.put_blob(&bytes)?, bytes, file))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    ground.store.write(|tx| {
        let current = cloudtrail::trails(&tx.view()).into_iter().find(|t| t.name == name);
        let Some(mut current) = current.filter(|t| t.delivered == trail.delivered) else {
            // Somebody else delivered this batch meanwhile.
            return Ok(true);
        };
        let outcome = match s3::bucket(&tx.view(), &current.bucket) {
            None => Err("NoSuchBucket"),
            Some(bucket) if !trail_bucket::admits(&bucket, &current, now) => Err("AccessDenied"),
            Some(bucket) => Ok(bucket),
        };
        let bucket = match outcome {
            Ok(bucket) => bucket,
            Err(error) => {
                if current.last_error.as_deref() != Some(error) {
                    current.last_error = Some(error.to_owned());
                    current.last_attempt = Some(now);
                    current.save(tx);
                }
                return Ok(false);
            }
        };
        let delivered_something = !blobs.is_empty();
        for (blob, bytes, file) in &blobs {
            let key = key_of(tx, &current, file);
            s3_objects::put(tx, &bucket, object(&bucket, key, blob, bytes, now));
        }
        current.delivered = last.clone();
        current.last_error = None;
        if delivered_something {
            current.last_delivery = Some(now);
            current.last_attempt = Some(now);
        }
        current.save(tx);
        Ok(heads.len() == BATCH)
    })
}

type Gathered = (Trail, Vec<(String, Head)>, Vec<File>);

fn gather(view: &View<'_>, name: &str) -> Option<Gathered> {
    let trail = cloudtrail::trails(view).into_iter().find(|t| t.name == name && t.logging)?;
    let heads: Vec<(String, Head)> = view.after(audit::HEADS, "", Some(&trail.delivered), BATCH);
    let mut files: BTreeMap<(String, String), File> = BTreeMap::new();
    for (key, head) in heads.iter().filter(|(_, head)| trail.selects(head)) {
        let Some(text) = audit::text(view, key) else { continue };
        let place = (head.region.clone(), head.time.date_text());
        let file = files.entry(place).or_insert_with(|| File {
            region: head.region.clone(),
            time: head.time,
            records: Vec::new(),
        });
        file.time = file.time.max(head.time);
        file.records.push(text);
    }
    Some((trail, heads, files.into_values().collect()))
}

/// `AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_TIME_ID.json.gz`
/// (CloudTrail user guide, "CloudTrail log file name format").
fn key_of(tx: &mut Tx<'_>, trail: &Trail, file: &File) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let unique = tx.fresh_text("aws/trail-file", ALPHABET, 16);
    let date = file.time.date_text();
    let minute: String =
        file.time.to_seconds_text().chars().filter(|c| *c != '-' && *c != ':').take(13).collect();
    format!(
        "{}/CloudTrail/{region}/{}/{ACCOUNT}_CloudTrail_{region}_{minute}Z_{unique}.json.gz",
        trail_bucket::folder(trail),
        date.replace('-', "/"),
        region = file.region,
    )
}

fn gzip(records: &[String]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(br#"{"Records":["#)?;
    for (at, record) in records.iter().enumerate() {
        if at > 0 {
            encoder.write_all(b",")?;
        }
        encoder.write_all(record.as_bytes())?;
    }
    encoder.write_all(b"]}")?;
    encoder.finish()
}

/// A delivered file as an object: its owner's, with the headers that CloudTrail gives it.
fn object(
    bucket: &s3::Bucket,
    key: String,
    blob: &str,
    bytes: &[u8],
    now: Timestamp,
) -> s3_objects::Object {
    let size = bytes.len() as u64;
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    s3_objects::Object {
        key,
        version: None,
        sequence: 0,
        delete_marker: false,
        modified: now,
        size,
        etag: hex::encode(s3_checksum::md5(bytes)),
        content: vec![s3_objects::Chunk { blob: blob.to_owned(), size }],
        multipart: false,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        metadata: BTreeMap::new(),
        tags: Vec::new(),
        checksum: None,
        storage_class: "STANDARD".to_owned(),
        encryption: bucket.encryption.clone(),
        acl: s3::Acl::private(&bucket.owner()),
    }
}
