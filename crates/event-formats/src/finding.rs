//! What the findings of different services have alike.

use crate::ocsf::fields;
use crate::record::read_time;
use model::Event;
use serde_json::{Map, Value, json};

/// Takes a text out of what an object keeps as unmapped.
pub(crate) fn take_text(object: &mut Map<String, Value>, path: &[&str]) -> Option<String> {
    let (last, containers) = path.split_last()?;
    let mut at = object.get_mut("unmapped")?.as_object_mut()?;
    for key in containers {
        at = at.get_mut(*key)?.as_object_mut()?;
    }
    match at.get(*last)? {
        Value::String(_) => match at.remove(*last)? {
            Value::String(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A moment of the record, in both of OCSF's forms; the text stays where it is.
pub(crate) fn moment(object: &mut Map<String, Value>, name: &str, told: Option<&Value>) {
    if let Some(time) = told.and_then(Value::as_str).and_then(read_time) {
        object.insert(name.to_owned(), json!(time.unix_millis()));
        object.insert(format!("{name}_dt"), json!(time.to_millis_text()));
    }
}

/// What every finding says of itself, where the texts are no longer needed in `unmapped`.
pub(crate) struct Said<'p> {
    pub uid: &'p [&'p str],
    pub title: &'p [&'p str],
    pub desc: &'p [&'p str],
    pub created: &'p str,
    pub modified: &'p str,
    pub first_seen: &'p str,
    pub last_seen: &'p str,
}

pub(crate) fn said(event: &Event, ocsf: &mut Map<String, Value>, said: &Said<'_>, types: Value) {
    let mut info = fields(json!({
        "uid": take_text(ocsf, said.uid).unwrap_or_else(|| event.uid.clone()),
        "title": take_text(ocsf, said.title).unwrap_or_else(|| event.operation.clone()),
        "desc": take_text(ocsf, said.desc),
        "types": types,
    }));
    for (name, pointer) in [
        ("created_time", said.created),
        ("modified_time", said.modified),
        ("first_seen_time", said.first_seen),
        ("last_seen_time", said.last_seen),
    ] {
        moment(&mut info, name, event.unmapped.pointer(pointer));
    }
    ocsf.insert("finding_info".to_owned(), Value::Object(info));
}

/// OCSF's number of a severity's word.
pub(crate) fn severity(word: &str) -> u8 {
    match word.to_ascii_uppercase().as_str() {
        "INFORMATIONAL" | "INFO" => 1,
        "LOW" | "MINIMAL" => 2,
        "MEDIUM" => 3,
        "HIGH" => 4,
        "CRITICAL" => 5,
        _ => 0,
    }
}
