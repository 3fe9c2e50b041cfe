//! Where states (and logs) come from, as typed values.
//!
//! [`StateSource::parse`] and [`ObjectPattern::parse`] look at text only; [`expand`] looks at
//! the local disk. Neither talks to a bucket.

mod local;
mod object;

pub use local::{Found, expand};
pub use object::{ObjectPattern, SCHEMES, Scheme};

use globset::{Glob, GlobBuilder, GlobMatcher};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// What was given for `--state`.
#[derive(Clone, Debug, PartialEq)]
pub enum StateSource {
    Stdin,
    /// A file, a folder or a glob: only the disk tells which.
    Local(String),
    Object(ObjectPattern),
}

impl StateSource {
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        if text.is_empty() {
            return Err(SourceError::new(text, "nothing is named", "give a path, a glob or a URL"));
        }
        if text == "-" {
            return Ok(StateSource::Stdin);
        }
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(StateSource::Local(path.to_owned()));
        }
        if text.contains("://") {
            return ObjectPattern::parse(text).map(StateSource::Object);
        }
        Ok(StateSource::Local(text.to_owned()))
    }
}

impl FromStr for StateSource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        StateSource::parse(text)
    }
}

/// One place to read one state, or a pattern of states, from.
#[derive(Clone, Debug, PartialEq)]
pub enum StateFile {
    Stdin,
    Local(PathBuf),
    /// To be listed, or fetched where [`ObjectPattern::exact_key`] is known.
    Object(ObjectPattern),
}

impl fmt::Display for StateFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateFile::Stdin => f.write_str("-"),
            StateFile::Local(path) => write!(f, "{}", path.display()),
            StateFile::Object(pattern) => write!(f, "{pattern}"),
        }
    }
}

/// Why a source leads to no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// As the user wrote it, or the file that the trouble is in.
    pub source: String,
    pub what: String,
    pub next_step: String,
}

impl SourceError {
    pub fn new(
        source: impl Into<String>,
        what: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        SourceError { source: source.into(), what: what.into(), next_step: next_step.into() }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.what)
    }
}

impl std::error::Error for SourceError {}

/// Whether a character makes text a pattern.
fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// The part of a pattern before its first wildcard.
fn literal_prefix(text: &str) -> &str {
    &text[..text.find(['*', '?', '[', '{', '\\']).unwrap_or(text.len())]
}

/// `*` stays within one folder, `**` crosses folders.
fn glob(source: &str, pattern: &str) -> Result<Glob, SourceError> {
    GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build().map_err(|e| {
        SourceError::new(
            source,
            format!("not a pattern: {}", e.kind()),
            "`*` stands for anything within a folder, `**` for any folders, `{a,b}` for either",
        )
    })
}

fn matcher(source: &str, pattern: &str) -> Result<GlobMatcher, SourceError> {
    glob(source, pattern).map(|g| g.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_typed_at_the_edge() {
        assert_eq!(StateSource::parse("-").unwrap(), StateSource::Stdin);
        assert_eq!(
            StateSource::parse("file:///a/b.tfstate").unwrap(),
            StateSource::Local("/a/b.tfstate".into())
        );
        assert!(matches!("s3://b/k".parse().unwrap(), StateSource::Object(_)));
        assert!(matches!("envs/**/*.tfstate".parse().unwrap(), StateSource::Local(_)));
        for wrong in ["", "ftp://x/y", "s3://", "s3://b*/k", "https://b.s3.amazonaws.com/k"] {
            let error = StateSource::parse(wrong).unwrap_err();
            assert!(!error.next_step.is_empty(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_in_a_url_is_not_repeated() {
        let error = StateSource::parse("s3://AKIAIOSFODNN7EXAMPLE:hunter2@bucket/key").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}
