//! What one cloud is to the front door.

use crate::error::LocalCloudError;
use crate::store::Tx;
use async_trait::async_trait;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use model::Cloud;
use std::net::SocketAddr;
use std::path::PathBuf;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request's or an answer's body.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body out of bytes at hand.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Reads a whole body, or says why not.
pub async fn read_body(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut bytes = bytes::BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| BodyError::Cut(cause.to_string()))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > limit {
                return Err(BodyError::TooLarge { limit });
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body ended early: {0}")]
    Cut(String),
}

/// How sure a cloud is that a request on the plain endpoint is its own. The greatest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// It would take it if nobody else does.
    Fallback,
    /// A path that this cloud reserves.
    Prefix,
    /// A credential that only this cloud knows.
    Credential,
    /// The request names one of this cloud's hosts.
    Host,
}

/// How a request came in.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    pub peer: SocketAddr,
    /// It came through TLS that the lab ended. On the plain endpoint loopback counts as TLS
    /// for conditions like `aws:SecureTransport`; `tls` tells them apart where it matters.
    pub tls: bool,
}

/// Where a running local cloud can be reached, for the environment of other tools.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub address: SocketAddr,
    /// The system's roots and the lab's own.
    pub ca_bundle: PathBuf,
    /// A folder in which credential files may be written (mode 0600).
    pub folder: PathBuf,
}

impl Endpoints {
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// In a request's extensions: it was sent to the proxy as `http://host/...`, so whoever sent
/// it meant plain HTTP. On the plain endpoint itself loopback counts as TLS.
#[derive(Clone, Copy, Debug)]
pub struct PlainHttp;

/// Put into an answer's extensions, it makes the front door cut the connection instead.
#[derive(Clone, Copy, Debug)]
pub struct LostAnswer;

/// One cloud on your desk.
#[async_trait]
pub trait CloudService: Send + Sync + 'static {
    fn cloud(&self) -> Cloud;

    /// Is this one of the cloud's production host names?
    fn owns_host(&self, host: &str) -> bool;

    /// Does a request on the plain endpoint belong here?
    fn claims(&self, head: &Parts) -> Option<Claim>;

    /// Answers one request. Whatever this cloud does not implement gets the error of the
    /// service that was asked.
    async fn call(&self, request: Request<Body>, connection: Connection) -> Response<Body>;

    /// Makes accounts, callers and trails in a new folder: what is there before anybody can
    /// make a call. Everything else comes by calls.
    fn found(&self, tx: &mut Tx<'_>);

    /// The variables under which this cloud's unmodified tools act as a caller, and the
    /// credential files they name. `None` when this cloud has no such caller.
    fn environment(
        &self,
        caller: &str,
        endpoints: &Endpoints,
    ) -> Result<Option<Vec<(String, String)>>, LocalCloudError>;

    /// The caller that `lab cloud exec` acts as by default; it may do everything.
    fn default_caller(&self) -> &'static str;

    /// Brings log files that are due into their store: on shutdown and after a crash.
    async fn settle(&self);
}
