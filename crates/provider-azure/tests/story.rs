//! One story through the front door: somebody asks for an account's keys and opens a
//! container with one; everything that a check asks gives the right answer.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod support;

use bytes::Bytes;
use drift_detector::{CompareContext, Drift, EventLog, Outcome, attribute, classify, compare};
use model::finding::{Attribution, AttributionStatus};
use model::knowledge::Catalog;
use model::resource::Desired;
use model::{Event, Live, Resource, ResourceAddress, Severity, UnknownReason};
use provider::audit_log::{About, AuditQuery};
use provider::{Connection, ErrorKind, Wanted};
use provider_azure::{CATALOG, data_plane};
use serde_json::json;
use support::{Lab, attributes, present};

const GROUP: &str = "acme-data";
const ACCOUNT: &str = "acmereports";
const PERSON: &str = "dana.ortiz@example.com";

struct Estate {
    account: Resource,
    container: Resource,
}

async fn create(connection: &Connection, kind: &str, wanted: serde_json::Value) -> Resource {
    connection.writer.create(&kind.into(), &attributes(wanted)).await.unwrap()
}

async fn estate(lab: &Lab) -> Estate {
    let deployer = lab.connect("deployer").await;
    let location = "westeurope";
    create(&deployer, "azurerm_resource_group", json!({"name": GROUP, "location": location})).await;
    let account = json!({
        "name": ACCOUNT, "resource_group_name": GROUP, "location": location,
        "account_tier": "Standard", "account_replication_type": "LRS",
        "allow_nested_items_to_be_public": false,
    });
    let account = create(&deployer, "azurerm_storage_account", account).await;
    let container = json!({"name": "reports", "storage_account_id": account.native_id});
    let container = create(&deployer, "azurerm_storage_container", container).await;
    Estate { account, container }
}

/// As a state records it and as it is now: who did it?
async fn who(lab: &Lab, recorded: &Resource) -> (Drift, Attribution, Vec<Event>) {
    let reader = lab.connect("drift-reader").await;
    let live = present(&reader, recorded).await;
    let knowledge = CATALOG.kind(&recorded.kind).unwrap();
    let desired = Desired {
        address: ResourceAddress::root(recorded.kind.as_str(), "it"),
        provider: "p".to_owned(),
        native_id: recorded.native_id.clone(),
        attributes: recorded.attributes.clone(),
        schema_version: 0,
        state: "s".to_owned(),
    };
    let compared =
        compare(&desired, &Live::Present(live.clone()), knowledge, &CompareContext::default());
    let Outcome::Changed(changes) = compared.outcome else { panic!("{:?}", compared.outcome) };
    let drift = Drift::changed(&desired, &live, changes);
    let about = About::Resources(vec![(drift.kind.clone(), drift.native_id.clone())]);
    let answer = reader.audit.query(&AuditQuery { from: None, to: None, about }).await.unwrap();
    let source = answer.searched.source.clone();
    let (events, rejected) =
        event_formats::read_records(&answer.records, Some(answer.format), &source);
    assert!(rejected.is_empty(), "{rejected:?}");
    let log = EventLog::new(events.clone());
    let attribution = attribute(&drift, &[], knowledge, &log, answer.searched);
    (drift, attribution, events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opened_container_and_who_held_the_key() {
    let lab = Lab::start().await;
    let Estate { account, container } = estate(&lab).await;
    let deployer = lab.connect("deployer").await;
    let place = format!("{ACCOUNT}/reports");
    let body = Bytes::from_static(b"region,revenue\nnorth,1200\n");
    assert!(deployer.sink.put_if_absent(&place, "2026/a b.csv", body.clone()).await.unwrap());
    assert!(!deployer.sink.put_if_absent(&place, "2026/a b.csv", body.clone()).await.unwrap());
    let probe = deployer.reader.probe(&container).await.unwrap().unwrap();
    assert_ne!(probe.status, 200, "{probe:?}");

    // The job that asks every night, and the person: both hold a key.
    for caller in ["backup-job", PERSON] {
        let options = lab.options(caller).await;
        data_plane::list_account_keys(options, GROUP, ACCOUNT).await.unwrap();
    }
    let hers = lab.connect(PERSON).await;
    let open = attributes(json!({"allow_nested_items_to_be_public": true}));
    hers.writer.update(&account, &open).await.unwrap();
    let moves = data_plane::Moves::new(lab.options(PERSON).await).unwrap();
    moves.open_container_with_key(GROUP, ACCOUNT, "reports").await.unwrap();

    let probe = deployer.reader.probe(&container).await.unwrap().unwrap();
    assert_eq!(probe.status, 200);
    assert!(probe.asked.starts_with("GET https://acmereports.blob.core.windows.net/reports/"));

    // The switch of the account is in the log, under her name.
    let (drift, attribution, events) = who(&lab, &account).await;
    let paths: Vec<String> = drift.changes.iter().map(|c| c.path.to_string()).collect();
    assert_eq!(paths, ["allow_nested_items_to_be_public"]);
    assert_eq!(attribution.status, AttributionStatus::Attributed, "{attribution:?}");
    assert_eq!(attribution.events[0].principal.name, PERSON);
    assert_eq!(attribution.events[0].source_ip.as_deref(), Some("203.0.113.41"));
    assert!(!events.is_empty());

    // The container is not: whoever was given the keys may have done it.
    let (drift, attribution, events) = who(&lab, &container).await;
    assert_eq!(attribution.status, AttributionStatus::Candidates, "{attribution:?}");
    let mut names: Vec<&str> =
        attribution.events.iter().map(|e| e.principal.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&PERSON), "{names:?}");
    let gaps = attribution.searched.unwrap().gaps;
    assert!(gaps.iter().any(|gap| gap.contains("data plane")), "{gaps:?}");
    assert!(events.iter().all(|e| !e.operation.to_lowercase().contains("setcontaineracl")));

    let neighbours = [present(&deployer, &account).await];
    let verdict = classify(&drift, CATALOG.kind(&container.kind).unwrap(), &neighbours);
    assert_eq!(verdict.severity, Severity::Critical, "{verdict:?}");

    // Nothing that was answered or logged holds a key.
    let keys = moves.list_account_keys(GROUP, ACCOUNT).await.unwrap();
    let told = format!("{events:?}{drift:?}{verdict:?}{neighbours:?}");
    assert!(keys.iter().all(|key| !told.contains(key.reveal())));
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_by_its_url_is_the_same_container() {
    let lab = Lab::start().await;
    let Estate { container, .. } = estate(&lab).await;
    let reader = lab.connect("drift-reader").await;
    let url = format!("https://{ACCOUNT}.blob.core.windows.net/reports");
    let wanted = Wanted::new(container.kind.clone(), url.clone());
    let Live::Present(by_url) = reader.reader.read(&wanted).await else { panic!("{url}") };
    assert_eq!(by_url.native_id, url);
    assert_eq!(by_url.attributes["resource_manager_id"], container.native_id.as_str().into());
    let nothing = Wanted::new(container.kind.clone(), url.replace(ACCOUNT, "acmenothere"));
    assert_eq!(reader.reader.read(&nothing).await, Live::Absent);

    let deployer = lab.connect("deployer").await;
    let private = attributes(json!({"metadata": {"owner": "finance"}}));
    deployer.writer.update(&by_url, &private).await.unwrap();
    let after = present(&deployer, &container).await;
    assert_eq!(after.attributes["metadata"], model::Value::from(json!({"owner": "finance"})));

    // The deprecated way of making one answers in its own shape.
    let made = json!({"name": "archive", "storage_account_name": ACCOUNT});
    let made = create(&deployer, "azurerm_storage_container", made).await;
    assert_eq!(made.native_id, format!("https://{ACCOUNT}.blob.core.windows.net/archive"));
    deployer.writer.delete(&made).await.unwrap();
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_subscription_is_not_an_empty_one() {
    let lab = Lab::start().await;
    let reader = lab.connect("drift-reader").await;
    let foreign = "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/acme-data";
    let wanted = Wanted::new("azurerm_resource_group", foreign);
    let Live::Unknown(unknown) = reader.reader.read(&wanted).await else { panic!("{foreign}") };
    assert_eq!(unknown.reason, UnknownReason::WrongAccount);

    let mut options = lab.options("drift-reader").await;
    options.subscription = Some("00000000-0000-4000-8000-000000000000".to_owned());
    let elsewhere = provider_azure::connect(options).await.unwrap();
    let error = elsewhere.reader.identity().await.unwrap_err();
    assert!(error.is(ErrorKind::WrongAccount) || error.is(ErrorKind::Denied), "{error}");

    let mut options = lab.options("drift-reader").await;
    options.subscription = None;
    let found = provider_azure::connect(options).await.unwrap();
    let identity = found.reader.identity().await.unwrap();
    assert_eq!(identity.account, "2b6f9d34-5c1e-4a7b-8d2f-6e0c4b9a7d10");
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_and_an_application_are_told_apart() {
    let lab = Lab::start().await;
    let person = lab.connect(PERSON).await.reader.identity().await.unwrap();
    assert_eq!(person.caller, PERSON);
    let application = lab.connect("drift-reader").await.reader.identity().await.unwrap();
    assert!(!application.caller.is_empty() && !application.caller.contains('@'));
    assert_ne!(application.principal, person.principal);
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_cannot_change_and_is_told_what_it_lacks() {
    let lab = Lab::start().await;
    let Estate { account, .. } = estate(&lab).await;
    let reader = lab.connect("drift-reader").await;
    let open = attributes(json!({"allow_nested_items_to_be_public": true}));
    let error = reader.writer.update(&account, &open).await.unwrap_err();
    assert!(error.is(ErrorKind::Denied), "{error}");
    assert_eq!(error.next_step, "grant Microsoft.Storage/storageAccounts/write");
    let options = lab.options("drift-reader").await;
    let error = data_plane::list_account_keys(options, GROUP, ACCOUNT).await.unwrap_err();
    assert!(error.is(ErrorKind::Denied), "{error}");
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_holds_something_is_not_deleted() {
    let lab = Lab::start().await;
    let Estate { account, .. } = estate(&lab).await;
    let deployer = lab.connect("deployer").await;
    let id = account.native_id.split("/providers/").next().unwrap();
    let Live::Present(group) =
        deployer.reader.read(&Wanted::new("azurerm_resource_group", id)).await
    else {
        panic!("{id}")
    };
    let error = deployer.writer.delete(&group).await.unwrap_err();
    assert!(error.is(ErrorKind::Conflict), "{error}");
    present(&deployer, &account).await;
    let again = json!({
        "name": ACCOUNT, "resource_group_name": GROUP, "location": "westeurope",
        "account_tier": "Standard", "account_replication_type": "LRS",
    });
    let kind = "azurerm_storage_account".into();
    let error = deployer.writer.create(&kind, &attributes(again)).await.unwrap_err();
    assert!(error.is(ErrorKind::AlreadyExists), "{error}");
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_large_small_and_absent() {
    let lab = Lab::start().await;
    estate(&lab).await;
    let deployer = lab.connect("deployer").await;
    let place = format!("{ACCOUNT}/reports");
    let large: Bytes = (0..9_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    for (key, body) in
        [("big/one", large.clone()), ("empty", Bytes::new()), ("ü/#?.txt", "x".into())]
    {
        assert!(deployer.sink.put_if_absent(&place, key, body).await.unwrap(), "{key}");
    }
    let log_reader = lab.connect("log-reader").await;
    assert_eq!(log_reader.objects.get(&place, "big/one", 10_000_000).await.unwrap(), large);
    assert_eq!(log_reader.objects.get(&place, "empty", 10).await.unwrap(), Bytes::new());
    assert_eq!(log_reader.objects.get(&place, "ü/#?.txt", 10).await.unwrap(), "x");
    let listed = log_reader.objects.list(&place, "big/").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].key.as_str(), listed[0].size), ("big/one", 9_000_000));
    assert!(listed[0].modified.is_some() && !listed[0].version.is_empty());
    let error = log_reader.objects.get(&place, "big/one", 100).await.unwrap_err();
    assert!(error.is(ErrorKind::Invalid), "{error}");
    let error = log_reader.objects.get(&place, "nothing", 100).await.unwrap_err();
    assert!(error.is(ErrorKind::NotFound), "{error}");
    for place in ["acmereports", "acmereports/a/b", "evil.example.com/x", "ACME/x"] {
        let error = log_reader.objects.list(place, "").await.unwrap_err();
        assert!(error.is(ErrorKind::Invalid), "{place}: {error}");
    }
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weather() {
    let nowhere = provider_azure::ConnectOptions {
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        limits: Some(provider::layers::Limits {
            attempts: 2,
            first_wait: std::time::Duration::from_millis(1),
            ..provider::layers::Limits::default()
        }),
        ..Lab::start().await.options("deployer").await
    };
    let cloud = provider_azure::connect(nowhere).await.unwrap();
    let error = cloud.reader.identity().await.unwrap_err();
    assert!(error.is(ErrorKind::Unreachable), "{error}");

    let lab = Lab::start().await;
    let mut wrong = lab.options("deployer").await;
    if let Some(provider_azure::Explicit::ClientSecret { client_secret, .. }) =
        &mut wrong.credential
    {
        *client_secret = provider::Sensitive::new("canary-secret-0123456789".to_owned());
    }
    let cloud = provider_azure::connect(wrong).await.unwrap();
    let error = cloud.reader.identity().await.unwrap_err();
    assert!(error.is(ErrorKind::Credentials), "{error}");
    assert!(!format!("{error:?} {error}").contains("canary"), "{error:?}");
    lab.running.stop().await;
}
