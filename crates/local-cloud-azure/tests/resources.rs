//! Resources over the wire: Resource Manager's answers, anonymous reads, weather, restarts.

mod lab;

use lab::{ARM, ARM_SCOPE, Lab, REPORTS, REPORTS_HOST};
use local_cloud::faults::{Fault, FaultEffect};
use local_cloud::service::{PlainHttp, full};
use local_cloud_azure::story::SUBSCRIPTION;
use serde_json::{Value, json};

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn what_is_not_there_says_what_is_missing() {
    let lab = Lab::new();
    lab.reports().await;
    let other = "/resourceGroups/acme-data/providers/Microsoft.Storage/storageAccounts/other";
    let container = format!("{REPORTS}/blobServices/default/containers/none");
    for (path, expected) in [
        ("/resourceGroups/none", "ResourceGroupNotFound"),
        (other, "ResourceNotFound"),
        (container.as_str(), "ContainerNotFound"),
        ("/providers/Microsoft.Compute/virtualMachines", "InvalidResourceType"),
    ] {
        let answer = lab.arm("deployer", "GET", path, Value::Null).await;
        assert_eq!(answer.code(), code(404, expected), "{path}");
    }
    let bearer = format!("Bearer {}", lab.token("deployer", ARM_SCOPE).await);
    for (target, expected) in [
        (
            "/subscriptions/other/resourcegroups?api-version=2022-09-01",
            code(404, "SubscriptionNotFound"),
        ),
        ("/subscriptions?api-version=", code(400, "MissingApiVersionParameter")),
        ("/subscriptions?api-version=latest", code(400, "InvalidApiVersionParameter")),
    ] {
        let answer = lab.send("GET", ARM, target, &[("authorization", &bearer)], b"").await;
        assert_eq!(answer.code(), expected, "{target}");
    }
    let target = format!("/subscriptions/{SUBSCRIPTION}{REPORTS}?api-version=2023-05-01");
    let headers = [("authorization", bearer.as_str())];
    let answer = lab.send("PUT", ARM, &target, &headers, b"{not json").await;
    assert_eq!(answer.code(), code(400, "InvalidRequestContent"));
}

#[tokio::test]
async fn paths_match_without_case() {
    let lab = Lab::new();
    lab.reports().await;
    let shouted = REPORTS.to_uppercase().replace("ACMEREPORTS", "acmereports");
    let answer = lab.arm("deployer", "GET", &shouted, Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let canonical = format!("/subscriptions/{SUBSCRIPTION}{REPORTS}");
    assert_eq!(answer.json()["id"], canonical);
}

#[tokio::test]
async fn a_group_goes_with_everything_in_it() {
    let lab = Lab::new();
    lab.reports().await;
    let group = "/resourceGroups/acme-data";
    let resources = format!("{group}/resources");
    let listed = lab.arm("deployer", "GET", &resources, Value::Null).await.json();
    assert_eq!(listed["value"][0]["name"], "acmereports");
    assert_eq!(lab.arm("deployer", "DELETE", group, Value::Null).await.status, 200);
    assert_eq!(lab.arm("deployer", "GET", REPORTS, Value::Null).await.status, 404);

    // Made again under the same name it is empty: no account, no role, and no blob came back.
    lab.arm("deployer", "PUT", group, json!({"location": "westeurope"})).await;
    let listed = lab.arm("deployer", "GET", &resources, Value::Null).await.json();
    assert_eq!(listed["value"], json!([]));
    let refused = lab.arm("dana.ortiz@example.com", "GET", group, Value::Null).await;
    assert_eq!(refused.code(), code(403, "AuthorizationFailed"), "her role went with the group");
    lab.reports_again().await;
    let gone = lab.blob("deployer", "GET", "/reports/q1.csv", b"").await;
    assert_eq!(gone.code(), code(404, "ContainerNotFound"));
}

/// The firewall holds for whoever has a token or a key, not only for the nameless.
#[tokio::test]
async fn the_firewall_holds_for_every_credential() {
    let lab = Lab::new();
    lab.reports().await;
    let key = lab.key("deployer").await;
    let rules = |ip: &str| json!({"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": ip}]}}});
    // drift-reader calls from 192.0.2.20, a key from nowhere in particular (192.0.2.10).
    for (ip, by_token, by_key) in
        [("203.0.113.1", 403, 403), ("192.0.2.20", 200, 403), ("192.0.2.10", 403, 200)]
    {
        let changed = lab.arm("deployer", "PATCH", REPORTS, rules(ip)).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let read = lab.blob("drift-reader", "GET", "/reports/q1.csv", b"").await;
        assert_eq!(read.status, by_token, "token, {ip}");
        let set = lab.set_acl(&key, "blob").await;
        assert_eq!(set.status, by_key, "key, {ip}");
        for refused in [read, set].iter().filter(|a| a.status == 403) {
            assert_eq!(refused.code().1, "AuthorizationFailure");
        }
    }
}

/// The rows of [`local_cloud_azure::exposure`], seen from outside.
#[tokio::test]
async fn an_anonymous_read_succeeds_exactly_when_it_should() {
    let lab = Lab::new();
    lab.reports().await;
    let container = format!("{REPORTS}/blobServices/default/containers/reports");
    let level = |level: &str| json!({"properties": {"publicAccess": level}});
    let account = |properties: Value| json!({"properties": properties});
    let list = "/reports?restype=container&comp=list";
    assert_eq!(lab.anonymous("/reports/q1.csv").await.code(), code(404, "ResourceNotFound"));
    let modern = [("x-ms-version", "2026-10-06")];
    let asked = lab.send("GET", REPORTS_HOST, "/reports/q1.csv", &modern, b"").await;
    assert_eq!(asked.code(), code(401, "NoAuthenticationInformation"));
    assert!(asked.headers.contains_key("www-authenticate"));

    assert_eq!(lab.arm("deployer", "PATCH", &container, level("Blob")).await.status, 200);
    assert_eq!(lab.anonymous("/reports/q1.csv").await.body, b"a,b\n");
    assert_eq!(lab.anonymous("/reports/none").await.code(), code(404, "BlobNotFound"));
    assert_eq!(lab.anonymous(list).await.code(), code(404, "ResourceNotFound"));
    assert_eq!(lab.arm("deployer", "PATCH", &container, level("Container")).await.status, 200);
    assert_eq!(lab.anonymous(list).await.status, 200);
    let put =
        lab.send("PUT", REPORTS_HOST, "/reports/x", &[("x-ms-blob-type", "BlockBlob")], b"x").await;
    assert_eq!(put.status, 404, "nobody writes");

    for (change, expected) in [
        (json!({"networkAcls": {"defaultAction": "Deny"}}), code(403, "AuthorizationFailure")),
        (
            json!({"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "192.0.2.0/24"}]}}),
            code(200, ""),
        ),
        (json!({"publicNetworkAccess": "Disabled"}), code(403, "AuthorizationFailure")),
        (
            json!({"publicNetworkAccess": "Enabled", "networkAcls": {"defaultAction": "Allow"}}),
            code(200, ""),
        ),
        (json!({"allowBlobPublicAccess": false}), code(409, "PublicAccessNotPermitted")),
    ] {
        let changed = lab.arm("deployer", "PATCH", REPORTS, account(change.clone())).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(lab.anonymous("/reports/q1.csv").await.code(), expected, "{change}");
    }
    let refused = lab.arm("deployer", "PATCH", &container, level("Blob")).await;
    assert_eq!(refused.code(), code(409, "PublicAccessNotPermitted"));
    // The level stays stored, and comes back with the flag.
    let back = account(json!({"allowBlobPublicAccess": true}));
    lab.arm("deployer", "PATCH", REPORTS, back).await;
    assert_eq!(lab.anonymous("/reports/q1.csv").await.status, 200);
}

#[tokio::test]
async fn plain_http_through_the_proxy_is_refused() {
    let lab = Lab::new();
    lab.reports().await;
    let bearer = format!("Bearer {}", lab.token("deployer", lab::BLOB_SCOPE).await);
    for credential in [None, Some(bearer.as_str())] {
        let mut request = http::Request::get("/reports/q1.csv").header("host", REPORTS_HOST);
        if let Some(value) = credential {
            request = request.header("authorization", value);
        }
        let mut request = request.body(full("")).unwrap();
        request.extensions_mut().insert(PlainHttp);
        let connection =
            local_cloud::Connection { peer: "127.0.0.1:9".parse().unwrap(), tls: false };
        let response = lab.service.call(request, connection).await;
        assert_eq!(response.headers()["x-ms-error-code"], "AccountRequiresHttps");
    }
}

#[tokio::test]
async fn what_is_not_served_is_never_a_success() {
    let lab = Lab::new();
    lab.reports().await;
    for (method, target) in [
        ("PUT", "/reports/q1.csv?comp=lease"),
        ("PUT", "/reports/q1.csv?comp=snapshot"),
        ("GET", "/reports?restype=container&comp=undelete"),
        ("POST", "/?comp=batch"),
    ] {
        let answer = lab.blob("deployer", method, target, b"").await;
        assert_eq!(answer.code(), code(501, "NotImplemented"), "{method} {target}");
    }
    let queue =
        lab.send("GET", "acmereports.queue.core.windows.net", "/?comp=list", &[], b"").await;
    assert_eq!(queue.code(), code(501, "NotImplemented"));
}

#[tokio::test]
async fn weather_has_the_services_own_errors() {
    let lab = Lab::new();
    lab.reports().await;
    let set = |service: &str, effect: FaultEffect| {
        lab.ground.faults.clear();
        lab.ground.faults.set(Fault {
            cloud: Some("azure".into()),
            service: Some(service.to_owned()),
            operation: None,
            effect,
        });
    };
    let storage = "Microsoft.Storage";
    set(storage, FaultEffect::Deny);
    let denied = lab.arm("deployer", "GET", REPORTS, Value::Null).await;
    assert_eq!(denied.code(), code(403, "AuthorizationFailed"));
    set(storage, FaultEffect::Errors { percent: 100 });
    assert_eq!(
        lab.arm("deployer", "GET", REPORTS, Value::Null).await.code(),
        code(500, "InternalServerError")
    );
    set(storage, FaultEffect::Throttle { per_second: 0.001 });
    lab.arm("deployer", "GET", REPORTS, Value::Null).await;
    let throttled = lab.arm("deployer", "GET", REPORTS, Value::Null).await;
    assert_eq!(throttled.code(), code(429, "TooManyRequests"));
    assert_eq!(throttled.headers["retry-after"], "1");

    set(storage, FaultEffect::LostAnswer);
    let tag = json!({"tags": {"lost": "yes"}});
    assert!(lab.arm("deployer", "PATCH", REPORTS, tag).await.lost);
    lab.ground.faults.clear();
    let account = lab.arm("deployer", "GET", REPORTS, Value::Null).await.json();
    assert_eq!(account["tags"]["lost"], "yes", "the call itself was done");

    set("Blob", FaultEffect::Throttle { per_second: 0.001 });
    lab.anonymous("/reports/q1.csv").await;
    assert_eq!(lab.anonymous("/reports/q1.csv").await.code(), code(503, "ServerBusy"));
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (key, token, records) = {
        let lab = Lab::open(folder.path());
        lab.reports().await;
        let key = lab.key("deployer").await;
        (key, lab.token("deployer", ARM_SCOPE).await, lab.records("log-reader").await)
    };
    let lab = Lab::open(folder.path());
    assert_eq!(lab.key("deployer").await, key);
    assert_eq!(lab.blob("deployer", "GET", "/reports/q1.csv", b"").await.body, b"a,b\n");
    let target = format!("/subscriptions/{SUBSCRIPTION}{REPORTS}?api-version=2023-05-01");
    let bearer = format!("Bearer {token}");
    let answer = lab.send("GET", ARM, &target, &[("authorization", &bearer)], b"").await;
    assert_eq!(answer.status, 200, "a token outlives the process that signed it");
    let again = lab.records("log-reader").await;
    assert_eq!(again[again.len() - records.len()..], records[..]);
}

/// Two foundings with the same history give the same ids; secrets are never the same.
#[tokio::test]
async fn ids_repeat_and_secrets_do_not() {
    let (a, b) = (Lab::new(), Lab::new());
    for caller in ["deployer", "drift-reader", "backup-job"] {
        let (a, b) = (a.variables(caller), b.variables(caller));
        assert_eq!(a["AZURE_CLIENT_ID"], b["AZURE_CLIENT_ID"]);
        assert_ne!(a["AZURE_CLIENT_SECRET"], b["AZURE_CLIENT_SECRET"]);
    }
    assert!(local_cloud_azure::callers::environment(&a.ground, "nobody").is_none());
}
