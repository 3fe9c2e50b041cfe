//! Who may depend on whom. ARCHITECTURE.md lists the arrows; the manifests agree with it.

use crate::house::{Crate, crates, none, read};
use std::collections::{BTreeMap, BTreeSet};

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The fenced blocks under `## Arrows`: a line is `crate -> what it may use`.
fn blocks() -> Vec<Arrows> {
    let text = read("ARCHITECTURE.md");
    let section = text.split("\n## ").find(|s| s.starts_with("Arrows\n")).expect("## Arrows");
    let blocks: Vec<Arrows> = section
        .split("```")
        .skip(1)
        .step_by(2)
        .map(|block| {
            let rows = block.lines().filter_map(|line| line.split_once("->"));
            rows.map(|(from, to)| {
                (from.trim().to_owned(), to.split_whitespace().map(str::to_owned).collect())
            })
            .collect()
        })
        .collect();
    assert_eq!(blocks.len(), 2, "one block of arrows, one of those that only tests draw");
    blocks
}

fn drawn(section: &str) -> Arrows {
    let all = crates();
    let ours: BTreeSet<String> = all.iter().map(|c| c.name.clone()).collect();
    all.iter()
        .map(|c| (c.name.clone(), c.uses(section).intersection(&ours).cloned().collect()))
        .collect()
}

fn differences(written: &Arrows, drawn: &Arrows) -> Vec<String> {
    let nothing = BTreeSet::new();
    let names: BTreeSet<&String> = written.keys().chain(drawn.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        let (in_page, in_code) =
            (written.get(name).unwrap_or(&nothing), drawn.get(name).unwrap_or(&nothing));
        for to in in_code.difference(in_page) {
            found.push(format!("{name} -> {to}: in Cargo.toml, not in ARCHITECTURE.md"));
        }
        for to in in_page.difference(in_code) {
            found.push(format!("{name} -> {to}: in ARCHITECTURE.md, not in Cargo.toml"));
        }
    }
    found
}

#[test]
fn the_arrows_are_those_of_the_page() {
    let [written, in_tests] = <[Arrows; 2]>::try_from(blocks()).unwrap();
    let drawn_ones = drawn("dependencies");
    let on_page: Vec<_> = written.keys().collect();
    assert_eq!(on_page, drawn_ones.keys().collect::<Vec<_>>(), "a line for every crate");
    none("arrows", &differences(&written, &drawn_ones));
    let mut only_tests = drawn("dev-dependencies");
    for (name, to) in &mut only_tests {
        // A crate's tests may switch on its own features by depending on it.
        to.retain(|to| to != name && !drawn_ones[name].contains(to));
    }
    only_tests.retain(|_, to| !to.is_empty());
    none("arrows of tests", &differences(&in_tests, &only_tests));
}

/// Each line of the page uses only crates of earlier lines, so that no arrow points up.
#[test]
fn arrows_go_down() {
    let text = read("ARCHITECTURE.md");
    let section = text.split("\n## ").find(|s| s.starts_with("Arrows\n")).unwrap();
    let block = section.split("```").nth(1).unwrap();
    let mut above = BTreeSet::new();
    let mut seen = 0;
    for (from, to) in block.lines().filter_map(|line| line.split_once("->")) {
        for to in to.split_whitespace() {
            assert!(above.contains(to), "{} -> {to} points up", from.trim());
            seen += 1;
        }
        above.insert(from.trim().to_owned());
    }
    assert!(seen > 20);
}

/// What a cloud's own client libraries and protocol servers are called in the registry.
const SDKS: &[(&str, &[&str])] = &[
    ("aws-config", &["provider-aws"]),
    ("aws-credential-types", &["provider-aws", "aws-protocol", "local-cloud-aws"]),
    ("aws-sdk-", &["provider-aws"]),
    ("aws-sigv4", &["provider-aws", "aws-protocol"]),
    ("aws-smithy-", &["provider-aws"]),
    ("aws-types", &["provider-aws"]),
    ("azure_", &["provider-azure"]),
    ("google-cloud-", &["provider-gcp"]),
    ("googleapis-", &["local-cloud-gcp"]),
    ("prost", &["local-cloud-gcp"]),
    ("s3s", &["local-cloud-aws"]),
    ("tonic", &["local-cloud-gcp"]),
];

#[test]
fn an_sdk_stays_in_its_room() {
    let mut found = Vec::new();
    let mut met = BTreeSet::new();
    for c in crates() {
        for used in c.uses("dependencies").union(&c.uses("dev-dependencies")) {
            for (prefix, rooms) in SDKS.iter().filter(|(prefix, _)| used.starts_with(prefix)) {
                met.insert(*prefix);
                if !rooms.contains(&c.name.as_str()) {
                    found.push(format!("{} uses {used}, which belongs to {rooms:?}", c.name));
                }
            }
        }
    }
    none("SDKs outside their rooms", &found);
    let all: BTreeSet<_> = SDKS.iter().map(|(prefix, _)| *prefix).collect();
    assert_eq!(met, all, "a row of SDKS that nobody uses says nothing");
}

/// Crates that think and do not touch the world.
const PURE: &[&str] = &[
    "aws-protocol",
    "drift-detector",
    "event-formats",
    "iam-policy",
    "model",
    "ocsf",
    "report",
    "terraform-io",
];
const WORLD: &[&str] =
    &["async-trait", "axum", "futures", "hyper", "hyper-util", "reqwest", "tokio", "tower"];

#[test]
fn pure_crates_have_no_runtime_and_no_network() {
    let mut found = Vec::new();
    let all = crates();
    for name in PURE {
        let c = all.iter().find(|c| c.name == *name).expect("a pure crate exists");
        let uses = c.uses("dependencies");
        let world = uses.iter().filter(|used| WORLD.contains(&used.as_str()));
        found.extend(world.map(|used| format!("{name} uses {used}")));
    }
    none("pure crates that are not", &found);
}

#[test]
fn each_outside_power_has_one_kind_of_room() {
    let may = |c: &Crate, power: &str| match power {
        "clap" => c.name == "lab",
        "reqwest" => c.is_cloud("provider"),
        "hyper" => c.name == "local-cloud" || c.is_cloud("local-cloud"),
        "tokio-rustls" | "rcgen" => c.name == "local-cloud",
        _ => unreachable!("{power}"),
    };
    let mut found = Vec::new();
    for c in crates() {
        for power in ["clap", "reqwest", "hyper", "tokio-rustls", "rcgen"] {
            if c.uses("dependencies").contains(power) && !may(&c, power) {
                found.push(format!("{} uses {power}", c.name));
            }
        }
    }
    none("powers outside their rooms", &found);
}

/// `model` has serde and hashes and nothing else worth a name.
#[test]
fn model_needs_next_to_nothing() {
    let all = crates();
    let model = all.iter().find(|c| c.name == "model").unwrap();
    let uses: Vec<String> = model.uses("dependencies").into_iter().collect();
    assert_eq!(uses, ["hex", "serde", "serde_json", "sha2", "time"]);
}

/// One feature set a dependency: features are spelled in the root manifest and nowhere else.
#[test]
fn versions_and_features_stand_in_the_root_manifest() {
    let mut found = Vec::new();
    for c in crates() {
        let text = read(&format!("{}/Cargo.toml", c.folder));
        let manifest: toml::Table = text.parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let table = manifest.get(section).and_then(toml::Value::as_table);
            for (name, entry) in table.into_iter().flatten() {
                // A crate of ours may be asked for a part that its neighbours do without.
                let ours = crates().iter().any(|c| c.name == *name);
                let inherited = entry.get("workspace").is_some();
                if !inherited || (entry.get("features").is_some() && !ours) {
                    found.push(format!("{}: {section}.{name}", c.folder));
                }
            }
        }
    }
    none("dependencies that do not follow the root manifest", &found);
}
