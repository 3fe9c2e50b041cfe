//! Seals what a state marks as sensitive.
//!
//! `sensitive_attributes` is a list of paths; a path is a list of steps,
//! `{"type": "get_attr", "value": "secret"}` or `{"type": "index", "value": 0}`
//! (Terraform's `internal/states/statefile`, version 4). Where a step cannot be followed,
//! everything under the last one that could is sealed: too much rather than a secret.

use model::{Attributes, Value};
use serde_json::Value as Json;

/// An error says that the marks themselves cannot be read.
pub fn seal(attributes: &mut Attributes, marks: &Json) -> Result<(), &'static str> {
    let paths = match marks {
        Json::Null => return Ok(()),
        Json::Array(paths) => paths,
        _ => return Err("a list of paths in sensitive_attributes"),
    };
    for path in paths {
        let Json::Array(steps) = path else {
            return Err("a path as a list of steps in sensitive_attributes");
        };
        seal_path(attributes, steps);
    }
    Ok(())
}

fn seal_path(attributes: &mut Attributes, steps: &[Json]) {
    let first = steps.first().and_then(key);
    let Some(name) = first else {
        // The whole resource, or a first step of an unknown form.
        attributes.values_mut().for_each(|v| *v = Value::Redacted);
        return;
    };
    if let Some(value) = attributes.get_mut(&name) {
        seal_value(value, &steps[1..]);
    }
}

fn seal_value(value: &mut Value, steps: &[Json]) {
    let Some((step, rest)) = steps.split_first() else {
        *value = Value::Redacted;
        return;
    };
    match value {
        Value::Null => {}
        Value::Map(map) => match key(step) {
            Some(name) => {
                if let Some(inner) = map.get_mut(&name) {
                    seal_value(inner, rest);
                }
            }
            None => *value = Value::Redacted,
        },
        Value::List(list) => match index(step).and_then(|n| list.get_mut(n)) {
            Some(inner) => seal_value(inner, rest),
            // An element of a set is named by its value, not by its place.
            None => *value = Value::Redacted,
        },
        _ => *value = Value::Redacted,
    }
}

/// A step's value, plain or wrapped as `{"value": .., "type": ..}`.
fn plain(step: &Json) -> Option<&Json> {
    match step.get("value")? {
        Json::Object(wrapped) => wrapped.get("value"),
        value => Some(value),
    }
}

fn key(step: &Json) -> Option<String> {
    plain(step)?.as_str().map(str::to_owned)
}

fn index(step: &Json) -> Option<usize> {
    let value = plain(step)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    usize::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sealed(marks: Json) -> Json {
        let mut attributes: Attributes = serde_json::from_value(
            json!({"id": "x", "secret": "s", "list": ["a", {"k": "v"}], "map": {"a": "b", "c": "d"}}),
        )
        .unwrap();
        seal(&mut attributes, &marks).unwrap();
        json!(attributes)
    }

    fn attr(name: &str) -> Json {
        json!({"type": "get_attr", "value": name})
    }

    #[test]
    fn marks_reach_into_values() {
        let list = json!({"type": "index", "value": {"value": 1, "type": "number"}});
        let map = json!({"type": "index", "value": "a"});
        let out =
            sealed(json!([[attr("secret")], [attr("list"), list, attr("k")], [attr("map"), map]]));
        assert_eq!(
            out,
            json!({"id": "x", "secret": null, "list": ["a", {"k": null}], "map": {"a": null, "c": "d"}})
        );
    }

    #[test]
    fn what_cannot_be_followed_is_sealed_above() {
        let set = json!({"type": "index", "value": {"name": "n"}});
        assert_eq!(sealed(json!([[attr("list"), set]]))["list"], json!(null));
        let odd = json!({"type": "slice", "value": [1, 2]});
        assert_eq!(sealed(json!([[attr("map"), odd]]))["map"], json!(null));
        assert_eq!(sealed(json!([[odd.clone()]]))["id"], json!(null));
        assert_eq!(sealed(json!([[attr("absent")]]))["secret"], json!("s"));
    }

    #[test]
    fn an_element_of_a_set_seals_the_set() {
        let beyond = json!({"type": "index", "value": 7});
        assert_eq!(sealed(json!([[attr("list"), beyond]]))["list"], json!(null));
    }

    #[test]
    fn unreadable_marks_are_an_error() {
        let mut attributes = Attributes::new();
        assert!(seal(&mut attributes, &json!("secret")).is_err());
        assert!(seal(&mut attributes, &json!(["secret"])).is_err());
        assert!(seal(&mut attributes, &Json::Null).is_ok());
    }
}
