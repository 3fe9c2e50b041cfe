//! Who calls: explicit credentials, or the ordinary chain in its documented order
//! (environment, workload identity, managed identity, Azure CLI, Azure Developer CLI).

use crate::transport::client_options;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::Context;
use azure_core::http::{HttpClient, Method, Pipeline, PipelineSendOptions, Request};
use azure_core::time::{Duration, OffsetDateTime};
use azure_identity::{
    AzureCliCredential, AzureDeveloperCliCredential, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use provider::Sensitive;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

/// Credentials that are given, not found.
#[derive(Clone, Debug)]
pub enum Explicit {
    ClientSecret {
        tenant_id: String,
        client_id: String,
        client_secret: Sensitive<String>,
    },
    /// A person, through a public client (the Azure CLI's). Tenants that ask for a second
    /// factor refuse this; it is how people of the local cloud sign in.
    Password {
        tenant_id: String,
        client_id: String,
        username: String,
        password: Sensitive<String>,
    },
}

impl Explicit {
    /// Out of the variables that Microsoft's own clients read.
    pub(crate) fn from_variables(get: &dyn Fn(&str) -> Option<String>) -> Option<Explicit> {
        let tenant_id = get("AZURE_TENANT_ID")?;
        let client_id = get("AZURE_CLIENT_ID")?;
        if let Some(secret) = get("AZURE_CLIENT_SECRET") {
            let client_secret = Sensitive::new(secret);
            return Some(Explicit::ClientSecret { tenant_id, client_id, client_secret });
        }
        let (username, password) = (get("AZURE_USERNAME")?, get("AZURE_PASSWORD")?);
        let password = Sensitive::new(password);
        Some(Explicit::Password { tenant_id, client_id, username, password })
    }
}

/// What the token itself says of its bearer. Nobody here verifies it: the services do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Claims {
    pub oid: String,
    pub upn: Option<String>,
    pub unique_name: Option<String>,
    pub appid: Option<String>,
    pub app_displayname: Option<String>,
    pub tid: Option<String>,
}

impl Claims {
    fn of(token: &str) -> Option<Claims> {
        let body = token.split('.').nth(1)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(body).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// The name that a colleague would know.
    pub fn caller(&self) -> String {
        [&self.upn, &self.unique_name, &self.app_displayname, &self.appid]
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty())
            .unwrap_or(&self.oid)
            .clone()
    }
}

/// The session's credential: a chain that stays with the first link that answers, keeps
/// tokens (the command line's credential asks its tool each time) and knows whom they name.
pub(crate) struct Chain {
    links: Vec<Link>,
    /// Which link answers.
    chosen: Mutex<Option<usize>>,
    tokens: AsyncMutex<BTreeMap<String, AccessToken>>,
    claims: Mutex<Option<Claims>>,
}

struct Link {
    source: &'static str,
    credential: Result<Arc<dyn TokenCredential>, Error>,
    /// Whether somebody set this up, so that its failure is the answer and not a reason to
    /// try the next one.
    configured: bool,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").finish_non_exhaustive()
    }
}

impl Chain {
    pub fn new(
        explicit: Option<&Explicit>,
        environment: &dyn Fn(&str) -> Option<String>,
        http: &Arc<dyn HttpClient>,
    ) -> Chain {
        let links = match explicit {
            Some(explicit) => vec![link(explicit, GIVEN, http)],
            None => ordinary(environment, http),
        };
        Chain {
            links,
            chosen: Mutex::new(None),
            tokens: AsyncMutex::default(),
            claims: Mutex::new(None),
        }
    }

    pub fn claims(&self) -> Option<Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn source(&self) -> &'static str {
        let chosen = self.chosen();
        self.links.get(chosen.unwrap_or(0)).map_or("nothing", |l| l.source)
    }

    /// What to do when they are not accepted.
    pub fn next_step(&self) -> &'static str {
        match self.source() {
            GIVEN => "start the local cloud again: lab cloud reset",
            ENVIRONMENT => "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
            WORKLOAD => {
                "check the federated credential and the file that AZURE_FEDERATED_TOKEN_FILE names"
            }
            HOSTED | IMDS if self.chosen().is_some() => "check the managed identity's roles",
            _ => "sign in: az login",
        }
    }

    fn chosen(&self) -> Option<usize> {
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, scopes: &[&str]) -> azure_core::Result<AccessToken> {
        let chosen = self.chosen();
        let mut tried = Vec::new();
        for (at, link) in self.links.iter().enumerate() {
            if chosen.is_some_and(|chosen| chosen != at) {
                continue;
            }
            let outcome = match &link.credential {
                Ok(credential) => {
                    if link.source == IMDS && chosen.is_none() && !metadata_answers().await {
                        tried.push(format!("{}: no metadata service here", link.source));
                        continue;
                    }
                    credential.get_token(scopes, None).await
                }
                Err(cause) => Err(Error::with_message(ErrorKind::Credential, cause.to_string())),
            };
            match outcome {
                Ok(token) => {
                    *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
                    return Ok(token);
                }
                Err(error) if link.configured || chosen.is_some() => return Err(error),
                Err(error) => {
                    let text = error.to_string();
                    let line = text.lines().next().unwrap_or_default();
                    tried.push(format!("{}: {line}", link.source));
                }
            }
        }
        let tried = tried.join("; ");
        Err(Error::with_message(ErrorKind::Credential, format!("no credentials found ({tried})")))
    }
}

#[async_trait::async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let key = scopes.join(" ");
        let mut tokens = self.tokens.lock().await;
        let fresh = OffsetDateTime::now_utc() + Duration::minutes(5);
        if let Some(token) = tokens.get(&key).filter(|t| t.expires_on > fresh) {
            return Ok(token.clone());
        }
        let token = self.ask(scopes).await?;
        if let Some(claims) = Claims::of(token.token.secret()) {
            *self.claims.lock().unwrap_or_else(PoisonError::into_inner) = Some(claims);
        }
        tokens.insert(key, token.clone());
        Ok(token)
    }
}

const GIVEN: &str = "given by the target";
const ENVIRONMENT: &str = "environment";
const WORKLOAD: &str = "workload identity";
const HOSTED: &str = "managed identity";
const IMDS: &str = "managed identity of this machine";
const CLI: &str = "Azure CLI";
const DEVELOPER_CLI: &str = "Azure Developer CLI";

fn link(explicit: &Explicit, source: &'static str, http: &Arc<dyn HttpClient>) -> Link {
    let credential: Result<Arc<dyn TokenCredential>, Error> = match explicit {
        Explicit::ClientSecret { tenant_id, client_id, client_secret } => {
            let options = ClientSecretCredentialOptions { client_options: client_options(http) };
            ClientSecretCredential::new(
                tenant_id,
                client_id.clone(),
                Secret::new(client_secret.reveal().clone()),
                Some(options),
            )
            .map(|c| c as Arc<dyn TokenCredential>)
        }
        Explicit::Password { .. } => {
            Password::new(explicit.clone(), http).map(|c| Arc::new(c) as Arc<dyn TokenCredential>)
        }
    };
    Link { source, credential, configured: true }
}

/// The order of Microsoft's default credential.
fn ordinary(get: &dyn Fn(&str) -> Option<String>, http: &Arc<dyn HttpClient>) -> Vec<Link> {
    if let Some(explicit) = Explicit::from_variables(get) {
        return vec![link(&explicit, ENVIRONMENT, http)];
    }
    let mut links = Vec::new();
    if let (Some(_), Some(_), Some(_)) =
        (get("AZURE_FEDERATED_TOKEN_FILE"), get("AZURE_TENANT_ID"), get("AZURE_CLIENT_ID"))
    {
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions {
                client_options: client_options(http),
            },
            ..WorkloadIdentityCredentialOptions::default()
        };
        links.push(Link {
            source: WORKLOAD,
            credential: WorkloadIdentityCredential::new(Some(options))
                .map(|c| c as Arc<dyn TokenCredential>),
            configured: true,
        });
        return links;
    }
    let hosted = get("IDENTITY_ENDPOINT").is_some();
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: get("AZURE_CLIENT_ID").map(UserAssignedId::ClientId),
        client_options: client_options(http),
    };
    links.push(Link {
        source: if hosted { HOSTED } else { IMDS },
        credential: ManagedIdentityCredential::new(Some(options))
            .map(|c| c as Arc<dyn TokenCredential>),
        configured: hosted,
    });
    links.push(Link {
        source: CLI,
        credential: AzureCliCredential::new(None).map(|c| c as Arc<dyn TokenCredential>),
        configured: false,
    });
    links.push(Link {
        source: DEVELOPER_CLI,
        credential: AzureDeveloperCliCredential::new(None).map(|c| c as Arc<dyn TokenCredential>),
        configured: false,
    });
    links
}

/// Outside Azure nobody is at the metadata address, and a connection to nobody hangs:
/// Microsoft's default credential looks for a second, too, before it believes.
async fn metadata_answers() -> bool {
    let connect = tokio::net::TcpStream::connect(("169.254.169.254", 80));
    matches!(tokio::time::timeout(std::time::Duration::from_secs(1), connect).await, Ok(Ok(_)))
}

/// The resource owner password grant of the Microsoft identity platform.
struct Password {
    tenant: String,
    client: String,
    username: String,
    password: Sensitive<String>,
    endpoint: Url,
    pipeline: Pipeline,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password").field("username", &self.username).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error_description: String,
}

impl Password {
    fn new(explicit: Explicit, http: &Arc<dyn HttpClient>) -> Result<Password, Error> {
        let Explicit::Password { tenant_id, client_id, username, password } = explicit else {
            return Err(Error::with_message(ErrorKind::Credential, "no user name was given"));
        };
        let mut endpoint = Url::parse("https://login.microsoftonline.com")?;
        endpoint.set_path(&format!("/{tenant_id}/oauth2/v2.0/token"));
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            client_options(http),
            Vec::new(),
            Vec::new(),
            None,
        );
        Ok(Password {
            tenant: tenant_id,
            client: client_id,
            username,
            password,
            endpoint,
            pipeline,
        })
    }
}

#[async_trait::async_trait]
impl TokenCredential for Password {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let mut request = Request::new(self.endpoint.clone(), Method::Post);
        request.insert_header("content-type", "application/x-www-form-urlencoded");
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.client)
            .append_pair("grant_type", "password")
            .append_pair("username", &self.username)
            .append_pair("password", self.password.reveal())
            .append_pair("scope", &scopes.join(" "))
            .finish();
        request.set_body(form);
        let unchecked = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let answer = self.pipeline.send(&Context::new(), &mut request, Some(unchecked)).await?;
        let (status, headers, body) = answer.deconstruct();
        if status.is_success() {
            let granted: Granted = serde_json::from_slice(&body)?;
            let expires = OffsetDateTime::now_utc() + Duration::seconds(granted.expires_in);
            return Ok(AccessToken::new(granted.access_token, expires));
        }
        let refused: Refused = serde_json::from_slice(&body).unwrap_or_default();
        let raw = azure_core::http::RawResponse::from_bytes(status, headers, Vec::new());
        let kind =
            ErrorKind::HttpResponse { status, error_code: None, raw_response: Some(Box::new(raw)) };
        let message =
            format!("{} of tenant {}: {}", self.username, self.tenant, refused.error_description);
        Err(Error::with_error(
            ErrorKind::Credential,
            Error::with_message(kind, message.clone()),
            message,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_name_the_caller() {
        let token = |claims: &str| format!("h.{}.s", BASE64_URL_SAFE_NO_PAD.encode(claims));
        let human = Claims::of(&token(r#"{"oid":"1","upn":"dana@example.com","appid":"x"}"#));
        assert_eq!(human.unwrap().caller(), "dana@example.com");
        let app = Claims::of(&token(r#"{"oid":"1","appid":"x","more":[1]}"#));
        assert_eq!(app.unwrap().caller(), "x");
        for opaque in ["", "opaque", "a.!.c", &token("7")] {
            assert!(Claims::of(opaque).is_none(), "{opaque}");
        }
    }

    #[test]
    fn variables_of_an_application_and_of_a_person() {
        let of = |pairs: &[(&str, &str)]| {
            let map: BTreeMap<String, String> =
                pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Explicit::from_variables(&move |name| map.get(name).cloned())
        };
        let base = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")];
        assert!(of(&base).is_none());
        let app = of(&[base[0], base[1], ("AZURE_CLIENT_SECRET", "s3cr3t")]);
        assert!(matches!(app, Some(Explicit::ClientSecret { .. })));
        assert!(!format!("{app:?}").contains("s3cr3t"));
        let person =
            of(&[base[0], base[1], ("AZURE_USERNAME", "d@example.com"), ("AZURE_PASSWORD", "p")]);
        assert!(matches!(person, Some(Explicit::Password { .. })));
    }
}
