//! A folder that keeps objects as a bucket does: written once, whole or not at all.
//!
//! An object is written beside its place under a name that no listing shows, brought to the disk,
//! and then linked to its own name, which fails where there is one: whoever is cut off, by a kill
//! or by the power, leaves no half of an object. Names with a dot in front are not objects. The empty `place` is the folder
//! itself, any other one below it.

use crate::LedgerError;
use async_trait::async_trait;
use bytes::Bytes;
use model::Timestamp;
use provider::{ErrorKind, ObjectInfo, ObjectSink, ObjectSource, ProviderError};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

/// How deep folders are walked.
const DEEPEST: usize = 16;

#[derive(Clone, Debug)]
pub struct FolderStore {
    root: PathBuf,
    /// Are also the names on the disk when an answer is given?
    names: bool,
}

impl FolderStore {
    /// Makes the folder, readable by its owner alone, if there is none.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, LedgerError> {
        let root = root.as_ref();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(root).map_err(|e| refused(root, &e.to_string()))?;
        Self::existing(root)
    }

    /// One that is there.
    pub fn existing(root: impl AsRef<Path>) -> Result<Self, LedgerError> {
        let root = root.as_ref();
        let found = fs::metadata(root).map_err(|e| refused(root, &e.to_string()))?;
        if !found.is_dir() {
            return Err(refused(root, "it is not a folder"));
        }
        Ok(FolderStore { root: root.to_owned(), names: true })
    }

    /// The same folder. A power cut may take an object that was answered for, whole; it is
    /// several times as quick.
    pub fn names_may_wait(&self) -> Self {
        FolderStore { names: false, ..self.clone() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where an object lies. A name that would lead elsewhere is no object's.
    fn path(&self, place: &str, key: &str) -> Option<PathBuf> {
        let mut path = self.root.clone();
        let places = place.split('/').filter(|p| !p.is_empty());
        for part in places.chain(key.split('/')) {
            let plain = !part.is_empty() && !part.starts_with('.') && !part.contains(['\0', '\\']);
            if !plain {
                return None;
            }
            path.push(part);
        }
        Some(path)
    }

    /// Files are waited for where nobody else's future waits with them.
    async fn blocking<T: Send + 'static>(
        &self,
        call: &'static str,
        place: &str,
        key: &str,
        work: impl FnOnce(&FolderStore, &str, &str) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let (store, place, key) = (self.clone(), place.to_owned(), key.to_owned());
        let target = store.root.join(&place).join(&key).display().to_string();
        let done = tokio::task::spawn_blocking(move || work(&store, &place, &key)).await;
        match done {
            Ok(answer) => answer.map_err(|e| failed(call, target, &e)),
            Err(cut) => {
                Err(ProviderError::new(ErrorKind::Unreachable, call, target)
                    .because(cut.to_string()))
            }
        }
    }
}

fn refused(root: &Path, why: &str) -> LedgerError {
    LedgerError {
        place: root.display().to_string(),
        what: format!("cannot open the folder: {why}"),
        next_step: "check the path and the rights".to_owned(),
    }
}

fn failed(call: &str, target: String, error: &io::Error) -> ProviderError {
    let (kind, next) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::NotFound, "check the path"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Denied, "make the folder readable and writable for you")
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => {
            (ErrorKind::Invalid, "is this the object that you mean?")
        }
        _ => (ErrorKind::Unreachable, "check the disk, its space and its quota"),
    };
    ProviderError::new(kind, call, target).because(error.to_string()).next_step(next)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[async_trait]
impl ObjectSource for FolderStore {
    fn scheme(&self) -> &'static str {
        "file"
    }

    async fn list(&self, place: &str, prefix: &str) -> Result<Vec<ObjectInfo>, ProviderError> {
        self.blocking("list", place, prefix, |store, place, prefix| {
            // What lies in other folders than the prefix names is not looked at.
            let below = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
            let folder = match (place, below) {
                ("", "") => Some(store.root.clone()),
                (place, "") => store.path("", place),
                (place, below) => store.path(place, below),
            };
            let Some(folder) = folder else { return Ok(Vec::new()) };
            let mut found = Vec::new();
            walk(&folder, below, DEEPEST, &mut found)?;
            found.retain(|object| object.key.starts_with(prefix));
            found.sort_by(|a, b| a.key.cmp(&b.key));
            Ok(found)
        })
        .await
    }

    async fn get(&self, place: &str, key: &str, limit: u64) -> Result<Bytes, ProviderError> {
        self.blocking("read", place, key, move |store, place, key| {
            let path = store.path(place, key).ok_or_else(|| invalid("no object is named so"))?;
            // A pipe would be waited for, a link leads elsewhere.
            if !fs::symlink_metadata(&path)?.is_file() {
                return Err(invalid("it is not a file"));
            }
            let mut bytes = Vec::new();
            File::open(&path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > limit {
                return Err(invalid(&format!("larger than {limit} bytes")));
            }
            Ok(Bytes::from(bytes))
        })
        .await
    }
}

/// Every object below a folder; where there is none, nothing.
fn walk(folder: &Path, key: &str, deep: usize, found: &mut Vec<ObjectInfo>) -> io::Result<()> {
    let Some(deep) = deep.checked_sub(1) else { return Ok(()) };
    let listing = match fs::read_dir(folder) {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        listing => listing?,
    };
    for item in listing {
        let item = item?;
        let name = item.file_name();
        let Some(name) = name.to_str().filter(|n| !n.starts_with('.')) else { continue };
        let key = if key.is_empty() { name.to_owned() } else { format!("{key}/{name}") };
        let kind = item.file_type()?;
        if kind.is_dir() {
            walk(&item.path(), &key, deep, found)?;
        } else if kind.is_file() {
            let about = item.metadata()?;
            let since = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
            found.push(ObjectInfo {
                key,
                size: about.len(),
                modified: Timestamp::from_unix_millis(millis),
                version: format!("{}-{}", since.as_nanos(), about.len()),
            });
        }
    }
    Ok(())
}

#[async_trait]
impl ObjectSink for FolderStore {
    async fn put_if_absent(
        &self,
        place: &str,
        key: &str,
        body: Bytes,
    ) -> Result<bool, ProviderError> {
        self.blocking("write", place, key, move |store, place, key| {
            let path = store.path(place, key).ok_or_else(|| invalid("no object is named so"))?;
            let folder = path.parent().ok_or_else(|| invalid("no object is named so"))?;
            if fs::symlink_metadata(&path).is_ok() {
                return Ok(false);
            }
            make(folder, &store.root)?;
            let part = folder.join(part_name());
            let written = write(&part, &body).and_then(|()| match fs::hard_link(&part, &path) {
                Ok(()) => Ok(true),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(e) => Err(e),
            });
            // Left behind it would do no harm: no listing shows it.
            let _ = fs::remove_file(&part);
            if store.names && written.as_ref().is_ok_and(|new| *new) {
                // All of them: that a folder is there does not say that its name is on the disk.
                // At the end, where a journal that was written for one has the others in it.
                let above = folder.ancestors().take_while(|f| f.starts_with(&store.root));
                above.into_iter().try_for_each(bring_to_disk)?;
            }
            written
        })
        .await
    }
}

/// A name that nobody else writes to.
fn part_name() -> String {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!(".{}-{number}-{now}.part", std::process::id())
}

fn write(part: &Path, body: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(part)?;
    file.write_all(body)?;
    file.sync_all()
}

/// Makes a folder and those above it, down from the root.
fn make(folder: &Path, root: &Path) -> io::Result<()> {
    if folder == root || folder.is_dir() {
        return Ok(());
    }
    make(folder.parent().unwrap_or(root), root)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn bring_to_disk(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Only Unix lets a folder be opened.
#[cfg(not(unix))]
fn bring_to_disk(_: &Path) -> io::Result<()> {
    Ok(())
}
