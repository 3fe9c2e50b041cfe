//! The ledger as objects, one an entry: where a function runs for seconds and has no disk.
//!
//! An entry is the object `PREFIX/KIND/KEY.json`, written only if there is none of that name: of
//! two that begin the same change, the store lets one. Nothing is chained here; `import` brings
//! the entries into a chain. Whatever is read back may have been written by anybody: it is held
//! to its size, its shape and its own name, and an object that is none of ours is an error that
//! names it.

use crate::weight::{self, MOST_BYTES};
use crate::{Entry, EntryKind, FolderStore, Ledger, LedgerError, NewEntry};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use model::remediation::LedgerHead;
use provider::{ObjectInfo, ObjectSink, ObjectSource, ProviderError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many objects are fetched at a time.
const AT_ONCE: usize = 16;

/// What one question may fetch.
const MOST_AT_ONCE: u64 = 1 << 30;

/// How many bytes of entries are kept, so that the next question does not fetch them again.
const KEPT: u64 = 16 << 20;

/// The longest name that every store takes is 1024 bytes; a prefix has to fit as well.
const LONGEST_KEY: usize = 512;

pub struct ObjectLedger {
    source: Arc<dyn ObjectSource>,
    sink: Option<Arc<dyn ObjectSink>>,
    /// For what need not outlive a power cut, where that makes a difference.
    quick: Option<Arc<dyn ObjectSink>>,
    place: String,
    /// Without slashes around it.
    prefix: String,
    shown: String,
    kept: Mutex<Kept>,
}

/// Entries by the name of their object: one that was written once stays what it is.
#[derive(Default)]
struct Kept {
    entries: HashMap<String, (String, Entry)>,
    bytes: u64,
}

impl ObjectLedger {
    /// `place` is a bucket, or what its cloud calls one.
    pub fn new(
        source: Arc<dyn ObjectSource>,
        sink: Arc<dyn ObjectSink>,
        place: impl Into<String>,
        prefix: impl AsRef<str>,
    ) -> Self {
        let read = Self::read_only(source, place, prefix);
        ObjectLedger { sink: Some(sink), ..read }
    }

    /// One that nothing can be appended to.
    pub fn read_only(
        source: Arc<dyn ObjectSource>,
        place: impl Into<String>,
        prefix: impl AsRef<str>,
    ) -> Self {
        let place = place.into();
        let prefix = prefix.as_ref().trim_matches('/').to_owned();
        let parts: Vec<&str> =
            [place.as_str(), prefix.as_str()].into_iter().filter(|p| !p.is_empty()).collect();
        let shown = format!("{}://{}", source.scheme(), parts.join("/"));
        ObjectLedger {
            source,
            sink: None,
            quick: None,
            place,
            prefix,
            shown,
            kept: Mutex::default(),
        }
    }

    /// The objects of a folder.
    pub fn over(folder: Arc<FolderStore>) -> Self {
        let shown = format!("file://{}", folder.root().display());
        let quick: Arc<dyn ObjectSink> = Arc::new(folder.names_may_wait());
        let ledger = Self::new(folder.clone(), folder, "", "");
        ObjectLedger { shown, quick: Some(quick), ..ledger }
    }

    fn error(&self, what: impl Into<String>, next_step: &str) -> LedgerError {
        LedgerError {
            place: self.shown.clone(),
            what: what.into(),
            next_step: next_step.to_owned(),
        }
    }

    fn failed(&self, error: ProviderError) -> LedgerError {
        let next_step = match error.next_step.as_str() {
            "" => "check the place and whose credentials these are: lab doctor",
            known => known,
        };
        let next_step = next_step.to_owned();
        let what = ProviderError { next_step: String::new(), ..error }.to_string();
        LedgerError { place: self.shown.clone(), what, next_step }
    }

    /// `PREFIX/KIND/`, and what comes after it in an object's name is the key.
    fn folder(&self, kind: EntryKind) -> String {
        match self.prefix.as_str() {
            "" => format!("{}/", kind.as_str()),
            prefix => format!("{prefix}/{}/", kind.as_str()),
        }
    }

    /// The objects of a kind whose key begins so, with their keys.
    async fn listed(
        &self,
        kind: EntryKind,
        begin: &str,
    ) -> Result<Vec<(String, ObjectInfo)>, LedgerError> {
        let folder = self.folder(kind);
        let asked = format!("{folder}{begin}");
        let found = self.source.list(&self.place, &asked).await.map_err(|e| self.failed(e))?;
        Ok(found
            .into_iter()
            .filter_map(|object| {
                let key = object.key.strip_prefix(&folder)?.strip_suffix(".json")?;
                key.starts_with(begin).then(|| (key.to_owned(), object.clone()))
            })
            .collect())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(
        &self,
        kind: EntryKind,
        key: &str,
        object: &ObjectInfo,
    ) -> Result<Entry, LedgerError> {
        let kept = self.kept().entries.get(&object.key).cloned();
        if let Some((version, entry)) = kept
            && version == object.version
            && !version.is_empty()
        {
            return Ok(entry);
        }
        let bytes = self.source.get(&self.place, &object.key, MOST_BYTES).await;
        let bytes = bytes.map_err(|e| self.failed(e))?;
        let entry = read(kind, key, &bytes).map_err(|why| {
            let name = crate::chain::shown(object.key.as_bytes());
            self.error(
                format!("the object {name} is not an entry of this ledger: {why}"),
                "look who wrote it, and move it to another place",
            )
        })?;
        let mut kept = self.kept();
        if kept.bytes + bytes.len() as u64 <= KEPT {
            kept.bytes += bytes.len() as u64;
            let value = (object.version.clone(), entry.clone());
            kept.entries.insert(object.key.clone(), value);
        }
        Ok(entry)
    }
}

/// Foreign bytes in, the entry of this name out.
fn read(kind: EntryKind, key: &str, bytes: &[u8]) -> Result<Entry, &'static str> {
    // The parser's own words would quote what it read.
    let read: NewEntry =
        serde_json::from_slice(bytes).map_err(|_| "it does not have the shape of one")?;
    if read.kind != kind || read.key != key {
        return Err("it holds the entry of another name");
    }
    if !may_be_a_name(key) {
        return Err("no entry has such a key");
    }
    let NewEntry { kind, key, time, body } = read;
    Ok(Entry { seq: None, kind, key, time, body, hash: None })
}

/// Digests, numbers, times, words: nothing that a folder or a store could take for something
/// else.
fn may_be_a_name(key: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b":._-".contains(&b);
    let part =
        |p: &str| !p.is_empty() && p.len() <= 200 && !p.starts_with('.') && p.bytes().all(letter);
    key.len() <= LONGEST_KEY && key.split('/').all(part)
}

#[async_trait]
impl Ledger for ObjectLedger {
    async fn append(&self, entry: NewEntry) -> Result<bool, LedgerError> {
        let Some(sink) = &self.sink else {
            return Err(self.error("it was opened for reading only", "report it"));
        };
        let shown = crate::chain::shown(entry.key.as_bytes());
        if !may_be_a_name(&entry.key) {
            return Err(self.error(format!("{shown}: no object is named so"), "report it"));
        }
        weight::text(&self.shown, &entry)?;
        let sink = match &self.quick {
            Some(quick) if !entry.kind.outlives_power() => quick,
            _ => sink,
        };
        let name = format!("{}{}.json", self.folder(entry.kind), entry.key);
        let body = serde_json::to_vec(&entry)
            .map_err(|_| self.error(format!("{shown}: no JSON"), "report it"))?;
        sink.put_if_absent(&self.place, &name, Bytes::from(body)).await.map_err(|e| self.failed(e))
    }

    /// In the order of their times: an object does not tell which was written first.
    async fn entries(&self, kind: EntryKind, key: &str) -> Result<Vec<Entry>, LedgerError> {
        let listed = self.listed(kind, key).await?;
        let bytes: u64 = listed.iter().map(|(_, object)| object.size).sum();
        if bytes > MOST_AT_ONCE {
            return Err(self.error(
                format!("{bytes} bytes of entries are more than is read at once"),
                "move what was imported to another place",
            ));
        }
        let fetched = stream::iter(listed)
            .map(|(key, object)| async move { self.fetch(kind, &key, &object).await });
        let mut entries: Vec<Entry> = fetched.buffered(AT_ONCE).try_collect().await?;
        entries.sort_by(|a, b| (a.time, &a.key).cmp(&(b.time, &b.key)));
        Ok(entries)
    }

    async fn count(&self, kind: EntryKind, key: &str) -> Result<usize, LedgerError> {
        Ok(self.listed(kind, key).await?.len())
    }

    async fn keys(&self, kind: EntryKind, key: &str) -> Result<Vec<String>, LedgerError> {
        Ok(self.listed(kind, key).await?.into_iter().map(|(key, _)| key).collect())
    }

    async fn head(&self) -> Result<Option<LedgerHead>, LedgerError> {
        Ok(None)
    }
}
