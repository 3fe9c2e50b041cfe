//! Opening a ledger file, creating one, and refusing what is none.

use super::failure::{Place, is};
use super::{Inner, SqliteLedger};
use crate::LedgerError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// `application_id` in the file's header: "CSLL". <https://www.sqlite.org/fileformat2.html>
const APPLICATION: i64 = 0x4353_4C4C;

/// `user_version` in the file's header. A change that an older program would misread counts up.
const FORMAT: i64 = 1;

/// The smallest page, and so the smallest database that is not empty.
const SMALLEST: u64 = 512;

/// How long another process may hold the file before this one says so.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What the file holds beside its entries, by name. [`super::verify`] asks for exactly these.
///
/// `AUTOINCREMENT` keeps the last number that was given in SQLite's own table: a tail that is
/// simply deleted shows even without a report. The trigger on inserts is there because
/// `INSERT OR REPLACE` deletes without asking the trigger on deletes.
pub(super) const SCHEMA: &[(&str, &str)] = &[
    (
        "entries",
        "CREATE TABLE entries (seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, \
         kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, prev TEXT NOT NULL, \
         hash TEXT NOT NULL, UNIQUE (kind, key)) STRICT",
    ),
    (
        "entries_are_not_edited",
        "CREATE TRIGGER entries_are_not_edited BEFORE UPDATE ON entries BEGIN \
         SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    ),
    (
        "entries_are_not_removed",
        "CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries BEGIN \
         SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    ),
    (
        "entries_are_only_appended",
        "CREATE TRIGGER entries_are_only_appended BEFORE INSERT ON entries WHEN \
         EXISTS (SELECT 1 FROM entries WHERE kind = NEW.kind AND key = NEW.key) OR \
         NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM entries) BEGIN \
         SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    ),
];

/// What an SQLite file says of itself.
enum Nature {
    /// No table yet: new, or its creator was cut off.
    Blank,
    Ledger,
    Refused(LedgerError),
}

impl SqliteLedger {
    /// Opens the ledger for writing; makes folder and file (readable by their owner alone) where
    /// there are none.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        Self::open_patiently(path.as_ref(), PATIENCE)
    }

    pub(super) fn open_patiently(path: &Path, patience: Duration) -> Result<Self, LedgerError> {
        let place = Place::new(path);
        create(&place)?;
        let until = Instant::now() + patience;
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)
            .map_err(|e| place.failed("open it", &e))?;
        loop {
            match prepare(&place, &connection) {
                Ok(Ok(())) => break,
                Ok(Err(refused)) => return Err(refused),
                // Two that open a new file at once: SQLite does not wait where both would.
                Err(e) if held(&e) && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(e) => return Err(place.failed("open it", &e)),
            }
        }
        if connection.is_readonly("main").map_err(|e| place.failed("open it", &e))? {
            return Err(place.error(
                "cannot open it: it may only be read",
                format!("make {} and its folder writable for you", place.as_str()),
            ));
        }
        Ok(Self::of(place, connection))
    }

    /// Opens a ledger that is there; `None` where there is none. Creates nothing, and reads
    /// also where nothing may be written.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Option<Self>, LedgerError> {
        let path = path.as_ref();
        let place = Place::new(path);
        match fs::metadata(path) {
            Ok(found) if found.len() == 0 && found.is_file() => return Ok(None),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(place.io("read it", &e)),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let opened = connect(path, flags, PATIENCE)
            .and_then(|connection| Ok((look(&place, &connection)?, connection)));
        let opened = match opened {
            Err(e) if is(&e, &[ErrorCode::CannotOpen, ErrorCode::ReadOnly]) => {
                unmoved(&place, path).unwrap_or(Err(e))
            }
            other => other,
        };
        match opened.map_err(|e| place.failed("open it", &e))? {
            (Nature::Ledger, connection) => Ok(Some(Self::of(place, connection))),
            (Nature::Blank, _) => Ok(None),
            (Nature::Refused(error), _) => Err(error),
        }
    }

    fn of(place: Place, connection: Connection) -> Self {
        SqliteLedger { inner: Arc::new(Inner { place, connection: Mutex::new(connection) }) }
    }
}

fn held(error: &rusqlite::Error) -> bool {
    is(error, &[ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked])
}

/// SQLite itself would create the file readable for all.
fn create(place: &Place) -> Result<(), LedgerError> {
    let path = place.path();
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|e| place.io("create its folder", &e))?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(place.io("create it", &e)),
        _ => Ok(()),
    }
}

fn connect(path: &Path, flags: OpenFlags, patience: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(patience)?;
    // The file may come from anywhere: its schema runs nothing, and is not written past SQL.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Where `fsync` alone does not reach the disk (macOS).
    connection.pragma_update(None, "fullfsync", true)?;
    Ok(connection)
}

/// A file in a folder where nothing can be written: SQLite's log cannot be opened beside it. If
/// there is none with anything in it, the file alone is everything.
fn unmoved(place: &Place, path: &Path) -> Option<rusqlite::Result<(Nature, Connection)>> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if fs::metadata(log).is_ok_and(|m| m.len() > 0) {
        return None;
    }
    let mut url = String::from("file:");
    for byte in fs::canonicalize(path).ok()?.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                url.push(char::from(*byte));
            }
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let opened = connect(Path::new(&url), flags, PATIENCE)
        .and_then(|connection| Ok((look(place, &connection)?, connection)));
    Some(opened)
}

/// In one transaction: another process may be making the file.
fn look(place: &Place, connection: &Connection) -> rusqlite::Result<Nature> {
    let reading = connection.unchecked_transaction()?;
    nature(place, &reading)
}

fn nature(place: &Place, connection: &Connection) -> rusqlite::Result<Nature> {
    let header = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, format) = (header("application_id")?, header("user_version")?);
    let named = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let objects = named("SELECT count(*) FROM sqlite_schema")?;
    if application == 0 && format == 0 && objects == 0 {
        // SQLite takes a file of one byte for an empty one.
        let length = fs::metadata(place.path()).map_or(0, |m| m.len());
        return Ok(match length {
            1..SMALLEST => Nature::Refused(place.error(
                format!("it has {length} bytes: it was cut short, or never was a ledger"),
                "keep it as it is and put back a copy, or move it away",
            )),
            _ => Nature::Blank,
        });
    }
    if application != APPLICATION {
        return Ok(Nature::Refused(place.error(
            "it is an SQLite database, and not a ledger",
            "is this the file that you mean? Move it away, or give another --data",
        )));
    }
    if format > FORMAT {
        return Ok(Nature::Refused(place.error(
            format!("it was written by a newer version (format {format}; this one knows {FORMAT})"),
            "use the version of lab that wrote it, or a later one",
        )));
    }
    let table =
        named("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'entries'")?;
    if format != FORMAT || table != 1 {
        return Ok(Nature::Refused(place.error(
            format!("it is marked as a ledger (format {format}) and holds no entries table"),
            "keep it as it is and put back a copy: somebody changed its schema",
        )));
    }
    Ok(Nature::Ledger)
}

/// Brings a blank file into shape. The outer error is SQLite's, the inner one ours.
fn prepare(place: &Place, connection: &Connection) -> rusqlite::Result<Result<(), LedgerError>> {
    match look(place, connection)? {
        Nature::Refused(error) => return Ok(Err(error)),
        Nature::Ledger => {}
        Nature::Blank if connection.is_readonly("main")? => return Ok(Ok(())),
        Nature::Blank => {
            // Kept in the file's header: readers do not wait for a writer, nor it for them.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            let transaction =
                rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            // Asked again under the lock: another may have been faster.
            if let Nature::Blank = nature(place, &transaction)? {
                for (_, sql) in SCHEMA {
                    transaction.execute_batch(sql)?;
                }
                transaction.pragma_update(None, "application_id", APPLICATION)?;
                transaction.pragma_update(None, "user_version", FORMAT)?;
            }
            transaction.commit()?;
        }
    }
    Ok(Ok(()))
}
