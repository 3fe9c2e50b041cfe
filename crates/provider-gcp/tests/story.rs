//! What a check does with this cloud, over the wire: somebody opens a bucket, it is seen,
//! tried, and the log tells who it was.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod desk;

use desk::Desk;
use drift_detector::{Drift, EventLog, attribute};
use model::event::EventStatus;
use model::finding::{AttributionStatus, DriftStatus};
use model::knowledge::EventChange;
use model::{Attributes, Event, KindName, Knowledge, Live, Resource, Value};
use provider::audit_log::{About, AuditQuery};
use provider::kind::Wanted;
use provider::{Connection, ErrorKind};

const BUCKET: &str = "google_storage_bucket";
const BINDING: &str = "google_storage_bucket_iam_binding";
const MEMBER: &str = "google_storage_bucket_iam_member";
const VIEWER: &str = "roles/storage.objectViewer";
const PIPELINE: &str = "serviceAccount:pipeline@acme-lab.iam.gserviceaccount.com";

fn attributes(json: serde_json::Value) -> Attributes {
    serde_json::from_value(json).unwrap()
}

async fn bucket(by: &Connection, name: &str, prevention: &str) -> Resource {
    let wanted = attributes(serde_json::json!({
        "name": name, "location": "EU", "project": "acme-lab",
        "uniform_bucket_level_access": true, "public_access_prevention": prevention,
        "labels": {"owner": "ml-platform"},
    }));
    by.writer.create(&BUCKET.into(), &wanted).await.unwrap()
}

async fn binding(by: &Connection, bucket: &str, members: &[&str]) -> Resource {
    let wanted = attributes(serde_json::json!({
        "bucket": bucket, "role": VIEWER, "members": members,
    }));
    by.writer.create(&BINDING.into(), &wanted).await.unwrap()
}

async fn read(by: &Connection, like: &Resource) -> Live {
    by.reader.read(&Wanted::new(like.kind.clone(), &like.native_id)).await
}

async fn events(by: &Connection, about: About) -> Vec<Event> {
    let query = AuditQuery { from: None, to: None, about };
    let answer = by.audit.query(&query).await.unwrap();
    let (events, rejected) =
        event_formats::read_records(&answer.records, Some(answer.format), &answer.searched.source);
    assert!(rejected.is_empty(), "{rejected:?}");
    events
}

fn knowledge(kind: &str) -> &'static dyn Knowledge {
    use model::knowledge::Catalog;
    provider_gcp::CATALOG.kind(&kind.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_opens_a_bucket_and_the_log_tells_who() {
    let desk = Desk::start().await;
    let deployer = desk.cast("deployer").await;
    let made = bucket(&deployer, "acme-lab-datasets", "inherited").await;
    assert_eq!(made.account.as_deref(), Some("acme-lab"));
    assert_eq!(made.attributes["location"], Value::from("EU"));
    assert_eq!(made.attributes["project_number"], Value::from(418_300_000_123_i64));
    let desired = binding(&deployer, "b/acme-lab-datasets", &[PIPELINE]).await;
    assert_eq!(desired.native_id, format!("b/acme-lab-datasets/{VIEWER}"));
    let put = |body: &'static str| {
        deployer.sink.put_if_absent("acme-lab-datasets", "faces/a b.json", body.into())
    };
    assert!(put("{\"images\": 3}").await.unwrap());
    assert!(!put("other").await.unwrap(), "it is there");

    let reader = desk.cast("drift-reader").await;
    let probe = reader.reader.probe(&desired).await.unwrap().unwrap();
    assert!(matches!(probe.status, 401 | 403), "{probe:?}");
    assert_eq!(
        probe.asked,
        "GET https://storage.googleapis.com/acme-lab-datasets/faces/a%20b.json"
    );

    let li = desk.cast("li.wei@example.com").await;
    let change = attributes(serde_json::json!({"members": [PIPELINE, "allUsers"]}));
    li.writer.update(&desired, &change).await.unwrap();

    let Live::Present(live) = read(&reader, &desired).await else { panic!("it is there") };
    let probe = reader.reader.probe(&live).await.unwrap().unwrap();
    assert_eq!(probe.status, 200, "{probe:?}");
    let Live::Present(bucket) = read(&reader, &made).await else { panic!("it is there") };
    let exposure = knowledge(BINDING).exposure(&live, &[bucket]).unwrap();
    assert!(exposure.public, "{}", exposure.because);

    let about = About::Resources(vec![(KindName::from(BINDING), live.native_id.clone())]);
    let query = AuditQuery { from: None, to: None, about };
    let answer = reader.audit.query(&query).await.unwrap();
    assert_eq!(answer.format, "google_audit");
    let (events, rejected) =
        event_formats::read_records(&answer.records, Some(answer.format), "log");
    assert!(rejected.is_empty(), "{rejected:?}");
    let recorded = model::resource::Desired {
        address: model::ResourceAddress::root(BINDING, "readers"),
        provider: "p".into(),
        native_id: desired.native_id.clone(),
        attributes: desired.attributes.clone(),
        schema_version: 0,
        state: "s.tfstate".into(),
    };
    let context = drift_detector::CompareContext::default();
    let compared = drift_detector::compare(
        &recorded,
        &Live::Present(live.clone()),
        knowledge(BINDING),
        &context,
    );
    let drift_detector::Outcome::Changed(changes) = compared.outcome else {
        panic!("{:?}", compared.outcome)
    };
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].summary, ["+ allUsers"]);
    let drift = Drift::changed(&recorded, &live, changes);
    assert_eq!(drift.status, DriftStatus::Changed);
    let who = attribute(&drift, &[], knowledge(BINDING), &EventLog::new(events), answer.searched);
    assert_eq!(who.status, AttributionStatus::Attributed, "{who:?}");
    assert_eq!(who.events.len(), 1);
    assert_eq!(who.events[0].principal.name, "li.wei@example.com");
    assert_eq!(who.events[0].operation, "storage.setIamPermissions");
    assert_eq!(who.events[0].source_ip.as_deref(), Some("203.0.113.58"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_one_policy_are_told_apart_by_role_and_member() {
    let desk = Desk::start().await;
    let deployer = desk.cast("deployer").await;
    let made = bucket(&deployer, "acme-lab-models", "enforced").await;
    let desired = binding(&deployer, "acme-lab-models", &[PIPELINE]).await;
    let wanted = attributes(serde_json::json!({
        "bucket": "acme-lab-models", "role": "roles/storage.legacyBucketReader",
        "member": "user:audit@example.com",
    }));
    let member = deployer.writer.create(&MEMBER.into(), &wanted).await.unwrap();
    let id = "b/acme-lab-models/roles/storage.legacyBucketReader/user:audit@example.com";
    assert_eq!(member.native_id, id);
    // By its id alone, as a story does.
    let by_id = Resource { attributes: Attributes::new(), ..member.clone() };
    desk.cast("li.wei@example.com").await.writer.delete(&by_id).await.unwrap();
    assert_eq!(read(&deployer, &member).await, Live::Absent);
    let again = by_id.clone();
    deployer.writer.delete(&again).await.unwrap();

    let update = attributes(serde_json::json!({"public_access_prevention": "inherited"}));
    deployer.writer.update(&made, &update).await.unwrap();
    for grant in [&desired] {
        deployer.writer.delete(grant).await.unwrap();
    }
    deployer.writer.delete(&made).await.unwrap();
    assert_eq!(read(&deployer, &made).await, Live::Absent);
    assert_eq!(read(&deployer, &desired).await, Live::Absent, "and its grants with it");

    let log = events(&deployer, About::Everything).await;
    let told = |kind: &str, id: &str| -> Vec<(String, EventChange)> {
        let mut found: Vec<(&Event, EventChange)> = log
            .iter()
            .filter(|e| e.status == EventStatus::Success && !e.read_only)
            .filter_map(|e| Some((e, knowledge(kind).effect_on(e, id)?)))
            .collect();
        found.sort_by_key(|(e, _)| e.time);
        found.into_iter().map(|(e, c)| (e.operation.clone(), c)).collect()
    };
    let of_member = told(MEMBER, id);
    let operations: Vec<&str> = of_member.iter().map(|(o, _)| o.as_str()).collect();
    // The update of the bucket may have written its ACL, which is this role.
    assert_eq!(
        operations,
        [
            "storage.setIamPermissions",
            "storage.setIamPermissions",
            "storage.buckets.update",
            "storage.buckets.delete"
        ],
    );
    assert!(matches!(of_member[0].1, EventChange::Creates(_)));
    assert_eq!(of_member[1].1, EventChange::Deletes);
    assert_eq!(of_member[2].1, EventChange::Opaque);
    assert_eq!(of_member[3].1, EventChange::Deletes);
    let of_binding = told(BINDING, &desired.native_id);
    assert!(
        matches!(&of_binding[0].1, EventChange::Elements { added, .. } if added == &[Value::from(PIPELINE)])
    );
    assert!(
        matches!(&of_binding[1].1, EventChange::Elements { removed, .. } if removed.len() == 1)
    );
    assert_eq!(of_binding[2].1, EventChange::Deletes);
    assert_eq!(of_binding.len(), 3);
    let of_bucket = told(BUCKET, "acme-lab-models");
    assert!(matches!(of_bucket[0].1, EventChange::Creates(_)));
    assert_eq!(of_bucket[1].1, EventChange::Opaque);
    assert_eq!(of_bucket[2].1, EventChange::Deletes);
    assert_eq!(told(BUCKET, "acme-lab"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_we_are_and_what_we_may_not() {
    let desk = Desk::start().await;
    let reader = desk.cast("drift-reader").await;
    let identity = reader.reader.identity().await.unwrap();
    assert_eq!(identity.account, "acme-lab");
    assert_eq!(identity.caller, "drift-reader");
    assert_eq!(identity.principal, "drift-reader@acme-lab.iam.gserviceaccount.com");
    assert!(identity.source.starts_with("service account "), "{}", identity.source);
    let li = desk.cast("li.wei@example.com").await.reader.identity().await.unwrap();
    assert_eq!((li.caller.as_str(), li.account.as_str()), ("li.wei@example.com", "acme-lab"));

    let wanted = attributes(serde_json::json!({"name": "acme-lab-x", "location": "EU"}));
    let refused = reader.writer.create(&BUCKET.into(), &wanted).await.unwrap_err();
    assert!(refused.is(ErrorKind::Denied), "{refused}");
    assert_eq!(refused.next_step, "grant storage.buckets.create");
    assert_eq!(refused.caller.as_deref(), Some("drift-reader"));

    let deployer = desk.cast("deployer").await;
    bucket(&deployer, "acme-lab-locked", "enforced").await;
    let opened = attributes(serde_json::json!({
        "bucket": "acme-lab-locked", "role": VIEWER, "members": ["allUsers"],
    }));
    let refused = deployer.writer.create(&BINDING.into(), &opened).await.unwrap_err();
    assert!(refused.is(ErrorKind::Conflict), "{refused}");
    assert!(refused.cause.contains("public access prevention"), "{refused}");
    let again = bucket_again(&deployer).await;
    assert!(again.is(ErrorKind::AlreadyExists), "{again}");
}

async fn bucket_again(by: &Connection) -> provider::ProviderError {
    let wanted = attributes(serde_json::json!({"name": "acme-lab-locked", "location": "EU"}));
    by.writer.create(&BUCKET.into(), &wanted).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_not_accepted_are_said_to_be() {
    let desk = Desk::start().await;
    let options = desk.options("deployer").await;
    let path = options.credentials_file.clone().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["client_email"] = "nobody@acme-lab.iam.gserviceaccount.com".into();
    let options = provider_gcp::ConnectOptions {
        credentials: Some(provider::Sensitive::new(document)),
        ..options
    };
    let stranger = provider_gcp::connect(options).await.unwrap();
    let error = stranger.reader.identity().await.unwrap_err();
    assert!(error.is(ErrorKind::Credentials), "{error}");
    let error = stranger.reader.list(&BUCKET.into()).await.unwrap_err();
    assert!(error.is(ErrorKind::Credentials), "{error}");
    assert!(!error.to_string().contains("PRIVATE"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_listed_read_and_bounded() {
    let desk = Desk::start().await;
    let deployer = desk.cast("deployer").await;
    bucket(&deployer, "acme-lab-states", "enforced").await;
    for key in ["env/a.tfstate", "env/b/c d.tfstate", "other.txt"] {
        assert!(deployer.sink.put_if_absent("acme-lab-states", key, "{}".into()).await.unwrap());
    }
    let listed = deployer.objects.list("acme-lab-states", "env/").await.unwrap();
    let keys: Vec<&str> = listed.iter().map(|o| o.key.as_str()).collect();
    assert_eq!(keys, ["env/a.tfstate", "env/b/c d.tfstate"]);
    assert!(listed.iter().all(|o| o.size == 2 && o.modified.is_some() && !o.version.is_empty()));
    let body = deployer.objects.get("acme-lab-states", "env/b/c d.tfstate", 2).await.unwrap();
    assert_eq!(body.as_ref(), b"{}");
    let large = deployer.objects.get("acme-lab-states", "other.txt", 1).await.unwrap_err();
    assert!(large.is(ErrorKind::Invalid), "{large}");
    let absent = deployer.objects.get("acme-lab-states", "none", 9).await.unwrap_err();
    assert!(absent.is(ErrorKind::NotFound), "{absent}");
    let nowhere = deployer.objects.list("acme-lab-none", "").await.unwrap_err();
    assert!(nowhere.is(ErrorKind::NotFound), "{nowhere}");
    let denied =
        desk.cast("log-reader").await.objects.list("acme-lab-states", "").await.unwrap_err();
    assert_eq!(denied.next_step, "grant storage.objects.list");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_unreachable() {
    let desk = Desk::start().await;
    let mut options = desk.options("deployer").await;
    options.limits.attempts = 2;
    options.limits.first_wait = std::time::Duration::from_millis(1);
    desk.running.stop().await;
    let connection = provider_gcp::connect(options).await.unwrap();
    let error = connection.reader.identity().await.unwrap_err();
    assert!(error.is(ErrorKind::Unreachable), "{error}");
    let live = connection.reader.read(&Wanted::new(BUCKET, "b")).await;
    let Live::Unknown(unknown) = live else { panic!("{live:?}") };
    assert_eq!(unknown.reason, model::UnknownReason::Unreachable, "{unknown:?}");
}
