//! The JSON report, field by field, against the schema that is published for it.

mod sample;
#[path = "sample/schema_check.rs"]
mod schema_check;

use model::Value;
use schema_check::{check, named};
use serde_json::Value as Json;
use std::collections::BTreeSet;

fn schema() -> Json {
    serde_json::from_str(include_str!("../schemas/v1/drift-report.json")).expect("a schema")
}

fn rendered(report: &model::report::DriftReport) -> String {
    let mut out = Vec::new();
    let json = report::format("json").expect("a known format");
    json.render(report, &sample::options(80), &mut out).expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_report_has_exactly_the_fields_of_the_schema() {
    let schema = schema();
    let json: Json = serde_json::from_str(&rendered(&sample::report())).unwrap();
    let (mut seen, mut all) = (BTreeSet::new(), BTreeSet::new());
    check(&schema, &schema, &json, "", &mut seen);
    named(&schema, &schema, "", &mut all);
    assert_eq!(seen, all);
}

#[test]
fn a_report_reads_back() {
    let mut report = sample::report();
    let read: model::report::DriftReport = serde_json::from_str(&rendered(&report)).unwrap();
    // What is sealed is null in JSON, and null when it is read.
    for change in report.findings.iter_mut().flat_map(|f| &mut f.attributes) {
        if change.sensitive {
            (change.desired, change.live) = (Value::Null, Value::Null);
        }
    }
    assert_eq!(read, report);
}

#[test]
fn a_sensitive_value_is_in_no_format() {
    let mut report = sample::report();
    let change = report.findings[0].attributes.iter_mut().find(|c| c.sensitive).unwrap();
    change.desired = "CANARY".into();
    change.live = "CANARY".into();
    change.summary = vec!["+ CANARY".into()];
    let mut options = sample::options(100);
    options.verbose = true;
    for format in report::FORMATS {
        let mut out = Vec::new();
        format.render(&report, &options, &mut out).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains("CANARY"), "{}", format.name());
    }
    let mut out = Vec::new();
    report::show(&report.findings[0], &report, &options, &mut out).unwrap();
    assert!(!String::from_utf8(out).unwrap().contains("CANARY"));
}
