//! Every leaf of a record is found in its event, and no bytes make a reader panic.

mod leaves;
mod sample;

use event_formats::{FORMATS, read, read_records, to_ocsf};
use leaves::leaves;
use model::Event;
use ocsf::Version;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What of a record is not in the OCSF objects that came of it.
fn missing_leaves(raw: &Value, events: &[Event]) -> Vec<String> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    leaves(raw, &mut before);
    for event in events {
        leaves(&to_ocsf(event), &mut after);
    }
    let mut missing = Vec::new();
    while let Some((leaf, count)) = before.pop_first() {
        if after.get(&leaf).copied().unwrap_or(0) >= count {
            continue;
        }
        // A record that lay as text in an envelope was opened.
        match serde_json::from_str(&leaf) {
            Ok(Value::Object(record)) => leaves(&Value::Object(record), &mut before),
            _ => missing.push(leaf),
        }
    }
    missing
}

fn violations(event: &Event) -> Vec<String> {
    let shaped = to_ocsf(event);
    let mut wrong: Vec<String> =
        ocsf::validate(&shaped, Version::V1_8_0).iter().map(ToString::to_string).collect();
    if let Err(older) = ocsf::reshape(&shaped, Version::V1_1_0) {
        wrong.extend(older.iter().map(|v| format!("as 1.1.0: {v}")));
    }
    wrong
}

/// The records of every format's own sample, each on its own.
fn samples() -> Vec<Value> {
    let mut all = Vec::new();
    for format in FORMATS {
        let (file, bytes) = sample::raw(format.name());
        if !file.ends_with("json") {
            continue;
        }
        let whole: Vec<Value> = match serde_json::from_slice(&bytes) {
            Ok(document) => vec![document],
            Err(_) => String::from_utf8(bytes)
                .expect("text")
                .lines()
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .collect(),
        };
        for document in whole {
            let lists = ["Records", "records", "entries", "value"];
            match lists.iter().find_map(|name| document[*name].as_array()) {
                Some(records) => all.extend(records.iter().cloned()),
                // Answers of queries are no records.
                None if document["tables"].is_array() || document["QueryStatus"].is_string() => {
                    all.extend(sample::golden(format.name()).into_iter().map(|e| e.unmapped));
                }
                None => all.push(document),
            }
        }
    }
    all
}

/// The places of a value, as pointers.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(k, v)| (k.to_string(), v)).collect(),
        _ => return,
    };
    for (key, inner) in members {
        let place = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        into.push(place.clone());
        places(inner, &place, into);
    }
}

/// A real record with a few of its values replaced by anything.
fn bent() -> impl Strategy<Value = Value> {
    let change = (any::<prop::sample::Index>(), any_json());
    (prop::sample::select(samples()), prop::collection::vec(change, 0..4)).prop_map(
        |(mut record, changes)| {
            for (index, value) in changes {
                let mut all = Vec::new();
                places(&record, "", &mut all);
                if let Some(place) = record.pointer_mut(index.get::<String>(&all)) {
                    *place = value;
                }
            }
            record
        },
    )
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z0-9:/@. -]{0,24}".prop_map(Value::from),
        Just(json!("arn:aws:iam::111122223333:user/a.b")),
        Just(json!("{\"a\":[1,{\"b\":null}]}")),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z@_]{1,12}", inner, 0..5)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

/// A record that is recognised, with arbitrary values in any of the fields that are looked at.
fn record(required: &[(&str, Value)], looked_at: &'static [&'static str]) -> BoxedStrategy<Value> {
    let base: Map<String, Value> =
        required.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    prop::collection::btree_map(prop::sample::select(looked_at), any_json(), 0..8)
        .prop_map(move |extra| {
            let mut record = Value::Object(base.clone());
            for (path, value) in extra {
                let mut at = &mut record;
                for key in path.split('.') {
                    if !at.is_object() {
                        *at = json!({});
                    }
                    at = &mut at[key];
                }
                if at.is_null() {
                    *at = value;
                }
            }
            record
        })
        .boxed()
}

fn cloudtrail() -> BoxedStrategy<Value> {
    record(
        &[
            ("eventTime", json!("2026-01-02T03:04:05Z")),
            ("eventSource", json!("iam.amazonaws.com")),
            ("eventName", json!("CreateUser")),
        ],
        &[
            "eventID",
            "eventVersion",
            "errorCode",
            "errorMessage",
            "requestParameters",
            "requestParameters.bucketName",
            "requestParameters.userName",
            "responseElements",
            "responseElements.user.arn",
            "recipientAccountId",
            "awsRegion",
            "readOnly",
            "resources",
            "sharedEventID",
            "requestID",
            "sourceIPAddress",
            "userAgent",
            "userIdentity",
            "userIdentity.type",
            "userIdentity.arn",
            "userIdentity.sessionContext",
            "userIdentity.sessionContext.sourceIdentity",
            "userIdentity.accessKeyId",
            "anything",
        ],
    )
}

fn azure() -> BoxedStrategy<Value> {
    record(
        &[
            ("time", json!("2026-01-02T03:04:05.1234567Z")),
            ("operationName", json!({"value": "MICROSOFT.STORAGE/STORAGEACCOUNTS/WRITE"})),
            ("resourceId", json!("/subscriptions/S/resourceGroups/g/providers/A.B/c/d")),
        ],
        &[
            "category.value",
            "resultType",
            "resultSignature",
            "status",
            "subStatus",
            "properties",
            "properties.requestbody",
            "properties.responseBody",
            "properties.statusCode",
            "properties.statusMessage",
            "correlationId",
            "eventDataId",
            "callerIpAddress",
            "caller",
            "claims",
            "identity",
            "identity.claims",
            "httpRequest",
            "level",
            "operationName.localizedValue",
        ],
    )
}

fn google() -> BoxedStrategy<Value> {
    record(
        &[
            ("timestamp", json!("2026-01-02T03:04:05.123456789Z")),
            ("protoPayload", json!({"methodName": "storage.buckets.update"})),
        ],
        &[
            "insertId",
            "logName",
            "operation",
            "operation.first",
            "resource",
            "resource.labels",
            "resource.type",
            "protoPayload.status",
            "protoPayload.status.code",
            "protoPayload.status.message",
            "protoPayload.request",
            "protoPayload.response",
            "protoPayload.authenticationInfo",
            "protoPayload.authenticationInfo.principalEmail",
            "protoPayload.authenticationInfo.serviceAccountDelegationInfo",
            "protoPayload.metadata",
            "protoPayload.requestMetadata",
            "protoPayload.requestMetadata.callerIp",
            "protoPayload.resourceName",
            "protoPayload.serviceName",
            "severity",
        ],
    )
}

fn any_record() -> BoxedStrategy<Value> {
    prop_oneof![cloudtrail(), azure(), google()].boxed()
}

#[test]
fn every_value_of_a_sample_is_in_its_events() {
    let all = samples();
    assert!(all.len() >= 2 * (FORMATS.len() - 1));
    for record in all {
        let (events, rejected) = read_records([record.to_string()], None, "sample");
        if !events.is_empty() {
            assert!(rejected.is_empty(), "{rejected:?}");
            assert_eq!(missing_leaves(&record, &events), Vec::<String>::new());
        }
    }
}

/// A batch of no messages, a list of no findings.
fn is_quiet(raw: &Value) -> bool {
    raw["logEvents"] == json!([]) || raw["detail"]["findings"] == json!([])
}

proptest! {
    #[test]
    fn each_leaf_of_a_record_is_in_its_event(raw in any_record()) {
        let text = raw.to_string();
        let (events, rejected) = read_records([&text], None, "lookup");
        // An arbitrary category makes it another log; then it must be refused, with a reason.
        prop_assert_eq!(events.len() + rejected.len(), 1);
        for event in &events {
            prop_assert_eq!(missing_leaves(&raw, std::slice::from_ref(event)), Vec::<String>::new());
            prop_assert_eq!(violations(event), Vec::<String>::new());
        }
    }

    /// Every format: whatever stands in a record, its events are valid, and nothing is lost.
    #[test]
    fn a_bent_record_is_whole_and_valid_or_refused(raw in bent()) {
        let text = raw.to_string();
        let (events, rejected) = read_records([&text], None, "lookup");
        prop_assert!(!events.is_empty() || !rejected.is_empty() || is_quiet(&raw), "{}", text);
        for event in &events {
            prop_assert_eq!(violations(event), Vec::<String>::new());
        }
        if rejected.is_empty() && !events.is_empty() {
            prop_assert_eq!(missing_leaves(&raw, &events), Vec::<String>::new());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, "x");
        let _ = read(&[b"\x1f\x8b".as_slice(), &bytes].concat(), "x");
        let _ = read_records([String::from_utf8_lossy(&bytes)], None, "x");
    }

    /// A good file cut anywhere: what comes before the cut is kept, and the cut is told.
    #[test]
    fn a_file_cut_off_keeps_what_came_before(
        records in prop::collection::vec(any_record(), 1..6), cut in 0usize..10_000,
    ) {
        let whole = json!({"Records": records}).to_string();
        let (all, _) = read(whole.as_bytes(), "x");
        let cut = cut % whole.len();
        let (some, rejected) = read(&whole.as_bytes()[..cut], "x");
        prop_assert!(some.iter().zip(&all).all(|(a, b)| a == b));
        prop_assert!(some.len() <= all.len() && (cut == 0 || !rejected.is_empty()));
        let (some, _) = read(&String::from_utf8_lossy(&whole.as_bytes()[cut..]).into_owned().into_bytes(), "x");
        prop_assert!(some.len() <= 1 || !all.is_empty());
    }

    /// Lines, an array and an envelope hold the same records.
    #[test]
    fn the_wrapping_does_not_matter(records in prop::collection::vec(any_record(), 1..6)) {
        let lines: String = records.iter().map(|r| format!("{r}\r\n")).collect();
        let (from_lines, _) = read(lines.as_bytes(), "x");
        for wrapped in [
            json!(records), json!({"Records": records}), json!({"records": records}),
            json!({"value": records, "nextLink": ""}), json!({"entries": records}),
        ] {
            let (events, _) = read(wrapped.to_string().as_bytes(), "x");
            prop_assert_eq!(&events, &from_lines);
        }
    }
}
