//! The JSON protocol (CloudTrail): one JSON object each way, the operation in `X-Amz-Target`, times as seconds.

use super::{Response, scalar};
use crate::error::ServiceError;
use crate::table::{Kind, Member, Operation, Service, Shape};
use crate::timestamp;
use crate::validate::json_type;
use serde_json::{Map, Value};

pub(super) fn decode_input(operation: Operation, body: &[u8]) -> Result<Value, ServiceError> {
    let malformed = |what: String| ServiceError::new("SerializationException", what, 400);
    let empty = body.iter().all(u8::is_ascii_whitespace);
    let read = if empty { Ok(Value::Object(Map::new())) } else { serde_json::from_slice(body) };
    let value: Value = read.map_err(|e| malformed(e.to_string()))?;
    if !value.is_object() {
        return Err(malformed(format!("an object expected, {} found", json_type(&value))));
    }
    match operation.input() {
        Some(shape) => read_structure(operation.service, shape, value).map_err(malformed),
        None => Ok(Value::Object(Map::new())),
    }
}

/// The output of an operation out of a response body. The error says what cannot be read.
pub(super) fn decode_output(operation: Operation, body: &[u8]) -> Result<Value, String> {
    let Some(shape) = operation.output() else { return Ok(Value::Object(Map::new())) };
    let value: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    read_structure(operation.service, shape, value)
}

/// From the wire to our tree: members by their names, times as ISO text; null is absent, unknown members are ignored.
fn read_structure(service: &Service, shape: &Shape, value: Value) -> Result<Value, String> {
    let mut given = match value {
        Value::Object(given) => given,
        other => return Err(format!("an object expected, {} found", json_type(&other))),
    };
    let mut members = Map::new();
    for (name, member) in &shape.members {
        match given.remove(member.wire_name(name)) {
            None | Some(Value::Null) => {}
            Some(value) => {
                let value = read(service, service.shape(&member.shape), value)
                    .map_err(|what| format!("{name}: {what}"))?;
                members.insert(name.clone(), value);
            }
        }
    }
    Ok(Value::Object(members))
}

fn read(service: &Service, shape: &Shape, value: Value) -> Result<Value, String> {
    match (shape.kind, value) {
        (Kind::Structure, value) => read_structure(service, shape, value),
        (Kind::List, Value::Array(items)) => {
            let Some(member) = &shape.member else { return Ok(Value::Array(Vec::new())) };
            let element = service.shape(&member.shape);
            let items = items.into_iter().filter(|item| !item.is_null());
            items
                .map(|item| read(service, element, item))
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        (Kind::Map, Value::Object(entries)) => {
            let Some(member) = &shape.value else { return Ok(Value::Object(Map::new())) };
            let element = service.shape(&member.shape);
            let entries = entries.into_iter().filter(|(_, value)| !value.is_null());
            entries
                .map(|(key, value)| Ok((key, read(service, element, value)?)))
                .collect::<Result<_, String>>()
                .map(Value::Object)
        }
        (Kind::String, value @ Value::String(_)) | (Kind::Boolean, value @ Value::Bool(_)) => {
            Ok(value)
        }
        (Kind::Integer, Value::Number(number))
            if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) =>
        {
            Ok(Value::Number(number))
        }
        (Kind::Long, Value::Number(number)) if number.is_i64() => Ok(Value::Number(number)),
        (Kind::Float | Kind::Double, value @ Value::Number(_)) => Ok(value),
        (Kind::Timestamp, Value::Number(number)) => number
            .as_f64()
            .and_then(timestamp::from_epoch)
            .map(|time| Value::from(timestamp::iso(time)))
            .ok_or_else(|| format!("{number} is not a time")),
        (Kind::Timestamp | Kind::Blob, Value::String(text)) => {
            scalar::from_text(shape, &text).ok_or_else(|| format!("{:?} expected", shape.kind))
        }
        (kind, value) => Err(format!("{kind:?} expected, {} found", json_type(&value))),
    }
}

/// The input of an operation as a body. The tree conforms to its shape.
pub(super) fn encode_input(operation: Operation, input: &Value) -> Vec<u8> {
    match operation.input() {
        Some(shape) => write_structure(operation.service, shape, input).to_string().into_bytes(),
        None => b"{}".to_vec(),
    }
}

pub(super) fn encode_output(operation: Operation, output: &Value, request_id: &str) -> Response {
    let body = match operation.output() {
        Some(shape) => write_structure(operation.service, shape, output).to_string().into_bytes(),
        None => Vec::new(),
    };
    Response::json(operation.service, 200, request_id, body)
}

pub(super) fn encode_error(service: &Service, error: &ServiceError, request_id: &str) -> Response {
    let body = serde_json::json!({ "__type": error.code, "message": error.message });
    Response::json(service, error.status, request_id, body.to_string().into_bytes())
}

/// Code and message of an error body; the code may be qualified (`com.amazon#Code`, `Code:http://...`).
pub(super) fn decode_error(header: Option<&str>, body: &[u8]) -> Option<(String, String)> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = header.or_else(|| body["__type"].as_str()).or_else(|| body["code"].as_str())?;
    let code = code.split(':').next().unwrap_or(code);
    let code = code.rsplit('#').next().unwrap_or(code);
    let message = body["message"].as_str().or_else(|| body["Message"].as_str()).unwrap_or_default();
    Some((code.to_owned(), message.to_owned()))
}

fn write_structure(service: &Service, shape: &Shape, value: &Value) -> Value {
    let members = value.as_object().into_iter().flatten();
    let members = members.filter_map(|(name, value)| {
        let member = shape.members.get(name)?;
        Some((member.wire_name(name).to_owned(), write_member(service, member, value)))
    });
    Value::Object(members.collect())
}

fn write_member(service: &Service, member: &Member, value: &Value) -> Value {
    let shape = service.shape(&member.shape);
    match (shape.kind, value) {
        (Kind::Structure, _) => write_structure(service, shape, value),
        (Kind::List, Value::Array(items)) => match &shape.member {
            Some(element) => {
                items.iter().map(|item| write_member(service, element, item)).collect()
            }
            None => Value::Array(Vec::new()),
        },
        (Kind::Map, Value::Object(entries)) => match &shape.value {
            Some(element) => entries
                .iter()
                .map(|(key, value)| (key.clone(), write_member(service, element, value)))
                .collect(),
            None => Value::Object(Map::new()),
        },
        (Kind::Timestamp, Value::String(text)) => {
            timestamp::parse(text).map_or(Value::Null, timestamp::epoch)
        }
        _ => value.clone(),
    }
}
