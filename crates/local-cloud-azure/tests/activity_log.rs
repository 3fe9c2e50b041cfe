//! What the Activity Log holds, in both of its shapes, and what it does not.

mod lab;

use event_formats::{read, read_records};
use lab::{Lab, REPORTS};
use local_cloud_azure::story::{LOG_ACCOUNT, LOG_CONTAINER, SUBSCRIPTION};
use model::event::EventStatus;
use model::{PrincipalType, Timestamp};
use serde_json::{Value, json};

const LOG_HOST: &str = "acmelogs.blob.core.windows.net";

async fn listed_files(lab: &Lab) -> Vec<String> {
    let bearer = format!("Bearer {}", lab.token("log-reader", lab::BLOB_SCOPE).await);
    let target = format!("/{LOG_CONTAINER}?restype=container&comp=list");
    let answer = lab.send("GET", LOG_HOST, &target, &[("authorization", &bearer)], b"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    text.split("<Name>")
        .skip(1)
        .map(|t| t.split("</Name>").next().unwrap_or_default().to_owned())
        .collect()
}

async fn file(lab: &Lab, name: &str) -> Vec<u8> {
    let bearer = format!("Bearer {}", lab.token("log-reader", lab::BLOB_SCOPE).await);
    let target = format!("/{LOG_CONTAINER}/{name}");
    lab.send("GET", LOG_HOST, &target, &[("authorization", &bearer)], b"").await.body
}

/// The story of the lesson: the keys are asked for under a name, the container is opened
/// without one.
#[tokio::test]
async fn asking_for_the_key_is_logged_and_using_it_is_not() {
    let lab = Lab::new();
    lab.reports().await;
    let key = lab.key("dana.ortiz@example.com").await;
    let before = lab.records("log-reader").await.len();
    assert_eq!(lab.set_acl(&key, "blob").await.status, 200);
    assert_eq!(lab.anonymous("/reports/q1.csv").await.status, 200);
    let records = lab.records("log-reader").await;
    assert_eq!(records.len(), before, "nothing on the data plane is logged");

    let newest = &records[0];
    assert_eq!(
        newest["operationName"]["value"],
        "Microsoft.Storage/storageAccounts/listKeys/action"
    );
    assert_eq!(newest["caller"], "dana.ortiz@example.com");
    assert_eq!(newest["status"]["value"], "Succeeded");
    assert_eq!(newest["httpRequest"]["clientIpAddress"], "203.0.113.41");
    assert_eq!(newest["authorization"]["role"], "Contributor");
    let all = serde_json::to_string(&records).unwrap();
    assert!(!all.contains(&key), "no key ever stands in the log");
}

/// The same calls read the same in both shapes, by the project's own reader.
#[tokio::test]
async fn both_shapes_name_the_same_callers() {
    let lab = Lab::new();
    lab.ground.clock.set(Timestamp::parse("2026-01-02T03:04:05Z").unwrap());
    lab.reports().await;
    lab.key("dana.ortiz@example.com").await;
    lab.key("backup-job").await;

    let files = listed_files(&lab).await;
    let hour = format!(
        "resourceId=/SUBSCRIPTIONS/{}/y=2026/m=01/d=02/h=03/m=00/PT1H.json",
        SUBSCRIPTION.to_uppercase()
    );
    assert_eq!(files, std::slice::from_ref(&hour));
    let (exported, rejected) = read(&file(&lab, &hour).await, "PT1H.json");
    assert!(rejected.is_empty(), "{rejected:?}");
    let records: Vec<String> =
        lab.records("log-reader").await.iter().rev().map(Value::to_string).collect();
    let (queried, rejected) = read_records(&records, Some("azure_activity"), "query");
    assert!(rejected.is_empty(), "{rejected:?}");
    assert_eq!(exported.len(), queried.len());
    for (a, b) in exported.iter().zip(&queried) {
        assert_eq!(a.principal, b.principal);
        assert_eq!(a.status, b.status);
        assert_eq!(a.correlation_uid, b.correlation_uid);
        assert_eq!(a.time, b.time);
        assert_eq!(a.source, b.source);
        assert_eq!(a.request, b.request);
        assert!(a.operation.eq_ignore_ascii_case(&b.operation));
        assert!(a.resources[0].uid.eq_ignore_ascii_case(&b.resources[0].uid));
        assert_eq!(a.time, Timestamp::parse("2026-01-02T03:04:05Z").unwrap());
    }
    let holders: Vec<_> = queried
        .iter()
        .filter(|e| e.operation.ends_with("listKeys/action") && e.status == EventStatus::Success)
        .map(|e| (e.principal.kind, e.source.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        holders,
        [(PrincipalType::Human, "203.0.113.41"), (PrincipalType::Workload, "198.51.100.77"),]
    );
}

#[tokio::test]
async fn a_write_leaves_its_body_and_a_refusal_its_reason() {
    let lab = Lab::new();
    lab.reports().await;
    let open = json!({"properties": {"publicAccess": "Blob"}});
    let path = format!("{REPORTS}/blobServices/default/containers/reports");
    assert_eq!(lab.arm("remediator", "PATCH", &path, open.clone()).await.status, 200);
    let records = lab.records("log-reader").await;
    let begun = records.iter().find(|r| r["status"]["value"] == "Started").unwrap();
    let body = begun["properties"]["requestbody"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), open);
    assert_eq!(begun["correlationId"], records[0]["correlationId"]);
    assert_ne!(begun["eventDataId"], records[0]["eventDataId"]);

    assert_eq!(lab.arm("drift-reader", "PATCH", &path, open).await.status, 403);
    let refused = lab.records("log-reader").await.remove(0);
    assert_eq!(refused["status"]["value"], "Failed");
    assert_eq!(refused["subStatus"]["value"], "Forbidden");
    let why = refused["properties"]["statusMessage"].as_str().unwrap();
    assert!(why.contains("AuthorizationFailed"), "{why}");
}

#[tokio::test]
async fn reads_leave_no_record() {
    let lab = Lab::new();
    lab.reports().await;
    let before = lab.records("log-reader").await.len();
    for path in [REPORTS, "/resourcegroups", "/resourceGroups/acme-data/resources"] {
        assert_eq!(lab.arm("remediator", "GET", path, Value::Null).await.status, 200, "{path}");
    }
    assert_eq!(
        lab.arm("drift-reader", "GET", "/resourceGroups/none", Value::Null).await.status,
        404
    );
    assert_eq!(lab.records("log-reader").await.len(), before);
}

#[tokio::test]
async fn a_record_is_delivered_once_into_its_own_hour() {
    let lab = Lab::new();
    lab.ground.clock.set(Timestamp::parse("2026-01-02T03:59:59Z").unwrap());
    lab.reports().await;
    let first = listed_files(&lab).await;
    let whole = file(&lab, &first[0]).await;
    assert_eq!(listed_files(&lab).await, first, "listing again adds nothing");
    assert_eq!(file(&lab, &first[0]).await, whole);

    lab.ground.clock.set(Timestamp::parse("2026-01-02T04:00:00Z").unwrap());
    lab.key("backup-job").await;
    lab.service.settle().await;
    let second = listed_files(&lab).await;
    assert_eq!(second.len(), 2);
    assert_eq!(file(&lab, &first[0]).await, whole, "an hour that is over stays as it was");
    let lines = |bytes: Vec<u8>| bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).count();
    let total = lines(whole) + lines(file(&lab, &second[1]).await);
    assert_eq!(total, lab.records("log-reader").await.len());
}

/// The log account is there from the start, and closed.
#[tokio::test]
async fn nobody_reads_the_log_without_a_role() {
    let lab = Lab::new();
    let target = format!("/{LOG_CONTAINER}?restype=container&comp=list");
    let refused = lab.send("GET", LOG_HOST, &target, &[], b"").await;
    assert_eq!(refused.code(), (409, "PublicAccessNotPermitted".to_owned()));
    let path = format!(
        "/resourceGroups/acme-platform/providers/Microsoft.Storage/storageAccounts/{LOG_ACCOUNT}"
    );
    let account = lab.arm("deployer", "GET", &path, Value::Null).await.json();
    assert_eq!(account["properties"]["allowSharedKeyAccess"], false);
}

#[tokio::test]
async fn the_query_pages_and_takes_only_its_own_filters() {
    let lab = Lab::new();
    lab.reports().await;
    for _ in 0..110 {
        lab.key("backup-job").await;
    }
    let path = "/providers/Microsoft.Insights/eventtypes/management/values";
    let filter = "$filter=eventTimestamp%20ge%20'2000-01-01T00:00:00Z'";
    let page = lab.arm("log-reader", "GET", &format!("{path}?{filter}"), Value::Null).await.json();
    assert_eq!(page["value"].as_array().unwrap().len(), 200);
    let next = page["nextLink"].as_str().unwrap();
    assert!(next.starts_with("https://management.azure.com/"), "{next}");
    let bearer = format!("Bearer {}", lab.token("log-reader", lab::ARM_SCOPE).await);
    let target = next.strip_prefix("https://management.azure.com").unwrap();
    let rest = lab.send("GET", lab::ARM, target, &[("authorization", &bearer)], b"").await.json();
    assert!(rest["nextLink"].is_null());
    let count = rest["value"].as_array().unwrap().len();
    assert_eq!(count, 2 * (110 + 3) - 200);

    let narrow =
        format!("{path}?{filter}%20and%20resourceGroupName%20eq%20'ACME-DATA'&$select=caller");
    let narrowed = lab.arm("log-reader", "GET", &narrow, Value::Null).await.json();
    let first = narrowed["value"][0].as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["caller"]);
    let refused = lab.arm("log-reader", "GET", path, Value::Null).await;
    assert_eq!(refused.code(), (400, "BadRequest".to_owned()));
}
