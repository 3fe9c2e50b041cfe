//! What the module under `terraform/deploy/aws-lambda` knows of each kind: the permissions that
//! looking and mending take, and the calls that change it. `LAB_BLESS=1` writes it anew.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use aws_protocol::Service;
use model::knowledge::Catalog;
use provider::grant::Access;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const NAME: &str = "acme-bucket";
/// A name that a key's id can have, too.
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

fn module() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../terraform/deploy/aws-lambda")
}

fn actions(kind: &model::KindName, access: Access) -> Vec<String> {
    let grant = provider_aws::grant_for(std::slice::from_ref(kind), &[access]);
    let document: Value = serde_json::from_str(&grant.text).unwrap();
    let statements = document["Statement"].as_array().unwrap();
    let listed = statements.iter().flat_map(|s| s["Action"].as_array().unwrap());
    listed.map(|a| a.as_str().unwrap().to_owned()).collect()
}

/// The record of a call that names everything a call can name.
fn record(service: &str, name: &str) -> Value {
    json!({
        "eventVersion": "1.11", "eventTime": "2026-01-02T14:02:11Z", "eventSource": service,
        "eventName": name, "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.23",
        "userAgent": "example", "eventID": "4f0c0d5e-0000-4000-8000-000000000001",
        "readOnly": false, "recipientAccountId": "111122223333",
        "userIdentity": { "type": "IAMUser", "userName": "ci-deploy",
            "arn": "arn:aws:iam::111122223333:user/ci-deploy", "accessKeyId": KEY },
        "requestParameters": { "bucketName": NAME, "userName": NAME, "accessKeyId": KEY,
            "newPath": "/elsewhere/" },
        "responseElements": { "accessKey": { "accessKeyId": KEY, "userName": NAME },
            "user": { "userName": NAME } },
    })
}

/// The names that CloudTrail gives to the calls that change this kind.
fn events(kind: &dyn model::Knowledge) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for service in ["s3", "iam"].map(|s| Service::named(s).unwrap()) {
        for operation in service.operations() {
            let row = &operation.row;
            if row.read_only || row.data_event {
                continue;
            }
            let text = record(&service.facts.event_source, &row.event_name).to_string();
            let (events, rejected) =
                event_formats::read_records([text], Some("cloudtrail"), "test");
            assert!(rejected.is_empty(), "{rejected:?}");
            let touches = [NAME, KEY].iter().any(|id| kind.effect_on(&events[0], id).is_some());
            if touches {
                names.insert(row.event_name.clone());
            }
        }
    }
    names
}

#[test]
fn the_module_knows_what_the_program_needs() {
    let mut kinds = BTreeMap::new();
    for kind in provider_aws::CATALOG.kinds() {
        let name = &kind.facts().kind;
        let told = events(kind);
        assert!(!told.is_empty(), "{name}");
        kinds.insert(
            name.as_str().to_owned(),
            json!({
                "read": actions(name, Access::ReadConfiguration),
                "update": actions(name, Access::WriteConfiguration),
                "events": told,
            }),
        );
    }
    let guard = &kinds["aws_s3_bucket_public_access_block"];
    assert_eq!(guard["read"], json!(["s3:GetBucketPublicAccessBlock"]));
    assert_eq!(guard["update"], json!(["s3:PutBucketPublicAccessBlock"]));
    let told = guard["events"].as_array().unwrap();
    assert!(told.contains(&json!("PutBucketPublicAccessBlock")), "{told:?}");
    assert!(told.contains(&json!("DeleteBucketPublicAccessBlock")), "{told:?}");
    assert!(!told.contains(&json!("PutBucketPolicy")), "{told:?}");

    let text = format!("{}\n", serde_json::to_string_pretty(&kinds).unwrap());
    let path = module().join("kinds.json");
    if std::env::var_os("LAB_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(found == text, "{} is stale: LAB_BLESS=1 writes it anew", path.display());

    // A name that the module lets through is one that it knows.
    let variables = std::fs::read_to_string(module().join("variables.tf")).unwrap();
    for name in kinds.keys() {
        assert!(variables.contains(&format!("\"{name}\"")), "{name} in variables.tf");
    }
}
