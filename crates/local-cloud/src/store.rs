//! One store for all clouds: tables of JSON documents in memory, journalled before an
//! answer is given, with a snapshot so that a start stays quick.

use crate::journal::{Journal, JournalError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Raised when the layout of tables changes in a way that old folders cannot be read.
const SCHEMA: u64 = 2;
/// A journal of this size is folded into a snapshot at the next start.
const SNAPSHOT_AT: u64 = 8 << 20;
/// How long a second process waits for the first.
const LOCK_WAIT: Duration = Duration::from_secs(3);

type Tables = BTreeMap<String, BTreeMap<String, Value>>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {cause}")]
    Io { path: PathBuf, cause: io::Error },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{path} is in use by {holder}; wait for it to end, or use another folder with --data")]
    Locked { path: PathBuf, holder: String },
    #[error(
        "{path} was written by another version of lab (schema {found}, this one reads {SCHEMA}); \
         lab cloud reset starts over"
    )]
    Schema { path: PathBuf, found: u64 },
    #[error("{path} is damaged: {cause}; lab cloud reset starts over")]
    Snapshot { path: PathBuf, cause: String },
}

pub struct Store {
    tables: RwLock<Tables>,
    writer: Mutex<Writer>,
    blobs: Blobs,
    _lock: Option<File>,
}

struct Writer {
    journal: Option<(Journal, PathBuf)>,
}

enum Blobs {
    Memory(Mutex<BTreeMap<String, Arc<Vec<u8>>>>),
    Folder(PathBuf),
}

/// One change of one document; `None` deletes it.
type Change = (String, String, Option<Value>);

impl Store {
    /// A store that lives as long as the process: for tests.
    pub fn in_memory() -> Store {
        Store {
            tables: RwLock::default(),
            writer: Mutex::new(Writer { journal: None }),
            blobs: Blobs::Memory(Mutex::default()),
            _lock: None,
        }
    }

    /// Opens a folder under an exclusive lock. `holder` is what another process will be
    /// told about this one.
    pub fn open(folder: &Path, holder: &str) -> Result<Store, StoreError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |cause| StoreError::Io { path, cause }
        };
        fs::create_dir_all(folder.join("blobs")).map_err(io(folder))?;
        let lock = lock(folder, holder)?;
        let (generation, mut tables) = read_snapshot(folder)?;
        let path = folder.join(format!("journal.{generation}"));
        // The first one comes after its snapshot, each later one before.
        if generation > 0 && !path.exists() {
            return Err(StoreError::Snapshot { path, cause: "it is gone".to_owned() });
        }
        let mut malformed = None;
        let journal =
            Journal::open(&path, |line| match serde_json::from_slice::<Vec<Change>>(line) {
                Ok(changes) => apply(&mut tables, changes),
                Err(cause) => malformed = Some(cause.to_string()),
            })?;
        if let Some(cause) = malformed {
            return Err(StoreError::Snapshot { path, cause });
        }
        let journal = if journal.length() > SNAPSHOT_AT {
            fold(folder, generation, &tables).map_err(io(folder))?
        } else {
            (journal, path)
        };
        Ok(Store {
            tables: RwLock::new(tables),
            writer: Mutex::new(Writer { journal: Some(journal) }),
            blobs: Blobs::Folder(folder.join("blobs")),
            _lock: Some(lock),
        })
    }

    /// Looks at one consistent moment of the store.
    pub fn read<R>(&self, look: impl FnOnce(&View<'_>) -> R) -> R {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        look(&View { tables: &tables, changes: &BTreeMap::new() })
    }

    /// Changes the store: all of it or, when `change` fails or the journal cannot be
    /// written, nothing.
    pub fn write<R, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (outcome, changes) = {
            let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
            let mut tx = Tx { tables: &tables, changes: BTreeMap::new() };
            let outcome = change(&mut tx)?;
            (outcome, tx.changes)
        };
        if changes.is_empty() {
            return Ok(outcome);
        }
        let changes: Vec<Change> = changes.into_iter().map(|((t, k), v)| (t, k, v)).collect();
        if let Some((journal, path)) = &mut writer.journal {
            let line = serde_json::to_vec(&changes)
                .map_err(|cause| StoreError::Io { path: path.clone(), cause: cause.into() })?;
            journal.append(&line).map_err(|cause| StoreError::Io { path: path.clone(), cause })?;
        }
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        apply(&mut tables, changes);
        Ok(outcome)
    }

    /// Deletes every document.
    pub fn wipe(&self) -> Result<(), StoreError> {
        let all: Vec<(String, String)> = {
            let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
            tables
                .iter()
                .flat_map(|(t, rows)| rows.keys().map(move |k| (t.clone(), k.clone())))
                .collect()
        };
        self.write(|tx| {
            for (table, key) in &all {
                tx.delete(table, key);
            }
            Ok(())
        })
    }

    /// Keeps bytes under their own hash and answers with it.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<String, StoreError> {
        let id = hex::encode(Sha256::digest(bytes));
        match &self.blobs {
            Blobs::Memory(map) => {
                let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
                map.entry(id.clone()).or_insert_with(|| Arc::new(bytes.to_vec()));
            }
            Blobs::Folder(folder) => {
                let path = folder.join(&id);
                if !path.exists() {
                    write_beside(&path, bytes).map_err(|cause| StoreError::Io { path, cause })?;
                }
            }
        }
        Ok(id)
    }

    pub fn blob(&self, id: &str) -> Result<Arc<Vec<u8>>, StoreError> {
        let missing = || StoreError::Io {
            path: PathBuf::from(id),
            cause: io::Error::from(io::ErrorKind::NotFound),
        };
        match &self.blobs {
            Blobs::Memory(map) => {
                let map = map.lock().unwrap_or_else(PoisonError::into_inner);
                map.get(id).cloned().ok_or_else(missing)
            }
            // An id is a hash; anything else must not reach the file system.
            Blobs::Folder(_) if !id.bytes().all(|b| b.is_ascii_hexdigit()) => Err(missing()),
            Blobs::Folder(folder) => {
                let path = folder.join(id);
                fs::read(&path).map(Arc::new).map_err(|cause| StoreError::Io { path, cause })
            }
        }
    }
}

fn lock(folder: &Path, holder: &str) -> Result<File, StoreError> {
    let path = folder.join("lock");
    let io = |cause| StoreError::Io { path: path.clone(), cause };
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io)?;
    let until = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
                return Err(StoreError::Locked { path: folder.to_owned(), holder });
            }
            Err(fs::TryLockError::Error(cause)) => return Err(io(cause)),
        }
    }
    file.set_len(0).map_err(io)?;
    file.write_all(format!("process {} ({holder})", std::process::id()).as_bytes()).map_err(io)?;
    Ok(file)
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Snapshot {
    schema: u64,
    generation: u64,
    tables: Tables,
}

fn read_snapshot(folder: &Path) -> Result<(u64, Tables), StoreError> {
    let path = folder.join("snapshot.json");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            // A folder of before its first snapshot was written is new; a journal says that
            // this one was not.
            if has_journal(folder) {
                return Err(StoreError::Snapshot { path, cause: "it is gone".to_owned() });
            }
            let empty = Snapshot { schema: SCHEMA, generation: 0, tables: Tables::new() };
            write_snapshot(&path, &empty).map_err(|cause| StoreError::Io { path, cause })?;
            return Ok((0, Tables::new()));
        }
        Err(cause) => return Err(StoreError::Io { path, cause }),
    };
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u64,
    }
    let damaged = |cause: serde_json::Error| StoreError::Snapshot {
        path: path.clone(),
        cause: cause.to_string(),
    };
    let version: Version = serde_json::from_slice(&bytes).map_err(damaged)?;
    if version.schema != SCHEMA {
        return Err(StoreError::Schema { path, found: version.schema });
    }
    let snapshot: Snapshot = serde_json::from_slice(&bytes).map_err(damaged)?;
    Ok((snapshot.generation, snapshot.tables))
}

fn has_journal(folder: &Path) -> bool {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("journal."))
}

fn write_snapshot(path: &Path, snapshot: &Snapshot) -> io::Result<()> {
    crate::ca::write_private(path, &serde_json::to_vec(snapshot)?)
}

/// The new journal exists before the snapshot that needs it, and the old one goes last: a
/// kill at any point leaves a snapshot and its own journal.
fn fold(folder: &Path, old: u64, tables: &Tables) -> io::Result<(Journal, PathBuf)> {
    let new = old + 1;
    let path = folder.join(format!("journal.{new}"));
    let _ = fs::remove_file(&path);
    let journal = Journal::open(&path, |_| {}).map_err(io::Error::other)?;
    let snapshot = Snapshot { schema: SCHEMA, generation: new, tables: tables.clone() };
    write_snapshot(&folder.join("snapshot.json"), &snapshot)?;
    let _ = fs::remove_file(folder.join(format!("journal.{old}")));
    Ok((journal, path))
}

/// Writes beside the place and renames into it; a reader never sees half.
pub fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn apply(tables: &mut Tables, changes: Vec<Change>) {
    for (table, key, value) in changes {
        let rows = tables.entry(table).or_default();
        match value {
            Some(value) => {
                rows.insert(key, value);
            }
            None => {
                rows.remove(&key);
            }
        }
    }
}

/// The store as it stands, or as a change in progress has made it.
pub struct View<'a> {
    tables: &'a Tables,
    changes: &'a BTreeMap<(String, String), Option<Value>>,
}

impl View<'_> {
    fn raw(&self, table: &str, key: &str) -> Option<&Value> {
        match self.changes.get(&(table.to_owned(), key.to_owned())) {
            Some(change) => change.as_ref(),
            None => self.tables.get(table)?.get(key),
        }
    }

    /// One document. A document that is not a `T` counts as absent: tables have one type.
    pub fn get<T: DeserializeOwned>(&self, table: &str, key: &str) -> Option<T> {
        T::deserialize(self.raw(table, key)?).ok()
    }

    pub fn has(&self, table: &str, key: &str) -> bool {
        self.raw(table, key).is_some()
    }

    /// The documents whose key starts with `prefix`, in key order.
    pub fn scan<T: DeserializeOwned>(&self, table: &str, prefix: &str) -> Vec<(String, T)> {
        self.after(table, prefix, None, usize::MAX)
    }

    /// A page of them: those whose key is greater than `after`.
    pub fn after<T: DeserializeOwned>(
        &self,
        table: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(String, T)> {
        let start = after.filter(|a| *a >= prefix).unwrap_or(prefix).to_owned();
        let stored = self.tables.get(table).into_iter().flat_map(|rows| {
            rows.range(start.clone()..)
                .take_while(|(k, _)| k.starts_with(prefix))
                .map(|(k, v)| (k.as_str(), Some(v)))
        });
        let page = |rows: &mut dyn Iterator<Item = (&str, Option<&Value>)>| {
            rows.filter(|(key, _)| after.is_none_or(|a| *key > a))
                .filter_map(|(key, value)| Some((key.to_owned(), T::deserialize(value?).ok()?)))
                .take(limit)
                .collect()
        };
        if self.changes.is_empty() {
            return page(&mut stored.into_iter());
        }
        let mut merged: BTreeMap<&str, Option<&Value>> = stored.collect();
        let changed = self.changes.iter().filter(|((t, k), _)| t == table && k.starts_with(prefix));
        merged.extend(changed.map(|((_, k), v)| (k.as_str(), v.as_ref())));
        page(&mut merged.into_iter())
    }

    /// The last document of a table, by key.
    pub fn last<T: DeserializeOwned>(&self, table: &str) -> Option<(String, T)> {
        self.scan(table, "").pop()
    }
}

/// A change in progress. It sees its own writes.
pub struct Tx<'a> {
    tables: &'a Tables,
    changes: BTreeMap<(String, String), Option<Value>>,
}

impl Tx<'_> {
    pub fn view(&self) -> View<'_> {
        View { tables: self.tables, changes: &self.changes }
    }

    pub fn get<T: DeserializeOwned>(&self, table: &str, key: &str) -> Option<T> {
        self.view().get(table, key)
    }

    pub fn has(&self, table: &str, key: &str) -> bool {
        self.view().has(table, key)
    }

    pub fn scan<T: DeserializeOwned>(&self, table: &str, prefix: &str) -> Vec<(String, T)> {
        self.view().scan(table, prefix)
    }

    pub fn put<T: Serialize>(&mut self, table: &str, key: &str, value: &T) {
        // Every stored type is a plain struct of ours; one that has no JSON is a bug here.
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.changes.insert((table.to_owned(), key.to_owned()), Some(value));
    }

    pub fn delete(&mut self, table: &str, key: &str) {
        self.changes.insert((table.to_owned(), key.to_owned()), None);
    }

    /// The next number of a named counter, from 1.
    pub fn count(&mut self, counter: &str) -> u64 {
        let next = self.get::<u64>("counters", counter).unwrap_or(0) + 1;
        self.put("counters", counter, &next);
        next
    }

    /// Adds to a table whose keys are a running number, so that key order is time order.
    pub fn append<T: Serialize>(&mut self, table: &str, value: &T) -> u64 {
        let number = self.count(table);
        self.put(table, &format!("{number:012}"), value);
        number
    }

    /// 32 bytes that no other call of this store gets, equal in every store with the same
    /// history: what clouds assign as ids comes from here. Never use it for a secret.
    pub fn fresh(&mut self, purpose: &str) -> [u8; 32] {
        let number = self.count(&format!("fresh/{purpose}"));
        Sha256::digest(format!("cloud-security-lab/{purpose}/{number}")).into()
    }

    /// A version-4-shaped UUID out of [`Tx::fresh`].
    pub fn fresh_uuid(&mut self, purpose: &str) -> String {
        uuid_from(&self.fresh(purpose))
    }

    /// `length` characters of `alphabet` out of [`Tx::fresh`].
    pub fn fresh_text(&mut self, purpose: &str, alphabet: &[u8], length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length && !alphabet.is_empty() {
            for byte in self.fresh(purpose).into_iter().take(length - text.len()) {
                text.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
            }
        }
        text
    }
}

/// The bytes as a version-4 UUID.
pub fn uuid_from(bytes: &[u8; 32]) -> String {
    let mut b = [0u8; 16];
    b.copy_from_slice(&bytes[..16]);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let h = hex::encode(b);
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}

/// Bytes that nobody can foresee: for secrets.
pub fn secret_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    // The system's generator fails only where nothing secret can be made at all.
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has a random generator");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &Store, key: &str, value: u64) -> Result<(), StoreError> {
        store.write(|tx| {
            tx.put("t", key, &value);
            Ok(())
        })
    }

    #[test]
    fn what_was_written_is_there_after_a_new_start() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = Store::open(dir.path(), "test").unwrap();
            put(&store, "a", 1).unwrap();
            put(&store, "b", 2).unwrap();
            store
                .write(|tx| {
                    tx.delete("t", "a");
                    Ok::<_, StoreError>(())
                })
                .unwrap();
        }
        let store = Store::open(dir.path(), "test").unwrap();
        assert_eq!(store.read(|v| v.scan::<u64>("t", "")), [("b".to_owned(), 2)]);
    }

    #[test]
    fn a_failed_change_leaves_nothing() {
        let store = Store::in_memory();
        let outcome: Result<(), StoreError> = store.write(|tx| {
            tx.put("t", "a", &1);
            Err(StoreError::Schema { path: PathBuf::new(), found: 0 })
        });
        assert!(outcome.is_err());
        assert_eq!(store.read(|v| v.get::<u64>("t", "a")), None);
    }

    #[test]
    fn a_second_process_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Store::open(dir.path(), "lab cloud start").unwrap();
        let error = Store::open(dir.path(), "test").err().unwrap().to_string();
        assert!(error.contains("lab cloud start"), "{error}");
    }

    #[test]
    fn another_schema_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("snapshot.json"), r#"{"schema":99,"x":1}"#).unwrap();
        let error = Store::open(dir.path(), "test").err().unwrap().to_string();
        assert!(error.contains("schema 99"), "{error}");
    }

    #[test]
    fn folding_keeps_everything() {
        let dir = tempfile::tempdir().unwrap();
        let big = "x".repeat(1 << 20);
        {
            let store = Store::open(dir.path(), "test").unwrap();
            for n in 0..10 {
                store
                    .write(|tx| {
                        tx.put("t", &n.to_string(), &big);
                        Ok::<_, StoreError>(())
                    })
                    .unwrap();
            }
        }
        for _ in 0..2 {
            let store = Store::open(dir.path(), "test").unwrap();
            assert_eq!(store.read(|v| v.scan::<String>("t", "")).len(), 10);
        }
        assert!(dir.path().join("journal.1").exists());
        assert!(!dir.path().join("journal.0").exists());
    }

    #[test]
    fn half_of_a_folder_is_damage_and_no_new_start() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Store::open(dir.path(), "test");
        put(&open().unwrap(), "k", 1).unwrap();
        let (snapshot, aside) = (dir.path().join("snapshot.json"), dir.path().join("aside"));
        fs::rename(&snapshot, &aside).unwrap();
        let error = open().err().unwrap().to_string();
        assert!(error.contains("snapshot.json") && error.contains("gone"), "{error}");
        assert!(!snapshot.exists(), "what is left is left as it is");
        fs::rename(&aside, &snapshot).unwrap();
        assert_eq!(open().unwrap().read(|v| v.scan::<u64>("t", "")).len(), 1);
        fs::write(&snapshot, format!(r#"{{"schema":{SCHEMA},"generation":7,"tables":{{}}}}"#))
            .unwrap();
        let error = open().err().unwrap().to_string();
        assert!(error.contains("journal.7") && error.contains("gone"), "{error}");
    }

    #[test]
    fn pages_follow_each_other() {
        let store = Store::in_memory();
        for key in ["a/1", "a/2", "a/3", "b/1"] {
            put(&store, key, 0).unwrap();
        }
        let page: Vec<_> = store.read(|v| v.after::<u64>("t", "a/", Some("a/1"), 1));
        assert_eq!(page[0].0, "a/2");
        let keys = store
            .write(|tx| {
                tx.put("t", "a/15", &1u64);
                tx.delete("t", "a/3");
                let rows = tx.view().after::<u64>("t", "a/", Some("a/1"), 9);
                Ok::<_, StoreError>(rows.into_iter().map(|(k, _)| k).collect::<Vec<_>>())
            })
            .unwrap();
        assert_eq!(keys, ["a/15", "a/2"]);
    }

    #[test]
    fn ids_repeat_in_a_store_with_the_same_history() {
        let ids = || {
            let store = Store::in_memory();
            store
                .write(|tx| {
                    Ok::<_, StoreError>((tx.fresh_uuid("x"), tx.fresh_text("y", b"AB", 40)))
                })
                .unwrap()
        };
        assert_eq!(ids(), ids());
        assert_eq!(ids().1.len(), 40);
    }

    #[test]
    fn a_wiped_store_is_as_new() {
        let store = Store::in_memory();
        put(&store, "a", 1).unwrap();
        let id = |store: &Store| store.write(|tx| Ok::<_, StoreError>(tx.fresh_uuid("x"))).unwrap();
        let first = id(&store);
        store.wipe().unwrap();
        assert_eq!(store.read(|v| v.get::<u64>("t", "a")), None);
        assert_eq!(id(&store), first);
    }

    #[test]
    fn blobs_come_back_and_paths_do_not_escape() {
        let dir = tempfile::tempdir().unwrap();
        for store in [Store::in_memory(), Store::open(dir.path(), "test").unwrap()] {
            let id = store.put_blob(b"hello").unwrap();
            assert_eq!(*store.blob(&id).unwrap(), b"hello");
            assert!(store.blob("../lock").is_err());
        }
    }
}
