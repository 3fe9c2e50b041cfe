//! What went wrong, out of Google's own codes: canonical codes where gRPC or a JSON body
//! names one, HTTP statuses else. Nothing is read out of a message.

use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::{Code, StatusDetails};
use provider::layers::Call;
use provider::{ErrorKind, ProviderError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Where credentials came from: to say it, and to say what to do when they are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// Handed over by whoever opened the connection.
    Given,
    File {
        path: String,
        form: String,
    },
    Metadata,
}

impl CredentialSource {
    pub(crate) fn next_step(&self) -> String {
        match self {
            CredentialSource::Given => "give fresh credentials".to_owned(),
            CredentialSource::File { form, .. } if form == "authorized_user" => {
                "sign in again: gcloud auth application-default login".to_owned()
            }
            CredentialSource::File { path, .. } => {
                format!("check that {path} still works, or make a new one")
            }
            CredentialSource::Metadata => {
                "sign in (gcloud auth application-default login), or name credentials_file for \
                 this project in lab.toml"
                    .to_owned()
            }
        }
    }
}

impl std::fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CredentialSource::Given => f.write_str("given by the target"),
            CredentialSource::File { path, form } => {
                write!(f, "{} {path}", form.replace('_', " "))
            }
            CredentialSource::Metadata => f.write_str("metadata server"),
        }
    }
}

/// As whom a call was made: what an error tells besides the cause.
#[derive(Clone, Debug)]
pub(crate) struct As<'a> {
    pub caller: Option<&'a str>,
    pub source: &'a CredentialSource,
}

/// The canonical codes (`google.rpc.Code`).
fn kind_of_code(code: Code) -> ErrorKind {
    match code {
        Code::PermissionDenied => ErrorKind::Denied,
        Code::Unauthenticated => ErrorKind::Credentials,
        Code::NotFound => ErrorKind::NotFound,
        Code::AlreadyExists => ErrorKind::AlreadyExists,
        Code::FailedPrecondition | Code::Aborted => ErrorKind::Conflict,
        Code::ResourceExhausted => ErrorKind::Throttled,
        Code::Unimplemented => ErrorKind::Unsupported,
        Code::DataLoss => ErrorKind::Malformed,
        Code::InvalidArgument | Code::OutOfRange => ErrorKind::Invalid,
        _ => ErrorKind::Unreachable,
    }
}

/// Cloud Storage JSON API reference, "HTTP status and error codes".
fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Credentials,
        403 => ErrorKind::Denied,
        404 | 410 => ErrorKind::NotFound,
        405 | 501 => ErrorKind::Unsupported,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        408 | 500.. => ErrorKind::Unreachable,
        200..300 => ErrorKind::Malformed,
        _ => ErrorKind::Invalid,
    }
}

/// The reasons of JSON errors that say *too often* behind a 403.
fn is_rate(reason: &str) -> bool {
    matches!(reason, "rateLimitExceeded" | "userRateLimitExceeded" | "RATE_LIMIT_EXCEEDED")
}

fn told(
    call: &Call<'_>,
    by: &As<'_>,
    kind: ErrorKind,
    cause: &str,
    permission: Option<&str>,
) -> ProviderError {
    let mut error = call.error(kind).because(cause);
    match kind {
        ErrorKind::Denied => {
            error = error.next_step(format!("grant {}", permission.unwrap_or(call.name)));
        }
        ErrorKind::Credentials => error = error.next_step(by.source.next_step()),
        _ => {}
    }
    if let Some(caller) = by.caller {
        error = error.as_caller(caller);
    }
    error
}

/// Out of what an SDK call answered, over gRPC or JSON.
pub(crate) fn of_sdk(call: &Call<'_>, by: &As<'_>, error: &Error) -> ProviderError {
    let wait = error
        .http_headers()
        .and_then(|h| h.get("retry-after")?.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let permission = error.status().and_then(|s| s.details.iter().find_map(permission_in));
    let kind = match (error.http_status_code(), error.status()) {
        (Some(403), Some(told)) if told.code == Code::ResourceExhausted => ErrorKind::Throttled,
        (Some(status), _) => kind_of_status(status),
        (None, Some(status)) => kind_of_code(status.code),
        (None, None) if error.is_authentication() => ErrorKind::Credentials,
        (None, None) if error.is_deserialization() => ErrorKind::Malformed,
        (None, None) if error.is_serialization() || error.is_binding() => ErrorKind::Invalid,
        (None, None) => ErrorKind::Unreachable,
    };
    let cause = match (error.status(), error.http_status_code()) {
        (Some(status), _) => status.message.clone(),
        (None, Some(status)) => format!("HTTP {status}"),
        (None, None) => deepest(error),
    };
    told(call, by, kind, &cause, permission.as_deref()).retry_after(wait)
}

fn permission_in(detail: &StatusDetails) -> Option<String> {
    match detail {
        StatusDetails::ErrorInfo(info) => info.metadata.get("permission").cloned(),
        _ => None,
    }
}

/// Why there are no credentials to send. A token endpoint that does not answer is tried
/// again, a refusal is not.
pub(crate) fn of_credentials(
    call: &Call<'_>,
    by: &As<'_>,
    failed: &(dyn std::error::Error + 'static),
    passes: bool,
) -> ProviderError {
    let kind = if passes { ErrorKind::Unreachable } else { ErrorKind::Credentials };
    told(call, by, kind, &deepest(failed), None)
}

/// No answer at all.
pub(crate) fn of_transport(
    call: &Call<'_>,
    by: &As<'_>,
    failed: &(dyn std::error::Error + 'static),
) -> ProviderError {
    told(call, by, ErrorKind::Unreachable, &deepest(failed), None)
}

/// Both forms of JSON errors: the older APIs give `errors[].reason`, the newer ones `status`
/// and `details`.
#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Told,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    message: String,
    status: Option<String>,
    errors: Vec<Reason>,
    details: Vec<Detail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    reason: String,
    metadata: BTreeMap<String, serde_json::Value>,
}

/// Out of an HTTP answer that is not a success.
pub(crate) fn of_answer(
    call: &Call<'_>,
    by: &As<'_>,
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
) -> ProviderError {
    let body: Told = serde_json::from_slice::<Body>(body).map(|b| b.error).unwrap_or_default();
    let mut reasons =
        body.errors.iter().map(|e| &e.reason).chain(body.details.iter().map(|d| &d.reason));
    let by_rate = status == 403
        && (body.status.as_deref() == Some("RESOURCE_EXHAUSTED") || reasons.any(|r| is_rate(r)));
    let kind = if by_rate { ErrorKind::Throttled } else { kind_of_status(status) };
    let permission = body.details.iter().find_map(|d| d.metadata.get("permission")?.as_str());
    let cause = match body.message.as_str() {
        "" => format!("HTTP {status}"),
        message => message.to_owned(),
    };
    let wait = retry_after.and_then(|s| s.trim().parse().ok()).map(Duration::from_secs);
    told(call, by, kind, &cause, permission).retry_after(wait)
}

/// The innermost cause is the one that a person can act on.
pub(crate) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use google_cloud_gax::error::rpc::Status;

    const CALL: Call<'static> =
        Call { name: "storage.buckets.getIamPolicy", target: "bucket exports", idempotent: true };

    fn by(source: &CredentialSource) -> As<'_> {
        As { caller: Some("drift-reader"), source }
    }

    #[test]
    fn canonical_codes_decide() {
        for (code, kind) in [
            (Code::PermissionDenied, ErrorKind::Denied),
            (Code::Unauthenticated, ErrorKind::Credentials),
            (Code::NotFound, ErrorKind::NotFound),
            (Code::AlreadyExists, ErrorKind::AlreadyExists),
            (Code::Aborted, ErrorKind::Conflict),
            (Code::FailedPrecondition, ErrorKind::Conflict),
            (Code::ResourceExhausted, ErrorKind::Throttled),
            (Code::Unimplemented, ErrorKind::Unsupported),
            (Code::Unavailable, ErrorKind::Unreachable),
            (Code::Internal, ErrorKind::Unreachable),
        ] {
            let failed = Error::service(Status::default().set_code(code).set_message("words"));
            let error = of_sdk(&CALL, &by(&CredentialSource::Metadata), &failed);
            assert_eq!(error.kind, kind, "{code:?}");
            assert_eq!(error.cause, "words");
        }
    }

    #[test]
    fn a_refusal_names_call_target_caller_and_permission() {
        let body = br#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED","details":[
            {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED",
             "metadata":{"permission":"logging.privateLogEntries.list"}}]}}"#;
        let error = of_answer(&CALL, &by(&CredentialSource::Given), 403, None, body);
        assert_eq!(
            error.to_string(),
            "storage.buckets.getIamPolicy on bucket exports as drift-reader: denied (no); \
             grant logging.privateLogEntries.list"
        );
        let error = of_answer(&CALL, &by(&CredentialSource::Given), 403, None, b"<html>");
        assert_eq!(error.next_step, "grant storage.buckets.getIamPolicy");
    }

    #[test]
    fn a_rate_behind_a_403_is_a_rate() {
        let body =
            br#"{"error":{"code":403,"message":"slow","errors":[{"reason":"rateLimitExceeded"}]}}"#;
        let error = of_answer(&CALL, &by(&CredentialSource::Given), 403, Some("7"), body);
        assert_eq!(error.kind, ErrorKind::Throttled);
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn refused_credentials_say_how_to_renew_them() {
        let user = CredentialSource::File { path: "a.json".into(), form: "authorized_user".into() };
        let error = of_answer(&CALL, &by(&user), 401, None, b"{}");
        assert_eq!(error.kind, ErrorKind::Credentials);
        assert_eq!(error.next_step, "sign in again: gcloud auth application-default login");
        assert_eq!(user.to_string(), "authorized user a.json");
    }
}
