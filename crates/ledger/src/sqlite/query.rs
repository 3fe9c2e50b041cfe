//! Looking things up: a list, or everything about one id.

use super::{Inner, SqliteLedger};
use crate::chain::shown;
use crate::{Entry, EntryKind, LedgerError};
use model::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row};
use std::collections::BTreeSet;

/// Shorter parts of a key are numbers and words, not digests.
const SHORTEST_DIGEST: usize = 16;

/// Which entries. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub kind: Option<EntryKind>,
    /// How the key begins.
    pub key: String,
    /// Only so many, the newest.
    pub last: Option<usize>,
}

impl SqliteLedger {
    /// In the order in which they were written.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Entry>, LedgerError> {
        self.blocking(move |inner| inner.list(&filter)).await
    }

    /// Every entry that an id is about: the number of one entry (`12`), or the beginning of an
    /// action's or finding's digest or of a plan's hash (`A-51b2`, `7f3a9c21`). One that begins
    /// more than one is an error that names them. Nothing found: empty.
    pub async fn show(&self, id: &str) -> Result<Vec<Entry>, LedgerError> {
        let id = id.to_owned();
        self.blocking(move |inner| inner.show(&id)).await
    }
}

impl Inner {
    pub(super) fn list(&self, filter: &Filter) -> Result<Vec<Entry>, LedgerError> {
        let connection = self.connection();
        let failed = |e| self.place.failed("read its entries", &e);
        let seqs = numbers(&connection, filter).map_err(failed)?;
        self.read(&connection, &seqs)
    }

    pub(super) fn count(&self, filter: &Filter) -> Result<usize, LedgerError> {
        let seqs = numbers(&self.connection(), filter);
        Ok(seqs.map_err(|e| self.place.failed("count its entries", &e))?.len())
    }

    fn show(&self, id: &str) -> Result<Vec<Entry>, LedgerError> {
        let connection = self.connection();
        let failed = |e| self.place.failed("read its entries", &e);
        if let Ok(seq) = id.parse::<i64>() {
            let there = number_is_there(&connection, seq).map_err(failed)?;
            if there {
                return self.read(&connection, &[seq]);
            }
        }
        let start = id.strip_prefix("A-").or_else(|| id.strip_prefix("F-")).unwrap_or(id);
        let start = start.strip_prefix("sha256:").unwrap_or(start).to_lowercase();
        if start.is_empty() || !start.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let (digests, seqs) = beginning_with(&connection, &start).map_err(failed)?;
        if digests.len() > 1 {
            let named: Vec<String> =
                digests.iter().take(4).map(|d| d.chars().take(16).collect()).collect();
            return Err(self.place.error(
                format!(
                    "{} is the beginning of several ids: {}",
                    shown(id.as_bytes()),
                    named.join(", ")
                ),
                "give more of it",
            ));
        }
        self.read(&connection, &seqs)
    }

    fn read(&self, connection: &Connection, seqs: &[i64]) -> Result<Vec<Entry>, LedgerError> {
        let failed = |e| self.place.failed("read its entries", &e);
        let mut statement = connection
            .prepare("SELECT seq, time, kind, key, body, hash FROM entries WHERE seq = ?1")
            .map_err(failed)?;
        let mut entries = Vec::with_capacity(seqs.len());
        for seq in seqs {
            let read = statement.query_row([seq], |row| Ok(entry(row))).map_err(failed)?;
            entries.push(read.map_err(|column| {
                self.place.error(
                    format!("the {column} of entry {seq} cannot be understood"),
                    "lab ledger verify says whether it was edited",
                )
            })?);
        }
        Ok(entries)
    }
}

/// `Err`: the column that is not what an entry has there.
fn entry(row: &Row<'_>) -> Result<Entry, &'static str> {
    fn text<'a>(row: &'a Row<'_>, at: usize, name: &'static str) -> Result<&'a str, &'static str> {
        row.get_ref(at).ok().and_then(|v| v.as_str().ok()).ok_or(name)
    }
    let kind = text(row, 2, "kind")?;
    Ok(Entry {
        seq: Some(row.get::<_, u64>(0).map_err(|_| "number")?),
        time: Timestamp::parse(text(row, 1, "time")?).ok_or("time")?,
        kind: EntryKind::ALL.into_iter().find(|k| k.as_str() == kind).ok_or("kind")?,
        key: text(row, 3, "key")?.to_owned(),
        body: serde_json::from_str(text(row, 4, "body")?).map_err(|_| "body")?,
        hash: Some(text(row, 5, "hash")?.to_owned()),
    })
}

fn number_is_there(connection: &Connection, seq: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM entries WHERE seq = ?1";
    Ok(connection.query_row(sql, [seq], |row| row.get::<_, i64>(0))? == 1)
}

fn numbers(connection: &Connection, filter: &Filter) -> rusqlite::Result<Vec<i64>> {
    let kind = filter.kind.map(EntryKind::as_str);
    let end = after_all_that_begin_with(&filter.key);
    let mut sql = String::from("SELECT seq FROM entries WHERE key >= ?1");
    let mut values: Vec<&dyn ToSql> = vec![&filter.key];
    if let Some(kind) = &kind {
        values.push(kind);
        sql.push_str(&format!(" AND kind = ?{}", values.len()));
    }
    if let Some(end) = &end {
        values.push(end);
        sql.push_str(&format!(" AND key < ?{}", values.len()));
    }
    let last = filter.last.map(|n| i64::try_from(n).unwrap_or(i64::MAX)).unwrap_or(-1);
    values.push(&last);
    sql.push_str(&format!(" ORDER BY seq DESC LIMIT ?{}", values.len()));
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map(values.as_slice(), |row| row.get(0))?;
    let mut seqs: Vec<i64> = found.collect::<Result<_, _>>()?;
    seqs.reverse();
    Ok(seqs)
}

/// The first text, in the order of bytes, that comes after everything that begins so. None where
/// nothing does.
fn after_all_that_begin_with(prefix: &str) -> Option<String> {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        // The next one that exists: between them lie the surrogates.
        if let Some(next) = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32) {
            end.push(next);
            return Some(end.into_iter().collect());
        }
    }
    None
}

/// The digests among the keys that begin so, and the entries that have one of them; for a plan
/// also what was begun for it and what came of that.
fn beginning_with(
    connection: &Connection,
    start: &str,
) -> rusqlite::Result<(BTreeSet<String>, Vec<i64>)> {
    let mut digests = BTreeSet::new();
    let mut plans = BTreeSet::new();
    let mut seqs = BTreeSet::new();
    let mut statement = connection.prepare("SELECT seq, kind, key FROM entries ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut changes: Vec<(i64, String)> = Vec::new();
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let text = |at| row.get_ref(at).map(|v| v.as_bytes().unwrap_or_default());
        let (kind, key) = (text(1)?, String::from_utf8_lossy(text(2)?));
        for part in key.split('/') {
            let digest = part.strip_prefix("sha256:").unwrap_or(part);
            if digest.len() >= SHORTEST_DIGEST && digest.starts_with(start) {
                digests.insert(digest.to_owned());
                seqs.insert(seq);
                if kind == EntryKind::Plan.as_str().as_bytes() {
                    plans.insert(part.to_owned());
                }
            }
        }
        if kind == EntryKind::Intent.as_str().as_bytes()
            || kind == EntryKind::Outcome.as_str().as_bytes()
        {
            changes.push((seq, key.into_owned()));
        }
    }
    drop(rows);
    if !plans.is_empty() {
        let mut begun = BTreeSet::new();
        let mut statement =
            connection.prepare("SELECT key, body FROM entries WHERE kind = 'intent'")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let body: Option<PlanOf> =
                row.get_ref(1)?.as_str().ok().and_then(|body| serde_json::from_str(body).ok());
            if body.is_some_and(|b| plans.contains(&b.plan)) {
                begun.insert(row.get::<_, String>(0)?);
            }
        }
        seqs.extend(changes.iter().filter(|(_, key)| begun.contains(key)).map(|(seq, _)| *seq));
    }
    Ok((digests, seqs.into_iter().collect()))
}

#[derive(serde::Deserialize)]
struct PlanOf {
    plan: String,
}

#[cfg(test)]
mod tests {
    use super::after_all_that_begin_with as after;

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(after("ab").as_deref(), Some("ac"));
        assert_eq!(after("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(after("\u{10ffff}"), None);
        assert_eq!(after(""), None);
    }
}
