//! Are two values the same by meaning? The kind's facts decide, the kind itself first.

use model::knowledge::{AttributeFacts, KindFacts};
use model::path::Step;
use model::value::same_scalar;
use model::{AttributePath, Knowledge, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// One difference: where, and both values with the kind's defaults put in.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub path: AttributePath,
    pub desired: Value,
    pub live: Value,
}

/// Compares values of one kind.
#[derive(Clone, Copy)]
pub struct Meaning<'a> {
    knowledge: &'a dyn Knowledge,
}

impl<'a> Meaning<'a> {
    pub fn new(knowledge: &'a dyn Knowledge) -> Self {
        Meaning { knowledge }
    }

    pub fn equal(&self, path: &AttributePath, desired: &Value, live: &Value) -> bool {
        self.differences(path, desired, live).is_empty()
    }

    pub fn differences(
        &self,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        self.walk(path, desired, live, &mut found);
        found
    }

    /// Whether a set holds an element, by meaning.
    pub fn contains(&self, path: &AttributePath, set: &[Value], element: &Value) -> bool {
        set.iter().enumerate().any(|(i, own)| self.equal(&path.index(i), own, element))
    }

    fn walk(
        &self,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
        found: &mut Vec<Difference>,
    ) {
        let facts = Chain::at(self.knowledge.facts(), path);
        if facts.never_compared() || [desired, live].contains(&&Value::Redacted) {
            return;
        }
        // What holds for a list as a whole does not hold for each element, although both
        // have the same path without indexes.
        let whole = facts.own.filter(|_| !matches!(path.steps().last(), Some(Step::Index(_))));
        if whole.is_some_and(|f| f.only_if_set) && desired.is_unset() {
            return;
        }
        let default = whole.and_then(|f| f.default.as_ref());
        let desired = or_default(desired, default);
        let live = or_default(live, default);
        if desired == live || (desired.is_unset() && live.is_unset()) {
            return;
        }
        let mut report = || {
            found.push(Difference {
                path: path.clone(),
                desired: desired.clone(),
                live: live.clone(),
            });
        };
        match self.knowledge.equal(path, desired, live) {
            Some(true) => return,
            Some(false) => return report(),
            None => {}
        }
        if facts.any(|f| f.policy_document) {
            if !same_json_text(desired, live) {
                report();
            }
            return;
        }
        if whole.is_some_and(|f| f.set)
            && let (Some(mine), Some(theirs)) = (elements(desired), elements(live))
        {
            if !self.same_set(path, mine, theirs, facts.any(|f| f.ignore_case)) {
                found.push(Difference {
                    path: path.clone(),
                    desired: sorted(desired),
                    live: sorted(live),
                });
            }
            return;
        }
        match (desired, live) {
            (Value::List(d), Value::List(l)) if d.len() == l.len() => {
                for (i, (d, l)) in d.iter().zip(l).enumerate() {
                    self.walk(&path.index(i), d, l, found);
                }
            }
            (Value::List(_) | Value::Null, Value::List(_) | Value::Null)
                if self.is_known_block(path, desired, live) =>
            {
                // A block left out means what its attributes mean when left out.
                let empty = Value::Map(BTreeMap::new());
                let first = |v: &Value| v.as_list().and_then(|l| l.first().cloned());
                self.walk(
                    &path.index(0),
                    &first(desired).unwrap_or_else(|| empty.clone()),
                    &first(live).unwrap_or(empty),
                    found,
                );
            }
            (Value::Map(_) | Value::Null, Value::Map(_) | Value::Null) => {
                let nothing = BTreeMap::new();
                let d = desired.as_map().unwrap_or(&nothing);
                let l = live.as_map().unwrap_or(&nothing);
                // Inside a block an attribute that only one side knows, and the kind does
                // not name, is not a difference; in a plain map (tags) every key counts.
                let block = path.steps().iter().any(|s| matches!(s, Step::Index(_)));
                for key in d.keys().chain(l.keys()).collect::<BTreeSet<_>>() {
                    let inner = path.key(key);
                    let one_sided = !(d.contains_key(key) && l.contains_key(key));
                    if block && one_sided && !is_named(self.knowledge.facts(), &inner) {
                        continue;
                    }
                    let (d, l) =
                        (d.get(key).unwrap_or(&Value::Null), l.get(key).unwrap_or(&Value::Null));
                    self.walk(&inner, d, l, found);
                }
            }
            _ => {
                if !same_scalar(desired, live, facts.any(|f| f.ignore_case)) {
                    report();
                }
            }
        }
    }

    /// At most one element on each side, and the kind names what lies in it.
    fn is_known_block(&self, path: &AttributePath, desired: &Value, live: &Value) -> bool {
        let single = |v: &Value| match v {
            Value::List(l) => l.len() <= 1 && l.iter().all(|e| matches!(e, Value::Map(_))),
            _ => true,
        };
        single(desired)
            && single(live)
            && names_below(self.knowledge.facts(), &path.pattern()).next().is_some()
    }

    fn same_set(
        &self,
        path: &AttributePath,
        desired: &[Value],
        live: &[Value],
        ignore_case: bool,
    ) -> bool {
        let keys = |values: &[Value]| -> Option<BTreeSet<String>> {
            values.iter().map(|v| scalar_text(v).map(|t| fold(t, ignore_case))).collect()
        };
        if let (Some(d), Some(l)) = (keys(desired), keys(live))
            && d == l
        {
            return true;
        }
        desired.iter().all(|d| self.contains(path, live, d))
            && live.iter().all(|l| self.contains(path, desired, l))
    }
}

/// The facts that hold at a path: its own, and those of what it lies in.
pub(crate) struct Chain<'f> {
    pub own: Option<&'f AttributeFacts>,
    /// Nearest first.
    above: Vec<&'f AttributeFacts>,
}

impl<'f> Chain<'f> {
    pub fn at(facts: &'f KindFacts, path: &AttributePath) -> Self {
        let pattern = path.pattern();
        let above = pattern
            .rmatch_indices('.')
            .filter_map(|(end, _)| facts.attributes.get(&pattern[..end]))
            .collect();
        Chain { own: facts.attributes.get(&pattern), above }
    }

    pub fn nearest_first(&self) -> impl Iterator<Item = &'f AttributeFacts> {
        self.own.into_iter().chain(self.above.iter().copied())
    }

    pub fn any(&self, test: impl Fn(&AttributeFacts) -> bool) -> bool {
        self.nearest_first().any(test)
    }

    pub fn never_compared(&self) -> bool {
        self.any(|f| f.computed || f.local || f.sensitive)
    }
}

/// The facts of what lies below a path.
pub(crate) fn names_below<'f>(
    facts: &'f KindFacts,
    pattern: &str,
) -> impl Iterator<Item = &'f AttributeFacts> {
    let prefix = format!("{pattern}.");
    facts
        .attributes
        .range(prefix.clone()..)
        .take_while(move |(name, _)| name.starts_with(&prefix))
        .map(|(_, f)| f)
}

/// Named itself, lying in something named, or holding something named.
pub(crate) fn is_named(facts: &KindFacts, path: &AttributePath) -> bool {
    Chain::at(facts, path).nearest_first().next().is_some()
        || names_below(facts, &path.pattern()).next().is_some()
}

fn same_json_text(a: &Value, b: &Value) -> bool {
    let parsed =
        |v: &Value| -> Option<serde_json::Value> { serde_json::from_str(v.as_str()?).ok() };
    match (parsed(a), parsed(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn or_default<'v>(value: &'v Value, default: Option<&'v Value>) -> &'v Value {
    match (value, default) {
        (Value::Null, Some(default)) => default,
        _ => value,
    }
}

/// The elements of a list; of what is not set, none.
pub(crate) fn elements(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(list) => Some(list),
        Value::Null => Some(&[]),
        _ => None,
    }
}

fn scalar_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(s) => Some(Cow::Borrowed(s)),
        Value::Number(n) => Some(Cow::Owned(n.to_string())),
        Value::Bool(b) => Some(Cow::Borrowed(if *b { "true" } else { "false" })),
        _ => None,
    }
}

fn fold(text: Cow<'_, str>, ignore_case: bool) -> String {
    if ignore_case { text.to_lowercase() } else { text.into_owned() }
}

/// A set in one order, so that it prints and digests the same in every run.
fn sorted(value: &Value) -> Value {
    let Value::List(list) = value else { return value.clone() };
    let mut list = list.clone();
    list.sort_by_cached_key(|v| v.to_json().to_string());
    list.dedup();
    Value::List(list)
}
