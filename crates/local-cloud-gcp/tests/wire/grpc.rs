//! gRPC and JSON are two ways to one store.

use crate::client::{Caller, Lab};
use bytes::Bytes;
use googleapis_tonic_google_iam_v1::google::iam::v1 as iam;
use googleapis_tonic_google_storage_v2::google::storage::v2 as pb;
use http::Request;
use http_body_util::Full;
use prost::Message;
use serde_json::json;

const STORAGE: &str = "google.storage.v2.Storage";
const CONTROL: &str = "google.storage.control.v2.StorageControl";

/// A unary call; its message, or status and words.
async fn call<O: Message + Default>(
    caller: &Caller<'_>,
    method: &str,
    message: &impl Message,
) -> Result<O, (String, String)> {
    let body = message.encode_to_vec();
    let mut framed = vec![0];
    framed.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    framed.extend(body);
    let mut request = Request::post(format!("http://{}/{method}", caller.lab.address()))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(token) = &caller.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Full::new(Bytes::from(framed))).unwrap();
    let reply = caller.lab.send_h2(request).await.unwrap();
    let text = |name: &str| {
        reply.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    };
    assert_eq!(reply.status, 200);
    match text("grpc-status").as_str() {
        "0" => Ok(O::decode(&reply.bytes[5..]).unwrap()),
        status => Err((status.to_owned(), text("grpc-message"))),
    }
}

fn create(name: &str) -> pb::CreateBucketRequest {
    pb::CreateBucketRequest {
        parent: "projects/_".to_owned(),
        bucket_id: name.to_owned(),
        bucket: Some(pb::Bucket {
            project: "projects/acme-lab".to_owned(),
            location: "us-central1".to_owned(),
            labels: [("team".to_owned(), "data".to_owned())].into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn update(name: &str, bucket: pb::Bucket, paths: &[&str]) -> pb::UpdateBucketRequest {
    pb::UpdateBucketRequest {
        bucket: Some(pb::Bucket { name: format!("projects/_/buckets/{name}"), ..bucket }),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn what_one_writes_the_other_reads() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let made: pb::Bucket =
        call(&deployer, &format!("{STORAGE}/CreateBucket"), &create("grpc-bucket")).await.unwrap();
    assert_eq!(
        (made.name.as_str(), made.etag.as_str()),
        ("projects/_/buckets/grpc-bucket", "CAE=")
    );
    assert_eq!(made.project, "projects/418300000123");
    let seen = deployer.get("/storage/v1/b/grpc-bucket").await.ok();
    assert_eq!(
        (&seen["location"], &seen["labels"]),
        (&json!("US-CENTRAL1"), &json!({"team": "data"}))
    );

    let locked = pb::Bucket {
        iam_config: Some(pb::bucket::IamConfig {
            public_access_prevention: "enforced".to_owned(),
            uniform_bucket_level_access: Some(pb::bucket::iam_config::UniformBucketLevelAccess {
                enabled: true,
                lock_time: None,
            }),
        }),
        ..Default::default()
    };
    let method = format!("{STORAGE}/UpdateBucket");
    let only = update("grpc-bucket", locked.clone(), &["iam_config.public_access_prevention"]);
    let updated: pb::Bucket = call(&deployer, &method, &only).await.unwrap();
    let config = updated.iam_config.unwrap();
    assert_eq!(config.public_access_prevention, "enforced");
    assert!(!config.uniform_bucket_level_access.unwrap().enabled, "the mask did not name it");
    let both = update("grpc-bucket", locked, &["iam_config"]);
    call::<pb::Bucket>(&deployer, &method, &both).await.unwrap();
    let seen = deployer.get("/storage/v1/b/grpc-bucket").await.ok();
    assert_eq!(seen["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"], true);

    let relabel =
        pb::Bucket { labels: [("a".to_owned(), "b".to_owned())].into(), ..Default::default() };
    let one = update("grpc-bucket", relabel.clone(), &["labels.a"]);
    let updated: pb::Bucket = call(&deployer, &method, &one).await.unwrap();
    assert_eq!(updated.labels.len(), 2);
    let whole = update("grpc-bucket", relabel, &["labels"]);
    let updated: pb::Bucket = call(&deployer, &method, &whole).await.unwrap();
    assert_eq!(updated.labels.len(), 1);
    let odd = update("grpc-bucket", pb::Bucket::default(), &["nonsense"]);
    assert_eq!(call::<pb::Bucket>(&deployer, &method, &odd).await.unwrap_err().0, "3");

    let list = pb::ListBucketsRequest {
        parent: "projects/acme-lab".to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let method = format!("{STORAGE}/ListBuckets");
    let page: pb::ListBucketsResponse = call(&deployer, &method, &list).await.unwrap();
    assert_eq!(page.buckets[0].bucket_id, "acme-lab-audit-logs");
    let list = pb::ListBucketsRequest { page_token: page.next_page_token, ..list };
    let page: pb::ListBucketsResponse = call(&deployer, &method, &list).await.unwrap();
    assert_eq!(
        (page.buckets[0].bucket_id.as_str(), page.next_page_token.as_str()),
        ("grpc-bucket", "")
    );
}

#[tokio::test]
async fn policies_stand_where_googles_clients_look() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    call::<pb::Bucket>(&deployer, &format!("{STORAGE}/CreateBucket"), &create("grpc-iam"))
        .await
        .unwrap();
    let resource = "projects/_/buckets/grpc-iam".to_owned();
    let get = iam::GetIamPolicyRequest { resource: resource.clone(), options: None };
    let mut policy: iam::Policy =
        call(&deployer, &format!("{CONTROL}/GetIamPolicy"), &get).await.unwrap();
    assert_eq!((policy.etag.as_slice(), policy.bindings.len()), (&[8, 1][..], 2));
    policy.bindings.push(iam::Binding {
        role: "roles/storage.objectViewer".to_owned(),
        members: vec!["allUsers".to_owned()],
        condition: None,
    });
    let set = iam::SetIamPolicyRequest { resource, policy: Some(policy), update_mask: None };
    let method = format!("{CONTROL}/SetIamPolicy");
    let after: iam::Policy = call(&deployer, &method, &set).await.unwrap();
    assert_eq!(after.etag, [8, 2]);
    assert_eq!(deployer.policy("grpc-iam").await["etag"], "CAI=");
    let (status, words) = call::<iam::Policy>(&deployer, &method, &set).await.unwrap_err();
    assert_eq!(status, "9", "{words}");
}

#[tokio::test]
async fn refusals_have_their_codes() {
    let lab = Lab::start().await;
    let get = |name: &str| pb::GetBucketRequest { name: name.to_owned(), ..Default::default() };
    let method = format!("{STORAGE}/GetBucket");
    let deployer = lab.caller("deployer").await;
    let missing = get("projects/_/buckets/no-such-bucket");
    assert_eq!(call::<pb::Bucket>(&deployer, &method, &missing).await.unwrap_err().0, "5");
    assert_eq!(call::<pb::Bucket>(&deployer, &method, &get("b")).await.unwrap_err().0, "3");
    let log = get("projects/_/buckets/acme-lab-audit-logs");
    let pipeline = lab.caller("remediator").await;
    let delete = pb::DeleteBucketRequest {
        name: log.name.clone(),
        if_metageneration_match: Some(9),
        ..Default::default()
    };
    let stale = call::<()>(&pipeline, &format!("{STORAGE}/DeleteBucket"), &delete).await;
    assert_eq!(stale.unwrap_err().0, "9");
    let (status, words) = call::<pb::Bucket>(&lab.nobody(), &method, &log).await.unwrap_err();
    assert!(status == "16" && words.contains("storage.buckets.get"), "{status} {words}");
    let reader = lab.caller("drift-reader").await;
    let (status, words) =
        call::<()>(&reader, &format!("{STORAGE}/DeleteBucket"), &delete).await.unwrap_err();
    assert!(status == "7" && words.contains("storage.buckets.delete"), "{status} {words}");
    let forged = Caller { lab: &lab, token: Some("ya29.forged".to_owned()) };
    assert_eq!(call::<pb::Bucket>(&forged, &method, &log).await.unwrap_err().0, "16");
    let unknown = call::<()>(&deployer, &format!("{STORAGE}/BidiReadObject"), &log).await;
    assert_eq!(unknown.unwrap_err().0, "12");
}
