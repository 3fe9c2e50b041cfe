//! Audit events out of files and buckets that the user names. The names in a report then
//! come from these records alone, on whatever machine they lie.

use crate::fetch::fetch;
use crate::progress::Progress;
use crate::target::CheckCloud;
use model::Event;
use model::finding::Searched;
use model::report::ReportError;
use std::path::{Path, PathBuf};
use terraform_io::ObjectPattern;

/// The largest log file read: CloudTrail closes its own at about 50 MB.
const LARGEST: u64 = 256 << 20;
/// A folder of more files than this is not a folder of logs.
const MOST_FILES: usize = 100_000;

/// Where events are to be read from.
#[derive(Clone, Debug)]
pub enum EventSource {
    /// A file or a folder; a folder means every file below it.
    Path(PathBuf),
    Objects(ObjectPattern),
}

impl EventSource {
    pub fn parse(text: &str) -> Result<Self, terraform_io::SourceError> {
        if text.contains("://") && !text.starts_with("file://") {
            return ObjectPattern::parse(text).map(EventSource::Objects);
        }
        Ok(EventSource::Path(text.strip_prefix("file://").unwrap_or(text).into()))
    }
}

/// Everything that was read, and what was not.
#[derive(Debug, Default)]
pub struct Archive {
    pub events: Vec<Event>,
    pub errors: Vec<ReportError>,
    /// The sources as the user named them.
    pub names: Vec<String>,
}

impl Archive {
    /// What a report says was searched.
    pub fn searched(&self) -> Searched {
        Searched {
            source: self.names.join(", "),
            from: self.events.iter().map(|e| e.time).min(),
            to: self.events.iter().map(|e| e.time).max(),
            gaps: match self.errors.len() {
                0 => Vec::new(),
                n => vec![format!("{n} files or records could not be read")],
            },
            note: None,
        }
    }

    fn take(&mut self, bytes: &[u8], name: &str) {
        let (mut events, rejected) = event_formats::read(bytes, name);
        self.events.append(&mut events);
        self.errors.extend(rejected.into_iter().map(|r| ReportError {
            place: match (r.line, r.column) {
                (Some(line), Some(column)) => format!("{name} line {line}, column {column}"),
                (Some(line), None) => format!("{name} line {line}"),
                _ => name.to_owned(),
            },
            what: r.reason,
            next_step: "the other records were read".to_owned(),
        }));
    }
}

pub async fn read_archive(
    sources: &[EventSource],
    clouds: &[CheckCloud],
    progress: &dyn Progress,
) -> Archive {
    let mut archive = Archive::default();
    progress.stage("reading events", sources.len());
    for source in sources {
        match source {
            EventSource::Path(path) => {
                archive.names.push(path.display().to_string());
                let mut files = Vec::new();
                if let Err(error) = files_below(path, &mut files) {
                    archive.errors.push(unreadable(path, &error));
                }
                files.sort();
                for file in files {
                    match read_file(&file) {
                        Ok(bytes) => archive.take(&bytes, &file.display().to_string()),
                        Err(error) => archive.errors.push(unreadable(&file, &error)),
                    }
                }
            }
            EventSource::Objects(pattern) => {
                archive.names.push(pattern.to_string());
                let (objects, errors) =
                    fetch(clouds, pattern, |key| pattern.matches(key), LARGEST).await;
                archive.errors.extend(errors);
                for object in objects {
                    archive.take(&object.bytes, &object.name);
                }
            }
        }
        progress.step();
    }
    event_formats::link_sessions(&mut archive.events);
    if archive.events.is_empty() && archive.errors.is_empty() {
        archive.errors.push(ReportError {
            place: archive.names.join(", "),
            what: "no audit record was found".to_owned(),
            next_step: "give the folder or prefix that the cloud's log files lie under".to_owned(),
        });
    }
    archive
}

fn unreadable(path: &Path, error: &std::io::Error) -> ReportError {
    ReportError {
        place: path.display().to_string(),
        what: error.to_string(),
        next_step: "check the path and its permissions".to_owned(),
    }
}

fn files_below(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if files.len() >= MOST_FILES {
            return Err(std::io::Error::other(format!("more than {MOST_FILES} files")));
        }
        // Links are not followed: a loop of them would never end.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files_below(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let size = std::fs::metadata(path)?.len();
    if size > LARGEST {
        return Err(std::io::Error::other(format!(
            "{size} bytes; a log file is read up to {LARGEST}"
        )));
    }
    std::fs::read(path)
}
