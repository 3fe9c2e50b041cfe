//! Reading is the inverse of writing for any tree of any served shape, and no bytes make a reader panic.

use aws_protocol::codec::{self, Incoming, xml};
use aws_protocol::table::{Kind, Protocol, Shape};
use aws_protocol::{Operation, Service, timestamp};
use base64::Engine;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// Deep enough for every list in a structure in a list of the served shapes.
const DEPTH: u32 = 5;

fn served() -> Vec<Operation> {
    Service::all()
        .filter(|service| service.facts.protocol != Protocol::RestXml)
        .flat_map(|service| service.operations())
        .collect()
}

/// Any tree of a shape that keeps the model's constraints. Lists are not empty and structures neither: a form cannot
/// tell an empty one from none.
fn tree(service: &'static Service, shape: &'static Shape, depth: u32) -> BoxedStrategy<Value> {
    let number = |low: f64, high: f64| {
        let low = shape.min.unwrap_or(low).max(low) as i64;
        let high = shape.max.unwrap_or(high).min(high) as i64;
        (low..=high).prop_map(Value::from).boxed()
    };
    match shape.kind {
        Kind::Structure => structure(service, shape, depth),
        Kind::List => {
            let Some(member) = &shape.member else { return Just(Value::Null).boxed() };
            let least = shape.min.unwrap_or(1.0).max(1.0) as usize;
            let most = (shape.max.unwrap_or(3.0) as usize).min(least + 2);
            proptest::collection::vec(
                tree(service, service.shape(&member.shape), depth),
                least..=most,
            )
            .prop_map(Value::Array)
            .boxed()
        }
        Kind::Map => {
            let Some(member) = &shape.value else { return Just(Value::Null).boxed() };
            proptest::collection::btree_map(
                "\\PC{1,8}",
                tree(service, service.shape(&member.shape), depth),
                1..3,
            )
            .prop_map(|entries| Value::Object(entries.into_iter().collect()))
            .boxed()
        }
        Kind::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Integer => number(i32::MIN.into(), i32::MAX.into()),
        Kind::Long => number(-1e15, 1e15),
        Kind::Float | Kind::Double => (-1e9..1e9f64).prop_map(Value::from).boxed(),
        Kind::Timestamp => (0i64..4_000_000_000_000)
            .prop_map(|ms| {
                let time =
                    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap();
                Value::from(timestamp::iso(time))
            })
            .boxed(),
        Kind::Blob => proptest::collection::vec(any::<u8>(), 0..16)
            .prop_map(|bytes| Value::from(base64::engine::general_purpose::STANDARD.encode(bytes)))
            .boxed(),
        Kind::String if !shape.values.is_empty() => {
            proptest::sample::select(shape.values.clone()).prop_map(Value::from).boxed()
        }
        Kind::String => {
            let least = shape.min.unwrap_or(0.0) as usize;
            let most = (shape.max.unwrap_or(12.0) as usize).clamp(least, least + 12);
            // What XML can carry, line ends and markup included.
            proptest::collection::vec(
                "[\\t\\n\\r -~<>&'\"]|[\u{a0}-\u{d7ff}]|[\u{e000}-\u{fffd}]|[\u{10000}-\u{10ffff}]",
                least..=most,
            )
            .prop_map(|chars| Value::from(chars.concat()))
            .boxed()
        }
    }
}

fn structure(service: &'static Service, shape: &'static Shape, depth: u32) -> BoxedStrategy<Value> {
    let members: Vec<_> = shape
        .members
        .iter()
        .filter(|(name, _)| depth > 0 || shape.required.contains(name))
        .map(|(name, member)| {
            let required = shape.required.contains(name);
            let inner = tree(service, service.shape(&member.shape), depth.saturating_sub(1));
            let given = if required {
                inner.prop_map(Some).boxed()
            } else {
                proptest::option::weighted(0.4, inner).boxed()
            };
            given.prop_map(move |value| (name.clone(), value))
        })
        .collect();
    members
        .prop_map(|members| {
            let members = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
            // An empty structure is not there at all in a form.
            let members =
                members.filter(|(_, value)| !value.as_object().is_some_and(Map::is_empty));
            Value::Object(members.collect())
        })
        .boxed()
}

/// A list of structures may still hold an empty one; those cases say nothing about a form.
fn has_empty_element(value: &Value) -> bool {
    match value {
        Value::Array(items) => items
            .iter()
            .any(|item| item.as_object().is_some_and(Map::is_empty) || has_empty_element(item)),
        Value::Object(members) => members.values().any(has_empty_element),
        _ => false,
    }
}

pub fn exchange() -> impl Strategy<Value = (Operation, Value, Value)> {
    proptest::sample::select(served()).prop_flat_map(|operation| {
        let of = |shape: Option<&'static Shape>| match shape {
            Some(shape) => structure(operation.service, shape, DEPTH),
            None => Just(Value::Object(Map::new())).boxed(),
        };
        (Just(operation), of(operation.input()), of(operation.output()))
    })
}

/// The tree with every sensitive member replaced by a text that can be looked for.
pub fn marked(service: &'static Service, shape: &'static Shape, value: &Value) -> Value {
    match value {
        Value::String(_) if shape.sensitive => "CANARY".into(),
        Value::Array(items) => {
            let Some(member) = &shape.member else { return value.clone() };
            items.iter().map(|item| marked(service, service.shape(&member.shape), item)).collect()
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match shape.members.get(name) {
                Some(member) => {
                    (name.clone(), marked(service, service.shape(&member.shape), value))
                }
                None => (name.clone(), value.clone()),
            })
            .collect(),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn requests_and_responses_survive_the_wire((operation, input, output) in exchange()) {
        if !has_empty_element(&input) {
            let outgoing = codec::encode_request(operation, &input).unwrap();
            let mut headers = HeaderMap::new();
            for (name, value) in outgoing.headers {
                headers.insert(name, value.parse().unwrap());
            }
            let incoming = Incoming { headers: &headers, query: "", body: &outgoing.body };
            let request = codec::decode_request(operation.service, incoming);
            let request = request.map_err(|refusal| TestCaseError::fail(refusal.error.to_string()))?;
            prop_assert_eq!(request.operation.name, operation.name);
            prop_assert_eq!(request.input, input);
        }
        let response = codec::encode_response(operation, &output, "id").unwrap();
        let decoded = codec::decode_response(operation, 200, &HeaderMap::new(), &response.body);
        prop_assert_eq!(decoded.unwrap(), output);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "[<>&;#x/?!\\[\\]CDATA a-c0-9\"'={}:,.%+-]{0,120}",
        status in proptest::sample::select(vec![200u16, 400, 500]),
    ) {
        for body in [bytes.as_slice(), text.as_bytes()] {
            let _ = xml::parse(body);
            for name in ["iam", "ec2", "cloudtrail", "s3"] {
                let service = Service::named(name).unwrap();
                let operation = service.operations().next().unwrap();
                let mut headers = HeaderMap::new();
                let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
                headers.insert("x-amz-target", target.parse().unwrap());
                let with_action = [b"Action=CreateUser&Version=2010-05-08&".as_slice(), body].concat();
                for body in [body, &with_action] {
                    let _ = codec::decode_request(service, Incoming { headers: &headers, query: &text, body });
                }
                let _ = codec::decode_response(operation, status, &headers, body);
            }
        }
    }

    #[test]
    fn any_text_survives_xml(text in proptest::collection::vec(any::<char>(), 0..40)) {
        let text: String = text.into_iter().collect();
        let mut sink = xml::Sink::new();
        sink.leaf("A", &text);
        let read = xml::parse(&sink.finish()).unwrap().text;
        let carried = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        let expected: String = text.chars().map(|c| if carried(c) { c } else { '\u{fffd}' }).collect();
        prop_assert_eq!(read, expected);
    }
}
