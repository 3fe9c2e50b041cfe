//! The shipped environment, recorded by Terraform: laid out by the writer it is in sync, and
//! what somebody then opens is found, judged and told by name.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod support;

use drift_detector::{CompareContext, Drift, EventLog, Outcome, attribute, classify, compare};
use model::finding::AttributionStatus;
use model::knowledge::Catalog;
use model::resource::Desired;
use model::{KindName, Live, Resource, Severity, Value};
use provider::audit_log::{About, AuditQuery};
use provider::{Connection, Wanted};
use provider_aws::CATALOG;
use serde_json::json;
use std::collections::BTreeSet;
use support::{Lab, attributes};
use terraform_io::State;

const STATE: &str = "../../terraform/environments/aws/terraform.tfstate";

/// Before what needs them.
const ORDER: [&str; 5] = [
    "aws_iam_user",
    "aws_iam_access_key",
    "aws_s3_bucket",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
];

fn recorded() -> Vec<Desired> {
    let bytes = std::fs::read(STATE).unwrap();
    let mut resources = State::from_slice(&bytes, STATE).unwrap().resources;
    let rank = |d: &Desired| ORDER.iter().position(|k| *k == d.address.kind.as_str()).unwrap();
    resources.sort_by_key(rank);
    resources
}

async fn lay_out(admin: &Connection) -> Vec<Desired> {
    let mut all = Vec::new();
    for mut desired in recorded() {
        let made = admin.writer.create(&desired.address.kind, &desired.attributes).await;
        let made = made.unwrap_or_else(|e| panic!("{}: {e}", desired.address));
        // A key's id is the cloud's own.
        if desired.address.kind.as_str() == "aws_iam_access_key" {
            desired.native_id.clone_from(&made.native_id);
        }
        assert_eq!(made.native_id, desired.native_id);
        all.push(desired);
    }
    all
}

async fn read(reader: &Connection, desired: &Desired) -> Live {
    let wanted = Wanted {
        kind: desired.address.kind.clone(),
        native_id: desired.native_id.clone(),
        region: CATALOG.region_of(desired),
        recorded: desired.attributes.clone(),
    };
    reader.reader.read(&wanted).await
}

fn outcome(desired: &Desired, live: &Live, all: &[Desired]) -> Outcome {
    let knowledge = CATALOG.kind(&desired.address.kind).unwrap();
    let kinds = all.iter().map(|d| d.address.kind.clone()).collect();
    compare(desired, live, knowledge, &CompareContext { kinds }).outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn is_in_sync_when_laid_out_and_tells_who_opened_it() {
    let lab = Lab::start().await;
    let admin = lab.connect("deployer").await;
    let all = lay_out(&admin).await;
    let reader = lab.connect("drift-reader").await;
    for desired in &all {
        let live = read(&reader, desired).await;
        assert_eq!(outcome(desired, &live, &all), Outcome::InSync, "{}", desired.address);
    }

    let of_kind = |kind: &str| {
        all.iter().find(|d| d.address.kind.as_str() == kind && d.address.name == "exports").unwrap()
    };
    let (block, policy) =
        (of_kind("aws_s3_bucket_public_access_block"), of_kind("aws_s3_bucket_policy"));
    let maya = lab.connect("maya.chen").await;
    let Live::Present(live) = read(&maya, block).await else { panic!("no block") };
    let off = json!({ "block_public_policy": false, "restrict_public_buckets": false });
    maya.writer.update(&live, &attributes(off)).await.unwrap();
    let mut document: serde_json::Value =
        serde_json::from_str(policy.attributes["policy"].as_str().unwrap()).unwrap();
    document["Statement"].as_array_mut().unwrap().push(json!({
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::acme-exports/*",
    }));
    let Live::Present(live) = read(&admin, policy).await else { panic!("no policy") };
    let open = attributes(json!({ "policy": document.to_string() }));
    admin.writer.update(&live, &open).await.unwrap();

    let mut neighbours: Vec<Resource> = Vec::new();
    for desired in &all {
        if let Live::Present(resource) = read(&reader, desired).await {
            neighbours.push(resource);
        }
    }
    let log = log(&lab, policy).await;
    let told = |desired: &Desired| {
        let live = neighbours
            .iter()
            .find(|n| n.kind == desired.address.kind && n.native_id == desired.native_id)
            .unwrap();
        let knowledge = CATALOG.kind(&desired.address.kind).unwrap();
        let Outcome::Changed(changes) = outcome(desired, &Live::Present(live.clone()), &all) else {
            panic!("{} is in sync", desired.address);
        };
        let drift = Drift::changed(desired, live, changes);
        let verdict = classify(&drift, knowledge, &neighbours);
        let searched = model::finding::Searched {
            source: "test".to_owned(),
            from: None,
            to: None,
            gaps: Vec::new(),
            note: None,
        };
        let who = attribute(&drift, &[], knowledge, &log, searched);
        assert_eq!(who.status, AttributionStatus::Attributed, "{}", desired.address);
        let names: Vec<String> = who.events.iter().map(|e| e.principal.name.clone()).collect();
        (drift, verdict, names)
    };

    let (drift, verdict, names) = told(policy);
    assert_eq!(drift.changes[0].summary, ["+ allow * s3:GetObject on acme-exports/*"]);
    assert_eq!((verdict.severity, verdict.base), (Severity::Critical, Severity::High));
    assert_eq!(verdict.why, "The policy lets anyone on the internet read this bucket now.");
    assert_eq!(verdict.techniques, ["T1530"]);
    assert_eq!(names, ["deployer"]);

    let (drift, verdict, names) = told(block);
    let paths: Vec<String> = drift.changes.iter().map(|c| c.path.to_string()).collect();
    assert_eq!(paths, ["block_public_policy", "restrict_public_buckets"]);
    assert_eq!(verdict.techniques, ["T1562.007"]);
    assert_eq!(names, ["maya.chen@example.com"]);

    // Nothing else moved: the bucket's own copy of the policy is not told a second time.
    for desired in all.iter().filter(|d| !std::ptr::eq(*d, block) && !std::ptr::eq(*d, policy)) {
        let live = read(&reader, desired).await;
        assert_eq!(outcome(desired, &live, &all), Outcome::InSync, "{}", desired.address);
    }
    lab.running.stop().await;
}

/// What the history holds of a resource and of the credentials that touched it: who opened a
/// session stands in a record that was not signed with the session's key.
async fn log(lab: &Lab, desired: &Desired) -> EventLog {
    let log_reader = lab.connect("log-reader").await;
    let ask = async |about: About| {
        let query = AuditQuery { from: None, to: None, about };
        let answer = log_reader.audit.query(&query).await.unwrap();
        let (events, rejected) =
            event_formats::read_records(&answer.records, Some(answer.format), "lookup");
        assert!(rejected.is_empty(), "{rejected:?}");
        events
    };
    let kind = desired.address.kind.clone();
    let mut events = ask(About::Resources(vec![(kind, desired.native_id.clone())])).await;
    let keys: BTreeSet<String> = events.iter().filter_map(|e| e.credential_uid.clone()).collect();
    for key in keys {
        events.extend(ask(About::Credential(key)).await);
    }
    event_formats::link_sessions(&mut events);
    EventLog::new(events)
}

/// A user who is gone, a key that is off, a policy that is deleted: each is said to be so.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_missing_and_what_is_off_is_changed() {
    let lab = Lab::start().await;
    let admin = lab.connect("deployer").await;
    let all = lay_out(&admin).await;
    let find = |kind: &str| all.iter().find(|d| d.address.kind == KindName::from(kind)).unwrap();
    let key = find("aws_iam_access_key");
    let Live::Present(live) = read(&admin, key).await else { panic!("no key") };
    let off = attributes(json!({ "status": "Inactive" }));
    admin.writer.update(&live, &off).await.unwrap();
    let changed = outcome(key, &read(&admin, key).await, &all);
    let Outcome::Changed(changes) = changed else { panic!("{changed:?}") };
    assert_eq!(changes[0].live, Value::from("Inactive"));

    admin.writer.delete(&live).await.unwrap();
    assert_eq!(outcome(key, &read(&admin, key).await, &all), Outcome::Missing);
    for kind in ["aws_iam_user", "aws_s3_bucket_policy"] {
        let desired = find(kind);
        let Live::Present(live) = read(&admin, desired).await else { panic!("no {kind}") };
        admin.writer.delete(&live).await.unwrap();
        assert_eq!(outcome(desired, &read(&admin, desired).await, &all), Outcome::Missing);
    }
    lab.running.stop().await;
}
