use crate::client::lab;
use local_cloud::control::Ask;
use local_cloud::faults::{Fault, FaultEffect};
use serde_json::json;

async fn set(lab: &crate::client::Lab, operation: &str, effect: FaultEffect) {
    let fault = Fault {
        cloud: Some("aws".into()),
        service: Some("iam".into()),
        operation: Some(operation.into()),
        effect,
    };
    lab.running.ask(Ask::SetFault { fault }).await.unwrap();
}

#[tokio::test]
async fn a_denied_action_is_denied_in_iams_words_and_recorded() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    set(&lab, "GetUser", FaultEffect::Deny).await;
    let (code, message) =
        deployer.refused("iam", "GetUser", json!({ "UserName": "ci-deploy" })).await;
    assert_eq!(code, "AccessDenied");
    assert!(message.contains("iam:GetUser"), "{message}");
    assert!(message.contains("no identity-based policy"), "{message}");
    deployer.ok("iam", "ListUsers", json!({})).await;
    assert_eq!(deployer.records("EventName", "GetUser").await[0]["errorCode"], "AccessDenied");
}

#[tokio::test]
async fn errors_and_throttling_are_the_services_own() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    set(&lab, "ListRoles", FaultEffect::Errors { percent: 100 }).await;
    assert_eq!(deployer.refused("iam", "ListRoles", json!({})).await.0, "ServiceFailure");
    set(&lab, "ListUsers", FaultEffect::Throttle { per_second: 1.0 }).await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        if let Err(aws_protocol::codec::Failure::Service { error, .. }) =
            deployer.call("iam", "ListUsers", json!({})).await
        {
            codes.push(error.code);
        }
    }
    assert!(codes.iter().any(|code| code == "Throttling"), "{codes:?}");
}
