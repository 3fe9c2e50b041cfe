//! Scalars as text: what stands in a form parameter and in an XML element.

use crate::table::{Kind, Shape};
use crate::timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Number, Value};

/// Text to value. `None` where the text is not one of that kind.
pub fn from_text(shape: &Shape, text: &str) -> Option<Value> {
    match shape.kind {
        Kind::String => Some(Value::from(text)),
        Kind::Boolean if text.trim().eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        Kind::Boolean if text.trim().eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        Kind::Integer => text.trim().parse::<i32>().ok().map(Value::from),
        Kind::Long => text.trim().parse::<i64>().ok().map(Value::from),
        Kind::Float | Kind::Double => {
            text.trim().parse().ok().and_then(Number::from_f64).map(Value::Number)
        }
        Kind::Timestamp => timestamp::parse(text).map(|time| Value::from(timestamp::iso(time))),
        Kind::Blob => {
            BASE64.decode(text.trim()).ok().map(|bytes| Value::from(BASE64.encode(bytes)))
        }
        Kind::Boolean | Kind::Structure | Kind::List | Kind::Map => None,
    }
}

/// Value to text, for a value that conforms to its shape.
pub fn to_text(shape: &Shape, value: &Value) -> String {
    match value {
        Value::String(text) if shape.kind == Kind::Timestamp => {
            timestamp::parse(text).map(timestamp::iso).unwrap_or_default()
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
