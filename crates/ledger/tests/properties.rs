//! Any entries at all: what was written is what is read, any changed byte is found, and no bytes
//! in a bucket do harm.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use ledger::{EntryKind, Filter, FolderStore, Ledger, NewEntry, ObjectLedger, SqliteLedger};
use model::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use rusqlite::{Connection, params};
use serde_json::Value;
use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn kind() -> impl Strategy<Value = EntryKind> {
    prop::sample::select(EntryKind::ALL.to_vec())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-c]{0,3}",
        Just("\0".to_owned()),
        Just("a\0b".to_owned()),
        Just("\u{10ffff}".to_owned()),
        Just("%_'\"\u{1b}[31m".to_owned()),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000..1000i32).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4).prop_map(|m| m.into_iter().collect()),
        ]
    })
}

fn entry() -> impl Strategy<Value = NewEntry> {
    // Years that are written with four digits.
    let time = (0..253_402_300_799_999i64).prop_map(|n| Timestamp::from_unix_millis(n).unwrap());
    (kind(), text(), time, json()).prop_map(|(kind, key, time, body)| NewEntry {
        kind,
        key,
        time,
        body,
    })
}

/// Those that are taken: the first of each kind and key.
fn taken(entries: &[NewEntry]) -> Vec<NewEntry> {
    let mut seen = HashSet::new();
    entries.iter().filter(|e| seen.insert((e.kind, e.key.clone()))).cloned().collect()
}

fn filled(entries: &[NewEntry]) -> (tempfile::TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(folder.path().join("ledger.db")).unwrap();
    let mut seen = HashSet::new();
    for entry in entries {
        let new = runtime().block_on(ledger.append(entry.clone())).unwrap();
        assert_eq!(new, seen.insert((entry.kind, entry.key.clone())));
    }
    (folder, ledger)
}

/// One byte of one column of one entry.
#[derive(Clone, Debug)]
struct Change {
    row: prop::sample::Index,
    column: &'static str,
    byte: prop::sample::Index,
    flip: u8,
}

fn change() -> impl Strategy<Value = Change> {
    let columns = vec!["seq", "time", "kind", "key", "body", "prev", "hash"];
    (
        any::<prop::sample::Index>(),
        prop::sample::select(columns),
        any::<prop::sample::Index>(),
        1..=255u8,
    )
        .prop_map(|(row, column, byte, flip)| Change { row, column, byte, flip })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_what_is_read(
        entries in vec(entry(), 0..12),
        asked in kind(),
        begin in text(),
    ) {
        let (_folder, ledger) = filled(&entries);
        let taken = taken(&entries);
        let runtime = runtime();
        let all = runtime.block_on(ledger.list(Filter::default())).unwrap();
        let read: Vec<NewEntry> = all
            .iter()
            .map(|e| NewEntry { kind: e.kind, key: e.key.clone(), time: e.time, body: e.body.clone() })
            .collect();
        prop_assert_eq!(&read, &taken);
        prop_assert!(all.iter().map(|e| e.seq).eq((1..).map(Some).take(all.len())));
        let found = runtime.block_on(ledger.entries(asked, &begin)).unwrap();
        let right = taken.iter().filter(|e| e.kind == asked && e.key.starts_with(&begin));
        prop_assert!(found.iter().map(|e| &e.key).eq(right.map(|e| &e.key)));
        prop_assert_eq!(runtime.block_on(ledger.count(asked, &begin)).unwrap(), found.len());
        let verified = runtime.block_on(ledger.verify(None)).unwrap();
        prop_assert_eq!(verified.entries, taken.len() as u64);
        prop_assert_eq!(verified.head.map(|h| h.hash), all.last().and_then(|e| e.hash.clone()));
    }

    #[test]
    fn any_changed_byte_is_found(
        entries in vec(entry(), 1..6),
        changes in vec(change(), 8),
    ) {
        let (folder, ledger) = filled(&entries);
        let rows = taken(&entries).len();
        let by_hand = Connection::open(folder.path().join("ledger.db")).unwrap();
        by_hand.pragma_update(None, "synchronous", "OFF").unwrap();
        let names = ["entries_are_not_edited", "entries_are_not_removed", "entries_are_only_appended"];
        let triggers: Vec<String> = names
            .map(|name| {
                let sql = "SELECT sql FROM sqlite_schema WHERE name = ?1";
                by_hand.query_row(sql, [name], |row| row.get(0)).unwrap()
            })
            .to_vec();
        let mut found = 0;
        for Change { row, column, byte, flip } in changes {
            let seq = i64::try_from(row.index(rows)).unwrap() + 1;
            for name in names {
                by_hand.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
            }
            let before: Vec<u8> = by_hand
                .query_row(
                    &format!("SELECT CAST({column} AS BLOB) FROM entries WHERE seq = ?1"),
                    [seq],
                    |row| row.get(0),
                )
                .unwrap();
            let mut after = before.clone();
            let mut moved = seq;
            if column == "seq" {
                moved = seq ^ i64::from(flip);
            } else if after.is_empty() {
                after.push(flip);
            } else {
                let at = byte.index(after.len());
                after[at] ^= flip;
            }
            let write = |now: i64, then: i64, bytes: &[u8]| {
                if column == "seq" {
                    by_hand.execute("UPDATE entries SET seq = ?2 WHERE seq = ?1", [now, then])
                } else {
                    let sql =
                        format!("UPDATE entries SET {column} = CAST(?2 AS TEXT) WHERE seq = ?1");
                    by_hand.execute(&sql, params![now, bytes])
                }
            };
            // A number or a name that another entry has cannot be taken even so.
            let changed = write(seq, moved, &after).is_ok();
            for sql in &triggers {
                by_hand.execute_batch(sql).unwrap();
            }
            let verified = runtime().block_on(ledger.verify(None));
            prop_assert_eq!(verified.is_err(), changed, "{} of entry {}", column, seq);
            if let Err(error) = verified {
                found += 1;
                prop_assert!(
                    error.what.starts_with("entry ") || error.what.contains("its tail was cut"),
                    "{}", error.what
                );
            }
            if changed {
                for name in names {
                    by_hand.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
                }
                write(moved, seq, &before).unwrap();
                for sql in &triggers {
                    by_hand.execute_batch(sql).unwrap();
                }
            }
        }
        prop_assert!(found > 0 || rows > 1);
        prop_assert_eq!(runtime().block_on(ledger.verify(None)).unwrap().entries, rows as u64);
    }

    /// Bytes that nobody chose, and entries with something changed: an error that names the
    /// object, or the entry of that name.
    #[test]
    fn no_object_does_harm(
        right in entry(),
        own_name in any::<bool>(),
        cut in any::<prop::sample::Index>(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        noise in prop::option::of(vec(any::<u8>(), 0..200)),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(FolderStore::open(folder.path()).unwrap());
        let right = NewEntry { key: "f1/ac/0000".to_owned(), ..right };
        let mut bytes = noise.unwrap_or_else(|| serde_json::to_vec(&right).unwrap());
        for (at, flip) in flips {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
        }
        if !own_name {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        let name = format!("{}/f1/ac/0000.json", right.kind.as_str());
        let path = folder.path().join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &bytes).unwrap();
        let ledger = ObjectLedger::over(store);
        match runtime().block_on(ledger.entries(right.kind, "")) {
            Ok(entries) => {
                prop_assert_eq!(entries.len(), 1);
                prop_assert_eq!((entries[0].kind, entries[0].key.as_str()), (right.kind, "f1/ac/0000"));
            }
            Err(error) => prop_assert!(error.what.contains(&name), "{}", error.what),
        }
    }
}
