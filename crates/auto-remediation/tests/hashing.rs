//! The same world gives the same plan, and what a hash covers moves it.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod toy;

use auto_remediation::{History, Policy, Subject, digest, plan};
use model::{Decision, Value};
use proptest::prelude::*;
use toy::{Case, now};

#[test]
fn times_events_reasons_and_order_are_not_in_the_hash() {
    let (one, two) = (Case::numbered(1), Case::numbered(2).by("maya"));
    let policy = Policy::default();
    let none = History::default();
    let first = plan("t", &[one.subject(), two.subject()], &policy, &none, now());
    let unnamed = Case::numbered(2);
    let later = now().plus_seconds(7);
    let again = plan("t", &[unnamed.subject(), one.subject()], &policy, &none, later);
    assert_eq!(first.hash, again.hash);
    assert_ne!(first.hash, plan("u", &[one.subject(), two.subject()], &policy, &none, now()).hash);
}

#[test]
fn whatever_is_approved_is_in_the_hash() {
    let action = Case::changed().action();
    let base = digest::action(&action);
    let mut others = Vec::new();
    let mut with = |change: &dyn Fn(&mut model::Action)| {
        let mut other = action.clone();
        change(&mut other);
        others.push(digest::action(&other));
    };
    with(&|a| a.cloud = "other".into());
    with(&|a| a.account = Some("2".into()));
    with(&|a| a.kind = "toy_tower".into());
    with(&|a| a.address = None);
    with(&|a| a.native_id = "house-9".into());
    with(&|a| a.remedy = "recreate".into());
    with(&|a| a.decision = Decision::Ask);
    with(&|a| a.changes[0].to = "ajar".into());
    with(&|a| a.changes[0].from = "ajar".into());
    with(&|a| a.changes.clear());
    with(&|a| a.preconditions.live_digest = "sha256:0".into());
    with(&|a| a.preconditions.state_serial = Some(9));
    with(&|a| a.preconditions.state_lineage = Some("x".into()));
    for other in &others {
        assert_ne!(*other, base);
    }
    others.sort();
    others.dedup();
    assert_eq!(others.len(), 13);
    let mut told = action.clone();
    told.reason = "another".into();
    told.event_ids = vec!["e".into()];
    told.outcome = Some("x".into());
    assert_eq!(digest::action(&told), base);
}

#[test]
fn live_digests_see_through_order_and_computed_values() {
    let case = Case::changed();
    let subject = case.subject();
    let facts = subject.knowledge.facts();
    let mut attributes = case.live.clone().unwrap().attributes;
    attributes.insert("windows".into(), Value::strings(["a", "b"]));
    let one = digest::live(facts, Some(&attributes));
    attributes.insert("windows".into(), Value::strings(["b", "a"]));
    attributes.insert("id".into(), "another".into());
    attributes.insert("sealed".into(), Value::Redacted);
    assert_eq!(digest::live(facts, Some(&attributes)), one);
    attributes.insert("windows".into(), Value::strings(["b", "a", "c"]));
    assert_ne!(digest::live(facts, Some(&attributes)), one);
    assert_eq!(digest::live(facts, None), digest::ABSENT);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_world_gives_the_same_hash_in_any_order(
        numbers in prop::collection::btree_set(0usize..40, 1..12),
        seed in any::<u64>(),
    ) {
        let cases: Vec<Case> = numbers.iter().map(|n| Case::numbered(*n)).collect();
        let subjects: Vec<Subject<'_>> = cases.iter().map(Case::subject).collect();
        let mut shuffled: Vec<Subject<'_>> = cases.iter().map(Case::subject).collect();
        shuffled.sort_by_key(|s| s.finding.native_id.len() as u64 ^ seed.rotate_left(s.finding.native_id.as_bytes()[6].into()));
        let none = History::default();
        let one = plan("t", &subjects, &Policy::default(), &none, now());
        let two = plan("t", &shuffled, &Policy::default(), &none, now());
        prop_assert_eq!(&one.hash, &two.hash);
        prop_assert_eq!(one.actions.len(), numbers.len());
        let mut ids: Vec<&str> = one.actions.iter().map(|a| a.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), numbers.len());
    }
}

#[test]
fn in_a_block_unset_and_default_are_one() {
    let text = r#"
        kind = "toy_house"
        title = "house"
        provider_major = [1]
        missing = { severity = "low", why = "gone", techniques = [] }
        [attributes."door.lock"]
        default = "shut"
    "#;
    let facts: model::knowledge::KindFacts = toml::from_str(text).unwrap();
    let value = |json| serde_json::from_value::<Value>(json).unwrap();
    let open = value(serde_json::json!([{ "lock": "open", "wood": "oak" }]));
    let shut = value(serde_json::json!([{ "lock": "shut", "wood": "oak" }]));
    let unset = value(serde_json::json!([{ "lock": "", "wood": "oak" }]));
    let unsaid = value(serde_json::json!([{ "wood": "oak" }]));
    for (a, b, same) in [
        (&shut, &unset, true),
        (&shut, &unsaid, true),
        (&unset, &unsaid, true),
        (&open, &shut, false),
        (&open, &unset, false),
    ] {
        assert_eq!(digest::is_same(&facts, "door", a, b), same, "{a:?} {b:?}");
    }
}
