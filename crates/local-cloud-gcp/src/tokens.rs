//! Access tokens: issued against an assertion, a refresh token or by the metadata server,
//! and recognised again. Only their hashes are kept.

use crate::authorize::Who;
use crate::error::ApiError;
use crate::keys::Jwt;
use crate::state::project::{self, Account, AccountKind};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use local_cloud::store::secret_bytes;
use local_cloud::{Clock, Ground, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const TABLE: &str = "gcp_tokens";
/// What Google's access tokens begin with.
pub const PREFIX: &str = "ya29.";
pub const LIFETIME: i64 = 3600;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Token {
    email: String,
    key: Option<String>,
    /// By the real clock: clients count with theirs.
    expires: i64,
}

fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

/// A new access token; expired ones go at the same time.
pub fn issue(
    ground: &Ground,
    email: &str,
    key: Option<&str>,
    lifetime: i64,
) -> Result<String, StoreError> {
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret_bytes::<48>()));
    let now = Clock::real().unix();
    ground.store.write(|tx| {
        for (old, token) in tx.scan::<Token>(TABLE, "") {
            if token.expires < now {
                tx.delete(TABLE, &old);
            }
        }
        let kept =
            Token { email: email.to_owned(), key: key.map(str::to_owned), expires: now + lifetime };
        tx.put(TABLE, &hash(&token), &kept);
        Ok::<_, StoreError>(())
    })?;
    Ok(token)
}

/// Who sends these headers: nobody, somebody, or somebody whose credential is no good.
pub fn identify(ground: &Ground, headers: &HeaderMap) -> Result<Who, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(Who::Anonymous) };
    let text = value.to_str().map_err(|_| ApiError::bad_credential())?;
    let token = text
        .strip_prefix("Bearer ")
        .or_else(|| text.strip_prefix("bearer "))
        .or_else(|| text.strip_prefix("OAuth "))
        .ok_or_else(ApiError::bad_credential)?
        .trim();
    whose(ground, token)
}

/// Whose token this is.
pub fn whose(ground: &Ground, token: &str) -> Result<Who, ApiError> {
    let now = Clock::real().unix();
    if token.starts_with(PREFIX) {
        return ground.store.read(|view| {
            let found = view
                .get::<Token>(TABLE, &hash(token))
                .filter(|t| t.expires > now)
                .and_then(|t| Some((project::account(view, &t.email)?, t.key)));
            let (account, key) = found.ok_or_else(ApiError::bad_credential)?;
            Ok(Who::Account { account: Box::new(account), key })
        });
    }
    // A service account signs for itself and asks no token endpoint.
    let jwt = Jwt::read(token).ok_or_else(ApiError::bad_credential)?;
    let (account, key) = signer(ground, &jwt)?;
    let claims = &jwt.claims;
    let itself = claims.sub.as_ref().is_none_or(|sub| *sub == claims.iss);
    let for_us = claims.scope.as_ref().is_some_and(|s| !s.is_empty())
        || claims.aud.as_deref().is_some_and(is_api_audience);
    if itself && for_us {
        Ok(Who::Account { account: Box::new(account), key: Some(key) })
    } else {
        Err(ApiError::bad_credential())
    }
}

/// `https://storage.googleapis.com/`: an API, not the token endpoint.
fn is_api_audience(aud: &str) -> bool {
    let host = aud.strip_prefix("https://").unwrap_or(aud).split('/').next().unwrap_or_default();
    host.ends_with(".googleapis.com") && host != "oauth2.googleapis.com"
}

/// The account whose key signed, if the signature is good and timely.
fn signer(ground: &Ground, jwt: &Jwt<'_>) -> Result<(Account, String), ApiError> {
    let account = ground
        .store
        .read(|view| project::account(view, &jwt.claims.iss))
        .filter(|a| a.kind == AccountKind::ServiceAccount)
        .ok_or_else(ApiError::bad_credential)?;
    let key = jwt.header.kid.clone().unwrap_or_else(|| account.key_id.clone());
    let good = key == account.key_id
        && account.public_key.as_ref().is_some_and(|k| jwt.is_signed_by(k))
        && jwt.is_timely(Clock::real().unix());
    if good { Ok((account, key)) } else { Err(ApiError::bad_credential()) }
}

/// The grants of RFC 7523 and RFC 6749 that a token endpoint answers.
pub fn exchange(ground: &Ground, form: &[(String, String)]) -> Result<String, Refused> {
    let field = |name: &str| {
        form.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str()).unwrap_or_default()
    };
    match field("grant_type") {
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            let jwt = Jwt::read(field("assertion")).ok_or(Refused("Invalid JWT."))?;
            let (account, key) =
                signer(ground, &jwt).map_err(|_| Refused("Invalid JWT Signature."))?;
            issue(ground, &account.email, Some(&key), LIFETIME)
                .map_err(|_| Refused("Backend Error"))
        }
        "refresh_token" => {
            let hash = hash(field("refresh_token"));
            let account = ground
                .store
                .read(project::accounts)
                .into_iter()
                .find(|a| a.refresh_hash.as_deref() == Some(&hash))
                .ok_or(Refused("Token has been expired or revoked."))?;
            issue(ground, &account.email, None, LIFETIME).map_err(|_| Refused("Backend Error"))
        }
        _ => Err(Refused("Unsupported grant_type")),
    }
}

/// Why a token endpoint gives nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(pub &'static str);

/// A refresh token and the hash that is kept of it.
pub fn new_refresh_token() -> (String, String) {
    let token = format!("1//{}", URL_SAFE_NO_PAD.encode(secret_bytes::<48>()));
    let hash = hash(&token);
    (token, hash)
}
