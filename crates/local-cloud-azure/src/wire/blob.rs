//! The Blob data plane. Nothing that happens here is in the Activity Log: that log holds
//! what Resource Manager did, whoever held the account's key.

mod access;
mod blobs;
mod containers;
pub mod error;
mod list;
mod operation;

use super::{answer, request_id};
use crate::signature::{Query, query_of};
use crate::state::account::{self, Account};
use crate::{CLOUD, exposure};
use error::BlobError;
use http::header::HeaderName;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use local_cloud::{Body, FaultAction, Ground, LostAnswer, service};
use model::Timestamp;
use operation::Operation;

/// As the request came in.
pub struct Place {
    pub account: String,
    pub path_style: bool,
    pub tls: bool,
}

/// A request to one account, read.
pub struct Ask<'a> {
    pub ground: &'a Ground,
    pub head: &'a Parts,
    pub account: &'a Account,
    pub container: Option<&'a str>,
    pub blob: Option<&'a str>,
    pub query: &'a Query,
    pub body: &'a [u8],
    pub now: Timestamp,
}

impl Ask<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    pub fn container(&self) -> Result<&str, BlobError> {
        self.container.ok_or_else(BlobError::invalid_uri)
    }

    pub fn blob(&self) -> Result<&str, BlobError> {
        self.blob.ok_or_else(BlobError::invalid_uri)
    }
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, String)>,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn empty(status: StatusCode) -> Reply {
        Reply { status, headers: Vec::new(), content_type: XML, body: Vec::new() }
    }

    pub fn xml(body: String) -> Reply {
        Reply { body: body.into_bytes(), ..Reply::empty(StatusCode::OK) }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((HeaderName::from_static(name), value.into()));
        self
    }
}

pub const XML: &str = "application/xml";
/// The largest body of one call that this cloud keeps.
const LARGEST: usize = 256 << 20;

pub async fn call(ground: &Ground, head: Parts, body: Body, place: Place) -> Response<Body> {
    let (lost, outcome) = match handle(ground, &head, body, &place).await {
        Ok((reply, lost)) => (lost, Ok(reply)),
        Err(error) => (false, Err(error)),
    };
    let mut response = match outcome {
        Ok(reply) => {
            let mut headers = standard_headers(&head);
            let content_type = reply.headers.iter().any(|(n, _)| n == http::header::CONTENT_TYPE);
            headers.extend(reply.headers);
            let body = if head.method == Method::HEAD { Vec::new() } else { reply.body };
            let mut response = answer(reply.status, reply.content_type, body, []);
            if content_type {
                response.headers_mut().remove(http::header::CONTENT_TYPE);
            }
            for (name, value) in headers {
                if let Ok(value) = http::HeaderValue::from_str(&value) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Err(error) => error.answer(&head),
    };
    if lost {
        response.extensions_mut().insert(LostAnswer);
    }
    response
}

fn standard_headers(head: &Parts) -> Vec<(HeaderName, String)> {
    let mut headers = vec![
        (HeaderName::from_static("x-ms-request-id"), request_id()),
        (HeaderName::from_static("server"), "Windows-Azure-Blob/1.0".to_owned()),
    ];
    for name in ["x-ms-version", "x-ms-client-request-id"] {
        if let Some(value) = head.headers.get(name).and_then(|v| v.to_str().ok()) {
            headers.push((HeaderName::from_static(name), value.to_owned()));
        }
    }
    headers
}

/// Container and blob of a path; blob names come percent-encoded and may hold slashes.
fn names(path: &str) -> Result<(Option<String>, Option<String>), BlobError> {
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| BlobError::invalid_uri())
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let (container, blob) = match path.split_once('/') {
        Some((container, blob)) => (container, Some(blob)),
        None => (path, None),
    };
    let container = decode(container)?;
    let blob = blob.filter(|b| !b.is_empty()).map(decode).transpose()?;
    Ok(((!container.is_empty()).then_some(container), blob))
}

async fn handle(
    ground: &Ground,
    head: &Parts,
    body: Body,
    place: &Place,
) -> Result<(Reply, bool), BlobError> {
    let raw_path = head.uri.path();
    let inner = if place.path_style {
        let rest = raw_path.trim_start_matches('/');
        rest.split_once('/').map_or("", |(_, rest)| rest)
    } else {
        raw_path
    };
    let (container, blob) = names(inner)?;
    let query = query_of(head.uri.query());
    // A blob right below the account lies in the root container.
    let operation = Operation::of(head, container.is_some(), blob.is_some(), &query);
    let account = ground
        .store
        .read(|v| account::get(v, &place.account))
        .ok_or_else(BlobError::no_such_account)?;
    let plain = !place.tls && head.extensions.get::<service::PlainHttp>().is_some();
    if plain && account.https_only() {
        return Err(BlobError::from(exposure::needs_https()));
    }
    let operation = operation?;
    let weather = ground.faults.check(&CLOUD, "Blob", operation.name).await;
    match weather {
        FaultAction::Throttle => return Err(BlobError::busy()),
        FaultAction::Fail => return Err(BlobError::internal()),
        FaultAction::Deny => return Err(BlobError::denied()),
        FaultAction::Proceed | FaultAction::LoseAnswer => {}
    }
    let asked = access::Asked {
        ground,
        head,
        account: &account,
        container: container.as_deref(),
        blob: blob.as_deref(),
        query: &query,
        operation: &operation,
        tls: !plain,
    };
    access::check(&asked)?;
    let body = service::read_body(body, LARGEST).await.map_err(|_| BlobError::too_large())?;
    let ask = Ask {
        ground,
        head,
        account: &account,
        container: container.as_deref(),
        blob: blob.as_deref(),
        query: &query,
        body: &body,
        now: ground.clock.now(),
    };
    Ok(((operation.run)(&ask)?, weather == FaultAction::LoseAnswer))
}
