//! Buckets and objects over the JSON API.

use crate::client::Lab;
use http::Method;
use serde_json::{Value, json};

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().into_iter().flatten().filter_map(|i| i["name"].as_str()).collect()
}

#[tokio::test]
async fn a_new_bucket_has_googles_defaults() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let made =
        deployer.make_bucket(json!({"name": "fresh-bucket", "location": "europe-west1"})).await;
    for (path, expected) in [
        ("/kind", json!("storage#bucket")),
        ("/location", json!("EUROPE-WEST1")),
        ("/locationType", json!("region")),
        ("/storageClass", json!("STANDARD")),
        ("/projectNumber", json!("418300000123")),
        ("/iamConfiguration/publicAccessPrevention", json!("inherited")),
        ("/iamConfiguration/uniformBucketLevelAccess/enabled", json!(false)),
        ("/iamConfiguration/bucketPolicyOnly/enabled", json!(false)),
        ("/softDeletePolicy/retentionDurationSeconds", json!("604800")),
    ] {
        assert_eq!(made.pointer(path), Some(&expected), "{path}");
    }
    let policy = deployer.policy("fresh-bucket").await;
    assert_eq!(
        policy["bindings"],
        json!([
            {"role": "roles/storage.legacyBucketOwner",
             "members": ["projectEditor:acme-lab", "projectOwner:acme-lab"]},
            {"role": "roles/storage.legacyBucketReader", "members": ["projectViewer:acme-lab"]},
        ])
    );
    let again = deployer
        .json(Method::POST, "/storage/v1/b?project=acme-lab", json!({"name": "fresh-bucket"}))
        .await;
    assert_eq!((again.status, again.refusal().1.as_str()), (409, "conflict"));
    let elsewhere = deployer
        .json(Method::POST, "/storage/v1/b?project=other", json!({"name": "x-bucket"}))
        .await;
    assert_eq!(elsewhere.status, 404);
    let listed = deployer.get("/storage/v1/b?project=acme-lab&maxResults=1").await.ok();
    assert_eq!(names(&listed), ["acme-lab-audit-logs"]);
    let token = listed["nextPageToken"].as_str().unwrap();
    let next =
        deployer.get(&format!("/storage/v1/b?project=acme-lab&pageToken={token}")).await.ok();
    assert_eq!(names(&next), ["fresh-bucket"]);
    assert_eq!(deployer.get("/storage/v1/b/fresh-bucket/anywhereCaches/").await.status, 200);
}

#[tokio::test]
async fn a_bucket_that_holds_something_stays() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "full-bucket", "location": "us"})).await;
    deployer.put_object("full-bucket", "a", "x").await;
    let path = "/storage/v1/b/full-bucket";
    let refused = deployer.ask(Method::DELETE, path, &[], "").await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (409, "conflict"));
    deployer.ask(Method::DELETE, "/storage/v1/b/full-bucket/o/a", &[], "").await.ok();
    assert_eq!(deployer.ask(Method::DELETE, path, &[], "").await.status, 204);
    assert_eq!(deployer.get(path).await.status, 404);
}

#[tokio::test]
async fn uploads_in_every_way_and_ranges() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "uploads", "location": "us"})).await;
    let multipart = "--b\r\ncontent-type: application/json\r\n\r\n\
                     {\"name\":\"dir/k 1.txt\",\"metadata\":{\"a\":\"b\"},\"crc32c\":\"yZRlqg==\"}\r\n\
                     --b\r\ncontent-type: text/plain\r\n\r\nhello world\r\n--b--";
    let path = "/upload/storage/v1/b/uploads/o?uploadType=multipart";
    let headers = [("content-type", "multipart/related; boundary=b")];
    let made = deployer.ask(Method::POST, path, &headers, multipart).await.ok();
    assert_eq!((&made["name"], &made["size"]), (&json!("dir/k 1.txt"), &json!("11")));
    assert_eq!(made["contentType"], "text/plain");
    let wrong = multipart.replace("yZRlqg==", "AAAAAA==");
    assert_eq!(deployer.ask(Method::POST, path, &headers, wrong).await.status, 400);

    let object = "/storage/v1/b/uploads/o/dir%2Fk%201.txt";
    let media = format!("{object}?alt=media");
    let whole = deployer.get(&media).await;
    assert_eq!((whole.status, whole.text().as_str()), (200, "hello world"));
    assert!(whole.headers["x-goog-hash"].to_str().unwrap().contains("crc32c=yZRlqg=="));
    let part = deployer.ask(Method::GET, &media, &[("range", "bytes=6-8")], "").await;
    assert_eq!((part.status, part.text().as_str()), (206, "wor"));
    assert_eq!(part.headers["content-range"], "bytes 6-8/11");
    let past = deployer.ask(Method::GET, &media, &[("range", "bytes=99-")], "").await;
    assert_eq!(past.status, 416);
    let download = "/download/storage/v1/b/uploads/o/dir%2Fk%201.txt?alt=media";
    assert_eq!(deployer.get(download).await.text(), "hello world");

    // Resumable: begun, half sent, asked how far, finished.
    let begin = "/resumable/upload/storage/v1/b/uploads/o?uploadType=resumable&name=big";
    let begun = deployer.ask(Method::POST, begin, &[], "{}").await;
    let place = begun.headers["location"].to_str().unwrap().to_owned();
    let session = place.split_once(&lab.address()).unwrap().1.to_owned();
    let put = async |range: &str, bytes: &'static str| {
        deployer.ask(Method::PUT, &session, &[("content-range", range)], bytes).await
    };
    let half = put("bytes 0-4/10", "01234").await;
    assert_eq!((half.status, &half.headers["range"]), (308, &"bytes=0-4".parse().unwrap()));
    assert_eq!(put("bytes */10", "").await.headers["range"], "bytes=0-4");
    assert_eq!(put("bytes 8-9/10", "89").await.status, 400);
    // A chunk that overlaps what is there already.
    let done = put("bytes 3-9/10", "3456789").await.ok();
    assert_eq!((&done["name"], &done["size"]), (&json!("big"), &json!("10")));
    assert_eq!(deployer.get("/storage/v1/b/uploads/o/big?alt=media").await.text(), "0123456789");
    assert_eq!(put("bytes */10", "").await.status, 404);

    let once = "/upload/storage/v1/b/uploads/o?uploadType=media&name=big&ifGenerationMatch=0";
    assert_eq!(deployer.ask(Method::POST, once, &[], "x").await.status, 412);
    let strange = "/upload/storage/v1/b/uploads/o?uploadType=magic&name=x";
    assert_eq!(deployer.ask(Method::POST, strange, &[], "x").await.status, 400);
}

#[tokio::test]
async fn listings_fold_and_page() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "listed", "location": "us"})).await;
    for name in ["a", "dir/1", "dir/2", "dir/sub/3", "z"] {
        deployer.put_object("listed", &name.replace('/', "%2F"), "x").await;
    }
    let folded = deployer.get("/storage/v1/b/listed/o?delimiter=/").await.ok();
    assert_eq!((names(&folded), &folded["prefixes"]), (vec!["a", "z"], &json!(["dir/"])));
    let below = deployer.get("/storage/v1/b/listed/o?prefix=dir/&delimiter=/").await.ok();
    assert_eq!((names(&below), &below["prefixes"]), (vec!["dir/1", "dir/2"], &json!(["dir/sub/"])));
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/storage/v1/b/listed/o?delimiter=/&maxResults=1&pageToken={token}");
        let page = deployer.get(&path).await.ok();
        all.extend(names(&page).into_iter().map(str::to_owned));
        all.extend(
            page["prefixes"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|p| p.as_str().unwrap().to_owned()),
        );
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(all, ["a", "dir/", "z"]);
    assert_eq!(deployer.get("/storage/v1/b/listed/o?pageToken=%00").await.status, 400);
    assert_eq!(deployer.get("/storage/v1/b/listed/o?softDeleted=true").await.status, 501);
}

#[tokio::test]
async fn versions_holds_and_retention() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    let body = json!({"name": "versioned", "location": "us", "versioning": {"enabled": true}});
    deployer.make_bucket(body).await;
    let first = deployer.put_object("versioned", "a", "one").await;
    deployer.put_object("versioned", "a", "two").await;
    let all = deployer.get("/storage/v1/b/versioned/o?versions=true").await.ok();
    assert_eq!(names(&all), ["a", "a"]);
    let generation = first["generation"].as_str().unwrap();
    let old = format!("/storage/v1/b/versioned/o/a?alt=media&generation={generation}");
    assert_eq!(deployer.get(&old).await.text(), "one");
    let path = format!("/storage/v1/b/versioned/o/a?generation={generation}");
    assert_eq!(deployer.ask(Method::DELETE, &path, &[], "").await.status, 204);
    assert_eq!(deployer.get(&old).await.status, 404);

    let hold = json!({"temporaryHold": true});
    deployer.json(Method::PATCH, "/storage/v1/b/versioned/o/a", hold).await.ok();
    let live = "/storage/v1/b/versioned/o/a";
    let held = deployer.ask(Method::DELETE, live, &[], "").await.refusal();
    assert!(held.0 == 403 && held.2.contains("active hold"), "{held:?}");
    deployer.json(Method::PATCH, live, json!({"temporaryHold": false})).await.ok();
    let retain = json!({"retentionPolicy": {"retentionPeriod": "3600"}});
    let patched = deployer.patch("versioned", retain).await.ok();
    assert_eq!(patched["retentionPolicy"]["isLocked"], false);
    assert_eq!(deployer.ask(Method::DELETE, live, &[], "").await.status, 403);
    let lock = "/storage/v1/b/versioned/lockRetentionPolicy";
    assert_eq!(deployer.ask(Method::POST, lock, &[], "").await.status, 400);
    let lock =
        format!("{lock}?ifMetagenerationMatch={}", patched["metageneration"].as_str().unwrap());
    let locked = deployer.ask(Method::POST, &lock, &[], "").await.ok();
    assert_eq!(locked["retentionPolicy"]["isLocked"], true);
    assert_eq!(deployer.patch("versioned", json!({"retentionPolicy": null})).await.status, 403);
}

#[tokio::test]
async fn what_is_not_served_is_refused_once() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    for (method, path) in [
        (Method::POST, "/batch/storage/v1"),
        (Method::GET, "/storage/v1/b/x/notificationConfigs"),
        (Method::POST, "/storage/v1/b/x/o/a/rewriteTo/b/x/o/b"),
        (Method::GET, "/v1/projects/acme-lab/serviceAccounts"),
    ] {
        let reply = deployer.json(method, path, json!({})).await;
        assert_eq!(reply.status, 501, "{path}: {}", reply.text());
        assert_eq!(reply.json()["error"]["code"], 501);
    }
    let host = [("host", "compute.googleapis.com")];
    let reply = deployer
        .ask(Method::GET, "/compute/v1/projects/acme-lab/global/firewalls", &host, "")
        .await;
    assert_eq!(reply.json()["error"]["status"], "UNIMPLEMENTED");
}
