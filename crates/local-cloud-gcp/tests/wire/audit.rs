//! Every call leaves its record, asked through `entries:list` and exported as files.

use crate::client::{Lab, key_file, start_on};
use http::Method;
use local_cloud::control::Ask;
use model::Timestamp;
use serde_json::{Value, json};

const SET: &str = "protoPayload.methodName=\"storage.setIamPermissions\"";

#[tokio::test]
async fn a_grant_names_who_what_and_from_where() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "told-bucket", "location": "us-central1"})).await;
    let wei = lab.caller("li.wei@example.com").await;
    wei.grant("told-bucket", "roles/storage.objectViewer", "allUsers").await.ok();

    let entries = deployer.log(SET).await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!(entry["severity"], "NOTICE");
    assert_eq!(entry["logName"], "projects/acme-lab/logs/cloudaudit.googleapis.com%2Factivity");
    let labels =
        json!({"bucket_name": "told-bucket", "location": "us-central1", "project_id": "acme-lab"});
    assert_eq!(entry["resource"], json!({"type": "gcs_bucket", "labels": labels}));
    let payload = &entry["protoPayload"];
    assert_eq!(payload["resourceName"], "projects/_/buckets/told-bucket");
    assert_eq!(payload["status"], json!({}));
    assert_eq!(
        payload["authenticationInfo"],
        json!({"principalEmail": "li.wei@example.com", "principalSubject": "user:li.wei@example.com"})
    );
    assert_eq!(payload["requestMetadata"]["callerIp"], "203.0.113.58");
    assert_eq!(payload["requestMetadata"]["callerSuppliedUserAgent"], "test/1");
    assert_eq!(payload["authorizationInfo"][0]["permission"], "storage.buckets.setIamPolicy");
    assert_eq!(payload["authorizationInfo"][0]["granted"], true);
    assert_eq!(
        payload["serviceData"]["policyDelta"]["bindingDeltas"],
        json!([{"action": "ADD", "role": "roles/storage.objectViewer", "member": "allUsers"}])
    );

    let created = deployer.log("protoPayload.methodName=\"storage.buckets.create\"").await;
    let key = key_file(&lab.environment("deployer").await);
    let signed = created[0]["protoPayload"]["authenticationInfo"]["serviceAccountKeyName"].clone();
    assert_eq!(
        signed,
        format!(
            "//iam.googleapis.com/projects/acme-lab/serviceAccounts/{}/keys/{}",
            key["client_email"].as_str().unwrap(),
            key["private_key_id"].as_str().unwrap()
        )
    );
    // A key that somebody else came to hold calls from there.
    let key_id = key["private_key_id"].as_str().unwrap().to_owned();
    let place = Ask::Place { credential: key_id, origin: "198.51.100.23".to_owned() };
    lab.running.ask(place).await.unwrap();
    deployer.revoke("told-bucket", "roles/storage.objectViewer").await.ok();
    let last = deployer.log(SET).await.pop().unwrap();
    assert_eq!(last["protoPayload"]["requestMetadata"]["callerIp"], "198.51.100.23");
    let delta = &last["protoPayload"]["serviceData"]["policyDelta"]["bindingDeltas"][0];
    assert_eq!((&delta["action"], &delta["member"]), (&json!("REMOVE"), &json!("allUsers")));
}

#[tokio::test]
async fn an_update_is_told_and_not_what_it_wrote() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "quiet-bucket", "location": "us-central1"})).await;
    deployer.patch("quiet-bucket", json!({"versioning": {"enabled": true}})).await.ok();
    let entries = deployer.log("protoPayload.methodName=\"storage.buckets.update\"").await;
    assert_eq!(entries.len(), 1);
    for field in ["request", "response", "serviceData", "metadata"] {
        assert_eq!(entries[0]["protoPayload"].get(field), None, "{field}");
    }
    deployer.ask(Method::DELETE, "/storage/v1/b/quiet-bucket", &[], "").await.ok();
    assert_eq!(deployer.log("protoPayload.methodName=\"storage.buckets.delete\"").await.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_told_too() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "kept-bucket", "location": "us-central1"})).await;
    let reader = lab.caller("drift-reader").await;
    assert_eq!(reader.ask(Method::DELETE, "/storage/v1/b/kept-bucket", &[], "").await.status, 403);
    let entries = deployer.log("severity=ERROR").await;
    let payload = &entries[0]["protoPayload"];
    assert_eq!(
        (&payload["methodName"], &payload["status"]["code"]),
        (&json!("storage.buckets.delete"), &json!(7))
    );
    let info = &payload["authorizationInfo"][0];
    assert_eq!(
        (&info["permission"], info.get("granted")),
        (&json!("storage.buckets.delete"), None)
    );
}

#[tokio::test]
async fn data_access_is_off_until_the_project_asks_for_it() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "data-bucket", "location": "us-central1"})).await;
    deployer.put_object("data-bucket", "a", "x").await;
    let data = "logName:\"data_access\"";
    let read = "/storage/v1/b/data-bucket/o/a?alt=media";
    deployer.get(read).await;
    assert_eq!(deployer.log(data).await, Vec::<Value>::new());

    let get = "/v1/projects/acme-lab:getIamPolicy";
    let mut policy = deployer.json(Method::POST, get, json!({})).await.ok();
    policy["auditConfigs"] = json!([{"service": "storage.googleapis.com",
        "auditLogConfigs": [{"logType": "DATA_READ"}]}]);
    let set = "/v1/projects/acme-lab:setIamPolicy";
    deployer.json(Method::POST, set, json!({"policy": policy})).await.ok();
    deployer.get(read).await;
    let entries = deployer.log(data).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["protoPayload"]["methodName"], "storage.objects.get");
    assert_eq!(
        entries[0]["protoPayload"]["resourceName"],
        "projects/_/buckets/data-bucket/objects/a"
    );
    // Who reads the log without the private part does not see it.
    assert_eq!(lab.caller("li.wei@example.com").await.log(data).await.len(), 0);
    assert_eq!(lab.caller("log-reader").await.log(data).await.len(), 1);
}

#[tokio::test]
async fn the_log_pages_and_refuses() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    for n in 0..5 {
        deployer.make_bucket(json!({"name": format!("bucket-{n}"), "location": "us"})).await;
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let body = json!({"resourceNames": ["projects/acme-lab"], "pageSize": 2, "pageToken": token,
            "orderBy": "timestamp desc", "filter": "protoPayload.methodName=\"storage.buckets.create\""});
        let page = deployer.json(Method::POST, "/v2/entries:list", body).await.ok();
        let entries = page["entries"].as_array().cloned().unwrap_or_default();
        assert!(entries.len() <= 2);
        seen.extend(entries.iter().map(|e| e["protoPayload"]["resourceName"].clone()));
        // What is written meanwhile does not shift the pages.
        deployer
            .make_bucket(json!({"name": format!("later-{}", seen.len()), "location": "us"}))
            .await;
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<Value> =
        (0..5).rev().map(|n| json!(format!("projects/_/buckets/bucket-{n}"))).collect();
    assert_eq!(seen, expected);

    let ask =
        async |body: Value| deployer.json(Method::POST, "/v2/entries:list", body).await.status;
    let names = json!(["projects/acme-lab"]);
    assert_eq!(ask(json!({"resourceNames": names, "filter": "a ="})).await, 400);
    assert_eq!(ask(json!({"resourceNames": []})).await, 400);
    assert_eq!(ask(json!({"resourceNames": ["projects/other"]})).await, 403);
    assert_eq!(ask(json!({"resourceNames": names, "pageToken": "%%"})).await, 400);
    let pipeline = lab.caller("pipeline").await;
    let refused = pipeline
        .json(Method::POST, "/v2/entries:list", json!({"resourceNames": ["projects/acme-lab"]}))
        .await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["status"]),
        (403, &json!("PERMISSION_DENIED"))
    );
}

async fn files(lab: &Lab) -> Vec<(String, Vec<Value>)> {
    let reader = lab.caller("log-reader").await;
    let path = "/storage/v1/b/acme-lab-audit-logs/o?prefix=cloudaudit.googleapis.com/activity/";
    let list = reader.get(path).await.ok();
    let mut files = Vec::new();
    for item in list["items"].as_array().into_iter().flatten() {
        let name = item["name"].as_str().unwrap();
        let path =
            format!("/storage/v1/b/acme-lab-audit-logs/o/{}?alt=media", name.replace('/', "%2F"));
        let text = reader.get(&path).await.text();
        files.push((
            name.to_owned(),
            text.lines().map(|l| serde_json::from_str(l).unwrap()).collect(),
        ));
    }
    files
}

#[tokio::test]
async fn files_appear_when_listed_and_hold_every_record_once() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let at = |text: &str| Ask::Clock { moment: Timestamp::parse(text) };
    lab.running.ask(at("2026-01-02T14:10:00Z")).await.unwrap();
    deployer.make_bucket(json!({"name": "bucket-1", "location": "us"})).await;
    lab.running.ask(at("2026-01-02T15:00:00Z")).await.unwrap();
    deployer.make_bucket(json!({"name": "bucket-2", "location": "us"})).await;
    let folder = "cloudaudit.googleapis.com/activity/2026/01/02";
    let names: Vec<String> = files(&lab).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            format!("{folder}/14:00:00_14:59:59_S0.json"),
            format!("{folder}/15:00:00_15:59:59_S0.json")
        ]
    );
    // Later in the same hour: a further shard, no file changes.
    deployer.make_bucket(json!({"name": "bucket-3", "location": "us"})).await;
    let files = files(&lab).await;
    assert_eq!(files[2].0, format!("{folder}/15:00:00_15:59:59_S1.json"));
    let mut exported: Vec<Value> = files.into_iter().flat_map(|(_, lines)| lines).collect();
    exported.sort_by_key(|e| e["timestamp"].as_str().unwrap().to_owned());
    assert_eq!(exported, deployer.log("").await);
}

#[tokio::test]
async fn a_crash_loses_no_record() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "before-crash", "location": "us"})).await;
    let records = deployer.log("").await;
    // Dropped without stopping: what kill -9 does to the process.
    let Lab { running, dir } = lab;
    drop(running);
    let running = restarted(dir.path()).await;
    let lab = Lab { running, dir };
    let exported: Vec<Value> = files(&lab).await.into_iter().flat_map(|(_, lines)| lines).collect();
    assert_eq!(exported, records);
    assert_eq!(lab.caller("deployer").await.log("").await, records);
}

/// The listener of the first one goes with its runtime task; the folder's lock with it.
async fn restarted(folder: &std::path::Path) -> local_cloud::Running {
    let copy = folder.join("copy");
    std::fs::create_dir_all(copy.join("blobs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|e| e.path().is_file()) {
        if entry.file_name() != "lock" {
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    for entry in std::fs::read_dir(folder.join("blobs")).unwrap().flatten() {
        std::fs::copy(entry.path(), copy.join("blobs").join(entry.file_name())).unwrap();
    }
    start_on(&copy).await
}

#[tokio::test]
async fn the_same_script_leaves_the_same_records() {
    let script = async || {
        let lab = Lab::start().await;
        let start = Timestamp::parse("2026-01-02T14:10:00Z");
        lab.running.ask(Ask::Clock { moment: start }).await.unwrap();
        let deployer = lab.caller("deployer").await;
        deployer.make_bucket(json!({"name": "same-bucket", "location": "us-central1"})).await;
        let wei = lab.caller("li.wei@example.com").await;
        wei.grant("same-bucket", "roles/storage.objectViewer", "allUsers").await.ok();
        deployer.log("").await
    };
    let (first, second) = (script().await, script().await);
    assert_eq!(first.len(), 2);
    assert_eq!(first, second);
}
