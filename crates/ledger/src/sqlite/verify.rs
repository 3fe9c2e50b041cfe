//! Is the ledger what it was? The chain, the rules in the file, the file itself, and the head
//! that somebody wrote down elsewhere.

use super::file::SCHEMA;
use super::{Inner, SqliteLedger};
use crate::LedgerError;
use crate::chain::{Broken, NOTHING_BEFORE, Row, Walk, shown};
use model::remediation::LedgerHead;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::collections::BTreeMap;

const KEEP: &str = "keep the file as it is and compare it with a copy; every report shows the \
                    ledger's head at its time";

/// How many digits of a head's hash are enough, as people read them off a report.
const SHORTEST: usize = 8;

/// A ledger that holds together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub entries: u64,
    /// None: nothing was ever written.
    pub head: Option<LedgerHead>,
}

/// What was found to be wrong, before it is put into words.
enum Found {
    Chain(Broken),
    Other(String),
}

impl SqliteLedger {
    /// Walks the whole chain and names the first bad entry. `expected` is the head that a report
    /// showed: what was there then must be there still. Its hash may be shortened to its first
    /// eight digits or more.
    pub async fn verify(&self, expected: Option<&LedgerHead>) -> Result<Verified, LedgerError> {
        let expected = expected.cloned();
        self.blocking(move |inner| inner.verify(expected.as_ref())).await
    }
}

impl Inner {
    fn verify(&self, expected: Option<&LedgerHead>) -> Result<Verified, LedgerError> {
        let mut connection = self.connection();
        let mut verify = || {
            // One transaction, so that what others append meanwhile is not half seen.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
            walk(&transaction, expected)
        };
        match verify() {
            Ok(Ok(verified)) => Ok(verified),
            Ok(Err(Found::Chain(broken))) => Err(self.place.error(broken.to_string(), KEEP)),
            Ok(Err(Found::Other(what))) => Err(self.place.error(what, KEEP)),
            Err(error) => Err(self.place.failed("verify it", &error)),
        }
    }
}

fn walk(
    connection: &Connection,
    expected: Option<&LedgerHead>,
) -> rusqlite::Result<Result<Verified, Found>> {
    let rows: i64 = connection.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?;
    let mut walk = Walk::new(rows);
    let mut then = expected.filter(|e| e.entries == 0).map(|_| NOTHING_BEFORE.to_owned());
    let mut statement = connection
        .prepare("SELECT seq, time, kind, key, body, prev, hash FROM entries ORDER BY seq")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let bytes = |column| row.get_ref(column).map(|v| v.as_bytes().unwrap_or_default());
        let row = Row {
            seq: row.get(0)?,
            time: bytes(1)?,
            kind: bytes(2)?,
            key: bytes(3)?,
            body: bytes(4)?,
            prev: bytes(5)?,
            hash: bytes(6)?,
        };
        if let Err(broken) = walk.step(&row) {
            return Ok(Err(Found::Chain(broken)));
        }
        if expected.is_some_and(|e| e.entries == walk.seen()) {
            then = Some(walk.hash().to_owned());
        }
    }
    drop(found);
    let entries = walk.seen();
    if let Some(what) = expected.and_then(|e| against(e, entries, then.as_deref())) {
        return Ok(Err(Found::Other(what)));
    }
    if let Some(what) = last_given(connection, entries)? {
        return Ok(Err(Found::Other(what)));
    }
    if let Some(what) = rules(connection)? {
        return Ok(Err(Found::Other(what)));
    }
    if let Some(what) = damage(connection)? {
        return Ok(Err(Found::Other(what)));
    }
    let head = (entries > 0).then(|| LedgerHead { entries, hash: walk.hash().to_owned() });
    Ok(Ok(Verified { entries, head }))
}

/// What a report's head says against this chain. `then`: the hash at the report's place.
fn against(expected: &LedgerHead, entries: u64, then: Option<&str>) -> Option<String> {
    let at = expected.entries;
    match then {
        None => Some(format!(
            "the ledger has {entries} entries, the report was written at {at}: its tail was cut"
        )),
        Some(_) if at > 0 && expected.hash.len() < SHORTEST => Some(format!(
            "the head {at}:{} is too short to tell anything by",
            shown(expected.hash.as_bytes())
        )),
        Some(hash) if at > 0 && !hash.starts_with(&expected.hash) => Some(format!(
            "entry {at} has the hash {hash}, the report was written at {}: the ledger was \
             rewritten",
            shown(expected.hash.as_bytes())
        )),
        Some(_) => None,
    }
}

/// SQLite keeps the last number that it gave.
fn last_given(connection: &Connection, entries: u64) -> rusqlite::Result<Option<String>> {
    let given: Option<i64> = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'entries'", [], |row| row.get(0))
        .optional()?;
    let given = given.unwrap_or(0);
    Ok(match u64::try_from(given) {
        Ok(given) if given == entries => None,
        Ok(given) if given > entries => Some(format!(
            "the ledger has {entries} entries, and {given} were written: its tail was cut"
        )),
        _ => Some(format!(
            "the ledger has {entries} entries, and its counter stands at {given}: the counter was \
             edited"
        )),
    })
}

/// The table and the triggers that make it append-only, word for word, and nothing else.
fn rules(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare(
        "SELECT name, sql FROM sqlite_schema WHERE name NOT IN \
         ('sqlite_sequence', 'sqlite_autoindex_entries_1')",
    )?;
    let found: BTreeMap<String, Option<String>> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let missing = SCHEMA.iter().find(|(name, _)| !found.contains_key(*name));
    if let Some((name, _)) = missing {
        return Ok(Some(format!(
            "the rule {name} is not there: entries could have been changed without it"
        )));
    }
    for (name, sql) in &found {
        let ours = SCHEMA.iter().find(|(own, _)| own == name);
        let shown = shown(name.as_bytes());
        match ours {
            None => return Ok(Some(format!("{shown} is in the file, and no part of a ledger"))),
            Some((_, own)) if sql.as_deref() != Some(*own) => {
                return Ok(Some(format!("the rule {shown} was changed")));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

/// Damage that no entry shows: pages, and an index that tells otherwise than the table.
fn damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let first: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((first != "ok").then(|| format!("the file is damaged: {}", shown(first.as_bytes()))))
}
