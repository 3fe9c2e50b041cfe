//! Signatures, both sides: the server verifies, the client signs with the SDK's own signer.

use crate::canonical::{HttpParts, Signed};
use crate::error::ServiceError;
use crate::table::{Protocol, Service};
use crate::timestamp;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use std::fmt;
use std::time::SystemTime;
use time::{Duration, OffsetDateTime};

/// How far a request's time may be from ours.
const MAX_SKEW: Duration = Duration::minutes(15);
/// How far into the future it may lie.
const MAX_AHEAD: Duration = Duration::minutes(5);

/// What the server knows of an access key.
#[derive(Clone)]
pub struct SecretKey {
    pub secret: String,
    /// Set on the keys of a session.
    pub session_token: Option<String>,
    pub expires_at: Option<OffsetDateTime>,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Why a caller is not who it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// No signature on a call that needs one.
    Missing,
    /// A signature that cannot be read; the text says what lacks.
    Incomplete(String),
    /// No such key, an inactive one, or a token that is not its own.
    UnknownKey,
    Mismatch,
    /// A session that is over.
    ExpiredToken,
    /// Signed too long ago: signed at, now, allowed.
    TooOld {
        signed_at: OffsetDateTime,
        now: OffsetDateTime,
        allowed: Duration,
    },
    /// Signed in the future.
    TooNew {
        signed_at: OffsetDateTime,
        now: OffsetDateTime,
    },
    /// A signature for another service, or of another day than it says.
    WrongScope(String),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for AuthError {}

impl AuthError {
    fn message(&self) -> String {
        match self {
            AuthError::Missing => "Request is missing Authentication Token".into(),
            AuthError::Incomplete(what) | AuthError::WrongScope(what) => what.clone(),
            AuthError::UnknownKey => "The security token included in the request is invalid.".into(),
            AuthError::Mismatch => "The request signature we calculated does not match the signature you provided. \
                Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
                .into(),
            AuthError::ExpiredToken => "The security token included in the request is expired".into(),
            AuthError::TooOld { signed_at, now, allowed } => format!(
                "Signature expired: {} is now earlier than {} ({} - {} min.)",
                timestamp::basic(*signed_at),
                timestamp::basic(*now - *allowed),
                timestamp::basic(*now),
                allowed.whole_minutes(),
            ),
            AuthError::TooNew { signed_at, now } => format!(
                "Signature not yet current: {} is still later than {} ({} + {} min.)",
                timestamp::basic(*signed_at),
                timestamp::basic(*now + MAX_AHEAD),
                timestamp::basic(*now),
                MAX_AHEAD.whole_minutes(),
            ),
        }
    }

    /// The refusal in the words of a service's protocol.
    pub fn service_error(&self, service: &Service) -> ServiceError {
        let message = self.message();
        let (code, status) = match service.facts.protocol {
            Protocol::Query | Protocol::RestXml => match self {
                AuthError::Missing => ("MissingAuthenticationToken", 403),
                AuthError::Incomplete(_) => ("IncompleteSignature", 400),
                AuthError::UnknownKey => ("InvalidClientTokenId", 403),
                AuthError::ExpiredToken => ("ExpiredToken", 403),
                _ => ("SignatureDoesNotMatch", 403),
            },
            Protocol::Json => match self {
                AuthError::Missing => ("MissingAuthenticationTokenException", 400),
                AuthError::Incomplete(_) => ("IncompleteSignatureException", 400),
                AuthError::UnknownKey => ("UnrecognizedClientException", 400),
                AuthError::ExpiredToken => ("ExpiredTokenException", 400),
                _ => ("InvalidSignatureException", 400),
            },
            Protocol::Ec2 => match self {
                AuthError::Missing => ("MissingAuthenticationToken", 403),
                AuthError::TooOld { .. } | AuthError::ExpiredToken => ("RequestExpired", 400),
                _ => ("AuthFailure", 401),
            },
        };
        // EC2 has its own words for a caller it cannot validate.
        let message = match (service.facts.protocol, code) {
            (Protocol::Ec2, "AuthFailure") => {
                "AWS was not able to validate the provided access credentials".into()
            }
            (Protocol::Ec2, "RequestExpired") => "Request has expired.".into(),
            _ => message,
        };
        ServiceError::new(code, message, status)
    }
}

/// Reads and verifies a request's signature. `lookup` is asked for the key it names and answers `None` for an
/// unknown or inactive one. `Ok(None)`: the request carries no signature; whether that is fine is the caller's
/// decision (`AuthError::Missing` otherwise).
pub fn authenticate(
    request: &HttpParts<'_>,
    now: OffsetDateTime,
    lookup: impl FnOnce(&str) -> Option<SecretKey>,
) -> Result<Option<Signed>, AuthError> {
    let Some(signed) = Signed::read(request)? else { return Ok(None) };
    let key = lookup(&signed.scope.access_key).ok_or(AuthError::UnknownKey)?;
    signed.verify(request, &key, now)?;
    Ok(Some(signed))
}

impl Signed {
    /// Signs the request again with the key and compares, in constant time.
    pub fn verify(
        &self,
        request: &HttpParts<'_>,
        key: &SecretKey,
        now: OffsetDateTime,
    ) -> Result<(), AuthError> {
        let token_fits = match (&key.session_token, &self.session_token) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => equal(ours.as_bytes(), theirs.as_bytes()),
            _ => false,
        };
        if !token_fits {
            return Err(AuthError::UnknownKey);
        }
        let allowed = self.presigned_for.unwrap_or(MAX_SKEW);
        if now - self.signed_at > allowed {
            return Err(AuthError::TooOld { signed_at: self.signed_at, now, allowed });
        }
        if self.signed_at - now > MAX_AHEAD {
            return Err(AuthError::TooNew { signed_at: self.signed_at, now });
        }
        let day = &timestamp::basic(self.signed_at)[..8];
        if self.scope.date != day {
            return Err(AuthError::WrongScope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{day}'.",
                self.scope.date
            )));
        }
        let text = self.string_to_sign(request).ok_or(AuthError::Mismatch)?;
        let signing_key = v4::generate_signing_key(
            &key.secret,
            SystemTime::from(self.signed_at),
            &self.scope.region,
            &self.scope.service,
        );
        let expected = v4::calculate_signature(signing_key, text.as_bytes());
        if !equal(expected.as_bytes(), self.signature.as_bytes()) {
            return Err(AuthError::Mismatch);
        }
        // Only who proves to hold the key learns that its session is over.
        match key.expires_at {
            Some(at) if at <= now => Err(AuthError::ExpiredToken),
            _ => Ok(()),
        }
    }

    /// The signature must be for the service that is asked.
    pub fn is_for(&self, service: &Service) -> Result<(), AuthError> {
        if self.scope.service == service.facts.signing_name {
            return Ok(());
        }
        let message = format!(
            "Credential should be scoped to correct service: '{}'.",
            service.facts.signing_name
        );
        Err(AuthError::WrongScope(message))
    }
}

/// Takes as long for a near miss as for any other text of that length.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0u8, |sum, (a, b)| std::hint::black_box(sum | (a ^ b)));
    a.len() == b.len() && difference == 0
}

/// Signs a request for a service: adds `x-amz-date`, the session token's header, and `Authorization`. The URI is
/// absolute; a `Host` header is not needed.
pub fn sign_request<B: AsRef<[u8]>>(
    request: &mut http::Request<B>,
    credentials: &Credentials,
    signing_name: &str,
    region: &str,
    now: SystemTime,
) -> Result<(), SignError> {
    sign_with(request, credentials, signing_name, region, now, SigningSettings::default())
}

/// Signs a request in its query string, good for `expires_in`.
pub fn presign_request<B: AsRef<[u8]>>(
    request: &mut http::Request<B>,
    credentials: &Credentials,
    signing_name: &str,
    region: &str,
    now: SystemTime,
    expires_in: std::time::Duration,
) -> Result<(), SignError> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(expires_in);
    sign_with(request, credentials, signing_name, region, now, settings)
}

fn sign_with<B: AsRef<[u8]>>(
    request: &mut http::Request<B>,
    credentials: &Credentials,
    signing_name: &str,
    region: &str,
    now: SystemTime,
    mut settings: SigningSettings,
) -> Result<(), SignError> {
    // S3 signs the path as it is on the wire: a key may hold anything.
    if signing_name == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    // Who presigns does not know what will be sent.
    let presigned_s3 = signing_name == "s3" && settings.expires_in.is_some();
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(signing_name)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|e| SignError(e.to_string()))?
        .into();
    let headers: Result<Vec<(&str, &str)>, _> = request
        .headers()
        .iter()
        .map(|(name, value)| value.to_str().map(|v| (name.as_str(), v)))
        .collect();
    let headers = headers.map_err(|e| SignError(e.to_string()))?;
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.into_iter(),
        match presigned_s3 {
            true => SignableBody::UnsignedPayload,
            false => SignableBody::Bytes(request.body().as_ref()),
        },
    );
    let signable = signable.map_err(|e| SignError(e.to_string()))?;
    let signed = aws_sigv4::http_request::sign(signable, &parameters)
        .map_err(|e| SignError(e.to_string()))?;
    signed.into_parts().0.apply_to_request_http1x(request);
    Ok(())
}

/// A request that cannot be signed: its URI or a header is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignError(pub String);

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot sign the request: {}", self.0)
    }
}

impl std::error::Error for SignError {}
