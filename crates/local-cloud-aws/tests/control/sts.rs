//! Roles assumed by whom they trust, and sessions that end.

use crate::client::lab;
use serde_json::json;

const DEVELOPER: &str = "arn:aws:iam::111122223333:role/Developer";

async fn job_role(deployer: &crate::client::As<'_>, trusted: serde_json::Value) -> String {
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted },
    ]});
    let role = deployer
        .ok(
            "iam",
            "CreateRole",
            json!({
                "RoleName": "job", "Path": "/jobs/", "AssumeRolePolicyDocument": trust.to_string(),
            }),
        )
        .await;
    deployer
        .ok(
            "iam",
            "AttachRolePolicy",
            json!({
                "RoleName": "job", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
            }),
        )
        .await;
    role["Role"]["Arn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_role_is_assumed_by_whom_it_trusts_alone() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let ci = lab.caller("ci-deploy").await;
    let arn =
        job_role(&deployer, json!({ "AWS": "arn:aws:iam::111122223333:user/ci-deploy" })).await;
    let input = json!({ "RoleArn": arn, "RoleSessionName": "nightly" });
    // Administrators too need the role's trust.
    let (code, message) = deployer.refused("sts", "AssumeRole", input.clone()).await;
    assert_eq!(code, "AccessDenied");
    assert!(message.contains("sts:AssumeRole"), "{message}");
    let assumed = ci.ok("sts", "AssumeRole", input).await;
    let session = lab.handed(&assumed["Credentials"]);
    let me = session.ok("sts", "GetCallerIdentity", json!({})).await;
    assert_eq!(me["Arn"], "arn:aws:sts::111122223333:assumed-role/job/nightly");
    assert_eq!(me["UserId"], assumed["AssumedRoleUser"]["AssumedRoleId"]);
    session.ok("iam", "ListUsers", json!({})).await;

    // Neither the secret without the token nor another token will do.
    let bare = lab.with(
        session.credentials.access_key_id(),
        session.credentials.secret_access_key(),
        None,
    );
    let code = bare.refused("sts", "GetCallerIdentity", json!({})).await.0;
    assert_eq!(code, "InvalidClientTokenId");

    // A role that is made again is another role: its sessions do not come back with it.
    let detach = json!({
        "RoleName": "job", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
    });
    deployer.ok("iam", "DetachRolePolicy", detach).await;
    deployer.ok("iam", "DeleteRole", json!({ "RoleName": "job" })).await;
    job_role(&deployer, json!({ "AWS": "*" })).await;
    let code = session.refused("sts", "GetCallerIdentity", json!({})).await.0;
    assert_eq!(code, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_session_policy_caps_its_session() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let arn = job_role(&deployer, json!({ "AWS": "111122223333" })).await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "iam:GetRole", "Resource": "*" },
    ]});
    let assumed = deployer
        .ok(
            "sts",
            "AssumeRole",
            json!({
                "RoleArn": arn, "RoleSessionName": "narrow", "Policy": policy.to_string(),
            }),
        )
        .await;
    assert!(assumed["PackedPolicySize"].as_i64().unwrap() > 0);
    let session = lab.handed(&assumed["Credentials"]);
    session.ok("iam", "GetRole", json!({ "RoleName": "job" })).await;
    let (_, message) = session.refused("iam", "ListUsers", json!({})).await;
    assert!(message.contains("session policy"), "{message}");
}

#[tokio::test]
async fn sessions_end_by_the_real_clock_whatever_the_labs_says() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let arn = job_role(&deployer, json!({ "AWS": "111122223333" })).await;
    let last_week = model::Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
    lab.running.ground().clock.set(last_week);
    let assumed = deployer
        .ok(
            "sts",
            "AssumeRole",
            json!({
                "RoleArn": arn, "RoleSessionName": "story", "DurationSeconds": 900,
            }),
        )
        .await;
    let end = assumed["Credentials"]["Expiration"].as_str().unwrap();
    let end = model::Timestamp::parse(end).unwrap();
    assert!(end > local_cloud::Clock::real());
    assert!(end < local_cloud::Clock::real().plus_seconds(901));
    // The record is told by the lab's clock as a whole.
    lab.handed(&assumed["Credentials"]).ok("sts", "GetCallerIdentity", json!({})).await;
    let record = &deployer.records("EventName", "AssumeRole").await[0];
    assert_eq!(record["eventTime"], "2026-01-02T03:04:05Z");
    let expiration = &record["responseElements"]["credentials"]["expiration"];
    assert_eq!(expiration, "Jan 2, 2026, 3:19:05 AM");
    assert!(record["responseElements"]["credentials"].get("secretAccessKey").is_none());
}

#[tokio::test]
async fn an_expired_session_is_told_so() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let token = deployer.ok("sts", "GetSessionToken", json!({})).await;
    let session = lab.handed(&token["Credentials"]);
    session.ok("sts", "GetCallerIdentity", json!({})).await;
    // Nobody waits for a quarter of an hour here: the stored end is moved.
    let id = session.credentials.access_key_id().to_owned();
    lab.running
        .ground()
        .store
        .write(|tx| {
            use local_cloud_aws::state::iam::keys;
            let mut key = keys::find(&tx.view(), &id).unwrap();
            let past = local_cloud::Clock::real().plus_seconds(-1);
            key.session.as_mut().unwrap().session.expires_at = past;
            keys::save(tx, &key);
            Ok::<_, local_cloud::StoreError>(())
        })
        .unwrap();
    assert_eq!(session.refused("sts", "GetCallerIdentity", json!({})).await.0, "ExpiredToken");
}

#[tokio::test]
async fn a_users_session_reaches_neither_iam_nor_another_session() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let token = deployer.ok("sts", "GetSessionToken", json!({ "DurationSeconds": 900 })).await;
    let session = lab.handed(&token["Credentials"]);
    session.ok("cloudtrail", "DescribeTrails", json!({})).await;
    assert_eq!(session.refused("iam", "ListUsers", json!({})).await.0, "InvalidClientTokenId");
    assert_eq!(session.refused("sts", "GetSessionToken", json!({})).await.0, "AccessDenied");
    let record = &deployer.records("EventName", "DescribeTrails").await[0];
    let attributes = &record["userIdentity"]["sessionContext"]["attributes"];
    assert_eq!(attributes["mfaAuthenticated"], "false");
}

#[tokio::test]
async fn what_does_not_hold_is_refused() {
    let lab = lab().await;
    let maya_key = lab.running.ground().store.read(|view| {
        local_cloud_aws::state::iam::keys::of_user(view, "maya.chen@example.com", false).remove(0)
    });
    let maya = lab.with(&maya_key.id, &maya_key.secret, None);
    let assume = |extra: serde_json::Value| {
        let mut input = json!({ "RoleArn": DEVELOPER, "RoleSessionName": "maya" });
        for (name, value) in extra.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    };
    maya.ok("sts", "AssumeRole", assume(json!({ "SourceIdentity": "maya" }))).await;
    for (extra, code) in [
        (json!({ "RoleSessionName": "with space" }), "ValidationError"),
        (json!({ "Policy": "{}" }), "MalformedPolicyDocument"),
        (
            json!({ "SerialNumber": "arn:aws:iam::111122223333:mfa/maya", "TokenCode": "123456" }),
            "AccessDenied",
        ),
        (json!({ "Tags": [{ "Key": "a", "Value": "b" }] }), "NotImplemented"),
        (json!({ "RoleArn": "arn:aws:iam::111122223333:role/Pipeline" }), "AccessDenied"),
        (json!({ "RoleArn": "arn:aws:iam::111122223333:role/NoSuchRole" }), "AccessDenied"),
        (json!({ "RoleArn": "arn:aws:iam::444455556666:role/Developer" }), "AccessDenied"),
    ] {
        let found = maya.refused("sts", "AssumeRole", assume(extra.clone())).await.0;
        assert_eq!(found, code, "{extra}");
    }
}

#[tokio::test]
async fn a_chain_of_roles_lasts_an_hour_and_keeps_its_source() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let arn = job_role(&deployer, json!({ "AWS": "111122223333" })).await;
    let first = deployer
        .ok(
            "sts",
            "AssumeRole",
            json!({
                "RoleArn": arn, "RoleSessionName": "first", "SourceIdentity": "dana",
            }),
        )
        .await;
    let first = lab.handed(&first["Credentials"]);
    let next = json!({ "RoleArn": arn, "RoleSessionName": "second" });
    let mut long = next.clone();
    long["DurationSeconds"] = 7200.into();
    assert_eq!(first.refused("sts", "AssumeRole", long).await.0, "ValidationError");
    let second = first.ok("sts", "AssumeRole", next).await;
    assert_eq!(second["SourceIdentity"], "dana");
}
