//! Desired beside live, attribute by attribute.

use crate::classify;
use crate::meaning::{Chain, Meaning, is_named};
use model::finding::AttributeChange;
use model::resource::Desired;
use model::{AttributePath, KindName, Knowledge, Live, Unknown, Value};
use std::collections::BTreeSet;

/// What a comparison has to know of the rest of the run.
#[derive(Clone, Debug, Default)]
pub struct CompareContext {
    /// The kinds that stand in any state given: a deprecated copy of such a kind's own
    /// attribute is not compared a second time.
    pub kinds: BTreeSet<KindName>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    InSync,
    Changed(Vec<AttributeChange>),
    Missing,
    Unknown(Unknown),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub outcome: Outcome,
    /// Attributes that the state holds, the kind's facts do not name and the reader did not
    /// return: nothing is said of them. What the facts do name is always compared, and there
    /// an attribute that the reader left out is null, so a lost guard cannot hide in silence.
    pub unread: Vec<String>,
}

pub fn compare(
    desired: &Desired,
    live: &Live,
    knowledge: &dyn Knowledge,
    context: &CompareContext,
) -> Comparison {
    let resource = match live {
        Live::Present(resource) => resource,
        Live::Absent => return Comparison { outcome: Outcome::Missing, unread: Vec::new() },
        Live::Unknown(unknown) => {
            return Comparison { outcome: Outcome::Unknown(unknown.clone()), unread: Vec::new() };
        }
    };
    let facts = knowledge.facts();
    let meaning = Meaning::new(knowledge);
    let mut differences = Vec::new();
    let mut unread = Vec::new();
    let names: BTreeSet<&String> =
        desired.attributes.keys().chain(resource.attributes.keys()).collect();
    for name in names {
        let path = AttributePath::root(name.as_str());
        let wanted = desired.attributes.get(name);
        let mirror = Chain::at(facts, &path).own.and_then(|f| f.mirror.as_ref());
        if let Some(owner) = mirror
            && (context.kinds.contains(owner) || wanted.is_none_or(Value::is_unset))
        {
            continue;
        }
        match (wanted, resource.attributes.get(name)) {
            (Some(wanted), Some(is)) => {
                differences.extend(meaning.differences(&path, wanted, is));
            }
            (Some(wanted), None) if is_named(facts, &path) => {
                differences.extend(meaning.differences(&path, wanted, &Value::Null));
            }
            (Some(wanted), None) if !wanted.is_unset() => unread.push(name.clone()),
            // A state written before the provider knew this attribute wanted its default.
            (None, Some(is)) if classify::matters(facts, &path) => {
                differences.extend(meaning.differences(&path, &Value::Null, is));
            }
            _ => {}
        }
    }
    if differences.is_empty() {
        return Comparison { outcome: Outcome::InSync, unread };
    }
    let changes = differences
        .into_iter()
        .map(|d| AttributeChange {
            security_relevant: classify::matters(facts, &d.path)
                || knowledge.judge(&d.path, &d.desired, &d.live).is_some(),
            sensitive: false,
            summary: knowledge.summary(&d.path, &d.desired, &d.live),
            path: d.path,
            desired: d.desired,
            live: d.live,
        })
        .collect();
    Comparison { outcome: Outcome::Changed(changes), unread }
}
