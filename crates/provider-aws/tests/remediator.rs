//! What a remediation does besides the kinds' own calls: it finds a key by its id alone, and
//! its calls are known as its own.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod support;

use model::{Live, Resource, Value};
use provider::audit_log::{About, AuditQuery};
use provider::purpose::REMEDIATION;
use provider::{Connection, Wanted};
use serde_json::json;
use support::{Lab, attributes};

async fn create(by: &Connection, kind: &str, wanted: serde_json::Value) -> Resource {
    by.writer.create(&kind.into(), &attributes(wanted)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_found_by_its_id_and_switched_off() {
    let lab = Lab::start().await;
    let admin = lab.connect("deployer").await;
    create(&admin, "aws_iam_user", json!({ "name": "ci-old" })).await;
    let key = create(&admin, "aws_iam_access_key", json!({ "user": "ci-old" })).await;

    let remediator = lab.connect("remediator").await;
    let alone = Wanted::new("aws_iam_access_key", key.native_id.clone());
    let mut recorded = alone.clone();
    recorded.recorded = attributes(json!({ "user": "ci-old" }));
    for wanted in [&alone, &recorded] {
        let Live::Present(live) = remediator.reader.read(wanted).await else { panic!() };
        assert_eq!(live.native_id, key.native_id);
        assert_eq!(live.attributes["user"], "ci-old".into());
        assert_eq!(live.attributes["status"], "Active".into());
    }

    let Live::Present(live) = remediator.reader.read(&alone).await else { panic!() };
    let off = attributes(json!({ "status": "Inactive" }));
    remediator.writer.update(&live, &off).await.unwrap();
    let Live::Present(live) = remediator.reader.read(&alone).await else { panic!() };
    assert_eq!(live.attributes["status"], Value::from("Inactive"));

    let nobody = Wanted::new("aws_iam_access_key", "AKIAIOSFODNN7EXAMPLE");
    let read = remediator.reader.read(&nobody).await;
    assert!(!matches!(read, Live::Present(_)), "{read:?}");
    lab.running.stop().await;
}

/// The SDK's calls and those of the small signed client.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_a_fix_from_everything_else() {
    let lab = Lab::start().await;
    let admin = lab.connect("deployer").await;
    create(&admin, "aws_s3_bucket", json!({ "bucket": "acme-exports" })).await;
    create(&admin, "aws_iam_user", json!({ "name": "ci-old" })).await;
    let options = lab.options("remediator").await.for_remediation();
    let remediator = provider_aws::connect(options).await.unwrap();
    let off = json!({ "block_public_policy": false });
    for (kind, id, change) in [
        ("aws_s3_bucket_public_access_block", "acme-exports", off),
        ("aws_iam_user", "ci-old", json!({ "path": "/retired/" })),
    ] {
        let read = remediator.reader.read(&Wanted::new(kind, id)).await;
        let Live::Present(live) = read else { panic!("{read:?}") };
        remediator.writer.update(&live, &attributes(change)).await.unwrap();
    }

    let about = About::Resources(vec![
        ("aws_s3_bucket".into(), "acme-exports".to_owned()),
        ("aws_iam_user".into(), "ci-old".to_owned()),
    ]);
    let query = AuditQuery { from: None, to: None, about };
    let answer = lab.connect("log-reader").await.audit.query(&query).await.unwrap();
    let (events, rejected) =
        event_formats::read_records(&answer.records, Some(answer.format), &answer.searched.source);
    assert!(rejected.is_empty(), "{rejected:?}");
    let version = concat!("cloud-security-lab/", env!("CARGO_PKG_VERSION"));
    let mut seen = Vec::new();
    for event in events {
        let agent = event.user_agent.unwrap_or_default();
        assert!(agent.contains(version), "{} {agent}", event.operation);
        seen.push((event.operation, agent.contains(REMEDIATION)));
    }
    for (operation, fix) in [
        ("CreateBucket", false),
        ("CreateUser", false),
        ("PutBucketPublicAccessBlock", true),
        ("UpdateUser", true),
    ] {
        assert!(seen.contains(&(operation.to_owned(), fix)), "{operation} {fix}: {seen:?}");
        assert!(!seen.contains(&(operation.to_owned(), !fix)), "{operation} {fix}: {seen:?}");
    }
    lab.running.stop().await;
}
