//! One port for every AWS service: which one a request is for.
//!
//! The scope of its signature names the service; unsigned requests are told by
//! `X-Amz-Target` or by the form that they post; everything else is S3.

use crate::callers;
use crate::deliver;
use crate::wire::s3::S3Wire;
use crate::wire::typed;
use async_trait::async_trait;
use aws_protocol::canonical::Scope;
use aws_protocol::{Service, codec};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use local_cloud::service::{full, read_body};
use local_cloud::{Body, Claim, CloudService, Connection, Endpoints, Ground, LocalCloudError, Tx};
use model::Cloud;
use std::sync::Arc;

/// Larger than any request of the services other than S3.
const LARGEST: usize = 1 << 20;
/// Where S3 Control lies, which signs as `s3`.
const S3_CONTROL: &str = "/v20180820/";

/// AWS, on the ground that all clouds share.
pub fn service(ground: Arc<Ground>) -> Arc<dyn CloudService> {
    let s3 = S3Wire::new(ground.clone());
    Arc::new(Aws { ground, s3 })
}

struct Aws {
    ground: Arc<Ground>,
    s3: S3Wire,
}

/// Where a request goes.
enum Way {
    S3,
    Typed(&'static Service),
    /// A service that this cloud does not have, by its name in the scope.
    Unknown(String),
    /// Told by its body.
    Body,
}

fn way(parts: &Parts) -> Way {
    let query = parts.uri.query().unwrap_or("");
    if let Some(scope) = Scope::of(&parts.headers, query) {
        return match scope.service.as_str() {
            "s3" | "s3express" => Way::S3,
            name => match Service::signed_as(name) {
                Some(service) => Way::Typed(service),
                None => Way::Unknown(scope.service),
            },
        };
    }
    let at_root = parts.uri.path() == "/";
    let form = parts.method == Method::POST
        && is(&parts.headers, CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded");
    let target = parts.headers.contains_key("x-amz-target");
    match at_root && (target || form || query.contains("Action=")) {
        true => Way::Body,
        false => Way::S3,
    }
}

fn is(headers: &HeaderMap, name: &str, start: &str) -> bool {
    headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|v| v.starts_with(start))
}

#[async_trait]
impl CloudService for Aws {
    fn cloud(&self) -> Cloud {
        "aws".into()
    }

    fn owns_host(&self, host: &str) -> bool {
        host == "amazonaws.com" || host.ends_with(".amazonaws.com") || host.ends_with(".api.aws")
    }

    fn claims(&self, head: &Parts) -> Option<Claim> {
        let query = head.uri.query().unwrap_or("");
        let ours = Scope::of(&head.headers, query).is_some()
            || is(&head.headers, AUTHORIZATION.as_str(), "AWS4-")
            // Signature version 2, which S3 refuses by name.
            || is(&head.headers, AUTHORIZATION.as_str(), "AWS ")
            || head.headers.contains_key("x-amz-target");
        if ours {
            return Some(Claim::Credential);
        }
        match head.uri.path().starts_with(S3_CONTROL) {
            true => Some(Claim::Prefix),
            false => Some(Claim::Fallback),
        }
    }

    async fn call(&self, request: Request<Body>, connection: Connection) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let response = match way(&parts) {
            Way::S3 => self.s3.call(Request::from_parts(parts, body), connection).await,
            Way::Unknown(name) => typed::no_such_service(&name, &parts),
            Way::Typed(service) => match read_body(body, LARGEST).await {
                Ok(body) => self.typed(service, &parts, &body, connection).await,
                Err(error) => too_large(&error.to_string()),
            },
            Way::Body => match read_body(body, LARGEST).await {
                Ok(body) => self.told_by_body(parts, body, connection).await,
                Err(error) => too_large(&error.to_string()),
            },
        };
        deliver::when_full(&self.ground);
        response
    }

    fn found(&self, tx: &mut Tx<'_>) {
        callers::found(tx, self.ground.clock.now());
    }

    fn environment(
        &self,
        caller: &str,
        endpoints: &Endpoints,
    ) -> Result<Option<Vec<(String, String)>>, LocalCloudError> {
        callers::environment(&self.ground, caller, endpoints)
    }

    fn default_caller(&self) -> &'static str {
        callers::DEPLOYER
    }

    async fn settle(&self) {
        deliver::all(&self.ground);
    }
}

impl Aws {
    async fn typed(
        &self,
        service: &'static Service,
        parts: &Parts,
        body: &[u8],
        connection: Connection,
    ) -> Response<Body> {
        typed::answer(&self.ground, service, parts, body, connection.tls).await
    }

    async fn told_by_body(
        &self,
        parts: Parts,
        body: Bytes,
        connection: Connection,
    ) -> Response<Body> {
        let query = parts.uri.query().unwrap_or("");
        let incoming = codec::Incoming { headers: &parts.headers, query, body: &body };
        match codec::service_of_unsigned(incoming) {
            Some(service) => self.typed(service, &parts, &body, connection).await,
            None if parts.headers.contains_key("x-amz-target") => {
                typed::no_such_service("of this target", &parts)
            }
            None => self.s3.call(Request::from_parts(parts, full(body)), connection).await,
        }
    }
}

fn too_large(words: &str) -> Response<Body> {
    let mut response = Response::new(full(words.to_owned()));
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response
}
