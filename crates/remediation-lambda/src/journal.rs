//! One line of JSON for each thing that happened; Lambda keeps what is written to stderr.
//! Foreign text is masked, as everywhere that a person or a log may see it.

use provider::redact::mask;
use serde_json::{Map, Value, json};
use std::io::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    /// A person should look.
    Warn,
    /// It is tried again, or nothing works at all.
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// Writes a line. A log that cannot be written does not stop the work.
pub fn line(level: Level, request: &str, what: &Value) {
    let mut fields = Map::new();
    let now = model::Timestamp::new(std::time::SystemTime::now().into());
    fields.insert("time".to_owned(), json!(now.to_millis_text()));
    fields.insert("level".to_owned(), json!(level.as_str()));
    fields.insert("request_id".to_owned(), json!(request));
    match what {
        Value::Object(more) => fields.extend(more.clone()),
        other => drop(fields.insert("message".to_owned(), other.clone())),
    }
    let text = format!("{}\n", masked(Value::Object(fields)));
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The same with every text masked.
pub fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(masked).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(k, v)| (k, masked(v))).collect())
        }
        other => other,
    }
}
