//! The samples that lie beside each format.

use model::Event;
use std::path::{Path, PathBuf};

pub fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// A format's own sample: its file's name, and the bytes.
pub fn raw(name: &str) -> (String, Vec<u8>) {
    let files = ["json", "txt"].map(|ending| format!("{name}.raw.{ending}"));
    let file = files.into_iter().find(|file| source().join(file).exists());
    let file = file.unwrap_or_else(|| panic!("{name} has no raw sample"));
    let bytes = std::fs::read(source().join(&file)).expect("a file");
    (file, bytes)
}

/// The events of a format's own sample.
pub fn golden(name: &str) -> Vec<Event> {
    let (file, bytes) = raw(name);
    let (events, rejected) = event_formats::read(&bytes, &file);
    assert!(rejected.is_empty(), "{name}: {rejected:?}");
    events
}
