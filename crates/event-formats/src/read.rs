//! Bytes to records: gzip, byte order mark, one document, arrays, envelopes, JSON lines.

use crate::FORMATS;
use crate::format::{Format, find_format, names};
use crate::record::Record;
use flate2::read::MultiGzDecoder;
use model::Event;
use model::event::{RecordLocation, Rejected};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

/// What a compressed file may inflate to. CloudTrail closes a file at about 50 MB, Azure
/// and Google write hourly ones; what is larger than this is no log but an attack on memory.
pub const MAX_INFLATED: usize = 256 * 1024 * 1024;

/// Reads a file or an object, whatever of the known formats it is in.
pub fn read(bytes: &[u8], source: &str) -> (Vec<Event>, Vec<Rejected>) {
    let mut reading = Reading::new(source, None);
    let (bytes, trouble) = inflate(bytes, MAX_INFLATED);
    reading.document(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
    if let Some(reason) = trouble {
        let index = reading.next;
        reading.rejected.push(Rejected {
            location: RecordLocation { source: source.to_owned(), index },
            line: None,
            column: None,
            reason,
        });
    }
    reading.finish()
}

/// Reads records that came one by one, each as its JSON text. With a format's name given,
/// only that format is tried.
pub fn read_records<S: AsRef<str>>(
    records: impl IntoIterator<Item = S>,
    format: Option<&str>,
    source: &str,
) -> (Vec<Event>, Vec<Rejected>) {
    let mut reading = Reading::new(source, format);
    for text in records {
        reading.record(text.as_ref(), || None);
    }
    let Reading { mut events, rejected, .. } = reading;
    crate::link_sessions(&mut events);
    (events, rejected)
}

fn inflate(bytes: &[u8], most: usize) -> (Cow<'_, [u8]>, Option<String>) {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return (Cow::Borrowed(bytes), None);
    }
    let mut inflated = Vec::new();
    let result = MultiGzDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut inflated);
    if inflated.len() > most {
        let reason = format!("inflates to more than {} MiB", most / 1024 / 1024);
        return (Cow::Owned(Vec::new()), Some(reason));
    }
    // A file that was cut off still holds what came before the cut.
    let trouble = result.err().map(|error| format!("gzip: {error}"));
    (Cow::Owned(inflated), trouble)
}

struct Reading<'s> {
    source: &'s str,
    formats: Vec<&'static dyn Format>,
    events: Vec<Event>,
    rejected: Vec<Rejected>,
    /// The index of the next record.
    next: usize,
    /// Whether anything was met that one of the formats knows.
    familiar: bool,
}

impl<'s> Reading<'s> {
    fn new(source: &'s str, format: Option<&str>) -> Self {
        let formats = match format.and_then(find_format) {
            Some(format) => vec![format],
            None => FORMATS.to_vec(),
        };
        Reading {
            source,
            formats,
            events: Vec::new(),
            rejected: Vec::new(),
            next: 0,
            familiar: false,
        }
    }

    /// What is not of this trade at all is one rejection, not one a line.
    fn finish(mut self) -> (Vec<Event>, Vec<Rejected>) {
        if !self.familiar && self.rejected.len() > 1 {
            let count = self.rejected.len();
            self.rejected.truncate(1);
            let first = &mut self.rejected[0];
            first.reason = format!("{} ({count} such records, none known)", first.reason);
        }
        crate::link_sessions(&mut self.events);
        (self.events, self.rejected)
    }

    fn document(&mut self, bytes: &[u8]) {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        if let Ok(raw) = serde_json::from_slice::<&RawValue>(bytes) {
            return self.value_at(raw.get(), bytes, 0);
        }
        if is_line_wise(bytes) {
            return self.lines(bytes);
        }
        // Several documents one after the other, as `jq` prints them; or one that is broken
        // somewhere: its good records stand before that place.
        let before = self.next;
        let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>();
        let mut good = 0;
        let failed = loop {
            match documents.next() {
                Some(Ok(raw)) => {
                    self.value_at(raw.get(), bytes, 0);
                    good = documents.byte_offset();
                }
                Some(Err(error)) => break error,
                None => return,
            }
        };
        self.salvage(&bytes[good..], bytes);
        let at = self.next;
        self.familiar |= at > before && good == 0;
        self.reject(at, Some((failed.line(), failed.column())), plain(&failed));
    }

    fn lines(&mut self, bytes: &[u8]) {
        for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice::<&RawValue>(line) {
                Ok(raw) => self.value_at(raw.get(), line, number),
                Err(error) => {
                    let index = self.next;
                    self.next += 1;
                    self.reject(index, Some((number + 1, error.column())), plain(&error));
                }
            }
        }
    }

    /// One JSON value: a record, an array of them, or an envelope around them.
    fn value_at(&mut self, text: &str, whole: &[u8], lines_before: usize) {
        if text.starts_with('[') {
            if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) {
                self.elements(&elements, whole, lines_before);
            }
            return;
        }
        if text.starts_with('{')
            && let Ok(fields) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(text)
            && let Some(records) = self.enveloped(&fields)
        {
            self.familiar = true;
            if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(records) {
                self.elements(&elements, whole, lines_before);
            }
            return;
        }
        self.record(text, || position(text, whole, lines_before));
    }

    fn elements(&mut self, elements: &[&RawValue], whole: &[u8], lines_before: usize) {
        for element in elements {
            self.record(element.get(), || position(element.get(), whole, lines_before));
        }
    }

    fn enveloped<'r>(&self, fields: &BTreeMap<Cow<'_, str>, &'r RawValue>) -> Option<&'r str> {
        self.formats
            .iter()
            .flat_map(|f| f.envelopes())
            .filter_map(|name| fields.get(*name).map(|raw| raw.get()))
            .find(|raw| raw.starts_with('['))
    }

    /// Takes the records out of an array or envelope that ends badly.
    fn salvage(&mut self, bytes: &[u8], whole: &[u8]) {
        let mut taken: Vec<&RawValue> = Vec::new();
        let envelopes: Vec<&str> =
            self.formats.iter().flat_map(|f| f.envelopes()).copied().collect();
        let seed = Salvage { envelopes: &envelopes, taken: &mut taken };
        // It fails: that is why we are here. What it took until then is good.
        let _ = seed.deserialize(&mut serde_json::Deserializer::from_slice(bytes));
        // Where only the comma after a record is missing, the next one follows. Nowhere else
        // is the thread taken up again: inside a broken record stand objects that its caller
        // chose, and they must not pass for records.
        while let Some(last) = taken.last()
            && let Some(rest) = after(last.get(), bytes)
            && let rest = rest.trim_ascii_start()
            && let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start()
            && rest.starts_with(b"{")
            && let Some(Ok(next)) =
                serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>().next()
        {
            taken.push(next);
        }
        self.elements(&taken, whole, 0);
    }

    fn record(&mut self, text: &str, position: impl FnOnce() -> Option<(usize, usize)>) {
        let index = self.next;
        self.next += 1;
        if let Err(reason) = self.try_record(text, index, 0) {
            self.reject(index, position(), reason);
        }
    }

    fn try_record(&mut self, text: &str, index: usize, depth: u8) -> Result<(), String> {
        let fields = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(fields)) => fields,
            Ok(other) => return Err(format!("{} where a record should be", type_of(&other))),
            Err(error) => return Err(plain(&error)),
        };
        if let Some(inner) = self.formats.iter().find_map(|f| f.inner(&fields))
            && depth == 0
        {
            self.familiar = true;
            return self.try_record(inner, index, 1);
        }
        let Some(format) = self.formats.iter().find(|f| f.recognises(&fields)).copied() else {
            if self.formats.iter().any(|f| f.is_companion(&fields)) {
                self.familiar = true;
                return Ok(());
            }
            return Err(match self.formats.as_slice() {
                [one] => format!("not a record of {}", one.name()),
                _ => format!("not a record of any known format: {}", names()),
            });
        };
        self.familiar = true;
        let location = RecordLocation { source: self.source.to_owned(), index };
        let event = format
            .event(Record::new(fields, text, location))
            .map_err(|reason| format!("{}: {reason}", format.name()))?;
        self.events.push(event);
        Ok(())
    }

    fn reject(&mut self, index: usize, at: Option<(usize, usize)>, reason: String) {
        self.rejected.push(Rejected {
            location: RecordLocation { source: self.source.to_owned(), index },
            line: at.map(|(line, _)| line),
            column: at.map(|(_, column)| column),
            reason,
        });
    }
}

/// More than one line, and one of the first few is a JSON object of its own.
fn is_line_wise(bytes: &[u8]) -> bool {
    // Not an array, even one whose elements stand on lines of their own.
    !bytes.trim_ascii_start().starts_with(b"[")
        && bytes
            .split(|b| *b == b'\n')
            .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
            .take(16)
            .any(|line| {
                line.trim_ascii_start().starts_with(b"{")
                    && serde_json::from_slice::<&RawValue>(line).is_ok()
            })
}

/// What follows a part of a text in the whole.
fn after<'w>(part: &str, whole: &'w [u8]) -> Option<&'w [u8]> {
    let end = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)? + part.len();
    whole.get(end..)
}

/// Line and column, from 1, of a part of a text within the whole.
fn position(part: &str, whole: &[u8], lines_before: usize) -> Option<(usize, usize)> {
    let offset = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let before = whole.get(..offset)?;
    let line = before.iter().filter(|b| **b == b'\n').count();
    let column = before.iter().rev().take_while(|b| **b != b'\n').count();
    Some((lines_before + line + 1, column + 1))
}

/// The parser's words without its own "at line 1 column 7", which counts within the part.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Collects the elements of an array, or of the first known envelope, as far as they go.
struct Salvage<'a, 'de> {
    envelopes: &'a [&'a str],
    taken: &'a mut Vec<&'de RawValue>,
}

impl<'de> DeserializeSeed<'de> for Salvage<'_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Salvage<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(raw) = seq.next_element::<&RawValue>()? {
            self.taken.push(raw);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if self.envelopes.contains(&key.as_ref()) {
                map.next_value_seed(Salvage { envelopes: &[], taken: &mut *self.taken })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Parses an object's text; used where a record carries JSON inside a string.
pub(crate) fn parse_object(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_bomb_is_refused_and_its_limit_is_not() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![b' '; 2 * 1024 * 1024]).unwrap();
        let bytes = encoder.finish().unwrap();
        let (inflated, trouble) = inflate(&bytes, 2 * 1024 * 1024);
        assert_eq!((inflated.len(), trouble), (2 * 1024 * 1024, None));
        let (inflated, trouble) = inflate(&bytes, 2 * 1024 * 1024 - 1);
        assert!(inflated.is_empty());
        assert_eq!(trouble.as_deref(), Some("inflates to more than 1 MiB"));
    }
}
