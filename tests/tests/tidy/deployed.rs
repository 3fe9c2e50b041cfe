//! What is deployed links what it needs and nothing else.

use crate::house::root;
use std::process::Command;

/// Every crate that is compiled into one of ours, as cargo resolves it for this one alone.
fn linked(name: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "--prefix", "none", "--edges", "normal"])
        .args(["--format", "{p}", "--package", name])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let mut names: Vec<String> =
        text.lines().filter_map(|l| l.split_whitespace().next()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn the_function_links_one_cloud_and_no_database() {
    let linked = linked("remediation-lambda");
    let has = |name: &str| linked.iter().any(|l| l == name);
    assert!(has("provider-aws") && has("operations") && has("lambda_runtime"), "{linked:?}");
    let foreign = ["azure", "google", "provider-azure", "provider-gcp", "tonic", "reqwest"];
    let database = ["rusqlite", "libsqlite3-sys"];
    let at_desk = ["clap", "report", "lessons", "local-cloud", "indicatif"];
    for unwanted in foreign.iter().chain(&database).chain(&at_desk) {
        let found: Vec<_> = linked.iter().filter(|l| l.starts_with(unwanted)).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}
