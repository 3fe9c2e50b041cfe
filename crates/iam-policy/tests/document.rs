//! Reading documents: what is tolerated, what is refused, and where.

use iam_policy::{Attachment, Effect, Policy, PrincipalId, Principals, Selection, Version};

fn error(text: &str) -> String {
    Policy::parse(text).expect_err(text).to_string()
}

#[test]
fn strings_and_lists_are_interchangeable() {
    let short = Policy::parse(
        r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:Get*",
            "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": true}}}}"#,
    )
    .expect("well-formed");
    let long = Policy::parse(
        r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:Get*"],
            "Resource": ["*"], "Condition": {"Bool": {"aws:SecureTransport": ["true"]}}}]}"#,
    )
    .expect("well-formed");
    assert_eq!(short, long);
    assert_eq!(short.version, Version::V2008);
    let statement = &short.statements[0];
    assert_eq!(statement.effect, Effect::Allow);
    assert_eq!(statement.principals, Principals::Only(vec![PrincipalId::Everyone]));
    assert_eq!(statement.actions, Selection::Only(vec!["s3:Get*".into()]));
}

#[test]
fn an_error_says_where_and_what_was_expected() {
    let rows = [
        ("[]", "expected an object, found a list"),
        ("{}", "the element Statement is missing"),
        (r#"{"Statement": 1}"#, "Statement: expected an object, found a number"),
        (r#"{"Version": "2020-01-01"}"#, "Version: expected 2012-10-17 or 2008-10-17"),
        (r#"{"Statements": []}"#, "Statements: not an element of a policy"),
        (r#"{"Statement": [{}]}"#, "Statement[0]: the element Effect is missing"),
        (
            r#"{"Statement": [{"Effect": "allow", "Action": "*"}]}"#,
            r#"Statement[0].Effect: expected Allow or Deny, found "allow""#,
        ),
        (
            r#"{"Statement": [{"Effect": "Allow", "Action": ["*", 1]}]}"#,
            "Statement[0].Action[1]: expected a string, found a number",
        ),
        (
            r#"{"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "*"}]}"#,
            "Statement[0].NotAction: Action and NotAction cannot be used together",
        ),
        (
            r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": "x"}]}"#,
            r#"Statement[0].Principal: expected "*" or an object, found a string"#,
        ),
        (
            r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": {"User": "x"}}]}"#,
            "Statement[0].Principal.User: expected AWS, Service, Federated or CanonicalUser",
        ),
        (
            r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Condition": {"Like": {}}}]}"#,
            "Statement[0].Condition.Like: not a condition operator",
        ),
        (
            r#"{"Statement": [{"Effect": "Allow", "Action": "*",
                "Condition": {"Bool": {"a": {}}}}]}"#,
            "Statement[0].Condition.Bool.a: expected a string, found an object",
        ),
    ];
    for (text, expected) in rows {
        let found = error(text);
        assert!(found.starts_with(expected), "{text}\n  expected {expected}\n  found    {found}");
    }
}

#[test]
fn a_member_that_appears_twice_is_refused() {
    let twice = r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"Bool": {"a": "true"}}, "Condition": {}}]}"#;
    assert!(error(twice).contains("\"Condition\" appears twice"), "{}", error(twice));
}

#[test]
fn broken_json_names_line_and_column() {
    let found = error("{\n  \"Statement\": [,]\n}");
    assert!(found.contains("not valid JSON") && found.contains("line 2"), "{found}");
    assert!(error(&"[".repeat(100_000)).contains("not valid JSON"));
    assert!(error(&" ".repeat(2_000_000)).contains("larger than"));
}

#[test]
fn each_place_has_its_own_grammar() {
    let check = |statement: &str, attachment| {
        let policy =
            Policy::parse(&format!(r#"{{"Statement": [{statement}]}}"#)).expect("well-formed");
        policy.check(attachment).map_err(|error| error.message)
    };
    let identity = r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#;
    let resource = r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}"#;
    let trust = r#"{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}"#;
    let bare = r#"{"Effect": "Allow", "Action": "GetObject", "Resource": "*"}"#;
    let no_arn = r#"{"Effect": "Allow", "Action": "*", "Resource": "acme-exports/*"}"#;
    let same_sid = format!(
        "{},{}",
        identity.replacen('{', r#"{"Sid": "A", "#, 1),
        identity.replacen('{', r#"{"Sid": "A", "#, 1)
    );

    assert_eq!(check(identity, Attachment::Identity), Ok(()));
    assert_eq!(check(resource, Attachment::Resource), Ok(()));
    assert_eq!(check(trust, Attachment::Trust), Ok(()));
    for (statement, attachment, message) in [
        (resource, Attachment::Identity, "Policy document should not specify a principal."),
        (identity, Attachment::Resource, "Missing required field Principal"),
        (trust, Attachment::Resource, "Missing required field Resource"),
        (resource, Attachment::Trust, "Has prohibited field Resource"),
        (
            bare,
            Attachment::Identity,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (no_arn, Attachment::Identity, r#"Resource acme-exports/* must be in ARN format or "*"."#),
        (&same_sid, Attachment::Identity, "Statement IDs (SID) in a single policy must be unique."),
        ("", Attachment::Identity, "Policy document must contain at least one statement."),
    ] {
        assert_eq!(check(statement, attachment), Err(message.to_owned()), "{statement}");
    }
}

#[test]
fn statements_can_be_taken_out() {
    let policy = Policy::parse(
        r#"{"Id": "p", "Statement": [{"Sid": "A", "Effect": "Deny", "Action": "a:*"},
            {"Sid": "B", "Effect": "Allow", "Action": "b:*"}]}"#,
    )
    .expect("well-formed");
    let rest = policy.without(&[1]).expect("well-formed");
    assert_eq!(rest.statements, policy.statements[..1]);
    assert_eq!(rest.id.as_deref(), Some("p"));
    assert_eq!(policy.without(&[0, 1]), None);
}
