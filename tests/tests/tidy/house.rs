//! The checkout as a list of files, and its crates as their manifests tell.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are not ours or not source: built, fetched or written by a run.
const NOT_OURS: &[&str] =
    &[".git", ".lab", ".terraform", "__pycache__", "node_modules", "target", "venv"];

pub struct File {
    /// From the root of the checkout, with `/`.
    pub path: String,
    pub text: String,
}

pub struct Crate {
    pub name: String,
    /// From the root of the checkout.
    pub folder: String,
    manifest: toml::Table,
}

impl Crate {
    /// Names as the registry has them, sorted.
    pub fn uses(&self, section: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut add = |table: Option<&toml::Value>| {
            for (name, entry) in table.and_then(toml::Value::as_table).into_iter().flatten() {
                let renamed = entry.get("package").and_then(toml::Value::as_str);
                names.insert(renamed.unwrap_or(name).to_owned());
            }
        };
        add(self.manifest.get(section));
        let targets = self.manifest.get("target").and_then(toml::Value::as_table);
        for (_, target) in targets.into_iter().flatten() {
            add(target.get(section));
        }
        names
    }

    pub fn is_cloud(&self, role: &str) -> bool {
        self.name.strip_prefix(role).is_some_and(|rest| rest.starts_with('-'))
    }
}

pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the crate lies in the checkout").to_path_buf()
}

/// Every crate of the workspace, sorted by folder.
pub fn crates() -> Vec<Crate> {
    let mut folders: Vec<String> = ["benches", "tests", "xtask"].map(str::to_owned).into();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        folders.push(format!("crates/{name}"));
    }
    folders.sort();
    let crates: Vec<Crate> = folders
        .into_iter()
        .filter(|folder| root().join(folder).join("Cargo.toml").exists())
        .map(|folder| {
            let manifest: toml::Table = read(&format!("{folder}/Cargo.toml")).parse().unwrap();
            let name = manifest["package"]["name"].as_str().unwrap().to_owned();
            Crate { name, folder, manifest }
        })
        .collect();
    assert!(crates.len() > 15, "the crates were not found");
    crates
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The paths of all files of ours below a folder (`""` is the root), sorted.
pub fn paths(below: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root().join(below), &mut found);
    let root = root();
    let mut paths: Vec<String> = found
        .iter()
        .map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"))
        .collect();
    paths.sort();
    paths
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) && !name.starts_with("target-") {
            walk(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

/// All files below a folder whose name ends so.
pub fn files(below: &str, ending: &str) -> Vec<File> {
    let paths = paths(below).into_iter().filter(|path| path.ends_with(ending));
    // A file may go away between listing and reading where somebody is at work.
    paths
        .filter_map(|path| {
            fs::read_to_string(root().join(&path)).ok().map(|text| File { path, text })
        })
        .collect()
}

/// Fails with a list, one line each.
#[track_caller]
pub fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// A list of exceptions is sorted, gives reasons and holds nothing that is not needed.
#[track_caller]
pub fn exceptions_are_needed(exceptions: &[(&str, &str)], needed: &BTreeSet<String>) {
    assert!(exceptions.is_sorted_by_key(|(name, _)| *name), "exceptions are sorted by name");
    for (name, reason) in exceptions {
        assert!(reason.len() > 10, "{name}: an exception has a reason");
        assert!(needed.contains(*name), "{name}: this exception is no longer needed");
    }
}
