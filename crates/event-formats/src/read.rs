//! Bytes to records: gzip, byte order mark, one document, arrays, envelopes, JSON lines.

use crate::FORMATS;
use crate::csv;
use crate::envelope::{self, MAX_OPENED};
use crate::format::{Format, find_format};
use crate::record::Record;
use crate::salvage::{Members, Salvage};
use crate::strangers::stranger;
use crate::strict::plain;
use flate2::read::MultiGzDecoder;
use model::Event;
use model::event::{RecordLocation, Rejected};
use serde::de::DeserializeSeed;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read;

/// What a compressed file may inflate to. CloudTrail closes a file at about 50 MB, Azure
/// and Google write hourly ones; what is larger than this is no log but an attack on memory.
pub const MAX_INFLATED: usize = 256 * 1024 * 1024;

/// No log's header is longer.
const MAX_HEADER: usize = 4096;

/// Reads a file or an object, whatever of the known formats it is in.
pub fn read(bytes: &[u8], source: &str) -> (Vec<Event>, Vec<Rejected>) {
    let mut reading = Reading::new(source, None);
    let (bytes, trouble) = inflate(bytes, MAX_INFLATED);
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let (text, spoiled) = as_text(bytes);
    reading.spoiled = spoiled;
    reading.base = text.as_ptr() as usize;
    reading.document(text.as_bytes());
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

/// The bytes as text. What is no UTF-8 becomes a question mark, and its place is told: the
/// record that holds it is refused, and those around it are not.
fn as_text(bytes: &[u8]) -> (Cow<'_, str>, Vec<usize>) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let (mut text, mut spoiled) = (String::with_capacity(bytes.len()), Vec::new());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            spoiled.push(text.len());
            text.push('?');
        }
    }
    (Cow::Owned(text), spoiled)
}

const NOT_UTF8: &str = "not UTF-8";

struct Reading<'s> {
    source: &'s str,
    formats: Vec<&'static dyn Format>,
    events: Vec<Event>,
    rejected: Vec<Rejected>,
    /// The index of the next record.
    next: usize,
    /// Whether anything was met that one of the formats knows.
    familiar: bool,
    /// Where the text of a document begins, and the places in it that were no UTF-8.
    base: usize,
    spoiled: Vec<usize>,
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
            base: 0,
            spoiled: Vec::new(),
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
        if let Some(header) = self.header(bytes) {
            return self.text_lines(&header, bytes);
        }
        if let Some(names) = self.table(bytes) {
            return self.table_rows(&names, bytes);
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
        let starts = bytes.trim_ascii_start().first();
        let reason = match starts {
            Some(b'{' | b'[') => plain(&failed),
            _ => "neither JSON nor a text log whose header is known".to_owned(),
        };
        self.reject(at, Some((failed.line(), failed.column())), reason);
    }

    fn lines(&mut self, bytes: &[u8]) {
        for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice::<&RawValue>(line) {
                Ok(raw) => self.value_at(raw.get(), line, number),
                Err(error) => {
                    let index = self.take_index();
                    self.reject(index, Some((number + 1, error.column())), plain(&error));
                }
            }
        }
    }

    /// The names of the columns, where the first line of a text log gives them.
    fn header(&self, bytes: &[u8]) -> Option<Vec<String>> {
        let first = first_line(bytes)?;
        let names = self.formats.iter().find_map(|f| f.header(first))?;
        Some(names.into_iter().map(str::to_owned).collect())
    }

    fn text_lines(&mut self, header: &[String], bytes: &[u8]) {
        self.familiar = true;
        let names: Vec<&str> = header.iter().map(String::as_str).collect();
        let lines = bytes.split(|b| *b == b'\n').enumerate();
        let mut lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
        lines.next();
        for (number, line) in lines {
            let index = self.take_index();
            // The document was made of text before it was split at line ends.
            let line = std::str::from_utf8(line).unwrap_or_default().trim();
            let result = match self.is_spoiled(line) {
                true => Err(NOT_UTF8.to_owned()),
                false => envelope::columns(&names, line)
                    .and_then(|fields| self.try_fields(fields, line, index)),
            };
            if let Err(reason) = result {
                self.reject(index, Some((number + 1, 1)), reason);
            }
        }
    }

    /// The columns of a table of records, where the first line names them. Some engines write
    /// the names of columns in lower case, some as the query had them.
    fn table(&self, bytes: &[u8]) -> Option<Vec<String>> {
        let first = first_line(bytes)?;
        let names = csv::rows(first).next()?.cells?;
        let names: Vec<String> = names.iter().map(|n| n.trim().to_ascii_lowercase()).collect();
        let has = |name: &str| names.iter().filter(|n| *n == name).count() == 1;
        let distinct = names.iter().collect::<BTreeSet<_>>().len() == names.len();
        let known = has("eventjson") || (has("eventsource") && has("eventname"));
        (distinct && known && self.formats.iter().any(|f| f.name().starts_with("cloudtrail")))
            .then_some(names)
    }

    fn table_rows(&mut self, names: &[String], bytes: &[u8]) {
        self.familiar = true;
        // The document was made of text before.
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        for row in csv::rows(text).skip(1) {
            let index = self.take_index();
            let before = self.rejected.len();
            let result = match (self.is_spoiled(row.text), row.cells) {
                (true, _) => Err(NOT_UTF8.to_owned()),
                (false, None) => Err("quotation marks that do not match".to_owned()),
                (false, Some(cells)) => envelope::cells(names, cells).and_then(|fields| {
                    match envelope::open(row.text, &fields) {
                        Some(inner) => self.inside(inner, index, MAX_OPENED),
                        None => self.try_fields(fields, row.text, index),
                    }
                }),
            };
            if let Err(reason) = result {
                self.reject(index, None, reason);
            }
            for rejected in &mut self.rejected[before..] {
                (rejected.line, rejected.column) = (Some(row.line), Some(1));
            }
        }
    }

    fn is_spoiled(&self, part: &str) -> bool {
        let Some(start) = (part.as_ptr() as usize).checked_sub(self.base) else { return false };
        let next = self.spoiled.partition_point(|at| *at < start);
        self.spoiled.get(next).is_some_and(|at| *at < start + part.len())
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
            && let Ok(Members(members)) = serde_json::from_str(text)
        {
            let enveloped = self.enveloped(&members);
            for records in &enveloped {
                self.familiar = true;
                if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(records) {
                    self.elements(&elements, whole, lines_before);
                }
            }
            if !enveloped.is_empty() {
                return;
            }
        }
        self.record(text, || position(text, whole, lines_before));
    }

    fn elements(&mut self, elements: &[&RawValue], whole: &[u8], lines_before: usize) {
        for element in elements {
            self.record(element.get(), || position(element.get(), whole, lines_before));
        }
    }

    /// All lists under a name of an envelope: a name that stands twice has two lists.
    fn enveloped<'r>(&self, members: &[(Cow<'_, str>, &'r RawValue)]) -> Vec<&'r str> {
        members
            .iter()
            .filter(|(name, raw)| {
                raw.get().starts_with('[')
                    && self.formats.iter().any(|f| f.envelopes().contains(&name.as_ref()))
            })
            .map(|(_, raw)| raw.get())
            .collect()
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

    fn record(&mut self, text: &str, position: impl Fn() -> Option<(usize, usize)>) {
        let index = self.take_index();
        if self.is_spoiled(text) {
            return self.reject(index, position(), NOT_UTF8.to_owned());
        }
        let before = self.rejected.len();
        if let Err(reason) = self.try_record(text, index, 0) {
            self.reject(index, None, reason);
        }
        for rejected in &mut self.rejected[before..] {
            (rejected.line, rejected.column) = position().unzip();
        }
    }

    fn try_record(&mut self, text: &str, index: usize, opened: u8) -> Result<(), String> {
        let fields = envelope::fields_of(text)?;
        if opened < MAX_OPENED
            && let Some(envelope) = envelope::open(text, &fields)
        {
            return self.inside(envelope, index, opened + 1);
        }
        self.try_fields(fields, text, index)
    }

    /// The records of an envelope: each is counted, each has its own reason.
    fn inside(
        &mut self,
        envelope: envelope::Opened<'_>,
        index: usize,
        opened: u8,
    ) -> Result<(), String> {
        self.familiar = true;
        // A lookup shows records, never another lookup.
        let lookup = envelope.name == "lookup";
        let opened = if lookup { MAX_OPENED } else { opened };
        for (at, (text, around)) in envelope.records.into_iter().enumerate() {
            let index = if at == 0 { index } else { self.take_index() };
            let first = self.events.len();
            let label = around.get("detail-type").and_then(Value::as_str).map(str::to_owned);
            let bare = self.formats.iter().find_map(|f| f.bare_line(&text));
            let result = match bare {
                Some(mut fields) => {
                    envelope::keep(&mut fields, envelope.name, around);
                    self.try_fields(fields, &text, index)
                }
                None => envelope::fields_of(&text).and_then(|mut fields| {
                    if opened < MAX_OPENED
                        && let Some(inner) = envelope::open(&text, &fields)
                    {
                        self.inside(inner, index, opened + 1)?;
                        for event in &mut self.events[first..] {
                            if let Some(fields) = event.unmapped.as_object_mut() {
                                envelope::keep(fields, envelope.name, around.clone());
                            }
                        }
                        return Ok(());
                    }
                    envelope::keep(&mut fields, envelope.name, around);
                    self.try_fields(fields, &text, index)
                }),
            };
            if let Err(mut reason) = result {
                if !lookup {
                    let label = label.map_or(String::new(), |l| format!(" ({l})"));
                    reason = format!("in {}{label}: {reason}", envelope.name);
                }
                self.reject(index, None, reason);
            }
        }
        Ok(())
    }

    fn try_fields(
        &mut self,
        fields: Map<String, Value>,
        text: &str,
        index: usize,
    ) -> Result<(), String> {
        let Some(format) = self.formats.iter().find(|f| f.recognises(&fields)).copied() else {
            if envelope::is_control(&fields) || self.formats.iter().any(|f| f.is_companion(&fields))
            {
                self.familiar = true;
                return Ok(());
            }
            return Err(match (self.formats.as_slice(), stranger(&fields)) {
                ([one], _) => format!("not a record of {}", one.name()),
                (_, Some(what)) => format!("{what}, which is not read"),
                _ => "not a record of any format that is read".to_owned(),
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

    fn take_index(&mut self) -> usize {
        self.next += 1;
        self.next - 1
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

/// The first line that is not empty, if it may be a header.
fn first_line(bytes: &[u8]) -> Option<&str> {
    let line = bytes.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    let line = line.get(..line.len().min(MAX_HEADER))?;
    std::str::from_utf8(line).ok().map(str::trim).filter(|line| !line.starts_with(['{', '[']))
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

pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
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
