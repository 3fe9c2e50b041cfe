//! What decided, and AWS's words for it.

use iam_policy::{
    Attached, Because, Decision, Layer, Layers, Outcome, PUBLIC_POLICIES_PREVENTED, Policy,
    Principal, Request, evaluate,
};

const OWN: &str = "111122223333";
const USER: &str = "arn:aws:iam::111122223333:user/maya";
const ROLE: &str = "arn:aws:iam::111122223333:role/ci";

fn policy(statements: &str) -> Policy {
    Policy::parse(&format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#))
        .expect("well-formed")
}

fn all(effect: &str) -> Policy {
    policy(&format!(r#"{{"Sid": "All", "Effect": "{effect}", "Action": "*", "Resource": "*"}}"#))
}

fn everyone(effect: &str, resource: bool) -> Policy {
    let resource = if resource { r#", "Resource": "*""# } else { "" };
    policy(&format!(r#"{{"Effect": "{effect}", "Principal": "*", "Action": "*"{resource}}}"#))
}

fn at<'a>(policy: &'a Policy) -> Attached<'a> {
    Attached::new("given", policy)
}

fn user() -> Principal {
    Principal::from_arn(USER).expect("well-formed")
}

fn message(action: &str, resource: &str, layers: &Layers<'_>) -> String {
    let request = Request::new(user(), action, resource, OWN);
    evaluate(&request, layers).message(&request).expect("denied")
}

#[test]
fn each_layer_is_named_as_aws_names_it() {
    let (allow, deny, none) = (
        all("Allow"),
        all("Deny"),
        policy(r#"{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}"#),
    );
    let (open, shut) = (everyone("Allow", true), everyone("Deny", true));
    let (trusted, distrusted) = (everyone("Allow", false), everyone("Deny", false));
    let identity = || vec![at(&allow)];
    let trail = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main";
    let stop = "cloudtrail:StopLogging";
    let user = "User: arn:aws:iam::111122223333:user/maya is not authorized to perform:";
    let on_trail = format!("{user} {stop} on resource: {trail}");
    let rows = [
        (
            message(stop, trail, &Layers::default()),
            format!("{on_trail} because no identity-based policy allows the {stop} action"),
        ),
        (
            message(stop, trail, &Layers { identity: vec![at(&deny)], ..Layers::default() }),
            format!("{on_trail} with an explicit deny in an identity-based policy"),
        ),
        (
            message(
                stop,
                trail,
                &Layers { identity: identity(), resource: Some(at(&shut)), ..Layers::default() },
            ),
            format!("{on_trail} with an explicit deny in a resource-based policy"),
        ),
        (
            message(
                stop,
                trail,
                &Layers { identity: identity(), boundary: Some(at(&none)), ..Layers::default() },
            ),
            format!("{on_trail} because no permissions boundary allows the {stop} action"),
        ),
        (
            message(
                stop,
                trail,
                &Layers { identity: identity(), session: vec![at(&none)], ..Layers::default() },
            ),
            format!("{on_trail} because no session policy allows the {stop} action"),
        ),
        (
            message(
                stop,
                trail,
                &Layers {
                    identity: identity(),
                    scps: vec![vec![at(&allow)], vec![at(&none)]],
                    ..Layers::default()
                },
            ),
            format!("{on_trail} because no service control policy allows the {stop} action"),
        ),
        (
            message(
                stop,
                trail,
                &Layers {
                    identity: identity(),
                    rcps: vec![vec![at(&open), at(&shut)]],
                    ..Layers::default()
                },
            ),
            format!("{on_trail} with an explicit deny in a resource control policy"),
        ),
        (
            message("cloudtrail:LookupEvents", "*", &Layers::default()),
            format!(
                "{user} cloudtrail:LookupEvents because no identity-based policy allows the \
                     cloudtrail:LookupEvents action"
            ),
        ),
        (
            message("s3:GetObject", "arn:aws:s3:::b/k", &Layers::default()),
            format!(
                "{user} s3:GetObject on resource: \"arn:aws:s3:::b/k\" because no \
                     identity-based policy allows the s3:GetObject action"
            ),
        ),
        (
            message("sts:AssumeRole", ROLE, &Layers { identity: identity(), ..Layers::default() }),
            format!(
                "{user} sts:AssumeRole because no role trust policy allows the \
                     sts:AssumeRole action"
            ),
        ),
        (
            message(
                "sts:AssumeRole",
                ROLE,
                &Layers { resource: Some(at(&distrusted)), ..Layers::default() },
            ),
            format!("{user} sts:AssumeRole with an explicit deny in the role trust policy"),
        ),
    ];
    for (found, expected) in rows {
        assert_eq!(found, expected);
    }
    let request = Request::new(user_session(), "sts:AssumeRole", ROLE, OWN);
    let layers = Layers { resource: Some(at(&trusted)), ..Layers::default() };
    assert_eq!(evaluate(&request, &layers).message(&request), None, "an Allow needs no message");
}

fn user_session() -> Principal {
    Principal::from_arn("arn:aws:sts::111122223333:assumed-role/Developer/maya")
        .expect("well-formed")
}

#[test]
fn strangers_hear_only_access_denied_from_s3() {
    let stranger = Principal::from_arn("arn:aws:iam::444455556666:user/x").expect("well-formed");
    for principal in [Principal::Anonymous, stranger] {
        let request = Request::new(principal, "s3:GetObject", "arn:aws:s3:::b/k", OWN);
        let decision = evaluate(&request, &Layers::default());
        assert_eq!(decision.because, Because::NothingAllows(Layer::Resource));
        assert_eq!(decision.message(&request).as_deref(), Some("Access Denied"));
    }
}

#[test]
fn the_refusal_of_a_public_policy_has_s3s_words() {
    let request = Request::new(user(), "s3:PutBucketPolicy", "arn:aws:s3:::b", OWN);
    assert_eq!(
        request.refusal(PUBLIC_POLICIES_PREVENTED),
        "User: arn:aws:iam::111122223333:user/maya is not authorized to perform: \
         s3:PutBucketPolicy on resource: \"arn:aws:s3:::b\" because public policies are prevented \
         by the BlockPublicPolicy setting in S3 Block Public Access"
    );
}

#[test]
fn the_deciding_statement_is_named() {
    let reader = policy(
        r#"{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"},
           {"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}"#,
    );
    let fence =
        policy(r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::audit/*"}"#);
    let layers = Layers {
        identity: vec![Attached::new("inline policy reader", &reader)],
        boundary: Some(Attached::new("arn:aws:iam::111122223333:policy/fence", &fence)),
        ..Layers::default()
    };
    let because = |resource: &str, layers: &Layers<'_>| {
        let decision = evaluate(&Request::new(user(), "s3:GetObject", resource, OWN), layers);
        let Decision { outcome, because } = decision;
        (outcome, because.to_string())
    };
    assert_eq!(
        because("arn:aws:s3:::audit/x", &layers),
        (
            Outcome::ExplicitDeny,
            "statement 1 of arn:aws:iam::111122223333:policy/fence (permissions boundary)".into()
        )
    );
    let layers = Layers { boundary: None, ..layers };
    assert_eq!(
        because("arn:aws:s3:::audit/x", &layers),
        (
            Outcome::Allow,
            "statement \"Read\" of inline policy reader (identity-based policy)".into()
        )
    );
}

#[test]
fn the_root_user_needs_no_policy_but_obeys_the_organisation() {
    let root = Principal::from_arn("arn:aws:iam::111122223333:root").expect("well-formed");
    let shut = everyone("Deny", true);
    let deny = all("Deny");
    let decide = |action: &str, layers: &Layers<'_>| {
        evaluate(&Request::new(root.clone(), action, "arn:aws:s3:::b", OWN), layers)
    };
    let free = decide("s3:ListBucket", &Layers::default());
    assert_eq!((free.outcome, free.because), (Outcome::Allow, Because::AccountRoot));
    let locked = Layers { resource: Some(at(&shut)), ..Layers::default() };
    assert_eq!(decide("s3:ListBucket", &locked).outcome, Outcome::ExplicitDeny);
    assert_eq!(decide("s3:DeleteBucketPolicy", &locked).outcome, Outcome::Allow);
    let organisation = Layers { scps: vec![vec![at(&deny)]], ..Layers::default() };
    assert_eq!(decide("s3:DeleteBucketPolicy", &organisation).outcome, Outcome::ExplicitDeny);
}

#[test]
fn a_request_brings_the_keys_that_follow_from_its_caller() {
    let role = "arn:aws:iam::111122223333:role/team/Developer".to_owned();
    let session = Principal::Session {
        arn: "arn:aws:sts::111122223333:assumed-role/Developer/maya".into(),
        role: role.clone(),
    };
    let request = Request::new(session, "s3:GetObject", "arn:aws:s3:::b/k", OWN)
        .with("aws:SourceIp", "203.0.113.7");
    let keys = ["aws:PrincipalArn", "aws:PrincipalType", "aws:PrincipalAccount", "aws:SourceIp"];
    let values: Vec<_> = keys.iter().map(|key| request.context.single(key)).collect();
    let expected = [role.as_str(), "AssumedRole", OWN, "203.0.113.7"];
    assert_eq!(values, expected.map(Some));
    assert_eq!(user().context().single("aws:username"), Some("maya"));
    assert_eq!(Principal::Anonymous.context().single("aws:PrincipalArn"), None);
}
