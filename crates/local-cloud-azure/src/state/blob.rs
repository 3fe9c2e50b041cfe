//! Blobs and the blocks that wait to become one.

use crate::state::container::fresh_etag;
use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const TABLE: &str = "azure/blobs";
const BLOCKS: &str = "azure/blocks";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blob {
    pub name: String,
    /// Where the bytes lie in the store.
    pub content: String,
    pub size: u64,
    /// `BlockBlob` or `AppendBlob`.
    pub kind: String,
    pub content_type: String,
    pub content_encoding: Option<String>,
    pub content_md5: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub etag: String,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// The committed blocks, in order, with their sizes.
    pub blocks: Vec<(String, u64)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Block {
    pub id: String,
    pub content: String,
    pub size: u64,
}

impl Blob {
    pub fn new(tx: &mut Tx<'_>, name: &str, content: String, size: u64, now: Timestamp) -> Blob {
        Blob {
            name: name.to_owned(),
            content,
            size,
            kind: "BlockBlob".to_owned(),
            content_type: "application/octet-stream".to_owned(),
            content_encoding: None,
            content_md5: None,
            metadata: BTreeMap::new(),
            etag: fresh_etag(tx),
            created: now,
            modified: now,
            blocks: Vec::new(),
        }
    }
}

/// A container's name holds no slash, so the first two parts are never the blob's own.
fn key(account: &str, container: &str, name: &str) -> String {
    format!("{account}/{container}/{name}")
}

pub fn get(view: &View<'_>, account: &str, container: &str, name: &str) -> Option<Blob> {
    view.get(TABLE, &key(account, container, name))
}

pub fn put(tx: &mut Tx<'_>, account: &str, container: &str, blob: &Blob) {
    tx.put(TABLE, &key(account, container, &blob.name), blob);
}

pub fn delete(tx: &mut Tx<'_>, account: &str, container: &str, name: &str) {
    tx.delete(TABLE, &key(account, container, name));
}

/// Blobs whose name starts with `prefix`, after `after`, at most `limit`.
pub fn page(
    view: &View<'_>,
    account: &str,
    container: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Vec<Blob> {
    let after = after.map(|name| key(account, container, name));
    view.after(TABLE, &key(account, container, prefix), after.as_deref(), limit)
        .into_iter()
        .map(|(_, b)| b)
        .collect()
}

pub fn delete_all(tx: &mut Tx<'_>, account: &str, container: &str) {
    for blob in page(&tx.view(), account, container, "", None, usize::MAX) {
        delete(tx, account, container, &blob.name);
    }
    let prefix = key(account, container, "");
    for (block, _) in tx.scan::<Block>(BLOCKS, &prefix) {
        tx.delete(BLOCKS, &block);
    }
}

fn block_key(account: &str, container: &str, name: &str, block: &str) -> String {
    format!("{}\n{block}", key(account, container, name))
}

pub fn put_block(tx: &mut Tx<'_>, account: &str, container: &str, name: &str, block: &Block) {
    tx.put(BLOCKS, &block_key(account, container, name, &block.id), block);
}

/// Uncommitted blocks of one blob.
pub fn blocks(view: &View<'_>, account: &str, container: &str, name: &str) -> Vec<Block> {
    view.scan(BLOCKS, &block_key(account, container, name, ""))
        .into_iter()
        .map(|(_, b)| b)
        .collect()
}

pub fn drop_blocks(tx: &mut Tx<'_>, account: &str, container: &str, name: &str) {
    for block in blocks(&tx.view(), account, container, name) {
        tx.delete(BLOCKS, &block_key(account, container, name, &block.id));
    }
}
