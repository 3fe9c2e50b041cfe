//! Every data file says where it comes from and under which licence: docs/provenance.md.

use crate::house::{none, paths, read};
use crate::markdown::matches;

const DATA: &[&str] =
    &["csv", "gz", "json", "jsonl", "key", "ndjson", "pem", "sarif", "tfstate", "tsv", "xml"];

#[test]
fn every_data_file_has_a_row_and_every_row_a_file() {
    let page = read("docs/provenance.md");
    let rows: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let pattern = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
            Some((pattern, cells.next_back()?))
        })
        .collect();
    assert!(rows.len() > 5, "the table was not found");

    let data: Vec<String> = ["benches", "crates", "labs", "terraform", "tests"]
        .iter()
        .flat_map(|top| paths(top))
        .filter(|p| p.rsplit_once('.').is_some_and(|(_, ending)| DATA.contains(&ending)))
        .collect();
    let mut found: Vec<String> = data
        .iter()
        .filter(|path| !rows.iter().any(|(pattern, _)| matches(pattern, path)))
        .map(|path| format!("{path}: no row"))
        .collect();
    for (pattern, licence) in &rows {
        if !data.iter().any(|path| matches(pattern, path)) {
            found.push(format!("{pattern}: no such file"));
        }
        if licence.is_empty() {
            found.push(format!("{pattern}: no licence"));
        }
    }
    none("docs/provenance.md", &found);
}

/// The tables of AWS operations carry their own.
#[test]
fn generated_tables_carry_their_source() {
    let mut seen = 0;
    for path in paths("crates/aws-protocol/tables").iter().filter(|p| p.ends_with(".json")) {
        seen += 1;
        let table: serde_json::Value = serde_json::from_str(&read(path)).unwrap();
        for member in ["source", "licence", "botocore", "made_by"] {
            assert!(table["provenance"][member].is_string(), "{path}: provenance.{member}");
        }
    }
    assert!(seen >= 5);
}
