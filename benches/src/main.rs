//! The budgets of speed and size, measured.
//!
//!     cargo build -p lab && cargo run -p lab-benches            all of them
//!     cargo run -p lab-benches -- check paced                   some
//!     LAB_BIN=target/release/lab cargo run -p lab-benches       another build
//!     cargo xtask dist && LAB_LAMBDA_BINARY=target/lambda/bootstrap \
//!         cargo run -p lab-benches -- function                  the function as it is deployed
//!
//! Each figure is printed with its budget; the command fails when nothing could be measured,
//! never because a machine was slow.

mod estate;
mod function;
mod measure;
mod planning;

use measure::{Row, print};
use std::process::ExitCode;

type Bench = fn() -> Result<Vec<Row>, String>;

const BENCHES: &[(&str, Bench)] = &[
    ("check", measure::check),
    ("function", function::function),
    ("memory", estate::memory),
    ("paced", estate::paced),
    ("planning", planning::planning),
    ("ready", measure::ready),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut failed = false;
    for (name, bench) in BENCHES {
        if !wanted.is_empty() && !wanted.iter().any(|w| w == name) {
            continue;
        }
        match bench() {
            Ok(rows) => print(&rows),
            Err(why) => {
                measure::line(&format!("{name}: not measured: {why}"));
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
