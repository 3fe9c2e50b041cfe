//! The general remedy: a changed attribute that can be written gets its desired value back.

use super::{Proposal, Remedy, is_written, worst};
use crate::subject::Subject;
use ledger::Operation;
use model::finding::DriftStatus;
use model::knowledge::KindFacts;
use model::path::Step;
use model::remediation::ActionChange;
use model::{AttributePath, Value};
use std::collections::BTreeSet;

pub(super) struct RestoreAttributes;

impl Remedy for RestoreAttributes {
    fn name(&self) -> &'static str {
        "restore_attributes"
    }

    fn about(&self) -> &'static str {
        "gives changed attributes their desired values back"
    }

    fn operation(&self) -> Operation {
        Operation::Update
    }

    fn propose(&self, subject: &Subject<'_>) -> Option<Proposal> {
        let finding = subject.finding;
        if finding.status != DriftStatus::Changed {
            return None;
        }
        let (desired, live) = (subject.desired.as_ref()?, subject.live.as_ref()?);
        let facts = subject.knowledge.facts();
        let changed: BTreeSet<&str> =
            finding.attributes.iter().map(|c| c.path.attribute()).collect();
        let mut changes = Vec::new();
        let mut left = Vec::new();
        let mut sealed = None;
        for name in changed {
            let path = AttributePath::root(name);
            if !is_written(subject.knowledge, name) {
                left.push(path);
                continue;
            }
            let from = live.attributes.get(name).cloned().unwrap_or_default();
            let to = restored(facts, &path, desired.get(name).unwrap_or(&Value::Null), &from);
            if holds_secret(&from) || holds_secret(&to) {
                sealed.get_or_insert_with(|| name.to_owned());
            }
            let summary = finding
                .attributes
                .iter()
                .filter(|c| c.path.attribute() == name)
                .flat_map(|c| subject.knowledge.summary(&c.path, &c.live, &c.desired))
                .collect();
            changes.push(ActionChange { path, from, to, summary });
        }
        if changes.is_empty() {
            return None;
        }
        let restoring = worst(
            finding
                .attributes
                .iter()
                .filter(|c| changes.iter().any(|w| w.path.attribute() == c.path.attribute()))
                .map(|c| {
                    let id = &finding.native_id;
                    subject.knowledge.restoring(id, &c.path, &c.desired, &c.live)
                }),
        );
        let asks =
            sealed.map(|name| format!("{name} holds a secret, which is nowhere here to be seen"));
        Some(Proposal { left, asks, ..Proposal::on(subject, changes, restoring) })
    }
}

fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Redacted => true,
        Value::List(items) => items.iter().any(holds_secret),
        Value::Map(map) => map.values().any(holds_secret),
        _ => false,
    }
}

/// The desired value, whole, with the cloud's own where the state leaves one open.
fn restored(facts: &KindFacts, path: &AttributePath, desired: &Value, live: &Value) -> Value {
    let element = matches!(path.steps().last(), Some(Step::Index(_)));
    let own = facts.attributes.get(&path.pattern()).filter(|_| !element);
    if own.is_some_and(|f| f.computed || (f.only_if_set && desired.is_unset())) {
        return live.clone();
    }
    match (desired, live) {
        (Value::Null, _) => own.and_then(|f| f.default.clone()).unwrap_or(Value::Null),
        (Value::Map(wanted), Value::Map(is)) => {
            let mut map: std::collections::BTreeMap<String, Value> = wanted
                .iter()
                .map(|(key, value)| {
                    let is = is.get(key).unwrap_or(&Value::Null);
                    (key.clone(), restored(facts, &path.key(key.as_str()), value, is))
                })
                .collect();
            // In a block the state leaves out what it has no opinion of; in a plain map
            // (tags) a key that is not wanted goes.
            if path.steps().iter().any(|s| matches!(s, Step::Index(_))) {
                for (key, value) in is {
                    map.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            Value::Map(map)
        }
        (Value::List(wanted), Value::List(is))
            if wanted.len() == is.len() && !own.is_some_and(|f| f.set) =>
        {
            let pairs = wanted.iter().zip(is).enumerate();
            Value::List(pairs.map(|(i, (w, l))| restored(facts, &path.index(i), w, l)).collect())
        }
        _ => desired.clone(),
    }
}
