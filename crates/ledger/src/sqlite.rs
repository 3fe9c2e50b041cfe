//! The ledger as one SQLite file: append-only by triggers, chained by hashes.
//!
//! * [`file`]: opening, creating, and refusing what is not a ledger
//! * [`verify`]: is it what it was?
//! * [`query`]: looking things up
//! * [`failure`]: what SQLite's codes mean to a person
//!
//! Looking whether an entry is there, reading the end of the chain and appending are one
//! transaction that takes the write lock first (`BEGIN IMMEDIATE`): two processes never append
//! to the same end. What allows or stops a change (intents, approvals, rejections) is on the
//! disk before it is answered, `synchronous=FULL`; a plan or an outcome that a power cut takes
//! is made or found again.

mod failure;
mod file;
mod query;
#[cfg(test)]
mod tests;
mod verify;

pub use query::Filter;
pub use verify::Verified;

use crate::chain::{NOTHING_BEFORE, Row};
use crate::{Entry, EntryKind, Ledger, LedgerError, NewEntry, weight};
use async_trait::async_trait;
use failure::Place;
use model::remediation::LedgerHead;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One open file. Clones share the connection.
#[derive(Clone)]
pub struct SqliteLedger {
    inner: Arc<Inner>,
}

struct Inner {
    place: Place,
    connection: Mutex<Connection>,
}

/// An entry as text, ready to be hashed.
pub(crate) struct Written {
    pub(crate) kind: EntryKind,
    pub(crate) key: String,
    time: String,
    body: String,
}

/// What became of an entry that was to be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    New,
    /// It is there already, with this body.
    Known,
    /// One of this kind and key is there, with another body.
    Other,
}

impl Inner {
    /// A connection whose holder panicked has rolled back: it is as good as any.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All or nothing.
    fn append(&self, entries: &[Written]) -> Result<Vec<Appended>, LedgerError> {
        let mut connection = self.connection();
        let durable = entries.iter().any(|e| e.kind.outlives_power());
        let mut attempt = || {
            // Outside of the transaction: inside it would change nothing.
            let level = if durable { "FULL" } else { "NORMAL" };
            connection.pragma_update(None, "synchronous", level)?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcomes: Result<Vec<_>, _> =
                entries.iter().map(|entry| append(&transaction, entry)).collect();
            let outcomes = outcomes?;
            transaction.commit()?;
            Ok(outcomes)
        };
        attempt().map_err(|e: rusqlite::Error| self.place.failed("append an entry", &e))
    }

    fn head(&self) -> Result<Option<LedgerHead>, LedgerError> {
        let last = end(&self.connection());
        let last = last.map_err(|e| self.place.failed("read the last entry", &e))?;
        Ok(last.map(|(seq, hash)| LedgerHead { entries: seq.unsigned_abs(), hash }))
    }
}

/// The last number and the hash that leads to it.
fn end(connection: &Connection) -> rusqlite::Result<Option<(i64, String)>> {
    connection
        .query_row("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
}

fn append(connection: &Connection, entry: &Written) -> rusqlite::Result<Appended> {
    let kind = entry.kind.as_str();
    let there: Option<String> = connection
        .query_row(
            "SELECT body FROM entries WHERE kind = ?1 AND key = ?2",
            params![kind, entry.key],
            |row| row.get(0),
        )
        .optional()?;
    match there {
        Some(body) if body == entry.body => return Ok(Appended::Known),
        Some(_) => return Ok(Appended::Other),
        None => {}
    }
    let (last, prev) = end(connection)?.unwrap_or_else(|| (0, NOTHING_BEFORE.to_owned()));
    let seq = last.saturating_add(1);
    let hash = Row {
        seq,
        time: entry.time.as_bytes(),
        kind: kind.as_bytes(),
        key: entry.key.as_bytes(),
        body: entry.body.as_bytes(),
        prev: prev.as_bytes(),
        hash: b"",
    }
    .expected_hash();
    connection.execute(
        "INSERT INTO entries (seq, time, kind, key, body, prev, hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![seq, entry.time, kind, entry.key, entry.body, prev, hash],
    )?;
    Ok(Appended::New)
}

impl SqliteLedger {
    /// Where it lies, as messages name it.
    pub fn place(&self) -> &str {
        self.inner.place.as_str()
    }

    /// Appends several as one, in this order; says of each whether it was there.
    pub(crate) async fn append_all(
        &self,
        entries: Vec<NewEntry>,
    ) -> Result<Vec<Appended>, LedgerError> {
        let written: Vec<Written> = entries
            .into_iter()
            .map(|entry| {
                let body = weight::text(self.place(), &entry)?;
                let NewEntry { kind, key, time, .. } = entry;
                Ok(Written { kind, key, time: time.to_millis_text(), body })
            })
            .collect::<Result<_, LedgerError>>()?;
        self.blocking(move |inner| inner.append(&written)).await
    }

    /// SQLite waits for disks and locks: not on a thread that others' futures run on.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let inner = Arc::clone(&self.inner);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(answer) => answer,
            Err(error) => Err(self.inner.place.error(
                format!("the ledger was not reached: {error}"),
                "run it again: what was begun is settled first",
            )),
        }
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn append(&self, entry: NewEntry) -> Result<bool, LedgerError> {
        Ok(self.append_all(vec![entry]).await?.contains(&Appended::New))
    }

    async fn entries(&self, kind: EntryKind, key: &str) -> Result<Vec<Entry>, LedgerError> {
        let filter = Filter { kind: Some(kind), key: key.to_owned(), last: None };
        self.blocking(move |inner| inner.list(&filter)).await
    }

    async fn count(&self, kind: EntryKind, key: &str) -> Result<usize, LedgerError> {
        let filter = Filter { kind: Some(kind), key: key.to_owned(), last: None };
        self.blocking(move |inner| inner.count(&filter)).await
    }

    async fn head(&self) -> Result<Option<LedgerHead>, LedgerError> {
        self.blocking(Inner::head).await
    }
}
