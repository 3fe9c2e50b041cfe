//! What a value is made of.

use serde_json::Value;
use std::collections::BTreeMap;

/// How often each scalar stands in a value, a number and its text being the same.
pub fn leaves(value: &Value, into: &mut BTreeMap<String, usize>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| leaves(v, into)),
        Value::Object(fields) => fields.values().for_each(|v| leaves(v, into)),
        Value::Null => {}
        Value::String(text) => *into.entry(text.clone()).or_default() += 1,
        scalar => *into.entry(scalar.to_string()).or_default() += 1,
    }
}
