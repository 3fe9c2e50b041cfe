//! The event history and trails: who, what, from where, and who may ask.

use crate::client::lab;
use model::Timestamp;
use serde_json::{Value, json};

#[tokio::test]
async fn a_call_stands_in_the_history_at_once_with_who_and_from_where() {
    let lab = lab().await;
    let maya = lab.caller("maya.chen").await;
    let reader = lab.caller("log-reader").await;
    maya.refused("iam", "CreateUser", json!({ "UserName": "backdoor" })).await;
    let record = &reader.records("EventName", "CreateUser").await[0];
    assert_eq!(record["sourceIPAddress"], "203.0.113.7");
    assert_eq!(record["userAgent"], "test/1");
    assert_eq!(record["errorCode"], "AccessDenied");
    assert_eq!(record["requestParameters"], Value::Null);
    assert_eq!(record["readOnly"], false);
    let identity = &record["userIdentity"];
    assert_eq!(identity["type"], "AssumedRole");
    assert_eq!(
        identity["arn"],
        "arn:aws:sts::111122223333:assumed-role/Developer/maya.chen@example.com"
    );
    assert_eq!(identity["sessionContext"]["sessionIssuer"]["userName"], "Developer");
    assert!(record.get("tlsDetails").is_none());
    // And how she came to the session.
    let sign_in = &reader.records("EventName", "AssumeRole").await[0];
    assert_eq!(sign_in["userIdentity"]["userName"], "maya.chen@example.com");
    assert_eq!(sign_in["responseElements"]["credentials"]["accessKeyId"], identity["accessKeyId"]);
}

#[tokio::test]
async fn reads_and_lookups_are_recorded_too() {
    let lab = lab().await;
    let reader = lab.caller("drift-reader").await;
    reader.ok("iam", "ListUsers", json!({})).await;
    reader.ok("cloudtrail", "LookupEvents", json!({})).await;
    let key = reader.credentials.access_key_id().to_owned();
    let names: Vec<Value> = reader
        .records("AccessKeyId", &key)
        .await
        .into_iter()
        .map(|record| record["eventName"].clone())
        .collect();
    assert_eq!(names, ["LookupEvents", "ListUsers"]);
}

#[tokio::test]
async fn every_attribute_finds_its_events() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    deployer.ok("iam", "CreateUser", json!({ "UserName": "exporter" })).await;
    let key = deployer.ok("iam", "CreateAccessKey", json!({ "UserName": "exporter" })).await;
    let record = deployer.records("EventName", "CreateAccessKey").await.remove(0);
    let event_id = record["eventID"].as_str().unwrap().to_owned();
    let key_id = key["AccessKey"]["AccessKeyId"].as_str().unwrap();
    for (name, value) in [
        ("EventId", event_id.as_str()),
        ("EventName", "CreateAccessKey"),
        ("EventSource", "iam.amazonaws.com"),
        ("ReadOnly", "false"),
        ("Username", "deployer"),
        ("AccessKeyId", deployer.credentials.access_key_id()),
        ("ResourceType", "AWS::IAM::AccessKey"),
        ("ResourceName", "exporter"),
        ("ResourceName", key_id),
    ] {
        let found = deployer.records(name, value).await;
        assert!(found.iter().any(|r| r["eventID"] == event_id.as_str()), "{name}={value}");
    }
    assert!(deployer.records("EventName", "NoSuchEvent").await.is_empty());
    let secret = key["AccessKey"]["SecretAccessKey"].as_str().unwrap();
    assert!(!record.to_string().contains(secret));
}

#[tokio::test]
async fn pages_follow_each_other_newest_first() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    for number in 0..7 {
        deployer.ok("iam", "CreateUser", json!({ "UserName": format!("user-{number}") })).await;
    }
    let attributes = json!([{ "AttributeKey": "EventName", "AttributeValue": "CreateUser" }]);
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let mut input = json!({ "LookupAttributes": attributes, "MaxResults": 3 });
        if let Some(token) = token {
            input["NextToken"] = token;
        }
        let page = deployer.ok("cloudtrail", "LookupEvents", input).await;
        for event in page["Events"].as_array().unwrap() {
            let record: Value =
                serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
            names.push(record["requestParameters"]["userName"].as_str().unwrap().to_owned());
        }
        match page.get("NextToken") {
            Some(next) => token = Some(next.clone()),
            None => break,
        }
    }
    let expected: Vec<String> = (0..7).rev().map(|number| format!("user-{number}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn the_history_is_of_a_time_and_of_a_region() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let clock = &lab.running.ground().clock;
    let day = |text: &str| Timestamp::parse(text).unwrap();
    clock.set(day("2026-03-01T10:00:00Z"));
    deployer.ok("cloudtrail", "DescribeTrails", json!({})).await;
    clock.set(day("2026-03-02T10:00:00Z"));
    deployer.ok("cloudtrail", "ListTrails", json!({})).await;
    let mut west = deployer.clone();
    west.region = "us-west-2";
    west.ok("cloudtrail", "DescribeTrails", json!({})).await;
    let between = |start: &str, end: &str| json!({ "StartTime": start, "EndTime": end });
    let input = between("2026-03-01T00:00:00Z", "2026-03-01T23:00:00Z");
    let found = deployer.ok("cloudtrail", "LookupEvents", input).await;
    assert_eq!(found["Events"].as_array().unwrap().len(), 1);
    assert_eq!(found["Events"][0]["EventName"], "DescribeTrails");
    let found = west.ok("cloudtrail", "LookupEvents", json!({})).await;
    let names: Vec<&str> = found["Events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|e| e["EventName"].as_str())
        .collect();
    assert_eq!(names, ["DescribeTrails"]);
    let wrong = between("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z");
    let code = deployer.refused("cloudtrail", "LookupEvents", wrong).await.0;
    assert_eq!(code, "InvalidTimeRangeException");
    let wrong = json!({ "NextToken": "zz" });
    let code = deployer.refused("cloudtrail", "LookupEvents", wrong).await.0;
    assert_eq!(code, "InvalidNextTokenException");
}

#[tokio::test]
async fn a_trail_needs_a_bucket_that_lets_it_in() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let create = |bucket: &str| json!({ "Name": "second", "S3BucketName": bucket });
    let code = deployer.refused("cloudtrail", "CreateTrail", create("no-such-bucket-here")).await.0;
    assert_eq!(code, "S3BucketDoesNotExistException");
    assert_eq!(deployer.s3("PUT", "plain-bucket", "").await.0, 200);
    let code = deployer.refused("cloudtrail", "CreateTrail", create("plain-bucket")).await.0;
    assert_eq!(code, "InsufficientS3BucketPolicyException");
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" },
          "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::plain-bucket" },
        { "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" },
          "Action": "s3:PutObject", "Resource": "arn:aws:s3:::plain-bucket/AWSLogs/111122223333/*" },
    ]});
    let put = deployer.s3("PUT", "plain-bucket?policy=", &policy.to_string()).await;
    assert!((200..300).contains(&put.0), "{put:?}");
    let made = deployer.ok("cloudtrail", "CreateTrail", create("plain-bucket")).await;
    let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/second";
    assert_eq!(made["TrailARN"], arn);
    let code = deployer.refused("cloudtrail", "CreateTrail", create("plain-bucket")).await.0;
    assert_eq!(code, "TrailAlreadyExistsException");

    let status = |lab: Value| lab["IsLogging"].clone();
    let name = json!({ "Name": arn });
    assert_eq!(status(deployer.ok("cloudtrail", "GetTrailStatus", name.clone()).await), false);
    deployer.ok("cloudtrail", "StartLogging", name.clone()).await;
    assert_eq!(status(deployer.ok("cloudtrail", "GetTrailStatus", name.clone()).await), true);
    deployer.ok("cloudtrail", "StopLogging", name.clone()).await;
    assert_eq!(status(deployer.ok("cloudtrail", "GetTrailStatus", name.clone()).await), false);
    deployer.ok("cloudtrail", "DeleteTrail", name.clone()).await;
    let code = deployer.refused("cloudtrail", "GetTrail", name).await.0;
    assert_eq!(code, "TrailNotFoundException");
    // What is not there is refused, not forgotten.
    let mut unserved = create("plain-bucket");
    unserved["KmsKeyId"] = "alias/logs".into();
    let code = deployer.refused("cloudtrail", "CreateTrail", unserved).await.0;
    assert_eq!(code, "UnsupportedOperationException");
}
