//! What CloudTrail's records of S3 and IAM hold, read without trusting them.
//!
//! A record of S3 shows the XML of a request as JSON: one element of a name is an object,
//! several are an array, and texts that look like numbers or booleans have become ones.

use model::knowledge::{EventChange, EventEffect};
use model::{Attributes, Event, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;

const S3: &str = "s3.amazonaws.com";
const IAM: &str = "iam.amazonaws.com";

/// The bucket that a record of S3 names, with its operation.
pub(crate) fn s3(event: &Event) -> Option<(&str, &str)> {
    if event.cloud != crate::CLOUD || event.service != S3 {
        return None;
    }
    let bucket = event.request.get("bucketName")?.as_str().filter(|b| !b.is_empty())?;
    Some((event.operation.as_str(), bucket))
}

/// The operation of a record of IAM.
pub(crate) fn iam(event: &Event) -> Option<&str> {
    (event.cloud == crate::CLOUD && event.service == IAM).then_some(event.operation.as_str())
}

/// What a record did to what it names; a record that names nothing did nothing.
pub(crate) fn effect(native_id: &str, change: EventChange) -> Option<EventEffect> {
    (!native_id.is_empty()).then(|| EventEffect { native_id: native_id.to_owned(), change })
}

pub(crate) fn sets<const N: usize>(entries: [(&str, Value); N]) -> EventChange {
    EventChange::Sets(attributes(entries))
}

pub(crate) fn attributes<const N: usize>(entries: [(&str, Value); N]) -> Attributes {
    entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

/// One element or several, as a list.
pub(crate) fn several(json: Option<&Json>) -> Vec<&Json> {
    match json {
        Some(Json::Array(items)) => items.iter().collect(),
        Some(Json::Null) | None => Vec::new(),
        Some(one) => vec![one],
    }
}

/// The text that a value was before it was guessed to be something else. A number may have
/// lost leading zeros: then there is no telling.
pub(crate) fn text(json: Option<&Json>) -> Option<String> {
    match json? {
        Json::String(text) => Some(text.clone()),
        Json::Bool(b) => Some(b.to_string()),
        Json::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

pub(crate) fn boolean(json: Option<&Json>) -> Option<bool> {
    match json? {
        Json::Bool(b) => Some(*b),
        Json::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Pairs of key and value, under whichever names this record gives them.
pub(crate) fn tags(pairs: &[&Json], key: &str, value: &str) -> Option<BTreeMap<String, Value>> {
    pairs
        .iter()
        .map(|pair| Some((text(pair.get(key))?, Value::from(text(pair.get(value))?))))
        .collect()
}
