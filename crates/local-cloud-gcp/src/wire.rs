//! Protocols: a request in, one call, an answer out.

pub mod grpc;
pub mod grpc_shape;
pub mod json;
pub mod json_shape;
pub mod logging;
pub mod metadata;
pub mod objects;
pub mod projects;
pub mod token;
pub mod upload;
pub mod userinfo;
pub mod xml;

use crate::error::ApiError;
use crate::story;
use http::header::{CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use local_cloud::Body;
use local_cloud::service::full;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use std::collections::BTreeMap;

/// The largest body that one request may have.
pub const LARGEST: usize = 64 << 20;

/// In which form a refusal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Legacy,
    Platform,
    Xml,
    Grpc,
}

pub fn refuse(form: Form, error: &ApiError) -> Response<Body> {
    match form {
        Form::Legacy => {
            let mut response = answer(error.http, &error.legacy_json());
            if error.http == 401 {
                response.headers_mut().insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"https://accounts.google.com/\""),
                );
            }
            response
        }
        Form::Platform => {
            let resource = format!("projects/{}", story::PROJECT);
            answer(error.http, &error.platform_json("iam.googleapis.com", &resource))
        }
        Form::Xml => {
            let (status, text) = error.xml();
            typed(status, "application/xml; charset=UTF-8", text)
        }
        Form::Grpc => error.status().into_http::<tonic::body::Body>().map(grpc::ours),
    }
}

pub fn answer(status: u16, body: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_vec(body).unwrap_or_default();
    typed(status, "application/json; charset=UTF-8", text)
}

pub fn typed(
    status: u16,
    content_type: &'static str,
    body: impl Into<bytes::Bytes>,
) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(full(bytes::Bytes::new()));
    *response.status_mut() = status;
    response
}

/// Sets a header whose value comes from stored text; one that no header can hold is left out.
pub fn put_header(response: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().append(HeaderName::from_static(name), value);
    }
}

/// Query parameters; `permissions` and the like may repeat.
#[derive(Debug, Default)]
pub struct Query(BTreeMap<String, Vec<String>>);

impl Query {
    pub fn of(query: Option<&str>) -> Query {
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            map.entry(key.into_owned()).or_default().push(value.into_owned());
        }
        Query(map)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    pub fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.get(name).cloned().unwrap_or_default()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    pub fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name)
            .map(|v| {
                v.parse().map_err(|_| ApiError::invalid(format!("Invalid value '{v}' for {name}")))
            })
            .transpose()
    }

    /// `maxResults`, within what the service allows.
    pub fn limit(&self, name: &str) -> Result<usize, ApiError> {
        let wanted = self.number(name)?.unwrap_or(1000);
        Ok(usize::try_from(wanted).unwrap_or(0).clamp(1, 1000))
    }
}

/// Path segments, each decoded by itself: an object's name may hold `%2F`.
pub fn segments(path: &str) -> Vec<String> {
    path.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect()
}

/// A page token: opaque to clients.
pub fn to_token(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

pub fn from_token(token: Option<&str>) -> Result<Option<String>, ApiError> {
    use base64::Engine;
    let Some(token) = token.filter(|t| !t.is_empty()) else { return Ok(None) };
    let bad = || ApiError::invalid("Invalid page token.");
    let bytes =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
    String::from_utf8(bytes).map(Some).map_err(|_| bad())
}
