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
    fn envelopes(&self) -> &'static [&'static str] {
        &[]
    }

    /// The names of the columns, if this is the first line of a text log of this format.
    fn header<'l>(&self, _line: &'l str) -> Option<Vec<&'l str>> {
        None
    }

    /// A line of a text log whose columns need no header.
    fn bare_line(&self, _line: &str) -> Option<Map<String, Value>> {
        None
    }

    /// A document of this vendor's log that holds no records: read, and nothing is missing.
    fn is_companion(&self, _fields: &Map<String, Value>) -> bool {
        false
    }

    /// The error says which field is missing or unreadable.
    fn event(&self, record: Record) -> Result<Event, String>;

    /// What its events call their `product`: how an event finds its format again.
    fn product(&self) -> &'static str;

    /// What OCSF has a place for and `Event` has no field: the ends of a connection, what a
    /// finding says, whether there was a second factor. Whatever is put somewhere may be
    /// taken out of `unmapped`.
    fn shape(&self, _event: &Event, _ocsf: &mut Map<String, Value>) {}
}

pub fn find_format(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.name() == name)
}
