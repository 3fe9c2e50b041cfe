//! What an entry may weigh: whatever is written can be read back.

use crate::{LedgerError, NewEntry};
use serde_json::Value;

/// Of one entry's text. A plan of ten thousand actions has some twenty megabytes.
pub const MOST_BYTES: u64 = 64 << 20;

/// How deep a body may be nested. `serde_json` reads 128 levels and no more; an entry stands
/// inside a few of its own.
const DEEPEST: usize = 120;

/// The body as text, the same for the same body: members in the order of their names.
pub(crate) fn text(place: &str, entry: &NewEntry) -> Result<String, LedgerError> {
    let refused = |what: &str| LedgerError {
        place: place.to_owned(),
        what: format!(
            "{} {} was not written: {what}",
            entry.kind.as_str(),
            crate::chain::shown(entry.key.as_bytes())
        ),
        next_step: "report it: no plan and no change is meant to be that large".to_owned(),
    };
    if deeper_than(&entry.body, DEEPEST) {
        return Err(refused(&format!("it is nested deeper than {DEEPEST} levels")));
    }
    let text = entry.body.to_string();
    if text.len() as u64 > MOST_BYTES {
        return Err(refused(&format!("it is larger than {MOST_BYTES} bytes")));
    }
    Ok(text)
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return value.is_object() || value.is_array();
    };
    match value {
        Value::Array(items) => items.iter().any(|v| deeper_than(v, below)),
        Value::Object(members) => members.values().any(|v| deeper_than(v, below)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntryKind;
    use model::Timestamp;

    fn nested(levels: usize) -> NewEntry {
        let body = (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        let time = Timestamp::from_unix(0).unwrap();
        NewEntry { kind: EntryKind::Plan, key: "k".to_owned(), time, body }
    }

    #[test]
    fn what_could_not_be_read_back_is_not_written() {
        let deepest = text("here", &nested(DEEPEST)).unwrap();
        assert!(serde_json::from_str::<Value>(&format!("{{\"body\":{deepest}}}")).is_ok());
        let error = text("here", &nested(DEEPEST + 1)).unwrap_err();
        assert_eq!(error.what, "plan k was not written: it is nested deeper than 120 levels");
    }
}
