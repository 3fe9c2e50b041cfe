//! The Query protocol (IAM, STS): a form in, XML with an `<OperationResult>` wrapper out. Its list and map forms,
//! read and written over the shape tables, are the ones that [`super::ec2`] varies.

use super::form::{Form, Node};
use super::xml::{Element, Sink};
use super::{Response, scalar};
use crate::error::ServiceError;
use crate::table::{Kind, Member, Operation, Protocol, Service, Shape};
use crate::validate::upper_first;
use serde_json::{Map, Value};

/// How the two form protocols differ inside a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Query,
    Ec2,
}

impl Dialect {
    pub(super) fn of(service: &Service) -> Dialect {
        if service.facts.protocol == Protocol::Ec2 { Dialect::Ec2 } else { Dialect::Query }
    }

    fn request_name(self, name: &str, member: &Member) -> String {
        match self {
            Dialect::Query => member.wire_name(name).to_owned(),
            Dialect::Ec2 => match &member.query {
                Some(name) => name.clone(),
                None => upper_first(member.wire_name(name)),
            },
        }
    }
}

/// A form's tree to the input of an operation. Parameters that the model does not have are ignored, as AWS does.
pub(super) fn decode_input(operation: Operation, form: &Node) -> Result<Value, ServiceError> {
    let Some(shape) = operation.input() else { return Ok(Value::Object(Map::new())) };
    Decoder { service: operation.service, dialect: Dialect::of(operation.service) }
        .structure(shape, form, "")
}

struct Decoder {
    service: &'static Service,
    dialect: Dialect,
}

impl Decoder {
    fn structure(&self, shape: &Shape, node: &Node, path: &str) -> Result<Value, ServiceError> {
        let mut members = Map::new();
        for (name, member) in &shape.members {
            let wire = self.dialect.request_name(name, member);
            if let Some(child) = node.children.get(&wire) {
                let path = if path.is_empty() { wire } else { format!("{path}.{wire}") };
                if let Some(value) = self.member(member, child, &path)? {
                    members.insert(name.clone(), value);
                }
            }
        }
        Ok(Value::Object(members))
    }

    fn member(
        &self,
        member: &Member,
        node: &Node,
        path: &str,
    ) -> Result<Option<Value>, ServiceError> {
        let shape = self.service.shape(&member.shape);
        let flattened = member.flattened || shape.flattened || self.dialect == Dialect::Ec2;
        match shape.kind {
            Kind::Structure => self.structure(shape, node, path).map(Some),
            Kind::List => {
                let Some(element) = &shape.member else { return Ok(None) };
                let items = match flattened {
                    true => node.numbered(),
                    false => node
                        .children
                        .get(element.wire_name("member"))
                        .map(Node::numbered)
                        .unwrap_or_default(),
                };
                if items.is_empty() && node.value.as_deref() != Some("") {
                    return Ok(None);
                }
                let items = items.into_iter().map(|item| self.member(element, item, path));
                // An element without content is an empty structure or nothing at all.
                let items: Result<Vec<_>, _> = items.collect();
                Ok(Some(Value::Array(items?.into_iter().flatten().collect())))
            }
            Kind::Map => {
                let (Some(key), Some(value)) = (&shape.key, &shape.value) else { return Ok(None) };
                let entries = match flattened {
                    true => node.numbered(),
                    false => node.children.get("entry").map(Node::numbered).unwrap_or_default(),
                };
                let mut members = Map::new();
                for entry in entries {
                    let name = entry.text(key.wire_name("key"));
                    let content = entry.children.get(value.wire_name("value"));
                    if let (Some(name), Some(content)) = (name, content)
                        && let Some(content) = self.member(value, content, path)?
                    {
                        members.insert(name.to_owned(), content);
                    }
                }
                let given = !members.is_empty() || node.value.as_deref() == Some("");
                Ok(given.then_some(Value::Object(members)))
            }
            _ => match &node.value {
                None => Ok(None),
                Some(text) => {
                    scalar::from_text(shape, text).map(Some).ok_or_else(|| self.malformed(path))
                }
            },
        }
    }

    fn malformed(&self, path: &str) -> ServiceError {
        match self.dialect {
            Dialect::Query => ServiceError::new(
                "MalformedInput",
                format!("the value of {path} cannot be read"),
                400,
            ),
            Dialect::Ec2 => ServiceError::new(
                "InvalidParameterValue",
                format!("The value of parameter {path} is invalid."),
                400,
            ),
        }
    }
}

/// The input of an operation as a form. The tree conforms to its shape.
pub(super) fn encode_input(operation: Operation, input: &Value) -> Vec<u8> {
    let mut form = Form::default();
    form.push("Action", operation.name);
    form.push("Version", operation.service.facts.api_version.as_str());
    let encoder = Encoder { service: operation.service, dialect: Dialect::of(operation.service) };
    if let Some(shape) = operation.input() {
        encoder.structure(shape, input, "", &mut form);
    }
    form.finish()
}

struct Encoder {
    service: &'static Service,
    dialect: Dialect,
}

impl Encoder {
    fn structure(&self, shape: &Shape, value: &Value, prefix: &str, form: &mut Form) {
        for (name, value) in value.as_object().into_iter().flatten() {
            if let Some(member) = shape.members.get(name) {
                let wire = self.dialect.request_name(name, member);
                let path = if prefix.is_empty() { wire } else { format!("{prefix}.{wire}") };
                self.member(member, value, path, form);
            }
        }
    }

    fn member(&self, member: &Member, value: &Value, path: String, form: &mut Form) {
        let shape = self.service.shape(&member.shape);
        let flattened = member.flattened || shape.flattened || self.dialect == Dialect::Ec2;
        match (shape.kind, value) {
            (Kind::Structure, _) => self.structure(shape, value, &path, form),
            (Kind::List, Value::Array(items)) => {
                let Some(element) = &shape.member else { return };
                if items.is_empty() && self.dialect == Dialect::Query {
                    return form.push(path, "");
                }
                let path = match flattened {
                    true => path,
                    false => format!("{path}.{}", element.wire_name("member")),
                };
                for (at, item) in items.iter().enumerate() {
                    self.member(element, item, format!("{path}.{}", at + 1), form);
                }
            }
            (Kind::Map, Value::Object(entries)) => {
                let (Some(key), Some(content)) = (&shape.key, &shape.value) else { return };
                let path = if flattened { path } else { format!("{path}.entry") };
                for (at, (name, value)) in entries.iter().enumerate() {
                    let path = format!("{path}.{}", at + 1);
                    form.push(format!("{path}.{}", key.wire_name("key")), name.as_str());
                    let path = format!("{path}.{}", content.wire_name("value"));
                    self.member(content, value, path, form);
                }
            }
            _ => form.push(path, scalar::to_text(shape, value)),
        }
    }
}

/// `<OperationResponse><OperationResult>...</OperationResult><ResponseMetadata>`.
pub(super) fn encode_output(operation: Operation, output: &Value, request_id: &str) -> Response {
    let mut sink = Sink::new();
    let root = format!("{}Response", operation.name);
    sink.open(&root, operation.service.facts.xml_namespace.as_deref());
    if let Some(shape) = operation.output() {
        let wrapper = operation.row.result_wrapper.as_deref();
        if let Some(wrapper) = wrapper {
            sink.open(wrapper, None);
        }
        write_structure(operation.service, shape, output, &mut sink);
        if let Some(wrapper) = wrapper {
            sink.close(wrapper);
        }
    }
    sink.open("ResponseMetadata", None);
    sink.leaf("RequestId", request_id);
    sink.close("ResponseMetadata");
    sink.close(&root);
    Response::xml(200, request_id, sink.finish())
}

pub(super) fn encode_error(service: &Service, error: &ServiceError, request_id: &str) -> Response {
    let mut sink = Sink::new();
    sink.open("ErrorResponse", service.facts.xml_namespace.as_deref());
    sink.open("Error", None);
    sink.leaf("Type", if error.receiver { "Receiver" } else { "Sender" });
    sink.leaf("Code", &error.code);
    sink.leaf("Message", &error.message);
    sink.close("Error");
    sink.leaf("RequestId", request_id);
    sink.close("ErrorResponse");
    Response::xml(error.status, request_id, sink.finish())
}

pub(super) fn write_structure(service: &Service, shape: &Shape, value: &Value, sink: &mut Sink) {
    for (name, value) in value.as_object().into_iter().flatten() {
        if let Some(member) = shape.members.get(name) {
            write_member(service, member, member.wire_name(name), value, sink);
        }
    }
}

fn write_member(service: &Service, member: &Member, name: &str, value: &Value, sink: &mut Sink) {
    let shape = service.shape(&member.shape);
    let flattened = member.flattened || shape.flattened;
    match (shape.kind, value) {
        (Kind::Structure, _) => {
            sink.open(name, None);
            write_structure(service, shape, value, sink);
            sink.close(name);
        }
        (Kind::List, Value::Array(items)) => {
            let Some(element) = &shape.member else { return };
            if flattened {
                for item in items {
                    write_member(service, element, name, item, sink);
                }
                return;
            }
            sink.open(name, None);
            for item in items {
                write_member(service, element, element.wire_name("member"), item, sink);
            }
            sink.close(name);
        }
        (Kind::Map, Value::Object(entries)) => {
            let (Some(key), Some(content)) = (&shape.key, &shape.value) else { return };
            let entry_name = if flattened { name } else { "entry" };
            if !flattened {
                sink.open(name, None);
            }
            for (entry, value) in entries {
                sink.open(entry_name, None);
                sink.leaf(key.wire_name("key"), entry);
                write_member(service, content, content.wire_name("value"), value, sink);
                sink.close(entry_name);
            }
            if !flattened {
                sink.close(name);
            }
        }
        _ => sink.leaf(name, &scalar::to_text(shape, value)),
    }
}

/// The output of an operation out of its response document. The error says what cannot be read.
pub(super) fn decode_output(operation: Operation, root: &Element) -> Result<Value, String> {
    let Some(shape) = operation.output() else { return Ok(Value::Object(Map::new())) };
    let content = match operation.row.result_wrapper.as_deref() {
        Some(wrapper) => root.child(wrapper).ok_or(format!("{wrapper} is not in the response"))?,
        None => root,
    };
    read_structure(operation.service, shape, content)
}

fn read_structure(service: &Service, shape: &Shape, element: &Element) -> Result<Value, String> {
    let mut members = Map::new();
    for (name, member) in &shape.members {
        let wire = member.wire_name(name);
        let shape = service.shape(&member.shape);
        let found: Vec<&Element> =
            element.children.iter().filter(|child| child.name == wire).collect();
        let Some(first) = found.first() else { continue };
        let flattened = member.flattened || shape.flattened;
        let value = match shape.kind {
            Kind::List if flattened => read_items(service, shape, &found)?,
            Kind::Map if flattened => read_entries(service, shape, &found)?,
            _ => read(service, shape, first).map_err(|what| format!("{name}: {what}"))?,
        };
        members.insert(name.clone(), value);
    }
    Ok(Value::Object(members))
}

fn read(service: &Service, shape: &Shape, element: &Element) -> Result<Value, String> {
    match shape.kind {
        Kind::Structure => read_structure(service, shape, element),
        Kind::List => {
            let name = shape.member.as_ref().map_or("member", |member| member.wire_name("member"));
            let items: Vec<&Element> =
                element.children.iter().filter(|child| child.name == name).collect();
            read_items(service, shape, &items)
        }
        Kind::Map => {
            let entries: Vec<&Element> =
                element.children.iter().filter(|child| child.name == "entry").collect();
            read_entries(service, shape, &entries)
        }
        _ => scalar::from_text(shape, &element.text)
            .ok_or_else(|| format!("{:?} expected, {:.40?} found", shape.kind, element.text)),
    }
}

fn read_items(service: &Service, shape: &Shape, items: &[&Element]) -> Result<Value, String> {
    let Some(member) = &shape.member else { return Ok(Value::Array(Vec::new())) };
    let element = service.shape(&member.shape);
    items
        .iter()
        .map(|item| read(service, element, item))
        .collect::<Result<_, _>>()
        .map(Value::Array)
}

fn read_entries(service: &Service, shape: &Shape, entries: &[&Element]) -> Result<Value, String> {
    let mut members = Map::new();
    if let (Some(key), Some(content)) = (&shape.key, &shape.value) {
        for entry in entries {
            let name = entry.text_of(key.wire_name("key"));
            let value = entry.child(content.wire_name("value"));
            if let (Some(name), Some(value)) = (name, value) {
                let value = read(service, service.shape(&content.shape), value)?;
                members.insert(name.to_owned(), value);
            }
        }
    }
    Ok(Value::Object(members))
}
