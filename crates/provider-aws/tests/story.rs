//! One story through the front door: somebody opens a bucket, and everything that a check
//! asks gives the right answer: the reads, the effect, the log, who did it.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod support;

use bytes::Bytes;
use model::knowledge::{Catalog, EventChange};
use model::{Event, KindName, Live, Resource, UnknownReason, Value};
use provider::audit_log::{About, AuditQuery};
use provider::{Connection, ErrorKind, ObjectSink, ObjectSource, Wanted};
use provider_aws::CATALOG;
use serde_json::json;
use support::{Lab, attributes};

const BUCKET: &str = "acme-exports";
const OPEN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",
    "Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-exports/*"}]}"#;

async fn present(connection: &Connection, kind: &str, id: &str) -> Resource {
    match connection.reader.read(&Wanted::new(kind, id)).await {
        Live::Present(resource) => resource,
        other => panic!("{kind} {id}: {other:?}"),
    }
}

async fn create(connection: &Connection, kind: &str, wanted: serde_json::Value) -> Resource {
    connection.writer.create(&kind.into(), &attributes(wanted)).await.unwrap()
}

async fn opened(lab: &Lab) -> Connection {
    let admin = lab.connect("deployer").await;
    create(&admin, "aws_s3_bucket", json!({ "bucket": BUCKET, "tags": { "Owner": "data" } })).await;
    let body = Bytes::from_static(b"id,amount\n1,2\n");
    assert!(admin.sink.put_if_absent(BUCKET, "2026/a b.csv", body.clone()).await.unwrap());
    assert!(!admin.sink.put_if_absent(BUCKET, "2026/a b.csv", body).await.unwrap());
    let block = present(&admin, "aws_s3_bucket_public_access_block", BUCKET).await;
    let off = json!({ "block_public_policy": false, "restrict_public_buckets": false });
    admin.writer.update(&block, &attributes(off)).await.unwrap();
    create(&admin, "aws_s3_bucket_policy", json!({ "bucket": BUCKET, "policy": OPEN })).await;
    admin
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_bucket_is_seen_as_one() {
    let lab = Lab::start().await;
    let admin = opened(&lab).await;
    let block = present(&admin, "aws_s3_bucket_public_access_block", BUCKET).await;
    assert_eq!(block.attributes["block_public_acls"], Value::Bool(true));
    assert_eq!(block.attributes["block_public_policy"], Value::Bool(false));
    let policy = present(&admin, "aws_s3_bucket_policy", BUCKET).await;
    assert_eq!(policy.account.as_deref(), Some("111122223333"));
    let knowledge = CATALOG.kind(&"aws_s3_bucket_policy".into()).unwrap();
    let exposure = knowledge.exposure(&policy, std::slice::from_ref(&block)).unwrap();
    assert!(exposure.public, "{}", exposure.because);

    let probe = admin.reader.probe(&policy).await.unwrap().unwrap();
    assert_eq!(probe.status, 200, "{}", probe.asked);
    assert!(probe.asked.ends_with("/acme-exports/2026/a%20b.csv"), "{}", probe.asked);

    let on = attributes(json!({ "restrict_public_buckets": true }));
    admin.writer.update(&block, &on).await.unwrap();
    let block = present(&admin, "aws_s3_bucket_public_access_block", BUCKET).await;
    let exposure = knowledge.exposure(&policy, &[block]).unwrap();
    assert!(!exposure.public, "{}", exposure.because);
    let probe = admin.reader.probe(&policy).await.unwrap().unwrap();
    assert_eq!(probe.status, 403, "{}", probe.asked);
    lab.running.stop().await;
}

async fn events(connection: &Connection, about: About) -> Vec<Event> {
    let answer = connection.audit.query(&AuditQuery { from: None, to: None, about }).await.unwrap();
    assert_eq!(answer.format, "cloudtrail");
    let (events, rejected) =
        event_formats::read_records(&answer.records, Some(answer.format), &answer.searched.source);
    assert!(rejected.is_empty(), "{rejected:?}");
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_who_opened_it() {
    let lab = Lab::start().await;
    opened(&lab).await;
    let reader = lab.connect("log-reader").await;
    let kind = KindName::from("aws_s3_bucket_policy");
    let found = events(&reader, About::Resources(vec![(kind.clone(), BUCKET.to_owned())])).await;
    let effects = |kind: &str| -> Vec<(String, EventChange)> {
        let knowledge = CATALOG.kind(&kind.into()).unwrap();
        let changes = found.iter().filter(|e| !e.read_only);
        changes
            .filter_map(|e| {
                let effect = knowledge.effect_of(e)?;
                assert_eq!(effect.native_id, BUCKET);
                assert_eq!(e.principal.name, "deployer");
                Some((e.operation.clone(), effect.change))
            })
            .collect()
    };
    let policy = effects("aws_s3_bucket_policy");
    let [(operation, EventChange::Sets(set))] = policy.as_slice() else { panic!("{policy:?}") };
    assert_eq!(operation, "PutBucketPolicy");
    let path = model::AttributePath::root("policy");
    let knowledge = CATALOG.kind(&kind).unwrap();
    assert_eq!(knowledge.equal(&path, &OPEN.into(), &set["policy"]), Some(true));

    let block = effects("aws_s3_bucket_public_access_block");
    let (operation, EventChange::Sets(set)) = block.last().unwrap() else { panic!("{block:?}") };
    assert_eq!(operation, "PutBucketPublicAccessBlock");
    assert_eq!(set["block_public_policy"], Value::Bool(false));
    assert_eq!(set["block_public_acls"], Value::Bool(true));

    let bucket = effects("aws_s3_bucket");
    let names: Vec<&str> = bucket.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["CreateBucket", "PutBucketTagging", "PutBucketPolicy"]);
    let EventChange::Sets(tags) = &bucket[1].1 else { panic!("{bucket:?}") };
    assert_eq!(tags["tags_all"].to_json(), json!({ "Owner": "data" }));

    let deployer = lab.options("deployer").await.credentials.unwrap().access_key_id;
    let by_key = events(&reader, About::Credential(deployer.clone())).await;
    assert!(by_key.iter().all(|e| e.credential_uid.as_deref() == Some(deployer.as_str())));
    assert!(by_key.iter().any(|e| e.operation == "PutBucketPolicy"));
    let all = events(&reader, About::Everything).await;
    assert!(all.len() >= by_key.len());
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_keys_are_told_by_the_log_too() {
    let lab = Lab::start().await;
    let admin = lab.connect("deployer").await;
    let wanted = json!({ "name": "backup", "path": "/service/", "tags": { "Owner": "ops" } });
    let user = create(&admin, "aws_iam_user", wanted).await;
    let key = create(&admin, "aws_iam_access_key", json!({ "user": "backup" })).await;
    assert_eq!(key.attributes["secret"], Value::Redacted);
    let off = attributes(json!({ "status": "Inactive" }));
    admin.writer.update(&key, &off).await.unwrap();
    admin.writer.delete(&key).await.unwrap();
    admin.writer.delete(&user).await.unwrap();

    let about = About::Resources(vec![
        ("aws_iam_user".into(), "backup".to_owned()),
        ("aws_iam_access_key".into(), key.native_id.clone()),
    ]);
    let found = events(&lab.connect("log-reader").await, about).await;
    let effects = |kind: &str, id: &str| -> Vec<EventChange> {
        let knowledge = CATALOG.kind(&kind.into()).unwrap();
        let effects = found.iter().filter_map(|e| knowledge.effect_of(e));
        effects.filter(|e| e.native_id == id).map(|e| e.change).collect()
    };
    let of_user = effects("aws_iam_user", "backup");
    let [EventChange::Creates(made), EventChange::Deletes] = of_user.as_slice() else {
        panic!("{of_user:?}");
    };
    assert_eq!(made["path"], Value::from("/service/"));
    assert_eq!(made["tags_all"].to_json(), json!({ "Owner": "ops" }));
    let of_key = effects("aws_iam_access_key", &key.native_id);
    let [EventChange::Creates(made), EventChange::Sets(set), EventChange::Deletes] =
        of_key.as_slice()
    else {
        panic!("{of_key:?}");
    };
    assert_eq!(made["user"], Value::from("backup"));
    assert_eq!(set["status"], Value::from("Inactive"));
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_with_which_policy() {
    let lab = Lab::start().await;
    opened(&lab).await;
    let identity = lab.connect("drift-reader").await.reader.identity().await.unwrap();
    assert_eq!(identity.account, "111122223333");
    assert_eq!(identity.caller, "user/drift-reader");
    assert_eq!(identity.principal, "arn:aws:iam::111122223333:user/drift-reader");

    // The policy of each reader is enough for its exercise, and for nothing else.
    let reader = lab.connect("drift-reader").await;
    for kind in CATALOG.kinds() {
        let kind = &kind.facts().kind;
        let listed = reader.reader.list(kind).await.unwrap_or_else(|e| panic!("{kind}: {e}"));
        for resource in listed {
            let mut wanted = Wanted::new(kind.clone(), resource.native_id.clone());
            wanted.recorded = resource.attributes.clone();
            let live = reader.reader.read(&wanted).await;
            assert!(matches!(live, Live::Present(_)), "{live:?}");
        }
    }
    let tags = attributes(json!({ "tags_all": {} }));
    let bucket = present(&reader, "aws_s3_bucket", BUCKET).await;
    let refused = reader.writer.update(&bucket, &tags).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Denied);
    assert_eq!(refused.next_step, "grant s3:PutBucketTagging");
    assert_eq!(refused.caller.as_deref(), Some("user/drift-reader"));
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_listed_and_fetched_within_a_limit() {
    let lab = Lab::start().await;
    let admin = opened(&lab).await;
    let objects: &dyn ObjectSource = admin.objects.as_ref();
    let sink: &dyn ObjectSink = admin.sink.as_ref();
    for n in 0..5 {
        let body = Bytes::from(vec![b'x'; n * 100]);
        assert!(sink.put_if_absent(BUCKET, &format!("log/{n}"), body).await.unwrap());
    }
    let listed = objects.list(BUCKET, "log/").await.unwrap();
    let keys: Vec<(&str, u64)> = listed.iter().map(|o| (o.key.as_str(), o.size)).collect();
    assert_eq!(
        keys,
        [("log/0", 0), ("log/1", 100), ("log/2", 200), ("log/3", 300), ("log/4", 400)]
    );
    assert!(listed.iter().all(|o| o.modified.is_some() && !o.version.is_empty()));
    assert_eq!(objects.get(BUCKET, "log/4", 400).await.unwrap().len(), 400);
    // One object with a name that XML cannot carry does not hide the others.
    for key in ["odd/a b+c%20d", "odd/\u{1b}\n<&>", "odd/日本"] {
        assert!(sink.put_if_absent(BUCKET, key, Bytes::from_static(b"x")).await.unwrap());
    }
    let odd = objects.list(BUCKET, "odd/").await.unwrap();
    let keys: Vec<&str> = odd.iter().map(|o| o.key.as_str()).collect();
    assert_eq!(keys, ["odd/\u{1b}\n<&>", "odd/a b+c%20d", "odd/日本"]);
    for key in keys {
        assert_eq!(objects.get(BUCKET, key, 1).await.unwrap().len(), 1);
    }
    let large = objects.get(BUCKET, "log/4", 399).await.unwrap_err();
    assert_eq!(large.kind, ErrorKind::Invalid);
    assert!(large.cause.contains("larger than 399 bytes"), "{large}");
    assert_eq!(objects.get(BUCKET, "none", 1).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(objects.list("no-such-bucket-1", "").await.unwrap_err().kind, ErrorKind::NotFound);
    lab.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_closed_doors_are_told_apart() {
    let lab = Lab::start().await;
    let mut options = lab.options("deployer").await;
    if let Some(credentials) = &mut options.credentials {
        credentials.secret_access_key = provider::Sensitive::new("wrong-secret-canary".to_owned());
    }
    let stranger = provider_aws::connect(options.clone()).await.unwrap();
    let error = stranger.reader.identity().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials, "{error}");
    let live = stranger.reader.read(&Wanted::new("aws_s3_bucket_policy", BUCKET)).await;
    let Live::Unknown(unknown) = live else { panic!("{live:?}") };
    assert_eq!(unknown.reason, UnknownReason::Denied);
    for text in [error.to_string(), format!("{unknown:?}"), format!("{options:?}")] {
        assert!(!text.contains("canary"), "{text}");
    }

    lab.running.stop().await;
    options.limits.attempts = 2;
    options.limits.first_wait = std::time::Duration::from_millis(1);
    let nobody_home = provider_aws::connect(options).await.unwrap();
    for kind in ["aws_s3_bucket", "aws_iam_user"] {
        let live = nobody_home.reader.read(&Wanted::new(kind, BUCKET)).await;
        let Live::Unknown(unknown) = live else { panic!("{live:?}") };
        assert_eq!(unknown.reason, UnknownReason::Unreachable, "{unknown:?}");
    }
}
