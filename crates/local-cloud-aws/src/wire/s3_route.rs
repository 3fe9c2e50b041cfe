//! From a request to its bucket, key and operation, before anything is verified: also a
//! call with a bad signature leaves a record, and the record names the operation.

use aws_protocol::{Operation, Service};
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use s3s::host::{S3Host, VirtualHost};
use s3s::{S3Error, S3ErrorCode, S3Result};

/// Which bucket and key a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub bucket: Option<String>,
    pub key: Option<String>,
}

/// What a Host header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostName {
    pub bucket: Option<String>,
    pub region: Option<String>,
}

const SUFFIX: &str = ".amazonaws.com";
/// Some clients put a bucket with a dot in its name before an address.
const LOOPBACK: &str = ".127.0.0.1";

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Is this a host name of S3 itself: `s3.amazonaws.com`, `b.s3.us-east-1.amazonaws.com`?
pub fn is_s3_host(host: &str) -> bool {
    production(without_port(host)).is_some()
}

/// A production host name. Endpoint forms from "Amazon S3 endpoints" and "Virtual hosting of
/// buckets"; website endpoints are another service.
fn production(host: &str) -> Option<HostName> {
    let rest = host.strip_suffix(SUFFIX)?;
    let labels: Vec<&str> = rest.split('.').collect();
    // From the right: a bucket may be called `s3` or have labels that look like regions.
    let at = labels.iter().rposition(|label| *label == "s3" || label.starts_with("s3-"))?;
    let mut after = labels.get(at + 1..)?.iter().filter(|label| **label != "dualstack");
    let mut region = after.next().map(|label| (*label).to_owned());
    if after.next().is_some() {
        return None;
    }
    // `s3-us-west-2.amazonaws.com`
    if let Some(legacy) = labels.get(at).and_then(|label| label.strip_prefix("s3-")) {
        if legacy.starts_with("website") || legacy.starts_with("control") || region.is_some() {
            return None;
        }
        region = Some(legacy.to_owned()).filter(|legacy| legacy != "external-1");
    }
    let bucket = labels.get(..at).filter(|labels| !labels.is_empty()).map(|b| b.join("."));
    Some(HostName { bucket, region })
}

/// Reads a Host header; what is no production name is the plain endpoint and path style.
pub fn read_host(host: &str) -> HostName {
    let name = without_port(host).to_ascii_lowercase();
    if let Some(found) = production(&name) {
        return found;
    }
    let bucket = name.strip_suffix(LOOPBACK).filter(|bucket| !bucket.is_empty());
    HostName { bucket: bucket.map(str::to_owned), region: None }
}

/// Bucket and key as they are asked for, valid or not.
pub fn target(host: &HostName, path: &str) -> Target {
    let path = percent_decode_str(path.strip_prefix('/').unwrap_or(path)).decode_utf8_lossy();
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    match &host.bucket {
        Some(bucket) => Target { bucket: Some(bucket.clone()), key: filled(&path) },
        None => match path.split_once('/') {
            Some((bucket, key)) => Target { bucket: filled(bucket), key: filled(key) },
            None => Target { bucket: filled(&path), key: None },
        },
    }
}

/// How s3s is told about hosts.
pub struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let found = read_host(host);
        let mut parsed = VirtualHost::new(host);
        if let Some(bucket) = found.bucket {
            parsed = parsed.with_bucket(bucket);
        }
        if let Some(region) = found.region {
            parsed = parsed.with_region(region);
        }
        Ok(parsed)
    }
}

/// The query parameters, decoded, in order.
pub fn parameters(query: &str) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned()
}

/// The value of a query parameter.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    parameters(query).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// S3's row in the operation tables.
pub fn service() -> S3Result<&'static Service> {
    Service::named("s3").ok_or_else(|| S3Error::new(S3ErrorCode::InternalError))
}

/// Old forms of an operation, which share the request with the new one.
const REPLACED: [&str; 4] =
    ["GetBucketLifecycle", "PutBucketLifecycle", "GetBucketNotification", "PutBucketNotification"];

/// The operation that a request asks for; `None`: S3 has none like it.
pub fn operation(
    method: &Method,
    target: &Target,
    query: &str,
    headers: &HeaderMap,
) -> Option<Operation> {
    let service = Service::named("s3")?;
    let names: Vec<String> = parameters(query).map(|(name, _)| name).collect();
    let has = |name: &str| names.iter().any(|given| given == name);
    let named = |name: &str| service.operation(name).ok();
    let copies = headers.contains_key("x-amz-copy-source");
    let level = match (&target.bucket, &target.key) {
        (None, _) => "/",
        (Some(_), None) => "/{Bucket}",
        (Some(_), Some(_)) => "/{Bucket}/{Key+}",
    };
    let of_upload = match (method.as_str(), target.key.is_some() && has("uploadId")) {
        ("GET", true) => named("ListParts"),
        ("PUT", true) if has("partNumber") && copies => named("UploadPartCopy"),
        ("PUT", true) if has("partNumber") => named("UploadPart"),
        ("POST", true) => named("CompleteMultipartUpload"),
        ("DELETE", true) => named("AbortMultipartUpload"),
        _ => None,
    };
    let listed = ["analytics", "intelligent-tiering", "inventory", "metrics"];
    of_upload
        .or_else(|| {
            service.operations().find(|operation| {
                let Some((path, sub)) = operation.row.uri.split_once('?') else { return false };
                let sub = sub.split(['&', '=']).next().unwrap_or(sub);
                let list = operation.name.starts_with("List") && listed.contains(&sub);
                path == level
                    && operation.row.method == method.as_str()
                    && has(sub)
                    && (sub != "list-type" || parameter(query, sub).as_deref() == Some("2"))
                    && (!listed.contains(&sub) || method != Method::GET || list != has("id"))
                    && !REPLACED.contains(&operation.name)
            })
        })
        .or_else(|| match (method.as_str(), level) {
            ("GET", "/") => named("ListBuckets"),
            ("HEAD", "/{Bucket}") => named("HeadBucket"),
            ("GET", "/{Bucket}") => named("ListObjects"),
            ("PUT", "/{Bucket}") => named("CreateBucket"),
            ("DELETE", "/{Bucket}") => named("DeleteBucket"),
            ("HEAD", "/{Bucket}/{Key+}") => named("HeadObject"),
            ("GET", "/{Bucket}/{Key+}") => named("GetObject"),
            ("PUT", "/{Bucket}/{Key+}") if copies => named("CopyObject"),
            ("PUT", "/{Bucket}/{Key+}") => named("PutObject"),
            ("DELETE", "/{Bucket}/{Key+}") => named("DeleteObject"),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_buckets_and_regions() {
        let rows = [
            ("s3.amazonaws.com", None, None),
            ("s3.us-east-1.amazonaws.com", None, Some("us-east-1")),
            ("acme.s3.amazonaws.com", Some("acme"), None),
            ("acme.s3.eu-west-1.amazonaws.com:443", Some("acme"), Some("eu-west-1")),
            ("a.b.s3.dualstack.eu-west-1.amazonaws.com", Some("a.b"), Some("eu-west-1")),
            ("acme.s3-us-west-2.amazonaws.com", Some("acme"), Some("us-west-2")),
            ("127.0.0.1:4566", None, None),
            ("localhost:4566", None, None),
            ("a.b.127.0.0.1:4566", Some("a.b"), None),
        ];
        for (host, bucket, region) in rows {
            let found = read_host(host);
            assert_eq!(found.bucket.as_deref(), bucket, "{host}");
            assert_eq!(found.region.as_deref(), region, "{host}");
        }
        assert!(is_s3_host("acme.s3.amazonaws.com"));
        for other in [
            "iam.amazonaws.com",
            "acme.s3-website-us-east-1.amazonaws.com",
            "111122223333.s3-control.us-east-1.amazonaws.com",
            "s3.example.com",
        ] {
            assert!(!is_s3_host(other), "{other}");
        }
    }

    #[test]
    fn requests_name_operations() {
        let rows = [
            ("GET", "/", "", "ListBuckets"),
            ("PUT", "/b", "", "CreateBucket"),
            ("PUT", "/b/", "publicAccessBlock=", "PutPublicAccessBlock"),
            ("PUT", "/b", "policy", "PutBucketPolicy"),
            ("GET", "/b", "policyStatus", "GetBucketPolicyStatus"),
            ("GET", "/b", "lifecycle", "GetBucketLifecycleConfiguration"),
            ("PUT", "/b", "lifecycle", "PutBucketLifecycleConfiguration"),
            ("GET", "/b", "list-type=2&prefix=policy", "ListObjectsV2"),
            ("GET", "/b", "prefix=policy", "ListObjects"),
            ("GET", "/b", "versions", "ListObjectVersions"),
            ("GET", "/b", "inventory&id=1", "GetBucketInventoryConfiguration"),
            ("GET", "/b", "inventory", "ListBucketInventoryConfigurations"),
            ("DELETE", "/b", "metadataConfiguration", "DeleteBucketMetadataConfiguration"),
            ("DELETE", "/b", "", "DeleteBucket"),
            ("HEAD", "/b", "", "HeadBucket"),
            ("POST", "/b", "delete=", "DeleteObjects"),
            ("GET", "/b/k", "x-id=GetObject", "GetObject"),
            ("GET", "/b/k", "uploadId=1", "ListParts"),
            ("PUT", "/b/k", "partNumber=1&uploadId=1", "UploadPart"),
            ("POST", "/b/k", "uploads", "CreateMultipartUpload"),
            ("POST", "/b/k", "uploadId=1", "CompleteMultipartUpload"),
            ("DELETE", "/b/k", "uploadId=1", "AbortMultipartUpload"),
            ("PUT", "/b/k", "renameObject", "RenameObject"),
            ("PUT", "/b/k", "tagging", "PutObjectTagging"),
            ("PUT", "/b/k", "", "PutObject"),
            ("DELETE", "/b/k/l", "versionId=1", "DeleteObject"),
        ];
        for (method, path, query, name) in rows {
            let method: Method = method.parse().unwrap();
            let target = target(&HostName::default(), path);
            let found = operation(&method, &target, query, &HeaderMap::new());
            assert_eq!(found.map(|o| o.name), Some(name), "{method} {path}?{query}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-copy-source", "b/k".parse().unwrap());
        let target = target(&HostName::default(), "/b/k");
        let name = |query| operation(&Method::PUT, &target, query, &headers).map(|o| o.name);
        assert_eq!(name(""), Some("CopyObject"));
        assert_eq!(name("partNumber=1&uploadId=1"), Some("UploadPartCopy"));
    }
}
