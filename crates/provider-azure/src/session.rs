//! One connection: who calls, which subscription, and the clients that everything else uses.

use crate::credentials::{Chain, Explicit};
use crate::transport::{client_options, http_client};
use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{ClientOptions, HttpClient, Pipeline};
use provider::layers::{Call, Limits};
use provider::{ErrorKind, Identity, Layers, ProviderError, Purpose, Sensitive, Session};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::OnceCell;

const ARM_SCOPE: &str = "https://management.azure.com/.default";
const SUBSCRIPTION: &str = "Microsoft.Resources/subscriptions/read";
const VERSION: &str = "2022-12-01";

/// Where to connect and as whom. Empty: production, and the ordinary credential chain.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// An endpoint that stands in for all of Azure's hosts: `http://127.0.0.1:4510`.
    pub endpoint: Option<String>,
    /// Certificates to trust besides the system's, as PEM.
    pub ca_bundle: Option<PathBuf>,
    /// Nothing: `AZURE_SUBSCRIPTION_ID`, else the only one that the caller sees.
    pub subscription: Option<String>,
    /// Nothing: the ordinary chain.
    pub credential: Option<Explicit>,
    /// For the ordinary chain: the tenant, and a managed or workload identity's application,
    /// where the environment's are another target's.
    pub tenant_id: Option<String>,
    pub client_id: Option<String>,
    /// Account keys by account, for the data plane of accounts that the caller has no role in.
    pub account_keys: BTreeMap<String, Sensitive<String>>,
    pub limits: Option<Limits>,
    pub purpose: Purpose,
}

impl ConnectOptions {
    /// The calls of a remediation are known as such in the cloud's own log.
    pub fn for_remediation(self) -> Self {
        ConnectOptions { purpose: Purpose::Remediation, ..self }
    }

    /// A caller of the cloud at `endpoint`, by the variables that its own tools would be
    /// given. The process environment is not asked.
    pub fn from_variables(variables: &[(String, String)], endpoint: &str) -> Self {
        let get = |name: &str| {
            let found = variables.iter().find(|(n, v)| n == name && !v.is_empty());
            found.map(|(_, value)| value.clone())
        };
        ConnectOptions {
            endpoint: Some(endpoint.to_owned()),
            subscription: get("AZURE_SUBSCRIPTION_ID"),
            credential: Explicit::from_variables(&get),
            account_keys: key_of(&get),
            ..ConnectOptions::default()
        }
    }

    /// `[targets.NAME.azure."SUBSCRIPTION"]`. An empty subscription is the one that the
    /// environment names, or the only one that the credentials see.
    pub fn from_section(subscription: &str, section: &toml::Table) -> Result<Self, String> {
        let mut options = ConnectOptions {
            subscription: Some(subscription.to_owned()).filter(|s| !s.is_empty()),
            ..ConnectOptions::default()
        };
        for (name, value) in section {
            let text = value.as_str().ok_or_else(|| format!("{name} must be a text"))?.to_owned();
            match name.as_str() {
                "ca_bundle" => options.ca_bundle = Some(text.into()),
                "client_id" => options.client_id = Some(text),
                "endpoint" => options.endpoint = Some(text),
                "tenant_id" => options.tenant_id = Some(text),
                _ => {
                    return Err(format!(
                        "unknown setting {name}; known are ca_bundle, client_id, endpoint, \
                         tenant_id"
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// `AZURE_STORAGE_ACCOUNT` and `AZURE_STORAGE_KEY`: the Azure CLI's own names.
fn key_of(get: &dyn Fn(&str) -> Option<String>) -> BTreeMap<String, Sensitive<String>> {
    match (get("AZURE_STORAGE_ACCOUNT"), get("AZURE_STORAGE_KEY")) {
        (Some(account), Some(key)) => [(account, Sensitive::new(key))].into(),
        _ => BTreeMap::new(),
    }
}

/// The session of one subscription.
pub struct AzureSession {
    pub(crate) layers: Layers,
    pub(crate) arm: Pipeline,
    pub(crate) http: Arc<dyn HttpClient>,
    pub(crate) account_keys: BTreeMap<String, Sensitive<String>>,
    /// Whether an endpoint stands in for Azure.
    pub(crate) rerouted: bool,
    credential: Arc<Chain>,
    given: Option<String>,
    subscription: OnceCell<String>,
    identity: OnceCell<Identity>,
}

impl AzureSession {
    /// Nothing is asked of Azure yet.
    pub(crate) fn new(options: ConnectOptions) -> Result<AzureSession, ProviderError> {
        let http = http_client(
            options.endpoint.as_deref(),
            options.ca_bundle.as_deref(),
            options.purpose,
        )?;
        let environment = |name: &str| {
            let chosen = match name {
                "AZURE_TENANT_ID" => options.tenant_id.clone(),
                "AZURE_CLIENT_ID" => options.client_id.clone(),
                _ => None,
            };
            chosen.or_else(|| std::env::var(name).ok()).filter(|v| !v.is_empty())
        };
        let credential = Arc::new(Chain::new(options.credential.as_ref(), &environment, &http));
        let mut account_keys = options.account_keys;
        let mut given = options.subscription;
        // What is given explicitly stands alone: an environment that is about another
        // subscription must not mix in.
        if options.credential.is_none() {
            for (account, key) in key_of(&environment) {
                account_keys.entry(account).or_insert(key);
            }
            given = given
                .or_else(|| environment("AZURE_SUBSCRIPTION_ID"))
                .or_else(|| environment("ARM_SUBSCRIPTION_ID"));
        }
        let bearer = BearerTokenAuthorizationPolicy::new(
            credential.clone() as Arc<dyn TokenCredential>,
            [ARM_SCOPE],
        );
        let arm = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            client_options(&http),
            Vec::new(),
            vec![Arc::new(bearer)],
            None,
        );
        Ok(AzureSession {
            layers: Layers::new(options.limits.unwrap_or_default()),
            arm,
            http,
            account_keys,
            rerouted: options.endpoint.is_some(),
            credential,
            given: given.map(|s| s.to_lowercase()),
            subscription: OnceCell::new(),
            identity: OnceCell::new(),
        })
    }

    pub(crate) fn client_options(&self) -> ClientOptions {
        client_options(&self.http)
    }

    pub(crate) fn credential(&self) -> Arc<dyn TokenCredential> {
        self.credential.clone()
    }

    /// Puts the caller into an error, where a token has named one, and what to do where
    /// credentials are the trouble.
    pub(crate) fn named(&self, mut error: ProviderError) -> ProviderError {
        if error.is(ErrorKind::Credentials) {
            error.next_step = self.credential.next_step().to_owned();
        }
        match self.credential.claims() {
            Some(claims) => error.as_caller(claims.caller()),
            None => error,
        }
    }

    /// The subscription that calls land in: the one given, or the only one there is.
    pub(crate) async fn subscription(&self) -> Result<&str, ProviderError> {
        if let Some(given) = &self.given {
            return Ok(given);
        }
        self.subscription.get_or_try_init(|| self.only_subscription()).await.map(String::as_str)
    }

    async fn only_subscription(&self) -> Result<String, ProviderError> {
        let call = Call::read(SUBSCRIPTION, "the tenant");
        let found = self.list(call.clone(), "/subscriptions", VERSION).await?;
        let ids: Vec<&str> = found
            .iter()
            .filter(|s| s["state"].as_str().is_none_or(|s| s.eq_ignore_ascii_case("Enabled")))
            .filter_map(|s| s["subscriptionId"].as_str())
            .collect();
        match ids[..] {
            [only] => Ok(only.to_lowercase()),
            [] => Err(self.named(
                call.error(ErrorKind::Denied)
                    .because("the caller sees no subscription")
                    .next_step("give it a role in the subscription, or name one"),
            )),
            _ => Err(self.named(
                call.error(ErrorKind::Invalid)
                    .because(format!("the caller sees {} subscriptions", ids.len()))
                    .next_step("set AZURE_SUBSCRIPTION_ID, or name one in lab.toml"),
            )),
        }
    }

    /// Refuses ids of other subscriptions: there a `not found` would be a wrong answer.
    pub(crate) async fn owns(
        &self,
        subscription: &str,
        call: &Call<'_>,
    ) -> Result<(), ProviderError> {
        let ours = self.subscription().await?;
        if ours.eq_ignore_ascii_case(subscription) {
            return Ok(());
        }
        Err(self.named(
            call.error(ErrorKind::WrongAccount)
                .because(format!("it lies in subscription {subscription}, not in {ours}"))
                .next_step("connect to its own subscription"),
        ))
    }

    /// The subscription is asked for by name, so that one which is not there, or which the
    /// caller cannot see, is an error here and not an empty answer later.
    async fn ask_identity(&self) -> Result<Identity, ProviderError> {
        let account = self.subscription().await?.to_owned();
        let target = format!("subscription {account}");
        let call = Call::read(SUBSCRIPTION, &target);
        match self.get(call, &format!("/subscriptions/{account}"), VERSION).await {
            Ok(_) => {}
            // A caller with a role further down only is one all the same.
            Err(error) if error.is(ErrorKind::Denied) => {}
            Err(error) => return Err(error),
        }
        let claims = self.credential.claims().unwrap_or_default();
        let principal = match &claims.tid {
            Some(tenant) => format!("{} in tenant {tenant}", claims.oid),
            None => claims.oid.clone(),
        };
        let source = self.credential.source().to_owned();
        Ok(Identity { account, principal, caller: claims.caller(), source })
    }
}

#[async_trait]
impl Session for AzureSession {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        self.identity.get_or_try_init(|| self.ask_identity()).await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_variables() {
        let variables = [
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_CLIENT_SECRET", "hunter2hunter2"),
            ("AZURE_SUBSCRIPTION_ID", "S"),
        ];
        let variables: Vec<(String, String)> =
            variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let options = ConnectOptions::from_variables(&variables, "http://127.0.0.1:1");
        assert_eq!(options.subscription.as_deref(), Some("S"));
        assert!(matches!(options.credential, Some(Explicit::ClientSecret { .. })));
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn a_section_knows_its_settings() {
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        let section = table("tenant_id = 't'\nendpoint = 'http://h'");
        let options = ConnectOptions::from_section("sub", &section).unwrap();
        assert_eq!(options.tenant_id.as_deref(), Some("t"));
        assert_eq!(options.subscription.as_deref(), Some("sub"));
        let error = ConnectOptions::from_section("", &table("profile = 'x'")).unwrap_err();
        assert!(error.contains("profile") && error.contains("client_id"), "{error}");
        assert!(ConnectOptions::from_section("", &table("tenant_id = 1")).is_err());
    }

    #[test]
    fn a_wrong_endpoint_is_said_at_once() {
        let options =
            ConnectOptions { endpoint: Some("127.0.0.1:1".to_owned()), ..Default::default() };
        let error = AzureSession::new(options).err().unwrap();
        assert!(error.is(ErrorKind::Invalid), "{error}");
    }
}
