//! As much of JSON Schema as the published schemas use.

use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Checks what the schema uses of JSON Schema, and that no field is left unnamed by it.
/// `seen` gathers every field that occurred.
pub fn check(root: &Json, schema: &Json, value: &Json, path: &str, seen: &mut BTreeSet<String>) {
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
pub fn named(root: &Json, schema: &Json, path: &str, all: &mut BTreeSet<String>) {
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
