//! `cargo xtask licences`: everything that is compiled comes from where deny.toml allows, under
//! a licence that it lists, and is none of the crates that it bans.
//!
//! Asked of `cargo tree` for this machine's platform, so that a crate which stands in
//! Cargo.lock and is never built does not count (`cargo metadata` resolves by the older rules
//! and would name some that are not).

mod expression;

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    name: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    /// A crate of the workspace has none.
    source: Option<String>,
}

pub fn run(arguments: &[String]) -> Result<String, String> {
    if !arguments.is_empty() {
        return Err("takes nothing".into());
    }
    let rules: Rules = read("deny.toml")?;
    let lock: Lock = read("Cargo.lock")?;
    let tree = cargo(&[
        "tree",
        "--locked",
        "--workspace",
        "--edges=normal,build,dev",
        "--prefix=none",
        "--format={p}|{l}",
    ])?;

    // `name v1.2.3 (proc-macro)|licence`, one line an edge.
    let built: BTreeSet<(&str, &str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
            let mut words = package.split(' ');
            Some((words.next()?, words.next()?.trim_start_matches('v'), licence.trim()))
        })
        .collect();
    let mut wrong = Vec::new();
    let mut by_licence: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, version, licence) in built {
        let locked = lock.package.iter().find(|p| p.name == name && p.version == version);
        let locked = locked.ok_or(format!("{name} {version} is not in Cargo.lock"))?;
        let Some(source) = &locked.source else { continue };
        wrong.extend(examine(name, version, licence, source, &rules));
        *by_licence.entry(licence).or_default() += 1;
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    let crates: usize = by_licence.values().sum();
    if crates == 0 {
        return Err("no dependency was found, which cannot be".into());
    }
    Ok(format!("{crates} crates, {} licence expressions, all allowed", by_licence.len()))
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, String> {
    let path = super::root().join(name);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

fn examine(name: &str, version: &str, licence: &str, source: &str, rules: &Rules) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == name) {
        wrong.push(format!("{name} {version} is banned: {}", ban.reason));
    }
    let known = rules.sources.allow_registry.iter().any(|registry| source.ends_with(registry));
    if !known {
        wrong.push(format!("{name} {version} comes from {source}"));
    }
    if licence.is_empty() {
        wrong.push(format!("{name} {version} names no licence"));
        return wrong;
    }
    match expression::allows(licence, &rules.licenses.allow) {
        Err(why) => wrong.push(format!("{name} {version}: {why}")),
        Ok(false) => {
            wrong.push(format!("{name} {version}: {licence} is not allowed by deny.toml"));
        }
        Ok(true) => {}
    }
    wrong
}

fn cargo(arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let command = &mut Command::new(cargo);
    let out = command
        .args(arguments)
        .current_dir(super::root())
        .output()
        .map_err(|e| format!("cargo: {e}"))?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).trim().to_owned());
    }
    String::from_utf8(out.stdout).map_err(|e| e.to_string())
}
