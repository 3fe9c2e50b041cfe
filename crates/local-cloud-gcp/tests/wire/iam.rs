//! Policies, their etags, and that a call is refused once its binding is gone.

use crate::client::Lab;
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn removing_a_binding_refuses_the_next_call() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let reader = lab.caller("log-reader").await;
    deployer.make_bucket(json!({"name": "shared-data", "location": "us-central1"})).await;
    deployer.put_object("shared-data", "a", "x").await;
    let path = "/storage/v1/b/shared-data/o/a?alt=media";
    let member = "serviceAccount:log-reader@acme-lab.iam.gserviceaccount.com";
    let role = "roles/storage.objectViewer";
    assert_eq!(reader.get(path).await.status, 403);
    deployer.grant("shared-data", role, member).await.ok();
    assert_eq!(reader.get(path).await.status, 200);
    let asked = "/storage/v1/b/shared-data/iam/testPermissions\
                 ?permissions=storage.objects.get&permissions=storage.buckets.delete";
    assert_eq!(reader.get(asked).await.json()["permissions"], json!(["storage.objects.get"]));
    deployer.revoke("shared-data", role).await.ok();
    assert_eq!(reader.get(path).await.status, 403);
}

#[tokio::test]
async fn project_bindings_count_everywhere_until_they_are_gone() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let reader = lab.caller("drift-reader").await;
    deployer.make_bucket(json!({"name": "any-bucket", "location": "us-central1"})).await;
    assert_eq!(reader.get("/storage/v1/b/any-bucket").await.status, 200);
    let get = "/v1/projects/acme-lab:getIamPolicy";
    let mut policy = deployer.json(Method::POST, get, json!({})).await.ok();
    let stale = policy.clone();
    policy["bindings"]
        .as_array_mut()
        .unwrap()
        .retain(|b| b["role"] != "projects/acme-lab/roles/labDriftReader");
    let set = "/v1/projects/acme-lab:setIamPolicy";
    deployer.json(Method::POST, set, json!({"policy": policy})).await.ok();
    let refused = reader.get("/storage/v1/b/any-bucket").await.refusal();
    assert!(refused.0 == 403 && refused.2.contains("storage.buckets.get"), "{refused:?}");
    let conflict = deployer.json(Method::POST, set, json!({"policy": stale})).await;
    assert_eq!((conflict.status, &conflict.json()["error"]["status"]), (409, &json!("ABORTED")));
    let denied = reader.json(Method::POST, set, json!({"policy": {}})).await;
    assert_eq!(
        denied.json()["error"]["details"][0]["metadata"]["permission"],
        "resourcemanager.projects.setIamPolicy"
    );
}

#[tokio::test]
async fn etags_guard_policies_and_metagenerations_buckets() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let made =
        deployer.make_bucket(json!({"name": "etag-bucket", "location": "us-central1"})).await;
    assert_eq!((&made["etag"], &made["metageneration"]), (&json!("CAE="), &json!("1")));
    let policy = deployer.policy("etag-bucket").await;
    assert_eq!(policy["etag"], "CAE=");
    assert_eq!(deployer.policy("etag-bucket").await, policy, "reading changes nothing");
    let member = "user:a@example.com";
    deployer.grant("etag-bucket", "roles/storage.objectViewer", member).await.ok();
    let conflict = deployer.set_policy("etag-bucket", policy).await.refusal();
    assert_eq!(
        conflict,
        (
            412,
            "conditionNotMet".to_owned(),
            "At least one of the pre-conditions you specified did not hold.".to_owned()
        )
    );
    // No etag: it overwrites.
    deployer.set_policy("etag-bucket", json!({"bindings": []})).await.ok();
    assert_eq!(deployer.policy("etag-bucket").await["bindings"], json!([]));

    let path = "/storage/v1/b/etag-bucket?ifMetagenerationMatch=1";
    let stale = deployer.json(Method::PATCH, path, json!({"storageClass": "NEARLINE"})).await;
    assert_eq!(stale.status, 412);
    let path = "/storage/v1/b/etag-bucket?ifMetagenerationMatch=3";
    let fresh = deployer.json(Method::PATCH, path, json!({"storageClass": "NEARLINE"})).await.ok();
    assert_eq!(
        (&fresh["metageneration"], &fresh["storageClass"]),
        (&json!("4"), &json!("NEARLINE"))
    );
}

#[tokio::test]
async fn bad_policies_are_refused() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "picky-bucket", "location": "us-central1"})).await;
    let with = |role: &str, member: &str, condition: Value| {
        let mut binding = json!({"role": role, "members": [member]});
        if !condition.is_null() {
            binding["condition"] = condition;
        }
        json!({"version": 3, "bindings": [binding]})
    };
    let viewer = "roles/storage.objectViewer";
    let soon =
        json!({"title": "t", "expression": "request.time < timestamp(\"2099-01-01T00:00:00Z\")"});
    for (policy, status) in [
        (with("roles/nonsense", "allUsers", Value::Null), 400),
        (with("roles/owner", "user:a@example.com", Value::Null), 400),
        (with(viewer, "somebody", Value::Null), 400),
        (with(viewer, "allUsers", soon.clone()), 400),
        // Conditions need uniform access, and an expression that is understood here.
        (with(viewer, "user:a@example.com", soon.clone()), 412),
        (with(viewer, "user:a@example.com", json!({"title": "t", "expression": "a.b(c)"})), 501),
        (json!({"bindings": "x"}), 400),
        (json!([1]), 400),
    ] {
        let reply = deployer.set_policy("picky-bucket", policy.clone()).await;
        assert_eq!(reply.status, status, "{policy}: {}", reply.text());
    }
    let uniform = json!({"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": true}}});
    deployer.patch("picky-bucket", uniform).await.ok();
    let reader = "serviceAccount:log-reader@acme-lab.iam.gserviceaccount.com";
    deployer.put_object("picky-bucket", "a", "x").await;
    deployer.set_policy("picky-bucket", with(viewer, reader, soon)).await.ok();
    let path = "/storage/v1/b/picky-bucket/o/a";
    let log_reader = lab.caller("log-reader").await;
    assert_eq!(log_reader.get(path).await.status, 200);
    let past =
        json!({"title": "t", "expression": "request.time < timestamp(\"2020-01-01T00:00:00Z\")"});
    deployer.set_policy("picky-bucket", with(viewer, reader, past)).await.ok();
    assert_eq!(log_reader.get(path).await.status, 403);
}
