//! Who is there from the beginning, and the environment that `--as` gives.

use crate::client::lab;
use local_cloud::control::{Answer, Ask};
use serde_json::json;

#[tokio::test]
async fn everybody_of_the_story_is_there() {
    let lab = lab().await;
    let Answer::Callers { callers } = lab.running.ask(Ask::Callers).await.unwrap() else {
        panic!("no callers");
    };
    let names: Vec<&str> = callers.iter().map(|caller| caller.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ci-deploy",
            "deployer",
            "drift-reader",
            "log-reader",
            "maya.chen",
            "pipeline",
            "remediator"
        ]
    );
    for (name, arn) in [
        ("deployer", "arn:aws:iam::111122223333:user/deployer"),
        ("maya.chen", "arn:aws:sts::111122223333:assumed-role/Developer/maya.chen@example.com"),
        ("pipeline", "arn:aws:sts::111122223333:assumed-role/Pipeline/AWSCodeBuild-nightly"),
    ] {
        let me = lab.caller(name).await.ok("sts", "GetCallerIdentity", json!({})).await;
        assert_eq!(me["Arn"], arn);
    }
}

#[tokio::test]
async fn a_session_is_used_again_on_its_day_and_not_on_another() {
    let lab = lab().await;
    let first = lab.caller("maya.chen").await;
    let again = lab.caller("maya.chen").await;
    let id = |caller: &crate::client::As<'_>| caller.credentials.access_key_id().to_owned();
    assert_eq!(id(&first), id(&again));
    let clock = &lab.running.ground().clock;
    clock.set(local_cloud::Clock::real().plus_seconds(-3 * 86_400));
    let earlier = lab.caller("maya.chen").await;
    assert_ne!(id(&first), id(&earlier));
    let reader = lab.caller("log-reader").await;
    clock.follow_real();
    assert_eq!(reader.records("EventName", "AssumeRole").await.len(), 2);
}

#[tokio::test]
async fn a_user_that_was_made_later_can_be_a_caller_too() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    deployer.ok("iam", "CreateUser", json!({ "UserName": "exporter" })).await;
    deployer.ok("iam", "CreateAccessKey", json!({ "UserName": "exporter" })).await;
    let me = lab.caller("exporter").await.ok("sts", "GetCallerIdentity", json!({})).await;
    assert_eq!(me["Arn"], "arn:aws:iam::111122223333:user/exporter");
    let nobody = lab.running.ask(Ask::Environment { caller: Some("nobody".into()) }).await;
    assert!(nobody.is_err());
}

#[tokio::test]
async fn two_accounts_are_founded_alike_but_for_their_secrets() {
    let (one, two) = (lab().await, lab().await);
    for name in ["deployer", "maya.chen", "pipeline"] {
        let (a, b) = (one.caller(name).await, two.caller(name).await);
        assert_eq!(a.credentials.access_key_id(), b.credentials.access_key_id());
        assert_ne!(a.credentials.secret_access_key(), b.credentials.secret_access_key());
    }
}
