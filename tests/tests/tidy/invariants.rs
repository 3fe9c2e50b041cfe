//! ARCHITECTURE.md's invariants and the lines of docs/threat-model.md name the tests that hold
//! them, and those tests are there.

use crate::house::{files, none, read};
use std::collections::BTreeSet;

/// The name of every test of the house.
fn tests() -> BTreeSet<String> {
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
    tests
}

/// What is wrong with the end of a claim: `Held by` and the names of tests that are there.
fn held(claim: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let first: String = claim.trim().chars().take(60).collect();
    let Some((_, holders)) = claim.split_once("Held by") else {
        return vec![format!("held by nothing: {first}")];
    };
    let names: Vec<&str> = holders.split('`').skip(1).step_by(2).collect();
    if names.is_empty() {
        return vec![format!("held by nothing: {first}")];
    }
    let missing = names.into_iter().filter(|name| !tests.contains(*name));
    missing.map(|name| format!("no test is called {name}: {first}")).collect()
}

#[test]
fn every_invariant_is_held_by_a_test_that_exists() {
    let tests = tests();
    // An invariant is a paragraph or a list item that opens with the word.
    let page = read("ARCHITECTURE.md");
    let mut found = Vec::new();
    let mut seen = 0;
    for item in page.split("**Invariant.**").skip(1) {
        seen += 1;
        let item = item
            .split("\n\n")
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        found.extend(held(&item, &tests));
    }
    none("invariants without a test", &found);
    assert!(seen >= 10, "the invariants were not found");
}

/// Each item of the page is stopped by something that a test proves, or is said not to be.
#[test]
fn every_threat_is_held_by_a_test_that_exists_or_said_not_to_be() {
    let tests = tests();
    let page = read("docs/threat-model.md");
    let mut found = Vec::new();
    let (mut stopped, mut not) = (0, 0);
    for item in page.split("\n- ").skip(1) {
        let item = item
            .split("\n\n")
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        if item.starts_with("**Not stopped:**") {
            not += 1;
            continue;
        }
        stopped += 1;
        found.extend(held(&item, &tests));
    }
    none("threats without a test", &found);
    assert!(stopped >= 10 && not >= 1, "the threats were not found");
}
