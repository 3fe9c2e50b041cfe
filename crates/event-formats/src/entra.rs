//! What Entra's two logs have alike: a diagnostic setting's envelope whose names some
//! pipelines write in lower case, or the bare object that Microsoft Graph answers.

use crate::record::Record;
use serde_json::{Map, Value};

/// A member by its name, whatever its letters.
pub(crate) fn member<'f>(fields: &'f Map<String, Value>, name: &str) -> Option<&'f Value> {
    fields.get(name).or_else(|| {
        fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

/// The own spelling of a member of the envelope.
pub(crate) fn key(record: &Record, name: &str) -> String {
    record
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .map_or_else(|| name.to_owned(), str::to_owned)
}

/// Where the log's own fields lie.
pub(crate) fn base(record: &Record) -> &'static [&'static str] {
    match record.get(&["properties"]) {
        Some(Value::Object(_)) => &["properties"],
        _ => &[],
    }
}

/// A text among the log's own fields.
pub(crate) fn own<'r>(record: &'r Record, path: &[&str]) -> Option<&'r str> {
    record.text(&[base(record), path].concat())
}

pub(crate) fn is_directory(fields: &Map<String, Value>) -> bool {
    let id = member(fields, "resourceId").and_then(Value::as_str).unwrap_or_default();
    id.to_ascii_lowercase().contains("microsoft.aadiam")
}
