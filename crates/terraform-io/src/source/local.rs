//! Finds the states that a path, a glob or a folder means.

use super::{ObjectPattern, SourceError, StateFile, StateSource, is_glob, literal_prefix, matcher};
use crate::backend::{self, Backend};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Entries of folders that a glob looks at, and files that it may mean.
const MAX_VISITED: usize = 1_000_000;
const MAX_FOUND: usize = 10_000;
const MAX_DEPTH: usize = 64;

/// A state to read, and the backend that led to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub file: StateFile,
    pub backend: Option<Backend>,
}

impl From<StateFile> for Found {
    fn from(file: StateFile) -> Self {
        Found { file, backend: None }
    }
}

/// Every state that these sources mean, each once, in the order given; of one source sorted
/// by name. What leads nowhere is listed beside it: the others are still good.
pub fn expand(sources: &[StateSource]) -> (Vec<Found>, Vec<SourceError>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for source in sources {
        let files = match source {
            StateSource::Stdin => Ok(vec![StateFile::Stdin.into()]),
            StateSource::Object(pattern) => Ok(vec![StateFile::Object(pattern.clone()).into()]),
            StateSource::Local(text) => local(text),
        };
        match files {
            Ok(files) => {
                found.extend(files.into_iter().filter(|f| seen.insert(identity(&f.file))));
            }
            Err(error) => errors.push(error),
        }
    }
    (found, errors)
}

/// One file under two names is one state.
fn identity(file: &StateFile) -> String {
    match file {
        StateFile::Local(path) => fs::canonicalize(path)
            .map(|p| p.display().to_string())
            .unwrap_or_else(|_| file.to_string()),
        _ => file.to_string(),
    }
}

fn local(text: &str) -> Result<Vec<Found>, SourceError> {
    let path = Path::new(text);
    match fs::metadata(path) {
        Ok(m) if m.is_dir() => folder(text, path),
        Ok(_) => Ok(vec![StateFile::Local(path.into()).into()]),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && is_glob(text) => matching(text),
        // The reader of the file says it, with the path.
        Err(_) => Ok(vec![StateFile::Local(path.into()).into()]),
    }
}

fn folder(text: &str, path: &Path) -> Result<Vec<Found>, SourceError> {
    if let Some(backend) = backend::of_root(path)? {
        let file = match &backend {
            Backend::Local { path: state } if state.is_file() => StateFile::Local(state.clone()),
            Backend::Local { path: state } => {
                let what = format!("a Terraform root without a state: no {}", state.display());
                let next = "run terraform apply there, or give the state's file";
                return Err(SourceError::new(text, what, next));
            }
            Backend::S3 { bucket, key, .. } => {
                let pattern = ObjectPattern::exact("s3", bucket, key).ok_or_else(|| {
                    let what = "the s3 backend's bucket or key is not a name it can have";
                    SourceError::new(text, what, "run terraform init again in this root")
                })?;
                StateFile::Object(pattern)
            }
        };
        return Ok(vec![Found { file, backend: Some(backend) }]);
    }
    let files = fs::read_dir(path).map_err(|e| {
        SourceError::new(text, format!("could not be listed: {e}"), "check its permissions")
    })?;
    let mut states: Vec<PathBuf> = files
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "tfstate") && p.is_file())
        .take(MAX_FOUND + 1)
        .collect();
    states.sort();
    if states.is_empty() {
        let what = "a folder without a state: no .terraform, no *.tfstate in it";
        let next = "run terraform init and apply there, or give a file, or DIR/**/*.tfstate";
        return Err(SourceError::new(text, what, next));
    }
    bounded(text, states)
}

fn matching(text: &str) -> Result<Vec<Found>, SourceError> {
    let pattern = text.strip_prefix("./").unwrap_or(text);
    let glob = matcher(text, pattern)?;
    let literal = literal_prefix(pattern);
    let base = &literal[..literal.rfind('/').map_or(0, |i| i + 1)];
    // What Terraform keeps for itself is not a state; who wants it names it.
    let hidden = pattern[base.len()..].split('/').any(|part| part.starts_with('.'));
    let mut walk = Walk { glob, hidden, visited: 0, found: Vec::new() };
    walk.folder(Path::new(base), 0);
    if walk.visited > MAX_VISITED {
        let what = format!("more than {MAX_VISITED} files to look at");
        return Err(SourceError::new(text, what, "begin the pattern with a deeper folder"));
    }
    if walk.found.is_empty() {
        return Err(SourceError::new(text, "no file matches", "check the pattern and the folder"));
    }
    walk.found.sort();
    bounded(text, walk.found)
}

fn bounded(text: &str, files: Vec<PathBuf>) -> Result<Vec<Found>, SourceError> {
    if files.len() > MAX_FOUND {
        let what = format!("means more than {MAX_FOUND} files");
        return Err(SourceError::new(text, what, "give a narrower pattern"));
    }
    Ok(files.into_iter().map(|p| StateFile::Local(p).into()).collect())
}

struct Walk {
    glob: globset::GlobMatcher,
    hidden: bool,
    visited: usize,
    found: Vec<PathBuf>,
}

impl Walk {
    /// Folders that cannot be listed are passed by: the pattern did not name them.
    fn folder(&mut self, path: &Path, depth: usize) {
        let listed = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let Ok(entries) = fs::read_dir(listed) else { return };
        for entry in entries.flatten() {
            self.visited += 1;
            if self.visited > MAX_VISITED || self.found.len() > MAX_FOUND {
                return;
            }
            let name = entry.file_name();
            if !self.hidden && name.to_string_lossy().starts_with('.') {
                continue;
            }
            let path = path.join(&name);
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < MAX_DEPTH {
                self.folder(&path, depth + 1);
            } else if (kind.is_file() || kind.is_symlink() && path.is_file())
                && self.glob.is_match(&path)
            {
                self.found.push(path);
            }
        }
    }
}
