//! The repository's own chores: `cargo xtask <command>`. A command is one file beside this one and one line in
//! [`COMMANDS`].

mod aws_tables;

use std::io::Write;
use std::process::ExitCode;

/// What a command returns: a message for people, or why it failed.
type Outcome = Result<String, String>;

/// Name, what it takes, one sentence, and the function. Sorted.
const COMMANDS: &[(&str, &str, &str, fn(&[String]) -> Outcome)] = &[(
    "aws-tables",
    "[--check]",
    "generate crates/aws-protocol/tables from the public AWS service models (python package botocore)",
    aws_tables::run,
)];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (text, code) = match arguments.split_first() {
        None => (help(), ExitCode::from(64)),
        Some((name, _)) if matches!(name.as_str(), "help" | "--help" | "-h") => {
            (help(), ExitCode::SUCCESS)
        }
        Some((name, rest)) => match COMMANDS.iter().find(|command| command.0 == name) {
            None => (format!("no such command: {name}\n\n{}", help()), ExitCode::from(64)),
            Some((_, _, _, run)) => match run(rest) {
                Ok(text) => (text, ExitCode::SUCCESS),
                Err(why) => {
                    let _ = writeln!(std::io::stderr(), "xtask {name}: {why}");
                    return ExitCode::FAILURE;
                }
            },
        },
    };
    // A closed pipe is a quiet end.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    code
}

fn help() -> String {
    let mut text = String::from("usage: cargo xtask <command>\n\n");
    for (name, takes, what, _) in COMMANDS {
        text += &format!("  {:<28} {what}\n", format!("{name} {takes}"));
    }
    text
}

/// The root of the checkout, whatever the working directory is.
fn root() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
