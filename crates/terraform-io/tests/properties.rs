//! No bytes make the reader panic, and no damage makes it invent resources.

use proptest::prelude::*;
use serde_json::Value as Json;
use terraform_io::{ObjectPattern, State, StateSource};

const STATE: &str = include_str!("data/state-v4.tfstate");

/// Replaces the n-th node of a tree, counted in walking order.
fn replace(tree: &mut Json, n: &mut usize, with: &Json) {
    if *n == 0 {
        *tree = with.clone();
    }
    *n = n.wrapping_sub(1);
    match tree {
        Json::Array(items) => items.iter_mut().for_each(|i| replace(i, n, with)),
        Json::Object(members) => members.values_mut().for_each(|m| replace(m, n, with)),
        _ => {}
    }
}

fn nodes(tree: &Json) -> usize {
    1 + match tree {
        Json::Array(items) => items.iter().map(nodes).sum(),
        Json::Object(members) => members.values().map(nodes).sum(),
        _ => 0,
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec(("[a-z_]{1,12}", inner), 0..4)
                .prop_map(|m| Json::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(error) = State::from_slice(&bytes, "s") {
            prop_assert!(!error.to_string().is_empty() && !error.next_step().is_empty());
        }
    }

    #[test]
    fn any_changed_node_is_answered(n in 0usize..220, with in any_json()) {
        let mut tree: Json = serde_json::from_str(STATE).unwrap();
        replace(&mut tree, &mut n.clone(), &with);
        match State::from_slice(tree.to_string().as_bytes(), "s") {
            // Ten are there; each node that came may at most be taken for one more.
            Ok(state) => {
                let told = state.resources.len() + state.unreadable.len();
                prop_assert!(told <= 10 + nodes(&with), "{told}");
            }
            Err(error) => prop_assert!(!error.what().is_empty()),
        }
    }

    #[test]
    fn a_cut_state_is_never_read(cut in 1usize..STATE.len() - 2) {
        if let Some(start) = STATE.get(..cut) {
            prop_assert!(State::from_slice(start.as_bytes(), "s").is_err());
        }
    }

    #[test]
    fn a_flipped_byte_is_answered(at in 0usize..STATE.len(), byte in any::<u8>()) {
        let mut bytes = STATE.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = State::from_slice(&bytes, "s").map_err(|e| e.to_string().len());
    }

    #[test]
    fn sources_are_parsed_or_refused(text in "\\PC{0,40}") {
        for text in [text.clone(), format!("s3://{text}"), format!("azblob://{text}")] {
            match StateSource::parse(&text) {
                Ok(StateSource::Object(p)) => {
                    // What is meant lies below what is listed.
                    prop_assert!(p.exact_key().is_none_or(|k| p.matches(k)));
                    prop_assert_eq!(ObjectPattern::parse(&p.to_string()).unwrap(), p);
                }
                Ok(_) => {}
                Err(error) => prop_assert!(!error.next_step.is_empty()),
            }
        }
    }
}
