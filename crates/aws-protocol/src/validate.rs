//! A value tree against its shape: what a service refuses in a request, in the words it uses, and what our own
//! callers got wrong.

use crate::error::ServiceError;
use crate::table::{Kind, Operation, Protocol, Service, Shape};
use crate::timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::fmt;

/// A tree that does not have its shape: a mistake of the program, not of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError {
    pub operation: String,
    pub path: String,
    pub what: String,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} at {}", self.operation, self.what, self.path)
    }
}

impl std::error::Error for ShapeError {}

/// Lists more than this many violations of one request; services cut theirs too.
const VIOLATIONS: usize = 20;

/// Refuses an input as the service would: required members, enumerations, lengths, ranges.
pub fn check_input(operation: Operation, input: &Value) -> Result<(), ServiceError> {
    let Some(shape) = operation.input() else { return Ok(()) };
    let service = operation.service;
    let mut found = Vec::new();
    constraints(service, shape, input, "", &mut found);
    let Some(first) = found.first() else { return Ok(()) };
    Err(match (service.facts.protocol, first) {
        (Protocol::Ec2, Violation { missing: Some(name), .. }) => ServiceError::new(
            "MissingParameter",
            format!("The request must contain the parameter {name}"),
            400,
        ),
        _ => {
            let plural = if found.len() == 1 { "error" } else { "errors" };
            let texts: Vec<&str> = found.iter().map(|violation| violation.text.as_str()).collect();
            service.validation(format!(
                "{} validation {plural} detected: {}",
                found.len(),
                texts.join("; ")
            ))
        }
    })
}

struct Violation {
    text: String,
    missing: Option<String>,
}

fn constraints(
    service: &Service,
    shape: &Shape,
    value: &Value,
    path: &str,
    found: &mut Vec<Violation>,
) {
    if found.len() >= VIOLATIONS {
        return;
    }
    let mut fail = |constraint: String| {
        let shown = match value {
            Value::String(text) if !shape.sensitive && text.len() <= 256 => {
                format!("Value '{text}'")
            }
            Value::Number(number) => format!("Value '{number}'"),
            _ => "Value".to_owned(),
        };
        let text = format!("{shown} at '{path}' failed to satisfy constraint: {constraint}");
        found.push(Violation { text, missing: None });
    };
    let length_or_value = match (shape.kind, value) {
        (Kind::String, Value::String(text)) => {
            if !shape.values.is_empty() && !shape.values.contains(text) {
                fail(format!("Member must satisfy enum value set: [{}]", shape.values.join(", ")));
            }
            if service.facts.protocol != Protocol::Json && !text.chars().all(legal_in_xml) {
                let pattern = r"[\u0009\u000A\u000D\u0020-\uD7FF\uE000-\uFFFD]*";
                fail(format!("Member must satisfy regular expression pattern: {pattern}"));
            }
            Some(("length", text.chars().count() as f64))
        }
        (Kind::List, Value::Array(items)) => Some(("length", items.len() as f64)),
        (Kind::Map, Value::Object(entries)) => Some(("length", entries.len() as f64)),
        (Kind::Integer | Kind::Long | Kind::Float | Kind::Double, Value::Number(number)) => {
            number.as_f64().map(|number| ("value", number))
        }
        _ => None,
    };
    if let Some((what, size)) = length_or_value {
        if let Some(min) = shape.min.filter(|min| size < *min) {
            fail(format!("Member must have {what} greater than or equal to {min}"));
        }
        if let Some(max) = shape.max.filter(|max| size > *max) {
            fail(format!("Member must have {what} less than or equal to {max}"));
        }
    }
    match (shape.kind, value) {
        (Kind::Structure, Value::Object(members)) => {
            for name in &shape.required {
                if !members.contains_key(name) {
                    let path = join(path, &lower_first(name));
                    found.push(Violation {
                        text: format!(
                            "Value null at '{path}' failed to satisfy constraint: Member must not be null"
                        ),
                        missing: Some(name.clone()),
                    });
                }
            }
            for (name, value) in members {
                if let Some(member) = shape.members.get(name) {
                    let path = join(path, &lower_first(name));
                    constraints(service, service.shape(&member.shape), value, &path, found);
                }
            }
        }
        (Kind::List, Value::Array(items)) => {
            if let Some(member) = &shape.member {
                let element = service.shape(&member.shape);
                for (at, item) in items.iter().enumerate() {
                    let path = format!("{path}.{}.member", at + 1);
                    constraints(service, element, item, &path, found);
                }
            }
        }
        (Kind::Map, Value::Object(entries)) => {
            if let Some(member) = &shape.value {
                let element = service.shape(&member.shape);
                for (key, item) in entries {
                    constraints(service, element, item, &join(path, key), found);
                }
            }
        }
        _ => {}
    }
}

/// Whether XML 1.0 can carry the character at all.
pub(crate) fn legal_in_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Holds our own trees to their shape before they are encoded: only modelled members, each of its type.
pub fn conforms(
    operation: Operation,
    shape: Option<&Shape>,
    value: &Value,
) -> Result<(), ShapeError> {
    let outcome = match shape {
        Some(shape) => conform(operation.service, shape, value, ""),
        None if value.is_null() || value.as_object().is_some_and(|members| members.is_empty()) => {
            Ok(())
        }
        None => Err(("(whole)".to_owned(), "a value where the model has none".to_owned())),
    };
    outcome.map_err(|(path, what)| ShapeError { operation: operation.name.to_owned(), path, what })
}

fn conform(
    service: &Service,
    shape: &Shape,
    value: &Value,
    path: &str,
) -> Result<(), (String, String)> {
    let wrong =
        |what: String| Err((if path.is_empty() { "(whole)" } else { path }.to_owned(), what));
    match (shape.kind, value) {
        (Kind::Structure, Value::Object(members)) => {
            for (name, value) in members {
                let Some(member) = shape.members.get(name) else {
                    return wrong(format!("the model has no member {name}"));
                };
                conform(service, service.shape(&member.shape), value, &join(path, name))?;
            }
            Ok(())
        }
        (Kind::List, Value::Array(items)) => {
            let Some(member) = &shape.member else {
                return wrong("a list without elements".into());
            };
            let element = service.shape(&member.shape);
            for (at, item) in items.iter().enumerate() {
                conform(service, element, item, &format!("{path}[{at}]"))?;
            }
            Ok(())
        }
        (Kind::Map, Value::Object(entries)) => {
            let Some(member) = &shape.value else { return wrong("a map without values".into()) };
            let element = service.shape(&member.shape);
            for (key, item) in entries {
                conform(service, element, item, &join(path, key))?;
            }
            Ok(())
        }
        (Kind::String, Value::String(_)) | (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Integer | Kind::Long, Value::Number(number)) if number.is_i64() => Ok(()),
        (Kind::Float | Kind::Double, Value::Number(_)) => Ok(()),
        (Kind::Timestamp, Value::String(text)) if timestamp::parse(text).is_some() => Ok(()),
        (Kind::Blob, Value::String(text)) if BASE64.decode(text).is_ok() => Ok(()),
        (kind, value) => wrong(format!("{kind:?} expected, {} found", json_type(value))),
    }
}

pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

pub(crate) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

pub(crate) fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
