//! The export of the audit log: a sink into a bucket, in the layout of Cloud Logging.
//!
//! `cloudaudit.googleapis.com/activity/2026/01/02/14:00:00_14:59:59_S0.json`, one entry a
//! line. A file is never written again: what an hour gets after its first file goes into the
//! next shard, `S1`. Files appear when the bucket is listed, when many records wait, and
//! when the cloud stops or starts again.

use crate::audit::{Entry, TABLE};
use crate::calls::acl;
use crate::error::ApiError;
use crate::state::bucket;
use crate::state::object::{self, Object};
use crate::story;
use local_cloud::{Ground, Tx};
use model::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

const DONE: &str = "gcp_delivery";
/// So many records wait before a file is written without anybody asking.
const MANY: usize = 1000;

/// Brings every record that is not in a file yet into one.
pub fn deliver(ground: &Ground) {
    if let Err(error) = try_deliver(ground, 1) {
        tracing::error!(error = %error.message, "audit log files could not be written");
    }
}

/// The same, once many wait.
pub fn deliver_many(ground: &Ground) {
    let written: u64 = ground.store.read(|view| view.get("counters", TABLE)).unwrap_or(0);
    if !written.is_multiple_of(MANY as u64) {
        return;
    }
    if let Err(error) = try_deliver(ground, MANY) {
        tracing::error!(error = %error.message, "audit log files could not be written");
    }
}

fn try_deliver(ground: &Ground, least: usize) -> Result<(), ApiError> {
    let (waiting, last) = ground.store.read(|view| {
        let after: Option<String> = view.get(DONE, "last");
        // An empty log of a folder that never had a log bucket has nothing to deliver.
        let waiting = view.after::<Entry>(TABLE, "", after.as_deref(), usize::MAX);
        let last = waiting.last().map(|(key, _)| key.clone());
        (waiting, last)
    });
    let Some(last) = last.filter(|_| waiting.len() >= least) else { return Ok(()) };
    let first = waiting.first().map(|(key, _)| key.clone()).unwrap_or_default();
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (_, entry) in &waiting {
        let Some(folder) = folder_of(entry) else { continue };
        let lines = files.entry(folder).or_default();
        serde_json::to_writer(&mut *lines, &entry.entry).map_err(|_| ApiError::internal())?;
        lines.push(b'\n');
    }
    let mut blobs = Vec::new();
    for (hour, bytes) in &files {
        blobs.push((hour, ground.store.put_blob(bytes)?, bytes));
    }
    ground.store.write(|tx| {
        // Another call may have delivered in between; its files hold these records.
        let done: Option<String> = tx.get(DONE, "last");
        if done.is_some_and(|done| done >= first) || !bucket::exists(&tx.view(), story::LOG_BUCKET)
        {
            return Ok(());
        }
        let now = ground.clock.now();
        for (hour, blob, bytes) in blobs {
            put_file(tx, hour, blob, bytes, now);
        }
        tx.put(DONE, "last", &last);
        Ok(())
    })
}

fn folder_of(entry: &Entry) -> Option<String> {
    let time = Timestamp::parse(entry.entry.get("timestamp").and_then(Value::as_str)?)?;
    let date = time.date_text().replace('-', "/");
    let hour = time.inner().hour();
    Some(format!(
        "cloudaudit.googleapis.com/{}/{date}/{hour:02}:00:00_{hour:02}:59:59_S",
        entry.log
    ))
}

fn put_file(tx: &mut Tx<'_>, hour: &str, blob: String, bytes: &[u8], now: Timestamp) {
    let shard = (0..)
        .map(|n: u32| format!("{hour}{n}.json"))
        .find(|name| object::live(&tx.view(), story::LOG_BUCKET, name).is_none());
    let Some(name) = shard else { return };
    let object = Object {
        bucket: story::LOG_BUCKET.to_owned(),
        name,
        generation: object::next_generation(tx, now),
        metageneration: 1,
        blob,
        size: bytes.len() as u64,
        crc32c: object::crc32c(bytes),
        md5: object::md5(bytes),
        content_type: Some("application/json".to_owned()),
        headers: BTreeMap::new(),
        metadata: BTreeMap::new(),
        created: now,
        updated: now,
        deleted: None,
        storage_class: "STANDARD".to_owned(),
        acl: acl::default_object_acl(),
        event_based_hold: false,
        temporary_hold: false,
    };
    object::put(tx, &object);
}
