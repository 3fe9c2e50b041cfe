//! What the function is called with.
//!
//! * EventBridge's `AWS API Call via CloudTrail`: `detail` is the record
//!   (EventBridge User Guide, "AWS service events delivered via AWS CloudTrail")
//! * a batch of SQS, each body such an event
//!   (Lambda Developer Guide, "Using Lambda with Amazon SQS")
//! * `{"check": true}`, from a person, a pipeline or a schedule

use model::Event;
use serde_json::Value;

/// The kind of event that a rule on CloudTrail delivers.
pub const API_CALL: &str = "AWS API Call via CloudTrail";

#[derive(Debug)]
pub enum Payload {
    Event(Result<Box<Event>, String>),
    Batch(Vec<Message>),
    /// The whole of the states; `apply` where the caller asks for it too.
    Check {
        apply: bool,
    },
}

#[derive(Debug)]
pub struct Message {
    pub id: String,
    pub event: Result<Box<Event>, String>,
}

impl Payload {
    /// What is none of these is an error of the caller's.
    pub fn read(payload: &Value) -> Result<Self, String> {
        let Some(fields) = payload.as_object() else {
            return Err(format!("{} where an event should be", type_of(payload)));
        };
        if let Some(records) = fields.get("Records") {
            return batch(records).map(Payload::Batch);
        }
        if fields.contains_key("detail-type") {
            return Ok(Payload::Event(event(payload)));
        }
        if let Some(check) = fields.get("check") {
            let apply = fields.get("apply").unwrap_or(&Value::Bool(false));
            let known = fields.keys().all(|k| k == "check" || k == "apply");
            return match (check, apply, known) {
                (Value::Bool(true), Value::Bool(apply), true) => {
                    Ok(Payload::Check { apply: *apply })
                }
                _ => Err("a check is {\"check\": true}, and with \"apply\": true it also mends"
                    .to_owned()),
            };
        }
        Err(format!(
            "neither an event of EventBridge nor a batch of SQS nor {{\"check\": true}}: {}",
            names(fields)
        ))
    }
}

/// What a stranger sent is shown by the names of its fields, and of those a few.
fn names(fields: &serde_json::Map<String, Value>) -> String {
    if fields.is_empty() {
        return "an empty object".to_owned();
    }
    let shown: Vec<String> =
        fields.keys().take(5).map(|k| k.chars().take(40).collect::<String>()).collect();
    format!("an object with {}", shown.join(", "))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn batch(records: &Value) -> Result<Vec<Message>, String> {
    let records = records.as_array().ok_or("Records is not an array")?;
    let mut messages = Vec::with_capacity(records.len());
    for record in records {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        if text("eventSource") != Some("aws:sqs") {
            return Err("Records of another service than SQS".to_owned());
        }
        // Without its id a message could not be named as the one that failed.
        let id = text("messageId").ok_or("a message without messageId")?;
        let event = match text("body") {
            None => Err("a message without a body".to_owned()),
            Some(body) => match serde_json::from_str(body) {
                Ok(envelope) => event(&envelope),
                Err(error) => Err(format!("its body is not JSON: {}", plain(&error))),
            },
        };
        messages.push(Message { id: id.to_owned(), event });
    }
    Ok(messages)
}

/// The place of a mistake without the text around it.
fn plain(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

fn event(envelope: &Value) -> Result<Box<Event>, String> {
    let Some(kind) = envelope.get("detail-type").and_then(Value::as_str) else {
        return Err("not an event of EventBridge: it has no detail-type".to_owned());
    };
    if kind != API_CALL {
        let kind: String = kind.chars().take(80).collect();
        return Err(format!("{kind:?} is not looked at, only {API_CALL:?}"));
    }
    let Some(detail) = envelope.get("detail").filter(|d| d.is_object()) else {
        return Err("an event without detail".to_owned());
    };
    let (mut events, rejected) =
        event_formats::read_records([detail.to_string()], Some("cloudtrail"), "eventbridge");
    match (events.pop(), rejected.first()) {
        (Some(event), _) => Ok(Box::new(event)),
        (None, Some(rejected)) => Err(format!("detail is no record: {}", rejected.reason)),
        (None, None) => Err("detail is no record".to_owned()),
    }
}
