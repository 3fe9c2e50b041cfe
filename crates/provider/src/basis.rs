//! A write on a basis: what the caller saw, and what must still be so when it writes.
//!
//! A change is decided on what `current` shows. Where an API has a precondition (an etag, a
//! generation) the kind writes under it and says so with [`Kind::holds_its_basis`]. The
//! others are read once more right before the write and compared, which leaves the moment
//! between the two calls: no API of theirs can close it.

use crate::error::{ErrorKind, ProviderError};
use crate::kind::{Kind, Session, Wanted};
use crate::redact;
use model::{Attributes, Resource, Value};

/// The attributes of `current` that a change of these stands on; empty where the caller did
/// not look, and says of each what it is to become.
pub fn of_change<'c>(
    current: &'c Resource,
    changes: &Attributes,
    written_whole: &[&str],
) -> Vec<&'c str> {
    let changed = |(name, wanted): (&String, &Value)| {
        current.attributes.get(name).is_some_and(|seen| seen != wanted)
    };
    if !changes.iter().any(changed) {
        return Vec::new();
    }
    let touched = |name: &str| changes.contains_key(name) || written_whole.contains(&name);
    current.attributes.keys().map(String::as_str).filter(|name| touched(name)).collect()
}

/// The attributes of `current` that a deletion stands on: of what is configuration alone, all
/// that can be written.
pub fn of_deletion<'c, S: Session>(kind: &dyn Kind<S>, current: &'c Resource) -> Vec<&'c str> {
    let facts = kind.facts();
    if !facts.removable {
        return Vec::new();
    }
    let names = current.attributes.keys().map(String::as_str);
    names.filter(|name| facts.writable.iter().any(|w| w == name)).collect()
}

/// What of these has moved since `current` was read.
pub fn moved<'n>(current: &Resource, live: &Attributes, names: &[&'n str]) -> Vec<&'n str> {
    let differs = |name: &&&str| {
        current.attributes.get(**name).unwrap_or(&Value::Null)
            != live.get(**name).unwrap_or(&Value::Null)
    };
    names.iter().filter(differs).copied().collect()
}

/// Somebody else was faster.
pub fn conflict(current: &Resource, moved: &[&str]) -> ProviderError {
    let what = match moved {
        [] => "it has moved since it was read".to_owned(),
        names => format!("{} moved since it was read", names.join(", ")),
    };
    ProviderError::new(ErrorKind::Conflict, format!("change {}", current.kind), &current.native_id)
        .because(what)
        .next_step("somebody else changes it: look at it again, then decide again")
}

/// Reads once more and refuses where any of these moved.
pub(crate) async fn hold<S: Session>(
    kind: &dyn Kind<S>,
    session: &S,
    current: &Resource,
    names: &[&str],
) -> Result<(), ProviderError> {
    if names.is_empty() || kind.holds_its_basis() {
        return Ok(());
    }
    let wanted = Wanted {
        kind: current.kind.clone(),
        native_id: current.native_id.clone(),
        region: current.region.clone(),
        recorded: current.attributes.clone(),
    };
    let Some(mut live) = kind.read(session, &wanted).await? else {
        return Err(conflict(current, &[]).because("it is gone"));
    };
    redact::seal(&mut live.attributes, kind.facts());
    match moved(current, &live.attributes, names).as_slice() {
        [] => Ok(()),
        moved => Err(conflict(current, moved)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(attributes: &str) -> Resource {
        Resource {
            cloud: "x".into(),
            account: None,
            region: None,
            kind: "x_box".into(),
            native_id: "box".to_owned(),
            attributes: read(attributes),
        }
    }

    fn read(attributes: &str) -> Attributes {
        serde_json::from_str(attributes).unwrap()
    }

    #[test]
    fn whoever_looked_stands_on_what_was_seen() {
        let seen = resource(r#"{"a":1,"b":2,"c":3}"#);
        let basis =
            |changes: &str, whole: &[&str]| of_change(&seen, &read(changes), whole).join("");
        assert_eq!(basis(r#"{"a":2}"#, &[]), "a");
        assert_eq!(basis(r#"{"a":2}"#, &["a", "c"]), "ac", "an API that writes both");
        assert_eq!(basis(r#"{"a":2,"b":2}"#, &[]), "ab");
        assert_eq!(basis(r#"{"a":1,"b":2}"#, &["c"]), "", "nothing was seen otherwise");
        assert_eq!(basis(r#"{"d":1}"#, &["c"]), "", "nothing was seen of it");
    }

    #[test]
    fn what_moved_is_named() {
        let seen = resource(r#"{"a":1,"b":2}"#);
        let live = read(r#"{"a":1,"b":3}"#);
        assert_eq!(moved(&seen, &live, &["a", "b"]), ["b"]);
        assert_eq!(moved(&seen, &live, &["a"]), [""; 0]);
        let error = conflict(&seen, &["b"]);
        assert!(error.is(ErrorKind::Conflict));
        assert_eq!(error.cause, "b moved since it was read");
    }
}
