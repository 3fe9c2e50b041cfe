//! States that nobody here wrote: every one that the inventory lists loads with the
//! resource counts that it gives. `LAB_CORPORA` names the folder; without it nothing runs.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use terraform_io::{State, StateErrorKind};

#[derive(Deserialize)]
struct Listed {
    path: String,
    kind: String,
    encoding: String,
    /// Instances by type, those of data sources included.
    types: BTreeMap<String, usize>,
}

const NOT_RUN: &str = "not run: LAB_CORPORA is not set";

fn inventory() -> Option<(PathBuf, Vec<Listed>)> {
    let folder = PathBuf::from(std::env::var_os("LAB_CORPORA")?);
    let text = std::fs::read(folder.join("TF-INVENTORY.json")).expect("the inventory");
    Some((folder, serde_json::from_slice(&text).expect("an inventory")))
}

fn load(folder: &Path, path: &str) -> Result<State, terraform_io::StateError> {
    State::from_slice(&std::fs::read(folder.join(path)).expect("a listed file"), path)
}

/// Managed and data instances by type, counted without the reader.
fn counted(folder: &Path, path: &str) -> (BTreeMap<String, usize>, usize) {
    let text = std::fs::read(folder.join(path)).expect("a listed file");
    let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let (mut managed, mut data) = (BTreeMap::new(), 0);
    for entry in json["resources"].as_array().expect("resources") {
        let n = entry["instances"].as_array().expect("instances").len();
        if entry["mode"] == "data" {
            data += n;
        } else {
            *managed.entry(entry["type"].as_str().expect("a type").to_owned()).or_default() += n;
        }
    }
    (managed, data)
}

#[test]
fn listed_states_load_with_their_counts() {
    let Some((folder, listed)) = inventory() else {
        return println!("{NOT_RUN}");
    };
    let (mut states, mut resources, mut data, mut flat) = (0, 0, 0, 0);
    for item in listed.iter().filter(|i| i.kind == "tfstate-v4") {
        let state = load(&folder, &item.path).unwrap_or_else(|e| panic!("{e}"));
        let (managed, data_count) = counted(&folder, &item.path);
        let mut read: BTreeMap<String, usize> = BTreeMap::new();
        let kinds = state.resources.iter().map(|r| &r.address.kind);
        for kind in kinds.chain(state.unreadable.iter().map(|u| &u.kind)) {
            *read.entry(kind.to_string()).or_default() += 1;
        }
        assert_eq!(read, managed, "{}", item.path);
        assert_eq!(state.header.data_count, data_count, "{}", item.path);
        let total = state.resources.len() + state.unreadable.len() + state.header.data_count;
        assert_eq!(total, item.types.values().sum::<usize>(), "{}", item.path);
        states += 1;
        resources += state.resources.len();
        flat += state.unreadable.len();
        data += state.header.data_count;
    }
    println!("{states} states: {resources} resources, {flat} in the flat form, {data} data");
    assert!(states > 0);
}

#[test]
fn listed_states_of_version_3_are_refused_as_such() {
    let Some((folder, listed)) = inventory() else {
        return println!("{NOT_RUN}");
    };
    let old: Vec<&Listed> = listed.iter().filter(|i| i.kind == "tfstate-v3").collect();
    for item in &old {
        let error = load(&folder, &item.path).expect_err("version 3");
        assert_eq!(error.kind, StateErrorKind::OldVersion(3), "{}", item.path);
    }
    println!("{} states of version 3", old.len());
}

#[test]
fn listed_plans_are_not_taken_for_states() {
    let Some((folder, listed)) = inventory() else {
        return println!("{NOT_RUN}");
    };
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for item in listed.iter().filter(|i| !i.kind.starts_with("tfstate")) {
        if !folder.join(&item.path).exists() {
            *told.entry("listed, but not in the folder".into()).or_default() += 1;
            continue;
        }
        let error = load(&folder, &item.path).expect_err("not a state");
        match (item.kind.as_str(), item.encoding.as_str()) {
            (_, "utf-16") => assert_eq!(error.kind, StateErrorKind::Utf16, "{}", item.path),
            ("show-state", _) => assert_eq!(error.kind, StateErrorKind::ShowJson, "{}", item.path),
            _ => assert_eq!(error.kind, StateErrorKind::PlanJson, "{}", item.path),
        }
        *told.entry(format!("{:?}", error.kind)).or_default() += 1;
    }
    println!("{told:?}");
    assert!(!told.is_empty());
}
