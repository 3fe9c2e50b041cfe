//! When two documents mean the same, what differs when they do not, and how that reads.

use iam_policy::{Change, Policy, beyond, describe, diff, equal, within};

fn policy(statements: &str) -> Policy {
    Policy::parse(&format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#))
        .expect("well-formed")
}

const READ: &str = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
    "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}}}"#;
const DENY: &str = r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#;

#[test]
fn what_no_decision_depends_on_is_forgotten() {
    let a = policy(&format!("{READ},{DENY}"));
    let b = Policy::parse(
        r#"{"Version": "2008-10-17", "Id": "written by somebody else", "Statement": [
        {"Sid": "TLS", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": ["S3:*"],
         "Resource": "*", "Condition": {"Bool": {"AWS:securetransport": false}}},
        {"Effect": "Allow", "Principal": {"AWS": 111122223333}, "Action": "s3:listbucket",
         "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::b", "arn:aws:s3:::b"],
         "Condition": {"StringEquals": {"aws:principaltag/team": ["blue", "red"]}}},
        {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject",
         "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::b"],
         "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}}}]}"#,
    )
    .expect("well-formed");
    assert!(equal(&a, &b));
    assert_eq!(diff(&a, &b), vec![]);
}

#[test]
fn what_a_decision_depends_on_is_kept() {
    let base = policy(READ);
    for (from, to) in [
        ("Allow", "Deny"),
        ("\"Action\"", "\"NotAction\""),
        ("\"Resource\"", "\"NotResource\""),
        ("\"Principal\"", "\"NotPrincipal\""),
        ("111122223333", "444455556666"),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::B/*"),
        ("StringEquals", "StringEqualsIfExists"),
        ("\"red\"", "\"Red\""),
        ("s3:ListBucket", "s3:PutObject"),
    ] {
        let other = policy(&READ.replace(from, to));
        assert!(!equal(&base, &other), "{from} -> {to}");
        assert_eq!(diff(&base, &other).len(), 2, "{from} -> {to}");
    }
}

#[test]
fn lists_of_exceptions_are_not_taken_apart() {
    let both = policy(r#"{"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}"#);
    let each = policy(
        r#"{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
           {"Effect": "Allow", "NotAction": "sts:*", "Resource": "*"}"#,
    );
    assert!(!equal(&both, &each), "the second allows everything");
}

#[test]
fn the_version_matters_only_beside_variables() {
    let of = |version: &str, resource: &str| {
        Policy::parse(&format!(
            r#"{{"Version": "{version}", "Statement": {{"Effect": "Allow", "Action": "s3:*",
                "Resource": ["arn:aws:s3:::c", "{resource}"]}}}}"#
        ))
        .expect("well-formed")
    };
    let plain = "arn:aws:s3:::b/*";
    let variable = "arn:aws:s3:::b/${aws:username}";
    assert!(equal(&of("2012-10-17", plain), &of("2008-10-17", plain)));
    assert!(!equal(&of("2012-10-17", variable), &of("2008-10-17", variable)));
}

#[test]
fn a_statement_too_large_to_take_apart_is_compared_whole() {
    let list = |prefix: &str| (0..100).map(|i| format!("\"{prefix}{i}\"")).collect::<Vec<_>>();
    let (actions, resources) = (list("s3:A"), list("arn:aws:s3:::b/"));
    let of = |actions: &[String], resources: &[String]| {
        policy(&format!(
            r#"{{"Effect": "Allow", "Action": [{}], "Resource": [{}]}}"#,
            actions.join(","),
            resources.join(",")
        ))
    };
    let mut turned = actions.clone();
    turned.reverse();
    assert!(equal(&of(&actions, &resources), &of(&turned, &resources)));
    assert!(!equal(&of(&actions, &resources), &of(&actions[1..], &resources)));
}

#[test]
fn a_difference_names_the_statements_of_either_side() {
    let open = r#"{"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::acme-exports/*"}"#;
    let (old, new) = (policy(&format!("{READ},{DENY}")), policy(&format!("{DENY},{open}")));
    let changes = diff(&old, &new);
    let seen: Vec<_> = changes.iter().map(|c| (c.change, c.index)).collect();
    assert_eq!(seen, [(Change::Removed, 0), (Change::Added, 1)]);
    assert_eq!(describe(&changes[1].statement), "allow * s3:GetObject on acme-exports/*");
}

#[test]
fn a_statement_reads_as_one_line() {
    for (statement, line) in [
        (DENY, "deny * s3:* on * if Bool aws:SecureTransport false"),
        (
            READ,
            "allow 111122223333:root s3:GetObject, s3:ListBucket on b, b/* \
             if StringEquals aws:PrincipalTag/team red or blue",
        ),
        (
            r#"{"Effect": "Deny", "NotPrincipal": {"Service": "cloudtrail.amazonaws.com"},
                "NotAction": "s3:Get*", "NotResource": "arn:aws:sqs:us-east-1:111122223333:q"}"#,
            "deny everyone but cloudtrail.amazonaws.com everything but s3:Get* \
             on all but arn:aws:sqs:us-east-1:111122223333:q",
        ),
        (
            r#"{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*",
                "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"},
                              "ForAllValues:StringLikeIfExists": {"aws:TagKeys": "env"}}}"#,
            "allow s3:ListAllMyBuckets on * if IpAddress aws:SourceIp 203.0.113.0/24 \
             and ForAllValues:StringLikeIfExists aws:TagKeys env",
        ),
    ] {
        assert_eq!(describe(&policy(statement).statements[0]), line);
    }
}

#[test]
fn a_statement_that_is_shared_in_part_is_taken_apart() {
    let of = |actions: &str, resources: &str| {
        policy(&format!(
            r#"{{"Sid": "Read", "Effect": "Allow", "Principal": "*", "Action": [{actions}],
                "Resource": [{resources}]}}"#
        ))
    };
    let (get, put) = (r#""s3:GetObject""#, r#""s3:PutObject""#);
    let (a, b) = (r#""arn:aws:s3:::a/*""#, r#""arn:aws:s3:::b/*""#);
    let lines = |policy: &Policy| policy.statements.iter().map(describe).collect::<Vec<_>>();
    // Its lists can be shortened: it stays one statement, with its name.
    let all = of(&format!("{get}, {put}"), &format!("{a}, {b}"));
    let part = within(&all, &of(get, &format!("{a}, {b}")));
    assert_eq!(lines(&part), ["allow * s3:GetObject on a/*, b/*"]);
    assert_eq!(part.statements[0].sid.as_deref(), Some("Read"));
    assert_eq!(lines(&beyond(&all, &part)), ["allow * s3:PutObject on a/*, b/*"]);
    // They cannot: one of the four is gone.
    let rest = beyond(&all, &of(put, b));
    let three = ["allow * s3:PutObject on a/*", "allow * s3:GetObject on a/*, b/*"];
    assert_eq!(lines(&rest), three);
    assert_eq!(rest.statements[1].sid, None, "a name stands once in a document");
    assert!(equal(&within(&all, &of(put, b)), &of(put, b)));
}
