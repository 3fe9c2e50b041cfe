//! Bad weather: killed processes, two at once, files that are none, disks that are full or may
//! only be read. Each error names the file, the cause and what to do.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use ledger::{
    Entry, EntryKind, Filter, FolderStore, Ledger, LedgerError, NewEntry, ObjectLedger,
    SqliteLedger,
};
use model::Timestamp;
use rusqlite::Connection;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier};

/// Tells a process of this file what to do: `SQLITE FILE`, `FOLDER PATH`.
const ROLE: &str = "LEDGER_TEST_ROLE";
const PLACE: &str = "LEDGER_TEST_PLACE";
const NAME: &str = "LEDGER_TEST_NAME";
const THE_OTHER: &str = "another_process";

fn entry(kind: EntryKind, key: &str) -> NewEntry {
    let time = Timestamp::parse("2026-01-02T03:04:05.678Z").unwrap();
    NewEntry { kind, key: key.to_owned(), time, body: json!({"of": key, "fill": "x".repeat(500)}) }
}

/// A command that runs [`another_process`] in this role.
fn role(program: &Path, role: &str, place: &Path, name: &str) -> Command {
    let mut command = Command::new(program);
    command.args([THE_OTHER, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(PLACE, place).env(NAME, name);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn this_program() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Appends intents and outcomes without end, and says of each that it was taken.
async fn append_and_say(ledger: &dyn Ledger, name: &str) -> LedgerError {
    for n in 0.. {
        let kind = if n % 2 == 0 { EntryKind::Intent } else { EntryKind::Outcome };
        let key = format!("{name}/{n:06}");
        match ledger.append(entry(kind, &key)).await {
            Ok(true) => say(&format!("taken {} {key}", kind.as_str())),
            Ok(false) => say("taken twice"),
            Err(error) => return error,
        }
    }
    unreachable!("numbers end late")
}

/// Started by the others as a process of its own; by itself, a small round trip.
#[tokio::test]
async fn another_process() {
    let var = |name| std::env::var(name).unwrap_or_default();
    let (place, name) = (var(PLACE), var(NAME));
    let error = match var(ROLE).as_str() {
        "sqlite" => append_and_say(&SqliteLedger::open(&place).unwrap(), &name).await,
        "folder" => {
            let store = FolderStore::open(&place).unwrap();
            append_and_say(&ObjectLedger::over(Arc::new(store)), &name).await
        }
        "look" => {
            let there = SqliteLedger::open_existing(&place).unwrap().unwrap();
            let verified = there.verify(None).await.unwrap();
            say(&format!("entries {}", verified.entries));
            match SqliteLedger::open(&place) {
                Ok(_) => return,
                Err(error) => error,
            }
        }
        _ => {
            let folder = tempfile::tempdir().unwrap();
            let ledger = SqliteLedger::open(folder.path().join("ledger.db")).unwrap();
            assert!(ledger.append(entry(EntryKind::Plan, "p")).await.unwrap());
            assert_eq!(ledger.count(EntryKind::Plan, "").await.unwrap(), 1);
            return;
        }
    };
    say(&format!("error {}: {}; {}", error.place, error.what, error.next_step));
}

/// What was said to be taken until it was killed after `lines` of it.
fn killed_after(mut child: Child, lines: usize) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    let out = BufReader::new(child.stdout.take().unwrap());
    for line in out.lines().map(Result::unwrap) {
        if let Some(what) = line.strip_prefix("taken ") {
            assert!(taken.insert(what.to_owned()), "{line}");
            if taken.len() == lines {
                child.kill().unwrap();
            }
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(taken.len() >= lines, "it was killed at work: {}", taken.len());
    taken
}

fn names(entries: &[Entry]) -> BTreeSet<String> {
    entries.iter().map(|e| format!("{} {}", e.kind.as_str(), e.key)).collect()
}

#[tokio::test]
async fn what_was_acknowledged_survives_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let mut taken = BTreeSet::new();
    for (round, lines) in [1, 2, 7, 20, 31].into_iter().enumerate() {
        // Two at once, and one of them outlives the other.
        let child = |name: &str| {
            let name = format!("{round}-{name}");
            role(&this_program(), "sqlite", &path, &name).spawn().unwrap()
        };
        let (one, two) = (child("a"), child("b"));
        let other = std::thread::spawn(move || killed_after(two, lines + 5));
        taken.extend(killed_after(one, lines));
        taken.extend(other.join().unwrap());
        let ledger = SqliteLedger::open_existing(&path).unwrap().unwrap();
        let verified = ledger.verify(None).await.unwrap();
        let there = ledger.list(Filter::default()).await.unwrap();
        assert_eq!(verified.entries, there.len() as u64);
        let lost: Vec<_> = taken.difference(&names(&there)).cloned().collect();
        assert!(lost.is_empty(), "{lost:?}");
        // At most one of each was written and not said.
        assert!(there.len() <= taken.len() + 2 * (round + 1));
    }
}

#[tokio::test]
async fn an_object_that_was_acknowledged_survives_sigkill_and_none_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let mut taken = BTreeSet::new();
    for (round, lines) in [1, 3, 10, 25].into_iter().enumerate() {
        let name = format!("{round}");
        let child = role(&this_program(), "folder", folder.path(), &name).spawn().unwrap();
        taken.extend(killed_after(child, lines));
        let store = FolderStore::existing(folder.path()).unwrap();
        let ledger = ObjectLedger::over(Arc::new(store));
        let mut there = BTreeSet::new();
        for kind in [EntryKind::Intent, EntryKind::Outcome] {
            there.extend(names(&ledger.entries(kind, "").await.unwrap()));
        }
        let lost: Vec<_> = taken.difference(&there).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
}

#[test]
fn many_at_once_neither_fork_the_chain_nor_lose_an_entry() {
    const WRITERS: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/ledger.db");
    let barrier = Barrier::new(WRITERS);
    let taken: Vec<Vec<String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (path, barrier) = (&path, &barrier);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    barrier.wait();
                    // Opening is part of it: the file is made by whoever is first.
                    let ledger = SqliteLedger::open(path).unwrap();
                    let mut taken = Vec::new();
                    for n in 0..15 {
                        let own = format!("{writer}/{n}");
                        assert!(
                            runtime
                                .block_on(ledger.append(entry(EntryKind::Intent, &own)))
                                .unwrap()
                        );
                        let shared = format!("shared/{n}");
                        let new = entry(EntryKind::Outcome, &shared);
                        if runtime.block_on(ledger.append(new)).unwrap() {
                            taken.push(shared);
                        }
                    }
                    taken
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let shared: Vec<&String> = taken.iter().flatten().collect();
    assert_eq!(shared.len(), 15, "of those that all wrote, each was taken once");
    assert_eq!(shared.iter().collect::<BTreeSet<_>>().len(), 15);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ledger = SqliteLedger::open_existing(&path).unwrap().unwrap();
    let verified = runtime.block_on(ledger.verify(None)).unwrap();
    assert_eq!(verified.entries, (WRITERS * 15 + 15) as u64);
}

async fn some(path: &Path, entries: usize) -> Vec<Entry> {
    let ledger = SqliteLedger::open(path).unwrap();
    for n in 0..entries {
        assert!(ledger.append(entry(EntryKind::Intent, &format!("{n}/0000"))).await.unwrap());
    }
    ledger.list(Filter::default()).await.unwrap()
}

/// The error of opening, for reading and for writing the same; or of the first that is read.
fn refused(path: &Path) -> LedgerError {
    let reading = SqliteLedger::open_existing(path).map(|_| ()).unwrap_err();
    let writing = SqliteLedger::open(path).map(|_| ()).unwrap_err();
    assert_eq!(reading, writing);
    assert_eq!(reading.place, path.display().to_string());
    assert!(!reading.next_step.is_empty());
    reading
}

#[tokio::test]
async fn reading_makes_no_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/ledger.db");
    assert!(SqliteLedger::open_existing(&path).unwrap().is_none());
    assert!(!folder.path().join("deep").exists());
    // Somebody who was cut off while making one left nothing that could be read.
    fs::write(folder.path().join("empty.db"), "").unwrap();
    assert!(SqliteLedger::open_existing(folder.path().join("empty.db")).unwrap().is_none());
    let half = folder.path().join("half.db");
    Connection::open(&half).unwrap().pragma_update(None, "journal_mode", "WAL").unwrap();
    assert!(fs::metadata(&half).unwrap().len() > 0);
    assert!(SqliteLedger::open_existing(&half).unwrap().is_none());
    let made = SqliteLedger::open(&half).unwrap();
    assert!(made.append(entry(EntryKind::Plan, "p")).await.unwrap());
    assert_eq!(made.verify(None).await.unwrap().entries, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_ledger_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/ledger.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    assert!(ledger.append(entry(EntryKind::Intent, "a")).await.unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("new")), 0o700);
    for beside in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        assert_eq!(mode(&folder.path().join("new").join(beside)), 0o600, "{beside}");
    }
}

#[tokio::test]
async fn what_is_no_ledger_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    for content in [b"{\"not\": \"a ledger\"}".repeat(300), vec![0; 8192], b"SQLite f".to_vec()] {
        fs::write(&path, content).unwrap();
        assert!(refused(&path).what.contains("it is not a ledger, nor any SQLite database"));
    }
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE entries (a)").unwrap();
    assert_eq!(refused(&other).what, "it is an SQLite database, and not a ledger");
    let error = SqliteLedger::open(folder.path()).map(|_| ()).unwrap_err();
    assert!(error.what.starts_with("cannot open it: it cannot be opened"), "{}", error.what);
    // A file where a folder would have to be.
    let error = SqliteLedger::open(other.join("ledger.db")).map(|_| ()).unwrap_err();
    assert!(error.what.starts_with("cannot create its folder: "), "{}", error.what);
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    some(&path, 3).await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let error = refused(&path);
    assert_eq!(error.what, "it was written by a newer version (format 7; this one knows 1)");
    assert!(error.next_step.contains("version of lab"), "{}", error.next_step);
    let entries: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM entries", [], |row| row.get(0))
        .unwrap();
    assert_eq!(entries, 3);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version = 1; DROP TABLE entries").unwrap();
    assert!(refused(&path).what.contains("holds no entries table"));
}

/// Whatever byte of the file is turned over: it is said, or nothing of what is read has changed.
#[tokio::test]
async fn a_damaged_file_is_said_or_was_not_harmed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let whole = some(&path, 12).await;
    let bytes = fs::read(&path).unwrap();
    assert!(!folder.path().join("ledger.db-wal").exists(), "the last one to close tidies up");
    let damaged = folder.path().join("damaged.db");
    let (mut said, mut harmless) = (0, 0);
    for at in (0..bytes.len()).step_by(41).chain(0..100) {
        let mut other = bytes.clone();
        other[at] ^= 0x55;
        fs::write(&damaged, other).unwrap();
        let read = match SqliteLedger::open_existing(&damaged) {
            Ok(Some(ledger)) => match ledger.verify(None).await {
                Ok(_) => Ok(ledger.list(Filter::default()).await.unwrap()),
                Err(error) => Err(error),
            },
            Ok(None) => panic!("byte {at}: a damaged ledger is not none"),
            Err(error) => Err(error),
        };
        match read {
            Ok(entries) => {
                assert_eq!(entries, whole, "byte {at}");
                harmless += 1;
            }
            Err(error) => {
                assert_eq!(error.place, damaged.display().to_string());
                assert!(!error.what.contains("xxx"), "no body: {}", error.what);
                said += 1;
            }
        }
        for beside in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{beside}", damaged.display()));
        }
    }
    // Pages have room to spare, so that some bytes are nobody's.
    assert!(said > 100 && harmless > 0, "{said} {harmless}");
}

#[tokio::test]
async fn a_file_that_was_cut_short_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    some(&path, 12).await;
    let bytes = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.db");
    for length in [1, 50, 99, 100, 512, 4095, 4096, 4097, 8192, bytes.len() - 4096] {
        fs::write(&cut, &bytes[..length]).unwrap();
        let error = match SqliteLedger::open_existing(&cut) {
            Ok(ledger) => ledger.unwrap().verify(None).await.map(|_| length).unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.place, cut.display().to_string(), "{length}");
        assert!(!error.next_step.is_empty());
    }
}

/// Files of this process may not grow any further: the disk answers with an error, as with a
/// quota. The limit is the shell's, in blocks of 512 or 1024 bytes.
#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_takes_no_more_is_said_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let direct = role(&this_program(), "sqlite", &path, "full");
    let mut command = Command::new("sh");
    // Ignored, the signal becomes an error of the write.
    command.args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""]);
    command.arg(this_program()).args(direct.get_args());
    command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let taken: BTreeSet<String> =
        said.lines().filter_map(|l| l.strip_prefix("taken ")).map(str::to_owned).collect();
    let error = said.lines().find_map(|l| l.strip_prefix("error ")).unwrap();
    let start =
        format!("{}: cannot append an entry: the disk answered with an error", path.display());
    assert!(error.starts_with(&start), "{error}");
    assert!(error.contains("check the disk, its space and its quota"), "{error}");
    assert!(taken.len() > 5, "{}", taken.len());
    let ledger = SqliteLedger::open(&path).unwrap();
    assert_eq!(ledger.verify(None).await.unwrap().entries, taken.len() as u64);
    assert_eq!(names(&ledger.list(Filter::default()).await.unwrap()), taken);
    assert!(ledger.append(entry(EntryKind::Intent, "afterwards")).await.unwrap());
}

/// A record that was put away: it can be read and verified, and not written to.
#[cfg(unix)]
#[tokio::test]
async fn a_ledger_that_may_only_be_read_is_read() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("away/ledger.db");
    some(&path, 3).await;
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let program = folder.path().join("program");
    fs::copy(this_program(), &program).unwrap();
    mode(&program, 0o755);
    mode(folder.path(), 0o755);
    mode(&path, 0o444);
    mode(&folder.path().join("away"), 0o555);
    let mut command = role(&program, "look", &path, "");
    // Rights do not bind the superuser; nobody's do.
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        command.uid(65534).gid(65534).current_dir("/");
    }
    // A child that another test forked may hold the copy open for writing until it is itself.
    let output = loop {
        match command.output() {
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            output => break output.unwrap(),
        }
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.lines().any(|l| l == "entries 3"), "{said}");
    let error = said.lines().find_map(|l| l.strip_prefix("error ")).unwrap();
    assert!(error.contains("may only be read"), "{error}");
    assert!(error.contains("writable for you"), "{error}");
    mode(&folder.path().join("away"), 0o755);
}
