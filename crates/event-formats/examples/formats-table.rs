//! Writes docs/formats.md: which formats are read, and what becomes of every record of the
//! collections that `LAB_CORPORA` names.

#[path = "../tests/corpus/mod.rs"]
mod corpus;
#[path = "../tests/leaves/mod.rs"]
mod leaves;
#[path = "../tests/sample/mod.rs"]
mod sample;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = corpus::folder() else {
        let _ = writeln!(std::io::stderr(), "not run: LAB_CORPORA is not set");
        return ExitCode::FAILURE;
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let page = corpus::page(&folder);
    match std::fs::write(&path, &page) {
        Ok(()) => {
            let _ = writeln!(std::io::stdout(), "{page}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
