//! An anonymous read succeeds exactly when the rules would let it, over JSON and over XML.

use crate::client::{Caller, Lab};
use http::Method;
use serde_json::json;

/// What nobody gets: the JSON media, the XML object, the JSON list.
async fn tries(lab: &Lab, bucket: &str) -> (u16, u16, u16) {
    let nobody = lab.nobody();
    let json = nobody.get(&format!("/storage/v1/b/{bucket}/o/a?alt=media")).await.status;
    let host = [("host", "storage.googleapis.com")];
    let xml = nobody.ask(Method::GET, &format!("/{bucket}/a"), &host, "").await.status;
    let list = nobody.get(&format!("/storage/v1/b/{bucket}/o")).await.status;
    (json, xml, list)
}

async fn open_acl(caller: &Caller<'_>, bucket: &str) -> u16 {
    let body = json!({"acl": [{"entity": "allUsers", "role": "READER"}]});
    caller
        .json(Method::PATCH, &format!("/storage/v1/b/{bucket}/o/a?projection=full"), body)
        .await
        .status
}

const CLOSED: (u16, u16, u16) = (401, 403, 401);

#[tokio::test]
async fn each_row_of_the_table() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let make = async |name: &'static str| {
        deployer.make_bucket(json!({"name": name, "location": "us-central1"})).await;
        deployer.put_object(name, "a", "x").await;
        name
    };
    let viewer = "roles/storage.objectViewer";

    let nothing = make("row-nothing").await;
    assert_eq!(tries(&lab, nothing).await, CLOSED);

    let iam = make("row-iam").await;
    deployer.grant(iam, viewer, "allUsers").await.ok();
    assert_eq!(tries(&lab, iam).await, (200, 200, 200));
    // Enforced later: what is stored stays, and has no effect.
    let enforce = json!({"iamConfiguration": {"publicAccessPrevention": "enforced"}});
    deployer.patch(iam, enforce).await.ok();
    assert_eq!(tries(&lab, iam).await, CLOSED);
    let inherit = json!({"iamConfiguration": {"publicAccessPrevention": "inherited"}});
    deployer.patch(iam, inherit).await.ok();
    assert_eq!(tries(&lab, iam).await, (200, 200, 200));

    let legacy = make("row-legacy").await;
    deployer.grant(legacy, "roles/storage.legacyObjectReader", "allUsers").await.ok();
    assert_eq!(tries(&lab, legacy).await, (200, 200, 401));

    let acl = make("row-acl").await;
    assert_eq!(open_acl(&deployer, acl).await, 200);
    assert_eq!(tries(&lab, acl).await, (200, 200, 401));
    let uniform = json!({"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": true}}});
    deployer.patch(acl, uniform).await.ok();
    assert_eq!(tries(&lab, acl).await, CLOSED);

    let accounts = make("row-accounts").await;
    deployer.grant(accounts, viewer, "allAuthenticatedUsers").await.ok();
    assert_eq!(tries(&lab, accounts).await, CLOSED);
    let log_reader = lab.caller("log-reader").await;
    let path = format!("/storage/v1/b/{accounts}/o/a?alt=media");
    assert_eq!(log_reader.get(&path).await.status, 200);

    let listed = make("row-listed").await;
    let body = json!({"entity": "allUsers", "role": "READER"});
    deployer.json(Method::POST, &format!("/storage/v1/b/{listed}/acl"), body).await.ok();
    assert_eq!(tries(&lab, listed).await, (401, 403, 200));
}

#[tokio::test]
async fn refusals_in_the_services_own_words() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "private-bucket", "location": "us-central1"})).await;
    deployer.put_object("private-bucket", "a", "x").await;
    let missing = "/storage/v1/b/private-bucket/o/none";
    let words = |who: &str, permission: &str, what: &str| {
        format!(
            "{who} does not have {permission} access to the Google Cloud Storage {what}. \
             Permission '{permission}' denied on resource (or it may not exist)."
        )
    };
    let nobody = lab.nobody();
    // The refusal does not tell whether there is such an object.
    for path in ["/storage/v1/b/private-bucket/o/a?alt=media", missing] {
        let reply = nobody.get(path).await;
        assert!(reply.headers.contains_key("www-authenticate"));
        let expected = words("Anonymous caller", "storage.objects.get", "object");
        assert_eq!(reply.refusal(), (401, "required".to_owned(), expected));
        assert_eq!(reply.json()["error"]["errors"][0]["location"], "Authorization");
    }
    let host = [("host", "storage.googleapis.com")];
    let xml = nobody.ask(Method::GET, "/private-bucket/a", &host, "").await;
    assert_eq!(xml.status, 403);
    for part in
        ["<Code>AccessDenied</Code>", "<Details>Anonymous caller does not have storage.objects.get"]
    {
        assert!(xml.text().contains(part), "{}", xml.text());
    }
    let log_reader = lab.caller("log-reader").await;
    let email = "log-reader@acme-lab.iam.gserviceaccount.com";
    let reply = log_reader.get("/storage/v1/b/private-bucket").await;
    let expected = words(email, "storage.buckets.get", "bucket");
    assert_eq!(reply.refusal(), (403, "forbidden".to_owned(), expected));
    assert_eq!(log_reader.get(missing).await.status, 403);
    assert_eq!(deployer.get(missing).await.refusal().1, "notFound");
    assert_eq!(deployer.get("/storage/v1/b/no-such-bucket").await.refusal().0, 404);
}

#[tokio::test]
async fn enforced_prevention_takes_nobody_new_in() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let config = json!({"publicAccessPrevention": "enforced"});
    deployer
        .make_bucket(json!({"name": "guarded", "location": "eu", "iamConfiguration": config}))
        .await;
    deployer.put_object("guarded", "a", "x").await;
    let reply = deployer.grant("guarded", "roles/storage.objectViewer", "allUsers").await;
    let (status, reason, message) = reply.refusal();
    assert_eq!((status, reason.as_str()), (412, "conditionNotMet"));
    assert!(message.contains("since public access prevention is enforced"), "{message}");
    assert_eq!(reply.json()["error"]["errors"][0]["location"], "If-Match");
    assert_eq!(open_acl(&deployer, "guarded").await, 412);

    let uniform = json!({"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": true}}});
    let answer = deployer.patch("guarded", uniform).await.ok();
    assert_eq!(answer["iamConfiguration"]["bucketPolicyOnly"]["enabled"], true);
    assert_eq!(answer["iamConfiguration"]["publicAccessPrevention"], "enforced");
    assert_eq!(answer.get("acl"), None);
    let acl = deployer.get("/storage/v1/b/guarded/o/a/acl").await.refusal();
    assert_eq!((acl.0, acl.1.as_str()), (400, "invalid"));
    assert!(acl.2.contains("when uniform bucket-level access is enabled"), "{}", acl.2);
}
