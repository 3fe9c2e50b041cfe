//! What records of CloudTrail did to resources, in the shapes of AWS's own records.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use model::Event;
use model::knowledge::{Catalog, EventChange, EventEffect};
use proptest::prelude::*;
use provider_aws::CATALOG;
use serde_json::{Value, json};

fn event(service: &str, name: &str, request: Value, response: Value) -> Event {
    let record = json!({
        "eventVersion": "1.11",
        "userIdentity": { "type": "IAMUser", "userName": "ci-deploy", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/ci-deploy" },
        "eventTime": "2026-01-02T14:02:11Z",
        "eventSource": format!("{service}.amazonaws.com"),
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.23",
        "requestParameters": request,
        "responseElements": response,
        "eventID": "4f0c0d5e-0000-4000-8000-000000000001",
        "readOnly": false,
        "recipientAccountId": "111122223333",
    });
    let (mut events, rejected) =
        event_formats::read_records([record.to_string()], Some("cloudtrail"), "test");
    assert!(rejected.is_empty(), "{rejected:?}");
    events.remove(0)
}

fn effect(kind: &str, event: &Event) -> Option<EventEffect> {
    CATALOG.kind(&kind.into()).unwrap().effect_of(event)
}

/// The attributes that an event of S3 sets, as JSON; `null` where it is not told.
fn check_bucket(name: &str, mut request: Value, kind: &str, expected: Value) {
    request["bucketName"] = "acme-exports".into();
    request["Host"] = "acme-exports.s3.us-east-1.amazonaws.com".into();
    let found = effect(kind, &event("s3", name, request, Value::Null));
    let found = found.unwrap_or_else(|| panic!("{name} does nothing to {kind}"));
    assert_eq!(found.native_id, "acme-exports");
    let told = match &found.change {
        EventChange::Sets(set) => serde_json::to_value(set).unwrap(),
        EventChange::Deletes => "deletes".into(),
        EventChange::Opaque => "opaque".into(),
        EventChange::Creates(_) => "creates".into(),
        EventChange::Elements { path, added, removed } => {
            json!({ "path": path.to_string(), "added": added.len(), "removed": removed.len() })
        }
    };
    assert_eq!(told, expected, "{name} on {kind}");
}

const XMLNS: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

#[test]
fn the_access_block() {
    let kind = "aws_s3_bucket_public_access_block";
    let request = json!({ "publicAccessBlock": "", "PublicAccessBlockConfiguration": {
        "xmlns": XMLNS, "RestrictPublicBuckets": false, "BlockPublicPolicy": "false",
        "BlockPublicAcls": true } });
    let expected = json!({ "block_public_acls": true, "block_public_policy": false,
        "ignore_public_acls": false, "restrict_public_buckets": false });
    check_bucket("PutBucketPublicAccessBlock", request, kind, expected);
    check_bucket("PutBucketPublicAccessBlock", json!({}), kind, "opaque".into());
    check_bucket("DeleteBucketPublicAccessBlock", json!({}), kind, "deletes".into());
    check_bucket("DeleteBucket", json!({}), kind, "deletes".into());
    check_bucket("CreateBucket", json!({}), kind, "creates".into());
}

#[test]
fn versioning() {
    let kind = "aws_s3_bucket_versioning";
    let suspended = json!({ "VersioningConfiguration": { "xmlns": XMLNS, "Status": "Suspended" } });
    let expected = json!({ "versioning_configuration": [{ "mfa_delete": "Disabled", "status": "Suspended" }] });
    check_bucket("PutBucketVersioning", suspended.clone(), kind, expected);
    let both =
        json!({ "VersioningConfiguration": { "Status": "Enabled", "MfaDelete": "Enabled" } });
    let expected =
        json!({ "versioning_configuration": [{ "mfa_delete": "Enabled", "status": "Enabled" }] });
    check_bucket("PutBucketVersioning", both, kind, expected);
    check_bucket("PutBucketVersioning", json!({}), kind, "opaque".into());
    check_bucket("CreateBucket", json!({}), kind, "creates".into());
    check_bucket("DeleteBucket", json!({}), kind, "deletes".into());

    // Terraform's id may go on with the owner; a record names the bucket alone.
    let event = event("s3", "PutBucketVersioning", with_bucket(suspended), Value::Null);
    let knowledge = CATALOG.kind(&kind.into()).unwrap();
    assert!(knowledge.effect_on(&event, "acme-exports,111122223333").is_some());
    assert!(knowledge.effect_on(&event, "acme-exports").is_some());
    assert!(knowledge.effect_on(&event, "acme").is_none());
}

#[test]
fn the_policy_of_a_bucket() {
    let document = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-exports/*" }] });
    let request = json!({ "policy": "", "bucketPolicy": document });
    let expected = json!({ "policy": document.to_string() });
    check_bucket("PutBucketPolicy", request.clone(), "aws_s3_bucket_policy", expected.clone());
    check_bucket("PutBucketPolicy", request, "aws_s3_bucket", expected);
    let nothing = json!({ "policy": "" });
    check_bucket("PutBucketPolicy", nothing.clone(), "aws_s3_bucket_policy", "opaque".into());
    let unknown = json!({ "path": "policy", "added": 0, "removed": 0 });
    check_bucket("PutBucketPolicy", nothing, "aws_s3_bucket", unknown);
    check_bucket("DeleteBucketPolicy", json!({}), "aws_s3_bucket_policy", "deletes".into());
    check_bucket("DeleteBucketPolicy", json!({}), "aws_s3_bucket", json!({ "policy": "" }));
}

#[test]
fn the_settings_of_a_bucket() {
    let kind = "aws_s3_bucket";
    let check = |name: &str, request: Value, expected: Value| {
        check_bucket(name, request, kind, expected);
    };
    // One tag is an object, several are a list, and texts are guessed to be other things.
    let one = json!({ "tagging": "", "Tagging": { "xmlns": XMLNS,
        "TagSet": { "Tag": { "Value": true, "Key": "StratusRedTeam" } } } });
    check("PutBucketTagging", one, json!({ "tags_all": { "StratusRedTeam": "true" } }));
    let two = json!({ "Tagging": { "TagSet": { "Tag": [
        { "Key": "a", "Value": 1 }, { "Key": "b", "Value": "x" } ] } } });
    check("PutBucketTagging", two, json!({ "tags_all": { "a": "1", "b": "x" } }));
    check("PutBucketTagging", json!({}), json!({ "path": "tags_all", "added": 0, "removed": 0 }));
    check("DeleteBucketTagging", json!({}), json!({ "tags_all": {} }));
    let versioning =
        json!({ "VersioningConfiguration": { "xmlns": XMLNS, "Status": "Suspended" } });
    let off = json!({ "versioning": [{ "enabled": false, "mfa_delete": false }] });
    check("PutBucketVersioning", versioning, off);
    let encryption = json!({ "ServerSideEncryptionConfiguration": { "Rule": {
        "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k" },
        "BucketKeyEnabled": true } } });
    let expected = json!({ "server_side_encryption_configuration": [{ "rule": [{
        "apply_server_side_encryption_by_default":
            [{ "kms_master_key_id": "k", "sse_algorithm": "aws:kms" }],
        "bucket_key_enabled": true }] }] });
    check("PutBucketEncryption", encryption, expected);
    let logging = json!({ "BucketLoggingStatus": { "LoggingEnabled": {
        "TargetBucket": "acme-logs", "TargetPrefix": "x/" } } });
    let expected = json!({ "logging": [{ "target_bucket": "acme-logs", "target_prefix": "x/" }] });
    check("PutBucketLogging", logging, expected);
    let nowhere = json!({ "BucketLoggingStatus": { "xmlns": XMLNS } });
    check("PutBucketLogging", nowhere, json!({ "logging": [] }));
    check("PutBucketCors", json!({}), json!({ "path": "cors_rule", "added": 0, "removed": 0 }));
    check("DeleteBucket", json!({}), "deletes".into());
}

#[test]
fn access_lists_by_name_and_in_full() {
    let kind = "aws_s3_bucket";
    for (name, added) in [("public-read", 1), ("private", 0), ("log-delivery-write", 1)] {
        let request = json!({ "acl": "", "x-amz-acl": name });
        let change = effect(kind, &event("s3", "PutBucketAcl", with_bucket(request), Value::Null));
        let Some(EventEffect { change: EventChange::Elements { path, added: a, .. }, .. }) = change
        else {
            panic!("{name}");
        };
        assert_eq!((path.to_string().as_str(), a.len()), ("grant", added), "{name}");
    }
    let full = json!({ "acl": "", "AccessControlPolicy": { "Owner": { "ID": "abc" },
        "AccessControlList": { "Grant": [
            { "Grantee": { "ID": "abc" }, "Permission": "FULL_CONTROL" },
            { "Grantee": { "URI": "http://acs.amazonaws.com/groups/global/AllUsers" },
              "Permission": "READ" } ] } } });
    let expected = json!({ "grant": [
        { "id": "abc", "permissions": ["FULL_CONTROL"], "type": "CanonicalUser", "uri": "" },
        { "id": "", "permissions": ["READ"], "type": "Group",
          "uri": "http://acs.amazonaws.com/groups/global/AllUsers" } ] });
    check_bucket("PutBucketAcl", full, kind, expected);
}

fn with_bucket(mut request: Value) -> Value {
    request["bucketName"] = "acme-exports".into();
    request
}

#[test]
fn users_and_keys() {
    let of_user = |name: &str, request: Value| {
        effect("aws_iam_user", &event("iam", name, request, Value::Null)).map(|e| e.change)
    };
    let made = of_user(
        "CreateUser",
        json!({ "userName": "x", "path": "/a/", "tags": [{ "key": "Owner", "value": "ops" }] }),
    );
    let Some(EventChange::Creates(made)) = made else { panic!("{made:?}") };
    assert_eq!(made["path"], "/a/".into());
    let renamed = json!({ "userName": "x", "newUserName": "y" });
    assert_eq!(of_user("UpdateUser", renamed), Some(EventChange::Deletes));
    let moved = of_user("UpdateUser", json!({ "userName": "x", "newPath": "/b/" }));
    let Some(EventChange::Sets(moved)) = moved else { panic!("{moved:?}") };
    assert_eq!(moved["path"], "/b/".into());
    assert_eq!(of_user("GetUser", json!({ "userName": "x" })), None);
    assert_eq!(of_user("CreateUser", json!({})), None);
    assert_eq!(of_user("DeleteUser", json!({ "userName": "" })), None);
    let unnamed = event("iam", "UpdateAccessKey", json!({ "accessKeyId": "" }), Value::Null);
    assert_eq!(effect("aws_iam_access_key", &unnamed), None);

    // The key's own user is named by the answer, also where the caller made one for itself.
    let key = json!({ "accessKey": { "accessKeyId": "AKIAEXAMPLED7A94BB0", "status": "Active",
        "userName": "x", "createDate": "Jul 30, 2024 9:53:13 PM" } });
    let made = event("iam", "CreateAccessKey", Value::Null, key);
    let made = effect("aws_iam_access_key", &made).unwrap();
    assert_eq!(made.native_id, "AKIAEXAMPLED7A94BB0");
    let EventChange::Creates(attributes) = made.change else { panic!("{:?}", made.change) };
    assert_eq!(attributes["user"], "x".into());
    let off = json!({ "userName": "x", "accessKeyId": "AKIAX", "status": "Inactive" });
    let off = effect("aws_iam_access_key", &event("iam", "UpdateAccessKey", off, Value::Null));
    let Some(EventChange::Sets(set)) = off.map(|e| e.change) else { panic!("not set") };
    assert_eq!(set["status"], "Inactive".into());
}

#[test]
fn other_services_and_other_clouds_do_nothing() {
    let mut foreign = event("s3", "DeleteBucket", json!({ "bucketName": "b" }), Value::Null);
    foreign.service = "ec2.amazonaws.com".to_owned();
    assert!(CATALOG.kinds().iter().all(|k| k.effect_of(&foreign).is_none()));
    foreign.service = "s3.amazonaws.com".to_owned();
    foreign.cloud = "azure".into();
    assert!(CATALOG.kinds().iter().all(|k| k.effect_of(&foreign).is_none()));
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "bucketName",
        "bucketPolicy",
        "Tagging",
        "TagSet",
        "Tag",
        "Key",
        "Value",
        "Rule",
        "Grant",
        "AccessControlPolicy",
        "AccessControlList",
        "Grantee",
        "VersioningConfiguration",
        "Status",
        "ServerSideEncryptionConfiguration",
        "ApplyServerSideEncryptionByDefault",
        "userName",
        "PublicAccessBlockConfiguration",
        "BlockPublicAcls",
        "accessKey",
        "accessKeyId",
        "tags",
        "BucketLoggingStatus",
        "LoggingEnabled",
        "x-amz-acl",
        "x-amz-bucket-object-lock-enabled",
        "MfaDelete",
        "status",
        "newUserName",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|pairs| {
                pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_record_makes_it_panic(
        request in any_json(),
        response in any_json(),
        name in prop::sample::select(vec![
            "CreateBucket", "PutBucketPolicy", "PutBucketAcl", "PutBucketTagging",
            "PutBucketVersioning", "PutBucketEncryption", "PutBucketLogging", "CreateUser",
            "PutBucketPublicAccessBlock", "UpdateUser", "CreateAccessKey", "UpdateAccessKey",
            "PutBucketRequestPayment",
        ]),
    ) {
        let mut of_s3 = event("s3", name, Value::Null, Value::Null);
        of_s3.request = request;
        of_s3.response = response;
        let mut of_iam = of_s3.clone();
        of_iam.service = "iam.amazonaws.com".to_owned();
        for kind in CATALOG.kinds() {
            for event in [&of_s3, &of_iam] {
                let told = kind.effect_of(event);
                prop_assert!(told.is_none_or(|effect| !effect.native_id.is_empty()));
            }
        }
    }
}
