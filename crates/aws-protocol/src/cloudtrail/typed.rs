//! Trees of the typed services (Query and JSON): member names with the first letter lowered, times in Java's medium
//! form, blobs and secrets left out or hidden.

use crate::table::{Kind, Operation, SensitiveStyle, Service, Shape};
use crate::timestamp;
use crate::validate::lower_first;
use serde_json::{Map, Value};

/// `requestParameters`; `None` (null) where nothing was given.
pub(super) fn request(operation: Operation, input: &Value) -> Option<Value> {
    non_empty(structure(operation.service, operation.input()?, input))
}

/// `responseElements`: the output without its `<XResult>` wrapper; `None` (null) where it is empty.
pub(super) fn response(operation: Operation, output: &Value) -> Option<Value> {
    non_empty(structure(operation.service, operation.output()?, output))
}

fn non_empty(members: Map<String, Value>) -> Option<Value> {
    (!members.is_empty()).then_some(Value::Object(members))
}

fn structure(service: &Service, shape: &Shape, value: &Value) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        if let Some(member) = shape.members.get(name)
            && let Some(value) = project(service, service.shape(&member.shape), value)
        {
            members.insert(lower_first(name), value);
        }
    }
    members
}

fn project(service: &Service, shape: &Shape, value: &Value) -> Option<Value> {
    if shape.sensitive {
        return match service.facts.sensitive {
            SensitiveStyle::Drop => None,
            SensitiveStyle::Hide => Some("HIDDEN_DUE_TO_SECURITY_REASONS".into()),
            SensitiveStyle::Remove => Some("<sensitiveDataRemoved>".into()),
        };
    }
    match (shape.kind, value) {
        (Kind::Blob, _) => None,
        (Kind::Structure, _) => Some(Value::Object(structure(service, shape, value))),
        (Kind::List, Value::Array(items)) => {
            let element = service.shape(&shape.member.as_ref()?.shape);
            Some(items.iter().filter_map(|item| project(service, element, item)).collect())
        }
        (Kind::Map, Value::Object(entries)) => {
            let element = service.shape(&shape.value.as_ref()?.shape);
            let entries = entries.iter();
            Some(
                entries
                    .filter_map(|(key, value)| {
                        Some((key.clone(), project(service, element, value)?))
                    })
                    .collect(),
            )
        }
        (Kind::Timestamp, Value::String(text)) => {
            Some(timestamp::java_medium(timestamp::parse(text)?).into())
        }
        _ => Some(value.clone()),
    }
}
