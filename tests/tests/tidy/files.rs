//! What holds for every file of ours.

use crate::house::{exceptions_are_needed, files, none, paths, read};
use std::collections::BTreeSet;

const LONGEST: usize = 700;

/// A long table is fine, a long mixture is not.
const LONG: &[(&str, &str)] = &[];

#[test]
fn no_file_is_long() {
    let mut long = BTreeSet::new();
    let mut found = Vec::new();
    for file in files("", ".rs") {
        let lines = file.text.lines().count();
        if lines > LONGEST {
            if !LONG.iter().any(|(path, _)| *path == file.path) {
                found.push(format!("{}: {lines} lines", file.path));
            }
            long.insert(file.path);
        }
    }
    none(&format!("files of more than {LONGEST} lines"), &found);
    exceptions_are_needed(LONG, &long);
}

#[test]
fn every_source_file_says_what_it_is() {
    let all = files("", ".rs");
    assert!(all.len() > 100);
    let silent: Vec<String> =
        all.into_iter().filter(|f| !f.text.starts_with("//! ")).map(|f| f.path).collect();
    none("files that do not open with `//!`", &silent);
}

/// Written in pieces, so that this file does not hold what it looks for.
fn forbidden() -> Vec<(String, &'static str)> {
    let all = [
        (["#[ig", "nore"], "a test that does not run is no test"),
        (["to", "do!("], "what is not there answers with the cloud's own error"),
        (["unimpl", "emented!("], "what is not there answers with the cloud's own error"),
        (["FIX", "ME"], "mend it, or write the limit where a reader looks for it"),
        (["for", " now,"], "say what it is, not what it might become"),
        (["/wo", "rk/"], "a path of one machine"),
        (["/ho", "me/"], "a path of one machine"),
        (["/Us", "ers/"], "a path of one machine"),
    ];
    all.into_iter().map(|(parts, why)| (parts.concat(), why)).collect()
}

/// `path: word` and why.
const MAY: &[(&str, &str)] = &[];

#[test]
fn no_file_holds_what_none_should() {
    let endings = [".rs", ".toml", ".md", ".py", ".sh", ".yml", ".yaml", ".tf", ".mjs", "run"];
    let mut met = BTreeSet::new();
    let mut found = Vec::new();
    let mut seen = 0;
    for ending in endings {
        for file in files("", ending) {
            seen += 1;
            for (word, why) in forbidden() {
                let lines = file.text.lines().enumerate().filter(|(_, l)| l.contains(&word));
                for (line, _) in lines {
                    let key = format!("{}: {word}", file.path);
                    if !MAY.iter().any(|(name, _)| *name == key) {
                        found.push(format!("{}:{}: {word}: {why}", file.path, line + 1));
                    }
                    met.insert(key);
                }
            }
        }
    }
    assert!(seen > 150);
    none("words that no file of ours holds", &found);
    exceptions_are_needed(MAY, &met);
}

/// `utils` and its sisters ask for a better name; there always is one.
#[test]
fn no_file_is_called_anything() {
    let bad = ["common", "helper", "helpers", "manager", "misc", "util", "utils"];
    let found: Vec<String> = paths("")
        .into_iter()
        .filter(|path| path.split('/').any(|p| bad.contains(&p.trim_end_matches(".rs"))))
        .collect();
    none("names that say nothing", &found);
}

/// The commands of README.md are the ones that CI runs.
#[test]
fn the_readme_has_the_two_commands_that_ci_runs() {
    let readme = read("README.md");
    let run = read(".ci/run");
    for command in ["cargo run -p lab -- run drift-check", "cargo test --workspace"] {
        let lines = readme.lines().filter(|l| {
            l.trim_start_matches("$ ").split("  #").next().map(str::trim) == Some(command)
        });
        assert!(lines.count() >= 1, "README.md shows `{command}`");
    }
    for marker in ["README.md", "readme_command"] {
        assert!(run.contains(marker), ".ci/run takes its commands from README.md");
    }
}
