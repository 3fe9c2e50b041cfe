//! RSA keys of service accounts, and the signed claims (RFC 7515, RS256) made with them.

use crate::error::ApiError;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{self, KeyPair as _, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Longer than any assertion of a client here.
const LONGEST: usize = 16 << 10;

#[derive(Clone)]
pub struct NewKey {
    /// PKCS#8 in PEM: goes into the credential file and nowhere else.
    pub private_pem: String,
    /// PKCS#1 in base64.
    pub public_key: String,
}

pub fn generate() -> Option<NewKey> {
    let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).ok()?;
    let encoded = STANDARD.encode(der.as_ref());
    let mut private_pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in encoded.as_bytes().chunks(64) {
        private_pem.push_str(&String::from_utf8_lossy(line));
        private_pem.push('\n');
    }
    private_pem.push_str("-----END PRIVATE KEY-----\n");
    Some(NewKey { private_pem, public_key: STANDARD.encode(pair.public_key().as_ref()) })
}

#[derive(Debug, Deserialize)]
pub struct Header {
    pub alg: String,
    #[serde(default)]
    pub kid: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Claims {
    pub iss: String,
    #[serde(default)]
    pub sub: Option<String>,
    #[serde(default)]
    pub aud: Option<String>,
    #[serde(default)]
    pub scope: Option<String>,
    pub iat: i64,
    pub exp: i64,
}

/// A token read and not believed yet.
pub struct Jwt<'t> {
    pub header: Header,
    pub claims: Claims,
    signed: &'t str,
    signature: Vec<u8>,
}

impl<'t> Jwt<'t> {
    pub fn read(token: &'t str) -> Option<Jwt<'t>> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Jwt {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signed,
            signature: decode(signature)?,
        })
    }

    pub fn is_signed_by(&self, public_key: &str) -> bool {
        let Ok(key) = STANDARD.decode(public_key) else { return false };
        self.header.alg == "RS256"
            && UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, key)
                .verify(self.signed.as_bytes(), &self.signature)
                .is_ok()
    }

    /// Good now, and for an hour at most; five minutes of skew either way are allowed.
    pub fn is_timely(&self, now: i64) -> bool {
        const SKEW: i64 = 300;
        let Claims { iat, exp, .. } = self.claims;
        iat <= now.saturating_add(SKEW)
            && exp > now.saturating_sub(SKEW)
            && exp.saturating_sub(iat) <= 3600 + SKEW
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()
}

/// A token endpoint's refusal is its own form of error (RFC 6749).
pub fn invalid_grant(description: &str) -> serde_json::Value {
    serde_json::json!({"error": "invalid_grant", "error_description": description})
}

impl NewKey {
    /// A key for an account of a new lab. Making one takes a tenth of a second and more, so
    /// a process that founds many labs makes each account's once; it is still no other
    /// account's, and no other process's.
    pub fn of(email: &str) -> Result<NewKey, ApiError> {
        static MADE: Mutex<BTreeMap<String, NewKey>> = Mutex::new(BTreeMap::new());
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = made.get(email) {
            return Ok(key.clone());
        }
        let key = generate().ok_or_else(ApiError::internal)?;
        made.insert(email.to_owned(), key.clone());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::RsaKeyPair;

    fn token(key: &NewKey, claims: &str) -> String {
        let body: String = key.private_pem.lines().filter(|l| !l.starts_with("-----")).collect();
        let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"k"}"#),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(
            &signature::RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )
        .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn only_its_own_key_signs_for_an_account() {
        let (mine, other) = (generate().unwrap(), generate().unwrap());
        let token = token(&mine, r#"{"iss":"a","iat":1000,"exp":4600}"#);
        let jwt = Jwt::read(&token).unwrap();
        assert!(jwt.is_signed_by(&mine.public_key));
        assert!(!jwt.is_signed_by(&other.public_key));
        assert!(jwt.is_timely(1001) && !jwt.is_timely(5000) && !jwt.is_timely(0));
        let (head, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{head}.{}", URL_SAFE_NO_PAD.encode([0; 256]));
        assert!(!Jwt::read(&forged).unwrap().is_signed_by(&mine.public_key));
    }

    #[test]
    fn foreign_bytes_are_no_token() {
        for text in ["", "a.b.c", "..", "x", "a.b", &"x".repeat(1 << 20)] {
            assert!(Jwt::read(text).is_none());
        }
    }
}
