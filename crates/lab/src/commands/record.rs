//! The ledger of the data folder, and the lock that one apply at a time holds.

use crate::config::Config;
use crate::exit::Failure;
use ledger::{LedgerError, SqliteLedger};
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);

/// In the data folder.
pub const FILE: &str = "ledger.db";

pub fn path(config: &Config) -> PathBuf {
    config.data.join(FILE)
}

pub fn open(config: &Config) -> Result<SqliteLedger, Failure> {
    SqliteLedger::open(path(config)).map_err(failure)
}

/// For commands that only read: they make none.
pub fn open_existing(config: &Config) -> Result<Option<SqliteLedger>, Failure> {
    SqliteLedger::open_existing(path(config)).map_err(failure)
}

pub fn failure(error: LedgerError) -> Failure {
    let failure = Failure::new(error.to_string());
    if error.next_step.is_empty() { failure } else { failure.hint(error.next_step) }
}

/// Held until it is dropped.
pub struct Held {
    _file: File,
}

fn lock_file(config: &Config) -> Result<(File, PathBuf), Failure> {
    let path = config.data.join("remediate.lock");
    std::fs::create_dir_all(&config.data)
        .and_then(|()| {
            File::options().read(true).write(true).create(true).truncate(false).open(&path)
        })
        .map(|file| (file, path.clone()))
        .map_err(|cause| broken(&path, &cause))
}

fn broken(path: &std::path::Path, cause: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {cause}", path.display())).hint("choose another folder with --data")
}

fn sign(mut file: File, path: &std::path::Path, holder: &str) -> Result<Held, Failure> {
    let line = format!("{holder} (process {})\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.write_all(line.as_bytes()))
        .map_err(|cause| broken(path, &cause))?;
    Ok(Held { _file: file })
}

/// The lock, if nobody has it.
pub fn try_hold(config: &Config, holder: &str) -> Result<Option<Held>, Failure> {
    let (file, path) = lock_file(config)?;
    match file.try_lock() {
        Ok(()) => sign(file, &path, holder).map(Some),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(cause)) => Err(broken(&path, &cause)),
    }
}

/// One run changes clouds at a time: what is open in the ledger is then known to be cut off,
/// and not another run's at work.
pub async fn hold(config: &Config, holder: &str) -> Result<Held, Failure> {
    let began = Instant::now();
    loop {
        if let Some(held) = try_hold(config, holder)? {
            return Ok(held);
        }
        if began.elapsed() > PATIENCE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (mut file, _) = lock_file(config)?;
    let mut who = String::new();
    let _ = file.read_to_string(&mut who);
    let who = if who.trim().is_empty() { "it has not said who it is" } else { who.trim() };
    let data = config.data.display();
    Err(Failure::new(format!("another run is changing clouds from {data}: {who}"))
        .hint("wait until it has ended; two at once would not see each other's changes"))
}
