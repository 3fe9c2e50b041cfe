//! One listener for three clouds: a plain endpoint, and a proxy that ends TLS for the
//! clouds' own host names.
//!
//! On the plain endpoint a request goes to the cloud with the strongest [`Claim`]: a host
//! name, a credential, a reserved path; what nobody claims goes to the one cloud whose
//! protocol has no mark of its own. Through the proxy the host name decides, and every
//! other host is refused by name unless it was allowed.

use crate::control::Control;
use crate::ground::Ground;
use crate::service::{Body, BoxError, CloudService, Connection, LostAnswer, PlainHttp, full};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// More connections than any tool opens; beyond it new ones wait.
const MOST_CONNECTIONS: usize = 1024;
/// Calls under way get this long to end when the cloud stops.
const GRACE: Duration = Duration::from_secs(3);

pub struct FrontDoor {
    pub services: Vec<Arc<dyn CloudService>>,
    pub ground: Arc<Ground>,
    pub tls: Arc<ServerConfig>,
    /// Hosts outside the lab that the proxy may reach.
    pub allowed: Vec<String>,
    pub control: Arc<Control>,
    pub address: SocketAddr,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Cut>> + Send>>;

/// The connection is cut: an outage, or an answer that was to be lost.
#[derive(Debug, thiserror::Error)]
#[error("cut on request")]
struct Cut;

impl FrontDoor {
    /// Serves until `stop` says so, then lets calls under way end.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Ok((stream, peer)) = accepted else { continue };
            let Ok(slot) = slots.clone().acquire_owned().await else { break };
            let (door, stop) = (self.clone(), stop.clone());
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                let connection = Connection { peer, tls: false };
                door.connection(TokioIo::new(stream), connection, None, stop).await;
                drop(slot);
            });
        }
        let all = u32::try_from(MOST_CONNECTIONS).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(GRACE, slots.acquire_many(all)).await;
    }

    /// Serves one connection. `host` is set inside a tunnel: every request there is for it.
    fn connection<I>(
        self: Arc<Self>,
        io: I,
        connection: Connection,
        host: Option<Arc<str>>,
        mut stop: watch::Receiver<bool>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        Box::pin(async move {
            let inner_stop = stop.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let (door, host, stop) = (self.clone(), host.clone(), inner_stop.clone());
                let answer: Answering = Box::pin(door.handle(request, connection, host, stop));
                answer
            });
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().preserve_header_case(false).half_close(true);
            let serving = builder.serve_connection_with_upgrades(io, service);
            tokio::pin!(serving);
            tokio::select! {
                _ = serving.as_mut() => return,
                _ = stop.wait_for(|stop| *stop) => serving.as_mut().graceful_shutdown(),
            }
            let _ = tokio::time::timeout(GRACE, serving).await;
        })
    }

    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Connection,
        host: Option<Arc<str>>,
        stop: watch::Receiver<bool>,
    ) -> Result<Response<Body>, Cut> {
        if request.method() == Method::CONNECT {
            return Ok(self.connect(request, connection.peer, stop));
        }
        let mut request =
            request.map(|body| body.map_err(|e| -> BoxError { Box::new(e) }).boxed_unsync());
        if request.uri().path().starts_with(crate::control::PREFIX) && host.is_none() {
            return Ok(self.control.answer(request).await);
        }
        let name = match &host {
            Some(host) => Some(host.to_string()),
            None => self.own_name(&mut request),
        };
        let service = match name {
            Some(name) => match self.owner(&name) {
                Some(service) => service,
                None => return Ok(refused(&name)),
            },
            None => match self.claimed(&request) {
                Some(service) => service,
                None => {
                    return Ok(text(StatusCode::NOT_FOUND, "no local cloud serves this request"));
                }
            },
        };
        if self.ground.faults.is_out(&service.cloud()) {
            return Err(Cut);
        }
        let response = service.call(request, connection).await;
        if response.extensions().get::<LostAnswer>().is_some() {
            return Err(Cut);
        }
        Ok(response)
    }

    fn owner(&self, host: &str) -> Option<Arc<dyn CloudService>> {
        self.services.iter().find(|s| s.owns_host(host)).cloned()
    }

    fn claimed(&self, request: &Request<Body>) -> Option<Arc<dyn CloudService>> {
        let (head, ()) = Request::builder()
            .method(request.method())
            .uri(request.uri())
            .body(())
            .ok()
            .map(|mut copy| {
                *copy.headers_mut() = request.headers().clone();
                copy
            })?
            .into_parts();
        self.services
            .iter()
            .filter_map(|s| s.claims(&head).map(|claim| (claim, s)))
            .max_by_key(|(claim, _)| *claim)
            .map(|(_, s)| s.clone())
    }

    /// Turns an absolute-form target into an ordinary one and answers with the production
    /// host that the request is for; `None` on the plain endpoint.
    fn own_name(&self, request: &mut Request<Body>) -> Option<String> {
        if let Some(authority) = request.uri().authority().cloned() {
            if let Ok(value) = HeaderValue::from_str(authority.as_str()) {
                request.headers_mut().insert(HOST, value);
            }
            if request.version() != http::Version::HTTP_2 {
                request.extensions_mut().insert(PlainHttp);
                let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
                if let Ok(uri) = path.parse::<Uri>() {
                    *request.uri_mut() = uri;
                }
            }
        }
        let host = request.headers().get(HOST)?.to_str().ok()?;
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host }
        });
        if is_loopback(name) { None } else { Some(name.to_ascii_lowercase()) }
    }

    fn connect(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        stop: watch::Receiver<bool>,
    ) -> Response<Body> {
        let Some(authority) = request.uri().authority().cloned() else {
            return text(StatusCode::BAD_REQUEST, "CONNECT needs host:port");
        };
        let host: Arc<str> = authority.host().to_ascii_lowercase().into();
        let ours = self.owner(&host).is_some();
        let allowed = self.allowed.iter().any(|a| a.eq_ignore_ascii_case(&host));
        if !ours && !allowed {
            return refused(&host);
        }
        let port = authority.port_u16().unwrap_or(443);
        tokio::spawn(async move {
            let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
            if !ours {
                let Ok(mut far) = TcpStream::connect((&*host, port)).await else { return };
                let mut near = TokioIo::new(upgraded);
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                return;
            }
            let acceptor = TlsAcceptor::from(self.tls.clone());
            match acceptor.accept(TokioIo::new(upgraded)).await {
                Ok(stream) => {
                    let connection = Connection { peer, tls: true };
                    self.connection(TokioIo::new(stream), connection, Some(host), stop).await;
                }
                Err(cause) => tracing::debug!(%host, %cause, "no TLS inside the tunnel"),
            }
        });
        Response::new(full(Bytes::new()))
    }
}

/// An address of the plain endpoint; also `a.b.127.0.0.1`, which some clients make of a
/// bucket with a dot in its name.
fn is_loopback(name: &str) -> bool {
    name == "localhost" || name == "[::1]" || name == "127.0.0.1" || name.ends_with(".127.0.0.1")
}

fn refused(host: &str) -> Response<Body> {
    text(
        StatusCode::FORBIDDEN,
        &format!(
            "the lab does not reach {host}: no local cloud serves it. \
             lab cloud exec --allow {host} -- ... lets this command go there\n"
        ),
    )
}

pub(crate) fn text(status: StatusCode, words: &str) -> Response<Body> {
    let mut response = Response::new(full(words.to_owned()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
