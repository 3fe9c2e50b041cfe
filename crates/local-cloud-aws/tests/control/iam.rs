//! Users, keys, roles and policies, and that they decide.

use crate::client::lab;
use serde_json::json;

#[tokio::test]
async fn a_user_from_creation_to_deletion() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let tags = json!([{ "Key": "owner", "Value": "data-platform" }]);
    let made = deployer
        .ok(
            "iam",
            "CreateUser",
            json!({ "UserName": "exporter", "Path": "/service/", "Tags": tags }),
        )
        .await;
    assert_eq!(made["User"]["Arn"], "arn:aws:iam::111122223333:user/service/exporter");
    let read = deployer.ok("iam", "GetUser", json!({ "UserName": "exporter" })).await;
    assert_eq!(read, made);

    let key = deployer.ok("iam", "CreateAccessKey", json!({ "UserName": "exporter" })).await;
    let exporter = lab.handed(&key["AccessKey"]);
    let me = exporter.ok("sts", "GetCallerIdentity", json!({})).await;
    assert_eq!(me["Arn"], made["User"]["Arn"]);
    assert_eq!(me["UserId"], made["User"]["UserId"]);

    let user = json!({ "UserName": "exporter" });
    let (code, message) = deployer.refused("iam", "DeleteUser", user.clone()).await;
    assert_eq!(code, "DeleteConflict");
    assert!(message.contains("access keys"), "{message}");
    deployer
        .ok("iam", "DeleteAccessKey", json!({ "AccessKeyId": key["AccessKey"]["AccessKeyId"] }))
        .await;
    deployer.ok("iam", "DeleteUser", user.clone()).await;
    assert_eq!(deployer.refused("iam", "GetUser", user).await.0, "NoSuchEntity");
    let gone = exporter.refused("sts", "GetCallerIdentity", json!({})).await;
    assert_eq!(gone.0, "InvalidClientTokenId");
}

#[tokio::test]
async fn an_inactive_key_opens_nothing_until_it_is_active_again() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let ci = lab.caller("ci-deploy").await;
    ci.ok("sts", "GetCallerIdentity", json!({})).await;
    let set = |status: &str| json!({ "UserName": "ci-deploy", "AccessKeyId": ci.credentials.access_key_id(), "Status": status });
    deployer.ok("iam", "UpdateAccessKey", set("Inactive")).await;
    let listed = deployer.ok("iam", "ListAccessKeys", json!({ "UserName": "ci-deploy" })).await;
    assert_eq!(listed["AccessKeyMetadata"][0]["Status"], "Inactive");
    assert_eq!(ci.refused("sts", "GetCallerIdentity", json!({})).await.0, "InvalidClientTokenId");
    let json_says = ci.refused("cloudtrail", "LookupEvents", json!({})).await.0;
    assert_eq!(json_says, "UnrecognizedClientException");
    deployer.ok("iam", "UpdateAccessKey", set("Active")).await;
    ci.ok("sts", "GetCallerIdentity", json!({})).await;
}

#[tokio::test]
async fn a_permission_is_given_and_taken_over_the_wire() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let ci = lab.caller("ci-deploy").await;
    let (code, message) = ci.refused("iam", "ListUsers", json!({})).await;
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        message,
        "User: arn:aws:iam::111122223333:user/ci-deploy is not authorized to perform: iam:ListUsers \
         on resource: arn:aws:iam::111122223333:user/ because no identity-based policy allows the \
         iam:ListUsers action"
    );
    let attach = json!({
        "UserName": "ci-deploy", "PolicyArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess",
    });
    deployer.ok("iam", "AttachUserPolicy", attach.clone()).await;
    ci.ok("iam", "ListUsers", json!({})).await;

    let deny = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": "iam:List*", "Resource": "*",
        "Condition": { "IpAddress": { "aws:SourceIp": "198.51.100.0/24" } },
    }]});
    let inline = json!({
        "UserName": "ci-deploy", "PolicyName": "not-from-there", "PolicyDocument": deny.to_string(),
    });
    deployer.ok("iam", "PutUserPolicy", inline).await;
    let (_, message) = ci.refused("iam", "ListUsers", json!({})).await;
    assert!(message.ends_with("with an explicit deny in an identity-based policy"), "{message}");
    // From elsewhere the condition does not hold.
    let place = local_cloud::control::Ask::Place {
        credential: ci.credentials.access_key_id().to_owned(),
        origin: "192.0.2.77".to_owned(),
    };
    lab.running.ask(place).await.unwrap();
    ci.ok("iam", "ListUsers", json!({})).await;
    deployer.ok("iam", "DetachUserPolicy", attach).await;
    assert_eq!(ci.refused("iam", "ListUsers", json!({})).await.0, "AccessDenied");
}

#[tokio::test]
async fn drift_reader_reads_and_changes_nothing() {
    let lab = lab().await;
    let reader = lab.caller("drift-reader").await;
    for (service, name, input) in [
        ("iam", "GetUser", json!({ "UserName": "ci-deploy" })),
        ("iam", "ListUsers", json!({})),
        ("iam", "ListAccessKeys", json!({ "UserName": "ci-deploy" })),
        ("cloudtrail", "LookupEvents", json!({})),
        ("sts", "GetCallerIdentity", json!({})),
    ] {
        reader.ok(service, name, input).await;
    }
    for (service, name, input) in [
        ("iam", "CreateUser", json!({ "UserName": "x" })),
        ("iam", "DeleteUser", json!({ "UserName": "ci-deploy" })),
        ("iam", "CreateAccessKey", json!({ "UserName": "deployer" })),
        (
            "sts",
            "AssumeRole",
            json!({
                "RoleArn": "arn:aws:iam::111122223333:role/Developer", "RoleSessionName": "xx",
            }),
        ),
        ("cloudtrail", "StopLogging", json!({ "Name": "acme-trail" })),
    ] {
        let (code, message) = reader.refused(service, name, input).await;
        assert!(code.starts_with("AccessDenied"), "{name}: {code}");
        assert!(message.contains(&format!("{service}:{name}")), "{message}");
    }
}

#[tokio::test]
async fn a_boundary_caps_what_policies_grant() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "iam:GetUser", "Resource": "*" },
    ]});
    let policy = deployer
        .ok(
            "iam",
            "CreatePolicy",
            json!({
                "PolicyName": "readers", "PolicyDocument": document.to_string(),
            }),
        )
        .await;
    let arn = &policy["Policy"]["Arn"];
    deployer
        .ok("iam", "CreateUser", json!({ "UserName": "contractor", "PermissionsBoundary": arn }))
        .await;
    deployer
        .ok("iam", "AttachUserPolicy", json!({
            "UserName": "contractor", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
        }))
        .await;
    let key = deployer.ok("iam", "CreateAccessKey", json!({ "UserName": "contractor" })).await;
    let contractor = lab.handed(&key["AccessKey"]);
    contractor.ok("iam", "GetUser", json!({})).await;
    let (_, message) = contractor.refused("iam", "ListUsers", json!({})).await;
    assert!(message.contains("permissions boundary"), "{message}");
}

#[tokio::test]
async fn bad_requests_are_refused_in_iams_words() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let user = json!({ "UserName": "deployer" });
    for (name, input, code) in [
        ("CreateUser", user.clone(), "EntityAlreadyExists"),
        ("CreateUser", json!({ "UserName": "DEPLOYER" }), "EntityAlreadyExists"),
        ("CreateUser", json!({ "UserName": "a b" }), "ValidationError"),
        ("CreateUser", json!({ "UserName": "x", "Path": "no-slash" }), "ValidationError"),
        ("GetUser", json!({ "UserName": "nobody" }), "NoSuchEntity"),
        ("GetLoginProfile", user.clone(), "NoSuchEntity"),
        (
            "PutUserPolicy",
            json!({
                "UserName": "deployer", "PolicyName": "p", "PolicyDocument": "{",
            }),
            "MalformedPolicyDocument",
        ),
        (
            "PutUserPolicy",
            json!({
                "UserName": "deployer", "PolicyName": "p", "PolicyDocument":
                    r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#,
            }),
            "MalformedPolicyDocument",
        ),
        (
            "AttachUserPolicy",
            json!({
                "UserName": "deployer", "PolicyArn": "arn:aws:iam::aws:policy/NoSuchPolicy",
            }),
            "NoSuchEntity",
        ),
        (
            "AttachUserPolicy",
            json!({
                "UserName": "deployer", "PolicyArn": "arn:aws:iam::444455556666:policy/Theirs",
            }),
            "InvalidInput",
        ),
        (
            "UpdateAccessKey",
            json!({
                "UserName": "deployer", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Inactive",
            }),
            "NoSuchEntity",
        ),
        (
            "DeletePolicy",
            json!({
                "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
            }),
            "AccessDenied",
        ),
        ("ListUsers", json!({ "Marker": "not hex" }), "ValidationError"),
    ] {
        assert_eq!(deployer.refused("iam", name, input.clone()).await.0, code, "{name} {input}");
    }
    // A refusal leaves no change.
    let listed = deployer.ok("iam", "ListUserPolicies", user).await;
    assert_eq!(listed["PolicyNames"], json!([]));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let whole = deployer.ok("iam", "ListUsers", json!({})).await;
    let whole = whole["Users"].as_array().unwrap().clone();
    let mut paged = Vec::new();
    let mut marker = None;
    loop {
        let mut input = json!({ "MaxItems": 2 });
        if let Some(marker) = marker {
            input["Marker"] = marker;
        }
        let page = deployer.ok("iam", "ListUsers", input).await;
        paged.extend(page["Users"].as_array().unwrap().iter().cloned());
        if page["IsTruncated"] == false {
            break;
        }
        marker = Some(page["Marker"].clone());
    }
    assert_eq!(paged, whole);
    assert!(whole.len() > 4);
}

#[tokio::test]
async fn a_renamed_user_keeps_its_keys_and_its_id() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let ci = lab.caller("ci-deploy").await;
    let before = ci.ok("sts", "GetCallerIdentity", json!({})).await;
    deployer
        .ok(
            "iam",
            "UpdateUser",
            json!({ "UserName": "ci-deploy", "NewUserName": "ci-old", "NewPath": "/old/" }),
        )
        .await;
    let after = ci.ok("sts", "GetCallerIdentity", json!({})).await;
    assert_eq!(after["UserId"], before["UserId"]);
    assert_eq!(after["Arn"], "arn:aws:iam::111122223333:user/old/ci-old");
}
