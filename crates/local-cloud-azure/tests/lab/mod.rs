//! A small client of the local Azure: requests by production host name, answers read whole.
#![allow(dead_code)] // each test binary uses its own part of it
#![allow(clippy::unwrap_used)] // a helper that cannot go on fails its test

use http::{HeaderMap, Request, StatusCode};
use local_cloud::service::{full, read_body};
use local_cloud::{CloudService, Connection, Ground, LostAnswer, StoreError};
use local_cloud_azure::callers::environment;
use local_cloud_azure::story::{AZURE_CLI, SUBSCRIPTION, TENANT};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub const ARM: &str = "management.azure.com";
pub const ARM_SCOPE: &str = "https://management.azure.com/.default";
pub const BLOB_SCOPE: &str = "https://storage.azure.com/.default";

pub struct Lab {
    pub ground: Arc<Ground>,
    pub service: Arc<dyn CloudService>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub lost: bool,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and the service's own code.
    pub fn code(&self) -> (u16, String) {
        let header = self.headers.get("x-ms-error-code").map(|v| v.to_str().unwrap().to_owned());
        let code = header.or_else(|| self.json()["error"]["code"].as_str().map(str::to_owned));
        (self.status.as_u16(), code.unwrap_or_default())
    }
}

impl Lab {
    pub fn new() -> Lab {
        Lab::on(Arc::new(Ground::in_memory()))
    }

    pub fn open(folder: &Path) -> Lab {
        Lab::on(Arc::new(Ground::open(folder, "test").unwrap()))
    }

    fn on(ground: Arc<Ground>) -> Lab {
        let service = local_cloud_azure::service(ground.clone());
        if !ground.store.read(|v| v.has("lab", "founded")) {
            ground
                .store
                .write(|tx| {
                    service.found(tx);
                    tx.put("lab", "founded", &true);
                    Ok::<_, StoreError>(())
                })
                .unwrap();
        }
        Lab { ground, service }
    }

    pub async fn send(
        &self,
        method: &str,
        host: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(target).header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.header("content-length", body.len());
        }
        self.call(request.body(full(body.to_vec())).unwrap()).await
    }

    pub async fn call(&self, request: Request<local_cloud::Body>) -> Answer {
        let connection = Connection { peer: "127.0.0.1:9".parse().unwrap(), tls: true };
        let response = self.service.call(request, connection).await;
        let lost = response.extensions().get::<LostAnswer>().is_some();
        let (head, body) = response.into_parts();
        let body = read_body(body, 64 << 20).await.unwrap().to_vec();
        Answer { status: head.status, headers: head.headers, body, lost }
    }

    /// The variables that `lab cloud env --as CALLER` prints.
    pub fn variables(&self, caller: &str) -> BTreeMap<String, String> {
        environment(&self.ground, caller).expect("a caller").into_iter().collect()
    }

    pub async fn sign_in(&self, form: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let target = format!("/{TENANT}/oauth2/v2.0/token");
        self.send("POST", "login.microsoftonline.com", &target, &[], body.finish().as_bytes()).await
    }

    pub async fn token(&self, caller: &str, scope: &str) -> String {
        let variables = self.variables(caller);
        let get = |name: &str| variables.get(name).map_or("", String::as_str);
        let answer = if get("AZURE_USERNAME").is_empty() {
            self.sign_in(&[
                ("grant_type", "client_credentials"),
                ("client_id", get("AZURE_CLIENT_ID")),
                ("client_secret", get("AZURE_CLIENT_SECRET")),
                ("scope", scope),
            ])
            .await
        } else {
            self.sign_in(&[
                ("grant_type", "password"),
                ("client_id", AZURE_CLI),
                ("username", get("AZURE_USERNAME")),
                ("password", get("AZURE_PASSWORD")),
                ("scope", scope),
            ])
            .await
        };
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    /// Resource Manager; `path` comes after the subscription.
    pub async fn arm(&self, caller: &str, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.token(caller, ARM_SCOPE).await);
        let version = if path.contains("eventtypes") { "2015-04-01" } else { "2023-05-01" };
        let joint = if path.contains('?') { '&' } else { '?' };
        let target = format!("/subscriptions/{SUBSCRIPTION}{path}{joint}api-version={version}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, ARM, &target, &[("authorization", &bearer)], body.as_bytes()).await
    }

    /// A group, an account that allows public containers, a container and a blob.
    pub async fn reports(&self) {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let group = "/resourceGroups/acme-data";
        let made = self.arm("deployer", "PUT", group, json(r#"{"location": "westeurope"}"#)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let account = json(
            r#"{"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
                "properties": {"allowBlobPublicAccess": true}}"#,
        );
        let made = self.arm("deployer", "PUT", REPORTS, account).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let container = format!("{REPORTS}/blobServices/default/containers/reports");
        let made = self.arm("deployer", "PUT", &container, json(r#"{"properties": {}}"#)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let put = self.blob("deployer", "PUT", "/reports/q1.csv", b"a,b\n").await;
        assert_eq!(put.status, 201, "{}", put.text());
    }

    /// The account alone, as after its group was deleted.
    pub async fn reports_again(&self) {
        let body = serde_json::json!({"location": "westeurope", "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"}});
        let made = self.arm("deployer", "PUT", REPORTS, body).await;
        assert_eq!(made.status, 200, "{}", made.text());
    }

    /// The data plane of `acmereports`, with a token.
    pub async fn blob(&self, caller: &str, method: &str, target: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token(caller, BLOB_SCOPE).await);
        let mut headers = vec![("authorization", bearer.as_str())];
        if method == "PUT" {
            headers.push(("x-ms-blob-type", "BlockBlob"));
        }
        self.send(method, REPORTS_HOST, target, &headers, body).await
    }

    pub async fn anonymous(&self, target: &str) -> Answer {
        self.send("GET", REPORTS_HOST, target, &[], b"").await
    }

    /// The first key of `acmereports`, as a caller is given it.
    pub async fn key(&self, caller: &str) -> String {
        let answer = self.arm(caller, "POST", &format!("{REPORTS}/listKeys"), Value::Null).await;
        answer.json()["keys"][0]["value"].as_str().expect("a key").to_owned()
    }

    /// Sets the level of `reports` by the account's key: past Resource Manager.
    pub async fn set_acl(&self, key: &str, level: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-date", "Fri, 02 Jan 2026 03:04:05 GMT".parse().unwrap());
        headers.insert("x-ms-version", "2021-12-02".parse().unwrap());
        headers.insert("x-ms-blob-public-access", level.parse().unwrap());
        let target = "/reports?restype=container&comp=acl";
        let authorization = shared_key(key, "acmereports", "PUT", target, &headers);
        let mut sent: Vec<(&str, &str)> =
            headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        sent.push(("authorization", &authorization));
        self.send("PUT", REPORTS_HOST, target, &sent, b"").await
    }

    /// Every record of the query API, newest first.
    pub async fn records(&self, caller: &str) -> Vec<Value> {
        let filter = "?$filter=eventTimestamp%20ge%20'2000-01-01T00:00:00Z'";
        let path = format!("/providers/Microsoft.Insights/eventtypes/management/values{filter}");
        let answer = self.arm(caller, "GET", &path, Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["value"].as_array().unwrap().clone()
    }
}

pub const REPORTS: &str =
    "/resourceGroups/acme-data/providers/Microsoft.Storage/storageAccounts/acmereports";
pub const REPORTS_HOST: &str = "acmereports.blob.core.windows.net";

pub fn shared_key(
    key: &str,
    account: &str,
    method: &str,
    target: &str,
    headers: &HeaderMap,
) -> String {
    use aws_lc_rs::hmac;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use local_cloud_azure::signature::{query_of, string_to_sign};
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let method = method.parse().unwrap();
    let text = string_to_sign(&method, headers, account, path, &query_of(Some(query)));
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(key).unwrap());
    let signature = BASE64_STANDARD.encode(hmac::sign(&secret, text.as_bytes()));
    format!("SharedKey {account}:{signature}")
}
