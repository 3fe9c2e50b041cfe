//! Who is named, who is only a candidate, and when nobody is.

#[allow(dead_code, reason = "each test uses its part of the toy")]
mod toy;

use drift_detector::{Drift, EventLog, attribute};
use model::Event;
use model::event::EventStatus;
use model::finding::{AttributeChange, Attribution, AttributionStatus};
use serde_json::{Value as Json, json};
use toy::{Toy, change, desired, event, resource, searched, toy_box};

fn asked(knowledge: &Toy, changes: Vec<AttributeChange>, events: Vec<Event>) -> Attribution {
    let live = changes.iter().map(|c| (c.path.attribute().to_owned(), c.live.to_json()));
    let live: serde_json::Map<String, Json> = live.collect();
    let drift = Drift::changed(&desired(json!({})), &resource(Json::Object(live)), changes);
    attribute(&drift, &[], knowledge, &EventLog::new(events), searched())
}

fn opened() -> Vec<AttributeChange> {
    vec![change("open", json!(false), json!(true))]
}

/// Names, and the paths that each is said to have produced; `?` before candidates.
fn told(attribution: &Attribution) -> Vec<String> {
    let mark = if attribution.status == AttributionStatus::Candidates { "?" } else { "" };
    attribution
        .events
        .iter()
        .map(|e| {
            let paths: Vec<String> = e.attributes.iter().map(ToString::to_string).collect();
            format!("{mark}{} {}", e.principal.name, paths.join(",")).trim().to_owned()
        })
        .collect()
}

#[track_caller]
fn check(events: Vec<Event>, expected: &[&str]) {
    assert_eq!(told(&asked(&toy_box(), opened(), events)), expected);
}

fn sets(open: bool) -> Json {
    json!({"id": "b-1", "sets": {"open": open}})
}

fn opaque() -> Json {
    json!({"id": "b-1"})
}

#[test]
fn whoever_wrote_the_live_value() {
    check(vec![event("1", "maya", 1, sets(true))], &["maya open"]);
    check(
        vec![event("1", "ci", 1, sets(false)), event("2", "maya", 2, sets(true))],
        &["maya open"],
    );
    // Given in any order, and twice.
    let twice = event("2", "maya", 2, sets(true));
    check(vec![twice.clone(), twice, event("1", "ci", 1, sets(false))], &["maya open"]);
    // Repeating what is already so changes nothing.
    check(
        vec![event("1", "maya", 1, sets(true)), event("2", "lee", 2, sets(true))],
        &["maya open"],
    );
    // Another box, another attribute, another cloud.
    let mut elsewhere = event("4", "eve", 4, sets(true));
    elsewhere.cloud = "other".into();
    check(
        vec![
            event("1", "maya", 1, sets(true)),
            event("2", "lee", 2, json!({"id": "b-2", "sets": {"open": false}})),
            event("3", "kim", 3, json!({"id": "b-1", "sets": {"tags": {}}})),
            elsewhere,
        ],
        &["maya open"],
    );
    check(
        vec![event("1", "maya", 1, json!({"id": "B-1", "sets": {"open": "true"}}))],
        &["maya open"],
    );
}

#[test]
fn nobody_who_did_not() {
    check(vec![], &[]);
    check(vec![event("1", "ci", 1, sets(false))], &[]);
    check(vec![event("1", "maya", 1, sets(true)), event("2", "ci", 2, sets(false))], &[]);
    check(
        vec![
            event("1", "maya", 1, sets(true)),
            event("2", "ci", 2, json!({"id": "b-1", "deletes": 1})),
        ],
        &[],
    );
    let mut failed = event("1", "maya", 1, sets(true));
    failed.status = EventStatus::Failure;
    check(vec![failed], &[]);
    let mut read = event("1", "maya", 1, sets(true));
    read.read_only = true;
    check(vec![read], &[]);
    let missing = asked(&toy_box(), opened(), vec![event("1", "ci", 1, sets(false))]);
    assert!(missing.searched.unwrap().note.unwrap().contains("a record is missing"));
}

#[test]
fn an_unknown_write_leaves_candidates() {
    check(
        vec![event("1", "maya", 1, sets(true)), event("2", "lee", 2, opaque())],
        &["?maya", "?lee"],
    );
    check(vec![event("1", "lee", 1, opaque()), event("2", "maya", 2, sets(true))], &["maya open"]);
    check(
        vec![
            event("1", "lee", 1, opaque()),
            event("2", "ci", 2, sets(false)),
            event("3", "kim", 3, opaque()),
        ],
        &["?kim"],
    );
    // An unknown write between two equal ones need not have changed anything here.
    check(
        vec![
            event("1", "maya", 1, sets(true)),
            event("2", "lee", 2, opaque()),
            event("3", "kim", 3, sets(true)),
        ],
        &["?maya", "?kim"],
    );
    // The same second: no order, and the unknown write may have been the later one.
    check(
        vec![event("1", "maya", 1, sets(true)), event("2", "lee", 1, opaque())],
        &["?maya", "?lee"],
    );
    // A new one has some value, which its record does not tell.
    check(
        vec![
            event("1", "maya", 1, sets(true)),
            event("2", "lee", 2, json!({"id": "b-1", "creates": {}})),
        ],
        &["?maya", "?lee"],
    );
}

#[test]
fn events_of_one_second() {
    // Another value at the same time came first: it is not what is live.
    check(
        vec![event("1", "maya", 1, sets(true)), event("2", "ci", 1, sets(false))],
        &["maya open"],
    );
    check(
        vec![event("1", "maya", 1, sets(true)), event("2", "lee", 1, sets(true))],
        &["?maya", "?lee"],
    );
    check(
        vec![event("1", "maya", 1, sets(true)), event("2", "maya", 1, sets(true))],
        &["maya open"],
    );
    // Who was first is open if a different value may have come between the two.
    check(
        vec![
            event("1", "maya", 1, sets(true)),
            event("2", "ci", 1, sets(false)),
            event("3", "lee", 5, sets(true)),
        ],
        &["?maya", "?lee"],
    );
}

#[test]
fn what_never_ended_is_not_named() {
    let begun = |uid: &str, who: &str, second| {
        let mut event = event(uid, who, second, sets(true));
        event.status = EventStatus::InProgress;
        event
    };
    check(vec![begun("1", "maya", 1)], &["?maya"]);
    check(vec![begun("1", "maya", 1), event("2", "lee", 2, sets(true))], &["?maya", "?lee"]);
    check(
        vec![
            begun("1", "maya", 1),
            event("2", "ci", 2, sets(false)),
            event("3", "lee", 3, sets(true)),
        ],
        &["lee open"],
    );
    check(vec![event("2", "lee", 2, sets(true)), begun("3", "maya", 3)], &["lee open"]);
}

#[test]
fn begin_and_end_are_one_operation() {
    let record = |uid: &str, second, status, request: Json| {
        let mut event = event(uid, "sam", second, request);
        event.correlation_uid = Some("c".into());
        event.status = status;
        event
    };
    use EventStatus::{Failure, InProgress, Success};
    let begin = |uid, second| record(uid, second, InProgress, sets(true));
    check(vec![begin("1", 1), record("2", 3, Success, json!(null))], &["sam open"]);
    check(vec![record("2", 3, Success, json!(null)), begin("1", 1)], &["sam open"]);
    check(vec![begin("1", 1), record("2", 3, Failure, json!(null))], &[]);
    check(
        vec![record("1", 1, InProgress, json!(null)), record("2", 3, Success, sets(true))],
        &["sam open"],
    );
    // One correlation for a whole run: opened, then shut again.
    let run = vec![
        begin("1", 1),
        record("2", 2, Success, json!(null)),
        record("3", 4, InProgress, sets(false)),
        record("4", 5, Success, json!(null)),
    ];
    check(run, &[]);
    // It took from 1 to 9; what another did in between has no order with it.
    let slow =
        vec![begin("1", 1), record("2", 9, Success, json!(null)), event("3", "lee", 5, opaque())];
    check(slow, &["?sam", "?lee"]);
    // Two begun at once, with different requests: whose outcome is it?
    let mixed = vec![
        begin("1", 1),
        record("2", 1, InProgress, sets(false)),
        record("3", 2, Success, json!(null)),
    ];
    check(mixed, &["?sam"]);
}

#[test]
fn one_finding_two_hands() {
    let changes = vec![
        change("open", json!(false), json!(true)),
        change("level", json!("safe"), json!("open")),
        change("tags.a", json!("1"), json!("2")),
    ];
    let events = vec![
        event("1", "maya", 1, sets(true)),
        event("2", "lee", 2, json!({"id": "b-1", "sets": {"open": true, "level": "OPEN"}})),
    ];
    let attribution = asked(&toy_box(), changes, events);
    assert_eq!(attribution.status, AttributionStatus::Attributed);
    assert_eq!(told(&attribution), ["maya open", "lee level"]);
    let note = attribution.searched.unwrap().note.unwrap();
    assert_eq!(note, "the log does not tell who changed tags.a");
}

#[test]
fn elements_of_a_set() {
    let readers = |want: Json, is: Json| vec![change("readers", want, is)];
    let adds = |uid: &str, who: &str, second, e: &str| {
        event(uid, who, second, json!({"id": "b-1", "adds": [e]}))
    };
    let removes = |uid: &str, who: &str, second, e: &str| {
        event(uid, who, second, json!({"id": "b-1", "removes": [e]}))
    };
    let told_of = |changes, events| told(&asked(&toy_box(), changes, events));
    let added = readers(json!(["a"]), json!(["a", "all"]));
    assert_eq!(
        told_of(added.clone(), vec![adds("1", "maya", 1, "all"), adds("2", "lee", 2, "a")]),
        ["maya readers"]
    );
    assert_eq!(
        told_of(added.clone(), vec![adds("1", "maya", 1, "all"), removes("2", "ci", 2, "all")]),
        Vec::<String>::new()
    );
    assert_eq!(
        told_of(
            added.clone(),
            vec![
                adds("1", "maya", 1, "all"),
                removes("2", "ci", 2, "all"),
                adds("3", "lee", 3, "all")
            ]
        ),
        ["lee readers"]
    );
    // All of what differs must be accounted for, by whomever.
    let both = readers(json!(["b"]), json!(["all"]));
    let two = vec![adds("1", "maya", 1, "all"), removes("2", "lee", 2, "b")];
    assert_eq!(told_of(both.clone(), two), ["maya readers", "lee readers"]);
    assert_eq!(told_of(both, vec![adds("1", "maya", 1, "all")]), ["?maya"]);
    // A whole list that holds it.
    let whole = event("1", "kim", 1, json!({"id": "b-1", "sets": {"readers": ["all", "a"]}}));
    assert_eq!(told_of(added.clone(), vec![whole.clone()]), ["kim readers"]);
    assert_eq!(told_of(added, vec![whole, adds("2", "lee", 2, "all")]), ["kim readers"]);
}

#[test]
fn gone_and_new_resources() {
    let missing = Drift::missing(&desired(json!({})), "toy".into(), None, None);
    let unmanaged = Drift::unmanaged(&resource(json!({})));
    let delete =
        |uid: &str, who: &str, second| event(uid, who, second, json!({"id": "b-1", "deletes": 1}));
    let create =
        |uid: &str, who: &str, second| event(uid, who, second, json!({"id": "b-1", "creates": {}}));
    let told_of = |drift: &Drift, events| {
        told(&attribute(drift, &[], &toy_box(), &EventLog::new(events), searched()))
    };
    assert_eq!(told_of(&missing, vec![create("1", "ci", 1), delete("2", "maya", 2)]), ["maya"]);
    assert_eq!(
        told_of(&missing, vec![delete("1", "maya", 1), create("2", "ci", 2)]),
        Vec::<String>::new()
    );
    assert_eq!(
        told_of(&missing, vec![delete("1", "maya", 1), event("2", "lee", 2, opaque())]),
        ["?maya", "?lee"]
    );
    assert_eq!(
        told_of(&unmanaged, vec![create("1", "maya", 1), event("2", "lee", 2, sets(true))]),
        ["maya"]
    );
    // By another of its names.
    let by_arn = event("1", "maya", 1, json!({"id": "arn:b-1", "deletes": 1}));
    let named =
        attribute(&missing, &["arn:b-1".into()], &toy_box(), &EventLog::new([by_arn]), searched());
    assert_eq!(told(&named), ["maya"]);
}

#[test]
fn where_the_log_has_a_gap() {
    let knowledge = Toy { gap: true, ..toy_box() };
    let mut key = event("1", "sam", 1, json!({}));
    key.operation = "TakeKey".into();
    key.read_only = true;
    let mut again = key.clone();
    again.uid = "2".into();
    again.time = toy::at(2);
    let mut other = key.clone();
    other.uid = "3".into();
    other.principal.name = "eve".into();
    other.resources[0].uid = "boxes/b-77".into();
    let attribution = asked(&knowledge, opened(), vec![key, again, other]);
    assert_eq!(told(&attribution), ["?sam"]);
    assert_eq!(attribution.events[0].event_id, "2");
    assert_eq!(attribution.events[0].notes[0], "held the key");
    assert_eq!(attribution.searched.unwrap().gaps, ["lids can be lifted without a record"]);
    // A record that produces the value still names its caller.
    let named = asked(&knowledge, opened(), vec![event("1", "maya", 1, sets(true))]);
    assert_eq!(told(&named), ["maya open"]);
    assert!(named.searched.unwrap().gaps.is_empty());
}

#[test]
fn an_address_never_used_before() {
    let from = |uid: &str, second, source: &str, credential: Option<&str>| {
        let mut event = event(uid, "ci", second, if second == 9 { sets(true) } else { json!({}) });
        event.source = Some(source.to_owned());
        event.credential_uid = credential.map(str::to_owned);
        event
    };
    let notes = |events: Vec<Event>| asked(&toy_box(), opened(), events).events[0].notes.clone();
    let new = ["an address it never used before"];
    assert_eq!(
        notes(vec![from("a", 1, "10.0.0.1", Some("k")), from("b", 9, "198.51.100.23", Some("k"))]),
        new
    );
    assert!(
        notes(vec![
            from("a", 1, "198.51.100.23", Some("k")),
            from("b", 9, "198.51.100.23", Some("k"))
        ])
        .is_empty()
    );
    assert!(notes(vec![from("b", 9, "198.51.100.23", Some("k"))]).is_empty());
    assert!(
        notes(vec![from("a", 9, "10.0.0.1", Some("k")), from("b", 9, "198.51.100.23", Some("k"))])
            .is_empty()
    );
    // A new session's key has no past; its caller has one.
    assert_eq!(
        notes(vec![
            from("a", 1, "10.0.0.1", Some("k1")),
            from("b", 9, "198.51.100.23", Some("k2"))
        ]),
        new
    );
    assert_eq!(
        notes(vec![from("a", 1, "10.0.0.1", None), from("b", 9, "198.51.100.23", None)]),
        new
    );
}

#[test]
fn many_candidates_are_counted() {
    let events = (0..30).map(|i| event(&i.to_string(), &format!("p{i}"), i, opaque())).collect();
    let attribution = asked(&toy_box(), opened(), events);
    assert_eq!(attribution.events.len(), 20);
    assert_eq!(attribution.events[19].principal.name, "p29");
    assert_eq!(attribution.searched.unwrap().note.unwrap(), "10 more could have done it");
}

/// An archive of many accounts may hold the same name twice, and each is its own thing.
#[test]
fn an_event_of_another_account_is_about_another_resource() {
    let attributed = |of_event: &str, of_resource: Option<&str>| {
        let mut there = event("1", "mallory", 1, sets(true));
        there.account = Some(of_event.to_owned());
        let mut live = resource(json!({"open": true}));
        live.account = of_resource.map(str::to_owned);
        let drift = Drift::changed(&desired(json!({})), &live, opened());
        told(&attribute(&drift, &[], &toy_box(), &EventLog::new([there]), searched()))
    };
    assert_eq!(attributed("ours", Some("ours")), ["mallory open"]);
    assert_eq!(attributed("OURS", Some("ours")), ["mallory open"]);
    assert_eq!(attributed("ours", None), ["mallory open"]);
    assert!(attributed("theirs", Some("ours")).is_empty());
}
