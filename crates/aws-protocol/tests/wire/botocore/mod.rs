//! Requests that botocore wrote and signed (`record.py`): neither our encoder nor our signer had a part in them.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Deserialize)]
pub struct Recording {
    pub access_key: String,
    pub secret: String,
    pub session_token: String,
    signed_at: String,
    pub requests: Vec<Request>,
}

#[derive(Deserialize)]
pub struct Request {
    pub service: String,
    pub operation: String,
    pub input: Value,
    pub session: bool,
    pub presigned: bool,
    pub method: String,
    pub url: String,
    headers: BTreeMap<String, String>,
    pub body: String,
}

pub fn recording() -> Recording {
    serde_json::from_str(include_str!("requests.json")).unwrap()
}

impl Recording {
    pub fn signed_at(&self) -> OffsetDateTime {
        OffsetDateTime::parse(&self.signed_at, &Rfc3339).unwrap()
    }
}

impl Request {
    pub fn parts(&self) -> http::request::Parts {
        let mut request = http::Request::builder().method(self.method.as_str()).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        // botocore leaves the Host header to the connection.
        let host = self.url.split('/').nth(2).unwrap();
        request.header("host", host).body(()).unwrap().into_parts().0
    }

    pub fn query(&self) -> &str {
        self.url.split_once('?').map_or("", |(_, query)| query)
    }

    pub fn headers(&self) -> HeaderMap {
        self.parts().headers
    }
}
