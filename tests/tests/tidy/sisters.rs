//! Three clouds, the same rooms. What differs in shape without a reason is a question.

use crate::house::{crates, none, paths, read, root};
use std::collections::{BTreeMap, BTreeSet};

/// The rooms of a crate: files and folders of `src/`, one level deep, without `.rs`.
fn rooms(name: &str) -> BTreeSet<String> {
    let src = format!("crates/{name}/src/");
    let rooms = paths(&src).into_iter().filter_map(|path| {
        let rest = path.strip_prefix(&src)?;
        let room = rest.split('/').next()?.trim_end_matches(".rs");
        (!room.ends_with("_tests")).then(|| room.to_owned())
    });
    rooms.collect()
}

fn sisters(role: &str) -> BTreeMap<String, BTreeSet<String>> {
    let all = crates();
    let found: BTreeMap<_, _> =
        all.iter().filter(|c| c.is_cloud(role)).map(|c| (c.name.clone(), rooms(&c.name))).collect();
    assert!(found.len() >= 3, "{role}: {:?}", found.keys());
    found
}

/// Fails where a room is not in every sister and no reason stands for it, or where a reason
/// stands for nothing.
fn side_by_side(role: &str, reasons: &[(&str, &[&str], &str)]) {
    assert!(reasons.is_sorted_by_key(|(room, _, _)| *room));
    let sisters = sisters(role);
    let all: BTreeSet<&String> = sisters.values().flatten().collect();
    let mut found = Vec::new();
    for room in &all {
        let holders: Vec<&str> = sisters
            .iter()
            .filter(|(_, rooms)| rooms.contains(*room))
            .map(|(name, _)| &name[role.len() + 1..])
            .collect();
        let reason = reasons.iter().find(|(name, _, _)| name == room);
        println!("{role}  {room:<20} {}", holders.join(" "));
        match reason {
            None if holders.len() < sisters.len() => {
                found.push(format!("{room}: only in {}", holders.join(", ")));
            }
            Some((_, expected, _)) if holders != *expected => {
                found.push(format!("{room}: in {holders:?}, the list says {expected:?}"));
            }
            _ => {}
        }
    }
    for (room, _, reason) in reasons {
        assert!(reason.len() > 10, "{room}: a difference has a reason");
        if !all.iter().any(|r| r == room) {
            found.push(format!("{room}: listed, and no crate has it"));
        }
    }
    none(&format!("{role}-*: rooms that differ without a reason"), &found);
}

#[test]
fn providers_have_the_same_rooms() {
    side_by_side("provider", PROVIDERS);
}

#[test]
fn local_clouds_have_the_same_rooms() {
    side_by_side("local-cloud", LOCAL_CLOUDS);
}

/// Room, who has it, why not all.
const PROVIDERS: &[(&str, &[&str], &str)] = &[
    ("arm", &["azure"], "calls of Resource Manager, through the SDK's own pipeline"),
    ("bucket_shape", &["gcp"], "a bucket in both shapes, for its kind and for the calls"),
    ("credentials", &["azure", "gcp"], "chains that their SDKs have only in part; AWS's has all"),
    ("data_plane", &["azure"], "an account's key opens what Resource Manager does not show"),
    ("id", &["azure"], "resource ids are paths with a grammar of their own"),
    ("members", &["gcp"], "who stands in a grant; AWS has it in iam-policy"),
    ("policy", &["gcp"], "grants live in their bucket's policy, with ids of Terraform's making"),
    ("probe", &["aws"], "an object must be found first, by two kinds alike"),
    ("s3", &["aws"], "calls on one bucket, in the region where it lies"),
    ("settings", &["aws"], "options out of a caller's variables and a section of lab.toml"),
    ("shared_key", &["azure"], "the SDK does not sign with an account's key"),
    ("signed", &["aws"], "services without their SDK, over aws-protocol"),
    ("storage", &["gcp"], "calls on buckets and their IAM policies"),
    ("transport", &["azure"], "the SDK knows production hosts only: requests are rerouted"),
    ("wire", &["azure"], "Resource Manager's JSON, which the SDK leaves to its users"),
];
const LOCAL_CLOUDS: &[(&str, &[&str], &str)] = &[
    ("calls", &["gcp"], "three protocols (gRPC, JSON, XML) lead to the same calls"),
    (
        "condition",
        &["gcp"],
        "IAM conditions; those of AWS are in iam-policy, Azure's are not served",
    ),
    (
        "error",
        &["gcp"],
        "one error in three protocols; AWS has it from aws-protocol, Azure per face",
    ),
    ("face", &["azure"], "three services by host: sign-in, Resource Manager, blobs of an account"),
    ("identify", &["aws"], "signatures are verified by aws-protocol; here is only whose they are"),
    ("ids", &["azure"], "resource ids are paths with a grammar of their own"),
    ("keys", &["gcp"], "keys of service accounts sign for themselves"),
    ("log_filter", &["gcp"], "entries.list takes a filter language"),
    ("operation", &["aws"], "one row an operation of the tables of aws-protocol"),
    ("permissions", &["aws"], "policies of the callers; the other two have roles"),
    ("principal", &["aws"], "users, roles, sessions and services are one type with a chain"),
    ("roles", &["azure", "gcp"], "role definitions; AWS has policies"),
    ("signature", &["azure"], "SharedKey and SAS; those of AWS are in aws-protocol"),
    ("tokens", &["azure", "gcp"], "bearer tokens; AWS signs each request"),
];

/// A kind is one stem: code, knowledge, what the cloud answers, what we make of it.
#[test]
fn a_kind_is_four_files_and_one_line() {
    let mut found = Vec::new();
    for name in sisters("provider").into_keys() {
        let folder = format!("crates/{name}/src/kinds/");
        let mut stems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for path in paths(&folder) {
            let rest = path.strip_prefix(&folder).unwrap();
            if rest.contains('/') {
                continue;
            }
            let (stem, ending) = rest.split_once('.').unwrap();
            stems.entry(stem.to_owned()).or_default().insert(ending.to_owned());
        }
        let list = read(&format!("crates/{name}/src/kinds.rs"));
        // A module beside the kinds that several of them share has no facts of its own.
        stems.retain(|_, endings| !(endings.len() == 1 && endings.contains("rs")));
        assert!(!stems.is_empty(), "{name} has no kinds");
        for (stem, endings) in &stems {
            let has = |ending: &str| endings.contains(ending);
            let wire = endings.iter().any(|e| e.starts_with("wire."));
            if !(has("rs") && has("toml") && wire && has("resource.json")) {
                found.push(format!("{name}: kind {stem} has only {endings:?}"));
            }
            if !list.contains(&format!("&{stem}::")) {
                found.push(format!("{name}: KINDS has no line for {stem}"));
            }
        }
        // The lines of KINDS stand in order.
        let lines: Vec<usize> =
            stems.keys().filter_map(|s| list.find(&format!("&{s}::"))).collect();
        if !lines.is_sorted() {
            found.push(format!("{name}: KINDS is not sorted"));
        }
    }
    none("kinds", &found);
}

/// The list of formats and the folder agree (each crate also tests its own list).
#[test]
fn a_log_format_is_three_files_and_one_line() {
    let list = read("crates/event-formats/src/lib.rs");
    let mut stems = 0;
    for path in paths("crates/event-formats/src") {
        // A log that is text has a sample of text.
        let Some((stem, _)) = path.split_once(".raw.") else { continue };
        stems += 1;
        assert!(root().join(format!("{stem}.rs")).exists(), "{stem}.rs");
        assert!(root().join(format!("{stem}.event.json")).exists(), "{stem}.event.json");
        let module = stem.rsplit('/').next().unwrap();
        assert!(list.contains(&format!("&{module}::")), "FORMATS has no line for {module}");
    }
    assert!(stems >= 3);
}

#[test]
fn an_output_is_one_file_and_one_line() {
    let folder = "crates/report/src/formats/";
    let list = read("crates/report/src/formats.rs");
    let mut seen = Vec::new();
    for path in paths(folder) {
        let rest = path.strip_prefix(folder).unwrap();
        if let (Some(stem), false) = (rest.strip_suffix(".rs"), rest.contains('/')) {
            assert!(list.contains(&format!("{stem}::")), "FORMATS has no line for {stem}");
            seen.push(stem.to_owned());
        }
    }
    assert!(seen.len() >= 4 && seen.is_sorted());
}

#[test]
fn a_remedy_is_one_file_and_one_line() {
    let folder = "crates/auto-remediation/src/remedies/";
    let list = read("crates/auto-remediation/src/remedies.rs");
    let mut seen = 0;
    for path in paths(folder) {
        let stem = path.strip_prefix(folder).and_then(|p| p.strip_suffix(".rs")).unwrap();
        assert!(list.contains(&format!("&{stem}::")), "REMEDIES has no line for {stem}");
        let code = read(&path);
        assert!(code.contains("impl Remedy for "), "{path} holds no remedy");
        let guide = read("docs/remediation.md");
        assert!(
            guide.contains(&format!("| `{stem}` |")),
            "docs/remediation.md tells not of {stem}"
        );
        seen += 1;
    }
    assert!(seen >= 5, "the remedies were not found");
}
