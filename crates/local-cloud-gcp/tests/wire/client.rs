//! A lab of this cloud alone, and callers that speak HTTP to it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use local_cloud::control::{Answer, Ask};
use local_cloud::running::Start;
use local_cloud::{LocalCloud, Running};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tokio::net::TcpStream;

pub struct Lab {
    pub running: Running,
    pub dir: tempfile::TempDir,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Reply {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Status, the JSON API's reason, and the message.
    #[track_caller]
    pub fn refusal(&self) -> (u16, String, String) {
        let error = self.json()["error"].clone();
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        (self.status, text(&error["errors"][0]["reason"]), text(&error["message"]))
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(matches!(self.status, 200 | 204), "{} {}", self.status, self.text());
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }
}

pub async fn start_on(folder: &Path) -> Running {
    let start = Start { folder, holder: "test", port: None, allowed: Vec::new() };
    LocalCloud::start(start, |ground| vec![local_cloud_gcp::service(ground.clone())]).await.unwrap()
}

impl Lab {
    pub async fn start() -> Lab {
        let dir = tempfile::tempdir().unwrap();
        let running = start_on(dir.path()).await;
        Lab { running, dir }
    }

    pub async fn environment(&self, caller: &str) -> BTreeMap<String, String> {
        let asked = Ask::Environment { caller: Some(caller.to_owned()) };
        match self.running.ask(asked).await.unwrap() {
            Answer::Environment { variables } => variables.into_iter().collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Somebody with a bearer token.
    pub async fn caller(&self, name: &str) -> Caller<'_> {
        let path = &self.environment(name).await["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"];
        Caller { lab: self, token: Some(std::fs::read_to_string(path).unwrap()) }
    }

    pub fn nobody(&self) -> Caller<'_> {
        Caller { lab: self, token: None }
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Option<Reply> {
        let stream = TcpStream::connect(self.running.endpoints().address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        read(sender.send_request(request).await.ok()?).await
    }

    /// The same over HTTP/2 with prior knowledge, as gRPC speaks it.
    pub async fn send_h2(&self, request: Request<Full<Bytes>>) -> Option<Reply> {
        let stream = TcpStream::connect(self.running.endpoints().address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        read(sender.send_request(request).await.ok()?).await
    }

    pub fn address(&self) -> String {
        self.running.endpoints().address.to_string()
    }
}

async fn read(answer: http::Response<hyper::body::Incoming>) -> Option<Reply> {
    let (head, body) = answer.into_parts();
    let collected = body.collect().await.ok()?;
    let mut headers = head.headers;
    if let Some(trailers) = collected.trailers() {
        headers.extend(trailers.clone());
    }
    Some(Reply { status: head.status.as_u16(), headers, bytes: collected.to_bytes() })
}

pub struct Caller<'l> {
    pub lab: &'l Lab,
    pub token: Option<String>,
}

impl Caller<'_> {
    pub async fn try_ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Option<Reply> {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", self.lab.address());
        }
        request = request.header("user-agent", "test/1");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.lab.send(request.body(Full::new(body.into())).unwrap()).await
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        self.try_ask(method, path, headers, body).await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, &[], "").await
    }

    pub async fn json(&self, method: Method, path: &str, body: Value) -> Reply {
        let headers = [("content-type", "application/json")];
        self.ask(method, path, &headers, body.to_string()).await
    }

    pub async fn make_bucket(&self, body: Value) -> Value {
        self.json(Method::POST, "/storage/v1/b?project=acme-lab", body).await.ok()
    }

    pub async fn put_object(&self, bucket: &str, name: &str, bytes: &'static str) -> Value {
        let path = format!("/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}");
        self.ask(Method::POST, &path, &[("content-type", "text/plain")], bytes).await.ok()
    }

    pub async fn policy(&self, bucket: &str) -> Value {
        self.get(&format!("/storage/v1/b/{bucket}/iam?optionsRequestedPolicyVersion=3")).await.ok()
    }

    pub async fn set_policy(&self, bucket: &str, policy: Value) -> Reply {
        self.json(Method::PUT, &format!("/storage/v1/b/{bucket}/iam"), policy).await
    }

    /// Adds a member to a role, as tools do: read, change, write.
    pub async fn grant(&self, bucket: &str, role: &str, member: &str) -> Reply {
        let mut policy = self.policy(bucket).await;
        let binding = serde_json::json!({"role": role, "members": [member]});
        policy["bindings"].as_array_mut().unwrap().push(binding);
        self.set_policy(bucket, policy).await
    }

    pub async fn revoke(&self, bucket: &str, role: &str) -> Reply {
        let mut policy = self.policy(bucket).await;
        policy["bindings"].as_array_mut().unwrap().retain(|b| b["role"] != role);
        self.set_policy(bucket, policy).await
    }

    pub async fn patch(&self, bucket: &str, body: Value) -> Reply {
        self.json(Method::PATCH, &format!("/storage/v1/b/{bucket}?projection=full"), body).await
    }

    /// The log, oldest first.
    pub async fn log(&self, filter: &str) -> Vec<Value> {
        let body = serde_json::json!({"resourceNames": ["projects/acme-lab"], "filter": filter});
        let answer = self.json(Method::POST, "/v2/entries:list", body).await.ok();
        answer["entries"].as_array().cloned().unwrap_or_default()
    }
}

/// A token that an account signs itself, or an assertion for the token endpoint.
pub fn sign(key_file: &Value, claims: &Value) -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    let pem = key_file["private_key"].as_str().unwrap();
    let body: String = pem.lines().filter(|l| !l.starts_with("-----")).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
    let header =
        serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": key_file["private_key_id"]});
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub fn key_file(environment: &BTreeMap<String, String>) -> Value {
    let text = std::fs::read(&environment["GOOGLE_APPLICATION_CREDENTIALS"]).unwrap();
    serde_json::from_slice(&text).unwrap()
}
