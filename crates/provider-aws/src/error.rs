//! What went wrong, decided once, from the services' own codes; never from a message.

use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_credential_types::provider::error::CredentialsError;
use aws_protocol::codec::Failure;
use aws_protocol::{Operation, ServiceError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use provider::layers::Call;
use provider::{ErrorKind, ProviderError};
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A failed call of the SDK, with what decides how to go on.
pub(crate) struct Failed {
    pub error: ProviderError,
    pub code: Option<String>,
    /// The region that a bucket is in, where an answer said that it is in another.
    pub region: Option<String>,
}

impl Failed {
    /// Is it one of these codes, which say that something is not configured?
    pub fn is_any(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

/// The codes of S3, IAM, STS and CloudTrail (their API references, "Errors" and "Common
/// errors"); an answer without a code (HEAD has no body) is decided by its status.
pub(crate) fn kind_of(code: Option<&str>, status: u16) -> ErrorKind {
    match code.unwrap_or_default() {
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "AuthorizationError"
        | "NotAuthorized"
        | "OperationNotPermittedException"
        | "UnauthorizedAccess"
        | "UnauthorizedOperation" => ErrorKind::Denied,
        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "InvalidToken"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotSignedUp"
        | "OptInRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "TokenRefreshRequired"
        | "UnrecognizedClientException" => ErrorKind::Credentials,
        "NoSuchBucket"
        | "NoSuchBucketPolicy"
        | "NoSuchEntity"
        | "NoSuchKey"
        | "NoSuchTagSet"
        | "NoSuchUpload"
        | "NotFound"
        | "TrailNotFoundException" => ErrorKind::NotFound,
        "BucketAlreadyExists" | "BucketAlreadyOwnedByYou" | "EntityAlreadyExists" => {
            ErrorKind::AlreadyExists
        }
        "BucketNotEmpty"
        | "ConcurrentModification"
        | "ConditionalRequestConflict"
        | "DeleteConflict"
        | "EntityTemporarilyUnmodifiable"
        | "InvalidBucketState"
        | "OperationAborted"
        | "PreconditionFailed" => ErrorKind::Conflict,
        "BandwidthLimitExceeded"
        | "EC2ThrottledException"
        | "PriorRequestNotComplete"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException" => ErrorKind::Throttled,
        "MethodNotAllowed"
        | "NotImplemented"
        | "UnsupportedOperation"
        | "UnsupportedOperationException" => ErrorKind::Unsupported,
        "InternalError"
        | "InternalFailure"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ServiceFailure"
        | "ServiceUnavailable" => ErrorKind::Unreachable,
        _ => match status {
            401 => ErrorKind::Credentials,
            403 => ErrorKind::Denied,
            404 => ErrorKind::NotFound,
            405 | 501 => ErrorKind::Unsupported,
            409 | 412 => ErrorKind::Conflict,
            429 => ErrorKind::Throttled,
            500.. => ErrorKind::Unreachable,
            200..300 => ErrorKind::Malformed,
            _ => ErrorKind::Invalid,
        },
    }
}

/// The permission that a call takes: `s3:ListBucket` for HeadBucket.
pub(crate) fn permission(call: &str) -> String {
    let Some((service, operation)) = call.split_once(':') else { return call.to_owned() };
    Operation::named(service, operation)
        .and_then(|o| o.row.action.clone())
        .unwrap_or_else(|| call.to_owned())
}

fn service_error(
    call: &Call<'_>,
    code: Option<&str>,
    status: u16,
    message: &str,
    caller: Option<String>,
    source: &CredentialSource,
) -> ProviderError {
    let kind = kind_of(code, status);
    let cause = match (code, message) {
        (Some(code), "") => code.to_owned(),
        (Some(code), message) => format!("{code}: {message}"),
        (None, "") => format!("HTTP {status}"),
        (None, message) => format!("HTTP {status}: {message}"),
    };
    let mut error = call.error(kind).because(cause);
    match kind {
        ErrorKind::Denied => error = error.next_step(format!("grant {}", permission(call.name))),
        ErrorKind::Credentials => error = error.next_step(source.next_step()),
        _ => {}
    }
    if let Some(caller) = caller {
        error = error.as_caller(caller);
    }
    error
}

/// Out of what an SDK's call answered.
pub(crate) fn of_sdk<E>(
    call: &Call<'_>,
    failed: &SdkError<E, HttpResponse>,
    caller: Option<String>,
    source: &CredentialSource,
) -> Failed
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let answer = match failed {
        SdkError::ServiceError(e) => Some(e.raw()),
        SdkError::ResponseError(e) => Some(e.raw()),
        _ => None,
    };
    let status = answer.map(|a| a.status().as_u16());
    let header = |name| answer.and_then(|a| a.headers().get(name)).map(str::to_owned);
    let code = match failed {
        SdkError::ServiceError(e) => e.err().code().map(str::to_owned),
        _ => None,
    };
    let error = match (failed, status) {
        (SdkError::ServiceError(e), Some(status)) => {
            let message = e.err().message().unwrap_or_default();
            service_error(call, code.as_deref(), status, message, caller, source)
        }
        (SdkError::ResponseError(_), Some(status)) => {
            let words = deepest(failed);
            service_error(call, None, status, &words, caller, source)
        }
        (SdkError::TimeoutError(_), _) => {
            call.error(ErrorKind::Unreachable).because("no answer in time")
        }
        _ => match find::<CredentialsError>(failed) {
            Some(credentials) => of_credentials(call, credentials, source),
            // Nothing was sent: what was asked for makes no request.
            None if matches!(failed, SdkError::ConstructionFailure(_)) => {
                call.error(ErrorKind::Invalid).because(deepest(failed))
            }
            None => call.error(ErrorKind::Unreachable).because(deepest(failed)),
        },
    };
    let wait = header("retry-after").and_then(|s| s.parse().ok()).map(Duration::from_secs);
    let moved = matches!(status, Some(301 | 307 | 400));
    let region = header("x-amz-bucket-region").filter(|_| moved);
    Failed { error: error.retry_after(wait), code, region }
}

/// Out of what `aws-protocol` read.
pub(crate) fn of_answer(
    call: &Call<'_>,
    failure: &Failure,
    caller: Option<String>,
    source: &CredentialSource,
) -> ProviderError {
    match failure {
        Failure::Service { error: ServiceError { code, message, status, .. }, .. } => {
            let code = Some(code.as_str()).filter(|c| !c.is_empty());
            service_error(call, code, *status, message, caller, source)
        }
        Failure::Unreadable { status, what } => {
            // A proxy's page of error is its status; a success that cannot be read is not.
            service_error(call, None, *status, what, caller, source)
        }
    }
}

/// Why no credentials were found.
pub(crate) fn of_credentials(
    call: &Call<'_>,
    failed: &CredentialsError,
    source: &CredentialSource,
) -> ProviderError {
    let cause = match failed {
        CredentialsError::CredentialsNotLoaded(_) => "no credentials were found".to_owned(),
        CredentialsError::ProviderTimedOut(_) => "the credential source did not answer".to_owned(),
        CredentialsError::InvalidConfiguration(_) => {
            format!("the configuration of the credentials is wrong: {}", deepest(failed))
        }
        _ => format!("the credential source failed: {}", deepest(failed)),
    };
    call.error(ErrorKind::Credentials).because(cause).next_step(source.next_step())
}

/// The innermost cause is the one that a person can act on.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        at = error.source();
    }
    None
}

/// Where credentials come from: to say it, and to say what to do when they are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSource {
    given: bool,
    profile: Option<String>,
    how: Option<&'static str>,
    assumed: bool,
}

impl CredentialSource {
    pub(crate) fn of(given: bool, profile: Option<String>) -> Self {
        CredentialSource { given, profile, how: None, assumed: false }
    }

    /// Takes in what the SDK notes of the providers that it went through.
    pub(crate) fn found(&mut self, features: &[Feature]) {
        self.assumed = features.contains(&Feature::CredentialsStsAssumeRole);
        self.how = features.iter().find_map(|feature| match feature {
            Feature::CredentialsEnvVarsStsWebIdToken
            | Feature::CredentialsStsAssumeRoleWebId
            | Feature::CredentialsProfileStsWebIdToken => Some("web identity"),
            Feature::CredentialsEnvVars => Some("environment"),
            Feature::CredentialsProfileSso | Feature::CredentialsSso => Some("SSO"),
            Feature::CredentialsProfileProcess | Feature::CredentialsProcess => {
                Some("credential_process")
            }
            Feature::CredentialsHttp => Some("container"),
            Feature::CredentialsImds => Some("instance metadata"),
            Feature::CredentialsProfile => Some("profile"),
            _ => None,
        });
    }

    pub(crate) fn next_step(&self) -> String {
        let of_profile = match &self.profile {
            Some(name) => format!(" --profile {name}"),
            None => String::new(),
        };
        match self.how {
            _ if self.given => "start the local cloud again: lab cloud reset".to_owned(),
            Some("SSO") => format!("sign in again: aws sso login{of_profile}"),
            Some("environment") => {
                "set fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
                    .to_owned()
            }
            Some("web identity") => {
                "renew the token that AWS_WEB_IDENTITY_TOKEN_FILE names".to_owned()
            }
            Some("credential_process") => {
                format!(
                    "run the profile's credential_process by hand: aws sts get-caller-identity{of_profile}"
                )
            }
            Some("container" | "instance metadata") => {
                "check the role of this machine or task".to_owned()
            }
            _ => match &self.profile {
                Some(name) => {
                    format!("check profile {name}: aws sts get-caller-identity --profile {name}")
                }
                None => "sign in (aws sso login), or name a profile for this target in lab.toml"
                    .to_owned(),
            },
        }
    }
}

/// `profile prod, SSO`, `environment`, `web identity, role assumed`.
impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.given {
            return f.write_str("given by the target");
        }
        let mut words = Vec::new();
        if let Some(profile) = &self.profile {
            words.push(format!("profile {profile}"));
        }
        if let Some(how) = self.how.filter(|how| *how != "profile" || self.profile.is_none()) {
            words.push(how.to_owned());
        }
        if self.assumed {
            words.push("role assumed".to_owned());
        }
        if words.is_empty() {
            words.push("default chain".to_owned());
        }
        f.write_str(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::operation::get_bucket_policy::GetBucketPolicyError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;
    use http::StatusCode;

    fn failed(code: Option<&str>, status: u16) -> SdkError<GetBucketPolicyError, HttpResponse> {
        let mut meta = ErrorMetadata::builder();
        if let Some(code) = code {
            meta = meta.code(code);
        }
        let mut raw =
            HttpResponse::new(StatusCode::from_u16(status).unwrap().into(), SdkBody::empty());
        raw.headers_mut().insert("x-amz-bucket-region", "eu-central-1");
        SdkError::service_error(GetBucketPolicyError::generic(meta.build()), raw)
    }

    fn check(code: Option<&str>, status: u16, expected: ErrorKind) -> Failed {
        let call = Call::read("s3:GetBucketPolicy", "bucket audit");
        let source = CredentialSource::of(false, Some("prod".to_owned()));
        let failed = of_sdk(&call, &failed(code, status), Some("role/ci".to_owned()), &source);
        assert_eq!(failed.error.kind, expected, "{code:?} {status}");
        failed
    }

    #[test]
    fn codes_decide_then_statuses() {
        check(Some("SlowDown"), 503, ErrorKind::Throttled);
        check(Some("InternalError"), 500, ErrorKind::Unreachable);
        check(Some("NoSuchBucket"), 404, ErrorKind::NotFound);
        check(Some("NotImplemented"), 501, ErrorKind::Unsupported);
        check(Some("SomethingNew"), 400, ErrorKind::Invalid);
        check(None, 403, ErrorKind::Denied);
        check(None, 503, ErrorKind::Unreachable);
    }

    #[test]
    fn a_refusal_names_the_permission() {
        let denied = check(Some("AccessDenied"), 403, ErrorKind::Denied).error;
        assert_eq!(
            denied.to_string(),
            "s3:GetBucketPolicy on bucket audit as role/ci: denied (AccessDenied); \
             grant s3:GetBucketPolicy"
        );
        assert_eq!(permission("s3:HeadBucket"), "s3:ListBucket");
        assert_eq!(permission("s3:GetPublicAccessBlock"), "s3:GetBucketPublicAccessBlock");
        assert_eq!(permission("iam:GetUser"), "iam:GetUser");
    }

    #[test]
    fn expired_credentials_say_how_to_renew_them() {
        let expired = check(Some("ExpiredToken"), 400, ErrorKind::Credentials).error;
        assert!(expired.next_step.contains("prod"), "{expired}");
        let mut source = CredentialSource::of(false, Some("prod".to_owned()));
        source.found(&[Feature::CredentialsProfile, Feature::CredentialsProfileSso]);
        assert_eq!(source.to_string(), "profile prod");
        let mut source = CredentialSource::of(false, Some("prod".to_owned()));
        source.found(&[Feature::CredentialsProfileSso]);
        assert_eq!(source.next_step(), "sign in again: aws sso login --profile prod");
        assert_eq!(source.to_string(), "profile prod, SSO");
    }

    #[test]
    fn another_region_is_told_by_redirects_only() {
        let moved = check(Some("PermanentRedirect"), 301, ErrorKind::Invalid);
        assert_eq!(moved.region.as_deref(), Some("eu-central-1"));
        assert_eq!(check(Some("AccessDenied"), 403, ErrorKind::Denied).region, None);
    }
}
