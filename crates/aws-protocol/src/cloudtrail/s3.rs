//! S3 is recorded from the HTTP request: bucket, key, host, query parameters, some headers, the XML body.

use super::ec2::guess;
use super::{Resource, Tls};
use crate::codec::xml::{self, Element};
use crate::error::ServiceError;
use crate::table::Operation;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// One S3 request and what came back.
pub struct S3Exchange<'a> {
    pub bucket: Option<&'a str>,
    pub key: Option<&'a str>,
    /// The Host header.
    pub host: &'a str,
    /// The query string as on the wire.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// The body of a bucket's configuration; of object data only the length is looked at.
    pub body: &'a [u8],
    pub response_headers: Option<&'a HeaderMap>,
    /// The account of the bucket; `None` if there is no such bucket.
    pub bucket_owner: Option<&'a str>,
    /// `None`: anonymous.
    pub authentication: Option<Authentication>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// `x-amz-id-2` of the response.
    pub extended_request_id: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    Header,
    /// Presigned.
    Query,
}

/// Query parameters of a presigned request that would give its signature away.
const SECRET_PARAMETERS: &[&str] =
    &["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "Signature", "AWSAccessKeyId"];

/// Response headers of object writes that become responseElements.
const LOGGED_RESPONSE_HEADERS: &[&str] = &[
    "x-amz-expiration",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-context",
];

impl S3Exchange<'_> {
    pub(super) fn request_parameters(&self, operation: Operation) -> Option<Value> {
        let mut members = Map::new();
        members.insert("Host".into(), self.host.into());
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(name).decode_utf8_lossy();
            if !SECRET_PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
                let value = percent_decode_str(value).decode_utf8_lossy();
                members.insert(name.into_owned(), value.into());
            }
        }
        for name in &operation.row.headers {
            if let Some(value) = self.headers.get(name).and_then(|value| value.to_str().ok()) {
                members.insert(name.clone(), value.into());
            }
        }
        if !operation.row.data_event {
            self.add_body(operation, &mut members);
        }
        if let Some(bucket) = self.bucket {
            members.insert("bucketName".into(), bucket.into());
        }
        if let Some(key) = self.key {
            members.insert("key".into(), key.into());
        }
        Some(Value::Object(members))
    }

    /// A policy is JSON and shown parsed; other configurations are XML, shown under their root element.
    fn add_body(&self, operation: Operation, members: &mut Map<String, Value>) {
        if operation.name == "PutBucketPolicy" {
            if let Ok(policy) = serde_json::from_slice::<Value>(self.body) {
                members.insert("bucketPolicy".into(), policy);
            }
        } else if let Ok(root) = xml::parse(self.body) {
            let content = naive(&root);
            members.insert(root.name, content);
        }
    }

    pub(super) fn response_elements(&self, operation: Operation) -> Option<Value> {
        if operation.row.read_only || !operation.row.data_event {
            return None;
        }
        let headers = self.response_headers?;
        let logged = LOGGED_RESPONSE_HEADERS.iter().filter_map(|name| {
            Some(((*name).to_owned(), Value::from(headers.get(*name)?.to_str().ok()?)))
        });
        let members: Map<String, Value> = logged.collect();
        (!members.is_empty()).then_some(Value::Object(members))
    }

    pub(super) fn resources(
        &self,
        operation: Operation,
        error: Option<&ServiceError>,
    ) -> Vec<Resource> {
        let (Some(bucket), Some(owner)) = (self.bucket, self.bucket_owner) else {
            return Vec::new();
        };
        if operation.name == "CreateBucket"
            || error.is_some_and(|error| error.code == "NoSuchBucket")
        {
            return Vec::new();
        }
        let arn = format!("arn:aws:s3:::{bucket}");
        let of_bucket = Resource {
            account_id: Some(owner.to_owned()),
            kind: Some("AWS::S3::Bucket".to_owned()),
            arn: Some(arn.clone()),
            arn_prefix: None,
        };
        if !operation.row.data_event {
            return vec![of_bucket];
        }
        let of_object = Resource {
            account_id: None,
            kind: Some("AWS::S3::Object".to_owned()),
            arn: self.key.map(|key| format!("{arn}/{key}")),
            arn_prefix: self.key.is_none().then(|| format!("{arn}/")),
        };
        vec![of_object, of_bucket]
    }

    pub(super) fn additional_data(&self, tls: Option<Tls<'_>>) -> AdditionalData {
        AdditionalData {
            signature_version: self.authentication.map(|_| "SigV4"),
            cipher_suite: tls.map(|tls| tls.cipher.to_owned()),
            bytes_transferred_in: self.bytes_in,
            authentication_method: self.authentication.map(|how| match how {
                Authentication::Header => "AuthHeader",
                Authentication::Query => "QueryString",
            }),
            extended_request_id: self.extended_request_id.to_owned(),
            bytes_transferred_out: self.bytes_out,
        }
    }
}

/// `additionalEventData` in the order of its keys.
#[derive(Clone, Debug, Serialize)]
pub struct AdditionalData {
    #[serde(rename = "SignatureVersion", skip_serializing_if = "Option::is_none")]
    signature_version: Option<&'static str>,
    #[serde(rename = "CipherSuite", skip_serializing_if = "Option::is_none")]
    cipher_suite: Option<String>,
    #[serde(rename = "bytesTransferredIn")]
    bytes_transferred_in: u64,
    #[serde(rename = "AuthenticationMethod", skip_serializing_if = "Option::is_none")]
    authentication_method: Option<&'static str>,
    #[serde(rename = "x-amz-id-2")]
    extended_request_id: String,
    #[serde(rename = "bytesTransferredOut")]
    bytes_transferred_out: u64,
}

/// XML to JSON as these records do it: one child is an object, several of a name an array, values guessed.
fn naive(element: &Element) -> Value {
    if element.children.is_empty() && element.namespace.is_none() {
        return guess(&element.text);
    }
    let mut members = Map::new();
    if let Some(namespace) = &element.namespace {
        members.insert("xmlns".into(), namespace.as_str().into());
    }
    for child in &element.children {
        let value = naive(child);
        match members.get_mut(&child.name) {
            None => {
                members.insert(child.name.clone(), value);
            }
            Some(Value::Array(several)) => several.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Value::Object(members)
}
