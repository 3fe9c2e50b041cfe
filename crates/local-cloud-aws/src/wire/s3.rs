//! Amazon S3: the layer around the protocol library.
//!
//! s3s reads requests and writes answers. What it leaves to us, or does otherwise than S3,
//! happens here and in the modules beside: who signed (with S3's own words for what does
//! not hold), which operation is asked for, request ids, the record of every call, and the
//! error document with all its members.
//!
//! In the order in which a call passes them: [`s3_route`](super::s3_route),
//! [`s3_call`](super::s3_call), [`s3_access`](super::s3_access),
//! [`s3_operations`](super::s3_operations).

use crate::identify;
use crate::state::s3 as state;
use crate::wire::s3_access;
use crate::wire::s3_call::{Answered, Asked, Ids, S3Call, text};
use crate::wire::s3_checksum;
use crate::wire::s3_control;
use crate::wire::s3_error::{Refused, default_message};
use crate::wire::s3_identify;
use crate::wire::s3_operations::Operations;
use crate::wire::s3_route::{self, Hosts};
use aws_protocol::ServiceError;
use aws_protocol::codec::xml;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use local_cloud::service::{BodyError, BoxError, full, read_body};
use local_cloud::{Body, Connection, FaultAction, Ground, LostAnswer};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3ErrorCode, S3Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

/// A configuration, a list of a thousand keys or of ten thousand parts fits in.
const LARGEST_DOCUMENT: usize = 4 << 20;
const LARGEST_ERROR: usize = 1 << 20;

pub struct S3Wire {
    ground: Arc<Ground>,
    service: S3Service,
}

/// Put beside the call where its answer is to be lost.
#[derive(Clone)]
struct Lost(Arc<AtomicBool>);

impl S3Wire {
    pub fn new(ground: Arc<Ground>) -> S3Wire {
        let mut builder = S3ServiceBuilder::new(Operations);
        builder.set_auth(Keys { ground: ground.clone() });
        builder.set_access(Gate);
        builder.set_host(Hosts);
        S3Wire { ground, service: builder.build() }
    }

    /// Answers one request.
    pub async fn call(&self, request: Request<Body>, connection: Connection) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let host = host_of(&parts);
        if parts.uri.path().starts_with(s3_control::PREFIX) {
            return s3_control::answer(&self.ground, parts, host, body, connection).await;
        }
        let named = s3_route::read_host(&host);
        let target = s3_route::target(&named, parts.uri.path());
        let query = parts.uri.query().unwrap_or("").to_owned();
        let form = text(&parts.headers, CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("multipart/form-data"));
        let operation = s3_route::operation(&parts.method, &target, &query, &parts.headers);
        let Some(operation) = operation.filter(|_| !form || parts.method != Method::POST) else {
            let refused = match parts.method {
                Method::POST => Refused::not_implemented("PostObject"),
                _ => Refused::new("MethodNotAllowed", 405, default_message("MethodNotAllowed")),
            };
            let ids = Ids::unrecorded(&self.ground);
            return error_answer(&refused.0, None, &ids, parts.method == Method::HEAD);
        };

        let caller = s3_identify::caller(&self.ground, &parts, named.region.as_deref());
        let refusal = caller.refused.clone();
        let bytes_in = Arc::new(AtomicU64::new(0));
        // Object data streams through; everything else is a document and in the record.
        let streams = matches!(operation.name, "PutObject" | "UploadPart");
        let body = Counted { inner: body, bytes: bytes_in.clone() };
        let (document, stream, refusal) = match (streams, refusal) {
            (true, refusal) => (Bytes::new(), Some(Body::new(body)), refusal),
            (false, refusal) => match read_body(Body::new(body), LARGEST_DOCUMENT).await {
                Ok(bytes) => (bytes, None, refusal),
                Err(BodyError::TooLarge { .. }) => {
                    let message = default_message("MaxMessageLengthExceeded");
                    let refused = Refused::new("MaxMessageLengthExceeded", 400, message);
                    (Bytes::new(), None, refusal.or(Some(refused)))
                }
                Err(BodyError::Cut(_)) => {
                    let message = default_message("IncompleteBody");
                    let refused = Refused::new("IncompleteBody", 400, message);
                    (Bytes::new(), None, refusal.or(Some(refused)))
                }
            },
        };
        let asked = Asked {
            bucket: target.bucket,
            key: target.key,
            secure: connection.tls || is_loopback(&host),
            host,
            query,
            headers: parts.headers.clone(),
            body: document.clone(),
            bytes_in,
            tls: connection.tls,
        };
        let call = Arc::new(S3Call::new(self.ground.clone(), operation, caller, asked));
        let head = parts.method == Method::HEAD;
        let refusal = match refusal {
            None if !streams => s3_checksum::check_document(&parts.headers, &document).err(),
            refusal => refusal,
        };
        if let Some(Refused(error)) = refusal {
            let ids = call.finish(Answered { error: Some(&error), ..Answered::default() });
            return error_answer(&error, Some(&call), &ids, head);
        }
        let lost = Lost(Arc::default());
        let mut request = Request::from_parts(
            parts,
            match stream {
                Some(stream) => s3s::Body::http_body_unsync(stream),
                None => s3s::Body::from(document),
            },
        );
        request.extensions_mut().insert(call.clone());
        request.extensions_mut().insert(lost.clone());
        let answer = match self.service.call(request).await {
            Ok(answer) => answer,
            Err(cause) => {
                tracing::warn!(?cause, "the S3 protocol layer failed");
                let Refused(error) = Refused::internal();
                let ids = call.finish(Answered { error: Some(&error), ..Answered::default() });
                return error_answer(&error, Some(&call), &ids, head);
            }
        };
        let mut answer = self.finish(&call, answer, head).await;
        if lost.0.load(Ordering::Acquire) {
            answer.extensions_mut().insert(LostAnswer);
        }
        answer
    }

    /// Records what was not recorded with its change, and completes the answer.
    async fn finish(
        &self,
        call: &S3Call,
        answer: Response<s3s::Body>,
        head: bool,
    ) -> Response<Body> {
        let (mut parts, body) = answer.into_parts();
        if parts.status.is_client_error() || parts.status.is_server_error() {
            let body = read_body(body.boxed_unsync(), LARGEST_ERROR).await.unwrap_or_default();
            let error = read_error(&body, parts.status, call.operation.name);
            let ids = call.finish(Answered { error: Some(&error), ..Answered::default() });
            let mut out = error_answer(&error, Some(call), &ids, head);
            for (name, value) in &parts.headers {
                if *name != CONTENT_TYPE && *name != http::header::CONTENT_LENGTH {
                    out.headers_mut().insert(name.clone(), value.clone());
                }
            }
            return out;
        }
        let length = match head || parts.status == StatusCode::NOT_MODIFIED {
            true => 0,
            false => body.size_hint().exact().unwrap_or(0),
        };
        let answered = Answered { error: None, headers: Some(&parts.headers), bytes: length };
        let ids = call.finish(answered);
        // As S3 answers; the protocol library says 200.
        if call.operation.name == "PutBucketPolicy" && parts.status == StatusCode::OK {
            parts.status = StatusCode::NO_CONTENT;
        }
        let mut out = Response::from_parts(parts, body.boxed_unsync());
        mark(&mut out, &ids);
        out
    }
}

/// A body that counts what comes, for the record, and still says how much will.
struct Counted {
    inner: Body,
    bytes: Arc<AtomicU64>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.bytes.fetch_add(data.len() as u64, Ordering::AcqRel);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn host_of(parts: &Parts) -> String {
    let header = text(&parts.headers, HOST.as_str());
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    header.or(authority).unwrap_or_default().to_owned()
}

/// On the plain endpoint loopback counts as TLS; a production name without TLS does not.
fn is_loopback(host: &str) -> bool {
    !host.contains("amazonaws.com")
}

/// The secrets that the protocol layer verifies with.
struct Keys {
    ground: Arc<Ground>,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let key = self.ground.store.read(|view| identify::secret_for(view, access_key));
        match key {
            Some(key) => Ok(SecretKey::from(key.secret)),
            None => Err(Refused::unknown_key().into()),
        }
    }
}

/// Faults, then permission: once the protocol layer has verified the signature and knows the
/// operation.
struct Gate;

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let name = context.s3_op().name().to_owned();
        let signed = context.credentials().is_some();
        let path = context.s3_path();
        let bucket = path.get_bucket_name().map(str::to_owned);
        let key = path.get_object_key().map(str::to_owned);
        let extensions = context.extensions_mut();
        let internal = || S3Error::new(S3ErrorCode::InternalError);
        let call = extensions.get::<Arc<S3Call>>().cloned().ok_or_else(internal)?;
        let lost = extensions.get::<Lost>().cloned().ok_or_else(internal)?;
        // The library takes a sub-resource that it does not know for none: DELETE of an
        // unknown part of a bucket would delete the bucket.
        if name != call.operation.name {
            return Err(Refused::not_implemented(call.operation.name).into());
        }
        // What is decided about must be what is done.
        if bucket != call.bucket || key != call.key {
            let message = default_message("InvalidURI");
            return Err(Refused::new("InvalidURI", 400, message).into());
        }
        if signed == call.principal.is_anonymous() {
            return Err(Refused::access_denied().into());
        }
        call.verified.store(true, Ordering::Release);
        let faults = &call.ground.faults;
        match faults.check(&model::Cloud::from("aws"), "s3", &name).await {
            FaultAction::Proceed => {}
            FaultAction::Throttle => return Err(Refused::slow_down().into()),
            FaultAction::Fail => return Err(Refused::internal().into()),
            FaultAction::Deny => return Err(s3_access::denied(&call).into()),
            FaultAction::LoseAnswer => lost.0.store(true, Ordering::Release),
        }
        call.read(|view| s3_access::check(&call, view)).map_err(S3Error::from)
    }
}

/// Code and message of an error document.
fn read_error(body: &[u8], status: StatusCode, operation: &str) -> ServiceError {
    let document = xml::parse(body).ok();
    let read = |name| document.as_ref().and_then(|root| root.text_of(name));
    let code = read("Code").unwrap_or(match status {
        StatusCode::NOT_FOUND => "NoSuchKey",
        StatusCode::PRECONDITION_FAILED => "PreconditionFailed",
        _ => "InternalError",
    });
    if code == "NotImplemented" {
        return Refused::not_implemented(operation).0;
    }
    let message = read("Message").unwrap_or_else(|| default_message(code));
    // The library has statuses of its own for some; S3's are these.
    let status = match code {
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => 403,
        _ => status.as_u16(),
    };
    ServiceError::new(code, message, status)
}

/// The error document. HEAD answers have none.
fn error_answer(
    error: &ServiceError,
    call: Option<&S3Call>,
    ids: &Ids,
    head: bool,
) -> Response<Body> {
    let mut document = xml::Sink::new();
    document.open("Error", None);
    document.leaf("Code", &error.code);
    document.leaf("Message", &error.message);
    if let Some(call) = call {
        match error.code.as_str() {
            "NoSuchKey" | "NoSuchVersion" => {
                document.leaf("Key", call.key.as_deref().unwrap_or(""));
            }
            "NoSuchBucket"
            | "BucketAlreadyExists"
            | "BucketAlreadyOwnedByYou"
            | "BucketNotEmpty"
            | "NoSuchBucketPolicy"
            | "NoSuchTagSet"
            | "NoSuchPublicAccessBlockConfiguration" => {
                document.leaf("BucketName", call.bucket.as_deref().unwrap_or(""));
            }
            _ => {}
        }
    }
    document.leaf("RequestId", &ids.request);
    document.leaf("HostId", &ids.extended);
    document.close("Error");
    let body = match head || error.status == 304 {
        true => Bytes::new(),
        false => document.finish().into(),
    };
    let mut out = Response::new(full(body));
    *out.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    out.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Some(call) = call
        && let Some(region) = bucket_region(call)
        && let Ok(value) = HeaderValue::from_str(&region)
    {
        out.headers_mut().insert(HeaderName::from_static("x-amz-bucket-region"), value);
    }
    mark(&mut out, ids);
    out
}

/// By this header clients find the right region after a refusal.
fn bucket_region(call: &S3Call) -> Option<String> {
    let name = call.bucket.as_deref()?;
    call.ground.store.read(|view| state::bucket(view, name)).map(|bucket| bucket.region)
}

fn mark(answer: &mut Response<Body>, ids: &Ids) {
    let headers = answer.headers_mut();
    for (name, id) in [("x-amz-request-id", &ids.request), ("x-amz-id-2", &ids.extended)] {
        if let Ok(value) = HeaderValue::from_str(id) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers.insert(http::header::SERVER, HeaderValue::from_static("AmazonS3"));
}
