//! The sign-in endpoint: discovery, and tokens for client secrets and passwords.

use super::{answer, request_id};
use crate::CLOUD;
use crate::state::principal::{self, Principal, PrincipalKind};
use crate::story::{AZURE_CLI, TENANT};
use crate::tokens::{self, ARM, LIFETIME, STORAGE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use local_cloud::{Body, Clock, FaultAction, Ground, LostAnswer, StoreError, service};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const LARGEST: usize = 64 << 10;
const JSON: &str = "application/json; charset=utf-8";

/// What a token endpoint says of a refusal: the OAuth word and Entra's own number.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    error: &'static str,
    number: u32,
    message: String,
}

fn refused(error: &'static str, number: u32, message: impl Into<String>) -> Refused {
    let status = match error {
        "invalid_client" => StatusCode::UNAUTHORIZED,
        "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    Refused { status, error, number, message: message.into() }
}

impl From<StoreError> for Refused {
    fn from(_: StoreError) -> Self {
        refused("temporarily_unavailable", 90033, "A transient error has occurred.")
    }
}

pub async fn call(ground: &Ground, head: Parts, body: Body) -> Response<Body> {
    let path = head.uri.path().to_ascii_lowercase();
    let ok = |value: Value| answer(StatusCode::OK, JSON, value.to_string(), []);
    if head.method == Method::GET {
        if path.ends_with("/discovery/instance") {
            return ok(instance_discovery());
        }
        if path.ends_with("/.well-known/openid-configuration") {
            return ok(openid_configuration());
        }
        if path.contains("/userrealm/") {
            return ok(user_realm(&path));
        }
        if path.contains("/discovery/") && path.ends_with("/keys") {
            return ok(json!({"keys": []}));
        }
    }
    if !(path.ends_with("/oauth2/v2.0/token") || path.ends_with("/oauth2/token")) {
        let words = "AADSTS900561: The endpoint is not served by the local cloud.";
        return answer(StatusCode::NOT_FOUND, "text/plain", words, []);
    }
    if head.method != Method::POST {
        let words = "AADSTS900561: The endpoint only accepts POST requests.";
        return answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain", words, []);
    }
    let action = ground.faults.check(&CLOUD, "Entra", "token").await;
    let outcome = match action {
        FaultAction::Throttle => Err(Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            ..refused("temporarily_unavailable", 90025, "Request throttled by Entra.")
        }),
        FaultAction::Fail => {
            Err(refused("temporarily_unavailable", 90033, "A transient error has occurred."))
        }
        FaultAction::Deny => {
            Err(refused("unauthorized_client", 700016, "The application is disabled."))
        }
        FaultAction::Proceed | FaultAction::LoseAnswer => {
            match service::read_body(body, LARGEST).await {
                Ok(body) => token(ground, &path, &body),
                Err(cause) => Err(refused("invalid_request", 900144, cause.to_string())),
            }
        }
    };
    let mut response = match outcome {
        Ok(value) => answer(
            StatusCode::OK,
            JSON,
            value.to_string(),
            [(http::header::CACHE_CONTROL, "no-store, no-cache".to_owned())],
        ),
        Err(refused) => {
            let trace = request_id();
            let now = Clock::real().to_seconds_text();
            let body = json!({
                "error": refused.error,
                "error_description": format!(
                    "AADSTS{}: {} Trace ID: {trace} Correlation ID: {trace} Timestamp: {now}",
                    refused.number, refused.message
                ),
                "error_codes": [refused.number],
                "timestamp": now,
                "trace_id": trace,
                "correlation_id": trace,
            });
            answer(refused.status, JSON, body.to_string(), [])
        }
    };
    if action == FaultAction::LoseAnswer {
        response.extensions_mut().insert(LostAnswer);
    }
    response
}

fn token(ground: &Ground, path: &str, body: &[u8]) -> Result<Value, Refused> {
    let tenant = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if tenant != TENANT && !matches!(tenant, "common" | "organizations") {
        return Err(refused(
            "invalid_request",
            90002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
            ),
        ));
    }
    let form: BTreeMap<String, String> =
        form_urlencoded::parse(body).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
    let get = |name: &str| form.get(name).map(String::as_str).filter(|v| !v.is_empty());
    let required = |name: &str| {
        get(name).ok_or_else(|| {
            refused(
                "invalid_request",
                900144,
                format!("The request body must contain the following parameter: '{name}'."),
            )
        })
    };
    let audience = audience(&form)?;
    let client = required("client_id")?;
    let principal: Principal = match required("grant_type")? {
        "client_credentials" => {
            let found =
                ground.store.read(|v| principal::by_client(v, client)).ok_or_else(|| {
                    refused(
                        "unauthorized_client",
                        700016,
                        format!(
                            "Application with identifier '{client}' was not found in the directory."
                        ),
                    )
                })?;
            let secret = required("client_secret")?;
            if !same(secret, &found.secret) {
                return Err(refused(
                    "invalid_client",
                    7000215,
                    "Invalid client secret provided. Ensure the secret being sent in the request \
                     is the client secret value, not the client secret ID.",
                ));
            }
            found
        }
        "password" => {
            let (name, password) = (required("username")?, required("password")?);
            let found = ground.store.read(|v| principal::by_name(v, name));
            match found {
                Some(found) if found.client_id.is_none() && same(password, &found.secret) => found,
                _ => {
                    return Err(refused(
                        "invalid_grant",
                        50126,
                        "Error validating credentials due to invalid username or password.",
                    ));
                }
            }
        }
        other => {
            return Err(refused(
                "unsupported_grant_type",
                70003,
                format!("The app requested an unsupported grant type '{other}'."),
            ));
        }
    };
    let through = if client.is_empty() { AZURE_CLI } else { client };
    let now = Clock::real().unix();
    let scope = get("scope").unwrap_or_default();
    let person = principal.kind == PrincipalKind::User;
    // Asked for in version 2 by `openid`; clients build the signed-in account out of it.
    let wants_identity = person && scope.split(' ').any(|s| s == "openid");
    let refused_key = || refused("temporarily_unavailable", 90033, "There is no signing key.");
    let (token, identity) = ground.store.write(|tx| {
        let token = tokens::mint(tx, &principal, audience, through, now).ok_or_else(refused_key)?;
        let identity = match wants_identity {
            true => Some(
                tokens::identity(&tx.view(), &principal, through, now).ok_or_else(refused_key)?,
            ),
            false => None,
        };
        Ok::<_, Refused>((token, identity))
    })?;
    let mut answer = json!({
        "token_type": "Bearer",
        "scope": scope,
        "expires_in": LIFETIME - 1,
        "ext_expires_in": LIFETIME - 1,
        "access_token": token,
    });
    if let Some(identity) = identity {
        answer["id_token"] = identity.into();
        if get("client_info").is_some() {
            answer["client_info"] = tokens::client_info(&principal).into();
        }
    }
    Ok(answer)
}

fn same(given: &str, known: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), known.as_bytes()).is_ok()
}

/// The service a token is asked for: `scope` in version 2, `resource` in version 1.
fn audience(form: &BTreeMap<String, String>) -> Result<&'static str, Refused> {
    let asked = form.get("scope").or_else(|| form.get("resource")).map_or("", String::as_str);
    let known = |part: &str| {
        let host = part.trim_start_matches("https://").split('/').next().unwrap_or_default();
        match host {
            "management.azure.com" | "management.core.windows.net" => Some(ARM),
            "storage.azure.com" => Some(STORAGE),
            host if host.ends_with(".blob.core.windows.net") => Some(STORAGE),
            _ => None,
        }
    };
    asked.split(' ').find_map(known).ok_or_else(|| {
        refused(
            "invalid_resource",
            500011,
            format!("The resource principal named {asked} was not found in the tenant."),
        )
    })
}

fn instance_discovery() -> Value {
    json!({
        "tenant_discovery_endpoint": format!(
            "https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration"
        ),
        "api-version": "1.1",
        "metadata": [{
            "preferred_network": "login.microsoftonline.com",
            "preferred_cache": "login.windows.net",
            "aliases": [
                "login.microsoftonline.com",
                "login.windows.net",
                "login.microsoft.com",
                "sts.windows.net",
            ],
        }],
    })
}

fn openid_configuration() -> Value {
    let base = format!("https://login.microsoftonline.com/{TENANT}");
    json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "issuer": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    })
}

/// How a user signs in: every one of this tenant with a password here.
fn user_realm(path: &str) -> Value {
    let user = path.rsplit('/').next().unwrap_or_default();
    let user = percent_encoding::percent_decode_str(user).decode_utf8_lossy();
    json!({
        "ver": "1.0",
        "account_type": "Managed",
        "domain_name": user.split('@').nth(1).unwrap_or_default(),
        "cloud_instance_name": "microsoftonline.com",
        "cloud_audience_urn": "urn:federation:MicrosoftOnline",
    })
}
