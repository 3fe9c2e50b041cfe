//! The one file that knows how the Google SDK is configured.
//!
//! Buckets and their policies go over gRPC ([`StorageControl`]), objects over JSON
//! ([`Storage`]), the audit log and the project over plain REST with the same credentials.
//! The SDK's own retries are off: every call goes through [`Layers::call`]. With an explicit
//! endpoint everything goes there, production host names included.

use crate::credentials::{self, ConnectOptions, Found};
use crate::error::{self, As, CredentialSource};
use async_trait::async_trait;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use google_cloud_auth::errors::CredentialsError;
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::client::{Storage, StorageControl};
use google_cloud_storage::read_resume_policy::NeverResume;
use provider::layers::{Call, Limits};
use provider::reader::Identity;
use provider::{ErrorKind, Layers, ProviderError, Purpose, Session};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Cloud Logging quotas: `entries.list`, 60 calls a minute and user.
const LOG_READS_PER_SECOND: f64 = 1.0;

/// A token comes from a signature, a token endpoint or the metadata server; none of them
/// takes long, and a metadata server that is not there never answers.
const TOKEN_IN_TIME: Duration = Duration::from_secs(10);

/// The services that are asked by REST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Logging,
    Projects,
    Storage,
}

impl Service {
    fn host(self) -> &'static str {
        match self {
            Service::Logging => "https://logging.googleapis.com",
            Service::Projects => "https://cloudresourcemanager.googleapis.com",
            Service::Storage => "https://storage.googleapis.com",
        }
    }
}

/// A connection to one project.
pub struct GcpSession {
    pub(crate) control: StorageControl,
    pub(crate) storage: Storage,
    pub(crate) http: reqwest::Client,
    pub(crate) layers: Layers,
    /// The audit log is asked at its own, slow pace.
    pub(crate) lookups: Layers,
    pub(crate) project: String,
    purpose: Purpose,
    endpoint: Option<String>,
    source: CredentialSource,
    /// The e-mail address behind the credentials, where they tell it.
    email: Option<String>,
    credentials: Credentials,
    own: OnceCell<Project>,
    /// Projects by number, as buckets name theirs; `None` for one that may not be seen.
    known: Mutex<BTreeMap<String, Option<String>>>,
    identity: OnceCell<Identity>,
}

/// What Resource Manager tells of a project.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Project {
    /// `projects/418300000123`
    name: String,
    project_id: String,
}

impl Project {
    fn number(&self) -> Option<&str> {
        self.name.strip_prefix("projects/").filter(|n| !n.is_empty())
    }
}

impl GcpSession {
    pub async fn open(options: ConnectOptions) -> Result<Self, ProviderError> {
        let http = http_client(&options)?;
        let Found { credentials, source, email, project } =
            credentials::find(&options, &http).await?;
        let endpoint = options.endpoint.as_deref().map(|e| e.trim_end_matches('/').to_owned());
        let prepare = |cause: String| {
            ProviderError::new(ErrorKind::Invalid, "connect", "storage.googleapis.com")
                .because(cause)
        };
        let mut control = StorageControl::builder()
            .with_credentials(credentials.clone())
            .with_retry_policy(NeverRetry);
        let mut storage = Storage::builder()
            .with_credentials(credentials.clone())
            .with_retry_policy(NeverRetry)
            .with_read_resume_policy(NeverResume);
        if let Some(endpoint) = &endpoint {
            control = control.with_endpoint(endpoint);
            storage = storage.with_endpoint(endpoint);
        }
        let control = control.build().await.map_err(|e| prepare(error::deepest(&e)))?;
        let storage = storage.build().await.map_err(|e| prepare(error::deepest(&e)))?;
        // The limit is Google's own; another endpoint throttles when it wants.
        let rate = match &endpoint {
            None => LOG_READS_PER_SECOND,
            Some(_) => options.limits.rate,
        };
        Ok(GcpSession {
            control,
            storage,
            http,
            lookups: Layers::new(Limits { rate, ..options.limits.clone() }),
            layers: Layers::new(options.limits),
            project,
            purpose: options.purpose,
            endpoint,
            source,
            email,
            credentials,
            own: OnceCell::new(),
            known: Mutex::default(),
            identity: OnceCell::new(),
        })
    }

    pub(crate) fn by(&self) -> As<'_> {
        let caller = match self.identity.get() {
            Some(identity) => Some(identity.caller.as_str()),
            None => self.email.as_deref().map(|e| short(e, &self.project)),
        };
        As { caller, source: &self.source }
    }

    /// Marks a request of the SDK as ours in the cloud's log.
    pub(crate) fn ours<B: RequestOptionsBuilder>(&self, request: B) -> B {
        request.with_user_agent(self.user_agent())
    }

    pub(crate) fn user_agent(&self) -> &'static str {
        self.purpose.user_agent()
    }

    /// One call of the SDK through all layers.
    pub(crate) async fn sdk<T, F, A>(
        &self,
        call: Call<'_>,
        mut attempt: A,
    ) -> Result<T, ProviderError>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T, google_cloud_gax::error::Error>>,
    {
        self.layers
            .call(call.clone(), || {
                let attempt = attempt();
                let call = call.clone();
                async move { attempt.await.map_err(|e| error::of_sdk(&call, &self.by(), &e)) }
            })
            .await
    }

    /// `https://logging.googleapis.com/v2/entries:list`, or the same path elsewhere.
    pub(crate) fn url(&self, service: Service, path: &str) -> String {
        format!("{}{path}", self.endpoint.as_deref().unwrap_or(service.host()))
    }

    /// The headers that show who we are.
    async fn headers(&self, call: &Call<'_>) -> Result<http::HeaderMap, ProviderError> {
        let asked = self.credentials.headers(http::Extensions::new());
        match tokio::time::timeout(TOKEN_IN_TIME, asked).await {
            Ok(Ok(CacheableResource::New { data, .. })) => Ok(data),
            Ok(Ok(CacheableResource::NotModified)) => Ok(http::HeaderMap::new()),
            Ok(Err(failed)) => {
                let passes = self.passes(&failed);
                Err(error::of_credentials(call, &self.by(), &failed, passes))
            }
            Err(late) => Err(error::of_credentials(call, &self.by(), &late, false)),
        }
    }

    /// Where there is no metadata server it does not come with time.
    fn passes(&self, failed: &CredentialsError) -> bool {
        failed.is_transient() && self.source != CredentialSource::Metadata
    }

    /// One REST call through the layers given. An answer of more than `limit` bytes is an
    /// error and not read to its end.
    pub(crate) async fn rest(
        &self,
        layers: &Layers,
        call: Call<'_>,
        limit: usize,
        build: impl Fn(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Result<Vec<u8>, ProviderError> {
        layers
            .call(call.clone(), || async {
                let lost =
                    |e: reqwest::Error| error::of_transport(&call, &self.by(), &e.without_url());
                let headers = self.headers(&call).await?;
                let mut answer = build(&self.http).headers(headers).send().await.map_err(lost)?;
                let mut body = Vec::new();
                while let Some(chunk) = answer.chunk().await.map_err(lost)? {
                    if body.len() + chunk.len() > limit {
                        return Err(call
                            .error(ErrorKind::Malformed)
                            .because(format!("the answer is larger than {limit} bytes")));
                    }
                    body.extend_from_slice(&chunk);
                }
                if answer.status().is_success() {
                    return Ok(body);
                }
                let wait = answer.headers().get("retry-after").and_then(|v| v.to_str().ok());
                let status = answer.status().as_u16();
                Err(error::of_answer(&call, &self.by(), status, wait, &body))
            })
            .await
    }

    /// The status that somebody without credentials gets.
    pub(crate) async fn anonymous_status(
        &self,
        call: Call<'_>,
        path: &str,
    ) -> Result<u16, ProviderError> {
        let url = self.url(Service::Storage, path);
        self.layers
            .call(call.clone(), || async {
                // On an endpoint that serves several clouds the host tells whose link this is.
                let request = self.http.get(&url).header("host", "storage.googleapis.com");
                let answer = request.header("range", "bytes=0-0").send().await;
                answer
                    .map(|a| a.status().as_u16())
                    .map_err(|e| error::of_transport(&call, &self.by(), &e.without_url()))
            })
            .await
    }

    async fn ask_project(&self, name: &str) -> Result<Project, ProviderError> {
        let target = format!("project {name}");
        let call = Call::read("resourcemanager.projects.get", &target);
        let url = self.url(Service::Projects, &format!("/v3/projects/{name}"));
        let body = self.rest(&self.layers, call.clone(), 1 << 20, |http| http.get(&url)).await?;
        serde_json::from_slice(&body)
            .map_err(|e| call.error(ErrorKind::Malformed).because(e.to_string()))
    }

    async fn own(&self) -> Result<&Project, ProviderError> {
        self.own.get_or_try_init(|| self.ask_project(&self.project)).await
    }

    /// The id of the project with this number (`projects/418300000123`), as far as we may
    /// know it.
    pub(crate) async fn project_of(&self, number: &str) -> Option<String> {
        let number = number.strip_prefix("projects/").unwrap_or(number);
        if number == self.project {
            return Some(self.project.clone());
        }
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = known().get(number).cloned() {
            return id;
        }
        let id = match self.own().await {
            Ok(own) if own.number() == Some(number) => Some(own.project_id.clone()),
            _ => self.ask_project(number).await.ok().map(|p| p.project_id),
        };
        known().insert(number.to_owned(), id.clone());
        id
    }

    /// Asking for the project proves the credentials. That one may not see it is no proof
    /// against them: then the project is what the configuration says.
    async fn ask_identity(&self) -> Result<Identity, ProviderError> {
        let project = match self.own().await {
            Ok(own) if !own.project_id.is_empty() => own.project_id.clone(),
            Ok(_) => self.project.clone(),
            Err(e) if matches!(e.kind, ErrorKind::Denied | ErrorKind::NotFound) => {
                self.project.clone()
            }
            Err(e) => return Err(e),
        };
        let email = match &self.email {
            Some(email) => Some(email.clone()),
            None => self.ask_email().await,
        };
        let caller = match &email {
            Some(email) => short(email, &project).to_owned(),
            None => "an unnamed caller".to_owned(),
        };
        Ok(Identity {
            account: project,
            principal: email.unwrap_or_else(|| "unknown".to_owned()),
            caller,
            source: self.source.to_string(),
        })
    }

    /// Whose token is it? Google's token endpoint tells; another endpoint may not be told.
    async fn ask_email(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Told {
            email: Option<String>,
        }
        if self.endpoint.is_some() {
            return None;
        }
        let call = Call::read("oauth2.tokeninfo", "these credentials");
        let headers = self.headers(&call).await.ok()?;
        let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
        let asked = self
            .http
            .post("https://oauth2.googleapis.com/tokeninfo")
            .timeout(TOKEN_IN_TIME)
            .form(&[("access_token", token)])
            .send();
        asked.await.ok()?.json::<Told>().await.ok()?.email
    }
}

#[async_trait]
impl Session for GcpSession {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        self.identity.get_or_try_init(|| self.ask_identity()).await.cloned()
    }
}

/// `drift-reader` for a service account of the project itself, else the whole address.
fn short<'e>(email: &'e str, project: &str) -> &'e str {
    email
        .split_once('@')
        .filter(|(_, domain)| domain.strip_suffix(".iam.gserviceaccount.com") == Some(project))
        .map_or(email, |(name, _)| name)
}

fn http_client(options: &ConnectOptions) -> Result<reqwest::Client, ProviderError> {
    let invalid = |what: String, cause: String| {
        ProviderError::new(ErrorKind::Invalid, "connect", what).because(cause)
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(options.purpose.user_agent())
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none());
    if let Some(endpoint) = &options.endpoint {
        let url = reqwest::Url::parse(endpoint)
            .map_err(|e| invalid(format!("endpoint {endpoint}"), e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(
                format!("endpoint {endpoint}"),
                "it must begin with http:// or https://".to_owned(),
            ));
        }
        // Named by hand, often on loopback: no proxy stands between.
        builder = builder.no_proxy();
    }
    if let Some(path) = &options.ca_bundle {
        let what = || format!("ca_bundle {}", path.display());
        let pem = std::fs::read(path).map_err(|e| invalid(what(), e.to_string()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|e| invalid(what(), e.to_string()))?;
        if certificates.is_empty() {
            return Err(invalid(what(), "no PEM certificate is in it".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
        let tls = options.endpoint.as_deref().is_none_or(|e| e.starts_with("https:"));
        if tls && std::env::var_os("SSL_CERT_FILE").is_none() {
            // The SDK's gRPC channel takes the system's roots only, and looks for them where
            // this variable says.
            return Err(invalid(what(), "Google's SDK takes no CA bundle of ours".to_owned())
                .next_step(format!("set SSL_CERT_FILE={}", path.display())));
        }
    }
    builder.build().map_err(|e| invalid("TLS".to_owned(), error::deepest(&e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_service_accounts_have_short_names() {
        let own = "drift-reader@acme-lab.iam.gserviceaccount.com";
        assert_eq!(short(own, "acme-lab"), "drift-reader");
        let foreign = "ci@other.iam.gserviceaccount.com";
        assert_eq!(short(foreign, "acme-lab"), foreign);
        assert_eq!(short("li.wei@example.com", "acme-lab"), "li.wei@example.com");
    }

    #[test]
    fn what_is_wrong_with_the_options_is_said_by_name() {
        let refused = |options| http_client(&options).unwrap_err();
        let endpoint = Some("nonsense".to_owned());
        let error = refused(ConnectOptions { endpoint, ..Default::default() });
        assert!(error.to_string().contains("endpoint nonsense"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let error = refused(ConnectOptions { ca_bundle: Some(path.clone()), ..Default::default() });
        assert!(error.to_string().contains("ca.pem"), "{error}");
        std::fs::write(&path, "no certificate").unwrap();
        let error = refused(ConnectOptions { ca_bundle: Some(path), ..Default::default() });
        assert!(error.is(ErrorKind::Invalid), "{error}");
    }
}
