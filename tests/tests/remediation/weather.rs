//! Answers that are lost, refused, slow or do not come, before, between and after the writes.

use crate::desk::{Desk, action, count, id, states};

const POLICY: &str = "aws_s3_bucket_policy.exports";

/// What mending the shipped slip comes to, by the clouds' own logs.
const FIXES: [&str; 5] = [
    "Microsoft.Storage/storageAccounts/blobServices/containers/write",
    "Microsoft.Storage/storageAccounts/write",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "storage.setIamPermissions",
];

#[test]
fn a_write_whose_answer_was_lost_is_found_and_not_repeated() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    // By the names that the APIs themselves have for the calls.
    let [container, account, policy, _, grant] = FIXES;
    for operation in [container, account, policy, "PutPublicAccessBlock", grant] {
        desk.fault(&["--operation", operation, "lost-answer"]);
    }
    let applied = desk.applied(&plan, &[], 2);
    let actions = applied["actions"].as_array().unwrap();
    for mended in actions.iter().filter(|a| a["decision"] == "fix") {
        assert_eq!(mended["state"], "verified", "{mended:#}");
        let told = mended["outcome"].as_str().unwrap();
        assert!(told.contains("though the answer was lost"), "{mended:#}");
    }
    desk.calm();
    assert_eq!(desk.fixes(), FIXES);
    // And nothing is done again.
    desk.apply(&plan, &[]).expect(2);
    assert_eq!(desk.fixes(), FIXES);
    desk.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn what_may_not_be_read_again_is_not_written_and_neither_is_the_rest() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    desk.fault(&["--operation", "GetBucketPolicy", "deny"]);
    let run = desk.apply(&plan, &[]).expect(3);
    let told = format!("{}{}", run.stdout, run.stderr);
    assert!(told.contains(POLICY) && told.contains("s3:GetBucketPolicy"), "{told}");
    assert_eq!(desk.fixes(), [""; 0]);
    // What can be read may go ahead where the user says so.
    let applied = desk.applied(&plan, &["--only", "google_*", "--only", "azurerm_*"], 2);
    assert_eq!(count(&applied, "verified"), 3, "{applied:#}");
    desk.calm();
    desk.applied(&plan, &[], 2);
    assert_eq!(desk.fixes(), FIXES);
}

#[test]
fn what_may_not_be_written_fails_and_says_what_to_grant() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    desk.fault(&["--operation", "PutBucketPolicy", "deny"]);
    let applied = desk.applied(&plan, &[], 1);
    let failed = action(&applied, POLICY);
    assert_eq!(failed["state"], "failed", "{applied:#}");
    let told = failed["outcome"].as_str().unwrap();
    assert!(told.contains("nothing was written") && told.contains("s3:PutBucketPolicy"), "{told}");
    // It was the first; a failure ends the run, and what comes after it stays planned.
    assert_eq!(states(&applied)[1..5], ["planned"; 4], "{applied:#}");
    assert_eq!(desk.fixes(), [""; 0]);
    desk.calm();
    let again = desk.applied(&plan, &[], 2);
    assert_eq!(count(&again, "verified"), 5, "{again:#}");
    assert_eq!(desk.fixes(), FIXES);
}

#[test]
fn an_undo_that_is_refused_prints_and_keeps_what_was_there() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    desk.applied(&plan, &["--only", POLICY], 2);
    let id = id(&plan, POLICY).to_owned();
    for denied in ["PutBucketPolicy", "GetBucketPolicy"] {
        desk.fault(&["--operation", denied, "deny"]);
        let run = desk.run(&["remediate", "undo", &id]).expect(3);
        assert!(run.stderr.contains(denied), "{}", run.stderr);
        // The statement that let everybody in is in the image from before, whole.
        assert!(run.stderr.contains("what was there before"), "{}", run.stderr);
        assert!(run.stderr.contains(r#"\"Sid\":\"Temp\""#), "{}", run.stderr);
        desk.calm();
    }
    let kept = desk.run(&["ledger", "show", &id, "--format", "json"]).expect(0);
    assert!(kept.stdout.contains("Temp"), "{}", kept.stdout);
    assert_eq!(desk.fixes(), ["PutBucketPolicy"]);
    desk.run(&["remediate", "undo", &id]).expect(0);
    assert_eq!(desk.fixes(), ["PutBucketPolicy"; 2]);
}

#[test]
fn throttled_and_slow_is_done_all_the_same_and_once() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    desk.fault(&["--cloud", "aws", "throttle", "8"]);
    desk.fault(&["--cloud", "azure", "latency", "40"]);
    desk.fault(&["--cloud", "gcp", "errors", "20"]);
    let applied = desk.applied(&plan, &[], 2);
    assert_eq!(count(&applied, "verified"), 5, "{applied:#}");
    desk.calm();
    assert_eq!(desk.fixes(), FIXES);
}

#[test]
fn one_cloud_out_and_the_others_are_mended() {
    let desk = Desk::laid_out();
    let whole = desk.plan(&[]);
    desk.fault(&["--cloud", "azure", "outage"]);
    let plan = desk.plan(&[]);
    assert_eq!(plan["partial"], true, "{plan:#}");
    assert_eq!(plan["actions"].as_array().unwrap().len(), 5, "{plan:#}");
    assert!(plan["errors"].to_string().contains("Azure"), "{plan:#}");
    let applied = desk.applied(&plan, &[], 2);
    assert_eq!(count(&applied, "verified"), 3, "{applied:#}");
    // A plan from before the outage is about the cloud that is out, too: of that nothing runs.
    let run = desk.apply(&whole, &[]).expect(3);
    assert!(run.stderr.contains("azurerm_storage_container.reports"), "{}", run.stderr);
    desk.calm();
    assert_eq!(desk.fixes().len(), 3);
    let rest = desk.applied(&whole, &[], 2);
    assert_eq!(count(&rest, "verified"), 5, "{rest:#}");
    assert_eq!(desk.fixes(), FIXES);
}
