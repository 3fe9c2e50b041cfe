//! A check cannot change anything: proved by what the clouds' own logs hold afterwards.

use journeys::lab::Lab;
use model::{Attributes, Event, Resource, Timestamp};
use provider::Connection;
use provider::audit_log::{About, AuditQuery};
use serde_json::Value;

const GUARD: &str = "aws_s3_bucket_public_access_block";

fn variables(lab: &Lab, caller: &str) -> Vec<(String, String)> {
    let env = lab.run(&["cloud", "env", "--as", caller, "--format", "json"]).expect(0).json();
    let map = env.as_object().unwrap();
    map.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// The three clouds as one caller.
async fn connections(lab: &Lab, caller: &str) -> Vec<Connection> {
    let own = variables(lab, caller);
    let url = &own.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().1;
    vec![
        provider_aws::connect(provider_aws::ConnectOptions::from_variables(&own, url))
            .await
            .unwrap(),
        provider_azure::connect(provider_azure::ConnectOptions::from_variables(&own, url))
            .await
            .unwrap(),
        provider_gcp::connect(provider_gcp::ConnectOptions::from_variables(&own, url))
            .await
            .unwrap(),
    ]
}

/// Everything that the three logs hold since a moment.
async fn since(log_reader: &[Connection], moment: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    for connection in log_reader {
        let query = AuditQuery { from: None, to: None, about: About::Everything };
        let answer = connection.audit.query(&query).await.unwrap();
        let (found, rejected) =
            event_formats::read_records(&answer.records, Some(answer.format), "log");
        assert!(rejected.is_empty(), "{rejected:?}");
        assert!(!found.is_empty(), "{} has an empty log", connection.catalog.title());
        events.extend(found);
    }
    events.retain(|e| e.time >= moment);
    events
}

fn changes(events: &[Event]) -> Vec<&str> {
    events.iter().filter(|e| !e.read_only).map(|e| e.operation.as_str()).collect()
}

#[tokio::test]
async fn a_check_leaves_no_change_in_any_log() {
    let lab = Lab::default();
    lab.run(&["cloud", "start"]).expect(0);
    lab.run(&["run", "drift-check", "-q"]).expect(2);
    let log_reader = connections(&lab, "log-reader").await;
    let deployer = connections(&lab, "deployer").await;
    // Records tell whole seconds: the lay-out's last one has to be over.
    std::thread::sleep(std::time::Duration::from_millis(1100));

    let first =
        lab.run(&["run", "drift-check", "--unmanaged", "--format", "json"]).expect(2).json();
    let second =
        lab.run(&["run", "drift-check", "--unmanaged", "--format", "json"]).expect(2).json();
    let prints = |report: &Value| {
        let findings = report["findings"].as_array().unwrap();
        findings
            .iter()
            .map(|f| (f["fingerprint"].clone(), f["change_digest"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(prints(&first), prints(&second));

    let began = Timestamp::parse(first["started_at"].as_str().unwrap()).unwrap();
    let began = Timestamp::from_unix(began.unix()).unwrap();
    let events = since(&log_reader, began).await;
    let read = events.iter().any(|e| e.principal.name == "drift-reader" && e.read_only);
    assert!(read, "the log does not even hold the check's own reads");
    assert_eq!(changes(&events), [""; 0]);

    // The same look does see a change when there is one.
    let set: Attributes = [("block_public_acls".to_owned(), false.into())].into();
    let guard = Resource {
        cloud: provider_aws::CLOUD,
        account: None,
        region: None,
        kind: GUARD.into(),
        native_id: "acme-invoices".to_owned(),
        attributes: Attributes::new(),
    };
    deployer[0].writer.update(&guard, &set).await.unwrap();
    let events = since(&log_reader, began).await;
    assert_eq!(changes(&events), ["PutBucketPublicAccessBlock"]);
    lab.run(&["cloud", "stop"]).expect(0);
}
