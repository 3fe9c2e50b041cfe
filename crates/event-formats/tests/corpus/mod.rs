//! The collections of records that nobody here wrote, read record by record: each becomes
//! events that have lost nothing and are valid in both versions of OCSF, or is refused with a
//! reason. What comes of it is the table of docs/formats.md.

use crate::leaves::leaves;
use crate::sample::golden;
use event_formats::{FORMATS, read, to_ocsf};
use model::Event;
use ocsf::Version;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Folders and files of the collection, each with the least number of events that must come
/// out of it.
pub const SETS: &[(&str, usize)] = &[
    ("attack-stratus/docs", 100),
    ("attack-invictus/CloudTrail", 1000),
    ("attack-traildiscover/docs", 300),
    ("attack-otrf/datasets", 0),
    ("raw-opensearch-catalog/integrations", 2),
    ("raw-opensearch-catalog/docs", 0),
    ("findings-custodian/tests", 18),
    ("findings-gcp-scc/cloudfunctions", 13),
    ("findings-gd-tester/lib", 0),
    ("panther-labelled/aws_cloudtrail_rules.jsonl", 200),
    ("panther-labelled/aws_eks_rules.jsonl", 7),
    ("panther-labelled/aws_guardduty_rules.jsonl", 2),
    ("panther-labelled/aws_securityfinding_rules.jsonl", 8),
    ("panther-labelled/aws_vpc_flow_rules.jsonl", 0),
    ("panther-labelled/aws_s3_rules.jsonl", 0),
    ("panther-labelled/aws_waf_rules.jsonl", 0),
    ("panther-labelled/aws_bedrockmodelinvocation_rules.jsonl", 0),
    ("panther-labelled/azure_activity_rules.jsonl", 120),
    ("panther-labelled/azure_signin_rules.jsonl", 27),
    ("panther-labelled/gcp_audit_rules.jsonl", 65),
    ("panther-labelled/gcp_k8s_rules.jsonl", 5),
    ("panther-labelled/gcp_http_lb_rules.jsonl", 0),
];

/// What came out of one set.
#[derive(Default)]
pub struct Tally {
    pub records: usize,
    pub events: usize,
    pub formats: BTreeMap<&'static str, usize>,
    pub classes: BTreeMap<u32, usize>,
    pub refused: BTreeMap<String, usize>,
    /// Every breach of a promise, in words: none is expected.
    pub wrong: Vec<String>,
}

pub fn folder() -> Option<PathBuf> {
    std::env::var_os("LAB_CORPORA").map(PathBuf::from)
}

pub fn tally(folder: &Path, set: &str) -> Tally {
    let mut paths = Vec::new();
    files(&folder.join(set), &mut paths);
    let mut tally = Tally::default();
    assert!(!paths.is_empty(), "{set} is empty");
    for path in &paths {
        let bytes = std::fs::read(path).expect("a file");
        match records_of(&bytes, set.starts_with("panther-")) {
            Some(records) => {
                for record in &records {
                    tally.add(record.to_string().as_bytes(), record);
                }
            }
            // Not JSON as a whole: lines, text, or broken somewhere.
            None => tally.add(&bytes, &Value::Null),
        }
    }
    tally
}

fn files(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_file() {
        return into.push(path.to_owned());
    }
    for entry in std::fs::read_dir(path).expect("a folder").flatten() {
        files(&entry.path(), into);
    }
    into.sort();
}

/// The records of a file, found without the reader under test.
fn records_of(bytes: &[u8], labelled: bool) -> Option<Vec<Value>> {
    if labelled {
        let lines = std::str::from_utf8(bytes).ok()?.lines();
        return lines
            .map(|line| Some(serde_json::from_str::<Value>(line).ok()?["event"].take()))
            .collect();
    }
    Some(match serde_json::from_slice(bytes).ok()? {
        Value::Array(list) => list,
        Value::Object(mut fields) => match fields.remove("Records") {
            Some(Value::Array(list)) => list,
            _ => vec![Value::Object(fields)],
        },
        other => vec![other],
    })
}

impl Tally {
    fn add(&mut self, bytes: &[u8], record: &Value) {
        let (events, rejected) = read(bytes, "corpus");
        if events.is_empty() && rejected.is_empty() {
            self.wrong.push(format!("neither an event nor a reason: {record:.200}"));
        }
        self.records += events.len() + rejected.len();
        self.events += events.len();
        let mut told = BTreeMap::new();
        for event in &events {
            let format = FORMATS.iter().find(|f| f.product() == event.product);
            *self.formats.entry(format.map_or("none", |f| f.name())).or_default() += 1;
            *self.classes.entry(event.class.uid()).or_default() += 1;
            let shaped = self.check(event);
            leaves(&shaped, &mut told);
        }
        if !events.is_empty() && rejected.is_empty() {
            let mut there = BTreeMap::new();
            leaves(record, &mut there);
            there.retain(|leaf, count| told.get(leaf).copied().unwrap_or(0) < *count);
            if !there.is_empty() {
                self.wrong.push(format!("lost {:?} of {record:.300}", there.keys()));
            }
        }
        for rejected in rejected {
            if rejected.reason.is_empty() {
                self.wrong.push("a refusal without a reason".to_owned());
            }
            *self.refused.entry(rejected.reason).or_default() += 1;
        }
    }

    fn check(&mut self, event: &Event) -> Value {
        let shaped = to_ocsf(event);
        let mut wrong: Vec<String> =
            ocsf::validate(&shaped, Version::V1_8_0).iter().map(ToString::to_string).collect();
        if let Err(violations) = ocsf::reshape(&shaped, Version::V1_1_0) {
            wrong.extend(violations.iter().map(|v| format!("as 1.1.0: {v}")));
        }
        if !wrong.is_empty() {
            self.wrong.push(format!("{wrong:?} in {shaped}"));
        }
        shaped
    }
}

/// docs/formats.md.
pub fn page(folder: &Path) -> String {
    let mut page = String::from(
        "# Log formats\n\n\
         The output of `LAB_CORPORA=... cargo run -p event-formats --example formats-table`; a test \
         holds it where the\ncollections lie. Any file, object or stream is recognised by its content.\n\n\
         | format | its events' product | OCSF classes of its sample |\n| --- | --- | --- |\n",
    );
    let tallies: Vec<(&str, Tally)> =
        SETS.iter().map(|(set, _)| (*set, tally(folder, set))).collect();
    let mut classes: BTreeMap<&str, BTreeMap<u32, usize>> = BTreeMap::new();
    for format in FORMATS {
        let own = classes.entry(format.name()).or_default();
        for event in golden(format.name()) {
            own.entry(event.class.uid()).or_default();
        }
    }
    for format in FORMATS {
        let own: Vec<String> = classes[format.name()].keys().map(u32::to_string).collect();
        let _ =
            writeln!(page, "| `{}` | {} | {} |", format.name(), format.product(), own.join(", "));
    }
    page.push_str(
        "\n## Records that nobody here wrote\n\n\
         Each is on its own: it becomes events that have lost no value of the record and are valid OCSF \
         1.8.0, and 1.1.0\nwhen re-shaped; or it is refused, and the reason is counted here.\n\n\
         | set | records | events | classes |\n| --- | ---: | ---: | --- |\n",
    );
    let (mut records, mut events) = (0, 0);
    for (set, tally) in &tallies {
        records += tally.records;
        events += tally.events;
        let classes: Vec<String> =
            tally.classes.iter().map(|(class, count)| format!("{class}: {count}")).collect();
        let _ = writeln!(
            page,
            "| {set} | {} | {} | {} |",
            tally.records,
            tally.events,
            classes.join(", ")
        );
    }
    let _ = writeln!(page, "| **all** | {records} | {events} | |");
    page.push_str("\n## Refused, and why\n\n| set | records | reason |\n| --- | ---: | --- |\n");
    for (set, tally) in &tallies {
        for (reason, count) in &tally.refused {
            let _ = writeln!(page, "| {set} | {count} | {} |", reason.replace('|', "\\|"));
        }
    }
    page
}
