//! Faults of the clouds: slow, throttled, denied, out; and no secret anywhere.

use journeys::lab::Lab;
use serde_json::Value;

fn started() -> Lab {
    let lab = Lab::default();
    lab.run(&["cloud", "start"]).expect(0);
    lab.run(&["run", "drift-check", "-q"]).expect(2);
    lab
}

fn check(lab: &Lab, code: i32) -> Value {
    lab.run(&["run", "drift-check", "--format", "json"]).expect(code).json()
}

fn fault(lab: &Lab, arguments: &[&str]) {
    let mut all = vec!["cloud", "fault", "set"];
    all.extend(arguments);
    lab.run(&all).expect(0);
}

fn calm(lab: &Lab) {
    lab.run(&["cloud", "fault", "clear"]).expect(0);
}

#[test]
fn one_cloud_out_and_the_others_complete() {
    let lab = started();
    fault(&lab, &["--cloud", "azure", "outage"]);
    let report = check(&lab, 2);
    assert_eq!(report["partial"], true);
    assert_eq!(report["summary"]["unknown"], 4, "{report:#}");
    for unknown in report["unknown"].as_array().unwrap() {
        assert_eq!(unknown["reason"], "unreachable");
    }
    let clouds: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["cloud"].as_str().unwrap())
        .collect();
    assert!(clouds.contains(&"aws") && clouds.contains(&"gcp") && !clouds.contains(&"azure"));
    lab.run(&["run", "drift-check", "--only", "azurerm_*"]).expect(3);
    calm(&lab);
    assert_eq!(check(&lab, 2)["partial"], false);
    lab.run(&["cloud", "stop"]).expect(0);
}

#[test]
fn denied_is_unknown_and_says_what_to_grant() {
    let lab = started();
    fault(&lab, &["--cloud", "aws", "--operation", "GetBucketPolicy", "deny"]);
    let report = lab
        .run(&["run", "drift-check", "--format", "json", "--only", "aws_s3_bucket_policy.*"])
        .expect(3)
        .json();
    let unknown = &report["unknown"][0];
    assert_eq!(unknown["reason"], "denied", "{report:#}");
    assert!(unknown["detail"].as_str().unwrap().contains("s3:GetBucketPolicy"), "{unknown}");
    assert!(unknown["next_step"].as_str().unwrap().contains("s3:GetBucketPolicy"), "{unknown}");
    calm(&lab);
    fault(&lab, &["deny"]);
    let report = check(&lab, 3);
    assert_eq!(report["summary"]["in_sync"], 0, "{report:#}");
    calm(&lab);
    lab.run(&["cloud", "stop"]).expect(0);
}

#[test]
fn a_fault_without_an_amount_takes_none() {
    let lab = started();
    let run = lab.run(&["cloud", "fault", "set", "lost-answer", "30"]).expect(64);
    assert!(run.stderr.contains("no amount"), "{}", run.stderr);
    fault(&lab, &["--cloud", "gcp", "outage"]);
    let mut command = lab.command(&["run", "drift-check", "--format", "json"]);
    command.env_remove("RUST_LOG");
    let run = journeys::lab::finish(command).expect(2);
    let report = run.json();
    // What to do is said once: it has its own place.
    let error = &report["errors"][0];
    let next_step = error["next_step"].as_str().unwrap();
    assert!(!error["what"].as_str().unwrap().contains(next_step), "{error}");
    assert_eq!(run.stderr.matches(next_step).count(), 1, "{}", run.stderr);
    lab.run(&["cloud", "stop"]).expect(0);
}

#[test]
fn throttled_is_slow_never_wrong() {
    let lab = started();
    let calm_report = check(&lab, 2);
    fault(&lab, &["--cloud", "gcp", "throttle", "2"]);
    fault(&lab, &["--cloud", "azure", "latency", "20"]);
    let report = check(&lab, 2);
    assert_eq!(report["summary"], calm_report["summary"], "{report:#}");
    calm(&lab);
    lab.run(&["cloud", "stop"]).expect(0);
}

/// Whatever the local clouds hold as secrets must never be printed.
#[test]
fn no_secret_appears_in_any_output() {
    let lab = started();
    let env = lab.run(&["cloud", "env", "--format", "json"]).expect(0).json();
    let mut secrets = Vec::new();
    for name in ["AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET"] {
        secrets.push(env[name].as_str().unwrap().to_owned());
    }
    let file = env["GOOGLE_APPLICATION_CREDENTIALS"].as_str().unwrap();
    let key: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let pem = key["private_key"].as_str().unwrap();
    secrets.push(pem.lines().nth(1).unwrap().to_owned());
    let canary = "wJalrXUtnFEMIK7MDENGbPxRfiCYCANARYKEY000";
    secrets.push(canary.to_owned());
    lab.write(
        "canary.tfstate",
        format!(
            r#"{{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"l","outputs":{{"s":{{"value":"{canary}","type":"string","sensitive":true}}}},"resources":[{{"mode":"managed","type":"aws_iam_access_key","name":"x","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{{"schema_version":0,"attributes":{{"id":"AKIAIOSFODNN7EXAMPLE","user":"report-exporter","secret":"{canary}","status":"Active","encrypted_secret":null,"ses_smtp_password_v4":"{canary}"}},"sensitive_attributes":[[{{"type":"get_attr","value":"secret"}}]],"private":"{canary}"}}]}}]}}"#
        ),
    );
    let mut printed = String::new();
    for arguments in [
        vec!["run", "drift-check", "-v"],
        vec!["run", "drift-check", "--format", "json"],
        vec!["run", "drift-check", "--format", "sarif"],
        vec!["run", "drift-check", "--format", "markdown"],
        vec!["run", "drift-check", "--state", "canary.tfstate", "--target", "local", "-v"],
        vec!["run", "drift-check", "--unmanaged", "--format", "json"],
        vec!["doctor", "-v"],
        vec!["cloud", "callers"],
        vec!["cloud", "status"],
    ] {
        let mut command = lab.command(&arguments);
        command.env("RUST_LOG", "debug");
        let run = journeys::lab::finish(command);
        printed.push_str(&run.stdout);
        printed.push_str(&run.stderr);
    }
    fault(&lab, &["errors", "100"]);
    let failing = lab.run(&["run", "drift-check", "-v"]);
    printed.push_str(&failing.stdout);
    printed.push_str(&failing.stderr);
    calm(&lab);
    printed.push_str(&std::fs::read_to_string(lab.path().join(".lab/cloud/log")).unwrap());
    for secret in secrets {
        assert!(!printed.contains(&secret), "a secret was printed");
    }
    lab.run(&["cloud", "stop"]).expect(0);
}
