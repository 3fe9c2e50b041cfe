//! Digests: of live values (has it moved?), of an action and of a plan (is it the one that was
//! approved?).

use model::knowledge::KindFacts;
use model::path::Step;
use model::{Action, AttributePath, Attributes, Value, fingerprint};
use serde_json::{Value as Json, json};

/// What stands where there is nothing.
pub const ABSENT: &str = "absent";

/// Over every live attribute that is ever compared. Sets have no order in it, policy documents
/// no layout, sealed values no value.
pub fn live(facts: &KindFacts, attributes: Option<&Attributes>) -> String {
    let Some(attributes) = attributes else { return ABSENT.to_owned() };
    let compared: serde_json::Map<String, Json> = attributes
        .iter()
        .filter_map(|(name, value)| {
            Some((name.clone(), normal(facts, &AttributePath::root(name.as_str()), value)?))
        })
        .collect();
    digest_of(&Json::Object(compared))
}

/// Over one attribute.
pub fn attribute(facts: &KindFacts, name: &str, value: &Value) -> String {
    digest_of(&normal(facts, &AttributePath::root(name), value).unwrap_or(Json::Null))
}

/// Do two values of one attribute mean the same? In a block, what is unset and what is as it
/// is by default are one: a state has `""` where a cloud says `Disabled`.
pub fn is_same(facts: &KindFacts, name: &str, a: &Value, b: &Value) -> bool {
    let path = AttributePath::root(name);
    let meant = |value: &Value| attribute(facts, name, &set_parts(facts, &path, value));
    meant(a) == meant(b)
}

/// A value without the parts of its blocks that say nothing.
fn set_parts(facts: &KindFacts, path: &AttributePath, value: &Value) -> Value {
    match value {
        Value::List(items) => {
            let parts = items.iter().enumerate();
            Value::List(parts.map(|(i, v)| set_parts(facts, &path.index(i), v)).collect())
        }
        Value::Map(map) => {
            let parts = map.iter().filter_map(|(key, value)| {
                let path = path.key(key.as_str());
                let own = facts.attributes.get(&path.pattern());
                let as_ever = own.and_then(|f| f.default.as_ref()) == Some(value);
                let said = !value.is_unset() && !as_ever;
                said.then(|| (key.clone(), set_parts(facts, &path, value)))
            });
            Value::Map(parts.collect())
        }
        other => other.clone(),
    }
}

/// The digits of a digest, for keys.
pub fn bare(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn digest_of(json: &Json) -> String {
    fingerprint::digest([canonical(json).as_bytes()])
}

/// RFC 8785. Its only failures are numbers that are not finite, which no JSON here holds.
pub fn canonical(json: &Json) -> String {
    serde_json_canonicalizer::to_string(json).unwrap_or_else(|_| json.to_string())
}

/// `None`: never compared.
fn normal(facts: &KindFacts, path: &AttributePath, value: &Value) -> Option<Json> {
    let element = matches!(path.steps().last(), Some(Step::Index(_)));
    let own = facts.attributes.get(&path.pattern());
    // A sealed value is null where it was written down, and null is nothing.
    let silent = matches!(value, Value::Redacted | Value::Null);
    if own.is_some_and(|f| f.computed || f.local || f.sensitive) || silent {
        return None;
    }
    Some(match value {
        Value::List(items) => {
            let mut items: Vec<Json> = items
                .iter()
                .enumerate()
                .filter_map(|(i, v)| normal(facts, &path.index(i), v))
                .collect();
            if !element && own.is_some_and(|f| f.set) {
                items.sort_by_cached_key(canonical);
            }
            Json::Array(items)
        }
        Value::Map(map) => Json::Object(
            map.iter()
                .filter_map(|(k, v)| Some((k.clone(), normal(facts, &path.key(k.as_str()), v)?)))
                .collect(),
        ),
        Value::String(text) if own.is_some_and(|f| f.policy_document) => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()))
        }
        Value::String(text) if own.is_some_and(|f| f.ignore_case) => {
            Json::String(text.to_lowercase())
        }
        other => other.to_json(),
    })
}

/// What the plan's hash covers of one action: no times, no event ids, no reasons, no computed
/// values. A change here is a new version of the plan.
fn covered(action: &Action) -> Json {
    let changes: Vec<Json> = action
        .changes
        .iter()
        .map(|c| json!({ "path": c.path.to_string(), "from": c.from.to_json(), "to": c.to.to_json() }))
        .collect();
    json!({
        "cloud": action.cloud, "account": action.account, "kind": action.kind,
        "address": action.address, "native_id": action.native_id, "remedy": action.remedy,
        "decision": action.decision, "changes": changes, "preconditions": action.preconditions,
    })
}

pub fn action(action: &Action) -> String {
    digest_of(&covered(action))
}

/// Over the target and the digests of the actions; the order in which they stand is not a part
/// of it.
pub fn plan(target: &str, actions: &[Action]) -> String {
    let mut digests: Vec<&str> = actions.iter().map(|a| a.digest.as_str()).collect();
    digests.sort_unstable();
    digest_of(&json!({ "target": target, "actions": digests }))
}
