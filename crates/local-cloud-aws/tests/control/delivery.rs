//! Log files in CloudTrail's own layout, each record once.

use crate::client::{As, Lab, lab};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::io::Read;

const BUCKET: &str = local_cloud_aws::callers::TRAIL_BUCKET;

/// The keys under the trail's folder.
async fn keys(reader: &As<'_>) -> Vec<String> {
    let path = format!("{BUCKET}?list-type=2&prefix=AWSLogs%2F111122223333%2FCloudTrail%2F");
    let (status, body) = reader.s3("GET", &path, "").await;
    let text = String::from_utf8(body).unwrap();
    assert_eq!(status, 200, "{text}");
    text.split("<Key>")
        .skip(1)
        .filter_map(|rest| rest.split("</Key>").next().map(str::to_owned))
        .collect()
}

async fn records(reader: &As<'_>, key: &str) -> Vec<Value> {
    let (status, body) = reader.s3("GET", &format!("{BUCKET}/{key}"), "").await;
    assert_eq!(status, 200);
    let mut text = String::new();
    GzDecoder::new(body.as_slice()).read_to_string(&mut text).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    file["Records"].as_array().unwrap().clone()
}

async fn all(lab: &Lab) -> Vec<Value> {
    let reader = lab.caller("log-reader").await;
    let mut all = Vec::new();
    for key in keys(&reader).await {
        all.extend(records(&reader, &key).await);
    }
    all
}

#[tokio::test]
async fn files_appear_when_their_place_is_listed() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let reader = lab.caller("log-reader").await;
    let moment = model::Timestamp::parse("2026-03-01T10:20:30Z").unwrap();
    lab.running.ground().clock.set(moment);
    deployer.ok("iam", "CreateUser", json!({ "UserName": "exporter" })).await;
    let keys = keys(&reader).await;
    let [key] = keys.as_slice() else { panic!("{keys:?}") };
    let folder = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/";
    let name = key.strip_prefix(folder).unwrap();
    assert!(name.starts_with("111122223333_CloudTrail_us-east-1_20260301T1020Z_"), "{name}");
    assert!(name.ends_with(".json.gz"), "{name}");
    let records = records(&reader, key).await;
    assert!(records.iter().any(|record| record["eventName"] == "CreateUser"));
    // The same text as in the event history.
    let looked_up = &deployer.records("EventName", "CreateUser").await[0];
    assert!(records.contains(looked_up));
}

#[tokio::test]
async fn every_record_is_delivered_once() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    for number in 0..5 {
        deployer.ok("iam", "CreateUser", json!({ "UserName": format!("user-{number}") })).await;
        // Listing in between makes a file each time.
        all(&lab).await;
    }
    let records = all(&lab).await;
    let mut names: Vec<&str> = records
        .iter()
        .filter(|record| record["eventName"] == "CreateUser")
        .filter_map(|record| record["requestParameters"]["userName"].as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["user-0", "user-1", "user-2", "user-3", "user-4"]);
    let mut ids: Vec<&str> = records.iter().filter_map(|r| r["eventID"].as_str()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[tokio::test]
async fn stopping_brings_what_waits_and_a_new_start_knows_everything() {
    let lab = lab().await;
    lab.caller("deployer").await.ok("iam", "CreateUser", json!({ "UserName": "exporter" })).await;
    let lab = lab.again().await;
    let stored =
        lab.running.ground().store.read(|view| view.scan::<Value>("aws/s3/versions", BUCKET).len());
    assert_eq!(stored, 1);
    let deployer = lab.caller("deployer").await;
    deployer.ok("iam", "GetUser", json!({ "UserName": "exporter" })).await;
    assert_eq!(deployer.records("EventName", "CreateUser").await.len(), 1);
}

#[tokio::test]
async fn a_bucket_that_shuts_the_trail_out_gets_nothing_until_it_opens() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let (_, policy) = deployer.s3("GET", &format!("{BUCKET}?policy="), "").await;
    let policy = String::from_utf8(policy).unwrap();
    let (status, _) = deployer.s3("DELETE", &format!("{BUCKET}?policy="), "").await;
    assert_eq!(status, 204);
    deployer.ok("iam", "CreateUser", json!({ "UserName": "exporter" })).await;
    assert!(all(&lab).await.is_empty());
    let name = json!({ "Name": "acme-trail" });
    let status = deployer.ok("cloudtrail", "GetTrailStatus", name.clone()).await;
    assert_eq!(status["LatestDeliveryError"], "AccessDenied");
    let put = deployer.s3("PUT", &format!("{BUCKET}?policy="), &policy).await;
    assert!((200..300).contains(&put.0), "{put:?}");
    let records = all(&lab).await;
    assert!(records.iter().any(|record| record["eventName"] == "CreateUser"));
    let status = deployer.ok("cloudtrail", "GetTrailStatus", name).await;
    assert!(status.get("LatestDeliveryError").is_none());
    assert!(status.get("LatestDeliveryTime").is_some());
}

#[tokio::test]
async fn what_happens_while_a_trail_is_stopped_is_in_no_file() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let name = json!({ "Name": "acme-trail" });
    deployer.ok("cloudtrail", "StopLogging", name.clone()).await;
    deployer.ok("iam", "CreateUser", json!({ "UserName": "quietly" })).await;
    deployer.ok("cloudtrail", "StartLogging", name).await;
    deployer.ok("iam", "CreateUser", json!({ "UserName": "loudly" })).await;
    let records = all(&lab).await;
    let names: Vec<&Value> = records
        .iter()
        .filter(|record| record["eventName"] == "CreateUser")
        .map(|record| &record["requestParameters"]["userName"])
        .collect();
    assert_eq!(names, ["loudly"]);
    // The event history needs no trail.
    assert_eq!(deployer.records("EventName", "CreateUser").await.len(), 2);
}

#[tokio::test]
async fn objects_are_in_the_files_where_a_trail_selects_them_and_never_in_the_history() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    assert_eq!(deployer.s3("PUT", "acme-objects", "").await.0, 200);
    assert_eq!(deployer.s3("PUT", "acme-objects/before.txt", "1").await.0, 200);
    let selectors = json!([{
        "ReadWriteType": "All", "IncludeManagementEvents": true,
        "DataResources": [{ "Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::acme-objects/"] }],
    }]);
    deployer
        .ok(
            "cloudtrail",
            "PutEventSelectors",
            json!({
                "TrailName": "acme-trail", "EventSelectors": selectors,
            }),
        )
        .await;
    assert_eq!(deployer.s3("PUT", "acme-objects/after.txt", "2").await.0, 200);
    let records = all(&lab).await;
    let keys: Vec<&Value> = records
        .iter()
        .filter(|record| record["eventName"] == "PutObject")
        .map(|record| &record["requestParameters"]["key"])
        .collect();
    assert_eq!(keys, ["after.txt"]);
    assert!(deployer.records("EventName", "PutObject").await.is_empty());
}

#[tokio::test]
async fn many_records_do_not_wait_to_be_asked_for() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    for _ in 0..520 {
        deployer.ok("sts", "GetCallerIdentity", json!({})).await;
    }
    let stored =
        lab.running.ground().store.read(|view| view.scan::<Value>("aws/s3/versions", BUCKET).len());
    assert_eq!(stored, 1);
}
