//! Text to JSON, and nothing of the text lost on the way.
//!
//! An ordinary parser keeps the last of two equal keys and rounds long numbers. A record that
//! says two things under one name is refused: whoever reads only one of them can be deceived.
//! A number that no machine number holds exactly is kept as its text.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// Real records are a dozen deep. The bound leaves room for the event around the record, so
/// that what is written can be read again by parsers that stop at 128.
pub(crate) const MAX_DEPTH: usize = 96;

pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let exact = exact_numbers(text);
    let mut reader = serde_json::Deserializer::from_str(&exact);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(|e| plain(&e))?;
    reader.end().map_err(|e| plain(&e))?;
    Ok(value)
}

/// A text that holds one JSON object, parsed.
pub(crate) fn parse_object(text: &str) -> Option<Map<String, Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    match parse(text) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

/// The parser's words without its own "at line 1 column 7", which counts within the part.
pub(crate) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl Strict {
    fn inner<E: Error>(&self) -> Result<usize, E> {
        if self.depth < MAX_DEPTH {
            Ok(self.depth + 1)
        } else {
            Err(E::custom(format!("nested deeper than {MAX_DEPTH} levels")))
        }
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let depth = self.inner()?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Strict { depth })? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let depth = self.inner()?;
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Strict { depth })?;
            if fields.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} stands twice")));
            }
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

/// The text, with each number that a parser would round in quotation marks.
fn exact_numbers(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    let mut quoted = false;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => quoted = !quoted,
            b'\\' if quoted => at += 1,
            b'-' | b'0'..=b'9' if !quoted => {
                let token = bytes[at..]
                    .iter()
                    .take_while(|b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
                    .count();
                // Fifteen digits are exact in every form, unless the exponent is beyond bounds.
                let number = &text[at..at + token];
                if (token > 15 || number.contains(['e', 'E'])) && !is_exact(number) {
                    out.push_str(&text[copied..at]);
                    out.push('"');
                    out.push_str(number);
                    out.push('"');
                    copied = at + token;
                }
                at += token;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// What is no number at all counts as exact: the parser says what is wrong with it.
fn is_exact(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(float) = number.parse::<f64>() else { return true };
    float.is_finite() && digits(number) == digits(&format!("{float:e}"))
}

/// Significant digits and the power of ten of the last one: `1.50e3` is (15, 2).
fn digits(number: &str) -> Option<(String, i64)> {
    let number = number.trim_start_matches(['-', '+']);
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.trim_start_matches('+').parse::<i64>().ok()?)
        }
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let kept = all.trim_end_matches('0');
    let power = exponent - fraction.len() as i64 + (all.len() - kept.len()) as i64;
    let kept = kept.trim_start_matches('0');
    Some(if kept.is_empty() { (String::new(), 0) } else { (kept.to_owned(), power) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_stay_what_they_are() {
        for (text, expected) in [
            ("9007199254740993", json!(9_007_199_254_740_993_u64)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("-99999999999999999999", json!("-99999999999999999999")),
            ("0.1", json!(0.1)),
            ("1.50e3", json!(1500.0)),
            ("1e400", json!("1e400")),
            ("0.12345678901234567890", json!("0.12345678901234567890")),
            ("1767362640.123456", json!(1_767_362_640.123_456)),
            (r#"["a\"18446744073709551616", 1]"#, json!(["a\"18446744073709551616", 1])),
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        for text in ["1.2.3", "--1", "1e", "01234567890123456789"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_values_under_one_key_are_refused() {
        assert!(parse(r#"{"a":1,"b":{"c":1}}"#).is_ok());
        let told = parse(r#"{"a":1,"b":{"c":1,"c":1}}"#).unwrap_err();
        assert_eq!(told, r#"the key "c" stands twice"#);
        // The same key in other letters is another way to write it twice.
        assert!(parse(r#"{"a":1,"\u0061":2}"#).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 1)).unwrap_err().contains("deeper"));
        assert!(parse(&nested(100_000)).is_err());
    }
}
