//! A ledger that cannot be written, or is not what it was: then no cloud is changed.

use crate::desk::{Desk, id};
use crate::stage::{Case, Stage, flags, managed};
use async_trait::async_trait;
use auto_remediation::History;
use journeys::lab::{Run, binary, finish};
use ledger::{Entry, EntryKind, Ledger, LedgerError, NewEntry, SqliteLedger};
use model::ActionState;
use model::remediation::LedgerHead;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

const MEMBER: &str = "google_storage_bucket_iam_member.models_auditor";

fn file(desk: &Desk) -> PathBuf {
    desk.lab.path().join(".lab/ledger.db")
}

/// Refused with these words, and no cloud has seen a change.
#[track_caller]
fn refuses(desk: &Desk, run: Run, words: &[&str]) {
    let run = run.expect(1);
    for word in words {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    assert_eq!(desk.fixes(), [""; 0]);
}

#[test]
fn a_ledger_out_of_reach_or_damaged_lets_nothing_be_changed() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let file = file(&desk);
    let whole = std::fs::read(&file).unwrap();

    // Another process holds it, longer than anybody waits.
    let holder = Connection::open(&file).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    refuses(&desk, desk.apply(&plan, &[]), &["ledger.db"]);
    holder.execute_batch("ROLLBACK").unwrap();
    drop(holder);

    // No database, half of one, one of somebody else, a folder.
    for bytes in [b"not a database at all, but long enough".to_vec(), whole[..700].to_vec()] {
        std::fs::write(&file, bytes).unwrap();
        refuses(&desk, desk.apply(&plan, &[]), &["ledger.db"]);
    }
    std::fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    refuses(&desk, desk.apply(&plan, &[]), &["ledger.db"]);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    refuses(&desk, desk.apply(&plan, &[]), &["ledger.db"]);
    std::fs::remove_dir(&file).unwrap();

    // A byte of what it holds.
    let at = whole.windows(12).position(|w| w == b"acme-exports").unwrap();
    let mut damaged = whole.clone();
    damaged[at] = b'X';
    std::fs::write(&file, damaged).unwrap();
    refuses(&desk, desk.apply(&plan, &[]), &["ledger.db", "1"]);
    desk.run(&["ledger", "verify"]).expect(1);

    std::fs::write(&file, whole).unwrap();
    desk.apply(&plan, &[]).expect(2);
    assert_eq!(desk.fixes().len(), 5);
}

/// A yes that somebody writes over a no is none.
#[test]
fn an_edited_entry_is_named_and_allows_nothing() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let no = ["remediate", "reject", id(&plan, MEMBER), "--reason", "not now"];
    desk.run(&no).expect(0);
    let database = Connection::open(file(&desk)).unwrap();
    let triggers = "DROP TRIGGER entries_are_not_edited; DROP TRIGGER entries_are_not_removed;";
    database.execute_batch(triggers).unwrap();
    let edited = database
        .execute("UPDATE entries SET body = replace(body, 'not now', 'go on') WHERE seq = 2", [])
        .unwrap();
    assert_eq!(edited, 1);
    drop(database);
    refuses(&desk, desk.apply(&plan, &[]), &["ledger.db"]);
    let verify = desk.run(&["ledger", "verify"]).expect(1);
    assert!(verify.stderr.contains("ledger.db"), "{}", verify.stderr);
}

#[test]
fn a_cut_tail_shows_against_the_head_of_a_report() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let file = file(&desk);
    let early = std::fs::read(&file).unwrap();
    let applied = desk.applied(&plan, &[], 2);
    let (entries, hash) = (&applied["ledger"]["entries"], &applied["ledger"]["hash"]);
    let head = format!("{entries}:{}", hash.as_str().unwrap());
    desk.run(&["ledger", "verify", "--head", &head]).expect(0);
    // An older copy of the file: each entry is right, and some are gone.
    for beside in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(file.with_file_name(format!("ledger.db{beside}")));
    }
    std::fs::write(&file, early).unwrap();
    desk.run(&["ledger", "verify"]).expect(0);
    let cut = desk.run(&["ledger", "verify", "--head", &head]).expect(1);
    assert!(cut.stderr.contains(&entries.to_string()), "{}", cut.stderr);
}

/// A disk that is full to this process: no file of it may grow (setrlimit(2), RLIMIT_FSIZE).
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_lets_nothing_be_changed() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let hash = plan["hash"].as_str().unwrap();
    let mut full = std::process::Command::new("bash");
    let lab = desk.lab.command(&[]);
    for (name, value) in lab.get_envs() {
        match value {
            Some(value) => full.env(name, value),
            None => full.env_remove(name),
        };
    }
    // Signals that are ignored stay so: the write then fails as a full disk makes it fail.
    let script = r#"trap "" XFSZ; ulimit -f 4; exec "$0" "$@""#;
    full.current_dir(desk.lab.path()).args(["-c", script]).arg(binary());
    full.args(["run", "remediate", "--apply", "--plan", hash]);
    refuses(&desk, finish(full), &["ledger.db"]);
    desk.apply(&plan, &[]).expect(2);
    desk.run(&["ledger", "verify"]).expect(0);
}

/// A place where nobody may write, not even root.
#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_may_only_be_read_lets_nothing_be_changed() {
    let desk = Desk::founded();
    let resources = desk.unguarded(&["one"]);
    desk.state("prod.tfstate", 3, &resources);
    let own = desk.environment("remediator");
    let of = |name: &str| own.iter().find(|(n, _)| n == name).unwrap().1.as_str();
    let section =
        "[targets.prod]\nstates = [\"prod.tfstate\"]\n[targets.prod.aws.\"111122223333\"]\n";
    desk.lab.write("lab.toml", format!("{section}endpoint = \"{}\"\n", of("AWS_ENDPOINT_URL")));
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"];
    let variables: Vec<(&str, &str)> = names.iter().map(|n| (*n, of(n))).collect();
    let plan = ["run", "remediate", "--target", "prod", "--format", "json", "-o", "plan.json"];
    desk.run_with(&variables, &plan).expect(2);
    assert!(Path::new("/proc/self").exists());
    let apply = ["run", "remediate", "--target", "prod", "--apply", "--plan", "plan.json"];
    let apply = [&apply[..], &["--data", "/proc/lab"]].concat();
    refuses(&desk, desk.run_with(&variables, &apply), &["/proc/lab", "--data"]);
    desk.run_with(&variables, &apply[..7]).expect(0);
    assert_eq!(desk.fixes(), ["PutBucketPublicAccessBlock"]);
}

/// A ledger that takes no entry of one kind.
struct Refusing<'a> {
    inner: &'a SqliteLedger,
    kind: EntryKind,
}

#[async_trait]
impl Ledger for Refusing<'_> {
    async fn append(&self, entry: NewEntry) -> Result<bool, LedgerError> {
        if entry.kind == self.kind {
            return Err(LedgerError {
                place: "ledger.db".to_owned(),
                what: "database or disk is full".to_owned(),
                next_step: "free some space".to_owned(),
            });
        }
        self.inner.append(entry).await
    }

    async fn entries(&self, kind: EntryKind, key: &str) -> Result<Vec<Entry>, LedgerError> {
        self.inner.entries(kind, key).await
    }

    async fn head(&self) -> Result<Option<LedgerHead>, LedgerError> {
        self.inner.head().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_intent_nothing_is_written_and_without_an_outcome_it_is_settled() {
    let stage = Stage::start().await;
    let guard = stage.guarded("one").await;
    stage.change(&guard, flags(false)).await;
    let powers = stage.powers().await;
    let ledger = stage.ledger("ledger.db");
    let case = Case::new(&powers, &ledger, stage.state(3, &[managed("one", &guard)]));
    let plan = case.plan().await;
    for (kind, written) in [(EntryKind::Intent, 0), (EntryKind::Outcome, 1)] {
        let refusing = Refusing { inner: &ledger, kind };
        let error = case.apply_with(&plan, &refusing).await.err().unwrap();
        assert!(error.to_string().contains("disk is full"), "{error}");
        assert_eq!(stage.fixes(&guard).await.len(), written);
        assert_eq!(History::of(&ledger).await.unwrap().open().count(), written);
    }
    let applied = case.apply(&plan).await.unwrap();
    assert_eq!(applied.plan.actions[0].state, ActionState::Verified);
    assert!(applied.ran.is_empty(), "{:?}", applied.ran);
    assert_eq!(stage.fixes(&guard).await.len(), 1);
}
