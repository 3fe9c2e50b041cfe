//! Public bucket policies by S3's rule, and what the anonymous get.

use iam_policy::{
    Attached, Because, Context, Layers, Outcome, Policy, Principal, Request, anonymous_access,
    anonymous_allows, evaluate, is_public, public_statements,
};

const OWNER: &str = "111122223333";

fn bucket_policy(principal: &str, condition: &str) -> Policy {
    Policy::parse(&format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {principal},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-exports/*",
            "Condition": {{{condition}}}}}}}"#
    ))
    .expect("well-formed")
}

/// S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of public".
#[test]
fn public_is_what_is_not_limited_to_fixed_values() {
    for (principal, condition, public) in [
        // the guide's own examples
        (r#"{"Federated": "graph.facebook.com"}"#, "", true),
        (r#""*""#, "", true),
        (r#""*""#, r#""StringLike": {"aws:SourceVpc": "vpc-*"}"#, true),
        (r#""*""#, r#""StringEquals": {"aws:SourceVpc": "vpc-91237329"}"#, false),
        (
            r#""*""#,
            r#""StringLike": {"s3:DataAccessPointArn":
                "arn:aws:s3:us-west-2:123456789012:accesspoint/*"}"#,
            false,
        ),
        // fixed principals
        (r#"{"AWS": "*"}"#, "", true),
        (r#"{"AWS": "444455556666"}"#, "", false),
        (r#"{"AWS": ["444455556666", "*"]}"#, "", true),
        (r#"{"Service": "cloudtrail.amazonaws.com"}"#, "", false),
        // each key of the list
        (r#""*""#, r#""StringEquals": {"aws:PrincipalOrgID": "o-a1"}"#, false),
        (r#""*""#, r#""ArnEquals": {"aws:SourceArn": "arn:aws:s3:::b"}"#, false),
        (r#""*""#, r#""ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}"#, true),
        (r#""*""#, r#""StringEquals": {"aws:SourceVpce": "vpce-1"}"#, false),
        (r#""*""#, r#""StringEquals": {"aws:SourceOwner": "111122223333"}"#, false),
        (r#""*""#, r#""StringEquals": {"aws:SourceAccount": "111122223333"}"#, false),
        (r#""*""#, r#""StringEquals": {"s3:DataAccessPointAccount": "111122223333"}"#, false),
        (
            r#""*""#,
            r#""StringEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "k"}"#,
            false,
        ),
        (r#""*""#, r#""StringLike": {"aws:userid": "AROAEXAMPLE:*"}"#, true),
        (r#""*""#, r#""StringEquals": {"aws:userid": "AROAEXAMPLE:ci"}"#, false),
        // address ranges
        (r#""*""#, r#""IpAddress": {"aws:SourceIp": "203.0.113.0/24"}"#, false),
        (r#""*""#, r#""IpAddress": {"aws:SourceIp": "10.0.0.0/8"}"#, false),
        (r#""*""#, r#""IpAddress": {"aws:SourceIp": "0.0.0.0/1"}"#, true),
        (r#""*""#, r#""IpAddress": {"aws:SourceIp": ["203.0.113.5", "8.0.0.0/7"]}"#, true),
        (r#""*""#, r#""IpAddress": {"aws:SourceIp": "2001:db8::/32"}"#, false),
        (r#""*""#, r#""IpAddress": {"aws:SourceIp": "2001:d00::/24"}"#, true),
        // keys, operators and values that limit nobody
        (r#""*""#, r#""StringEquals": {"aws:Referer": "https://example.com"}"#, true),
        (r#""*""#, r#""Bool": {"aws:SecureTransport": "true"}"#, true),
        (r#""*""#, r#""StringNotEquals": {"aws:SourceVpc": "vpc-1"}"#, true),
        (r#""*""#, r#""NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}"#, true),
        (r#""*""#, r#""StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}"#, true),
        (r#""*""#, r#""ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-a1/"}"#, true),
        (r#""*""#, r#""ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-a1/"}"#, false),
        (r#""*""#, r#""StringEquals": {"aws:SourceVpc": "${aws:PrincipalTag/vpc}"}"#, true),
    ] {
        let policy = bucket_policy(principal, condition);
        assert_eq!(is_public(&policy), public, "{principal} {condition}");
    }
}

#[test]
fn one_public_statement_makes_the_policy_public() {
    let policy = Policy::parse(
        r#"{"Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "NotPrincipal": {"AWS": "444455556666"}, "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}"#,
    )
    .expect("well-formed");
    assert_eq!(public_statements(&policy), [2, 3]);
}

/// The guide's example of RestrictPublicBuckets: CloudTrail keeps its access, "Account-2" does not.
#[test]
fn restrict_public_buckets_keeps_services_and_the_own_account() {
    let policy = Policy::parse(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
             "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}"#,
    )
    .expect("well-formed");
    let private = policy.without(&[2]).expect("well-formed");
    let everything =
        Policy::parse(r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#)
            .expect("well-formed");
    let user = |account| Principal::User { arn: format!("arn:aws:iam::{account}:user/a") };
    let decide = |policy: &Policy, principal: &Principal, restrict| {
        let request = Request::new(principal.clone(), "s3:GetObject", "arn:aws:s3:::acme/a", OWNER);
        let layers = Layers {
            identity: vec![Attached::new("everything", &everything)],
            resource: Some(Attached::new("bucket policy", policy)),
            restrict_public_buckets: restrict,
            ..Layers::default()
        };
        evaluate(&request, &layers)
    };
    let service = Principal::Service("cloudtrail.amazonaws.com".into());
    for (principal, restricted) in [
        (&service, Outcome::Allow),
        (&user(OWNER), Outcome::Allow),
        (&user("444455556666"), Outcome::ImplicitDeny),
        (&Principal::Anonymous, Outcome::ImplicitDeny),
    ] {
        assert_eq!(decide(&policy, principal, false).outcome, Outcome::Allow, "{principal}");
        let decision = decide(&policy, principal, true);
        assert_eq!(decision.outcome, restricted, "{principal}");
        if restricted == Outcome::ImplicitDeny {
            assert_eq!(decision.because, Because::PublicAccessRestricted);
        }
    }
    let decision = decide(&private, &user("444455556666"), true);
    assert_eq!(decision.outcome, Outcome::Allow, "a policy that is not public is left alone");
}

#[test]
fn the_anonymous_get_what_the_policy_says_under_their_conditions() {
    let object = "arn:aws:s3:::acme-exports/2026/a.csv";
    let from = |address: &str| [("aws:SourceIp", address)].into_iter().collect::<Context>();
    let open = bucket_policy(r#""*""#, "");
    let office = bucket_policy(r#""*""#, r#""IpAddress": {"aws:SourceIp": "203.0.113.0/24"}"#);
    let partner = bucket_policy(r#"{"AWS": "444455556666"}"#, "");
    let nowhere = Context::new();
    assert!(anonymous_allows(&open, "s3:GetObject", object, &nowhere));
    assert!(!anonymous_allows(&open, "s3:PutObject", object, &nowhere));
    assert!(!anonymous_allows(&open, "s3:GetObject", "arn:aws:s3:::other/a", &nowhere));
    assert!(anonymous_allows(&office, "s3:GetObject", object, &from("203.0.113.7")));
    assert!(!anonymous_allows(&office, "s3:GetObject", object, &from("198.51.100.23")));
    assert!(!anonymous_allows(&partner, "s3:GetObject", object, &nowhere));
}

#[test]
fn what_the_anonymous_may_do_is_listed() {
    let policy = Policy::parse(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:Get*",
             "Resource": "arn:aws:s3:::acme/reports/20??/*"},
            {"Effect": "Allow", "Principal": "*", "Action": "s3:List*", "Resource": "*"},
            {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject",
             "Resource": "arn:aws:s3:::other/*"},
            {"Effect": "Deny", "Principal": "*", "Action": ["s3:GetObjectVersion",
             "s3:ListBucketVersions"], "Resource": "*"}]}"#,
    )
    .expect("well-formed");
    let seen: Vec<_> = anonymous_access(&policy, "acme", &Context::new())
        .into_iter()
        .map(|access| (access.action, access.resource))
        .collect();
    let expected = [
        ("s3:GetObject", "arn:aws:s3:::acme/reports/20??/*".to_owned()),
        ("s3:ListBucket", "arn:aws:s3:::acme".to_owned()),
    ];
    assert_eq!(seen, expected);
    assert_eq!(anonymous_access(&policy, "other", &Context::new()).len(), 2, "list and put");
}
