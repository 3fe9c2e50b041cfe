//! Bad weather: what is not done comes again, and what was cut off is not done twice.

use crate::stage::{Function, Stage, batch, event, guard, managed, state, unguard};
use journeys::lambda::{Process, RuntimeApi};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

const BUCKET: &str = "acme-reports";
const OPENED: &str = "PutBucketPublicAccessBlock";
/// The same call, as the API names it.
const WRITE: &str = "PutPublicAccessBlock";
const STATES: &str = "acme-tf-states";

async fn opened() -> (Stage, Value) {
    let stage = Stage::new().await;
    stage.bucket(BUCKET).await;
    unguard(&stage.caller("maya.chen").await, BUCKET).await;
    let record = stage.record(BUCKET, OPENED).await;
    (stage, record)
}

fn message(record: &Value) -> Value {
    batch([("m-1", event(record).to_string())])
}

fn done() -> Value {
    json!({ "batchItemFailures": [] })
}

fn again() -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": "m-1" }] })
}

async fn fixes(stage: &Stage) -> usize {
    stage.changes_by(BUCKET, "user/remediator").await.len()
}

#[tokio::test]
async fn a_state_that_cannot_be_read_comes_again() {
    let (stage, record) = opened().await;
    let path = stage.lab.path().join("prod.tfstate");
    let states = format!("file://{}", path.display());
    let function = Function::start(&stage.variables("remediator", &states, true));
    for broken in [None, Some(""), Some("{"), Some(r#"{"version": 3}"#)] {
        if let Some(text) = broken {
            std::fs::write(&path, text).unwrap();
        }
        assert_eq!(function.call(&message(&record)).response(), again(), "{broken:?}");
        // Called without a queue, it is an error, which Lambda itself tries again.
        let (kind, why) = function.call(&event(&record)).error();
        assert_eq!(kind, "NotDone", "{why}");
        assert!(why.contains("prod.tfstate"), "{why}");
    }
    std::fs::write(&path, state(3, &[guard(BUCKET)]).to_string()).unwrap();
    assert_eq!(function.call(&message(&record)).response(), done());
    assert!(stage.is_guarded(BUCKET).await);
    assert_eq!(fixes(&stage).await, 1);
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_decides_nothing() {
    let (stage, record) = opened().await;
    let states = stage.state(3, &[guard(BUCKET)]);
    let policy = stage.lab.write("remediation.toml", "[[rule]]\ndecision = \"fix\"\nkinds = 7\n");
    let mut variables = stage.variables("remediator", &states, true);
    variables.push(("LAB_POLICY".to_owned(), format!("file://{}", policy.display())));
    let function = Function::start(&variables);
    let (_, why) = function.call(&event(&record)).error();
    assert!(why.contains("LAB_POLICY") && why.contains("line 3"), "{why}");
    assert_eq!(fixes(&stage).await, 0);
    stage.lab.write("remediation.toml", "[[rule]]\ndecision = \"ask\"\nreason = \"not yet\"\n");
    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["actions"][0]["reason"], "not yet", "{answer}");
    assert_eq!(fixes(&stage).await, 0);
}

#[tokio::test]
async fn a_cloud_that_throttles_or_is_out_is_asked_again() {
    let (stage, record) = opened().await;
    let states = stage.state(3, &[guard(BUCKET)]);
    let function = Function::start(&stage.variables("remediator", &states, true));
    for fault in [
        &["--service", "s3", "errors", "100"][..],
        &["--service", "s3", "--operation", "GetPublicAccessBlock", "throttle", "0.1"],
        &["--service", "s3", "--operation", "GetPublicAccessBlock", "deny"],
        &["--service", "s3", "--operation", WRITE, "deny"],
    ] {
        let mut arguments = vec!["cloud", "fault", "set", "--cloud", "aws"];
        arguments.extend(fault);
        stage.lab.run(&arguments).expect(0);
        // A call has a few seconds here, and ends by itself before it is ended.
        let id = function.api.submit(message(&record).to_string(), Duration::from_secs(4));
        let answer = function.api.answer_of(&id).response();
        assert_eq!(answer, again(), "{fault:?}: {}", function.process.log());
        stage.lab.run(&["cloud", "fault", "clear"]).expect(0);
    }
    assert_eq!(fixes(&stage).await, 0);
    assert_eq!(function.call(&message(&record)).response(), done());
    assert!(stage.is_guarded(BUCKET).await);
    assert_eq!(fixes(&stage).await, 1);
}

#[tokio::test]
async fn what_became_of_a_lost_answer_is_found_by_looking() {
    let (stage, record) = opened().await;
    let states = stage.state(3, &[guard(BUCKET)]);
    let function = Function::start(&stage.variables("remediator", &states, true));
    let arguments =
        ["cloud", "fault", "set", "--cloud", "aws", "--operation", WRITE, "lost-answer"];
    stage.lab.run(&arguments).expect(0);
    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["actions"][0]["state"], "verified", "{answer}");
    let outcome = answer["actions"][0]["outcome"].as_str().unwrap();
    assert!(outcome.contains("the answer was lost"), "{outcome}");
    stage.lab.run(&["cloud", "fault", "clear"]).expect(0);
    assert!(stage.is_guarded(BUCKET).await);
    let written = fixes(&stage).await;
    assert_eq!(function.call(&message(&record)).response(), done());
    assert_eq!(fixes(&stage).await, written);
}

#[tokio::test]
async fn a_ledger_out_of_reach_stops_everything() {
    let (stage, record) = opened().await;
    let states = stage.state(3, &[guard(BUCKET)]);
    let taken = stage.lab.write("taken", "a file");
    for ledger in
        [format!("file://{}/ledger", taken.display()), "s3://acme-no-such-bucket/ledger".to_owned()]
    {
        let mut variables = stage.variables("remediator", &states, true);
        variables.retain(|(name, _)| name != "LAB_LEDGER");
        variables.push(("LAB_LEDGER".to_owned(), ledger.clone()));
        let function = Function::start(&variables);
        assert_eq!(function.call(&message(&record)).response(), again(), "{ledger}");
    }
    assert_eq!(fixes(&stage).await, 0);
}

/// The entries of a kind under a ledger's folder.
fn entries(ledger: &Path, kind: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => walk(&path, found),
                false if path.extension().is_some_and(|e| e == "json") => found.push(path),
                false => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(&ledger.join(kind), &mut found);
    found
}

/// Killed after the intent and before the outcome: at first nobody else touches what may still
/// be somebody's work; later it is settled by what is found, and mended once.
#[tokio::test]
async fn killed_in_the_middle_it_is_settled_and_mended_once() {
    for (fault, before_the_write) in [("latency", true), ("read-back", false)] {
        let (stage, record) = opened().await;
        let states = stage.state(3, &[guard(BUCKET)]);
        let variables = stage.variables("remediator", &states, true);
        // The write itself hangs and never arrives, or it arrived and what follows hangs.
        let slow = match before_the_write {
            true => vec!["--operation", WRITE, "latency", "20000"],
            false => vec!["--operation", WRITE, "lost-answer"],
        };
        let mut arguments = vec!["cloud", "fault", "set", "--cloud", "aws"];
        arguments.extend(slow);
        stage.lab.run(&arguments).expect(0);
        let api = RuntimeApi::default();
        let mut process = Process::start(&api, &variables);
        let id = api.submit(message(&record).to_string(), Duration::from_secs(60));
        api.taken(&id);
        while entries(&stage.ledger(), "intent").is_empty() {
            std::thread::sleep(Duration::from_millis(2));
        }
        if !before_the_write {
            while !stage.is_guarded(BUCKET).await {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        process.kill();
        stage.lab.run(&["cloud", "fault", "clear"]).expect(0);
        let ledger = stage.ledger();
        // The outcome may have been quicker than the signal; else it is not there.
        for outcome in entries(&ledger, "outcome") {
            std::fs::remove_file(outcome).unwrap();
        }

        let function = Function::start(&variables);
        if before_the_write {
            let answer = function.call(&message(&record)).response();
            assert_eq!(answer, again(), "{fault}: {}", function.process.log());
            let told = "was begun by another run";
            let log = function.process.log_until(|log| log.contains(told));
            assert!(log.contains(told), "{log}");
            assert_eq!(fixes(&stage).await, 0);
        }
        drop(function);

        // Minutes later.
        let [intent] = <[PathBuf; 1]>::try_from(entries(&ledger, "intent")).unwrap();
        let text = std::fs::read_to_string(&intent).unwrap();
        let mut entry: Value = serde_json::from_str(&text).unwrap();
        let time = model::Timestamp::parse(entry["time"].as_str().unwrap()).unwrap();
        entry["time"] = json!(time.plus_seconds(-600).to_millis_text());
        std::fs::write(&intent, entry.to_string()).unwrap();

        let function = Function::start(&variables);
        assert_eq!(function.call(&message(&record)).response(), done(), "{fault}");
        assert!(stage.is_guarded(BUCKET).await, "{fault}");
        assert_eq!(fixes(&stage).await, 1, "{fault}");
        let outcomes: Vec<Value> = entries(&ledger, "outcome")
            .iter()
            .map(|p| serde_json::from_slice(&std::fs::read(p).unwrap()).unwrap())
            .collect();
        let settled: Vec<&Value> =
            outcomes.iter().filter(|o| o["body"]["settled"] == true).collect();
        assert_eq!(settled.len(), 1, "{fault}: {outcomes:?}");
        let result = &settled[0]["body"]["result"];
        assert_eq!(result, if before_the_write { "not_applied" } else { "verified" });
    }
}

#[tokio::test]
async fn over_the_limit_of_a_minute_it_waits_in_the_queue() {
    let (stage, first) = opened().await;
    stage.bucket("acme-second").await;
    unguard(&stage.caller("maya.chen").await, "acme-second").await;
    let second = stage.record("acme-second", OPENED).await;
    let states = stage.state(3, &[guard(BUCKET), guard("acme-second")]);
    let policy = stage.lab.write("remediation.toml", "[belts]\nchanges_per_minute = 1\n");
    let mut variables = stage.variables("remediator", &states, true);
    variables.push(("LAB_POLICY".to_owned(), format!("file://{}", policy.display())));
    let function = Function::start(&variables);
    // Both within one minute by the clock.
    let now = model::Timestamp::new(std::time::SystemTime::now().into());
    let into = now.unix() % 60;
    if into > 50 {
        std::thread::sleep(Duration::from_secs(u64::try_from(61 - into).unwrap()));
    }
    let both = batch([("m-1", event(&first).to_string()), ("m-2", event(&second).to_string())]);
    let answer = function.call(&both).response();
    let expected = json!({ "batchItemFailures": [{ "itemIdentifier": "m-2" }] });
    assert_eq!(answer, expected, "{}", function.process.log());
    assert!(stage.is_guarded(BUCKET).await);
    assert!(!stage.is_guarded("acme-second").await);
    stage.lab.write("remediation.toml", "[belts]\nchanges_per_minute = 100\n");
    let answer = function.call(&batch([("m-2", event(&second).to_string())])).response();
    assert_eq!(answer, done());
    assert!(stage.is_guarded("acme-second").await);
}

/// States and record in buckets, as on Lambda.
#[tokio::test]
async fn states_and_ledger_in_buckets() {
    let (stage, record) = opened().await;
    stage.bucket(STATES).await;
    let wanted = state(3, &[guard(BUCKET)]);
    stage.hands.put(STATES, "prod/app.tfstate", &wanted.to_string());
    let mut variables = stage.variables("deployer", "s3://acme-tf-states/prod/*.tfstate", true);
    variables.retain(|(name, _)| name != "LAB_LEDGER");
    variables.push(("LAB_LEDGER".to_owned(), "s3://acme-tf-states/ledger".to_owned()));
    let function = Function::start(&variables);

    // Terraform is at work on it.
    let lock = json!({ "Who": "ci@runner", "Operation": "OperationTypeApply" }).to_string();
    stage.hands.put(STATES, "prod/app.tfstate.tflock", &lock);
    let (_, why) = function.call(&event(&record)).error();
    assert!(why.contains("locked") && why.contains("ci@runner"), "{why}");
    assert!(!stage.is_guarded(BUCKET).await);
    stage.hands.remove(STATES, "prod/app.tfstate.tflock");

    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["actions"][0]["state"], "verified", "{answer}");
    let kinds: Vec<String> = stage
        .deployer
        .objects
        .list(STATES, "ledger/")
        .await
        .unwrap()
        .into_iter()
        .map(|o| o.key.split('/').nth(1).unwrap().to_owned())
        .collect();
    for kind in ["plan", "intent", "outcome"] {
        assert!(kinds.iter().any(|k| k == kind), "{kind}: {kinds:?}");
    }

    // A state that is written anew is what counts from then on, also for who has seen the old.
    unguard(&stage.caller("maya.chen").await, BUCKET).await;
    let record = stage.record(BUCKET, OPENED).await;
    stage.hands.put(STATES, "prod/app.tfstate", &state(4, &[]).to_string());
    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["reaction"], "nothing", "{answer}");
    assert!(!stage.is_guarded(BUCKET).await);
}

/// A state holds secrets in the clear; none of them comes out again.
#[tokio::test]
async fn no_secret_comes_out() {
    const CANARY: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYCANARYKEY0001";
    let stage = Stage::new().await;
    let deployer = &stage.deployer;
    let user = crate::stage::attributes([("name", "exporter".into())]);
    deployer.writer.create(&"aws_iam_user".into(), &user).await.unwrap();
    let key = crate::stage::attributes([("user", "exporter".into())]);
    let key = deployer.writer.create(&"aws_iam_access_key".into(), &key).await.unwrap();
    let wanted = managed(
        "aws_iam_access_key",
        "exporter",
        json!({ "id": key.native_id, "user": "exporter", "status": "Active", "secret": CANARY,
                "ses_smtp_password_v4": CANARY }),
    );
    let states = stage.state(3, &[wanted, guard(BUCKET)]);
    let off = crate::stage::attributes([("status", "Inactive".into())]);
    deployer.writer.update(&key, &off).await.unwrap();
    let record = stage.record_of("aws_iam_access_key", &key.native_id, "UpdateAccessKey").await;
    let variables = stage.variables("remediator", &states, true);
    let function = Function::start(&variables);
    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["actions"][0]["kind"], "aws_iam_access_key", "{answer}");
    let check = function.call(&json!({ "check": true })).response();
    let mut out =
        format!("{answer}{check}{}", function.process.log_until(|log| log.contains("\"check\"")));
    for kind in ["plan", "intent", "outcome"] {
        for entry in entries(&stage.ledger(), kind) {
            out += &std::fs::read_to_string(entry).unwrap();
        }
    }
    assert!(out.contains(&key.native_id), "{out}");
    assert!(!out.contains(CANARY));
    let secret = variables.iter().find(|(n, _)| n == "AWS_SECRET_ACCESS_KEY").unwrap();
    assert!(!out.contains(&secret.1));
}

#[test]
fn a_function_that_cannot_start_names_the_variable() {
    let given = |changes: &[(&str, &str)]| {
        let mut variables = vec![
            ("LAB_STATES".to_owned(), "s3://states/prod.tfstate".to_owned()),
            ("LAB_LEDGER".to_owned(), "s3://records/ledger".to_owned()),
        ];
        for (name, value) in changes {
            variables.retain(|(n, _)| n != name);
            variables.push(((*name).to_owned(), (*value).to_owned()));
        }
        variables
    };
    for (changes, names) in [
        (&[("LAB_STATES", "")][..], "LAB_STATES"),
        (&[("LAB_STATES", " , ")], "LAB_STATES"),
        (&[("LAB_STATES", "gs://bucket/x.tfstate")], "LAB_STATES"),
        (&[("LAB_STATES", "-")], "LAB_STATES"),
        (&[("LAB_LEDGER", "")], "LAB_LEDGER"),
        (&[("LAB_LEDGER", "ledger")], "LAB_LEDGER"),
        (&[("LAB_LEDGER", "file://ledger")], "LAB_LEDGER"),
        (&[("LAB_LEDGER", "azblob://a/b/c")], "LAB_LEDGER"),
        (&[("LAB_POLICY", "s3://bucket")], "LAB_POLICY"),
        (&[("LAB_APPLY", "yes")], "LAB_APPLY"),
        (&[("LAB_KINDS", "aws_s3_bucket,aws_s3_bukket")], "LAB_KINDS"),
    ] {
        let api = RuntimeApi::default();
        let mut process = Process::start(&api, &given(changes));
        let (code, log) = process.wait();
        assert_eq!(code, Some(1), "{changes:?}: {log}");
        let (kind, message) = api.init_error().error();
        assert_eq!(kind, "Settings");
        assert!(message.starts_with(names), "{changes:?}: {message}");
        assert!(log.contains(names), "{log}");
    }
}

#[tokio::test]
async fn only_the_kinds_that_are_named_are_looked_at() {
    let (stage, record) = opened().await;
    let states = stage.state(3, &[guard(BUCKET)]);
    let mut variables = stage.variables("remediator", &states, true);
    variables.push(("LAB_KINDS".to_owned(), "aws_s3_bucket_policy".to_owned()));
    let function = Function::start(&variables);
    assert_eq!(function.call(&event(&record)).response()["reaction"], "nothing");
    let answer = function.call(&json!({ "check": true })).response();
    assert_eq!(answer["summary"]["resources"], 0, "{answer}");
    assert_eq!(fixes(&stage).await, 0);
}
