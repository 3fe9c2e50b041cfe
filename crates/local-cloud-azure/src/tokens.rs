//! Access tokens: JWTs with Entra's claims, signed with a key that only this folder has.
//! Clients treat a token as opaque, so its signature is the lab's own (HS256).

use crate::state::principal::{self, Principal, PrincipalKind};
use crate::story::TENANT;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use local_cloud::{Tx, View};
use serde::{Deserialize, Serialize};
use serde_json::json;

const SECRETS: &str = "azure/secrets";
const KEY: &str = "token-key";
pub const LIFETIME: i64 = 3600;

pub const ARM: &str = "https://management.azure.com";
pub const STORAGE: &str = "https://storage.azure.com";

/// The claims of an access token (learn.microsoft.com, access token claims reference, v1.0).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    pub aud: String,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub appid: String,
    /// How the client proved itself: 0 public client, 1 secret.
    pub appidacr: String,
    pub idp: String,
    pub idtyp: String,
    pub oid: String,
    pub sub: String,
    pub tid: String,
    pub uti: String,
    pub ver: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub upn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ipaddr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scp: Option<String>,
}

/// Who a verified token speaks for.
#[derive(Clone)]
pub struct Caller {
    pub principal: Principal,
    pub claims: Claims,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not a token of this tenant.
    Invalid,
    Expired,
    /// Meant for another service.
    Audience,
}

/// Makes the key that signs this folder's tokens.
pub fn found(tx: &mut Tx<'_>) {
    let key = hex::encode(local_cloud::store::secret_bytes::<32>());
    tx.put(SECRETS, KEY, &key);
}

fn key(view: &View<'_>) -> Option<hmac::Key> {
    let bytes = hex::decode(view.get::<String>(SECRETS, KEY)?).ok()?;
    Some(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// Signs a token for a principal. `through` is the client a person signed in with.
pub fn mint(
    tx: &mut Tx<'_>,
    principal: &Principal,
    audience: &str,
    through: &str,
    now: i64,
) -> Option<String> {
    let bytes = tx.fresh("azure/uti");
    let human = principal.kind == PrincipalKind::User;
    let origin = local_cloud::callers::origin(&tx.view(), principal.credential());
    let claims = Claims {
        aud: audience.trim_end_matches('/').to_owned(),
        iss: issuer(),
        iat: now,
        nbf: now,
        exp: now + LIFETIME,
        appid: principal.client_id.clone().unwrap_or_else(|| through.to_owned()),
        appidacr: if human { "0" } else { "1" }.to_owned(),
        idp: issuer(),
        idtyp: if human { "user" } else { "app" }.to_owned(),
        oid: principal.object_id.clone(),
        sub: principal.object_id.clone(),
        tid: TENANT.to_owned(),
        uti: B64.encode(&bytes[..16]),
        ver: "1.0".to_owned(),
        upn: human.then(|| principal.name.clone()),
        name: human.then(|| display_name(&principal.name)),
        ipaddr: human.then_some(origin),
        scp: human.then(|| "user_impersonation".to_owned()),
    };
    sign(&tx.view(), &claims)
}

fn sign(view: &View<'_>, claims: &impl Serialize) -> Option<String> {
    let header = B64.encode(json!({"typ": "JWT", "alg": "HS256"}).to_string());
    let signed = format!("{header}.{}", B64.encode(serde_json::to_vec(claims).ok()?));
    let signature = hmac::sign(&key(view)?, signed.as_bytes());
    Some(format!("{signed}.{}", B64.encode(signature)))
}

/// Who signed in, for the client itself; no service takes it.
pub fn identity(view: &View<'_>, principal: &Principal, client: &str, now: i64) -> Option<String> {
    let claims = json!({
        "aud": client,
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "name": display_name(&principal.name),
        "oid": principal.object_id,
        "preferred_username": principal.name,
        "sub": principal.object_id,
        "tid": TENANT,
        "ver": "2.0",
    });
    sign(view, &claims)
}

/// The account's key in a client's cache.
pub fn client_info(principal: &Principal) -> String {
    B64.encode(json!({"uid": principal.object_id, "utid": TENANT}).to_string())
}

/// `Dana Ortiz` of `dana.ortiz@example.com`.
fn display_name(upn: &str) -> String {
    let words = upn.split('@').next().unwrap_or_default().split('.');
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|c| c.to_uppercase().chain(letters).collect::<String>())
    };
    words.filter_map(capital).collect::<Vec<_>>().join(" ")
}

pub fn issuer() -> String {
    format!("https://sts.windows.net/{TENANT}/")
}

/// Verifies a token against the machine's clock: clients cache tokens by theirs.
pub fn verify(
    view: &View<'_>,
    token: &str,
    audiences: &[&str],
    now: i64,
) -> Result<Caller, TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
    let signature = B64.decode(signature).map_err(|_| TokenError::Invalid)?;
    let key = key(view).ok_or(TokenError::Invalid)?;
    hmac::verify(&key, signed.as_bytes(), &signature).map_err(|_| TokenError::Invalid)?;
    let claims = claims_of(token).ok_or(TokenError::Invalid)?;
    if claims.exp <= now {
        return Err(TokenError::Expired);
    }
    if !audiences.iter().any(|a| claims.aud.trim_end_matches('/').eq_ignore_ascii_case(a)) {
        return Err(TokenError::Audience);
    }
    let principal = principal::by_object(view, &claims.oid).ok_or(TokenError::Invalid)?;
    Ok(Caller { principal, claims })
}

fn claims_of(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&B64.decode(payload).ok()?).ok()
}

/// Does an unverified token say that this tenant issued it? For routing only.
pub fn looks_ours(token: &str) -> bool {
    claims_of(token).is_some_and(|c| c.iss == issuer())
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_cloud::{Store, StoreError};

    fn service_principal() -> Principal {
        Principal {
            name: "p".to_owned(),
            kind: PrincipalKind::ServicePrincipal,
            object_id: "o".to_owned(),
            client_id: Some("c".to_owned()),
            secret: "s".to_owned(),
        }
    }

    #[test]
    fn a_token_is_good_for_its_service_and_its_time_only() {
        let store = Store::in_memory();
        let token = store
            .write(|tx| {
                found(tx);
                principal::put(tx, &service_principal());
                Ok::<_, StoreError>(mint(tx, &service_principal(), ARM, "", 1000).unwrap())
            })
            .unwrap();
        let verify = |token: &str, audience: &str, now| {
            store.read(|v| verify(v, token, &[audience], now).map(|c| c.claims.appid))
        };
        assert_eq!(verify(&token, ARM, 1001).as_deref(), Ok("c"));
        assert_eq!(verify(&token, STORAGE, 1001), Err(TokenError::Audience));
        assert_eq!(verify(&token, ARM, 1000 + LIFETIME), Err(TokenError::Expired));
        let mut forged = token.clone();
        forged.replace_range(30..31, if &token[30..31] == "A" { "B" } else { "A" });
        assert_eq!(verify(&forged, ARM, 1001), Err(TokenError::Invalid));
        assert_eq!(verify("nonsense", ARM, 1001), Err(TokenError::Invalid));
        let identity = store.read(|v| identity(v, &service_principal(), "c", 1000).unwrap());
        assert_eq!(verify(&identity, ARM, 1001), Err(TokenError::Invalid));
        assert!(looks_ours(&token) && !looks_ours("a.b.c"));
    }

    #[test]
    fn people_have_names() {
        assert_eq!(display_name("dana.ortiz@example.com"), "Dana Ortiz");
    }
}
