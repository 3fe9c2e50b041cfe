//! What Azure's refusals mean, decided once, from status and code; never from a message.

use azure_core::error::{Error, ErrorKind as CoreKind};
use azure_core::http::headers::{HeaderName, Headers};
use provider::layers::Call;
use provider::{ErrorKind, ProviderError};
use serde_json::Value;
use std::time::Duration;

/// A failed answer, as any of Azure's protocols gives one.
pub(crate) struct Refusal<'a> {
    pub status: u16,
    pub code: Option<&'a str>,
    pub message: &'a str,
    pub retry_after: Option<Duration>,
}

impl Refusal<'_> {
    pub fn into_error(self, call: &Call<'_>) -> ProviderError {
        let kind = kind_of(self.status, self.code);
        let cause = match self.code {
            Some(code) if !self.message.contains(code) => {
                format!("HTTP {} {code}: {}", self.status, self.message)
            }
            _ => format!("HTTP {}: {}", self.status, self.message),
        };
        let error = call.error(kind).because(first_line(&cause)).retry_after(self.retry_after);
        match next_step(self.code) {
            Some(step) => error.next_step(step),
            None => error,
        }
    }
}

/// Codes from the public error pages of Resource Manager, the storage resource provider
/// and Blob storage.
fn kind_of(status: u16, code: Option<&str>) -> ErrorKind {
    match code.unwrap_or_default() {
        "AuthorizationFailed"
        | "AuthorizationFailure"
        | "AuthorizationPermissionMismatch"
        | "AuthorizationResourceTypeMismatch"
        | "AuthorizationSourceIPMismatch"
        | "InsufficientAccountPermissions"
        | "KeyBasedAuthenticationNotPermitted"
        | "LinkedAuthorizationFailed"
        | "RequestDisallowedByPolicy" => return ErrorKind::Denied,
        "AuthenticationFailed"
        | "ExpiredAuthenticationToken"
        | "InvalidAuthenticationInfo"
        | "InvalidAuthenticationToken"
        | "InvalidAuthenticationTokenAudience"
        | "InvalidAuthenticationTokenTenant"
        | "NoAuthenticationInformation" => return ErrorKind::Credentials,
        // A resource in a subscription that these credentials do not see is not missing.
        "InvalidSubscriptionId" | "SubscriptionNotFound" => return ErrorKind::WrongAccount,
        "BlobNotFound"
        | "ContainerNotFound"
        | "NotFound"
        | "ParentResourceNotFound"
        | "ResourceGroupNotFound"
        | "ResourceNotFound" => return ErrorKind::NotFound,
        "BlobAlreadyExists"
        | "ContainerAlreadyExists"
        | "StorageAccountAlreadyExists"
        | "StorageAccountAlreadyTaken" => return ErrorKind::AlreadyExists,
        // It did nothing and asks to come again.
        "AnotherOperationInProgress"
        | "RetryableError"
        | "ServerBusy"
        | "StorageAccountOperationInProgress"
        | "SubscriptionRequestsThrottled"
        | "TooManyRequests" => return ErrorKind::Throttled,
        "InvalidApiVersionParameter"
        | "InvalidResourceNamespace"
        | "InvalidResourceType"
        | "NoRegisteredProviderFound"
        | "NotImplemented"
        | "UnsupportedHttpVerb" => return ErrorKind::Unsupported,
        "MissingSubscriptionRegistration" | "PublicAccessNotPermitted" => {
            return ErrorKind::Invalid;
        }
        _ => {}
    }
    match status {
        401 => ErrorKind::Credentials,
        403 => ErrorKind::Denied,
        // A 404 of an unknown kind (a proxy's, a wrong path's) does not say that a resource
        // is gone.
        404 => ErrorKind::Malformed,
        405 | 501 => ErrorKind::Unsupported,
        408 | 500 | 502..=599 => ErrorKind::Unreachable,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        400..=499 => ErrorKind::Invalid,
        _ => ErrorKind::Malformed,
    }
}

fn next_step(code: Option<&str>) -> Option<&'static str> {
    Some(match code? {
        "RequestDisallowedByPolicy" => "a policy of the subscription forbids it; see the cause",
        "AuthorizationFailure" => "the storage account's firewall refuses this address",
        "KeyBasedAuthenticationNotPermitted" => "the account takes no keys; use a role",
        "MissingSubscriptionRegistration" => {
            "register the resource provider: az provider register --namespace Microsoft.Storage"
        }
        "PublicAccessNotPermitted" => "the account's allow_nested_items_to_be_public forbids it",
        "InvalidSubscriptionId" | "SubscriptionNotFound" => {
            "check the subscription id and that the caller belongs to its tenant"
        }
        "ScopeLocked" => "a lock protects it: az lock list",
        _ => return None,
    })
}

/// Blob storage puts request ids and times below the sentence.
fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default()
}

/// `{"error": {"code", "message"}}`; older providers answer flat.
pub(crate) fn arm_words(body: &Value) -> (Option<&str>, &str) {
    let error = body.get("error").filter(|e| e.is_object()).unwrap_or(body);
    let text = |name: &str| error.get(name).and_then(Value::as_str).filter(|s| !s.is_empty());
    (text("code"), text("message").unwrap_or("no message"))
}

/// Seconds; the other form of the header, a date, is not used by Azure.
pub(crate) fn retry_after(headers: &Headers) -> Option<Duration> {
    headers
        .get_optional_str(&HeaderName::from_static("retry-after"))
        .and_then(|text| text.trim().parse().ok())
        .map(|seconds: u64| Duration::from_secs(seconds.min(120)))
}

/// An error of the SDK, at the end of its pipeline.
pub(crate) fn of_sdk(call: &Call<'_>, error: &Error) -> ProviderError {
    match error.kind() {
        CoreKind::HttpResponse { status, error_code, raw_response } => {
            let headers = raw_response.as_ref().map(|r| r.headers());
            let named = headers
                .and_then(|h| h.get_optional_str(&HeaderName::from_static("x-ms-error-code")));
            let body = raw_response.as_ref().map(|r| String::from_utf8_lossy(r.body()));
            let message = body.as_deref().and_then(blob_message).unwrap_or("no message");
            Refusal {
                status: u16::from(*status),
                code: named.or(error_code.as_deref()),
                message,
                retry_after: headers.and_then(retry_after),
            }
            .into_error(call)
        }
        CoreKind::Connection | CoreKind::Io => unreachable(call, error),
        CoreKind::Credential => of_credential(call, error),
        _ => call.error(ErrorKind::Malformed).because(chain(error)),
    }
}

fn unreachable(call: &Call<'_>, error: &Error) -> ProviderError {
    call.error(ErrorKind::Unreachable).because(chain(error))
}

/// `<Message>` of a Blob storage error.
fn blob_message(body: &str) -> Option<&str> {
    body.split_once("<Message>")?.1.split(['\n', '<']).next()
}

/// Why no token was to be had: the sign-in service may be away or throttle as any other.
fn of_credential(call: &Call<'_>, error: &Error) -> ProviderError {
    let mut inner = Some(error);
    while let Some(known) = inner {
        match known.kind() {
            CoreKind::Connection | CoreKind::Io => return unreachable(call, known),
            CoreKind::HttpResponse { status, raw_response, .. } => {
                let status = u16::from(*status);
                let after = raw_response.as_ref().and_then(|r| retry_after(r.headers()));
                let kind = match status {
                    429 => ErrorKind::Throttled,
                    500..=599 => ErrorKind::Unreachable,
                    _ => break,
                };
                return call
                    .error(kind)
                    .because(format!("sign-in answered HTTP {status}"))
                    .retry_after(after);
            }
            _ => inner = known.downcast_ref::<Error>(),
        }
    }
    let text = error.to_string();
    let cause = text.split("\nTo troubleshoot").next().unwrap_or(&text);
    call.error(ErrorKind::Credentials).because(first_line(cause))
}

/// An error with what lies below it, each said once.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, code: &str) -> ProviderError {
        let call = Call::read("Microsoft.Storage/storageAccounts/read", "account acme");
        let code = Some(code).filter(|c| !c.is_empty());
        Refusal { status, code, message: "Words.", retry_after: None }.into_error(&call)
    }

    #[test]
    fn codes_and_statuses() {
        for (status, code, kind) in [
            (403, "AuthorizationFailed", ErrorKind::Denied),
            (403, "AuthenticationFailed", ErrorKind::Credentials),
            (401, "", ErrorKind::Credentials),
            (404, "ResourceGroupNotFound", ErrorKind::NotFound),
            (404, "SubscriptionNotFound", ErrorKind::WrongAccount),
            (404, "InvalidResourceType", ErrorKind::Unsupported),
            (404, "", ErrorKind::Malformed),
            (400, "InvalidRequestContent", ErrorKind::Invalid),
            (409, "PublicAccessNotPermitted", ErrorKind::Invalid),
            (409, "AnotherOperationInProgress", ErrorKind::Throttled),
            (409, "ScopeLocked", ErrorKind::Conflict),
            (412, "ConditionNotMet", ErrorKind::Conflict),
            (429, "TooManyRequests", ErrorKind::Throttled),
            (503, "ServerBusy", ErrorKind::Throttled),
            (503, "", ErrorKind::Unreachable),
            (302, "", ErrorKind::Malformed),
        ] {
            assert_eq!(error(status, code).kind, kind, "{status} {code}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_grant() {
        assert_eq!(
            error(403, "AuthorizationFailed").next_step,
            "grant Microsoft.Storage/storageAccounts/read"
        );
    }

    #[test]
    fn reads_both_forms_of_an_arm_error() {
        let nested = serde_json::json!({"error": {"code": "A", "message": "m"}});
        let flat = serde_json::json!({"code": "A", "message": "m"});
        assert_eq!(arm_words(&nested), (Some("A"), "m"));
        assert_eq!(arm_words(&flat), (Some("A"), "m"));
        assert_eq!(arm_words(&Value::Null), (None, "no message"));
    }
}
