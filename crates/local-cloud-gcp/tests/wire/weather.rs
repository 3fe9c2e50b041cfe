//! Bad weather on request, in the service's own words.

use crate::client::Lab;
use http::Method;
use local_cloud::control::Ask;
use local_cloud::faults::{Fault, FaultEffect};
use serde_json::json;

async fn set(lab: &Lab, operation: &str, effect: FaultEffect) {
    let fault = Fault {
        cloud: Some("gcp".into()),
        service: Some("storage.googleapis.com".to_owned()),
        operation: Some(operation.to_owned()),
        effect,
    };
    lab.running.ask(Ask::SetFault { fault }).await.unwrap();
}

#[tokio::test]
async fn throttled_failing_denied() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let path = "/storage/v1/b/acme-lab-audit-logs";
    for (effect, status, reason) in [
        (FaultEffect::Errors { percent: 100 }, 503, "backendError"),
        (FaultEffect::Deny, 403, "forbidden"),
    ] {
        set(&lab, "storage.buckets.get", effect).await;
        let refusal = deployer.get(path).await.refusal();
        assert_eq!((refusal.0, refusal.1.as_str()), (status, reason));
        lab.running.ask(Ask::ClearFaults).await.unwrap();
    }
    set(&lab, "storage.buckets.get", FaultEffect::Throttle { per_second: 1.0 }).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(deployer.get(path).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    lab.running.ask(Ask::ClearFaults).await.unwrap();
    assert_eq!(deployer.get(path).await.status, 200);
}

#[tokio::test]
async fn an_answer_is_lost_after_the_call_was_done() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    set(&lab, "storage.buckets.create", FaultEffect::LostAnswer).await;
    let body = json!({"name": "lost-bucket", "location": "us"}).to_string();
    let path = "/storage/v1/b?project=acme-lab";
    let lost = deployer.try_ask(Method::POST, path, &[], body).await;
    assert!(lost.is_none());
    lab.running.ask(Ask::ClearFaults).await.unwrap();
    assert_eq!(deployer.get("/storage/v1/b/lost-bucket").await.status, 200);
    assert_eq!(deployer.log("protoPayload.methodName=\"storage.buckets.create\"").await.len(), 1);
}
