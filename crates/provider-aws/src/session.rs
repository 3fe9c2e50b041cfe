//! The one file that knows how the AWS SDK is configured.
//!
//! Without explicit credentials the ordinary chain decides, as in every AWS tool:
//! environment, profile (static keys, SSO, assumed role, `credential_process`), web identity,
//! container, instance metadata. With them (the local cloud) neither environment nor
//! profile files are read. Either way the process environment is never changed.
//!
//! The SDK's own retries are off: every call goes through [`Layers::call`].

use crate::error::{self, CredentialSource};
use async_trait::async_trait;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::retry::RetryConfig;
use provider::layers::{Call, Limits};
use provider::reader::Identity;
use provider::{ErrorKind, Layers, ProviderError, Purpose, Sensitive, Session};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;

/// Where a connection leads and as whom.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub profile: Option<String>,
    /// Assumed with the credentials that the chain finds.
    pub role_arn: Option<String>,
    pub external_id: Option<String>,
    pub region: Option<String>,
    /// One endpoint for every service: the local cloud, or another emulator.
    pub endpoint: Option<String>,
    /// PEM certificates that are trusted besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// Given: nothing is looked up.
    pub credentials: Option<StaticCredentials>,
    pub limits: Limits,
    pub purpose: Purpose,
}

impl Options {
    /// The calls of a remediation are known as such in the cloud's own log.
    pub fn for_remediation(self) -> Self {
        Options { purpose: Purpose::Remediation, ..self }
    }
}

#[derive(Clone, Debug)]
pub struct StaticCredentials {
    pub access_key_id: String,
    pub secret_access_key: Sensitive<String>,
    pub session_token: Option<Sensitive<String>>,
}

/// Where nothing names a region; also the home of IAM and of the global event history.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// CloudTrail User Guide, quotas: LookupEvents, 2 calls a second, account and region.
const LOOKUPS_PER_SECOND: f64 = 2.0;

/// A session in the name of this tool, so that the account's own log shows who it was.
const SESSION_NAME: &str = "cloud-security-lab";

/// Credentials are renewed this long before they end.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// A connection to one account.
pub struct AwsSession {
    pub(crate) config: SdkConfig,
    pub(crate) connector: SharedHttpConnector,
    pub(crate) layers: Layers,
    /// The event history is asked at its own, slow pace.
    pub(crate) lookups: Layers,
    pub(crate) regions: Mutex<BTreeMap<String, String>>,
    clients: Mutex<BTreeMap<String, aws_sdk_s3::Client>>,
    credentials: CachedCredentials,
    identity: OnceCell<Identity>,
}

impl AwsSession {
    pub async fn open(options: Options) -> Result<Self, ProviderError> {
        let connector = connector(&options)?;
        let config = match &options.credentials {
            Some(given) => given_config(&options, given, &connector),
            None => found_config(&options, &connector).await,
        };
        let profile = options.profile.clone();
        let given = options.credentials.is_some();
        Ok(AwsSession::over(
            config,
            connector,
            options.limits,
            CredentialSource::of(given, profile),
        ))
    }

    /// A session over a configuration and a connector at hand.
    pub(crate) fn over(
        config: SdkConfig,
        connector: SharedHttpConnector,
        limits: Limits,
        source: CredentialSource,
    ) -> Self {
        // The limit is AWS's own; other endpoints throttle when they want.
        let rate = match config.endpoint_url() {
            None => LOOKUPS_PER_SECOND,
            Some(_) => limits.rate,
        };
        let credentials = CachedCredentials::new(config.credentials_provider(), source);
        let config = config
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .build();
        AwsSession {
            lookups: Layers::new(Limits { rate, ..limits.clone() }),
            layers: Layers::new(limits),
            config,
            connector,
            regions: Mutex::default(),
            clients: Mutex::default(),
            credentials,
            identity: OnceCell::new(),
        }
    }

    pub fn region(&self) -> &str {
        self.config.region().map_or(DEFAULT_REGION, |r| r.as_ref())
    }

    /// `aws`, `aws-cn`, `aws-us-gov`: the first part of every ARN.
    pub fn partition(&self) -> &'static str {
        crate::catalog::partition_of(self.region())
    }

    /// The account, if the cloud has said it already.
    pub(crate) async fn account(&self) -> Option<String> {
        self.identity().await.ok().map(|i| i.account)
    }

    /// Who we are, for messages.
    pub(crate) fn caller(&self) -> Option<String> {
        self.identity.get().map(|i| i.caller.clone())
    }

    pub(crate) async fn credentials(&self, call: &Call<'_>) -> Result<Credentials, ProviderError> {
        let found = self.credentials.find().await;
        found.map_err(|e| error::of_credentials(call, &e, &self.source()))
    }

    pub(crate) fn source(&self) -> CredentialSource {
        self.credentials.source()
    }

    /// The S3 client of a region.
    pub(crate) fn s3_client(&self, region: &str) -> aws_sdk_s3::Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients
            .entry(region.to_owned())
            .or_insert_with(|| {
                let config = aws_sdk_s3::config::Builder::from(&self.config)
                    .region(Region::new(region.to_owned()))
                    // A name instead of an address would be asked for as bucket.name.
                    .force_path_style(self.endpoint("S3").is_some())
                    .build();
                aws_sdk_s3::Client::from_conf(config)
            })
            .clone()
    }

    /// The endpoint that configuration names for a service, if it names one.
    pub(crate) fn endpoint(&self, service_id: &str) -> Option<String> {
        let key = aws_types::service_config::ServiceConfigKey::builder()
            .service_id(service_id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok();
        let explicit = self.config.get_origin("endpoint_url").is_client_config();
        let of_service = key.filter(|_| !explicit).and_then(|key| {
            self.config.service_config().and_then(|config| config.load_config(key))
        });
        of_service.or_else(|| self.config.endpoint_url().map(str::to_owned))
    }

    async fn ask_identity(&self) -> Result<Identity, ProviderError> {
        let call = Call::read("sts:GetCallerIdentity", "these credentials");
        let client = aws_sdk_sts::Client::new(&self.config);
        let answer = self
            .layers
            .call(call.clone(), || async {
                let answer = client.get_caller_identity().send().await;
                answer.map_err(|e| error::of_sdk(&call, &e, None, &self.source()).error)
            })
            .await?;
        let arn = answer.arn().unwrap_or_default();
        Ok(Identity {
            account: answer.account().unwrap_or_default().to_owned(),
            principal: arn.to_owned(),
            caller: caller_of(arn),
            source: self.source().to_string(),
        })
    }
}

#[async_trait]
impl Session for AwsSession {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        self.identity.get_or_try_init(|| self.ask_identity()).await.cloned()
    }
}

/// `role/ci` for a role's session, `user/x` for a user, `root` for the account itself.
fn caller_of(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    match resource.strip_prefix("assumed-role/") {
        Some(rest) => format!("role/{}", rest.split('/').next().unwrap_or(rest)),
        None => resource.to_owned(),
    }
}

fn connector(options: &Options) -> Result<SharedHttpConnector, ProviderError> {
    // As the vendor's own tools do: a bundle may be named in the environment.
    let named = std::env::var_os("AWS_CA_BUNDLE").filter(|_| options.credentials.is_none());
    let bundle = options.ca_bundle.clone().or(named.map(PathBuf::from));
    let mut trust = tls::TrustStore::default();
    if let Some(path) = bundle {
        let pem = std::fs::read(&path).map_err(|e| {
            ProviderError::new(ErrorKind::Invalid, "read ca_bundle", path.display().to_string())
                .because(e.to_string())
                .next_step("name a file with PEM certificates, or leave ca_bundle out")
        })?;
        trust.add_pem_certificate(pem);
    }
    let context = tls::TlsContext::builder().with_trust_store(trust).build().map_err(|e| {
        ProviderError::new(ErrorKind::Invalid, "prepare TLS", "ca_bundle").because(e.to_string())
    })?;
    // The local cloud is on loopback: no proxy stands between.
    let proxy = match options.credentials {
        Some(_) => ProxyConfig::disabled(),
        None => ProxyConfig::from_env(),
    };
    let purpose = options.purpose;
    let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(5)).build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .proxy_config(proxy)
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .tls_context(context)
        .build();
    Ok(SharedHttpConnector::new(Named { inner: SharedHttpConnector::new(connector), purpose }))
}

/// Puts our name before the SDK's, whose own place for one holds no version. The header is no
/// part of a signature.
#[derive(Debug)]
struct Named {
    inner: SharedHttpConnector,
    purpose: Purpose,
}

impl HttpConnector for Named {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let ours = self.purpose.user_agent();
        let agent = match request.headers().get(USER_AGENT) {
            Some(theirs) => format!("{ours} {theirs}"),
            None => ours.to_owned(),
        };
        request.headers_mut().insert(USER_AGENT, agent);
        self.inner.call(request)
    }
}

const USER_AGENT: &str = "user-agent";

fn app_name() -> Option<AppName> {
    AppName::new(SESSION_NAME).ok()
}

/// For credentials at hand: nothing is read from environment or files.
fn given_config(
    options: &Options,
    given: &StaticCredentials,
    connector: &SharedHttpConnector,
) -> SdkConfig {
    let credentials = Credentials::new(
        given.access_key_id.clone(),
        given.secret_access_key.reveal().clone(),
        given.session_token.as_ref().map(|t| t.reveal().clone()),
        None,
        "given",
    );
    static_config(
        credentials,
        options.region.as_deref().unwrap_or(DEFAULT_REGION),
        options.endpoint.as_deref(),
        connector,
    )
}

pub(crate) fn static_config(
    credentials: Credentials,
    region: &str,
    endpoint: Option<&str>,
    connector: &SharedHttpConnector,
) -> SdkConfig {
    let connector = connector.clone();
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
            aws_smithy_async::rt::sleep::TokioSleep::new(),
        ))
        .time_source(aws_smithy_async::time::SystemTimeSource::new())
        .retry_config(RetryConfig::disabled());
    builder.set_endpoint_url(endpoint.map(str::to_owned));
    builder.set_app_name(app_name());
    builder.build()
}

/// The ordinary chain, then the role on top of it.
async fn found_config(options: &Options, connector: &SharedHttpConnector) -> SdkConfig {
    let shared = connector.clone();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client_fn(move |_, _| shared.clone()))
        .retry_config(RetryConfig::disabled());
    if let Some(name) = app_name() {
        loader = loader.app_name(name);
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &options.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let mut config = loader.load().await;
    if config.region().is_none() {
        config = config.into_builder().region(Region::from_static(DEFAULT_REGION)).build();
    }
    let Some(role) = &options.role_arn else { return config };
    let mut assume =
        AssumeRoleProvider::builder(role).session_name(SESSION_NAME).configure(&config);
    if let Some(id) = &options.external_id {
        assume = assume.external_id(id);
    }
    let provider = match config.credentials_provider() {
        Some(base) => assume.build_from_provider(base).await,
        None => assume.build().await,
    };
    config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
}

/// Credentials found once and kept until shortly before they end: the SDK's clients and our
/// own calls share them, so that a role is assumed once.
#[derive(Clone, Debug)]
struct CachedCredentials(Arc<Cache>);

#[derive(Debug)]
struct Cache {
    chain: Option<SharedCredentialsProvider>,
    kept: tokio::sync::Mutex<Option<Credentials>>,
    source: Mutex<CredentialSource>,
}

impl CachedCredentials {
    fn new(chain: Option<SharedCredentialsProvider>, source: CredentialSource) -> Self {
        let kept = tokio::sync::Mutex::new(None);
        CachedCredentials(Arc::new(Cache { chain, kept, source: Mutex::new(source) }))
    }

    fn source(&self) -> CredentialSource {
        self.0.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn find(&self) -> Result<Credentials, CredentialsError> {
        let mut kept = self.0.kept.lock().await;
        let good =
            |c: &&Credentials| c.expiry().is_none_or(|end| SystemTime::now() + RENEW_BEFORE < end);
        if let Some(credentials) = kept.as_ref().filter(good) {
            return Ok(credentials.clone());
        }
        let Some(chain) = &self.0.chain else {
            return Err(CredentialsError::not_loaded_no_source());
        };
        let found = chain.provide_credentials().await?;
        let features = found.get_property::<Vec<AwsCredentialFeature>>();
        self.0
            .source
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .found(features.map_or(&[], Vec::as_slice));
        *kept = Some(found.clone());
        Ok(found)
    }
}

impl ProvideCredentials for CachedCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.find())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_have_short_names() {
        for (arn, caller) in [
            ("arn:aws:sts::111122223333:assumed-role/ci/session", "role/ci"),
            ("arn:aws:iam::111122223333:user/ops/drift-reader", "user/ops/drift-reader"),
            ("arn:aws:iam::111122223333:root", "root"),
            ("", ""),
        ] {
            assert_eq!(caller_of(arn), caller);
        }
    }
}
