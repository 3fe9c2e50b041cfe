//! Bad weather in S3's own words.

use crate::client::{Lab, lab};
use local_cloud::control::Ask;
use local_cloud::faults::{Fault, FaultEffect};

async fn set(lab: &Lab, operation: &str, effect: FaultEffect) {
    let fault = Fault {
        cloud: Some("aws".into()),
        service: Some("s3".into()),
        operation: Some(operation.into()),
        effect,
    };
    lab.running.ask(Ask::SetFault { fault }).await.unwrap();
}

#[tokio::test]
async fn a_throttled_call_is_asked_to_slow_down() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-slow", "").await.ok();
    set(&lab, "GetBucketAcl", FaultEffect::Throttle { per_second: 1.0 }).await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        let got = me.get("/acme-slow?acl").await;
        codes.push((got.status, got.code()));
    }
    assert!(codes.contains(&(503, "SlowDown".to_owned())), "{codes:?}");
    me.get("/acme-slow?versioning").await.ok();
}

#[tokio::test]
async fn failures_and_denials_are_s3s_own() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-bad", "").await.ok();
    set(&lab, "GetBucketAcl", FaultEffect::Errors { percent: 100 }).await;
    me.get("/acme-bad?acl").await.refused(500, "InternalError");
    set(&lab, "GetBucketPolicy", FaultEffect::Deny).await;
    let denied = me.get("/acme-bad?policy").await.refused(403, "AccessDenied");
    let message = denied.message();
    assert!(message.contains("to perform: s3:GetBucketPolicy on resource"), "{message}");
    assert_eq!(me.records("GetBucketPolicy").await[0]["errorCode"], "AccessDenied");
}

#[tokio::test]
async fn a_lost_answer_was_given_all_the_same() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-lost", "").await.ok();
    set(&lab, "PutBucketTagging", FaultEffect::LostAnswer).await;
    let document = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    assert!(me.try_send("PUT", "/acme-lost?tagging", document.as_bytes()).await.is_err());
    lab.running.ask(Ask::ClearFaults).await.unwrap();
    let got = me.get("/acme-lost?tagging").await.ok().xml();
    assert_eq!(got.at(&["TagSet", "Tag", "Key"]).unwrap().text, "a");
    assert_eq!(me.records("PutBucketTagging").await.len(), 1);
}
