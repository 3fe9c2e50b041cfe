//! Desired beside live: what is the same by meaning, what is not, and what is not compared.

#[allow(dead_code, reason = "each test uses its part of the toy")]
mod toy;

use drift_detector::{CompareContext, Outcome, compare};
use model::resource::{Unknown, UnknownReason};
use model::{Live, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use toy::{desired, resource, toy_box};

fn changes_in(want: Json, is: Json, context: &CompareContext) -> Vec<String> {
    let compared = compare(&desired(want), &Live::Present(resource(is)), &toy_box(), context);
    match compared.outcome {
        Outcome::InSync => Vec::new(),
        Outcome::Changed(changes) => changes
            .iter()
            .map(|c| format!("{} {} -> {}", c.path, c.desired.to_json(), c.live.to_json()))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check(want: Json, is: Json, expected: &[&str]) {
    assert_eq!(changes_in(want, is, &CompareContext::default()), expected);
}

#[test]
fn scalars() {
    check(json!({"open": false}), json!({"open": true}), &["open false -> true"]);
    check(json!({"open": "true", "n": "1", "m": 1.0}), json!({"open": true, "n": 1, "m": 1}), &[]);
    check(json!({"n": "1x"}), json!({"n": 1}), &["n \"1x\" -> 1"]);
    check(json!({"level": "SAFE"}), json!({"level": "safe"}), &[]);
    check(json!({"name": "A"}), json!({"name": "a"}), &["name \"A\" -> \"a\""]);
}

#[test]
fn what_is_not_set() {
    check(json!({"x": null, "y": [], "z": {}}), json!({"x": "", "y": null, "z": []}), &[]);
    check(json!({"level": null}), json!({"level": "safe"}), &[]);
    check(json!({}), json!({"level": "safe"}), &[]);
    check(json!({}), json!({"level": "open"}), &["level \"safe\" -> \"open\""]);
    check(json!({"level": "open"}), json!({}), &["level \"open\" -> \"safe\""]);
    check(json!({"hint": null}), json!({"hint": "x"}), &[]);
    check(json!({"hint": "y"}), json!({"hint": "x"}), &["hint \"y\" -> \"x\""]);
}

#[test]
fn what_is_never_compared() {
    check(
        json!({"etag": "1", "force": true, "secret": "a"}),
        json!({"etag": "2", "force": null, "secret": "b"}),
        &[],
    );
    let mut live = resource(json!({}));
    live.attributes.insert("open".into(), Value::Redacted);
    let compared = compare(
        &desired(json!({"open": false})),
        &Live::Present(live),
        &toy_box(),
        &CompareContext::default(),
    );
    assert_eq!(compared.outcome, Outcome::InSync);
}

#[test]
fn sets_and_lists() {
    check(json!({"readers": ["a", "b", "b"]}), json!({"readers": ["b", "a"]}), &[]);
    check(
        json!({"readers": ["b", "a"]}),
        json!({"readers": ["c", "a"]}),
        &[r#"readers ["a","b"] -> ["a","c"]"#],
    );
    check(json!({"readers": null}), json!({"readers": ["a"]}), &[r#"readers null -> ["a"]"#]);
    check(
        json!({"list": ["a", "b"]}),
        json!({"list": ["b", "a"]}),
        &[r#"list[0] "a" -> "b""#, r#"list[1] "b" -> "a""#],
    );
    check(json!({"list": ["a"]}), json!({"list": ["a", "b"]}), &[r#"list ["a"] -> ["a","b"]"#]);
}

#[test]
fn blocks_and_maps() {
    let rules = |action: &str| json!({"rules": [{"action": action, "hosts": ["x", "y"]}]});
    check(rules("deny"), json!({"rules": [{"action": "deny", "hosts": ["y", "x"], "id": 7}]}), &[]);
    check(rules("deny"), rules("allow"), &[r#"rules[0].action "deny" -> "allow""#]);
    // A block that is left out means what its attributes mean when they are left out.
    check(json!({"rules": [{"action": "deny"}]}), json!({"rules": []}), &[]);
    check(json!({"rules": []}), json!({"rules": [{"action": "deny"}]}), &[]);
    check(
        json!({"rules": null}),
        json!({"rules": [{"action": "allow"}]}),
        &[r#"rules[0].action "deny" -> "allow""#],
    );
    check(
        json!({"rules": [{"action": "allow"}]}),
        json!({}),
        &[r#"rules[0].action "allow" -> "deny""#],
    );
    check(json!({"tags": null}), json!({"tags": {"a.b": "1"}}), &[r#"tags["a.b"] null -> "1""#]);
    check(
        json!({"tags": {"a": "1", "b": "2"}}),
        json!({"tags": {"a": "1"}}),
        &[r#"tags.b "2" -> null"#],
    );
}

#[test]
fn policies_and_mirrors() {
    let spaced = json!({"policy": "{ \"a\": [1] }"});
    check(spaced.clone(), json!({"policy": "{\"a\":[1]}"}), &[]);
    check(
        spaced.clone(),
        json!({"policy": "{\"a\":[2]}"}),
        &[r#"policy "{ \"a\": [1] }" -> "{\"a\":[2]}""#],
    );
    let owner = CompareContext { kinds: ["toy_policy".into()].into() };
    assert!(changes_in(spaced, json!({"policy": "other"}), &owner).is_empty());
    check(json!({"policy": ""}), json!({"policy": "{}"}), &[]);
}

#[test]
fn what_the_reader_does_not_return() {
    let compared = compare(
        &desired(json!({"open": true, "arn": "x", "empty": null})),
        &Live::Present(resource(json!({}))),
        &toy_box(),
        &CompareContext::default(),
    );
    assert_eq!(compared.unread, ["arn"]);
    let Outcome::Changed(changes) = compared.outcome else { panic!("a lost guard is a change") };
    assert_eq!(changes[0].path.to_string(), "open");
    assert!(changes[0].security_relevant);
}

#[test]
fn the_other_answers() {
    let context = CompareContext::default();
    let want = desired(json!({}));
    assert_eq!(compare(&want, &Live::Absent, &toy_box(), &context).outcome, Outcome::Missing);
    let unknown =
        Unknown { reason: UnknownReason::Denied, detail: "d".into(), next_step: "n".into() };
    let live = Live::Unknown(unknown.clone());
    assert_eq!(compare(&want, &live, &toy_box(), &context).outcome, Outcome::Unknown(unknown));
}

fn any_attributes() -> BoxedStrategy<Json> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Json::from),
        (-3i64..3).prop_map(Json::from),
        "[a-cA-C]{0,2}".prop_map(Json::from),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-c]|action|hosts", inner, 0..3)
                .prop_map(|m| Json::Object(m.into_iter().collect())),
        ]
    });
    let name = prop::sample::select(vec![
        "open", "level", "readers", "rules", "policy", "hint", "etag", "tags", "list", "other",
    ]);
    prop::collection::btree_map(name, value, 0..8)
        .prop_map(|m| Json::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()))
        .boxed()
}

proptest! {
    #[test]
    fn a_thing_is_in_sync_with_itself(a in any_attributes()) {
        prop_assert_eq!(changes_in(a.clone(), a, &CompareContext::default()), Vec::<String>::new());
    }

    #[test]
    fn an_order_of_elements_is_no_change(
        set in prop::collection::vec("[a-f]{1,2}", 0..8).prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())),
        nested in prop::collection::vec(any_attributes(), 0..4).prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())),
    ) {
        for (a, b) in [(json!(set.0), json!(set.1)), (json!(nested.0), json!(nested.1))] {
            let changes = changes_in(json!({"readers": a}), json!({"readers": b}), &CompareContext::default());
            prop_assert!(changes.is_empty(), "{:?}", changes);
        }
    }

    #[test]
    fn being_in_sync_has_no_direction(a in any_attributes(), b in any_attributes()) {
        // Only where both sides have the same attributes: a state may know more than a reader.
        let both = |x: &Json, y: &Json| -> Json {
            x.as_object().unwrap().iter().filter(|(k, _)| y.get(k).is_some() && *k != "hint" && *k != "policy")
                .map(|(k, v)| (k.clone(), v.clone())).collect::<serde_json::Map<_, _>>().into()
        };
        let (a, b) = (both(&a, &b), both(&b, &a));
        let context = CompareContext::default();
        prop_assert_eq!(changes_in(a.clone(), b.clone(), &context).is_empty(), changes_in(b, a, &context).is_empty());
    }

    /// Whatever else differs, a changed security attribute is among the changes, marked.
    #[test]
    fn a_security_change_is_always_reported(
        a in any_attributes(), b in any_attributes(), open in any::<bool>(), returned in any::<bool>(),
        reader in "[a-c]",
    ) {
        let (mut want, mut is) = (a, b);
        want["open"] = json!(open);
        want["level"] = json!("safe");
        want["readers"] = json!([]);
        is["level"] = json!("open");
        is["readers"] = json!([reader]);
        if returned {
            is["open"] = json!(!open);
        } else {
            is.as_object_mut().unwrap().remove("open");
        }
        let compared = compare(&desired(want), &Live::Present(resource(is)), &toy_box(), &CompareContext::default());
        let Outcome::Changed(changes) = compared.outcome else { panic!("it changed") };
        for path in ["level", "readers", "open"] {
            let found = changes.iter().find(|c| c.path.to_string() == path);
            prop_assert!(found.is_some_and(|c| c.security_relevant), "{}", path);
        }
    }
}
