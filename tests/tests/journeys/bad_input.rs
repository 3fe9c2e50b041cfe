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
        assert!(!all.contains("No drift"), "{all}");
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

/// An empty or crafted id must not lead to another thing, and a region becomes part of a
/// host name.
#[test]
fn ids_that_name_nothing_are_malformed_and_never_another_resource() {
    let lab = Lab::default();
    let one = |kind: &str, name: &str, attributes: &str| {
        let provider = match kind.split_once('_').map(|(cloud, _)| cloud) {
            Some("azurerm") => "azurerm",
            Some("google") => "google",
            _ => "aws",
        };
        format!(
            r#"{{"mode":"managed","type":"{kind}","name":"{name}","provider":"provider[\"registry.terraform.io/hashicorp/{provider}\"]","instances":[{{"schema_version":0,"attributes":{attributes}}}]}}"#
        )
    };
    let kinds = [
        "aws_iam_access_key",
        "aws_iam_user",
        "aws_s3_bucket",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "azurerm_storage_account",
        "azurerm_storage_container",
        "google_storage_bucket",
        "google_storage_bucket_iam_binding",
    ];
    let mut resources: Vec<String> = Vec::new();
    for kind in kinds {
        resources.push(one(kind, "none", "{}"));
        resources.push(one(kind, "null", r#"{"id":null}"#));
        resources.push(one(kind, "empty", r#"{"id":""}"#));
    }
    resources.push(one(
        "aws_s3_bucket_policy",
        "path",
        r#"{"id":"acme-exports/../acme-invoices"}"#,
    ));
    resources.push(one("aws_s3_bucket", "query", r#"{"id":"acme-exports?acl"}"#));
    let expected = resources.len();
    lab.write("odd.tfstate", state(&resources.join(",")));
    let arguments =
        ["run", "drift-check", "--state", "odd.tfstate", "--target", "local", "--format", "json"];
    let report = lab.run(&arguments).expect(3).json();
    assert_eq!(report["summary"]["unknown"], expected, "{report:#}");
    for unknown in report["unknown"].as_array().unwrap() {
        assert_eq!(unknown["reason"], "malformed", "{unknown}");
        assert_ne!(unknown["next_step"], "", "{unknown}");
    }
    // Where the bucket is, the cloud says; the state's word for it is no host name.
    let region = one("aws_s3_bucket", "far", r#"{"id":"nowhere-at-all","region":"../x y\n@z"}"#);
    lab.write("odd.tfstate", state(&region));
    assert_eq!(lab.run(&arguments).expect(2).json()["summary"]["missing"], 1);
}

/// Whose account a resource is in may stand in the id of one that this run is not about.
#[test]
fn a_selection_does_not_hide_that_the_account_is_another() {
    let lab = Lab::default();
    let resource = |kind: &str, attributes: &str| {
        format!(
            r#"{{"mode":"managed","type":"{kind}","name":"x","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{{"schema_version":0,"attributes":{attributes}}}]}}"#
        )
    };
    let user = resource(
        "aws_iam_user",
        r#"{"id":"u","name":"u","arn":"arn:aws:iam::999988887777:user/u"}"#,
    );
    let bucket = resource("aws_s3_bucket", r#"{"id":"their-bucket","bucket":"their-bucket"}"#);
    lab.write("theirs.tfstate", state(&format!("{user},{bucket}")));
    lab.write("ours.tfstate", state(&resource("aws_s3_bucket", r#"{"id":"our-bucket"}"#)));
    let report = lab
        .run(&[
            "run",
            "drift-check",
            "--state",
            "theirs.tfstate",
            "--state",
            "ours.tfstate",
            "--target",
            "local",
            "--only",
            "aws_s3_bucket.*",
            "--format",
            "json",
        ])
        .expect(2)
        .json();
    assert_eq!(report["unknown"][0]["reason"], "wrong_account", "{report:#}");
    assert_eq!(report["summary"]["unknown"], 1, "{report:#}");
    // The same provider text in another state is not held to it.
    assert_eq!(report["findings"][0]["native_id"], "our-bucket", "{report:#}");
    assert_eq!(report["summary"]["missing"], 1, "{report:#}");
}

/// Whoever names a file or an object writes into the messages about it.
#[cfg(unix)]
#[test]
fn a_name_cannot_steer_a_terminal_or_begin_a_line() {
    let lab = Lab::default();
    let name = "odd\u{1b}[31m\n::error::forged\u{202e}.tfstate";
    lab.write(name, "hello");
    for format in ["terminal", "json", "sarif", "markdown"] {
        let run = lab
            .run(&["run", "drift-check", "--state", name, "--target", "local", "--format", format])
            .expect(1);
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains('\u{1b}'), "{format}: {text:?}");
            assert!(!text.lines().any(|l| l.starts_with("::error")), "{format}: {text:?}");
        }
        assert!(!run.stderr.contains('\u{202e}'), "{format}: {:?}", run.stderr);
    }
    let run = lab.run(&["lesson", "show", "\u{1b}]0;x\u{7}"]).expect(64);
    assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
}
