//! Random histories against brute force: every order that the times allow, every value that
//! an unknown write may have left, every outcome of what never ended. Whoever is named must
//! have written the live value in all of the worlds that end with what is live, and nothing
//! may have changed it after.

#[allow(dead_code, reason = "each test uses its part of the toy")]
mod toy;

use drift_detector::{Drift, EventLog, attribute};
use model::Event;
use model::event::EventStatus;
use model::finding::AttributionStatus;
use proptest::prelude::*;
use serde_json::json;
use toy::{change, desired, event, resource, searched, toy_box};

const VALUES: i64 = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Did {
    Set(i64),
    Opaque,
    Delete,
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    did: Did,
    second: i64,
    who: usize,
    status: EventStatus,
}

fn step() -> impl Strategy<Value = Step> {
    let did = prop_oneof![
        6 => (0..VALUES).prop_map(Did::Set), 2 => Just(Did::Opaque), 1 => Just(Did::Delete), 1 => Just(Did::Other),
    ];
    let status = prop_oneof![
        8 => Just(EventStatus::Success), 1 => Just(EventStatus::Failure), 1 => Just(EventStatus::InProgress),
    ];
    (did, 0i64..6, 0usize..3, status).prop_map(|(did, second, who, status)| Step {
        did,
        second,
        who,
        status,
    })
}

fn record(index: usize, step: &Step) -> Event {
    let request = match step.did {
        Did::Set(v) => json!({"id": "b-1", "sets": {"n": v}}),
        Did::Opaque => json!({"id": "b-1"}),
        Did::Delete => json!({"id": "b-1", "deletes": true}),
        Did::Other => json!({"id": "b-1", "sets": {"m": 1}}),
    };
    let mut event = event(&index.to_string(), ["ann", "bob", "cy"][step.who], step.second, request);
    event.status = step.status;
    event
}

/// Every order that respects the seconds.
fn orders(steps: &[Step]) -> Vec<Vec<usize>> {
    fn go(steps: &[Step], left: &[usize], done: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
        let Some(first) = left.iter().map(|i| steps[*i].second).min() else {
            return all.push(done.clone());
        };
        for i in left.iter().filter(|i| steps[**i].second == first) {
            let rest: Vec<usize> = left.iter().copied().filter(|j| j != i).collect();
            done.push(*i);
            go(steps, &rest, done, all);
            done.pop();
        }
    }
    let mut all = Vec::new();
    let left: Vec<usize> = (0..steps.len()).collect();
    go(steps, &left, &mut Vec::new(), &mut all);
    all
}

/// The values after each step, in every world: `None` is a box that is not there.
fn worlds(steps: &[Step], order: &[usize]) -> Vec<Vec<Option<i64>>> {
    let mut worlds: Vec<Vec<Option<i64>>> = (0..VALUES).map(|v| vec![Some(v)]).collect();
    for i in order {
        let step = &steps[*i];
        worlds = worlds
            .into_iter()
            .flat_map(|world| {
                let before = *world.last().unwrap_or(&None);
                let happened: Vec<Option<i64>> = match step.did {
                    Did::Set(v) => vec![Some(v)],
                    Did::Opaque => std::iter::once(None).chain((0..VALUES).map(Some)).collect(),
                    Did::Delete => vec![None],
                    Did::Other => vec![before],
                };
                let after = match step.status {
                    EventStatus::Success => happened,
                    EventStatus::Failure => vec![before],
                    _ => happened.into_iter().chain([before]).collect(),
                };
                after.into_iter().map(move |v| [world.as_slice(), &[v]].concat())
            })
            .collect();
    }
    worlds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_named_one_did_it_in_every_possible_world(
        steps in prop::collection::vec(step(), 0..6), live in 0..VALUES,
    ) {
        let drift = Drift::changed(
            &desired(json!({"n": -1})), &resource(json!({"n": live})),
            vec![change("n", json!(-1), json!(live))],
        );
        let log = EventLog::new(steps.iter().enumerate().map(|(i, s)| record(i, s)));
        let answer = attribute(&drift, &[], &toy_box(), &log, searched());
        let relevant: Vec<&Step> = steps.iter()
            .filter(|s| s.status != EventStatus::Failure && s.did != Did::Other).collect();

        let mut possible = 0;
        for order in orders(&steps) {
            for world in worlds(&steps, &order) {
                if world.last() != Some(&Some(live)) {
                    continue;
                }
                possible += 1;
                if answer.status != AttributionStatus::Attributed {
                    continue;
                }
                prop_assert_eq!(answer.events.len(), 1);
                let named: usize = answer.events[0].event_id.parse().unwrap();
                prop_assert_eq!(steps[named].status, EventStatus::Success);
                prop_assert_eq!(steps[named].did, Did::Set(live));
                let position = order.iter().position(|i| *i == named).unwrap();
                // World holds the value before the first step at 0.
                let after = &world[position + 1..];
                prop_assert!(
                    after.iter().all(|v| *v == Some(live)),
                    "{:?} was named, but in {:?} {:?} the value changed after", steps[named], order, world
                );
                // Somebody else who certainly wrote the same before, with nothing unknown or
                // different since, would have been the one.
                for earlier in &order[..position] {
                    let other = &steps[*earlier];
                    let wrote = other.status == EventStatus::Success && other.did == Did::Set(live);
                    let between = &order[order.iter().position(|i| i == earlier).unwrap() + 1..position];
                    let untouched = between.iter().all(|i| {
                        steps[*i].status == EventStatus::Failure
                            || matches!(steps[*i].did, Did::Other)
                            || steps[*i].did == Did::Set(live)
                    });
                    prop_assert!(
                        !(wrote && untouched && other.who != steps[named].who && other.second < steps[named].second),
                        "{:?} was first, {:?} was named", other, steps[named]
                    );
                }
            }
        }
        // And somebody is named whenever a plain history leaves no doubt.
        let mut seconds: Vec<i64> = relevant.iter().map(|s| s.second).collect();
        seconds.sort_unstable();
        seconds.dedup();
        let plain = seconds.len() == relevant.len()
            && relevant.iter().all(|s| s.status == EventStatus::Success && matches!(s.did, Did::Set(_)));
        let last = relevant.iter().max_by_key(|s| s.second);
        if plain && last.is_some_and(|s| s.did == Did::Set(live)) {
            prop_assert_eq!(answer.status, AttributionStatus::Attributed);
            prop_assert!(possible > 0);
        }
        if possible == 0 || relevant.is_empty() {
            prop_assert_eq!(answer.status, AttributionStatus::Unattributed, "{:?}", answer.events);
        }
    }
}
