//! The help of every command opens with a sentence. That this test exists also makes
//! `cargo test --workspace` build the binary, which the journeys need.

use std::process::Command;

fn help(arguments: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_lab")).args(arguments).arg("--help").output();
    let run = run.expect("the binary starts");
    assert!(run.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&run.stdout).into_owned()
}

#[test]
fn every_command_explains_itself() {
    for arguments in [
        &[][..],
        &["run"],
        &["run", "drift-check"],
        &["show"],
        &["cloud"],
        &["cloud", "start"],
        &["cloud", "env"],
        &["cloud", "exec"],
        &["cloud", "fault", "set"],
        &["lesson"],
        &["lesson", "check"],
        &["doctor"],
        &["init"],
        &["list"],
        &["completions"],
    ] {
        let text = help(arguments);
        let first = text.lines().next().unwrap_or_default();
        assert!(first.len() > 10 && text.contains("Usage:"), "{arguments:?}: {text}");
    }
    assert!(help(&["run", "drift-check"]).contains("Examples:"));
}
