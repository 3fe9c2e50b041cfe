//! The JSON report, field by field, against the schema that is published for it.

mod sample;

use model::Value;
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

/// Checks what the schema uses of JSON Schema, and that no field is left unnamed by it.
/// `seen` gathers every field that occurred.
fn check(root: &Json, schema: &Json, value: &Json, path: &str, seen: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        let target = root.pointer(pointer).unwrap_or_else(|| panic!("no {reference}"));
        return check(root, target, value, path, seen);
    }
    if let Some(wanted) = schema.get("const") {
        assert_eq!(value, wanted, "{path}");
    }
    if let Some(one_of) = schema["enum"].as_array() {
        assert!(one_of.contains(value), "{path}: {value} is none of {one_of:?}");
    }
    let types: Vec<&str> = match &schema["type"] {
        Json::String(one) => vec![one],
        Json::Array(several) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    let kind = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(n) if n.is_u64() || n.is_i64() => "integer",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    assert!(types.is_empty() || types.contains(&kind), "{path}: {kind}, not {types:?}");
    if let (Json::Object(members), Some(named)) = (value, schema["properties"].as_object()) {
        for required in schema["required"].as_array().into_iter().flatten() {
            let name = required.as_str().expect("a name");
            assert!(members.contains_key(name), "{path}: {name} is missing");
        }
        for (name, member) in members {
            let inner = format!("{path}.{name}");
            let schema = named.get(name).unwrap_or_else(|| panic!("{inner} is not in the schema"));
            seen.insert(inner.clone());
            check(root, schema, member, &inner, seen);
        }
    }
    if let (Json::Array(items), Some(of)) = (value, schema.get("items")) {
        for item in items {
            check(root, of, item, &format!("{path}[]"), seen);
        }
    }
}

/// Every field that the schema names, as paths.
fn named(root: &Json, schema: &Json, path: &str, all: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        return named(root, target, path, all);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        named(root, inner, &path, all);
        all.insert(path);
    }
    if let Some(items) = schema.get("items") {
        named(root, items, &format!("{path}[]"), all);
    }
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
