//! Two write to one policy: ours, and somebody's with Google's own client. Nobody loses what
//! the other wrote, and the log tells whose each call was.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod desk;

use desk::Desk;
use futures::future::join_all;
use google_cloud_auth::credentials::service_account;
use google_cloud_iam_v1::model::{Binding, Policy};
use google_cloud_storage::client::StorageControl;
use local_cloud::control::{Answer, Ask};
use model::{Attributes, Live, Resource, Value};
use provider::kind::Wanted;
use provider::{Connection, ErrorKind};
use serde_json::json;

const BINDING: &str = "google_storage_bucket_iam_binding";
const MEMBER: &str = "google_storage_bucket_iam_member";
const VIEWER: &str = "roles/storage.objectViewer";
const CREATOR: &str = "roles/storage.objectCreator";
const BUCKET: &str = "acme-shared";

fn attributes(json: serde_json::Value) -> Attributes {
    serde_json::from_value(json).unwrap()
}

async fn read(by: &Connection, like: &Resource) -> Resource {
    match by.reader.read(&Wanted::new(like.kind.clone(), &like.native_id)).await {
        Live::Present(live) => live,
        other => panic!("{other:?}"),
    }
}

/// Google's client with the deployer's key, as nothing of ours has made it.
async fn foreign(desk: &Desk) -> StorageControl {
    let asked = Ask::Environment { caller: Some("deployer".to_owned()) };
    let Answer::Environment { variables } = desk.running.ask(asked).await.unwrap() else {
        panic!("no environment");
    };
    let file = variables.iter().find(|(n, _)| n == "GOOGLE_APPLICATION_CREDENTIALS").unwrap();
    let key = serde_json::from_slice(&std::fs::read(&file.1).unwrap()).unwrap();
    let credentials = service_account::Builder::new(key).build().unwrap();
    let client = StorageControl::builder().with_credentials(credentials);
    client.with_endpoint(desk.endpoint()).build().await.unwrap()
}

async fn policy(client: &StorageControl) -> Policy {
    let resource = format!("projects/_/buckets/{BUCKET}");
    client.get_iam_policy().set_resource(resource).send().await.unwrap()
}

async fn grant(client: &StorageControl, role: &str, member: &str) {
    let mut policy = policy(client).await;
    match policy.bindings.iter_mut().find(|b| b.role == role) {
        Some(binding) => binding.members.push(member.to_owned()),
        None => policy.bindings.push(Binding::new().set_role(role).set_members([member])),
    }
    let resource = format!("projects/_/buckets/{BUCKET}");
    client.set_iam_policy().set_resource(resource).set_policy(policy).send().await.unwrap();
}

fn members(resource: &Resource) -> Vec<&str> {
    let list = resource.attributes["members"].as_list().unwrap();
    list.iter().filter_map(Value::as_str).collect()
}

async fn shared(by: &Connection) -> Resource {
    let bucket = json!({"name": BUCKET, "location": "EU", "uniform_bucket_level_access": true});
    by.writer.create(&"google_storage_bucket".into(), &attributes(bucket)).await.unwrap();
    let binding = json!({"bucket": BUCKET, "role": VIEWER, "members": ["user:a@example.com"]});
    by.writer.create(&BINDING.into(), &attributes(binding)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_came_meanwhile_stays() {
    let desk = Desk::start().await;
    let by = desk.cast("deployer").await;
    let client = foreign(&desk).await;
    let binding = shared(&by).await;
    let seen = read(&by, &binding).await;
    let wanted = attributes(json!({"members": ["user:c@example.com"]}));

    // Another role is another's business: what was seen of this one still holds.
    grant(&client, CREATOR, "user:other@example.com").await;
    by.writer.update(&seen, &wanted).await.unwrap();
    let seen = read(&by, &binding).await;
    assert_eq!(members(&seen), ["user:c@example.com"]);
    let roles: Vec<String> = policy(&client).await.bindings.into_iter().map(|b| b.role).collect();
    assert!(roles.iter().any(|role| role == CREATOR), "{roles:?}");

    // Somebody comes into this one: whoever writes has not seen them.
    grant(&client, VIEWER, "user:b@example.com").await;
    let back = attributes(json!({"members": ["user:a@example.com"]}));
    let error = by.writer.update(&seen, &back).await.unwrap_err();
    assert!(error.is(ErrorKind::Conflict), "{error}");
    assert!(error.cause.contains("members moved"), "{error}");
    let error = by.writer.delete(&seen).await.unwrap_err();
    assert!(error.is(ErrorKind::Conflict), "{error}");
    let now = read(&by, &binding).await;
    assert_eq!(members(&now), ["user:b@example.com", "user:c@example.com"]);

    // Nor is it made anew over whoever is in it.
    let anew = json!({"bucket": BUCKET, "role": VIEWER, "members": ["user:c@example.com"]});
    let error = by.writer.create(&BINDING.into(), &attributes(anew)).await.unwrap_err();
    assert!(error.is(ErrorKind::AlreadyExists), "{error}");
    assert!(error.cause.contains("user:b@example.com"), "{error}");

    // Having looked again, it is a decision.
    by.writer.update(&now, &back).await.unwrap();
    let now = read(&by, &binding).await;
    assert_eq!(members(&now), ["user:a@example.com"]);
    by.writer.delete(&now).await.unwrap();
}

/// Ten at the same time, each with its own member, and a binding of another role that is
/// rewritten all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_same_time_nobody_is_lost() {
    let desk = Desk::start().await;
    let by = desk.cast("deployer").await;
    let binding = shared(&by).await;
    let rewriting = async {
        for round in 0..6 {
            let seen = read(&by, &binding).await;
            let members = json!({"members": [format!("user:round{round}@example.com")]});
            by.writer.update(&seen, &attributes(members)).await.unwrap();
        }
    };
    let joining = join_all((0..4).map(|n| {
        let member = json!({
            "bucket": BUCKET, "role": CREATOR, "member": format!("user:m{n}@example.com"),
        });
        let by = &by;
        async move { by.writer.create(&MEMBER.into(), &attributes(member)).await.unwrap() }
    }));
    let (_, joined) = tokio::join!(rewriting, joining);
    assert_eq!(joined.len(), 4);
    for member in &joined {
        let live = read(&by, member).await;
        assert_eq!(live.native_id, member.native_id);
    }
    assert_eq!(members(&read(&by, &binding).await), ["user:round5@example.com"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_moved_is_not_written_over() {
    let desk = Desk::start().await;
    let by = desk.cast("deployer").await;
    let client = foreign(&desk).await;
    shared(&by).await;
    let bucket = Wanted::new("google_storage_bucket", BUCKET);
    let Live::Present(seen) = by.reader.read(&bucket).await else { panic!("{BUCKET}") };
    let name = format!("projects/_/buckets/{BUCKET}");
    let theirs = client.get_bucket().set_name(&name).send().await.unwrap();
    let generation = theirs.metageneration;
    let mut theirs = theirs;
    theirs.labels.insert("owner".to_owned(), "somebody".to_owned());
    client
        .update_bucket()
        .set_bucket(theirs)
        .set_if_metageneration_match(generation)
        .set_update_mask(google_cloud_wkt::FieldMask::default().set_paths(["labels"]))
        .send()
        .await
        .unwrap();
    let labels = attributes(json!({"effective_labels": {"owner": "ours"}}));
    let error = by.writer.update(&seen, &labels).await.unwrap_err();
    assert!(error.is(ErrorKind::Conflict), "{error}");
    // Another setting has not moved.
    let guard = attributes(json!({"public_access_prevention": "enforced"}));
    by.writer.update(&seen, &guard).await.unwrap();
    let Live::Present(now) = by.reader.read(&bucket).await else { panic!("{BUCKET}") };
    assert_eq!(now.attributes["public_access_prevention"], "enforced".into());
    let owner = now.attributes["effective_labels"].as_map().unwrap()["owner"].clone();
    assert_eq!(owner, "somebody".into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_a_fix_from_everything_else() {
    let desk = Desk::start().await;
    let by = desk.cast("deployer").await;
    let binding = shared(&by).await;
    let options = desk.options("remediator").await.for_remediation();
    let remediator = provider_gcp::connect(options).await.unwrap();
    let seen = read(&remediator, &binding).await;
    let wanted = attributes(json!({"members": ["user:c@example.com"]}));
    remediator.writer.update(&seen, &wanted).await.unwrap();
    let about = provider::About::Resources(vec![(BINDING.into(), binding.native_id.clone())]);
    let query = provider::AuditQuery { from: None, to: None, about };
    let answer = by.audit.query(&query).await.unwrap();
    let (events, rejected) =
        event_formats::read_records(&answer.records, Some(answer.format), &answer.searched.source);
    assert!(rejected.is_empty(), "{rejected:?}");
    let agents: Vec<String> = events
        .into_iter()
        .filter(|e| e.operation == "storage.setIamPermissions")
        .filter_map(|e| e.user_agent)
        .collect();
    let version = concat!("cloud-security-lab/", env!("CARGO_PKG_VERSION"));
    assert!(agents.iter().all(|agent| agent.contains(version)), "{agents:?}");
    let fixes = agents.iter().filter(|agent| agent.contains(provider::purpose::REMEDIATION));
    assert_eq!((fixes.count(), agents.len()), (1, 2), "{agents:?}");
}
