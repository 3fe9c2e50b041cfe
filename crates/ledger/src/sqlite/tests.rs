//! What needs a hand on the connection: a lock that is held, a disk that is full, a statement
//! that goes past the program.

use super::*;
use model::Timestamp;
use rusqlite::Connection;
use serde_json::json;
use std::time::Duration;

fn entry(kind: EntryKind, key: &str) -> NewEntry {
    let time = Timestamp::parse("2026-01-02T03:04:05.678Z").unwrap();
    NewEntry { kind, key: key.to_owned(), time, body: json!({"key": key}) }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn a_ledger_that_is_held_says_so_and_is_whole_afterwards() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open_patiently(&path, Duration::from_millis(50)).unwrap();
    assert!(ledger.append(entry(EntryKind::Intent, "a/0000")).await.unwrap());
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = ledger.append(entry(EntryKind::Intent, "b/0000")).await.unwrap_err();
    assert_eq!(error.place, path.display().to_string());
    assert_eq!(error.what, "cannot append an entry: another process holds it (SQLite 5)");
    assert!(error.next_step.contains("wait for it to end"), "{}", error.next_step);
    // Who reads does not wait for who writes.
    assert_eq!(ledger.entries(EntryKind::Intent, "").await.unwrap().len(), 1);
    other.execute_batch("ROLLBACK").unwrap();
    assert!(ledger.append(entry(EntryKind::Intent, "b/0000")).await.unwrap());
    assert_eq!(ledger.verify(None).await.unwrap().entries, 2);
}

#[tokio::test]
async fn a_full_disk_is_named_and_half_writes_nothing() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    assert!(ledger.append(entry(EntryKind::Plan, "first")).await.unwrap());
    // SQLite answers with the code of a full disk where a page more is not granted.
    let pages: i64 = {
        let connection = ledger.inner.connection();
        let pages = connection.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
        connection.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
        pages
    };
    assert!(pages > 0);
    let large = NewEntry {
        body: json!({"secret-looking": "x".repeat(100_000)}),
        ..entry(EntryKind::Intent, "large")
    };
    let error = ledger.append(large.clone()).await.unwrap_err();
    assert_eq!(error.what, "cannot append an entry: no space is left on the disk (SQLite 13)");
    assert!(error.next_step.contains("free some space"), "{}", error.next_step);
    assert!(!format!("{error:?}").contains("secret-looking"));
    let verified = ledger.verify(None).await.unwrap();
    assert_eq!(verified.entries, 1);
    let room = |n: i64| {
        let connection = ledger.inner.connection();
        connection.pragma_update_and_check(None, "max_page_count", n, |_| Ok(())).unwrap();
    };
    room(1_000_000);
    assert!(ledger.append(large).await.unwrap());
    assert_eq!(ledger.verify(verified.head.as_ref()).await.unwrap().entries, 2);
}

#[tokio::test]
async fn past_the_program_an_entry_can_only_be_appended() {
    let folder = folder();
    let ledger = SqliteLedger::open(folder.path().join("ledger.db")).unwrap();
    for key in ["a", "b", "c"] {
        assert!(ledger.append(entry(EntryKind::Plan, key)).await.unwrap());
    }
    let row = "'2026-01-02T03:04:05.678Z', 'plan'";
    let statements = [
        "UPDATE entries SET body = '{}'".to_owned(),
        "UPDATE entries SET seq = seq + 10".to_owned(),
        "UPDATE OR REPLACE entries SET key = 'a' WHERE key = 'b'".to_owned(),
        "DELETE FROM entries WHERE seq = 3".to_owned(),
        "DELETE FROM entries".to_owned(),
        format!("INSERT OR REPLACE INTO entries VALUES (2, {row}, 'z', '{{}}', '', '')"),
        format!("INSERT OR REPLACE INTO entries VALUES (4, {row}, 'b', '{{}}', '', '')"),
        format!("INSERT INTO entries VALUES (9, {row}, 'z', '{{}}', '', '')"),
        format!(
            "INSERT INTO entries VALUES (4, {row}, 'b', '{{}}', '', '') ON CONFLICT DO UPDATE \
             SET body = '{{}}'"
        ),
    ];
    for statement in &statements {
        let refused = ledger.inner.connection().execute_batch(statement);
        let code = refused.unwrap_err().sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::ConstraintViolation), "{statement}");
    }
    assert_eq!(ledger.verify(None).await.unwrap().entries, 3);
}

/// What a person is told for each code that a file can answer with: the file, the cause, what to
/// do.
#[test]
fn every_code_has_its_words() {
    let place = Place::new(std::path::Path::new(".lab/ledger.db"));
    for (code, words) in [
        (5, "another process holds it"),
        (8, "may only be read"),
        (10, "the disk answered with an error"),
        (11, "damaged"),
        (13, "no space is left"),
        (14, "cannot be opened"),
        (19, "refuses the entry"),
        (26, "not a ledger"),
        (1, "SQLite refused it"),
    ] {
        let error = rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(code),
            Some("a text with a canary".to_owned()),
        );
        let error = place.failed("do it", &error);
        assert_eq!(error.place, ".lab/ledger.db");
        assert!(error.what.contains(words), "{code}: {}", error.what);
        assert!(!error.next_step.is_empty(), "{code}");
        assert!(!format!("{error:?}").contains("canary"), "{code}");
    }
}
