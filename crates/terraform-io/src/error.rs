//! Why a file is not a state that can be read: one kind each, with what to do about it.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError {
    pub kind: StateErrorKind,
    /// The state as the user named it.
    pub source: String,
    pub place: Option<Place>,
}

/// Where in the file. Lines and columns from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    /// `resources[3].instances[0]`; empty at the top.
    pub json_path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateErrorKind {
    NotFound,
    Denied,
    /// Another failure of reading, in the system's words.
    Unreadable(String),
    Empty,
    /// The file ends inside the JSON.
    Truncated,
    /// Broken JSON, or JSON of another shape than a state's; what was expected there.
    Malformed(String),
    NotUtf8,
    Utf16,
    /// Compressed with this.
    Compressed(&'static str),
    /// Encrypted with, or by, this.
    Encrypted(&'static str),
    /// What `terraform plan -out` writes.
    PlanFile,
    /// `terraform show -json` of a plan.
    PlanJson,
    /// `terraform show -json` of a state: values without lineage, serial and marks.
    ShowJson,
    /// The pointer in `.terraform/` that names this backend.
    BackendPointer(String),
    /// A state of this version, older than 4.
    OldVersion(u64),
    /// A state of this version, newer than 4.
    NewVersion(u64),
    /// Something else, in words.
    NotAState(&'static str),
    /// Over the limit of this name and size.
    TooLarge {
        limit: &'static str,
        allows: u64,
    },
}

impl StateError {
    pub fn new(source: impl Into<String>, kind: StateErrorKind) -> Self {
        StateError { kind, source: source.into(), place: None }
    }

    /// What reading a file or a pipe can end with.
    pub fn from_io(source: &str, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => StateErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => StateErrorKind::Denied,
            _ => StateErrorKind::Unreadable(error.to_string()),
        };
        StateError::new(source, kind)
    }

    /// What is the matter, without the source.
    pub fn what(&self) -> String {
        use StateErrorKind::*;
        let what = match &self.kind {
            NotFound => "no such file".into(),
            Denied => "reading it is not permitted".into(),
            Unreadable(why) => format!("could not be read: {why}"),
            Empty => "the file is empty".into(),
            Truncated => "the file ends in the middle of its JSON".into(),
            Malformed(expected) => format!("not a readable state: expected {expected}"),
            NotUtf8 => "not a readable state: it holds bytes that are not UTF-8".into(),
            Utf16 => "UTF-16 text, as a Windows shell redirects it; expected UTF-8".into(),
            Compressed(with) => format!("{with} data; expected the state's own JSON"),
            Encrypted(by) => format!("an encrypted state ({by})"),
            PlanFile => "a saved plan or another zip archive; expected a state".into(),
            PlanJson => "a plan as JSON (terraform show -json); expected a state".into(),
            ShowJson => "the output of terraform show -json; expected the state itself".into(),
            BackendPointer(backend) => {
                format!("the pointer to a backend ({backend}), not the state kept there")
            }
            OldVersion(v) => {
                format!("a state of version {v} (Terraform 0.11 or older); expected 4")
            }
            NewVersion(v) => format!("a state of version {v}; this program reads version 4"),
            NotAState(what) => format!("{what}; expected a Terraform state of version 4"),
            TooLarge { limit, allows } => format!("over the limit {limit} = {allows}"),
        };
        match &self.place {
            Some(place) => format!("{place}: {what}"),
            None => what,
        }
    }

    pub fn next_step(&self) -> String {
        use StateErrorKind::*;
        match &self.kind {
            NotFound => "check the path, or give the Terraform root's folder".into(),
            Denied => "run as a user who may read it, or change the file's mode".into(),
            Unreadable(_) => "see whether the disk or pipe is in order, then run again".into(),
            Empty | Truncated => {
                "fetch it again: terraform state pull > fresh.tfstate, then --state fresh.tfstate"
                    .into()
            }
            Malformed(_) | NotUtf8 | NotAState(_) => {
                "give the file that terraform state pull writes".into()
            }
            Utf16 => {
                "write it as UTF-8: terraform state pull | Out-File -Encoding utf8 x.tfstate".into()
            }
            Compressed(_) => {
                "decompress it first, or pipe it: gunzip -c FILE | ... --state -".into()
            }
            Encrypted(_) => {
                "decrypt it with the tool that holds the key: tofu state pull | ... --state -"
                    .into()
            }
            PlanFile | PlanJson | ShowJson => {
                "give the state itself: terraform state pull > fresh.tfstate".into()
            }
            BackendPointer(_) => {
                "give the Terraform root's folder (the one that holds .terraform)".into()
            }
            OldVersion(_) => {
                "run terraform apply once with 0.12 or newer; it rewrites the state".into()
            }
            NewVersion(_) => "update this program".into(),
            TooLarge { .. } => "split the state, or give it to a program that may use more".into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        if !self.json_path.is_empty() {
            write!(f, " ({})", self.json_path)?;
        }
        Ok(())
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.what())
    }
}

impl std::error::Error for StateError {}
