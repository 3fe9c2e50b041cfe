//! One native record on its way to an event: fields are taken out of it, and what nobody
//! took is what the event keeps as unmapped.

use model::Timestamp;
use model::event::RecordLocation;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

#[derive(Clone, Debug)]
pub struct Record {
    fields: Map<String, Value>,
    /// SHA-256 of the record's bytes as they came, in hexadecimal.
    pub raw_hash: String,
    pub location: RecordLocation,
}

impl Record {
    pub fn new(fields: Map<String, Value>, raw: &str, location: RecordLocation) -> Self {
        Record { fields, raw_hash: hex::encode(Sha256::digest(raw.as_bytes())), location }
    }

    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.fields.get(*first)?, |value, key| value.get(key))
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// A text that is there and not empty.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.get(path)?.as_str().filter(|s| !s.is_empty())
    }

    /// Takes a field out, and with it the containers that held nothing else.
    pub fn take(&mut self, path: &[&str]) -> Value {
        take_from(&mut self.fields, path).unwrap_or_default()
    }

    /// Takes a field out if it is a text; anything else stays where it is.
    pub fn take_text(&mut self, path: &[&str]) -> Option<String> {
        self.text(path)?;
        match self.take(path) {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn required_text(&mut self, path: &[&str]) -> Result<String, String> {
        match self.get(path) {
            None | Some(Value::Null) => Err(format!("{} is missing", path.join("."))),
            Some(Value::String(s)) if !s.is_empty() => {
                self.take_text(path).ok_or_else(|| format!("{} is missing", path.join(".")))
            }
            Some(_) => Err(format!("{} is not a text", path.join("."))),
        }
    }

    /// A required moment, and the record's own text of it.
    pub fn required_time(&mut self, path: &[&str]) -> Result<(Timestamp, String), String> {
        let text = self.required_text(path)?;
        match read_time(&text) {
            Some(time) => Ok((time, text)),
            None => Err(format!("{} is not a time", path.join("."))),
        }
    }

    pub fn rest(self) -> (Value, String, RecordLocation) {
        (Value::Object(self.fields), self.raw_hash, self.location)
    }
}

fn take_from(fields: &mut Map<String, Value>, path: &[&str]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        return fields.remove(*first);
    }
    let inner = fields.get_mut(*first)?.as_object_mut()?;
    let value = take_from(inner, rest)?;
    if inner.is_empty() {
        fields.remove(*first);
    }
    Some(value)
}

/// RFC 3339, and the other forms that the clouds' exports are known to hold:
/// `2023-03-09 10:05:23.603` (UTC) and Azure's `1/9/2007 9:41:00 AM +01:00`.
pub(crate) fn read_time(text: &str) -> Option<Timestamp> {
    use time::macros::format_description;
    if let Some(time) = Timestamp::parse(text) {
        return Some(time);
    }
    if text.len() >= 19 && text.is_ascii() && text.as_bytes()[10] == b' ' {
        return Timestamp::parse(&format!("{}T{}Z", &text[..10], &text[11..]));
    }
    let american = format_description!(
        "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period] [offset_hour sign:mandatory]:[offset_minute]"
    );
    time::OffsetDateTime::parse(text, american).ok().map(Timestamp::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_export() {
        for (text, expected) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
            ("2024-12-17T11:45:00.0000000Z", "2024-12-17T11:45:00.000Z"),
            ("2023-03-09 10:05:23.603", "2023-03-09T10:05:23.603Z"),
            ("1/9/2007 9:41:00 AM +01:00", "2007-01-09T08:41:00.000Z"),
        ] {
            assert_eq!(read_time(text).map(|t| t.to_string()).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "2023-03-09 ", "2023-03-09 é0:05:23.603"] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_taken_leaves_no_empty_shell() {
        let fields = serde_json::json!({"a": {"b": {"c": 1}, "d": 2}, "e": {}});
        let Value::Object(fields) = fields else { panic!("an object") };
        let location = RecordLocation { source: "s".into(), index: 0 };
        let mut record = Record::new(fields, "", location);
        assert_eq!(record.take(&["a", "b", "c"]), 1);
        assert_eq!(record.take(&["a", "x", "c"]), Value::Null);
        assert_eq!(record.take_text(&["a", "d"]), None);
        assert_eq!(record.rest().0, serde_json::json!({"a": {"d": 2}, "e": {}}));
    }
}
