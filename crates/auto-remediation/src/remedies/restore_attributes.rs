//! The general remedy: a changed attribute that can be written gets its desired value back.
//! Where some of the changes let strangers in, these go first and alone: what else has changed
//! is another question, and must not ride on their answer.

use super::{Proposal, Remedy, is_written, worst};
use crate::subject::Subject;
use ledger::Operation;
use model::finding::{AttributeChange, DriftStatus};
use model::knowledge::Restoring;
use model::path::Step;
use model::remediation::ActionChange;
use model::{AttributePath, Value};
use std::collections::{BTreeMap, BTreeSet};

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
        let changed: BTreeSet<&str> =
            finding.attributes.iter().map(|c| c.path.attribute()).collect();
        let (mut left, mut secret) = (Vec::new(), Vec::new());
        let mut whole: Vec<(ActionChange, Restoring)> = Vec::new();
        for name in changed {
            let path = AttributePath::root(name);
            if !is_written(subject.knowledge, name) {
                left.push(path);
                continue;
            }
            let from = live.attributes.get(name).cloned().unwrap_or_default();
            let sealed = |v: &Value| v.holds_sealed();
            if sealed(&from) || desired.get(name).is_some_and(sealed) {
                secret.push(path);
                continue;
            }
            let changes: Vec<&AttributeChange> =
                finding.attributes.iter().filter(|c| c.path.attribute() == name).collect();
            let to = brought_back(&from, &changes);
            let knowledge = subject.knowledge;
            let summary = changes
                .iter()
                .flat_map(|c| knowledge.summary(&c.path, &c.live, &c.desired))
                .collect();
            let restoring =
                worst(changes.iter().map(|c| {
                    knowledge.restoring(&finding.native_id, &c.path, &c.desired, &c.live)
                }));
            // `worst` takes what closes for more than what does neither: here both must close.
            let closes = changes.iter().all(|c| {
                let id = &finding.native_id;
                knowledge.restoring(id, &c.path, &c.desired, &c.live) == Restoring::Closes
            });
            let restoring = match restoring {
                Restoring::Closes if !closes => Restoring::Neutral,
                other => other,
            };
            whole.push((ActionChange { path, from, to, summary }, restoring));
        }
        if whole.iter().any(|(_, r)| *r == Restoring::Closes) {
            let (closing, others): (Vec<_>, Vec<_>) =
                whole.into_iter().partition(|(_, r)| *r == Restoring::Closes);
            left.extend(others.into_iter().map(|(change, _)| change.path));
            whole = closing;
        }
        if whole.is_empty() {
            return None;
        }
        let (changes, restoring): (Vec<_>, Vec<_>) = whole.into_iter().unzip();
        Some(Proposal { left, secret, ..Proposal::on(subject, changes, worst(restoring)) })
    }
}

/// What lives, with the changed places as they are desired and nothing else touched: what is
/// ignored, or what the state has no opinion of, stays.
fn brought_back(live: &Value, changes: &[&AttributeChange]) -> Value {
    let mut value = live.clone();
    for change in changes {
        let inner = change.path.steps().get(1..).unwrap_or_default();
        set(&mut value, inner, &change.desired);
    }
    value
}

fn set(value: &mut Value, steps: &[Step], wanted: &Value) {
    let Some((step, rest)) = steps.split_first() else {
        *value = wanted.clone();
        return;
    };
    match step {
        Step::Index(i) => {
            if !matches!(value, Value::List(_)) {
                *value = Value::List(Vec::new());
            }
            if let Value::List(items) = value {
                // A block that is not there: its attributes are what they are by default.
                while items.len() <= *i {
                    items.push(Value::Map(BTreeMap::new()));
                }
                if let Some(item) = items.get_mut(*i) {
                    set(item, rest, wanted);
                }
            }
        }
        Step::Key(key) => {
            if !matches!(value, Value::Map(_)) {
                *value = Value::Map(BTreeMap::new());
            }
            if let Value::Map(map) = value {
                if rest.is_empty() && *wanted == Value::Null {
                    map.remove(key);
                } else {
                    set(map.entry(key.clone()).or_default(), rest, wanted);
                }
            }
        }
    }
}
