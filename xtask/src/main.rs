//! The repository's own chores: `cargo xtask <command>`. A command is one file beside this one and one line in
//! [`COMMANDS`].

mod aws_tables;
mod dist;
mod lab;
mod licences;
mod ocsf_tables;
mod reference;
mod transcripts;

use std::io::Write;
use std::process::ExitCode;

/// What a command returns: a message for people, or why it failed.
type Outcome = Result<String, String>;

struct Command {
    name: &'static str,
    /// Its arguments, as help shows them.
    takes: &'static str,
    what: &'static str,
    run: fn(&[String]) -> Outcome,
}

/// Sorted by name.
const COMMANDS: &[Command] = &[
    Command {
        name: "aws-tables",
        takes: "[--check]",
        what: "generate crates/aws-protocol/tables from the public AWS service models (python package botocore)",
        run: aws_tables::run,
    },
    Command {
        name: "dist",
        takes: "",
        what: "build the function for AWS Lambda and pack it into target/dist",
        run: dist::run,
    },
    Command {
        name: "licences",
        takes: "",
        what: "hold every crate that is built to deny.toml",
        run: licences::run,
    },
    Command {
        name: "ocsf-tables",
        takes: "[--check] [FOLDER]",
        what: "generate crates/ocsf/tables from the OCSF schema's own exports",
        run: ocsf_tables::run,
    },
    Command {
        name: "reference",
        takes: "[--check]",
        what: "write docs/reference from the program's own help and the facts of the kinds",
        run: reference::run,
    },
    Command {
        name: "transcripts",
        takes: "[--check]",
        what: "run the first command and the guides' scenes, and write docs/first-screen.* and the blocks of the pages",
        run: transcripts::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((name, _)) if matches!(name.as_str(), "help" | "--help" | "-h") => {
            say(&mut std::io::stdout(), &help(), 0)
        }
        None => say(&mut std::io::stderr(), &help(), 64),
        Some((name, rest)) => match COMMANDS.iter().find(|command| command.name == name) {
            None => {
                say(&mut std::io::stderr(), &format!("no such command: {name}\n\n{}", help()), 64)
            }
            Some(command) => match (command.run)(rest) {
                Ok(text) => say(&mut std::io::stdout(), &text, 0),
                Err(why) => say(&mut std::io::stderr(), &format!("xtask {name}: {why}"), 1),
            },
        },
    }
}

/// Prints and gives the exit code; a closed pipe is a quiet end.
fn say(to: &mut dyn Write, text: &str, code: u8) -> ExitCode {
    let _ = writeln!(to, "{}", text.trim_end());
    ExitCode::from(code)
}

fn help() -> String {
    let mut text = String::from("usage: cargo xtask <command>\n\n");
    for Command { name, takes, what, .. } in COMMANDS {
        text += &format!("  {:<28} {what}\n", format!("{name} {takes}"));
    }
    text
}

/// The root of the checkout, whatever the working directory is.
fn root() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
