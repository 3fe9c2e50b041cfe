//! A started cloud, and callers that sign with the SDK's own signer.

use aws_credential_types::Credentials;
use aws_protocol::codec::{self, Failure};
use aws_protocol::{Operation, sign};
use local_cloud::control::{Answer, Ask};
use local_cloud::running::{LocalCloud, Running, Start};
use serde_json::Value;
use std::time::SystemTime;
use tempfile::TempDir;

pub struct Lab {
    pub running: Running,
    pub folder: TempDir,
    http: reqwest::Client,
}

#[derive(Clone)]
pub struct As<'a> {
    pub lab: &'a Lab,
    pub credentials: Credentials,
    pub region: &'static str,
}

pub async fn lab() -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder).await;
    Lab { running, folder, http: reqwest::Client::builder().no_proxy().build().unwrap() }
}

async fn start(folder: &TempDir) -> Running {
    let start = Start { folder: folder.path(), holder: "test", port: None, allowed: Vec::new() };
    LocalCloud::start(start, |ground| vec![local_cloud_aws::service(ground.clone())]).await.unwrap()
}

impl Lab {
    /// Stops it and starts it again on the same folder.
    pub async fn again(self) -> Lab {
        self.running.stop().await;
        let running = start(&self.folder).await;
        Lab { running, folder: self.folder, http: self.http }
    }

    pub fn url(&self) -> String {
        format!("{}/", self.running.endpoints().url())
    }

    pub async fn variables(&self, name: &str) -> Vec<(String, String)> {
        match self.running.ask(Ask::Environment { caller: Some(name.to_owned()) }).await.unwrap() {
            Answer::Environment { variables } => variables,
            other => panic!("{other:?}"),
        }
    }

    pub async fn caller(&self, name: &str) -> As<'_> {
        let variables = self.variables(name).await;
        let get = |name: &str| {
            variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        };
        self.with(
            &get("AWS_ACCESS_KEY_ID").unwrap(),
            &get("AWS_SECRET_ACCESS_KEY").unwrap(),
            get("AWS_SESSION_TOKEN"),
        )
    }

    pub fn with(&self, id: &str, secret: &str, token: Option<String>) -> As<'_> {
        let credentials = Credentials::new(id, secret, token, None, "test");
        As { lab: self, credentials, region: "us-east-1" }
    }

    /// The credentials of an answer of STS or of CreateAccessKey.
    pub fn handed(&self, tree: &Value) -> As<'_> {
        let text = |name: &str| tree[name].as_str().map(str::to_owned);
        let (id, secret) = (text("AccessKeyId").unwrap(), text("SecretAccessKey").unwrap());
        self.with(&id, &secret, text("SessionToken"))
    }

    pub async fn try_send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> reqwest::Result<reqwest::Response> {
        self.http.execute(request.try_into()?).await
    }

    pub async fn send(&self, request: http::Request<Vec<u8>>) -> (u16, http::HeaderMap, Vec<u8>) {
        let response = self.try_send(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.bytes().await.unwrap().to_vec())
    }
}

impl As<'_> {
    pub async fn call(&self, service: &str, name: &str, input: Value) -> Result<Value, Failure> {
        let operation = Operation::named(service, name).unwrap();
        let outgoing = codec::encode_request(operation, &input).unwrap();
        let mut request = outgoing.into_http(&self.lab.url()).unwrap();
        request.headers_mut().insert("user-agent", "test/1".parse().unwrap());
        let (credentials, region) = (&self.credentials, self.region);
        sign::sign_request(&mut request, credentials, service, region, SystemTime::now()).unwrap();
        let (status, headers, body) = self.lab.send(request).await;
        codec::decode_response(operation, status, &headers, &body)
    }

    pub async fn ok(&self, service: &str, name: &str, input: Value) -> Value {
        self.call(service, name, input).await.unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }

    /// Code and message of a refusal.
    pub async fn refused(&self, service: &str, name: &str, input: Value) -> (String, String) {
        match self.call(service, name, input).await {
            Err(Failure::Service { error, .. }) => (error.code, error.message),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// A signed S3 request to a path.
    pub async fn s3(&self, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        let url = format!("{}{path}", self.lab.url());
        let hash = sha2_hex(body.as_bytes());
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .header("x-amz-content-sha256", hash)
            .body(body.as_bytes().to_vec())
            .unwrap();
        let (credentials, region) = (&self.credentials, self.region);
        sign::sign_request(&mut request, credentials, "s3", region, SystemTime::now()).unwrap();
        let (status, _, body) = self.lab.send(request).await;
        (status, body)
    }

    /// The records of the event history that an attribute selects, newest first.
    pub async fn records(&self, key: &str, value: &str) -> Vec<Value> {
        let attributes = serde_json::json!([{ "AttributeKey": key, "AttributeValue": value }]);
        let input = serde_json::json!({ "LookupAttributes": attributes });
        let output = self.ok("cloudtrail", "LookupEvents", input).await;
        output["Events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap())
            .collect()
    }
}

fn sha2_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
