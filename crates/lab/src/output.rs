//! Where answers go: standard output or a file, whole or not at all; what is for people
//! beside an answer goes to standard error.

use crate::exit::Failure;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// Writes an answer to a file (beside it, then renamed) or to standard output. A closed
/// pipe is a quiet end.
pub fn answer(bytes: &[u8], file: Option<&Path>) -> Result<(), Failure> {
    match file {
        Some(path) => write_whole(path, bytes),
        None => {
            let mut out = io::stdout().lock();
            match out.write_all(bytes).and_then(|()| out.flush()) {
                Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                Err(cause) => Err(Failure::new(format!("standard output: {cause}"))),
                Ok(()) => Ok(()),
            }
        }
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    // A device or a pipe cannot be renamed into; a file can, and then nobody reads half.
    let special = std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir());
    let written = match special {
        true => std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut f| f.write_all(bytes).and_then(|()| f.flush())),
        false => local_cloud::store::write_beside(path, bytes),
    };
    written.map_err(|cause| {
        Failure::new(format!("{} was not written: {cause}", path.display()))
            .hint("nothing was left half-written; choose another place with -o")
    })
}

/// A line for people, or several. Names in it are anybody's text: what would move the cursor
/// or reorder what is read is marked.
pub fn say(line: impl AsRef<str>) {
    let harmless: String = line
        .as_ref()
        .chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if report::text::is_hostile(c) => report::text::STRIPPED,
            c => c,
        })
        .collect();
    let _ = writeln!(io::stderr().lock(), "{harmless}");
}

pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

pub fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let seen = terminal_size::terminal_size_of(io::stdout()).map(|(w, _)| usize::from(w.0));
    asked.or(seen).unwrap_or(report::options::DEFAULT_WIDTH).clamp(40, 160)
}
