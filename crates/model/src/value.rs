//! The value tree of attributes: Terraform's types, and a place for what was sealed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// One value of an attribute. Sets are lists here; the kind's knowledge says which
/// paths are sets, because neither a state nor a cloud's answer does.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    /// A sensitive value was here and has been sealed before it left the provider layer
    /// or the state reader. It equals nothing but itself and prints as null.
    Redacted,
}

/// The attributes of one resource by their first name.
pub type Attributes = BTreeMap<String, Value>;

impl Value {
    /// What "not set" looks like in Terraform: null, or an empty string, list or map.
    pub fn is_unset(&self) -> bool {
        match self {
            Value::Null => true,
            Value::String(s) => s.is_empty(),
            Value::List(l) => l.is_empty(),
            Value::Map(m) => m.is_empty(),
            _ => false,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(l) => Some(l),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Value::Map(m) => Some(m),
            _ => None,
        }
    }

    /// Is anything in it sealed?
    pub fn holds_sealed(&self) -> bool {
        match self {
            Value::Redacted => true,
            Value::List(items) => items.iter().any(Value::holds_sealed),
            Value::Map(map) => map.values().any(Value::holds_sealed),
            _ => false,
        }
    }

    /// A list of strings, the commonest shape of a set.
    pub fn strings<I, S>(items: I) -> Value
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Value::List(items.into_iter().map(|s| Value::String(s.into())).collect())
    }

    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null | Value::Redacted => serde_json::Value::Null,
            Value::Bool(b) => serde_json::Value::Bool(*b),
            Value::Number(n) => serde_json::Value::Number(n.clone()),
            Value::String(s) => serde_json::Value::String(s.clone()),
            Value::List(l) => l.iter().map(Value::to_json).collect(),
            Value::Map(m) => {
                serde_json::Value::Object(m.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
            }
        }
    }
}

/// Seals in what lives whatever is sealed in what a state records: the state's marks say what
/// is a secret, and the cloud tells it in plain.
pub fn seal_like(live: &mut Value, recorded: &Value) {
    match (live, recorded) {
        (live, Value::Redacted) => *live = Value::Redacted,
        (Value::Map(live), Value::Map(recorded)) => {
            for (key, recorded) in recorded {
                if let Some(live) = live.get_mut(key) {
                    seal_like(live, recorded);
                }
            }
        }
        (Value::List(live), Value::List(recorded)) => {
            if live.len() == recorded.len() {
                live.iter_mut()
                    .zip(recorded)
                    .for_each(|(live, recorded)| seal_like(live, recorded));
            } else if recorded.iter().any(Value::holds_sealed) {
                // Which of them it is cannot be told.
                live.iter_mut().for_each(|live| *live = Value::Redacted);
            }
        }
        _ => {}
    }
}

/// Two scalars as Terraform sees them: a state may hold `"1"` or `"true"` where the cloud
/// answers `1` or `true`.
pub fn same_scalar(a: &Value, b: &Value, ignore_case: bool) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::String(a), Value::String(b)) => {
            a == b || (ignore_case && a.to_lowercase() == b.to_lowercase())
        }
        (Value::Number(n), Value::String(s)) | (Value::String(s), Value::Number(n)) => {
            s.parse::<serde_json::Number>().is_ok_and(|s| same_number(n, &s))
        }
        (Value::Bool(b), Value::String(s)) | (Value::String(s), Value::Bool(b)) => {
            s == if *b { "true" } else { "false" }
        }
        _ => a == b,
    }
}

fn same_number(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_f64() == b.as_f64(),
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(b) => Value::Bool(b),
            serde_json::Value::Number(n) => Value::Number(n),
            serde_json::Value::String(s) => Value::String(s),
            serde_json::Value::Array(a) => Value::List(a.into_iter().map(Value::from).collect()),
            serde_json::Value::Object(o) => {
                Value::Map(o.into_iter().map(|(k, v)| (k, Value::from(v))).collect())
            }
        }
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Value::String(s.to_owned())
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Value::String(s)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Number(n.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Value::Null, Into::into)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null | Value::Redacted => s.serialize_unit(),
            Value::Bool(b) => s.serialize_bool(*b),
            Value::Number(n) => n.serialize(s),
            Value::String(v) => s.serialize_str(v),
            Value::List(l) => l.serialize(s),
            Value::Map(m) => m.serialize(s),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        serde_json::Value::deserialize(d).map(Value::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_prints_as_null() {
        let json = serde_json::to_string(&Value::List(vec![Value::Redacted, "a".into()])).unwrap();
        assert_eq!(json, r#"[null,"a"]"#);
    }

    #[test]
    fn json_round_trips() {
        let text = r#"{"a":[1,true,null,"x"],"b":{"c":1.5}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
        assert_eq!(Value::from(value.to_json()), value);
    }
}
