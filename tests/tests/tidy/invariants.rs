//! ARCHITECTURE.md's invariants name the tests that hold them, and those tests are there.

use crate::house::{files, none, read};
use std::collections::BTreeSet;

#[test]
fn every_invariant_is_held_by_a_test_that_exists() {
    let tests: BTreeSet<String> = files("", ".rs")
        .iter()
        .flat_map(|file| {
            let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
            let attribute = |l: &str| l.starts_with("#[test]") || l.starts_with("#[tokio::test");
            let mut names = Vec::new();
            for (at, line) in lines.iter().enumerate() {
                let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                let before = &lines[at.saturating_sub(3)..at];
                if let (Some(name), true) = (name, before.iter().any(|l| attribute(l))) {
                    names.push(name.split(['(', '<']).next().unwrap_or("").to_owned());
                }
            }
            names
        })
        .collect();
    assert!(tests.len() > 100);

    // An invariant is a paragraph or a list item that opens with the word.
    let page = read("ARCHITECTURE.md");
    let mut found = Vec::new();
    let mut seen = 0;
    for item in page.split("**Invariant.**").skip(1) {
        seen += 1;
        let item = item.split("\n\n").next().unwrap_or("").replace('\n', " ");
        let first: String = item.trim().chars().take(60).collect();
        let Some((_, holders)) = item.split_once("Held by") else {
            found.push(format!("held by nothing: {first}"));
            continue;
        };
        let names: Vec<&str> = holders.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            found.push(format!("held by nothing: {first}"));
        }
        for name in names {
            if !tests.contains(name) {
                found.push(format!("no test is called {name}: {first}"));
            }
        }
    }
    none("invariants without a test", &found);
    assert!(seen >= 10, "the invariants were not found");
}
