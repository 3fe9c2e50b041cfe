//! Does the cloud hold what was wanted? Only what was wanted is asked for, by the kind's own
//! facts and meaning. Stricter than a drift check: an attribute that was asked for and that
//! the reader does not return is a difference.

use model::knowledge::{AttributeFacts, KindFacts};
use model::path::Step;
use model::{AttributePath, Attributes, Knowledge, Value};

/// Each difference in words.
pub(super) fn differences(
    knowledge: &dyn Knowledge,
    wanted: &Attributes,
    live: &Attributes,
) -> Vec<String> {
    let compared = |name: &str| facts_of(knowledge.facts(), &AttributePath::root(name));
    wanted
        .iter()
        .filter(|(name, _)| !compared(name).is_some_and(|f| f.computed || f.local || f.sensitive))
        .filter_map(|(name, wanted)| {
            let is = live.get(name).unwrap_or(&Value::Null);
            let path = AttributePath::root(name.as_str());
            (!same(knowledge, &path, wanted, is))
                .then(|| format!("{name} is {}, not {}", is.to_json(), wanted.to_json()))
        })
        .collect()
}

fn facts_of<'f>(facts: &'f KindFacts, path: &AttributePath) -> Option<&'f AttributeFacts> {
    facts.attributes.get(&path.pattern())
}

fn same(knowledge: &dyn Knowledge, path: &AttributePath, wanted: &Value, is: &Value) -> bool {
    if let Some(answer) = knowledge.equal(path, wanted, is) {
        return answer;
    }
    let facts = facts_of(knowledge.facts(), path);
    // What holds for a list holds not for each of its elements.
    let whole = facts.filter(|_| !matches!(path.steps().last(), Some(Step::Index(_))));
    if facts.is_some_and(|f| f.computed || f.local || f.sensitive) {
        return true;
    }
    let null = Value::Null;
    let default = whole.and_then(|f| f.default.as_ref()).unwrap_or(&null);
    let wanted = if *wanted == Value::Null { default } else { wanted };
    let is = if *is == Value::Null { default } else { is };
    if wanted == is || (wanted.is_unset() && is.is_unset()) {
        return true;
    }
    match (wanted, is) {
        (Value::List(wanted), Value::List(is)) if wanted.len() != is.len() => false,
        (Value::List(wanted), Value::List(is)) if whole.is_some_and(|f| f.set) => {
            let held = |one: &[Value], other: &[Value]| {
                one.iter().all(|v| other.iter().any(|o| same(knowledge, &path.index(0), v, o)))
            };
            held(wanted, is) && held(is, wanted)
        }
        (Value::List(wanted), Value::List(is)) => wanted
            .iter()
            .zip(is)
            .enumerate()
            .all(|(i, (w, l))| same(knowledge, &path.index(i), w, l)),
        (Value::Map(wanted), Value::Map(is)) => {
            let block = path.steps().iter().any(|s| matches!(s, Step::Index(_)));
            let theirs = wanted.iter().all(|(key, w)| {
                same(knowledge, &path.key(key), w, is.get(key).unwrap_or(&Value::Null))
            });
            // In a plain map (tags) a key that nobody wanted is a difference too.
            theirs && (block || is.keys().all(|key| wanted.contains_key(key)))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::String(a), Value::String(b)) => {
            facts.is_some_and(|f| f.ignore_case) && a.eq_ignore_ascii_case(b)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Severity;
    use model::knowledge::Judgement;

    struct Toy(KindFacts);

    impl Knowledge for Toy {
        fn facts(&self) -> &KindFacts {
            &self.0
        }
    }

    fn toy() -> Toy {
        let missing = Judgement { severity: Severity::Low, why: "gone".into(), techniques: vec![] };
        let set = AttributeFacts { set: true, ..AttributeFacts::default() };
        let on = AttributeFacts { default: Some(true.into()), ..AttributeFacts::default() };
        let computed = AttributeFacts { computed: true, ..AttributeFacts::default() };
        Toy(KindFacts {
            writable: Vec::new(),
            recreatable: true,
            removable: false,
            credential: None,
            kind: "toy".into(),
            title: "toy".into(),
            provider_major: vec![1],
            missing,
            guards: vec![],
            attributes: [
                ("ips".to_owned(), set),
                ("on".to_owned(), on),
                ("id".to_owned(), computed),
            ]
            .into(),
            conformance: None,
        })
    }

    fn check(wanted: &str, live: &str, expected: usize) {
        let read = |text| serde_json::from_str::<Attributes>(text).unwrap();
        let found = differences(&toy(), &read(wanted), &read(live));
        assert_eq!(found.len(), expected, "{wanted} {live}: {found:?}");
    }

    #[test]
    fn compares_what_was_wanted() {
        check(r#"{"ips":["a","b"]}"#, r#"{"ips":["b","a"],"more":1}"#, 0);
        check(r#"{"ips":["a","b"]}"#, r#"{"ips":["a","a"]}"#, 1);
        check(r#"{"list":["a","b"]}"#, r#"{"list":["b","a"]}"#, 1);
        check(r#"{"on":null}"#, r#"{"on":true}"#, 0);
        check(r#"{"on":null}"#, r#"{"on":false}"#, 1);
        check(r#"{"name":"x"}"#, r#"{}"#, 1);
        check(r#"{"id":"x"}"#, r#"{}"#, 0);
        check(r#"{"tags":{"a":"1"}}"#, r#"{"tags":{"a":"1","b":"2"}}"#, 1);
        check(r#"{"block":[{"a":1}]}"#, r#"{"block":[{"a":1.0,"b":2}]}"#, 0);
        check(r#"{"block":[]}"#, r#"{"block":null}"#, 0);
    }
}
