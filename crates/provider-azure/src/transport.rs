//! Where requests really go. The clients below always speak to Azure's production names,
//! because a token may only travel to those, over TLS; an endpoint that stands in for Azure
//! is put underneath them: each request goes there and keeps its `Host`.

use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, USER_AGENT};
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Request, RetryOptions, Transport,
};
use provider::{ErrorKind as Kind, ProviderError, Purpose};
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
    purpose: Purpose,
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
        return Ok(Arc::new(Named { inner: Arc::new(client), purpose }));
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
    Ok(Arc::new(Named { inner: Arc::new(Reroute { client, base }), purpose }))
}

/// Puts our name before the SDK's, whose own place for one is shorter than it.
#[derive(Debug)]
struct Named {
    inner: Arc<dyn HttpClient>,
    purpose: Purpose,
}

#[async_trait::async_trait]
impl HttpClient for Named {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        let ours = self.purpose.user_agent();
        let agent = match request.headers().get_optional_str(&USER_AGENT) {
            Some(theirs) => format!("{ours} {theirs}"),
            None => ours.to_owned(),
        };
        request.insert_header(USER_AGENT, HeaderValue::from(agent));
        self.inner.execute_request(&request).await
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::Method;
    use std::sync::{Mutex, PoisonError};

    /// Remembers under which name it was asked, and answers nothing.
    #[derive(Debug, Default)]
    struct Asked(Mutex<Vec<String>>);

    #[async_trait::async_trait]
    impl HttpClient for Asked {
        async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
            let agent = request.headers().get_optional_str(&USER_AGENT).unwrap_or_default();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(agent.to_owned());
            Err(Error::with_message(ErrorKind::Other, "nobody is here"))
        }
    }

    #[tokio::test]
    async fn every_request_bears_our_name() {
        let asked = Arc::new(Asked::default());
        for purpose in [Purpose::Looking, Purpose::Remediation] {
            let named = Named { inner: asked.clone(), purpose };
            let url = Url::parse("https://management.azure.com/").unwrap();
            let mut request = Request::new(url, Method::Get);
            assert!(named.execute_request(&request).await.is_err());
            request.insert_header(USER_AGENT, HeaderValue::from_static("azsdk-rust-x/1"));
            assert!(named.execute_request(&request).await.is_err());
        }
        let own = Purpose::Looking.user_agent();
        let fixing = Purpose::Remediation.user_agent();
        let expected =
            [own, &format!("{own} azsdk-rust-x/1"), fixing, &format!("{fixing} azsdk-rust-x/1")];
        assert_eq!(*asked.0.lock().unwrap(), expected);
    }
}
