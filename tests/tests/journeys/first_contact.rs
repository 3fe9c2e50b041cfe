//! `lab run drift-check` with nothing prepared, and what follows from it.

use journeys::lab::Lab;
use serde_json::Value;

fn finding<'a>(report: &'a Value, address: &str) -> &'a Value {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["address"] == address)
        .unwrap_or_else(|| panic!("no finding for {address} in {report:#}"))
}

#[test]
fn the_first_command_shows_three_clouds_with_names() {
    let lab = Lab::default();
    let run = lab.run(&["run", "drift-check"]).expect(2);
    assert!(run.stderr.contains("Prepared three local clouds"), "{}", run.stderr);
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "wider than 80: {line}");
        assert!(!line.contains('\u{1b}'), "colour in a pipe: {line}");
    }
    assert!(run.stdout.contains("CRITICAL"));
    assert!(run.stdout.contains("tried: 200"));
    let words: Vec<&str> = run.stdout.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("an address it first used 1 min before"), "{}", run.stdout);

    // The second run finds everything as it was left, and says the same.
    let again = lab.run(&["run", "drift-check", "--format", "json"]).expect(2);
    assert!(!again.stderr.contains("Prepared"));
    let report = again.json();
    assert_eq!(report["schema"], "cloud-security-lab/drift-report/v1");
    assert_eq!(report["partial"], false, "{report:#}");
    let clouds: std::collections::BTreeSet<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["cloud"].as_str().unwrap())
        .collect();
    assert_eq!(clouds.into_iter().collect::<Vec<_>>(), ["aws", "azure", "gcp"]);
    assert!(report["findings"].as_array().unwrap().len() >= 5, "{report:#}");

    for finding in report["findings"].as_array().unwrap() {
        let named = finding["attribution"]["status"] == "attributed";
        let container = finding["kind"] == "azurerm_storage_container";
        assert_eq!(named, !container, "{finding:#}");
    }
    let guard = finding(&report, "aws_s3_bucket_public_access_block.exports");
    let who = &guard["attribution"]["events"][0];
    assert_eq!(who["principal"]["name"], "maya.chen@example.com");
    assert_eq!(who["principal"]["type"], "human");
    assert_eq!(who["source_ip"], "203.0.113.7");
    assert_eq!(who["operation"], "PutBucketPublicAccessBlock");

    let policy = finding(&report, "aws_s3_bucket_policy.exports");
    assert_eq!(policy["severity"], "critical");
    assert_eq!(policy["effect"]["how"], "probed");
    assert_eq!(policy["effect"]["answer"], 200);
    let who = &policy["attribution"]["events"][0];
    assert_eq!(who["principal"]["name"], "ci-deploy");
    assert_eq!(who["source_ip"], "198.51.100.23");

    let container = finding(&report, "azurerm_storage_container.reports");
    assert_eq!(container["effect"]["answer"], 200);
    assert_ne!(container["attribution"]["searched"]["gaps"], serde_json::json!([]));

    let id = policy["id"].as_str().unwrap();
    let story = lab.run(&["show", id]).expect(0);
    let fingerprint = policy["fingerprint"].as_str().unwrap().trim_start_matches("sha256:");
    for part in ["ci-deploy", "198.51.100.23", "T1530", "PutBucketPolicy", fingerprint] {
        assert!(story.stdout.contains(part), "{part} is not in\n{}", story.stdout);
    }
}

#[test]
fn every_format_answers_and_a_file_is_written_whole() {
    let lab = Lab::default();
    lab.run(&["run", "drift-check", "-q"]).expect(2);
    for (format, mark) in [("json", "\"schema\""), ("sarif", "\"2.1.0\""), ("markdown", "|")] {
        let run = lab.run(&["run", "drift-check", "--format", format]).expect(2);
        assert!(run.stdout.contains(mark), "{format}: {}", run.stdout);
    }
    let run = lab
        .run(&["run", "drift-check", "--format", "sarif", "-o", "out.sarif", "--exit-zero"])
        .expect(0);
    assert_eq!(run.stdout, "");
    let sarif: Value =
        serde_json::from_slice(&std::fs::read(lab.path().join("out.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let left: Vec<_> = std::fs::read_dir(lab.path())
        .unwrap()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| n.ends_with(".tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn selecting_ignoring_and_a_threshold() {
    let lab = Lab::default();
    let only = |extra: &[&str]| {
        let mut arguments = vec!["run", "drift-check", "--format", "json"];
        arguments.extend(extra);
        lab.run(&arguments)
    };
    let one = only(&["--only", "aws_s3_bucket_policy.*"]).expect(2).json();
    assert_eq!(one["findings"].as_array().unwrap().len(), 1);
    assert_eq!(one["summary"]["resources"], 1);
    only(&["--only", "aws_s3_bucket.invoices"]).expect(0);
    only(&["--only", "azurerm_storage_container.reports", "--fail-on", "critical"]).expect(2);
    let nameless = only(&["--no-attribution"]).expect(2).json();
    for finding in nameless["findings"].as_array().unwrap() {
        assert_eq!(finding["attribution"]["status"], "not_asked");
    }
    lab.write(".driftignore", "aws_s3_bucket_policy.exports\n");
    let rest = only(&["--only", "aws_s3_bucket_policy.*"]).expect(0).json();
    assert_eq!(rest["ignored"], 1);
}
