//! Bad weather in the services' own words.

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

#[tokio::test]
async fn an_answer_that_is_lost_was_given_all_the_same() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    set(&lab, "CreateUser", FaultEffect::LostAnswer).await;
    let operation = aws_protocol::Operation::named("iam", "CreateUser").unwrap();
    let input = json!({ "UserName": "exporter" });
    let outgoing = aws_protocol::codec::encode_request(operation, &input).unwrap();
    let mut request = outgoing.into_http(&lab.url()).unwrap();
    let now = std::time::SystemTime::now();
    let credentials = &deployer.credentials;
    aws_protocol::sign::sign_request(&mut request, credentials, "iam", "us-east-1", now).unwrap();
    assert!(lab.try_send(request).await.is_err());
    deployer.ok("iam", "GetUser", json!({ "UserName": "exporter" })).await;
    assert_eq!(deployer.records("EventName", "CreateUser").await.len(), 1);
}
