//! What SQLite's codes mean to a person: which file, why, and what to do.

use crate::LedgerError;
use rusqlite::{Error, ErrorCode};
use std::path::{Path, PathBuf};

/// The file, as messages name it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
    shown: String,
}

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        Place { path: path.to_owned(), shown: path.display().to_string() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.shown
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn error(&self, what: impl Into<String>, next: impl Into<String>) -> LedgerError {
        LedgerError { place: self.shown.clone(), what: what.into(), next_step: next.into() }
    }

    /// `doing`: what was tried, in words that follow "cannot".
    pub(super) fn failed(&self, doing: &str, error: &Error) -> LedgerError {
        let (why, next) = self.meaning(error);
        self.error(format!("cannot {doing}: {why}"), next)
    }

    pub(super) fn io(&self, doing: &str, error: &std::io::Error) -> LedgerError {
        self.error(format!("cannot {doing}: {error}"), "check the path, the rights and the disk")
    }

    /// By codes alone; no text of an error is read, and none that could hold a value is shown.
    fn meaning(&self, error: &Error) -> (String, String) {
        let file = &self.shown;
        let Some(code) = error.sqlite_error_code() else {
            return (
                "an entry does not have the shape of one".to_owned(),
                "lab ledger verify names the entry".to_owned(),
            );
        };
        let (why, next) = match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
                "another process holds it".to_owned(),
                format!("wait for it to end and try again; `fuser {file}` names it"),
            ),
            ErrorCode::DiskFull => (
                "no space is left on the disk".to_owned(),
                "free some space and run it again: nothing was half written".to_owned(),
            ),
            ErrorCode::SystemIoFailure => (
                "the disk answered with an error".to_owned(),
                "check the disk, its space and its quota, then run it again: nothing was half \
                 written"
                    .to_owned(),
            ),
            ErrorCode::DatabaseCorrupt => (
                "the file is damaged".to_owned(),
                "keep it as it is and put back a copy; what is open in the clouds is found again \
                 by lab run drift-check"
                    .to_owned(),
            ),
            ErrorCode::NotADatabase => (
                "it is not a ledger, nor any SQLite database".to_owned(),
                "is this the file that you mean? Move it away, or give another --data".to_owned(),
            ),
            ErrorCode::ReadOnly => (
                "it may only be read".to_owned(),
                format!("make {file} and its folder writable for you"),
            ),
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied => (
                "it cannot be opened".to_owned(),
                format!("check that {file} is a file, and that you may read and write it"),
            ),
            ErrorCode::ConstraintViolation => (
                "the file itself refuses the entry".to_owned(),
                "lab ledger verify says whether its triggers are those of a ledger".to_owned(),
            ),
            ErrorCode::OutOfMemory | ErrorCode::TooBig => (
                "it does not fit into memory".to_owned(),
                "lab ledger verify says whether it is whole".to_owned(),
            ),
            _ => (
                "SQLite refused it".to_owned(),
                "lab ledger verify says whether it is whole".to_owned(),
            ),
        };
        let code = error.sqlite_error().map_or(0, |e| e.extended_code);
        (format!("{why} (SQLite {code})"), next)
    }
}

pub(super) fn is(error: &Error, codes: &[ErrorCode]) -> bool {
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}
