//! Trees of EC2: operations of an API version up to 2015-03-01 in the old style (`vpcSet.items`), later ones as the
//! XML turned into JSON.

use crate::codec::scalar_text;
use crate::table::{Kind, Member, Operation, Service, Shape, Style};
use crate::timestamp;
use crate::validate::{lower_first, upper_first};
use serde_json::{Map, Value, json};

const HIDDEN: &str = "<sensitiveDataRemoved>";
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

pub(super) fn request(operation: Operation, input: &Value) -> Option<Value> {
    let shape = operation.input()?;
    let service = operation.service;
    if operation.row.style == Style::Ec2New {
        let content = new_request(service, shape, input);
        return Some(json!({ format!("{}Request", operation.name): content }));
    }
    let mut members = old_structure(service, shape, input, Part::Request);
    for name in &operation.row.always_lists {
        if let Some(member) = shape.members.get(name) {
            members
                .entry(old_key(name, member, Kind::List, Part::Request))
                .or_insert_with(|| json!({}));
        }
    }
    Some(Value::Object(members))
}

pub(super) fn response(operation: Operation, output: &Value, request_id: &str) -> Value {
    let service = operation.service;
    if operation.row.style == Style::Ec2New {
        let mut content = operation
            .output()
            .map(|shape| new_response(service, shape, output))
            .unwrap_or_default();
        content.insert("xmlns".into(), NAMESPACE.into());
        content.insert("requestId".into(), request_id.into());
        return json!({ format!("{}Response", operation.name): content });
    }
    let mut members = match operation.output() {
        Some(shape) => old_structure(service, shape, output, Part::Response),
        None => Map::new(),
    };
    members.insert("requestId".into(), request_id.into());
    if operation.output().is_none_or(|shape| shape.members.contains_key("Return")) {
        members.entry("_return").or_insert(Value::Bool(true));
    }
    Value::Object(members)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Request,
    Response,
}

fn old_key(name: &str, member: &Member, kind: Kind, part: Part) -> String {
    match (&member.record_list, member.wire_name(name)) {
        (Some(key), _) if kind == Kind::List && part == Part::Request => key.clone(),
        (_, "return") => "_return".into(),
        (_, wire) => lower_first(wire),
    }
}

fn old_structure(
    service: &Service,
    shape: &Shape,
    value: &Value,
    part: Part,
) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        if let Some(member) = shape.members.get(name) {
            let shape = service.shape(&member.shape);
            let key = old_key(name, member, shape.kind, part);
            members.insert(key, old_value(service, name, member, shape, value, part));
        }
    }
    members
}

fn old_value(
    service: &Service,
    name: &str,
    member: &Member,
    shape: &Shape,
    value: &Value,
    part: Part,
) -> Value {
    if shape.sensitive {
        return HIDDEN.into();
    }
    match (shape.kind, value) {
        (Kind::Structure, _) => Value::Object(old_structure(service, shape, value, part)),
        (Kind::List, Value::Array(items)) => {
            let Some(element) = &shape.member else { return json!({}) };
            let element = service.shape(&element.shape);
            let items = items.iter().map(|item| match (element.kind, part) {
                (Kind::Structure, _) => {
                    let mut members = old_structure(service, element, item, part);
                    if part == Part::Request {
                        fill_lists(service, element, &mut members);
                    }
                    Value::Object(members)
                }
                (_, Part::Request) => {
                    let wire = lower_first(member.wire_name(name));
                    let key = member.record_item.clone().unwrap_or(wire);
                    json!({ key: item })
                }
                (_, Part::Response) => item.clone(),
            });
            let items: Vec<Value> = items.collect();
            match (items.is_empty(), member.record_list.as_deref()) {
                // Tags of a tag specification are a plain array.
                (_, Some("tags")) if part == Part::Request => Value::Array(items),
                (true, _) => json!({}),
                (false, _) => json!({ "items": items }),
            }
        }
        (Kind::Timestamp, Value::String(text)) => timestamp::parse(text)
            .map_or(Value::Null, |time| timestamp::epoch_milliseconds(time).into()),
        _ => value.clone(),
    }
}

/// An element of a request list shows its own lower-case lists, given or not (`groups: {}`, `ipRanges: {}`).
fn fill_lists(service: &Service, shape: &Shape, members: &mut Map<String, Value>) {
    for (name, member) in &shape.members {
        let wire = member.wire_name(name);
        if service.shape(&member.shape).kind == Kind::List
            && wire.starts_with(|c: char| c.is_ascii_lowercase())
        {
            members.entry(wire).or_insert_with(|| json!({}));
        }
    }
}

/// Elements of a list carry their place; one is an object, several an array.
fn new_request(service: &Service, shape: &Shape, value: &Value) -> Value {
    let mut members = Map::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let Some(member) = shape.members.get(name) else { continue };
        let key = member.query.clone().unwrap_or_else(|| upper_first(member.wire_name(name)));
        let shape = service.shape(&member.shape);
        let value = match (shape.kind, value) {
            _ if shape.sensitive => HIDDEN.into(),
            (Kind::Structure, _) => new_request(service, shape, value),
            (Kind::List, Value::Array(items)) => {
                let Some(element) = &shape.member else { continue };
                let element = service.shape(&element.shape);
                let items = items.iter().enumerate().map(|(at, item)| {
                    let content = match element.kind {
                        Kind::Structure => new_request(service, element, item),
                        _ => json!({ "content": guess(&scalar_text(element, item)) }),
                    };
                    let mut content = content.as_object().cloned().unwrap_or_default();
                    content.insert("tag".into(), (at + 1).into());
                    Value::Object(content)
                });
                one_or_many(items.collect())
            }
            _ => guess(&scalar_text(shape, value)),
        };
        members.insert(key, value);
    }
    if members.is_empty() { "".into() } else { Value::Object(members) }
}

fn new_response(service: &Service, shape: &Shape, value: &Value) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let Some(member) = shape.members.get(name) else { continue };
        let value = new_response_value(service, service.shape(&member.shape), value);
        members.insert(member.wire_name(name).to_owned(), value);
    }
    members
}

fn new_response_value(service: &Service, shape: &Shape, value: &Value) -> Value {
    match (shape.kind, value) {
        _ if shape.sensitive => HIDDEN.into(),
        (Kind::Structure, _) => match new_response(service, shape, value) {
            members if members.is_empty() => "".into(),
            members => Value::Object(members),
        },
        (Kind::List, Value::Array(items)) if !items.is_empty() => {
            let Some(element) = &shape.member else { return "".into() };
            let element = service.shape(&element.shape);
            let items = items.iter().map(|item| new_response_value(service, element, item));
            json!({ "item": one_or_many(items.collect()) })
        }
        (Kind::List, _) => "".into(),
        // Times stay as they are in the XML.
        (Kind::Timestamp, _) => scalar_text(shape, value).into(),
        _ => guess(&scalar_text(shape, value)),
    }
}

fn one_or_many(mut items: Vec<Value>) -> Value {
    if items.len() == 1 { items.remove(0) } else { Value::Array(items) }
}

/// XML has no types; the converter behind these records takes what looks like a boolean or a number for one.
pub(super) fn guess(text: &str) -> Value {
    match text {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => number.into(),
        _ => text.into(),
    }
}
