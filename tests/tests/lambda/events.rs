//! One event after another: mended once, and only what a state wants.

use crate::stage::{Function, GUARD, Stage, batch, event, flags, guard, resource, unguard};
use journeys::lambda::{Process, RuntimeApi};
use serde_json::{Value, json};
use std::time::Duration;

const BUCKET: &str = "acme-reports";
const OPENED: &str = "PutBucketPublicAccessBlock";

/// A bucket whose guard maya.chen took away, and the record of that.
async fn opened() -> (Stage, String, Value) {
    let stage = Stage::new().await;
    stage.bucket(BUCKET).await;
    let states = stage.state(3, &[guard(BUCKET)]);
    unguard(&stage.caller("maya.chen").await, BUCKET).await;
    let record = stage.record(BUCKET, OPENED).await;
    assert_eq!(record["requestParameters"]["bucketName"], BUCKET);
    (stage, states, record)
}

async fn fixes(stage: &Stage) -> usize {
    let changes = stage.changes_by(BUCKET, "user/remediator").await;
    assert!(changes.iter().all(|c| c == OPENED), "{changes:?}");
    changes.len()
}

#[tokio::test]
async fn a_bad_call_is_mended_and_a_second_telling_changes_nothing() {
    let (stage, states, record) = opened().await;
    let function = Function::start(&stage.variables("remediator", &states, true));
    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["reaction"], "looked", "{answer}\n{}", function.process.log());
    let action = &answer["actions"][0];
    assert_eq!(action["state"], "verified", "{answer}");
    assert_eq!(action["decision"], "fix", "{answer}");
    assert_eq!(action["native_id"], BUCKET, "{answer}");
    assert!(stage.is_guarded(BUCKET).await);

    // Told again, it is looked at again, and there is nothing to do.
    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["actions"], json!([]), "{answer}");
    // Its own change comes by as an event, too.
    let own = stage.record(BUCKET, OPENED).await;
    assert!(own["userAgent"].as_str().unwrap().contains("cloud-security-lab-remediate"));
    let answer = function.call(&event(&own)).response();
    assert_eq!(answer["reaction"], "own", "{answer}");
    assert_eq!(answer["action"], action["id"], "{answer}");
    assert_eq!(fixes(&stage).await, 1);
    // Each of the three has its line.
    let log = function.process.log_until(|log| log.lines().count() >= 3);
    let lines: Vec<Value> = log.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|l| l["level"] == "info"), "{lines:?}");
}

#[tokio::test]
async fn one_event_in_two_messages_of_a_batch_has_one_effect() {
    let (stage, states, record) = opened().await;
    let function = Function::start(&stage.variables("remediator", &states, true));
    let body = event(&record).to_string();
    let answer = function.call(&batch([("m-1", body.clone()), ("m-2", body)])).response();
    assert_eq!(answer, json!({ "batchItemFailures": [] }), "{}", function.process.log());
    assert!(stage.is_guarded(BUCKET).await);
    assert_eq!(fixes(&stage).await, 1);
}

#[tokio::test]
async fn an_old_event_after_a_newer_one_changes_nothing() {
    let (stage, states, first) = opened().await;
    let maya = stage.caller("maya.chen").await;
    // She sets it right, and wrong again.
    maya.writer.update(&resource(GUARD, BUCKET), &flags(true)).await.unwrap();
    unguard(&maya, BUCKET).await;
    let last = stage.record(BUCKET, OPENED).await;
    assert_ne!(first["eventID"], last["eventID"]);
    let function = Function::start(&stage.variables("remediator", &states, true));
    let answer = function.call(&event(&last)).response();
    assert_eq!(answer["actions"][0]["state"], "verified", "{answer}");
    let answer = function.call(&event(&first)).response();
    assert_eq!(answer["actions"], json!([]), "{answer}");
    assert_eq!(fixes(&stage).await, 1);
    assert!(stage.is_guarded(BUCKET).await);
}

#[tokio::test]
async fn many_at_once_have_one_effect() {
    let (stage, states, record) = opened().await;
    let variables = stage.variables("remediator", &states, true);
    let api = RuntimeApi::default();
    let payload = event(&record).to_string();
    let calls: Vec<String> =
        (0..8).map(|_| api.submit(&payload, Duration::from_secs(60))).collect();
    let processes: Vec<Process> = (0..4).map(|_| Process::start(&api, &variables)).collect();
    let mut refused = 0;
    for call in &calls {
        match api.answer_of(call) {
            journeys::lambda::Answer::Response(_) => {}
            journeys::lambda::Answer::Error { kind, message } => {
                assert_eq!(kind, "NotDone", "{message}");
                refused += 1;
            }
        }
    }
    assert_eq!(fixes(&stage).await, 1);
    assert!(stage.is_guarded(BUCKET).await);
    assert!(refused < calls.len());
    // Who came second is told again later, and finds nothing to do.
    for _ in 0..refused {
        assert_eq!(api.call(&payload).response()["actions"], json!([]));
    }
    assert_eq!(fixes(&stage).await, 1);
    drop(processes);
}

#[tokio::test]
async fn what_is_no_event_is_told_and_not_tried_again() {
    let (stage, states, record) = opened().await;
    let function = Function::start(&stage.variables("remediator", &states, true));
    for (payload, told) in [
        ("{}", "an empty object"),
        ("[]", "an array"),
        ("\"hello\"", "a text"),
        (r#"{"surprise": 1}"#, "surprise"),
        (r#"{"check": "yes"}"#, "a check is"),
        (r#"{"check": true, "states": "s3://elsewhere/x.tfstate"}"#, "a check is"),
        (r#"{"Records": {}}"#, "not an array"),
        (r#"{"Records": [{"eventSource": "aws:s3"}]}"#, "another service"),
        (r#"{"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}"#, "messageId"),
    ] {
        let (kind, message) = function.api.call(payload).error();
        assert_eq!(kind, "UnknownPayload", "{payload}: {message}");
        assert!(message.contains(told), "{payload}: {message}");
    }
    // Lambda itself lets no such call through; it is an error of that call, and no more.
    function.api.call("{\"detail").error();

    let mut unknown = event(&record);
    unknown["detail-type"] = json!("AWS Console Sign In via CloudTrail");
    let answer = function.call(&unknown).response();
    assert_eq!(answer["reaction"], "passed_by", "{answer}");
    let mut empty = event(&record);
    empty["detail"] = json!({});
    assert_eq!(function.call(&empty).response()["reaction"], "passed_by");

    // In a batch they are done with: they would be the same the next time.
    let deep = "[".repeat(100_000);
    let bodies = ["", "{", "null", "{}", r#"{"detail-type": 7}"#, &deep];
    let messages: Vec<(String, String)> =
        bodies.iter().enumerate().map(|(i, b)| (format!("m-{i}"), (*b).to_owned())).collect();
    let poison = batch(messages.iter().map(|(id, body)| (id.as_str(), body.clone())));
    let answer = function.call(&poison).response();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let last = &messages[messages.len() - 1].0;
    let log = function.process.log_until(|log| log.contains(last));
    for (id, _) in &messages {
        let line = log.lines().find(|l| l.contains(&format!("\"message_id\":\"{id}\""))).unwrap();
        assert!(line.contains("passed_by") && line.contains("\"level\":\"warn\""), "{line}");
    }
    assert_eq!(fixes(&stage).await, 0);

    // And it still works.
    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["actions"][0]["state"], "verified", "{answer}");
}

#[tokio::test]
async fn a_forged_event_makes_it_look_and_nothing_more() {
    let (stage, states, record) = opened().await;
    stage.bucket("acme-other").await;
    unguard(&stage.caller("maya.chen").await, "acme-other").await;
    let function = Function::start(&stage.variables("remediator", &states, true));

    // Of what no state here wants, nothing is even read.
    let mut elsewhere = record.clone();
    elsewhere["requestParameters"]["bucketName"] = json!("acme-other");
    elsewhere["recipientAccountId"] = json!("444455556666");
    let answer = function.call(&event(&elsewhere)).response();
    assert_eq!(answer["reaction"], "nothing", "{answer}");
    assert!(!stage.is_guarded("acme-other").await);

    // A fix of ours that never was.
    let mut ours = record.clone();
    ours["userAgent"] = json!("cloud-security-lab-remediate/0.1.0");
    let answer = function.call(&event(&ours)).response();
    assert_eq!(answer["actions"][0]["state"], "verified", "{answer}");
    assert!(stage.is_guarded(BUCKET).await);

    // A value to write: what is there is as the state wants it.
    let mut values = record.clone();
    for flag in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls"] {
        values["requestParameters"]["PublicAccessBlockConfiguration"][flag] = json!(false);
    }
    values["eventTime"] = json!("2031-01-01T00:00:00Z");
    let answer = function.call(&event(&values)).response();
    assert_eq!(answer["actions"], json!([]), "{answer}");
    assert!(stage.is_guarded(BUCKET).await);

    // Fresh after a fix, somebody else calls himself what we are called: looked at all the same.
    unguard(&stage.caller("maya.chen").await, BUCKET).await;
    let mut hers = stage.record(BUCKET, OPENED).await;
    hers["userAgent"] = json!("cloud-security-lab-remediate/0.1.0");
    let answer = function.call(&event(&hers)).response();
    assert_eq!(answer["reaction"], "looked", "{answer}");
    assert_eq!(answer["actions"][0]["state"], "verified", "{answer}");
    assert_eq!(fixes(&stage).await, 2);
    assert_eq!(stage.changes_by("acme-other", "user/remediator").await, [""; 0]);
}

#[tokio::test]
async fn calls_that_changed_nothing_are_not_looked_at() {
    let (stage, states, record) = opened().await;
    let function = Function::start(&stage.variables("remediator", &states, true));
    let mut refused = record.clone();
    refused["errorCode"] = json!("AccessDenied");
    let mut read = record.clone();
    read["eventName"] = json!("GetBucketPublicAccessBlock");
    read["readOnly"] = json!(true);
    for record in [refused, read] {
        let answer = function.call(&event(&record)).response();
        assert_eq!(answer["reaction"], "nothing", "{answer}");
    }
    assert_eq!(fixes(&stage).await, 0);
}

#[tokio::test]
async fn without_leave_it_plans_and_changes_nothing() {
    let (stage, states, record) = opened().await;
    let function = Function::start(&stage.variables("remediator", &states, false));
    let answer = function.call(&event(&record)).response();
    let action = &answer["actions"][0];
    assert_eq!((&action["state"], &action["decision"]), (&json!("planned"), &json!("fix")));
    assert!(answer["plan"].as_str().unwrap().starts_with("sha256:"), "{answer}");
    assert_eq!(answer["left_over"], Value::Null, "{answer}");
    assert_eq!(fixes(&stage).await, 0);
    let written: Vec<_> = std::fs::read_dir(stage.ledger()).unwrap().flatten().collect();
    let names: Vec<_> = written.iter().map(|e| e.file_name()).collect();
    assert_eq!(names, ["plan"]);
}

#[tokio::test]
async fn what_a_person_must_decide_is_told_and_left() {
    let (stage, states, _) = opened().await;
    // It is missing now, and not merely open.
    let deployer = &stage.deployer;
    deployer.writer.delete(&resource(GUARD, BUCKET)).await.unwrap();
    let record = stage.record(BUCKET, "DeleteBucketPublicAccessBlock").await;
    let function = Function::start(&stage.variables("remediator", &states, true));
    let message = batch([("m-1", event(&record).to_string())]);
    let answer = function.call(&message).response();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let log = function.process.log_until(|log| log.ends_with('\n'));
    let line: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(line["level"], "warn", "{line}");
    assert_eq!(line["actions"][0]["decision"], "ask", "{line}");
    assert_eq!(line["actions"][0]["state"], "planned", "{line}");
    assert_eq!(fixes(&stage).await, 0);
}

#[tokio::test]
async fn a_check_is_a_look_unless_both_sides_ask_for_more() {
    let (stage, states, _) = opened().await;
    let look = Function::start(&stage.variables("remediator", &states, false));
    let answer = look.call(&json!({ "check": true })).response();
    assert_eq!(answer["decisions"]["fix"], 1, "{answer}");
    assert_eq!(answer["summary"]["changed"], 1, "{answer}");
    let planned = answer["plan"].clone();
    let answer = look.call(&json!({ "check": true, "apply": true })).response();
    assert!(answer["refused"].as_str().unwrap().contains("LAB_APPLY"), "{answer}");
    assert_eq!(answer["plan"], planned);
    assert_eq!(fixes(&stage).await, 0);
    drop(look);

    let function = Function::start(&stage.variables("remediator", &states, true));
    let answer = function.call(&json!({ "check": true })).response();
    assert_eq!(answer["actions"][0]["state"], "planned", "{answer}");
    assert_eq!(fixes(&stage).await, 0);
    let answer = function.call(&json!({ "check": true, "apply": true })).response();
    assert_eq!(answer["plan"], planned);
    assert_eq!(answer["actions"][0]["state"], "verified", "{answer}");
    assert_eq!(fixes(&stage).await, 1);
}
