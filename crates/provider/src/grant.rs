//! The complete least-privilege policy that an exercise needs, in the cloud's own language.

/// What an exercise does with a cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reads the configuration of every supported kind.
    ReadConfiguration,
    /// Changes it.
    WriteConfiguration,
    /// Asks the audit log.
    ReadAuditLog,
    /// Fetches states and logs from object stores.
    ReadObjects,
}

/// A policy document that can be pasted: `text` in the cloud's own format, `how` to attach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub title: String,
    pub text: String,
    pub how: String,
}

/// The permissions of all kinds, sorted, each once.
pub fn permissions<'a>(lists: impl IntoIterator<Item = &'a [&'static str]>) -> Vec<&'static str> {
    let mut all: Vec<&'static str> = lists.into_iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}
