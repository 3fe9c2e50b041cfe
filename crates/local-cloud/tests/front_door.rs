//! The front door over real sockets: routing, tunnels, refusals, start and stop.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use async_trait::async_trait;
use http::request::Parts;
use http::{Request, Response};
use local_cloud::control::{Answer, Ask, Remote};
use local_cloud::faults::{Fault, FaultEffect};
use local_cloud::running::Start;
use local_cloud::service::full;
use local_cloud::*;
use model::Cloud;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Echo {
    name: &'static str,
    host: &'static str,
    claim: Claim,
    path: &'static str,
}

#[async_trait]
impl CloudService for Echo {
    fn cloud(&self) -> Cloud {
        self.name.into()
    }
    fn owns_host(&self, host: &str) -> bool {
        host == self.host
    }
    fn claims(&self, head: &Parts) -> Option<Claim> {
        head.uri.path().starts_with(self.path).then_some(self.claim)
    }
    async fn call(&self, request: Request<Body>, connection: Connection) -> Response<Body> {
        let words = format!("{} {} tls={}", self.name, request.uri(), connection.tls);
        Response::new(full(words))
    }
    fn found(&self, tx: &mut Tx<'_>) {
        tx.count(self.name);
    }
    fn environment(
        &self,
        caller: &str,
        _: &Endpoints,
    ) -> Result<Option<Vec<(String, String)>>, LocalCloudError> {
        Ok((caller == "deployer").then(|| vec![("CLOUD".to_owned(), self.name.to_owned())]))
    }
    fn default_caller(&self) -> &'static str {
        "deployer"
    }
    async fn settle(&self) {}
}

async fn start(folder: &Path) -> Running {
    let start = Start { folder, holder: "test", port: None, allowed: Vec::new() };
    LocalCloud::start(start, |_| {
        vec![
            Arc::new(Echo { name: "one", host: "one.example", claim: Claim::Fallback, path: "/" }),
            Arc::new(Echo {
                name: "two",
                host: "two.example",
                claim: Claim::Prefix,
                path: "/two/",
            }),
        ]
    })
    .await
    .unwrap()
}

async fn send(running: &Running, text: &str) -> String {
    let mut stream = TcpStream::connect(running.endpoints().address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(target: &str, host: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn requests_find_their_cloud() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path()).await;
    for (target, host, expected) in [
        ("/bucket/key", "127.0.0.1:1", "one /bucket/key tls=false"),
        ("/two/x?y=1", "127.0.0.1", "two /two/x?y=1 tls=false"),
        ("/bucket", "two.example", "two /bucket tls=false"),
        ("http://two.example/a", "two.example", "two /a tls=false"),
        ("http://a.b.127.0.0.1:5/k", "a.b.127.0.0.1:5", "one /k tls=false"),
    ] {
        let answer = send(&running, &get(target, host)).await;
        assert!(answer.ends_with(expected), "{target} at {host}: {answer}");
    }
    let answer = send(&running, &get("/", "evil.example")).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("evil.example"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn the_proxy_ends_tls_for_the_clouds_own_hosts_only() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path()).await;
    let refused = send(
        &running,
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");

    let mut stream = TcpStream::connect(running.endpoints().address).await.unwrap();
    stream
        .write_all(b"CONNECT two.example:443 HTTP/1.1\r\nHost: two.example\r\n\r\n")
        .await
        .unwrap();
    let mut head = [0u8; 1024];
    let read = stream.read(&mut head).await.unwrap();
    assert!(head[..read].starts_with(b"HTTP/1.1 200"));
    let pem = std::fs::read_to_string(dir.path().join("ca.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    use rustls::pki_types::pem::PemObject;
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut tls = connector.connect("two.example".try_into().unwrap(), stream).await.unwrap();
    tls.write_all(get("/in/tunnel", "two.example").as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = tls.read_to_string(&mut answer).await;
    assert!(answer.ends_with("two /in/tunnel tls=true"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn another_process_can_ask_and_stop_it() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path()).await;
    assert!(Remote::find(dir.path()).await.is_none(), "it is nobody else's before it is said");
    running.publish().unwrap();
    let remote = Remote::find(dir.path()).await.unwrap();
    let Answer::Environment { variables } =
        remote.ask(Ask::Environment { caller: None }).await.unwrap()
    else {
        panic!("not an environment")
    };
    assert!(variables.contains(&("CLOUD".to_owned(), "one".to_owned())));
    assert!(variables.iter().any(|(n, _)| n == "HTTPS_PROXY"));
    let unknown = remote.ask(Ask::Environment { caller: Some("nobody".to_owned()) }).await;
    assert!(unknown.unwrap_err().to_string().contains("nobody"));
    let stranger = send(&running, &get("/_lab/control", "127.0.0.1")).await;
    assert!(stranger.starts_with("HTTP/1.1 403"), "{stranger}");
    remote.ask(Ask::Stop).await.unwrap();
    running.asked_to_stop().await;
    running.stop().await;
    assert!(Remote::find(dir.path()).await.is_none());
}

#[tokio::test]
async fn an_outage_cuts_one_cloud() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path()).await;
    let effect = FaultEffect::Outage;
    let fault = Fault { cloud: Some("two".into()), service: None, operation: None, effect };
    running.ask(Ask::SetFault { fault }).await.unwrap();
    assert_eq!(send(&running, &get("/two/x", "127.0.0.1")).await, "");
    assert!(send(&running, &get("/x", "127.0.0.1")).await.contains("one /x"));
    running.stop().await;
}

#[tokio::test]
async fn a_folder_is_founded_once_and_a_taken_port_is_named() {
    let dir = tempfile::tempdir().unwrap();
    start(dir.path()).await.stop().await;
    let running = start(dir.path()).await;
    let count = running.ground().store.read(|v| v.get::<u64>("counters", "one"));
    assert_eq!(count, Some(1));
    let other = tempfile::tempdir().unwrap();
    let port = running.endpoints().address.port();
    let start = Start { folder: other.path(), holder: "test", port: Some(port), allowed: vec![] };
    let error = LocalCloud::start(start, |_| Vec::new()).await.err().unwrap().to_string();
    assert!(error.contains(&port.to_string()), "{error}");
    running.stop().await;
}
