//! Signature Version 4 as the server reads it: the credential scope (who, for which service), and the canonical
//! request that was signed. Written from the AWS documentation ("Create a signed AWS API request"), apart from the
//! SDK's signer on purpose: a fault in one of the two shows.

use crate::sign::AuthError;
use crate::timestamp;
use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// An HTTP request as it came, before anything is decoded.
#[derive(Clone, Copy)]
pub struct HttpParts<'a> {
    pub method: &'a str,
    /// Path as on the wire, percent-encoded.
    pub path: &'a str,
    /// Query string without its question mark.
    pub query: &'a str,
    /// The host of an HTTP/2 request that has no `Host` header.
    pub authority: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl<'a> HttpParts<'a> {
    pub fn new(parts: &'a http::request::Parts, body: &'a [u8]) -> Self {
        HttpParts {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or(""),
            authority: parts.uri.authority().map(|authority| authority.as_str()),
            headers: &parts.headers,
            body,
        }
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A query parameter, decoded; names are compared as they are written.
    fn parameter(&self, name: &str) -> Option<String> {
        pairs(self.query).find(|(key, _)| decode(key) == name).map(|(_, value)| decode(value))
    }
}

/// `AKIA.../20260102/us-east-1/iam/aws4_request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub access_key: String,
    /// `20260102`.
    pub date: String,
    pub region: String,
    pub service: String,
}

impl Scope {
    pub fn parse(credential: &str) -> Option<Scope> {
        let mut parts = credential.rsplitn(5, '/');
        let mut next = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let terminator = next()?;
        let (service, region, date, access_key) = (next()?, next()?, next()?, next()?);
        (terminator == "aws4_request").then_some(Scope { access_key, date, region, service })
    }

    /// The scope a request names, signed in its header or presigned; enough to route it. Nothing is verified.
    pub fn of(headers: &HeaderMap, query: &str) -> Option<Scope> {
        if let Some(header) = headers.get(http::header::AUTHORIZATION) {
            let fields = header.to_str().ok()?.strip_prefix(ALGORITHM)?;
            let credential =
                fields.split(',').find_map(|f| f.trim().strip_prefix("Credential="))?;
            return Scope::parse(credential);
        }
        let (_, credential) = pairs(query).find(|(key, _)| decode(key) == "X-Amz-Credential")?;
        Scope::parse(&decode(credential))
    }

    /// `20260102/us-east-1/iam/aws4_request`.
    pub fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// What a request says about its own signature. Nothing is verified yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    pub scope: Scope,
    pub signed_at: OffsetDateTime,
    /// In the query string rather than in the header; how long it is good for.
    pub presigned_for: Option<Duration>,
    pub session_token: Option<String>,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A valid signature and a session token are secrets for as long as they live.
        f.debug_struct("Signed")
            .field("scope", &self.scope)
            .field("signed_at", &self.signed_at)
            .field("presigned_for", &self.presigned_for)
            .finish_non_exhaustive()
    }
}

impl Signed {
    /// Reads the signature of a request. `None`: it carries none, in either place.
    pub fn read(request: &HttpParts<'_>) -> Result<Option<Signed>, AuthError> {
        if let Some(header) = request.headers.get(http::header::AUTHORIZATION) {
            let header = header
                .to_str()
                .map_err(|_| AuthError::Incomplete("Authorization header is not text.".into()))?;
            return Signed::in_header(request, header).map(Some);
        }
        if request.parameter("X-Amz-Algorithm").is_some()
            || request.parameter("X-Amz-Signature").is_some()
        {
            return Signed::in_query(request).map(Some);
        }
        Ok(None)
    }

    fn in_header(request: &HttpParts<'_>, header: &str) -> Result<Signed, AuthError> {
        let incomplete = |what: &str| AuthError::Incomplete(what.to_owned());
        let fields = header.strip_prefix(ALGORITHM).ok_or_else(|| {
            incomplete("Authorization header requires the algorithm AWS4-HMAC-SHA256.")
        })?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| {
                    incomplete(&format!("Authorization header requires '{name}' parameter."))
                })
        };
        let (credential, signature, signed_headers) =
            (field("Credential")?, field("Signature")?, field("SignedHeaders")?);
        let signed_at = match request.header("x-amz-date") {
            Some(text) => timestamp::parse_basic(text),
            None => {
                request.header("date").and_then(|text| OffsetDateTime::parse(text, &Rfc2822).ok())
            }
        };
        Ok(Signed {
            scope: Scope::parse(credential)
                .ok_or_else(|| incomplete("Credential must have exactly 5 slash-delimited elements."))?,
            signed_at: signed_at.ok_or_else(|| {
                incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
            })?,
            presigned_for: None,
            session_token: request.header("x-amz-security-token").map(str::to_owned),
            signed_headers: signed_headers.split(';').map(str::to_ascii_lowercase).collect(),
            signature: signature.to_owned(),
        })
    }

    fn in_query(request: &HttpParts<'_>) -> Result<Signed, AuthError> {
        let field = |name: &str| {
            let message =
                || AuthError::Incomplete(format!("Query string requires '{name}' parameter."));
            request.parameter(name).ok_or_else(message)
        };
        let wrong =
            |name: &str| AuthError::Incomplete(format!("'{name}' parameter cannot be read."));
        if field("X-Amz-Algorithm")? != ALGORITHM {
            return Err(wrong("X-Amz-Algorithm"));
        }
        let expires = field("X-Amz-Expires")?;
        // AWS takes a week at most.
        let expires = expires.parse::<i64>().ok().filter(|seconds| (0..=604_800).contains(seconds));
        Ok(Signed {
            scope: Scope::parse(&field("X-Amz-Credential")?)
                .ok_or_else(|| wrong("X-Amz-Credential"))?,
            signed_at: timestamp::parse_basic(&field("X-Amz-Date")?)
                .ok_or_else(|| wrong("X-Amz-Date"))?,
            presigned_for: Some(Duration::seconds(expires.ok_or_else(|| wrong("X-Amz-Expires"))?)),
            session_token: request.parameter("X-Amz-Security-Token"),
            signed_headers: field("X-Amz-SignedHeaders")?
                .split(';')
                .map(str::to_ascii_lowercase)
                .collect(),
            signature: field("X-Amz-Signature")?,
        })
    }

    /// The text whose keyed hash the signature is. `None` if a signed header is not there, or `host` is not signed.
    pub(crate) fn string_to_sign(&self, request: &HttpParts<'_>) -> Option<String> {
        let canonical = self.canonical_request(request)?;
        let hash = hex::encode(Sha256::digest(canonical.as_bytes()));
        let time = timestamp::basic(self.signed_at);
        Some(format!("{ALGORITHM}\n{time}\n{}\n{hash}", self.scope.text()))
    }

    fn canonical_request(&self, request: &HttpParts<'_>) -> Option<String> {
        let s3 = self.scope.service == "s3";
        if !self.signed_headers.iter().any(|name| name == "host") {
            return None;
        }
        let mut headers = String::new();
        for name in &self.signed_headers {
            let mut values = Vec::new();
            for value in request.headers.get_all(name.as_str()) {
                values.push(
                    value.to_str().ok()?.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
                );
            }
            if values.is_empty() && name == "host" {
                values.push(request.authority?.to_owned());
            }
            if values.is_empty() {
                return None;
            }
            headers += &format!("{name}:{}\n", values.join(","));
        }
        let payload = match request.header("x-amz-content-sha256") {
            Some(declared) if s3 => declared.to_owned(),
            None if s3 && self.presigned_for.is_some() => "UNSIGNED-PAYLOAD".to_owned(),
            _ => hex::encode(Sha256::digest(request.body)),
        };
        Some(format!(
            "{}\n{}\n{}\n{headers}\n{}\n{payload}",
            request.method,
            canonical_path(request.path, s3),
            canonical_query(request.query),
            self.signed_headers.join(";"),
        ))
    }
}

/// S3 signs the path as it is on the wire; every other service the normalised path, encoded once more.
fn canonical_path(path: &str, s3: bool) -> String {
    let path = if path.is_empty() { "/" } else { path };
    if s3 {
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        return utf8_percent_encode(&decoded, RESERVED_IN_PATH).to_string();
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let slash = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    let normal = format!("/{}{slash}", kept.join("/"));
    utf8_percent_encode(&normal, RESERVED_IN_PATH).to_string()
}

fn canonical_query(query: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(&decode(text), RESERVED).to_string();
    let mut sorted: Vec<(String, String)> = pairs(query)
        .map(|(key, value)| (encode(key), encode(value)))
        .filter(|(key, _)| key != "X-Amz-Signature")
        .collect();
    sorted.sort();
    let joined: Vec<String> =
        sorted.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    joined.join("&")
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_from_either_place() {
        let mut headers = HeaderMap::new();
        let query = "Action=GetCallerIdentity&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fsts%2Faws4_request";
        let scope = Scope::of(&headers, query).unwrap();
        assert_eq!((&*scope.access_key, &*scope.service), ("AKIDEXAMPLE", "sts"));
        headers.insert(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00"
                .parse()
                .unwrap(),
        );
        let scope = Scope::of(&headers, query).unwrap();
        assert_eq!(scope.text(), "20150830/us-east-1/iam/aws4_request");
        assert_eq!(Scope::parse("AKID/20150830/us-east-1/iam"), None);
        assert_eq!(Scope::parse("/20150830/us-east-1/iam/aws4_request"), None);
    }

    #[test]
    fn paths_and_queries_in_canonical_form() {
        assert_eq!(canonical_path("", false), "/");
        assert_eq!(canonical_path("/a/../b//c/./", false), "/b/c/");
        assert_eq!(canonical_path("/a%20b", false), "/a%2520b");
        assert_eq!(canonical_path("/a%20b//c", true), "/a%20b//c");
        assert_eq!(canonical_query("b=2&a=%7E1&a=0&c"), "a=0&a=~1&b=2&c=");
    }
}
