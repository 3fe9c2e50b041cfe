//! Entries as objects: written once, read back as what anybody may have put there, and brought
//! into the chain.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use bytes::Bytes;
use ledger::{
    EntryKind, Filter, FolderStore, Imported, Ledger, NewEntry, ObjectLedger, SqliteLedger, import,
};
use model::Timestamp;
use provider::{ErrorKind, ObjectSink, ObjectSource};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

fn entry(kind: EntryKind, key: &str, second: u32, body: Value) -> NewEntry {
    let time = Timestamp::parse(&format!("2026-01-02T03:04:{second:02}.5Z")).unwrap();
    NewEntry { kind, key: key.to_owned(), time, body }
}

struct InFolder {
    folder: tempfile::TempDir,
    store: Arc<FolderStore>,
    ledger: ObjectLedger,
}

fn in_folder() -> InFolder {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FolderStore::open(folder.path().join("record")).unwrap());
    InFolder { ledger: ObjectLedger::over(store.clone()), store, folder }
}

impl InFolder {
    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join("record").join(below)
    }

    async fn put(&self, name: &str, text: &str) {
        let body = Bytes::copy_from_slice(text.as_bytes());
        assert!(self.store.put_if_absent("", name, body).await.unwrap());
    }
}

#[tokio::test]
async fn an_entry_is_one_object_of_its_name() {
    let at = in_folder();
    let new = entry(EntryKind::Intent, "f1/ac/0000", 5, json!({"b": 1, "a": [true]}));
    assert!(at.ledger.append(new.clone()).await.unwrap());
    let text = fs::read_to_string(at.path("intent/f1/ac/0000.json")).unwrap();
    assert_eq!(
        text,
        r#"{"kind":"intent","key":"f1/ac/0000","time":"2026-01-02T03:04:05.500Z","body":{"a":[true],"b":1}}"#
    );
    let other = NewEntry { body: json!("another"), ..new };
    assert!(!at.ledger.append(other).await.unwrap(), "there is one");
    let read = at.ledger.entries(EntryKind::Intent, "f1/").await.unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].seq, read[0].hash.clone()), (None, None));
    assert_eq!(read[0].body, json!({"b": 1, "a": [true]}));
    assert_eq!(at.ledger.head().await.unwrap(), None);
}

#[tokio::test]
async fn entries_come_by_kind_and_beginning_in_the_order_of_their_times() {
    let at = in_folder();
    for (kind, key, second) in [
        (EntryKind::Intent, "b/0000", 9),
        (EntryKind::Intent, "a/0001", 7),
        (EntryKind::Intent, "a/0000", 3),
        (EntryKind::Intent, "ab/0000", 4),
        (EntryKind::Intent, "a/0000/undo/0000", 8),
        (EntryKind::Outcome, "a/0000", 4),
        (EntryKind::Claim, "2026-01-02T03:04/000000", 1),
    ] {
        assert!(at.ledger.append(entry(kind, key, second, json!({}))).await.unwrap());
    }
    let keys = async |kind, key| -> Vec<String> {
        let entries = at.ledger.entries(kind, key).await.unwrap();
        assert_eq!(at.ledger.count(kind, key).await.unwrap(), entries.len());
        entries.into_iter().map(|e| e.key).collect()
    };
    let all = ["a/0000", "ab/0000", "a/0001", "a/0000/undo/0000", "b/0000"];
    assert_eq!(keys(EntryKind::Intent, "").await, all);
    assert_eq!(keys(EntryKind::Intent, "a/").await, ["a/0000", "a/0001", "a/0000/undo/0000"]);
    assert_eq!(keys(EntryKind::Intent, "a/0000/").await, ["a/0000/undo/0000"]);
    assert_eq!(keys(EntryKind::Intent, "b/00").await, ["b/0000"]);
    assert_eq!(keys(EntryKind::Outcome, "").await, ["a/0000"]);
    assert_eq!(keys(EntryKind::Claim, "2026-01-02T03:04/").await, ["2026-01-02T03:04/000000"]);
    for nothing in ["zz", "../intent/a", "a/0000/undo/0000/x/", "/"] {
        assert_eq!(keys(EntryKind::Intent, nothing).await, [""; 0], "{nothing}");
    }
    assert_eq!(keys(EntryKind::Plan, "").await, [""; 0]);
}

#[tokio::test]
async fn of_many_that_write_one_entry_one_does() {
    let at = in_folder();
    let ledger = Arc::new(at.ledger);
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let ledger = ledger.clone();
            let new = entry(EntryKind::Intent, "f1/ac/0000", 1, json!({"writer": n}));
            tokio::spawn(async move { ledger.append(new).await.unwrap() })
        })
        .collect();
    let mut did = Vec::new();
    for (n, task) in tasks.into_iter().enumerate() {
        if task.await.unwrap() {
            did.push(n);
        }
    }
    assert_eq!(did.len(), 1);
    let there = ledger.entries(EntryKind::Intent, "").await.unwrap();
    assert_eq!(there[0].body["writer"], did[0]);
    let left: Vec<_> = fs::read_dir(at.folder.path().join("record/intent/f1/ac"))
        .unwrap()
        .map(|f| f.unwrap().file_name())
        .collect();
    assert_eq!(left, ["0000.json"], "no part is left lying about");
}

#[tokio::test]
async fn a_key_that_leads_elsewhere_is_refused() {
    let at = in_folder();
    let long = "x".repeat(600);
    for key in
        ["", "/", "a//b", "../a", "a/../b", "a/.hidden", "a\\b", "a\0b", "a b", "\u{e9}", &long]
    {
        let error = at.ledger.append(entry(EntryKind::Intent, key, 1, json!({}))).await;
        assert!(error.unwrap_err().what.ends_with("no object is named so"), "{key:?}");
    }
    for key in ["", "..", "../record", "a/../../b", "/etc/hostname", ".a", "a\0"] {
        let error = at.store.get("", key, 10).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{key:?}");
        assert!(at.store.put_if_absent("", key, Bytes::new()).await.is_err(), "{key:?}");
    }
    assert_eq!(fs::read_dir(at.path("")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_object_that_is_no_entry_is_named_and_not_shown() {
    let right = r#"{"kind":"intent","key":"KEY","time":"2026-01-02T03:04:05Z","body":"CANARY"}"#;
    let shape = "it does not have the shape of one";
    let name = "it holds the entry of another name";
    for (key, text, why) in [
        ("a", "", shape),
        ("a", "CANARY", shape),
        ("a", &right.replace("KEY", "a")[..60], shape),
        ("a", &right.replace("KEY", "a").replace("2026", "CANARY"), shape),
        ("a", &right.replace("KEY", "a").replace("intent", "CANARY"), shape),
        ("a", &format!("{}x", right.replace("KEY", "a")), shape),
        ("a", &"[".repeat(100_000), shape),
        ("a", &right.replace("KEY", "b"), name),
        ("a", &right.replace("KEY", "a").replace("intent", "outcome"), name),
        ("a b", &right.replace("KEY", "a b"), "no entry has such a key"),
    ] {
        let at = in_folder();
        at.put(&format!("intent/{key}.json"), text).await;
        let error = at.ledger.entries(EntryKind::Intent, "").await.unwrap_err();
        assert_eq!(
            error.what,
            format!("the object intent/{key}.json is not an entry of this ledger: {why}")
        );
        assert!(error.place.starts_with("file:///"), "{}", error.place);
        assert!(!format!("{error:?}").contains("CANARY"));
        // Nothing of the rest is believed or brought in meanwhile.
        let into = SqliteLedger::open(at.path("../ledger.db")).unwrap();
        assert_eq!(import(&at.ledger, &into).await.unwrap_err(), error);
        assert_eq!(into.head().await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_is_no_object_of_ours_is_passed_by() {
    let at = in_folder();
    assert!(at.ledger.append(entry(EntryKind::Plan, "p", 1, json!({}))).await.unwrap());
    fs::write(at.path("plan/.1-2-3.part"), "{\"kind\":").unwrap();
    fs::write(at.path("plan/README.txt"), "not an entry").unwrap();
    fs::create_dir(at.path("plan/empty.json")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", at.path("plan/link.json")).unwrap();
    assert_eq!(at.ledger.entries(EntryKind::Plan, "").await.unwrap().len(), 1);
    let link = at.store.get("", "plan/link.json", 1000).await.unwrap_err();
    assert_eq!(link.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn an_object_larger_than_any_entry_is_not_read() {
    let at = in_folder();
    fs::create_dir_all(at.path("plan")).unwrap();
    let file = fs::File::create(at.path("plan/large.json")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    let error = at.ledger.entries(EntryKind::Plan, "").await.unwrap_err();
    assert!(error.what.contains("large.json"), "{}", error.what);
    assert!(error.what.contains("larger than 67108864 bytes"), "{}", error.what);
    file.set_len(1 << 31).unwrap();
    let error = at.ledger.entries(EntryKind::Plan, "").await.unwrap_err();
    assert!(error.what.ends_with("more than is read at once"), "{}", error.what);
}

/// What was read once is not fetched again, and an object that was replaced is.
#[tokio::test]
async fn a_replaced_object_is_read_anew() {
    let at = in_folder();
    let new = entry(EntryKind::Plan, "p", 1, json!({"first": true}));
    assert!(at.ledger.append(new.clone()).await.unwrap());
    let body = async || at.ledger.entries(EntryKind::Plan, "").await.unwrap()[0].body.clone();
    assert_eq!(body().await, json!({"first": true}));
    assert_eq!(body().await, json!({"first": true}));
    let other = NewEntry { body: json!({"another": 1}), ..new };
    fs::write(at.path("plan/p.json"), serde_json::to_vec(&other).unwrap()).unwrap();
    assert_eq!(body().await, json!({"another": 1}));
}

#[tokio::test]
async fn a_bucket_and_a_prefix_are_a_place_of_their_own() {
    let at = in_folder();
    let bucket = |prefix: &str| {
        ObjectLedger::new(at.store.clone(), at.store.clone(), "record-bucket", prefix)
    };
    let one = bucket("/team/one/");
    assert!(one.append(entry(EntryKind::Intent, "a/0000", 1, json!(1))).await.unwrap());
    assert!(bucket("").append(entry(EntryKind::Intent, "b/0000", 2, json!(2))).await.unwrap());
    assert!(at.path("record-bucket/team/one/intent/a/0000.json").is_file());
    assert!(at.path("record-bucket/intent/b/0000.json").is_file());
    assert_eq!(one.entries(EntryKind::Intent, "").await.unwrap().len(), 1);
    assert_eq!(bucket("").entries(EntryKind::Intent, "").await.unwrap()[0].key, "b/0000");
    let read_only = ObjectLedger::read_only(at.store.clone(), "record-bucket", "team/one");
    assert_eq!(read_only.entries(EntryKind::Intent, "a/").await.unwrap()[0].body, json!(1));
    let error = read_only.append(entry(EntryKind::Intent, "c", 1, json!(1))).await.unwrap_err();
    assert_eq!(error.place, "file://record-bucket/team/one");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let error = FolderStore::existing(folder.path().join("none")).unwrap_err();
    assert!(error.place.ends_with("none"), "{}", error.place);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(FolderStore::existing(&file).unwrap_err().what.ends_with("it is not a folder"));
    assert!(FolderStore::open(&file).is_err());
}

#[tokio::test]
async fn objects_come_into_the_chain_once_and_in_order() {
    let at = in_folder();
    let into = SqliteLedger::open(at.path("../ledger.db")).unwrap();
    assert!(into.append(entry(EntryKind::Plan, "own", 59, json!({}))).await.unwrap());
    for (kind, key, second) in [
        (EntryKind::Outcome, "a/0000", 3),
        (EntryKind::Intent, "b/0000", 3),
        (EntryKind::Intent, "a/0000", 3),
        (EntryKind::Approval, "p/a/0000", 2),
        (EntryKind::Plan, "p", 1),
        (EntryKind::Rejection, "p/b/0000", 4),
        (EntryKind::Claim, "m/000000", 5),
    ] {
        assert!(at.ledger.append(entry(kind, key, second, json!({"k": key}))).await.unwrap());
    }
    // A yes or a no is given where entries are chained, and what has no end comes later.
    let left = Imported { words: 2, open: 1, ..Imported::default() };
    let imported = import(&at.ledger, &into).await.unwrap();
    assert_eq!(imported, Imported { came: 4, ..left });
    let all = into.list(Filter::default()).await.unwrap();
    let names: Vec<String> = all.iter().map(|e| format!("{} {}", e.kind.as_str(), e.key)).collect();
    let order = ["plan own", "plan p", "intent a/0000", "outcome a/0000", "claim m/000000"];
    assert_eq!(names, order);
    assert_eq!(all[2].time.to_string(), "2026-01-02T03:04:03.500Z");
    let head = into.verify(None).await.unwrap().head.unwrap();
    assert_eq!(head.entries, 5);

    let again = import(&at.ledger, &into).await.unwrap();
    assert_eq!(again, Imported { known: 4, ..left });
    assert!(at.ledger.append(entry(EntryKind::Outcome, "b/0000", 6, json!({}))).await.unwrap());
    let more = import(&at.ledger, &into).await.unwrap();
    assert_eq!(more, Imported { came: 2, known: 4, words: 2, open: 0 });
    assert_eq!(into.verify(Some(&head)).await.unwrap().entries, 7);
}

#[tokio::test]
async fn an_entry_that_tells_otherwise_is_named_and_nothing_written_over() {
    let at = in_folder();
    let into = SqliteLedger::open(at.path("../ledger.db")).unwrap();
    for (key, body) in [("a/0000", json!("here")), ("b/0000", json!("both"))] {
        assert!(into.append(entry(EntryKind::Intent, key, 1, body)).await.unwrap());
    }
    assert!(into.append(entry(EntryKind::Plan, "p", 1, json!("made here"))).await.unwrap());
    for (key, body) in
        [("a/0000", json!("CANARY")), ("b/0000", json!("both")), ("c/0000", json!("there"))]
    {
        assert!(at.ledger.append(entry(EntryKind::Intent, key, 2, body)).await.unwrap());
        assert!(at.ledger.append(entry(EntryKind::Outcome, key, 3, json!({}))).await.unwrap());
    }
    // One plan, made twice: no conflict.
    assert!(at.ledger.append(entry(EntryKind::Plan, "p", 2, json!("made there"))).await.unwrap());
    for came in [4, 0] {
        let error = import(&at.ledger, &into).await.unwrap_err();
        assert_eq!(
            error.what,
            format!(
                "intent a/0000: here with another content than there; nothing was written over \
                 ({came} other entries came, {} were there already)",
                6 - came
            )
        );
        assert!(!format!("{error:?}").contains("CANARY"));
    }
    let intents = into.entries(EntryKind::Intent, "").await.unwrap();
    let bodies: Vec<&Value> = intents.iter().map(|e| &e.body).collect();
    assert_eq!(bodies, ["here", "both", "there"]);
    let plans = into.entries(EntryKind::Plan, "").await.unwrap();
    assert_eq!(plans[0].body, "made here");
    assert_eq!(into.verify(None).await.unwrap().entries, 7);
}
