//! Where requests really go. The clients below always speak to Azure's production names,
//! because a token may only travel to those, over TLS; an endpoint that stands in for Azure
//! is put underneath them: each request goes there and keeps its `Host`.

use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue};
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Request, RetryOptions, Transport,
};
use provider::{ErrorKind as Kind, ProviderError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const CONNECT: Duration = Duration::from_secs(10);

/// The one client of a session: the cloud's own hosts, or the endpoint that stands in for
/// all of them.
pub(crate) fn http_client(
    endpoint: Option<&str>,
    ca_bundle: Option<&Path>,
) -> Result<Arc<dyn HttpClient>, ProviderError> {
    let invalid = |target: &str, why: String| {
        ProviderError::new(Kind::Invalid, "connect to Azure", target).because(why)
    };
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none());
    if let Some(path) = ca_bundle {
        let shown = path.display().to_string();
        let pem = std::fs::read(path).map_err(|e| invalid(&shown, e.to_string()))?;
        let roots = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|e| invalid(&shown, e.to_string()))?;
        builder = builder.tls_certs_merge(roots);
    }
    let Some(endpoint) = endpoint else {
        let client = builder.build().map_err(|e| invalid("https", e.to_string()))?;
        return Ok(Arc::new(client));
    };
    let base = Url::parse(endpoint)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
        .ok_or_else(|| {
            invalid(endpoint, "not an http or https address".to_owned())
                .next_step("give it as http://127.0.0.1:PORT")
        })?;
    if base.scheme() == "http" {
        // Reading the system's certificates is most of what a client costs.
        builder = builder.tls_certs_only([]);
    }
    // A proxy that the environment names is for production hosts.
    let client = builder.no_proxy().build().map_err(|e| invalid(endpoint, e.to_string()))?;
    Ok(Arc::new(Reroute { client, base }))
}

/// Options for a client of the SDK. Its own retries are off: [`provider::Layers`] retries,
/// once and in one place.
pub(crate) fn client_options(http: &Arc<dyn HttpClient>) -> ClientOptions {
    ClientOptions {
        transport: Some(Transport::new(http.clone())),
        retry: RetryOptions::none(),
        ..ClientOptions::default()
    }
}

#[derive(Debug)]
struct Reroute {
    client: reqwest::Client,
    base: Url,
}

#[async_trait::async_trait]
impl HttpClient for Reroute {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        let url = request.url_mut();
        let host = url.host_str().unwrap_or_default().to_owned();
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        let moved = url.set_scheme(self.base.scheme()).is_ok()
            && url.set_host(self.base.host_str()).is_ok()
            && url.set_port(self.base.port()).is_ok();
        if !moved {
            return Err(Error::with_message(ErrorKind::Other, "the endpoint takes no such URL"));
        }
        request.insert_header(HeaderName::from_static("host"), HeaderValue::from(host));
        self.client.execute_request(&request).await
    }
}
