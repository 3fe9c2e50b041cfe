//! One event after another: mended once, and only what a state wants.

use crate::stage::{Function, Stage, event, guard, unguard};

#[tokio::test]
async fn a_bad_call_is_mended_and_a_second_telling_changes_nothing() {
    let stage = Stage::new().await;
    stage.bucket("acme-reports").await;
    let states = stage.state(3, &[guard("acme-reports")]);
    let maya = stage.caller("maya.chen").await;
    unguard(&maya, "acme-reports").await;
    assert!(!stage.is_guarded("acme-reports").await);
    let record = stage.record("acme-reports", "PutBucketPublicAccessBlock").await;

    let function = Function::start(&stage.variables("remediator", &states, true));
    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["reaction"], "looked", "{answer}\n{}", function.process.log());
    let action = &answer["actions"][0];
    assert_eq!(action["state"], "verified", "{answer}");
    assert_eq!(action["decision"], "fix", "{answer}");
    assert_eq!(action["native_id"], "acme-reports", "{answer}");
    assert!(stage.is_guarded("acme-reports").await);

    // Told again, it is looked at again, and there is nothing to do.
    let answer = function.call(&event(&record)).response();
    assert_eq!(answer["actions"].as_array().unwrap().len(), 0, "{answer}");
    let changes = stage.changes_by("acme-reports", "user/remediator").await;
    assert_eq!(changes, ["PutBucketPublicAccessBlock"]);
}
