//! Records that nobody here wrote: each maps to an event that has lost nothing and is valid
//! OCSF, or is refused with a reason. `LAB_CORPORA` names the folder; without it nothing runs.

mod ocsf_schema;

use event_formats::{read, read_records, to_ocsf};
use ocsf_schema::Schema;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const NOT_RUN: &str = "not run: LAB_CORPORA is not set";

fn folder() -> Option<PathBuf> {
    std::env::var_os("LAB_CORPORA").map(PathBuf::from)
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(path);
        }
    }
    into.sort();
}

#[derive(Default)]
struct Tally {
    records: usize,
    events: usize,
    reasons: BTreeMap<String, usize>,
}

impl Tally {
    /// Each record on its own, so that the counts can be checked.
    fn add(&mut self, records: &[Value], schema: &Schema) {
        for record in records {
            let text = record.to_string();
            let (events, rejected) = read_records([&text], None, "corpus");
            assert_eq!(events.len() + rejected.len(), 1, "{text:.200}");
            self.records += 1;
            self.events += events.len();
            for event in &events {
                let lost = missing_leaves(record, &serde_json::to_value(event).expect("JSON"));
                assert!(lost.is_empty(), "{lost:?} of {text:.400}");
                let ocsf = to_ocsf(event);
                let wrong = schema.violations(&ocsf);
                assert!(wrong.is_empty(), "{wrong:?} in {ocsf}");
            }
            for r in rejected {
                assert!(!r.reason.is_empty());
                *self.reasons.entry(r.reason).or_default() += 1;
            }
        }
    }

    fn told(&self, name: &str) -> String {
        let mut text = format!("{name}: {} records = {} events", self.records, self.events);
        for (reason, count) in &self.reasons {
            text += &format!("\n    {count} refused: {reason}");
        }
        text
    }
}

fn leaves(value: &Value, into: &mut BTreeMap<String, usize>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| leaves(v, into)),
        Value::Object(fields) => fields.values().for_each(|v| leaves(v, into)),
        Value::Null => {}
        scalar => *into.entry(scalar.to_string()).or_default() += 1,
    }
}

fn missing_leaves(raw: &Value, event: &Value) -> Vec<String> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    leaves(raw, &mut before);
    leaves(event, &mut after);
    before.retain(|leaf, count| after.get(leaf).copied().unwrap_or(0) < *count);
    before.into_keys().collect()
}

/// The records of a file, found without the reader under test; none if it is not JSON.
fn records_of(bytes: &[u8]) -> Option<Vec<Value>> {
    Some(match serde_json::from_slice(bytes).ok()? {
        Value::Array(list) => list,
        Value::Object(mut fields) => match fields.remove("Records") {
            Some(Value::Array(list)) => list,
            _ => vec![Value::Object(fields)],
        },
        _ => Vec::new(),
    })
}

#[test]
fn cloudtrail_files() {
    let Some(folder) = folder() else { return println!("{NOT_RUN}") };
    let schema = Schema::load(&folder.join("ocsf-schema/ocsf-1.8.0.json"));
    for (set, least) in [
        ("attack-stratus/docs", 100),
        ("attack-invictus/CloudTrail", 1000),
        ("attack-traildiscover/docs", 300),
        ("raw-opensearch-catalog/integrations/observability/aws_cloudtrail", 2),
    ] {
        let mut paths = Vec::new();
        files(&folder.join(set), &mut paths);
        let mut tally = Tally::default();
        for path in &paths {
            let bytes = std::fs::read(path).expect("a file");
            let (events, rejected) = read(&bytes, "whole");
            let Some(records) = records_of(&bytes) else {
                let why = rejected.last().expect("what is not JSON is refused");
                println!("{}: {} events; {why:?}", path.display(), events.len());
                tally.events += events.len();
                continue;
            };
            tally.add(&records, &schema);
            let none_known = events.is_empty() && rejected.len() == 1;
            assert!(none_known || events.len() + rejected.len() == records.len(), "{path:?}");
        }
        println!("{}", tally.told(set));
        assert!(tally.events >= least, "{set}: {} events", tally.events);
    }
}

#[test]
fn labelled_events_of_azure_and_google() {
    let Some(folder) = folder() else { return println!("{NOT_RUN}") };
    let schema = Schema::load(&folder.join("ocsf-schema/ocsf-1.8.0.json"));
    for (file, least) in [
        ("azure_activity_rules", 120),
        ("azure_signin_rules", 0),
        ("gcp_audit_rules", 65),
        ("gcp_k8s_rules", 5),
        ("aws_cloudtrail_rules", 200),
        ("okta_rules", 0),
    ] {
        let path = folder.join(format!("panther-labelled/{file}.jsonl"));
        let text = std::fs::read_to_string(path).expect("a file");
        let records: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["event"].take())
            .collect();
        let mut tally = Tally::default();
        tally.add(&records, &schema);
        println!("{}", tally.told(file));
        assert!(tally.events >= least, "{file}: {} events", tally.events);
    }
}

#[test]
fn golden_events_are_valid_ocsf() {
    let Some(folder) = folder() else { return println!("{NOT_RUN}") };
    let schema = Schema::load(&folder.join("ocsf-schema/ocsf-1.8.0.json"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for format in event_formats::FORMATS {
        let raw = std::fs::read(source.join(format!("{}.raw.json", format.name()))).expect("raw");
        for event in read(&raw, "golden").0 {
            assert_eq!(schema.violations(&to_ocsf(&event)), Vec::<String>::new());
        }
    }
}
