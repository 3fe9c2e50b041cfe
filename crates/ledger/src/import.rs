//! Brings the entries of another ledger into the chain.

use crate::sqlite::Appended;
use crate::{EntryKind, Ledger, LedgerError, NewEntry, SqliteLedger};
use std::collections::BTreeSet;

/// How many conflicts a message names.
const NAMED: usize = 3;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// That were not there before.
    pub came: usize,
    /// That were there already.
    pub known: usize,
    /// Somebody's yes or no: a word is given where entries are chained, and a function gives
    /// none. Whoever may write into a bucket could have written these in anybody's name.
    pub words: usize,
    /// Begun, and not ended yet: the function may be at work, and brings its outcome later.
    pub open: usize,
}

/// Appends every entry of `from` that `into` does not hold, in the order of their times, as one.
/// Again, it brings nothing twice.
///
/// An entry whose kind and key are there with another body stays out, and is an error that names
/// it: somebody wrote one of the two anew, or two ledgers tell of different changes under one
/// name. All others have come even so. Plans are the exception: a plan's key is the hash of all
/// that it would do, and two that agree in it differ in when and by whom they were made.
pub async fn import(from: &dyn Ledger, into: &SqliteLedger) -> Result<Imported, LedgerError> {
    let mut entries = Vec::new();
    for kind in EntryKind::ALL {
        entries.extend(from.entries(kind, "").await?);
    }
    let mut imported = Imported::default();
    let ended: BTreeSet<String> =
        entries.iter().filter(|e| e.kind == EntryKind::Outcome).map(|e| e.key.clone()).collect();
    entries.retain(|e| match e.kind {
        EntryKind::Approval | EntryKind::Rejection => {
            imported.words += 1;
            false
        }
        EntryKind::Intent if !ended.contains(&e.key) => {
            imported.open += 1;
            false
        }
        _ => true,
    });
    entries.sort_by(|a, b| (a.time, &a.key, a.kind).cmp(&(b.time, &b.key, b.kind)));
    let entries: Vec<NewEntry> = entries
        .into_iter()
        .map(|e| NewEntry { kind: e.kind, key: e.key, time: e.time, body: e.body })
        .collect();
    let names: Vec<(EntryKind, String)> = entries.iter().map(|e| (e.kind, e.key.clone())).collect();
    let outcomes = into.append_all(entries).await?;

    let mut conflicts = Vec::new();
    for ((kind, key), outcome) in names.iter().zip(outcomes) {
        match outcome {
            Appended::New => imported.came += 1,
            Appended::Known => imported.known += 1,
            Appended::Other if *kind == EntryKind::Plan => imported.known += 1,
            Appended::Other => {
                conflicts.push(format!("{} {}", kind.as_str(), crate::chain::shown(key.as_bytes())))
            }
        }
    }
    if conflicts.is_empty() {
        return Ok(imported);
    }
    let more = match conflicts.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    conflicts.truncate(NAMED);
    Err(LedgerError {
        place: into.place().to_owned(),
        what: format!(
            "{}{more}: here with another content than there; nothing was written over ({} other \
             entries came, {} were there already)",
            conflicts.join(", "),
            imported.came,
            imported.known
        ),
        next_step: "compare the two: lab ledger show; one may have been written anew".to_owned(),
    })
}
