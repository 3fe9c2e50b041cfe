//! The chain as it lies in the file: whoever goes past the program with plain SQL is named.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use ledger::{EntryKind, Filter, Ledger, LedgerError, NewEntry, SqliteLedger};
use model::Timestamp;
use model::remediation::LedgerHead;
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// A ledger of ten entries.
struct Ten {
    folder: tempfile::TempDir,
    ledger: SqliteLedger,
    head: LedgerHead,
}

fn entry(kind: EntryKind, key: &str, body: Value) -> NewEntry {
    let time = Timestamp::parse("2026-01-02T03:04:05.678Z").unwrap();
    NewEntry { kind, key: key.to_owned(), time, body }
}

async fn ten() -> Ten {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(folder.path().join("deep/er/ledger.db")).unwrap();
    for n in 0..5 {
        let key = format!("{n}/0000");
        for (kind, body) in [
            (EntryKind::Intent, json!({"n": n, "canary": "CANARY"})),
            (EntryKind::Outcome, json!({"result": "verified", "canary": "CANARY"})),
        ] {
            assert!(ledger.append(entry(kind, &key, body)).await.unwrap());
        }
    }
    let head = ledger.head().await.unwrap().unwrap();
    Ten { folder, ledger, head }
}

impl Ten {
    fn path(&self) -> PathBuf {
        self.folder.path().join("deep/er/ledger.db")
    }

    /// As somebody with the file in hand, who puts the triggers back afterwards.
    fn past_the_program(&self, sql: &str) {
        let connection = Connection::open(self.path()).unwrap();
        let triggers: Vec<(String, String)> = connection
            .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(triggers.len() >= 3);
        for (name, _) in &triggers {
            connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        connection.execute_batch(sql).unwrap();
        for (_, sql) in &triggers {
            connection.execute_batch(sql).unwrap();
        }
    }

    async fn verify(&self) -> Result<u64, LedgerError> {
        let verified = self.ledger.verify(None).await?;
        assert_eq!(verified.head.as_ref().map(|h| h.entries), Some(verified.entries));
        Ok(verified.entries)
    }

    /// What `verify` says is wrong.
    async fn wrong(&self) -> String {
        let error = self.verify().await.unwrap_err();
        assert_eq!(error.place, self.path().display().to_string());
        assert!(!error.next_step.is_empty());
        assert!(!format!("{error:?}").contains("CANARY"), "no body in a message");
        error.what
    }
}

#[tokio::test]
async fn what_was_written_is_read_and_verifies() {
    let ten = ten().await;
    assert_eq!(ten.verify().await.unwrap(), 10);
    assert_eq!(ten.head.entries, 10);
    let intents = ten.ledger.entries(EntryKind::Intent, "").await.unwrap();
    assert_eq!(intents.len(), 5);
    assert_eq!(intents[1].seq, Some(3));
    assert_eq!(intents[1].key, "1/0000");
    assert_eq!(intents[1].body["n"], 1);
    assert_eq!(intents[1].time.to_string(), "2026-01-02T03:04:05.678Z");
    assert_eq!(ten.ledger.count(EntryKind::Outcome, "").await.unwrap(), 5);
    assert_eq!(ten.ledger.count(EntryKind::Outcome, "3/").await.unwrap(), 1);
    let last = ten.ledger.list(Filter { last: Some(1), ..Filter::default() }).await.unwrap();
    assert_eq!(last[0].hash.as_deref(), Some(ten.head.hash.as_str()));
    assert_eq!(ten.ledger.verify(Some(&ten.head)).await.unwrap().head, Some(ten.head.clone()));
}

/// The rule of the chain, followed by other code than the program's.
#[tokio::test]
async fn anybody_can_follow_the_chain() {
    let ten = ten().await;
    let connection = Connection::open(ten.path()).unwrap();
    let mut statement = connection
        .prepare("SELECT prev, CAST(seq AS TEXT), time, kind, key, body, hash FROM entries")
        .unwrap();
    let rows: Vec<Vec<String>> = statement
        .query_map([], |row| (0..7).map(|n| row.get(n)).collect())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut last = "0".repeat(64);
    for row in &rows {
        assert_eq!(row[0], last);
        let mut bytes = Vec::new();
        for part in &row[..6] {
            bytes.extend(u64::try_from(part.len()).unwrap().to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        last = hex::encode(Sha256::digest(&bytes));
        assert_eq!(row[6], last);
    }
    assert_eq!(rows.len(), 10);
    assert_eq!(last, ten.head.hash);
}

#[tokio::test]
async fn an_entry_is_appended_once_and_never_over() {
    let ten = ten().await;
    let again = entry(EntryKind::Intent, "1/0000", json!({"other": true}));
    assert!(!ten.ledger.append(again).await.unwrap());
    assert_eq!(ten.ledger.head().await.unwrap(), Some(ten.head.clone()));
    let there = ten.ledger.entries(EntryKind::Intent, "1/").await.unwrap();
    assert_eq!(there[0].body["n"], 1);
    // The same key of another kind is another entry.
    assert!(ten.ledger.append(entry(EntryKind::Approval, "1/0000", json!(1))).await.unwrap());
    assert_eq!(ten.verify().await.unwrap(), 11);
}

#[tokio::test]
async fn an_edited_entry_is_named() {
    let ten = ten().await;
    ten.past_the_program("UPDATE entries SET body = replace(body, '3', '4') WHERE seq = 7");
    let what = "entry 7 (intent 3/0000) was edited: its hash is not that of what it holds";
    assert_eq!(ten.wrong().await, what);
}

#[tokio::test]
async fn a_removed_entry_is_named() {
    let ten = ten().await;
    ten.past_the_program("DELETE FROM entries WHERE seq = 4");
    assert_eq!(ten.wrong().await, "entry 4 is not there, and entry 5 is: it was removed");
}

#[tokio::test]
async fn changed_places_are_named() {
    let ten = ten().await;
    ten.past_the_program(
        "UPDATE entries SET seq = 99 WHERE seq = 3; UPDATE entries SET seq = 3 WHERE seq = 4; \
         UPDATE entries SET seq = 4 WHERE seq = 99",
    );
    let what = "entry 3 (outcome 1/0000) was moved: by its hash it is entry 4, the order was \
                changed";
    assert_eq!(ten.wrong().await, what);
}

#[tokio::test]
async fn an_entry_written_anew_with_a_right_hash_breaks_the_link() {
    let ten = ten().await;
    let connection = Connection::open(ten.path()).unwrap();
    let row: Vec<String> = connection
        .query_row(
            "SELECT prev, CAST(seq AS TEXT), time, kind, key FROM entries WHERE seq = 5",
            [],
            |row| (0..5).map(|n| row.get(n)).collect(),
        )
        .unwrap();
    let mut bytes = Vec::new();
    for part in row.iter().map(String::as_str).chain(["{}"]) {
        bytes.extend(u64::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    let hash = hex::encode(Sha256::digest(&bytes));
    drop(connection);
    ten.past_the_program(&format!(
        "UPDATE entries SET body = '{{}}', hash = '{hash}' WHERE seq = 5"
    ));
    let what = ten.wrong().await;
    assert!(what.starts_with("entry 6 (outcome 2/0000) does not follow entry 5:"), "{what}");
}

#[tokio::test]
async fn a_number_that_none_has_is_named() {
    let ten = ten().await;
    ten.past_the_program("UPDATE entries SET seq = -1 WHERE seq = 4");
    assert_eq!(ten.wrong().await, "entry -1 (outcome 1/0000) has a number that no entry is given");
}

#[tokio::test]
async fn a_cut_tail_shows_against_a_head() {
    let ten = ten().await;
    ten.past_the_program("DELETE FROM entries WHERE seq > 7; UPDATE sqlite_sequence SET seq = 7");
    assert_eq!(ten.verify().await.unwrap(), 7, "in itself the rest is whole");
    let error = ten.ledger.verify(Some(&ten.head)).await.unwrap_err();
    let what = "the ledger has 7 entries, the report was written at 10: its tail was cut";
    assert_eq!(error.what, what);
    let none = LedgerHead { entries: 0, hash: String::new() };
    assert_eq!(ten.ledger.verify(Some(&none)).await.unwrap().entries, 7);
}

#[tokio::test]
async fn a_tail_cut_without_care_shows_by_itself() {
    let ten = ten().await;
    ten.past_the_program("DELETE FROM entries WHERE seq > 7");
    assert_eq!(
        ten.wrong().await,
        "the ledger has 7 entries, and 10 were written: its tail was cut"
    );
}

#[tokio::test]
async fn an_emptied_ledger_shows_against_a_head() {
    let ten = ten().await;
    ten.past_the_program("DELETE FROM entries; DELETE FROM sqlite_sequence");
    assert_eq!(ten.ledger.verify(None).await.unwrap().head, None);
    let error = ten.ledger.verify(Some(&ten.head)).await.unwrap_err();
    assert!(error.what.starts_with("the ledger has 0 entries"), "{}", error.what);
}

#[tokio::test]
async fn a_rewritten_ledger_shows_against_a_head() {
    let ten = ten().await;
    let other = LedgerHead { entries: 10, hash: "ab".repeat(32) };
    let error = ten.ledger.verify(Some(&other)).await.unwrap_err();
    assert!(error.what.starts_with("entry 10 has the hash "), "{}", error.what);
    assert!(error.what.ends_with("the ledger was rewritten"), "{}", error.what);
    let wrong = ten.ledger.verify(Some(&LedgerHead { entries: 4, ..other })).await.unwrap_err();
    assert!(wrong.what.starts_with("entry 4 has the hash "), "{}", wrong.what);
    // As a person reads it off a report.
    let short = |digits: usize| LedgerHead {
        entries: 10,
        hash: ten.head.hash.chars().take(digits).collect(),
    };
    assert_eq!(ten.ledger.verify(Some(&short(8))).await.unwrap().entries, 10);
    for digits in [0, 7] {
        let error = ten.ledger.verify(Some(&short(digits))).await.unwrap_err();
        assert!(error.what.ends_with("too short to tell anything by"), "{}", error.what);
    }
    // A report of earlier days holds against a ledger that has grown.
    let body = json!({});
    assert!(ten.ledger.append(entry(EntryKind::Plan, "later", body)).await.unwrap());
    assert_eq!(ten.ledger.verify(Some(&ten.head)).await.unwrap().entries, 11);
}

#[tokio::test]
async fn rules_that_are_gone_or_changed_are_named() {
    for (sql, what) in [
        (
            "DROP TRIGGER entries_are_not_edited",
            "the rule entries_are_not_edited is not there: entries could have been changed \
             without it",
        ),
        (
            "DROP TRIGGER entries_are_not_removed; CREATE TRIGGER entries_are_not_removed BEFORE \
             DELETE ON entries BEGIN SELECT 1; END",
            "the rule entries_are_not_removed was changed",
        ),
        (
            "CREATE TRIGGER swallow BEFORE INSERT ON entries BEGIN SELECT RAISE(IGNORE); END",
            "swallow is in the file, and no part of a ledger",
        ),
    ] {
        let ten = ten().await;
        Connection::open(ten.path()).unwrap().execute_batch(sql).unwrap();
        assert_eq!(ten.wrong().await, what);
    }
}

#[tokio::test]
async fn an_id_shows_everything_that_it_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(folder.path().join("ledger.db")).unwrap();
    let (plan, other) = ("7f3a9c21".repeat(8), "7f3b0000".repeat(8));
    let (finding, action) = ("f1".repeat(32), "51b2".repeat(16));
    let change = format!("{finding}/{action}/0000");
    let said = format!("sha256:{plan}/sha256:{action}/0000");
    for (kind, key, body) in [
        (EntryKind::Plan, format!("sha256:{plan}"), json!({})),
        (EntryKind::Plan, format!("sha256:{other}"), json!({})),
        (EntryKind::Approval, said, json!({})),
        (EntryKind::Intent, change.clone(), json!({"plan": format!("sha256:{plan}")})),
        (EntryKind::Outcome, change.clone(), json!({})),
        (EntryKind::Intent, format!("{change}/undo/0000"), json!({"plan": "another"})),
    ] {
        assert!(ledger.append(entry(kind, &key, body)).await.unwrap());
    }
    let seqs = async |id: &str| -> Vec<u64> {
        ledger.show(id).await.unwrap().into_iter().map(|e| e.seq.unwrap()).collect()
    };
    assert_eq!(seqs("A-51b2").await, [3, 4, 5, 6]);
    assert_eq!(seqs(&format!("sha256:{action}")).await, [3, 4, 5, 6]);
    assert_eq!(seqs("F-F1f1").await, [4, 5, 6]);
    assert_eq!(seqs("7f3a").await, [1, 3, 4, 5]);
    assert_eq!(seqs("7f3b").await, [2]);
    assert_eq!(seqs("2").await, [2]);
    // No such number; and the beginning of nothing.
    for nothing in ["99", "0000", "A-", "", "a_c%", "-1", "\u{e9}"] {
        assert_eq!(seqs(nothing).await, [0; 0], "{nothing}");
    }
    let error = ledger.show("7f3").await.unwrap_err();
    assert_eq!(
        error.what,
        "7f3 is the beginning of several ids: 7f3a9c217f3a9c21, 7f3b00007f3b0000"
    );
    let approvals = Filter { kind: Some(EntryKind::Approval), ..Filter::default() };
    assert_eq!(ledger.list(approvals).await.unwrap().len(), 1);
    let newest = ledger.list(Filter { last: Some(2), ..Filter::default() }).await.unwrap();
    assert_eq!(newest.iter().map(|e| e.seq).collect::<Vec<_>>(), [Some(5), Some(6)]);
}
