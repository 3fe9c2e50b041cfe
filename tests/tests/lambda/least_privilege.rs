//! The policy of the module under `terraform/deploy/aws-lambda` is enough, and no action of it
//! is too much: the function runs under exactly that one, and without any single action some
//! step of its work fails.

use crate::stage::{Function, GUARD, Stage, attributes, event, guard, managed, resource, state};
use journeys::lambda::Answer;
use provider::Connection;
use serde_json::{Value, json};
use std::path::Path;

const USER: &str = "function";
const STATES: &str = "acme-tf-states";
const RECORD: &str = "acme-tf-record";
/// The module's own default.
const KINDS: [&str; 3] = ["aws_s3_bucket_policy", GUARD, "aws_s3_bucket_versioning"];

/// The policy as Terraform renders it; `tests/foreign/deploy-aws-lambda` holds that it does.
fn policy() -> Value {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../terraform/deploy/aws-lambda");
    let read = |name: &str| std::fs::read_to_string(module.join(name)).unwrap();
    let known: Value = serde_json::from_str(&read("kinds.json")).unwrap();
    let all = |what: &str| {
        let lists = KINDS.iter().flat_map(|kind| known[kind][what].as_array().unwrap());
        let mut actions: Vec<&str> = lists.map(|a| a.as_str().unwrap()).collect();
        actions.sort_unstable();
        actions.dedup();
        json!(actions)
    };
    let object = |path: &str| format!("arn:aws:s3:::{path}");
    let mut text = read("policy.json.tftpl");
    for (name, value) in [
        ("read", all("read")),
        ("update", all("update")),
        ("list_buckets", json!([object(STATES)])),
        (
            "objects",
            json!([
                object("acme-tf-states/prod/*.tfstate"),
                object("acme-tf-states/prod/*.tfstate.tflock"),
                object("acme-tf-states/remediation.toml"),
            ]),
        ),
        ("ledger_bucket", json!(object(RECORD))),
        ("ledger_keys", json!("ledger/*")),
        ("ledger_objects", json!(object("acme-tf-record/ledger/*"))),
    ] {
        let place = format!("${{{name}}}");
        assert!(text.contains(&place), "{place}");
        text = text.replace(&place, &value.to_string());
    }
    assert!(!text.contains("${"), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The actions of a statement, one or several.
fn actions(statement: &Value) -> Vec<String> {
    match &statement["Action"] {
        Value::String(one) => vec![one.clone()],
        several => serde_json::from_value(several.clone()).unwrap(),
    }
}

/// Every statement and action, and the policy without that one.
fn each_without_one(whole: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (at, statement) in whole["Statement"].as_array().unwrap().iter().enumerate() {
        for action in actions(statement) {
            let left: Vec<String> =
                actions(statement).into_iter().filter(|a| *a != action).collect();
            let mut without = whole.clone();
            let statements = without["Statement"].as_array_mut().unwrap();
            match left.is_empty() {
                true => drop(statements.remove(at)),
                false => statements[at]["Action"] = json!(left),
            }
            all.push((format!("{} {action}", statement["Sid"].as_str().unwrap()), without));
        }
    }
    all
}

/// Who may read, in a policy of the bucket.
fn document(bucket: &str, principals: &[&str]) -> String {
    let statement = |(number, principal): (usize, &&str)| {
        json!({
            "Sid": format!("Read{number}"), "Effect": "Allow", "Principal": { "AWS": principal },
            "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
        })
    };
    let statements: Vec<Value> = principals.iter().enumerate().map(statement).collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

const PARTNER: &str = "arn:aws:iam::444455556666:root";

/// A bucket with guard, policy and versions, and the state that wants it so.
async fn make(stage: &Stage, bucket: &str) {
    stage.bucket(bucket).await;
    let writer = &stage.deployer.writer;
    let policy =
        attributes([("bucket", bucket.into()), ("policy", document(bucket, &[PARTNER]).into())]);
    writer.create(&"aws_s3_bucket_policy".into(), &policy).await.unwrap();
    let versions: model::Attributes = serde_json::from_value(
        json!({ "bucket": bucket, "versioning_configuration": [{ "status": "Enabled" }] }),
    )
    .unwrap();
    writer.create(&"aws_s3_bucket_versioning".into(), &versions).await.unwrap();
    let wanted = state(
        1,
        &[
            guard(bucket),
            managed(
                "aws_s3_bucket_policy",
                "it",
                json!({ "id": bucket, "bucket": bucket, "policy": document(bucket, &[PARTNER]) }),
            ),
            managed(
                "aws_s3_bucket_versioning",
                "it",
                json!({ "id": bucket, "bucket": bucket, "expected_bucket_owner": "", "mfa": null,
                    "versioning_configuration": [{ "mfa_delete": "", "status": "Enabled" }] }),
            ),
        ],
    );
    stage.hands.put(STATES, &format!("prod/{bucket}.tfstate"), &wanted.to_string());
}

/// One thing that a function must come to; why it did not.
async fn mends(
    stage: &Stage,
    function: &Function,
    bucket: &str,
    operation: &str,
) -> Result<(), String> {
    let record = stage.record(bucket, operation).await;
    match function.call(&event(&record)) {
        Answer::Error { message, .. } => Err(format!("{operation}: {message}")),
        Answer::Response(answer) => {
            let verified = answer["actions"]
                .as_array()
                .is_some_and(|a| !a.is_empty() && a.iter().all(|a| a["state"] == "verified"));
            if verified { Ok(()) } else { Err(format!("{operation}: {answer}")) }
        }
    }
}

/// All that the function is there for, with one bucket.
async fn works(
    stage: &Stage,
    maya: &Connection,
    variables: &[(String, String)],
    bucket: &str,
) -> Result<(), String> {
    make(stage, bucket).await;
    let change = async |kind: &str, changes: Value| {
        let changes: model::Attributes = serde_json::from_value(changes).unwrap();
        let mut now = resource(kind, bucket);
        now.attributes = stage.live(kind, bucket).await;
        maya.writer.update(&now, &changes).await.unwrap();
    };
    crate::stage::unguard(maya, bucket).await;
    change("aws_s3_bucket_policy", json!({ "policy": document(bucket, &[PARTNER, "*"]) })).await;
    let suspended = json!({ "versioning_configuration": [{ "status": "Suspended" }] });
    change("aws_s3_bucket_versioning", suspended).await;

    let mut variables = variables.to_vec();
    let states = format!("s3://{STATES}/prod/{bucket}*.tfstate");
    variables.push(("LAB_STATES".to_owned(), states));
    let function = Function::start(&variables);
    mends(stage, &function, bucket, "PutBucketPublicAccessBlock").await?;
    mends(stage, &function, bucket, "PutBucketPolicy").await?;
    mends(stage, &function, bucket, "PutBucketVersioning").await?;
    // A second time it has a history, which is read.
    crate::stage::unguard(maya, bucket).await;
    mends(stage, &function, bucket, "PutBucketPublicAccessBlock").await?;
    // What Terraform works at is left alone.
    let lock = format!("prod/{bucket}.tfstate.tflock");
    stage.hands.put(STATES, &lock, r#"{"Who": "ci@runner", "Operation": "OperationTypeApply"}"#);
    crate::stage::unguard(maya, bucket).await;
    let held = mends(stage, &function, bucket, "PutBucketPublicAccessBlock").await;
    let held = held.expect_err("changed while Terraform holds the state");
    if !held.contains("ci@runner") {
        return Err(held);
    }
    stage.hands.remove(STATES, &lock);
    mends(stage, &function, bucket, "PutBucketPublicAccessBlock").await
}

#[tokio::test]
async fn the_modules_policy_is_enough_and_no_action_is_too_much() {
    let stage = Stage::new().await;
    for bucket in [STATES, RECORD] {
        stage.bucket(bucket).await;
    }
    let rules = "[belts]\nchanges_per_minute = 1000\nfixes_per_hour = 100\n[[rule]]\ndecision = \"fix\"\nkinds = [\"*\"]\n";
    stage.hands.put(STATES, "remediation.toml", rules);
    let user = attributes([("name", USER.into())]);
    stage.deployer.writer.create(&"aws_iam_user".into(), &user).await.unwrap();
    let key = attributes([("user", USER.into())]);
    stage.deployer.writer.create(&"aws_iam_access_key".into(), &key).await.unwrap();
    let mut variables = stage.variables(USER, "", true);
    variables.retain(|(name, _)| name != "LAB_LEDGER" && name != "LAB_STATES");
    for (name, value) in [
        ("LAB_LEDGER", "s3://acme-tf-record/ledger".to_owned()),
        ("LAB_POLICY", "s3://acme-tf-states/remediation.toml".to_owned()),
        ("LAB_KINDS", KINDS.join(",")),
    ] {
        variables.push((name.to_owned(), value));
    }
    let maya = stage.caller("maya.chen").await;

    let whole = policy();
    stage.hands.put_user_policy(USER, "remediation", &whole.to_string());
    works(&stage, &maya, &variables, "acme-whole").await.unwrap();

    let each = each_without_one(&whole);
    assert!(each.len() >= 11, "{each:?}");
    for (number, (left_out, document)) in each.iter().enumerate() {
        stage.hands.put_user_policy(USER, "remediation", &document.to_string());
        let worked = works(&stage, &maya, &variables, &format!("acme-without-{number}")).await;
        assert!(worked.is_err(), "all works without {left_out}: it is not needed");
    }
    // The loop proves something: with all of them it still works.
    stage.hands.put_user_policy(USER, "remediation", &whole.to_string());
    works(&stage, &maya, &variables, "acme-again").await.unwrap();
}
