//! Bad input: one clear message, the right exit code, nothing half-written.

use journeys::lab::{Lab, Run};

fn state(resources: &str) -> String {
    format!(
        r#"{{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"l","outputs":{{}},"resources":[{resources}]}}"#
    )
}

fn check(lab: &Lab, state: &str) -> Run {
    lab.run(&["run", "drift-check", "--state", state, "--target", "local"])
}

#[test]
fn each_file_that_is_no_state_is_named_with_what_it_is() {
    let lab = Lab::default();
    let good = state("");
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("empty.tfstate", Vec::new(), "empty"),
        ("cut.tfstate", good.as_bytes()[..40].to_vec(), "ends in the middle"),
        ("latin.tfstate", b"{\"version\":4,\"lineage\":\"\xff\"}".to_vec(), "UTF-8"),
        ("old.tfstate", br#"{"version":3,"modules":[]}"#.to_vec(), "version 3"),
        (
            "secret.tfstate",
            br#"{"version":4,"encrypted_data":"AAAA","encryption_version":"v0"}"#.to_vec(),
            "encrypted",
        ),
        ("text.tfstate", b"hello".to_vec(), "text.tfstate"),
        ("plan.tfstate", b"PK\x03\x04aaaa".to_vec(), "plan"),
    ];
    for (name, bytes, words) in cases {
        lab.write(name, bytes);
        let run = check(&lab, name).expect(1);
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(all.contains(name) && all.contains(words), "{name}: {all}");
        assert!(!all.contains("panicked"), "{all}");
    }
    let run = check(&lab, "nowhere.tfstate").expect(1);
    assert!(run.stdout.contains("nowhere.tfstate"), "{}", run.stdout);
    // One good state among bad ones is still checked; the run says that it is partial.
    lab.write("good.tfstate", good);
    let run = lab
        .run(&[
            "run",
            "drift-check",
            "--state",
            "good.tfstate",
            "--state",
            "old.tfstate",
            "--target",
            "local",
            "--format",
            "json",
        ])
        .expect(3);
    assert_eq!(run.json()["partial"], true);
}

#[test]
fn unsupported_kinds_are_unknown_never_in_sync() {
    let lab = Lab::default();
    let resources: Vec<String> = (0..50)
        .map(|n| {
            format!(
                r#"{{"mode":"managed","type":"aws_kind_{n}","name":"x","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{{"schema_version":0,"attributes":{{"id":"i-{n}"}}}}]}}"#
            )
        })
        .collect();
    lab.write("many.tfstate", state(&resources.join(",")));
    let run = lab
        .run(&[
            "run",
            "drift-check",
            "--state",
            "many.tfstate",
            "--target",
            "local",
            "--format",
            "json",
        ])
        .expect(3);
    let report = run.json();
    assert_eq!(report["summary"]["unknown"], 50);
    assert_eq!(report["summary"]["in_sync"], 0);
    assert_eq!(report["unknown"][0]["reason"], "unsupported");
}

#[test]
fn another_accounts_state_is_wrong_account_never_missing() {
    let lab = Lab::default();
    let bucket = |account: &str| {
        format!(
            r#"{{"mode":"managed","type":"aws_iam_user","name":"u","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{{"schema_version":0,"attributes":{{"id":"nobody","name":"nobody","arn":"arn:aws:iam::{account}:user/nobody"}}}}]}},
               {{"mode":"managed","type":"aws_s3_bucket","name":"b","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{{"schema_version":0,"attributes":{{"id":"gone","bucket":"gone"}}}}]}}"#
        )
    };
    lab.write("foreign.tfstate", state(&bucket("999988887777")));
    let run = lab.run(&[
        "run",
        "drift-check",
        "--state",
        "foreign.tfstate",
        "--target",
        "local",
        "--format",
        "json",
    ]);
    let report = run.expect(3).json();
    assert_eq!(report["summary"]["unknown"], 2, "{report:#}");
    assert_eq!(report["summary"]["missing"], 0);
    assert_eq!(report["unknown"][0]["reason"], "wrong_account");
    lab.write("own.tfstate", state(&bucket("111122223333")));
    let run = lab.run(&[
        "run",
        "drift-check",
        "--state",
        "own.tfstate",
        "--target",
        "local",
        "--format",
        "json",
    ]);
    assert_eq!(run.expect(2).json()["summary"]["missing"], 2);
}

#[test]
fn wrong_usage_is_64_and_says_what_would_be_right() {
    let lab = Lab::default();
    lab.write("x.tfstate", state(""));
    let cases: [(&[&str], &str); 8] = [
        (&["run", "drift-chek"], "drift-check"),
        (&["run", "drift-check", "--frobnicate"], "--frobnicate"),
        (&["run", "drift-check", "--state", "x.tfstate"], "--target local"),
        (&["run", "drift-check", "--state", "x.tfstate", "--target", "prod"], "prod"),
        (&["run", "drift-check", "--fail-on", "terrible"], "critical"),
        (&["show", "F-0000"], "lab run drift-check"),
        (&["lesson", "show", "nothing"], "first-drift"),
        (&["--config", "nowhere.toml", "list"], "nowhere.toml"),
    ];
    for (arguments, words) in cases {
        let run = lab.run(arguments).expect(64);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    lab.run(&["--help"]).expect(0);
    lab.run(&["--version"]).expect(0);
}

#[test]
fn a_configuration_explains_itself() {
    let lab = Lab::default();
    lab.run(&["init"]).expect(0);
    lab.run(&["init"]).expect(64);
    lab.run(&["list"]).expect(0);
    lab.write("lab.toml", "targt = \"prod\"\n");
    let run = lab.run(&["list"]).expect(64);
    assert!(run.stderr.contains("line 1") && run.stderr.contains("targt"), "{}", run.stderr);
}
