//! Every rule of the schema, broken on purpose: the validator names it and the place, and
//! nothing else.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use ocsf::{Rule, Version, reshape, validate};
use proptest::prelude::*;
use serde_json::{Value, json};

fn good() -> Value {
    json!({
        "class_uid": 6003, "category_uid": 6, "activity_id": 3, "type_uid": 600303,
        "severity_id": 1, "time": 1_767_362_640_000_i64, "time_dt": "2026-01-02T14:04:00.000Z",
        "metadata": {
            "version": "1.8.0", "profiles": ["cloud", "datetime"],
            "product": {"name": "CloudTrail", "vendor_name": "AWS"},
        },
        "cloud": {"provider": "AWS", "account": {"uid": "111122223333", "type_id": 10}},
        "api": {"operation": "PutBucketPolicy", "request": {"uid": "r1", "data": {"a": [1]}}},
        "actor": {"user": {"name": "ci-deploy", "type_id": 1}},
        "src_endpoint": {"ip": "198.51.100.23", "port": 443},
        "resources": [{"uid": "arn:aws:s3:::acme-exports"}, {"name": "b", "role_id": 1}],
        "raw_data_hash": {"algorithm_id": 3, "value": "00"},
        "unmapped": {"anything": {"goes": ["here", null]}},
    })
}

fn old() -> Value {
    let mut event = good();
    event["metadata"]["version"] = json!("1.1.0");
    event.as_object_mut().unwrap().remove("raw_data_hash");
    event["resources"][1].as_object_mut().unwrap().remove("role_id");
    event
}

#[test]
fn good_events_are_good() {
    assert_eq!(validate(&good(), Version::V1_8_0), []);
    assert_eq!(validate(&old(), Version::V1_1_0), []);
}

/// `None` takes the member away.
fn broken(at: &str, value: Option<Value>) -> Value {
    let mut event = good();
    let (parent, name) = at.rsplit_once('/').unwrap();
    let parent = if parent.is_empty() { &mut event } else { event.pointer_mut(parent).unwrap() };
    match (parent, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(name.to_owned(), value)),
        (Value::Object(fields), None) => drop(fields.remove(name).unwrap()),
        (Value::Array(list), Some(value)) => list[name.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{other}"),
    }
    event
}

#[test]
fn every_planted_fault_is_named_with_its_place() {
    for (at, value, path, rule) in [
        ("/class_uid", Some(json!(6999)), "class_uid", Rule::Class),
        ("/class_uid", None, "class_uid", Rule::Class),
        ("/metadata/version", Some(json!("1.1.0")), "metadata.version", Rule::Version),
        (
            "/metadata/profiles",
            Some(json!(["cloud", "datetime", "x"])),
            "metadata.profiles",
            Rule::Profile,
        ),
        ("/type_uid", Some(json!(600302)), "type_uid", Rule::TypeUid),
        ("/actor", None, "actor", Rule::Required),
        ("/cloud", None, "cloud", Rule::Required),
        ("/metadata/product", None, "metadata.product", Rule::Required),
        ("/api/request/uid", None, "api.request.uid", Rule::Required),
        ("/raw_data_hash/value", None, "raw_data_hash.value", Rule::Required),
        ("/colour", Some(json!("red")), "colour", Rule::Unknown),
        ("/actor/user/age", Some(json!(7)), "actor.user.age", Rule::Unknown),
        ("/osint", Some(json!([])), "osint", Rule::NotOfProfile),
        ("/device", Some(json!({"type_id": 1})), "device", Rule::NotOfProfile),
        ("/api/operation", Some(json!(7)), "api.operation", Rule::Type),
        ("/time", Some(json!("now")), "time", Rule::Type),
        ("/time", Some(json!(1.5)), "time", Rule::Type),
        ("/actor/user", Some(json!("ci-deploy")), "actor.user", Rule::Type),
        ("/unmapped", Some(json!("x")), "unmapped", Rule::Type),
        ("/resources", Some(json!({"uid": "x"})), "resources", Rule::Array),
        ("/resources/1", Some(json!({"type": "x"})), "resources[1]", Rule::AtLeastOne),
        ("/src_endpoint", Some(json!([{"ip": "1.2.3.4"}])), "src_endpoint", Rule::Array),
        ("/severity_id", Some(json!(7)), "severity_id", Rule::Enum),
        ("/category_uid", Some(json!(3)), "category_uid", Rule::Enum),
        ("/actor/user/type_id", Some(json!(44)), "actor.user.type_id", Rule::Enum),
        ("/activity_name", Some(json!("Create")), "activity_name", Rule::Sibling),
        ("/src_endpoint", Some(json!({"port": 1})), "src_endpoint", Rule::AtLeastOne),
        ("/src_endpoint/port", Some(json!(70_000)), "src_endpoint.port", Rule::Bounds),
        ("/src_endpoint/ip", Some(json!("1.2.3")), "src_endpoint.ip", Rule::Pattern),
        ("/time_dt", Some(json!("2 January")), "time_dt", Rule::Pattern),
    ] {
        let found = validate(&broken(at, value.clone()), Version::V1_8_0);
        let named: Vec<(&str, Rule)> = found.iter().map(|v| (v.path.as_str(), v.rule)).collect();
        assert_eq!(named, [(path, rule)], "{at} = {value:?}: {found:?}");
        assert!(found[0].to_string().starts_with(path), "{}", found[0]);
    }
}

#[test]
fn an_event_without_the_profile_needs_none_of_it() {
    let mut event = good();
    event["metadata"]["profiles"] = json!([]);
    let found = validate(&event, Version::V1_8_0);
    let named: Vec<(&str, Rule)> = found.iter().map(|v| (v.path.as_str(), v.rule)).collect();
    assert_eq!(named, [("cloud", Rule::NotOfProfile), ("time_dt", Rule::NotOfProfile)]);
    event.as_object_mut().unwrap().remove("cloud");
    event.as_object_mut().unwrap().remove("time_dt");
    assert_eq!(validate(&event, Version::V1_8_0), []);
}

#[test]
fn an_activity_of_its_own_needs_a_name() {
    let mut event = good();
    event["activity_id"] = json!(99);
    event["type_uid"] = json!(600_399);
    let found = validate(&event, Version::V1_8_0);
    assert_eq!((found.len(), found[0].rule), (1, Rule::Sibling));
    event["activity_name"] = json!("PutBucketPolicy");
    assert_eq!(validate(&event, Version::V1_8_0), []);
}

#[test]
fn one_alone_of_several() {
    let mut event = good();
    for name in ["actor", "src_endpoint"] {
        event.as_object_mut().unwrap().remove(name);
    }
    event["class_uid"] = json!(2004);
    event["category_uid"] = json!(2);
    event["type_uid"] = json!(200_403);
    event["finding_info"] = json!({"uid": "f-1"});
    event["vulnerabilities"] = json!([{"cve": {"uid": "CVE-2026-0001"}}]);
    assert_eq!(validate(&event, Version::V1_8_0), []);
    for vulnerability in [json!({}), json!({"cve": {"uid": "a"}, "cwe": {"uid": "b"}})] {
        event["vulnerabilities"] = json!([vulnerability]);
        let found = validate(&event, Version::V1_8_0);
        let named: Vec<(&str, Rule)> = found.iter().map(|v| (v.path.as_str(), v.rule)).collect();
        assert_eq!(named, [("vulnerabilities[0]", Rule::JustOne)]);
    }
}

#[test]
fn an_older_schema_is_told_what_it_knows() {
    let mut event = good();
    event["cloud"]["account"]["type_id"] = json!(13);
    event["cloud"]["cloud_partition"] = json!("aws");
    let shaped = reshape(&event, Version::V1_1_0).unwrap();
    assert_eq!(shaped["metadata"]["version"], "1.1.0");
    assert_eq!(
        shaped["cloud"]["account"],
        json!({"uid": "111122223333", "type_id": 99, "type": "Azure Subscription"})
    );
    assert_eq!(shaped["unmapped"]["anything"], event["unmapped"]["anything"]);
    assert_eq!(
        shaped["unmapped"]["unshaped"],
        json!({
            "raw_data_hash": {"algorithm_id": 3, "value": "00"},
            "cloud": {"account": {"type_id": 13}, "cloud_partition": "aws"},
            "resources": [{"role_id": 1}],
        })
    );
    assert_eq!(validate(&shaped, Version::V1_1_0), []);
}

#[test]
fn an_activity_that_is_new_goes_by_its_name() {
    let mut event = good();
    event["class_uid"] = json!(3002);
    event["category_uid"] = json!(3);
    event["activity_id"] = json!(7);
    event["type_uid"] = json!(300_207);
    event["user"] = json!({"name": "maya.chen@example.com"});
    event["service"] = json!({"name": "sts.amazonaws.com"});
    event.as_object_mut().unwrap().remove("resources");
    assert_eq!(validate(&event, Version::V1_8_0), []);
    let shaped = reshape(&event, Version::V1_1_0).unwrap();
    assert_eq!(shaped["activity_id"], 99);
    assert_eq!(shaped["activity_name"], "Account Switch");
    assert_eq!(shaped["type_uid"], 300_299);
    assert_eq!(shaped["unmapped"]["unshaped"]["activity_id"], 7);
}

#[test]
fn a_class_that_is_new_is_refused() {
    let mut event = good();
    event["class_uid"] = json!(2008);
    assert_eq!(reshape(&event, Version::V1_1_0).unwrap_err()[0].rule, Rule::Class);
    assert_eq!(reshape(&json!([]), Version::V1_1_0).unwrap_err()[0].rule, Rule::Type);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0i64..100).prop_map(Value::from),
        "[a-z0-9.]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

/// Names that the schema has, so that the values reach its rules.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "uid",
        "name",
        "type_id",
        "type",
        "user",
        "actor",
        "session",
        "ip",
        "port",
        "metadata",
        "version",
        "profiles",
        "product",
        "cloud",
        "account",
        "resources",
        "api",
        "operation",
        "request",
        "src_endpoint",
        "time_dt",
        "unmapped",
        "severity_id",
        "activity_id",
        "class_uid",
        "type_uid",
        "osint",
        "x",
    ])
    .prop_map(str::to_owned)
}

fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(leaves).collect(),
        Value::Object(fields) => fields.values().flat_map(leaves).collect(),
        Value::Null => Vec::new(),
        scalar => vec![scalar.to_string()],
    }
}

proptest! {
    /// Whatever stands in an event, the validator answers; and what it calls valid is whole.
    #[test]
    fn any_value_is_judged(
        changes in prop::collection::vec((name(), any_json()), 0..6), class in 0usize..3,
    ) {
        let mut event = good();
        for (name, value) in changes {
            event[name] = value;
        }
        if class == 0 {
            event["class_uid"] = json!(6003);
        }
        for version in Version::ALL {
            let found = validate(&event, version);
            for violation in &found {
                prop_assert!(!violation.what.is_empty());
            }
            if found.is_empty() {
                prop_assert!(event["metadata"].is_object() && event["actor"].is_object());
            }
        }
    }

    /// What was valid is valid in the older schema, and every leaf is still in it.
    #[test]
    fn nothing_is_lost_in_an_older_schema(
        mfa in any::<bool>(), account in 0u8..20, role in 0u8..5, port in 0u16..,
        uids in prop::collection::vec("[a-z:/]{1,90}", 0..4), data in any_json(),
    ) {
        let mut event = good();
        event["actor"]["session"] = json!({"is_mfa": mfa, "uid": "s", "uid_alt": "t"});
        event["cloud"]["account"]["type_id"] = json!(account);
        event["src_endpoint"]["port"] = json!(port);
        event["src_endpoint"]["isp"] = json!("an isp");
        event["api"]["response"] = json!({"data": data});
        event["resources"] = uids.iter().map(|uid| json!({"uid": uid, "role_id": role})).collect();
        prop_assume!(validate(&event, Version::V1_8_0).is_empty());
        let shaped = reshape(&event, Version::V1_1_0).unwrap();
        prop_assert_eq!(validate(&shaped, Version::V1_1_0), vec![]);
        let mut there = leaves(&shaped);
        for leaf in leaves(&event) {
            if leaf == "\"1.8.0\"" {
                continue;
            }
            let at = there.iter().position(|l| *l == leaf);
            prop_assert!(at.is_some(), "{} is lost", leaf);
            there.swap_remove(at.unwrap());
        }
    }
}
