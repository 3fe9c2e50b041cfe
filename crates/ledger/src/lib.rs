//! The append-only record: what was planned, who said yes or no, what was begun and what
//! came of it.
//!
//! * [`entry`]: one entry, and its place in the chain
//! * [`record`]: what the entries of each kind hold
//! * [`chain`]: the hash of an entry over all before it
//! * [`weight`]: what an entry may weigh
//! * [`objects`]: one object an entry, for what runs where there is no disk; written once, never
//!   over
//! * [`folder`]: a folder that keeps such objects
//! * `sqlite` (feature): one file, append-only, chained; the local form
//! * `import` (with it): what objects hold, brought into the chain
//!
//! A ledger answers three questions and takes one order: append this unless it is there.

pub mod chain;
pub mod entry;
pub mod folder;
#[cfg(feature = "sqlite")]
pub mod import;
pub mod objects;
pub mod record;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod weight;

pub use entry::{Entry, EntryKind, NewEntry, Order};
pub use folder::FolderStore;
#[cfg(feature = "sqlite")]
pub use import::{Imported, import};
pub use objects::ObjectLedger;
pub use record::{Approval, Intent, Operation, Outcome, Outcomes, Rejection};
#[cfg(feature = "sqlite")]
pub use sqlite::{Filter, SqliteLedger, Verified};

use async_trait::async_trait;
use model::remediation::LedgerHead;

#[async_trait]
pub trait Ledger: Send + Sync {
    /// Appends, unless an entry of this kind with this key is there; says whether it did.
    /// When it answers, the entry is where no crash of this process, and for an intent no
    /// power cut either, takes it away.
    async fn append(&self, entry: NewEntry) -> Result<bool, LedgerError>;

    /// The entries of a kind whose key begins so, in the order in which they were written.
    async fn entries(&self, kind: EntryKind, key: &str) -> Result<Vec<Entry>, LedgerError>;

    /// How many entries of a kind have a key that begins so. Where each is an object, this
    /// lists them and fetches none.
    async fn count(&self, kind: EntryKind, key: &str) -> Result<usize, LedgerError> {
        Ok(self.entries(kind, key).await?.len())
    }

    /// The keys of a kind that begin so. Where each entry is an object, this lists them and
    /// fetches none.
    async fn keys(&self, kind: EntryKind, key: &str) -> Result<Vec<String>, LedgerError> {
        Ok(self.entries(kind, key).await?.into_iter().map(|e| e.key).collect())
    }

    /// The end of the chain; `None` where nothing is chained (objects) or nothing written.
    async fn head(&self) -> Result<Option<LedgerHead>, LedgerError>;
}

/// Why a ledger could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct LedgerError {
    /// The file or the URL.
    pub place: String,
    pub what: String,
    pub next_step: String,
}
