//! Which credentials: those handed over, a file that somebody names, else what Google calls
//! application default credentials (`GOOGLE_APPLICATION_CREDENTIALS`, gcloud's file, the
//! metadata server). Nothing here changes the process environment.

use crate::error::CredentialSource;
use google_cloud_auth::credentials::{
    Credentials, external_account, impersonated, mds, service_account, user_account,
};
use google_cloud_gax::retry_policy::NeverRetry;
use provider::layers::Limits;
use provider::{ErrorKind, ProviderError, Purpose, Sensitive};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A metadata server answers at once, or there is none.
const METADATA_IN_TIME: Duration = Duration::from_secs(2);

/// No credential file is larger.
const LARGEST_FILE: u64 = 1 << 20;

/// Where a connection leads and as whom.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// One endpoint for every service: the local cloud (`http://127.0.0.1:4510`).
    pub endpoint: Option<String>,
    pub project: Option<String>,
    pub credentials_file: Option<PathBuf>,
    /// The content of a credential file; nothing is looked up then.
    pub credentials: Option<Sensitive<Value>>,
    /// A service account that the credentials may act as.
    pub impersonate: Option<String>,
    /// PEM certificates that are trusted besides the system's.
    pub ca_bundle: Option<PathBuf>,
    pub limits: Limits,
    pub purpose: Purpose,
}

impl ConnectOptions {
    /// The calls of a remediation are known as such in the cloud's own log.
    pub fn for_remediation(self) -> Self {
        ConnectOptions { purpose: Purpose::Remediation, ..self }
    }

    /// A caller of the cloud at `endpoint`, by the variables that its own tools would be given.
    pub fn from_variables(variables: &[(String, String)], endpoint: &str) -> Self {
        let value = |name: &str| {
            variables.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.clone())
        };
        ConnectOptions {
            endpoint: Some(endpoint.to_owned()),
            project: value("GOOGLE_CLOUD_PROJECT").or_else(|| value("CLOUDSDK_CORE_PROJECT")),
            credentials_file: value("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from),
            ..ConnectOptions::default()
        }
    }

    /// `[targets.NAME.gcp."PROJECT"]`. No project and no settings: what the default
    /// credentials lead to.
    pub fn from_section(project: &str, section: &toml::Table) -> Result<Self, String> {
        let mut options = ConnectOptions {
            project: Some(project.to_owned()).filter(|p| !p.is_empty()),
            ..ConnectOptions::default()
        };
        for (name, value) in section {
            let text = value.as_str().ok_or_else(|| format!("{name} must be a text"))?.to_owned();
            match name.as_str() {
                "ca_bundle" => options.ca_bundle = Some(text.into()),
                "credentials_file" => options.credentials_file = Some(text.into()),
                "endpoint" => options.endpoint = Some(text),
                "impersonate" => options.impersonate = Some(text),
                _ => {
                    return Err(format!(
                        "unknown setting {name}; known are ca_bundle, credentials_file, endpoint, \
                         impersonate"
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// Credentials, and what they tell about themselves.
pub(crate) struct Found {
    pub credentials: Credentials,
    pub source: CredentialSource,
    pub email: Option<String>,
    pub project: String,
}

fn refused(target: impl Into<String>, cause: impl AsRef<str>) -> ProviderError {
    ProviderError::new(ErrorKind::Credentials, "read credentials", target).because(cause)
}

pub(crate) async fn find(
    options: &ConnectOptions,
    http: &reqwest::Client,
) -> Result<Found, ProviderError> {
    let (document, source) = look_up(options)?;
    let credentials = build(document.as_ref(), options.impersonate.as_deref(), &source)?;
    let email = options.impersonate.clone().or_else(|| document.as_ref().and_then(email_in));
    let named = options.project.clone().or_else(named_project);
    let project = match &document {
        Some(document) => named.or_else(|| project_in(document)),
        // Credentials that nobody configured are built without complaint; only the first
        // token fails, and late. So the server that would give it is asked at once.
        None => {
            let project = ask_metadata_server(http).await?;
            named.or(Some(project))
        }
    };
    let project = project.ok_or_else(|| {
        ProviderError::new(ErrorKind::Invalid, "connect", "Google Cloud")
            .because("neither the credentials nor the environment name a project")
            .next_step("set GOOGLE_CLOUD_PROJECT, or name the project in lab.toml")
    })?;
    Ok(Found { credentials, source, email, project })
}

/// The document that holds the credentials; none means the metadata server.
fn look_up(options: &ConnectOptions) -> Result<(Option<Value>, CredentialSource), ProviderError> {
    if let Some(given) = &options.credentials {
        return Ok((Some(given.reveal().clone()), CredentialSource::Given));
    }
    let named = options
        .credentials_file
        .clone()
        .or_else(|| std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from));
    let path = match named {
        Some(path) => path,
        None => match well_known().filter(|p| p.is_file()) {
            Some(path) => path,
            None => return Ok((None, CredentialSource::Metadata)),
        },
    };
    let document = read(&path)?;
    let form = text(&document, "type").unwrap_or_default().to_owned();
    let source = CredentialSource::File { path: path.display().to_string(), form };
    Ok((Some(document), source))
}

fn read(path: &Path) -> Result<Value, ProviderError> {
    let target = || path.display().to_string();
    let size = std::fs::metadata(path).map_err(|e| refused(target(), e.to_string()))?.len();
    if size > LARGEST_FILE {
        return Err(refused(target(), "it is too large for a credential file"));
    }
    let bytes = std::fs::read(path).map_err(|e| refused(target(), e.to_string()))?;
    // The reader's own words would quote the file.
    serde_json::from_slice(&bytes).map_err(|e| {
        refused(target(), format!("not JSON at line {}, column {}", e.line(), e.column()))
    })
}

/// Where `gcloud auth application-default login` writes.
fn well_known() -> Option<PathBuf> {
    let folder = match std::env::var_os("CLOUDSDK_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None if cfg!(windows) => PathBuf::from(std::env::var_os("APPDATA")?).join("gcloud"),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".config/gcloud"),
    };
    Some(folder.join("application_default_credentials.json"))
}

fn named_project() -> Option<String> {
    ["GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
}

fn text<'d>(document: &'d Value, field: &str) -> Option<&'d str> {
    document.get(field).and_then(Value::as_str).filter(|t| !t.is_empty())
}

fn project_in(document: &Value) -> Option<String> {
    ["project_id", "quota_project_id"].iter().find_map(|f| text(document, f)).map(str::to_owned)
}

/// A service account's own address, the user's where gcloud wrote it down, or the account
/// that a federated or impersonating caller ends as.
fn email_in(document: &Value) -> Option<String> {
    let impersonated = || {
        let url = text(document, "service_account_impersonation_url")?;
        let account = url.rsplit_once("/serviceAccounts/")?.1;
        Some(account.split(':').next().unwrap_or(account))
    };
    text(document, "client_email")
        .or_else(impersonated)
        .or_else(|| text(document, "account"))
        .map(str::to_owned)
}

fn build(
    document: Option<&Value>,
    impersonate: Option<&str>,
    source: &CredentialSource,
) -> Result<Credentials, ProviderError> {
    let target = || source.to_string();
    let built = match document {
        None => mds::Builder::default().with_scopes([SCOPE]).build(),
        Some(document) => match text(document, "type").unwrap_or_default() {
            "service_account" => service_account::Builder::new(document.clone())
                .with_access_specifier(service_account::AccessSpecifier::from_scopes([SCOPE]))
                .build(),
            "authorized_user" => {
                user_account::Builder::new(document.clone()).with_retry_policy(NeverRetry).build()
            }
            "external_account" => external_account::Builder::new(document.clone())
                .with_scopes([SCOPE])
                .with_retry_policy(NeverRetry)
                .build(),
            "impersonated_service_account" => impersonated::Builder::new(document.clone())
                .with_scopes([SCOPE])
                .with_retry_policy(NeverRetry)
                .build(),
            "" => return Err(refused(target(), "it has no type, so it is no credential file")),
            other => {
                let cause = format!("credentials of type {other} are not known");
                return Err(refused(target(), cause));
            }
        },
    };
    // The builder's own words may quote the file.
    let credentials =
        built.map_err(|_| refused(target(), "its fields are not those of its type"))?;
    let Some(account) = impersonate else { return Ok(credentials) };
    impersonated::Builder::from_source_credentials(credentials)
        .with_target_principal(account)
        .with_scopes([SCOPE])
        .with_retry_policy(NeverRetry)
        .build()
        .map_err(|e| refused(format!("impersonate {account}"), e.to_string()))
}

/// The metadata server's project. Where nobody answers, nobody has given any credentials.
async fn ask_metadata_server(http: &reqwest::Client) -> Result<String, ProviderError> {
    let host = std::env::var("GCE_METADATA_HOST").unwrap_or_else(|_| "169.254.169.254".to_owned());
    let none = || {
        refused("application default credentials", "none were found")
            .next_step(CredentialSource::Metadata.next_step())
    };
    let asked = http
        .get(format!("http://{host}/computeMetadata/v1/project/project-id"))
        .header("metadata-flavor", "Google")
        .timeout(METADATA_IN_TIME)
        .send();
    let answer = asked.await.map_err(|_| none())?;
    let google = answer.headers().get("metadata-flavor").is_some_and(|v| v == "Google");
    if !answer.status().is_success() || !google {
        return Err(none());
    }
    let project = answer.text().await.map_err(|_| none())?;
    Ok(project.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_lead_to_a_file_and_a_project() {
        let variables = [
            ("GOOGLE_APPLICATION_CREDENTIALS".to_owned(), "keys/k.json".to_owned()),
            ("GOOGLE_CLOUD_PROJECT".to_owned(), "acme-lab".to_owned()),
        ];
        let options = ConnectOptions::from_variables(&variables, "http://127.0.0.1:4510");
        assert_eq!(options.project.as_deref(), Some("acme-lab"));
        assert_eq!(options.credentials_file.as_deref(), Some(Path::new("keys/k.json")));
        assert_eq!(options.endpoint.as_deref(), Some("http://127.0.0.1:4510"));
    }

    #[test]
    fn a_section_with_an_unknown_setting_is_refused_by_name() {
        let section: toml::Table = toml::from_str("credentials_file = 'k.json'").unwrap();
        let options = ConnectOptions::from_section("acme-lab", &section).unwrap();
        assert_eq!(options.project.as_deref(), Some("acme-lab"));
        assert!(ConnectOptions::from_section("", &toml::Table::new()).unwrap().project.is_none());
        let section: toml::Table = toml::from_str("profile = 'x'").unwrap();
        let error = ConnectOptions::from_section("acme-lab", &section).unwrap_err();
        assert!(error.contains("profile"), "{error}");
    }

    #[test]
    fn credentials_tell_who_they_are() {
        let own = json!({"client_email": "a@p.iam.gserviceaccount.com"});
        assert_eq!(email_in(&own).as_deref(), Some("a@p.iam.gserviceaccount.com"));
        assert_eq!(email_in(&json!({"account": ""})), None);
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\
                   b@p.iam.gserviceaccount.com:generateAccessToken";
        let federated = json!({"service_account_impersonation_url": url});
        assert_eq!(email_in(&federated).as_deref(), Some("b@p.iam.gserviceaccount.com"));
    }

    #[test]
    fn a_bad_file_is_named_and_never_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        std::fs::write(&path, "{\"private_key\": \"canary-1234\" oops").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("key.json") && !error.contains("canary"), "{error}");
        let strange = json!({"type": "service_account", "private_key": "canary-1234"});
        let error = build(Some(&strange), None, &CredentialSource::Given).unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}
