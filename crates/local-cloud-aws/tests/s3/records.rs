//! Every call leaves its record: done, refused, not even verified.

use crate::client::{anyone_reads, block, lab};
use serde_json::json;

#[tokio::test]
async fn a_change_is_recorded_with_what_was_asked() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-log", "").await.ok();
    let put = me.put("/acme-log?publicAccessBlock", block(false, true, false, true)).await.ok();
    let record = me.records("PutBucketPublicAccessBlock").await.remove(0);
    assert_eq!(record["requestID"], put.header("x-amz-request-id"));
    assert_eq!(record["additionalEventData"]["x-amz-id-2"], put.header("x-amz-id-2"));
    assert_eq!(record["userIdentity"]["userName"], "deployer");
    assert_eq!(record["eventSource"], "s3.amazonaws.com");
    assert_eq!(record["readOnly"], false);
    assert_eq!(record["requestParameters"]["bucketName"], "acme-log");
    assert_eq!(record["requestParameters"]["publicAccessBlock"], "");
    let asked = &record["requestParameters"]["PublicAccessBlockConfiguration"];
    assert_eq!(
        (&asked["BlockPublicAcls"], &asked["IgnorePublicAcls"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(record["resources"][0]["ARN"], "arn:aws:s3:::acme-log");
    assert!(record.get("errorCode").is_none());

    me.put("/acme-log?policy", anyone_reads("acme-log")).await.ok();
    let record = me.records("PutBucketPolicy").await.remove(0);
    let policy = &record["requestParameters"]["bucketPolicy"];
    assert_eq!(policy["Statement"][0]["Sid"], "AnyoneReads");

    me.delete("/acme-log").await.ok();
    let record = me.records("DeleteBucket").await.remove(0);
    assert_eq!(record["resources"][0]["accountId"], "111122223333");
    assert_eq!(me.records("CreateBucket").await[0].get("resources"), None);
}

#[tokio::test]
async fn refusals_are_recorded_too() {
    let lab = lab().await;
    let (me, reader) = (lab.deployer().await, lab.caller("drift-reader").await);
    me.put("/acme-no", "").await.ok();

    let denied = reader.delete("/acme-no?policy").await.refused(403, "AccessDenied");
    let record = me.records("DeleteBucketPolicy").await.remove(0);
    assert_eq!(record["errorCode"], "AccessDenied");
    assert_eq!(record["requestID"], denied.header("x-amz-request-id"));
    assert_eq!(record["userIdentity"]["userName"], "drift-reader");
    let message = record["errorMessage"].as_str().unwrap();
    assert!(message.contains("s3:DeleteBucketPolicy"), "{message}");

    me.get("/acme-no?website").await.refused(404, "NoSuchWebsiteConfiguration");
    let record = me.records("GetBucketWebsite").await.remove(0);
    assert_eq!(record["errorCode"], "NoSuchWebsiteConfiguration");

    me.put("/acme-no?abac", "").await.refused(501, "NotImplemented");
    assert_eq!(me.records("PutBucketAbac").await[0]["errorCode"], "NotImplemented");

    // Nobody is named whose signature does not hold.
    let id = me.credentials.as_ref().unwrap().access_key_id().to_owned();
    lab.with(&id, "wrong").get("/acme-no?cors").await.refused(403, "SignatureDoesNotMatch");
    let record = me.records("GetBucketCors").await.remove(0);
    assert_eq!(record["errorCode"], "SignatureDoesNotMatch");
    assert_eq!(record["userIdentity"]["accountId"], "ANONYMOUS_PRINCIPAL");
    assert_eq!(record["requestParameters"]["bucketName"], "acme-no");

    lab.nobody().get("/acme-no?acl").await.refused(403, "AccessDenied");
    let record = me.records("GetBucketAcl").await.remove(0);
    assert_eq!(record["errorCode"], "AccessDenied");
    assert_eq!(record["userIdentity"]["type"], "AWSAccount");
}

#[tokio::test]
async fn one_call_leaves_one_record() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-once", "").await.ok();
    for _ in 0..3 {
        me.get("/acme-once?versioning").await.ok();
        me.put("/acme-once?policy", "{}").await.refused(400, "MalformedPolicy");
        me.delete("/acme-once?tagging").await.ok();
    }
    for name in ["GetBucketVersioning", "PutBucketPolicy", "DeleteBucketTagging"] {
        let records = me.records(name).await;
        let mut ids: Vec<_> = records.iter().map(|r| r["requestID"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((records.len(), ids.len()), (3, 3), "{name}");
    }
}
