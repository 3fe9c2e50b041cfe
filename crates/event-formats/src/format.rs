//! What one log format answers.

use crate::FORMATS;
use crate::record::Record;
use model::Event;
use serde_json::{Map, Value};

pub trait Format: Sync {
    /// `cloudtrail`: the module's name, and what a caller gives as a hint.
    fn name(&self) -> &'static str;

    /// Is this one record of this format? Asked of every record, so it looks at few fields.
    fn recognises(&self, fields: &Map<String, Value>) -> bool;

    /// Names under which a file or an answer of this format holds its records.
    fn envelopes(&self) -> &'static [&'static str];

    /// The record itself, where a lookup carries it as text inside its own entry.
    fn inner<'r>(&self, _fields: &'r Map<String, Value>) -> Option<&'r str> {
        None
    }

    /// A document of this vendor's log that holds no records: read, and nothing is missing.
    fn is_companion(&self, _fields: &Map<String, Value>) -> bool {
        false
    }

    /// The error says which field is missing or unreadable.
    fn event(&self, record: Record) -> Result<Event, String>;
}

pub fn find_format(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.name() == name)
}

pub(crate) fn names() -> String {
    FORMATS.iter().map(|f| f.name()).collect::<Vec<_>>().join(", ")
}
