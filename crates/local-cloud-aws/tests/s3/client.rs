//! A started cloud, and S3 requests that the SDK's own signer signs.

use aws_credential_types::Credentials;
use aws_protocol::codec::xml::{self, Element};
use aws_protocol::{Operation, codec, sign};
use local_cloud::control::{Answer, Ask};
use local_cloud::running::{LocalCloud, Running, Start};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

pub struct Lab {
    pub running: Running,
    _folder: TempDir,
    http: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl Got {
    pub fn xml(&self) -> Element {
        xml::parse(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of an error document; empty when there is none.
    pub fn code(&self) -> String {
        let root = xml::parse(&self.body).unwrap_or_default();
        let root = root.child("Error").cloned().unwrap_or(root);
        root.text_of("Code").unwrap_or_default().to_owned()
    }

    /// The message of an error document.
    pub fn message(&self) -> String {
        self.xml().text_of("Message").unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn ok(self) -> Got {
        assert!((200..300).contains(&self.status), "{}", self.text());
        self
    }

    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Got {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text());
        self
    }

    pub fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

pub async fn lab() -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let start = Start { folder: folder.path(), holder: "test", port: None, allowed: Vec::new() };
    let running = LocalCloud::start(start, |ground| vec![local_cloud_aws::service(ground.clone())])
        .await
        .unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Lab { running, _folder: folder, http }
}

/// A caller, and what it asks with.
#[derive(Clone)]
pub struct As<'a> {
    pub lab: &'a Lab,
    /// `None`: nobody.
    pub credentials: Option<Credentials>,
}

impl Lab {
    pub fn nobody(&self) -> As<'_> {
        As { lab: self, credentials: None }
    }

    pub fn with(&self, id: &str, secret: &str) -> As<'_> {
        let credentials = Credentials::new(id, secret, None, None, "test");
        As { lab: self, credentials: Some(credentials) }
    }

    pub async fn caller(&self, name: &str) -> As<'_> {
        let ask = Ask::Environment { caller: Some(name.to_owned()) };
        let Answer::Environment { variables } = self.running.ask(ask).await.unwrap() else {
            panic!("no environment");
        };
        let get = |name: &str| {
            variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap()
        };
        self.with(&get("AWS_ACCESS_KEY_ID"), &get("AWS_SECRET_ACCESS_KEY"))
    }

    pub async fn deployer(&self) -> As<'_> {
        self.caller("deployer").await
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.endpoints().url())
    }

    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Got {
        self.try_send(request).await.unwrap()
    }

    async fn try_send(&self, request: http::Request<Vec<u8>>) -> reqwest::Result<Got> {
        let response = self.http.execute(request.try_into()?).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Got { status, headers, body: response.bytes().await?.to_vec() })
    }
}

impl As<'_> {
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Got {
        self.lab.send(self.request(method, path, headers, body)).await
    }

    pub async fn try_send(&self, method: &str, path: &str, body: &[u8]) -> reqwest::Result<Got> {
        self.lab.try_send(self.request(method, path, &[], body)).await
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> http::Request<Vec<u8>> {
        let mut builder = http::Request::builder().method(method).uri(self.lab.url(path));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        if let Some(credentials) = &self.credentials {
            builder = builder.header("x-amz-content-sha256", hex::encode(Sha256::digest(body)));
            let mut request = builder.body(body.to_vec()).unwrap();
            let now = SystemTime::now();
            sign::sign_request(&mut request, credentials, "s3", "us-east-1", now).unwrap();
            return request;
        }
        builder.body(body.to_vec()).unwrap()
    }

    pub async fn get(&self, path: &str) -> Got {
        self.send("GET", path, &[], b"").await
    }

    pub async fn head(&self, path: &str) -> Got {
        self.send("HEAD", path, &[], b"").await
    }

    pub async fn put(&self, path: &str, body: impl AsRef<[u8]>) -> Got {
        self.send("PUT", path, &[], body.as_ref()).await
    }

    pub async fn delete(&self, path: &str) -> Got {
        self.send("DELETE", path, &[], b"").await
    }

    pub async fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Got {
        self.send("POST", path, &[], body.as_ref()).await
    }

    /// A presigned URL of this caller, made at a time.
    pub fn presigned(&self, path: &str, at: SystemTime, lives: Duration) -> String {
        let mut request = http::Request::get(self.lab.url(path)).body(Vec::new()).unwrap();
        let credentials = self.credentials.as_ref().unwrap();
        sign::presign_request(&mut request, credentials, "s3", "us-east-1", at, lives).unwrap();
        request.uri().to_string()
    }

    /// A call of another service.
    pub async fn call(&self, service: &str, name: &str, input: Value) -> Value {
        let operation = Operation::named(service, name).unwrap();
        let outgoing = codec::encode_request(operation, &input).unwrap();
        let mut request = outgoing.into_http(&self.lab.url("/")).unwrap();
        let credentials = self.credentials.as_ref().unwrap();
        let now = SystemTime::now();
        sign::sign_request(&mut request, credentials, service, "us-east-1", now).unwrap();
        let got = self.lab.send(request).await;
        codec::decode_response(operation, got.status, &got.headers, &got.body)
            .unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }

    /// The records of an event name in the history, newest first.
    pub async fn records(&self, event_name: &str) -> Vec<Value> {
        let attributes =
            serde_json::json!([{ "AttributeKey": "EventName", "AttributeValue": event_name }]);
        let input = serde_json::json!({ "LookupAttributes": attributes });
        let output = self.call("cloudtrail", "LookupEvents", input).await;
        output["Events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap())
            .collect()
    }
}

/// A public access block document.
pub fn block(acls: bool, ignore: bool, policy: bool, restrict: bool) -> String {
    format!(
        "<PublicAccessBlockConfiguration><BlockPublicAcls>{acls}</BlockPublicAcls>\
         <IgnorePublicAcls>{ignore}</IgnorePublicAcls>\
         <BlockPublicPolicy>{policy}</BlockPublicPolicy>\
         <RestrictPublicBuckets>{restrict}</RestrictPublicBuckets>\
         </PublicAccessBlockConfiguration>"
    )
}

/// A policy that lets anybody read a bucket's objects.
pub fn anyone_reads(bucket: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"AnyoneReads","Effect":"Allow",
            "Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/*"}}]}}"#
    )
}
