//! Reads cases as JSON lines on stdin and prints one answer a line: `{"id": .., "answer": ..}`, with
//! `as_expected` where the case tells what to expect.
//! The differential fuzz (`fuzz/README.md`) compares these with another engine's.

#[path = "../tests/case/mod.rs"]
mod case;

use case::{Case, answer};
use std::io::{self, BufRead, Write};

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (id, expect, answer) = match serde_json::from_str::<Case>(&line) {
            Ok(case) => {
                let answer = match case.decide() {
                    Ok(decision) => answer(&decision).to_owned(),
                    Err(error) => format!("error: {error}"),
                };
                (case.id, case.expect, answer)
            }
            Err(error) => (String::new(), String::new(), format!("error: {error}")),
        };
        let mut row = serde_json::json!({"id": id, "answer": answer});
        if !expect.is_empty() {
            row["as_expected"] = (expect == answer).into();
        }
        writeln!(out, "{row}")?;
    }
    out.flush()
}
