//! Small steps between Resource Manager's JSON and Terraform's values.

use crate::id;
use model::{Attributes, Value};
use serde_json::{Map, Value as Json, json};

pub(crate) fn text<'a>(json: &'a Json, path: &str) -> Option<&'a str> {
    json.pointer(path).and_then(Json::as_str).filter(|s| !s.is_empty())
}

pub(crate) fn flag(json: &Json, path: &str) -> Option<bool> {
    json.pointer(path).and_then(Json::as_bool)
}

pub(crate) fn items<'a>(json: &'a Json, path: &str) -> impl Iterator<Item = &'a Json> {
    json.pointer(path).and_then(Json::as_array).into_iter().flatten()
}

/// A text attribute of a block, or of a resource.
pub(crate) fn wanted_text<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.get(name).and_then(Value::as_str).filter(|s| !s.is_empty())
}

/// Terraform's map of texts; absent on the wire is an empty map in a state.
pub(crate) fn text_map(json: Option<&Json>) -> Value {
    let map = json.and_then(Json::as_object);
    let pairs = map.into_iter().flatten().filter_map(|(name, value)| {
        let text = value.as_str()?;
        Some((name.clone(), Value::from(text)))
    });
    Value::Map(pairs.collect())
}

pub(crate) fn json_map(value: Option<&Value>) -> Json {
    match value.map(Value::to_json) {
        Some(Json::Object(map)) => Json::Object(map),
        _ => json!({}),
    }
}

pub(crate) fn location(json: &Json) -> String {
    text(json, "/location").map(id::normal_location).unwrap_or_default()
}

/// A block of Terraform's list-of-one form.
pub(crate) fn block<const N: usize>(attributes: [(&str, Value); N]) -> Value {
    let map = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Value::List(vec![Value::Map(map)])
}

/// The one element of such a block.
pub(crate) fn first_block(value: Option<&Value>) -> Option<&Attributes> {
    value.and_then(Value::as_list).and_then(<[Value]>::first).and_then(Value::as_map)
}

/// The members of a request's body that were sent: what is null was not said.
pub(crate) fn said<'a>(body: &'a Json, path: &str) -> Option<&'a Map<String, Json>> {
    if path.is_empty() {
        return body.as_object();
    }
    body.pointer(path).and_then(Json::as_object)
}
