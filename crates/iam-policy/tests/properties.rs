//! What must hold for every document and request: nothing panics, printing loses nothing, and
//! documents that count as equal decide alike.

use iam_policy::{
    Attached, Change, Context, Effect, Layers, Policy, Principal, Request, Selection,
    anonymous_allows, beyond, describe, diff, equal, evaluate, is_public, within,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";

/// One of the words, or a list of some.
fn words(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => select(words).prop_map(Value::from),
        1 => vec(select(words), 1..4).prop_map(Value::from),
    ]
}

fn actions() -> impl Strategy<Value = Value> {
    words(&["*", "s3:*", "s3:Get*", "S3:getobject", "s3:PutObject", "s3:?etObject"])
}

fn resources() -> impl Strategy<Value = Value> {
    words(&[
        "*",
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::*/k",
        "arn:aws:s3:::b/${aws:username}/*",
        "arn:aws:s3:::b/${aws:PrincipalTag/team, 'k'}",
        "arn:aws:s3:::b/${*}",
        "arn:aws:s3:?:*:b*",
    ])
}

fn principals() -> impl Strategy<Value = Value> {
    let aws = words(&[
        "*",
        OWN,
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/maya",
        "arn:aws:iam::444455556666:role/dev",
    ]);
    let service = words(&["cloudtrail.amazonaws.com", "Config.amazonaws.com"]);
    prop_oneof![
        Just(json!("*")),
        aws.prop_map(|aws| json!({"AWS": aws})),
        service.prop_map(|service| json!({"Service": service})),
        Just(json!({"AWS": OTHER, "Federated": "graph.facebook.com", "CanonicalUser": "79a5"})),
    ]
}

fn conditions() -> impl Strategy<Value = Value> {
    let operator = select(
        &[
            "StringEquals",
            "StringNotEqualsIfExists",
            "StringLike",
            "ForAllValues:StringLike",
            "ForAnyValue:StringNotLike",
            "Null",
            "Bool",
            "NumericLessThan",
            "DateGreaterThanEquals",
            "IpAddress",
            "NotIpAddress",
            "ArnLike",
            "BinaryEquals",
        ][..],
    );
    let key = select(
        &["aws:username", "AWS:UserName", "aws:SourceIp", "aws:TagKeys", "aws:SecureTransport"][..],
    );
    let values = words(&["maya", "m*", "true", "10.0.0.0/8", "5", "2026-11-24", "${aws:userid}"]);
    vec((operator, key, values), 0..3).prop_map(|rows| {
        let mut block = Map::new();
        for (operator, key, values) in rows {
            let keys = block.entry(operator).or_insert_with(|| json!({}));
            keys[key] = values;
        }
        Value::Object(block)
    })
}

/// A statement as somebody may have written it.
fn statement(named: bool) -> impl Strategy<Value = Value> {
    let effect = select(&["Allow", "Allow", "Deny"][..]);
    let not = || prop::bool::weighted(0.15);
    let sid = prop::option::of("[A-Za-z0-9]{1,8}");
    (effect, principals(), not(), actions(), not(), resources(), not(), conditions(), sid).prop_map(
        move |(effect, principal, np, action, na, resource, nr, condition, sid)| {
            let mut out = Map::new();
            let name = |not: bool, name: &str| if not { format!("Not{name}") } else { name.into() };
            out.insert("Effect".into(), effect.into());
            if named {
                out.insert(name(np, "Principal"), principal);
            }
            out.insert(name(na, "Action"), action);
            out.insert(name(nr, "Resource"), resource);
            if condition != json!({}) {
                out.insert("Condition".into(), condition);
            }
            if let Some(sid) = sid {
                out.insert("Sid".into(), sid.into());
            }
            Value::Object(out)
        },
    )
}

fn policy(named: bool) -> impl Strategy<Value = Policy> {
    let version = select(&["2012-10-17", "2012-10-17", "2008-10-17"][..]);
    (version, vec(statement(named), 1..4)).prop_map(|(version, statements)| {
        let text = json!({"Version": version, "Statement": statements}).to_string();
        Policy::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    })
}

fn request() -> impl Strategy<Value = Request> {
    let principal = prop_oneof![
        Just(Principal::Anonymous),
        Just(Principal::Service("config.amazonaws.com".into())),
        Just(Principal::Federated("graph.facebook.com".into())),
        select(
            &[
                "arn:aws:iam::111122223333:root",
                "arn:aws:iam::111122223333:user/maya",
                "arn:aws:sts::111122223333:assumed-role/dev/maya",
                "arn:aws:sts::444455556666:assumed-role/dev/noor",
            ][..]
        )
        .prop_map(|arn| Principal::from_arn(arn).expect("an ARN of a caller")),
    ];
    let action = select(&["s3:GetObject", "s3:PutObject", "s3:ListBucket"][..]);
    let resource = select(
        &["arn:aws:s3:::b", "arn:aws:s3:::b/k", "arn:aws:s3:::b/maya/x", "arn:aws:s3:::b/*", "*"][..],
    );
    let address = prop::option::of(select(&["10.1.2.3", "203.0.113.7", "2001:db8::1"][..]));
    let tags = prop::option::of(vec(select(&["maya", "env"][..]), 0..3));
    (principal, action, resource, address, tags).prop_map(
        |(who, action, resource, address, tags)| {
            let mut request = Request::new(who, action, resource, OWN);
            if let Some(address) = address {
                request.context.set("aws:SourceIp", address);
            }
            if let Some(tags) = tags {
                request.context.set_all("aws:TagKeys", tags);
            }
            request
        },
    )
}

/// The same meaning in other words: statements turned round and taken apart, other Sids, other
/// case, and the other version where that changes nothing.
fn reworded(policy: &Policy) -> Policy {
    let mut out = policy.clone();
    out.id = Some("reworded".into());
    out.statements = policy
        .statements
        .iter()
        .rev()
        .flat_map(|statement| {
            let Selection::Only(actions) = &statement.actions else {
                return vec![statement.clone()];
            };
            let one = |action: &String| {
                let mut one = statement.clone();
                one.sid = None;
                one.actions = Selection::Only(vec![action.to_uppercase()]);
                for condition in &mut one.conditions {
                    condition.values.reverse();
                }
                one
            };
            actions.iter().map(one).collect()
        })
        .collect();
    if !policy.to_string().contains("${") {
        out.version = iam_policy::Version::V2008;
    }
    out
}

fn outcomes(request: &Request, identity: &Policy, resource: &Policy) -> [bool; 3] {
    let at = |policy| Attached::new("given", policy);
    let base =
        Layers { identity: vec![at(identity)], resource: Some(at(resource)), ..Layers::default() };
    let capped =
        Layers { boundary: Some(at(identity)), session: vec![at(identity)], ..base.clone() };
    let only = Layers { identity: Vec::new(), restrict_public_buckets: true, ..base.clone() };
    [base, capped, only].map(|layers| evaluate(request, &layers).is_allow())
}

/// JSON made of the words of policies, so that it gets past the first checks.
fn almost_a_policy() -> impl Strategy<Value = Value> {
    let word = select(
        &[
            "Version",
            "Statement",
            "Effect",
            "Allow",
            "Deny",
            "Action",
            "NotAction",
            "Resource",
            "Principal",
            "NotPrincipal",
            "AWS",
            "*",
            "Condition",
            "StringLike",
            "IpAddress",
            "DateEquals",
            "aws:SourceIp",
            "2012-10-17",
            "${",
            "${aws:username}",
            "${,'}",
            "1/2/3",
            "::/129",
            "2026-11-24T",
            "é",
            "",
        ][..],
    );
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
        ".{0,12}".prop_map(Value::from),
    ];
    let inner = leaf.prop_recursive(5, 48, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((word.clone(), inner), 0..5)
                .prop_map(|rows| rows.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    });
    let wild = (inner.clone(), inner.clone(), inner.clone(), inner.clone()).prop_map(
        |(action, resource, principal, condition)| {
            json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action,
                "Resource": resource, "Principal": principal, "Condition": condition}})
        },
    );
    prop_oneof![inner, wild]
}

fn use_everything(policy: &Policy, request: &Request) {
    let layers = Layers { resource: Some(Attached::new("given", policy)), ..Layers::default() };
    let decision = evaluate(request, &layers);
    assert_eq!(decision.message(request).is_none(), decision.is_allow());
    assert!(equal(policy, policy));
    let _ = is_public(policy);
    for statement in &policy.statements {
        assert!(!describe(statement).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in ".{0,200}", request in request()) {
        if let Ok(policy) = Policy::parse(&text) {
            use_everything(&policy, &request);
        }
    }

    #[test]
    fn no_json_panics(value in almost_a_policy(), request in request()) {
        match Policy::parse(&value.to_string()) {
            Ok(policy) => use_everything(&policy, &request),
            Err(error) => prop_assert!(!error.message.is_empty()),
        }
    }

    #[test]
    fn no_pattern_or_value_panics(
        pattern in "(arn:aws:s3:::|[*?:${}',a/]|é){0,12}",
        text in "(arn:aws:s3:::|[*?:${}',a/]|é){0,12}",
        key in "[a-z:]{0,6}",
        operator in select(iam_policy::Test::ALL),
        request in request(),
    ) {
        let text = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Principal": "*", "Action": pattern, "Resource": pattern,
            "Condition": {operator.name(): {&key: [&pattern, &text]}}}}).to_string();
        let policy = Policy::parse(&text).expect("well-formed");
        use_everything(&policy, &request.with(&key, text.clone()));
    }

    #[test]
    fn printing_loses_nothing(policy in policy(true)) {
        prop_assert_eq!(Policy::parse(&policy.to_string()).expect("its own print"), policy);
    }

    #[test]
    fn other_words_are_equal_and_decide_alike(
        identity in policy(false), resource in policy(true), requests in vec(request(), 8)
    ) {
        let (identity_too, resource_too) = (reworded(&identity), reworded(&resource));
        prop_assert!(equal(&identity, &identity_too));
        prop_assert!(equal(&resource, &resource_too));
        prop_assert_eq!(is_public(&resource), is_public(&resource_too));
        for request in &requests {
            prop_assert_eq!(
                outcomes(request, &identity, &resource),
                outcomes(request, &identity_too, &resource_too)
            );
        }
    }

    #[test]
    fn a_difference_names_exactly_what_was_added(
        old in policy(true), extra in policy(true), identity in policy(false),
        requests in vec(request(), 8)
    ) {
        let mut new = reworded(&old);
        new.statements.extend(extra.statements);
        let changes = diff(&old, &new);
        prop_assert!(changes.iter().all(|c| c.change == Change::Added), "{:?}", changes);
        prop_assert_eq!(changes.is_empty(), equal(&old, &new));
        let added: Vec<usize> = changes.iter().map(|c| c.index).collect();
        let rest = new.without(&added).expect("the old statements");
        prop_assert!(equal(&old, &rest));
        for request in &requests {
            prop_assert_eq!(
                outcomes(request, &identity, &old), outcomes(request, &identity, &rest)
            );
        }
    }

    #[test]
    fn a_deny_never_lets_more_in(
        identity in policy(false), resource in policy(true), extra in policy(true),
        request in request()
    ) {
        let mut more = resource.clone();
        more.statements.extend(
            extra.statements.into_iter().filter(|statement| statement.effect == Effect::Deny),
        );
        let (before, after) =
            (outcomes(&request, &identity, &resource), outcomes(&request, &identity, &more));
        for (before, after) in before.into_iter().zip(after) {
            prop_assert!(before || !after);
        }
    }

    /// S3's rule is about documents, the evaluator about requests; they meet here: whoever gets in
    /// without any of the limiting keys gets in by a statement that the rule calls public.
    #[test]
    fn what_the_anonymous_get_without_any_key_is_public(
        policy in policy(true), action in select(&["s3:GetObject", "s3:PutObject"][..])
    ) {
        if anonymous_allows(&policy, action, "arn:aws:s3:::b/k", &Context::new()) {
            prop_assert!(is_public(&policy), "{}", policy);
        }
    }

    /// Nothing is in neither part, nothing that the other has not is within, and nothing that
    /// it has is beyond; to take it apart again changes nothing.
    #[test]
    fn a_policy_is_what_another_has_and_what_it_has_not(
        one in policy(true), other in policy(true), shared in policy(true),
    ) {
        let join = |a: &Policy, b: &Policy| Policy {
            statements: a.statements.iter().chain(&b.statements).cloned().collect(),
            ..a.clone()
        };
        let (one, other) = (join(&one, &shared), join(&other, &shared));
        let (inside, outside) = (within(&one, &other), beyond(&one, &other));
        prop_assert!(equal(&join(&inside, &outside), &one), "{inside} {outside} {one}");
        let none = |changes: Vec<iam_policy::StatementChange>, change| {
            changes.iter().all(|c| c.change != change)
        };
        prop_assert!(none(diff(&other, &inside), Change::Added), "{inside}");
        prop_assert!(beyond(&outside, &other) == outside, "{outside}");
        prop_assert!(within(&outside, &other).statements.is_empty(), "{outside}");
        prop_assert!(within(&inside, &other) == inside, "{inside}");
        prop_assert!(equal(&within(&other, &one), &inside) || one.version != other.version);
        prop_assert_eq!(equal(&one, &other),
            outside.statements.is_empty() && beyond(&other, &one).statements.is_empty());
    }
}
