//! What goes wrong with one call, in the three forms in which Google Cloud says so.
//!
//! The codes and words are those of the public Cloud Storage JSON API reference ("HTTP status
//! and error codes") and of `google.rpc.Code`.

use local_cloud::StoreError;
use serde_json::{Value, json};

/// The canonical codes that this cloud answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InvalidArgument = 3,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    pub fn name(self) -> &'static str {
        match self {
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Aborted => "ABORTED",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Internal => "INTERNAL",
            Code::Unavailable => "UNAVAILABLE",
            Code::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

#[derive(Clone, Debug)]
pub struct ApiError {
    pub http: u16,
    pub code: Code,
    /// The `reason` of the JSON API.
    pub reason: &'static str,
    pub message: String,
    /// Where in the request: (`header`, `If-Match`).
    pub location: Option<(&'static str, &'static str)>,
    /// The permission that was missing.
    pub permission: Option<&'static str>,
}

impl ApiError {
    fn new(http: u16, code: Code, reason: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { http, code, reason, message: message.into(), location: None, permission: None }
    }

    pub fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(400, Code::InvalidArgument, "invalid", message)
    }

    pub fn required(message: impl Into<String>) -> ApiError {
        ApiError::new(400, Code::InvalidArgument, "required", message)
    }

    /// A credential came along and is not good.
    pub fn bad_credential() -> ApiError {
        let mut error =
            ApiError::new(401, Code::Unauthenticated, "authError", "Invalid Credentials");
        error.location = Some(("header", "Authorization"));
        error
    }

    pub fn denied(message: impl Into<String>, permission: &'static str) -> ApiError {
        let mut error = ApiError::new(403, Code::PermissionDenied, "forbidden", message);
        error.permission = Some(permission);
        error
    }

    /// Nobody came along and nobody in particular may not: the JSON API asks who it is.
    pub fn anonymous(message: impl Into<String>, permission: &'static str) -> ApiError {
        let mut error = ApiError::new(401, Code::Unauthenticated, "required", message);
        error.location = Some(("header", "Authorization"));
        error.permission = Some(permission);
        error
    }

    pub fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(404, Code::NotFound, "notFound", message)
    }

    pub fn no_bucket() -> ApiError {
        ApiError::not_found("The specified bucket does not exist.")
    }

    pub fn conflict(message: impl Into<String>) -> ApiError {
        ApiError::new(409, Code::AlreadyExists, "conflict", message)
    }

    pub fn not_empty() -> ApiError {
        ApiError {
            code: Code::FailedPrecondition,
            ..ApiError::conflict("The bucket you tried to delete is not empty.")
        }
    }

    pub fn aborted(message: impl Into<String>) -> ApiError {
        ApiError::new(409, Code::Aborted, "aborted", message)
    }

    pub fn precondition(message: impl Into<String>) -> ApiError {
        let mut error = ApiError::new(412, Code::FailedPrecondition, "conditionNotMet", message);
        error.location = Some(("header", "If-Match"));
        error
    }

    pub fn precondition_not_held() -> ApiError {
        ApiError::precondition("At least one of the pre-conditions you specified did not hold.")
    }

    pub fn range() -> ApiError {
        ApiError::new(
            416,
            Code::OutOfRange,
            "requestedRangeNotSatisfiable",
            "Request range not satisfiable",
        )
    }

    pub fn throttled() -> ApiError {
        ApiError::new(
            429,
            Code::ResourceExhausted,
            "rateLimitExceeded",
            "The project exceeded the rate limit for this request.",
        )
    }

    pub fn backend() -> ApiError {
        ApiError::new(503, Code::Unavailable, "backendError", "Backend Error")
    }

    pub fn internal() -> ApiError {
        ApiError::new(500, Code::Internal, "internalError", "We encountered an internal error.")
    }

    /// What this cloud does not do is refused with the code that no client tries again.
    pub fn unimplemented(what: impl AsRef<str>) -> ApiError {
        ApiError::new(
            501,
            Code::Unimplemented,
            "notImplemented",
            format!("{} is not implemented, or not supported.", what.as_ref()),
        )
    }

    /// `{"error":{"code","message","errors":[..]}}`: the legacy JSON APIs.
    pub fn legacy_json(&self) -> Value {
        let mut inner = json!({
            "message": self.message, "domain": "global", "reason": self.reason,
        });
        if let Some((kind, place)) = self.location {
            inner["locationType"] = kind.into();
            inner["location"] = place.into();
        }
        json!({"error": {"code": self.http, "message": self.message, "errors": [inner]}})
    }

    /// `{"error":{"code","message","status","details"}}`: the one-platform APIs.
    pub fn platform_json(&self, service: &str, resource: &str) -> Value {
        let mut error = json!({
            "code": self.http, "message": self.message, "status": self.code.name(),
        });
        if let Some(permission) = self.permission {
            error["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "IAM_PERMISSION_DENIED",
                "domain": service,
                "metadata": {"permission": permission, "resource": resource},
            }]);
        }
        json!({ "error": error })
    }

    /// The XML API's form. It has its own status for a caller that is nobody: 403.
    pub fn xml(&self) -> (u16, String) {
        let (status, code, message) = match self.http {
            401 if self.reason == "required" => (403, "AccessDenied", "Access denied."),
            401 => (401, "InvalidAuthentication", "The provided authentication header is invalid."),
            403 => (403, "AccessDenied", "Access denied."),
            404 if self.message.contains("bucket") => {
                (404, "NoSuchBucket", "The specified bucket does not exist.")
            }
            404 => (404, "NoSuchKey", "The specified key does not exist."),
            412 => (412, "PreconditionFailed", self.message.as_str()),
            416 => (416, "InvalidRange", "The requested range cannot be satisfied."),
            429 => (429, "SlowDown", "Reduce your request rate."),
            501 => (501, "NotImplemented", "The requested operation is not implemented."),
            503 => (503, "ServiceUnavailable", "Backend Error"),
            400 => (400, "InvalidArgument", "Invalid argument."),
            _ => (500, "InternalError", "We encountered an internal error. Please try again."),
        };
        let text = format!(
            "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{}</Message>\
             <Details>{}</Details></Error>",
            escape(message),
            escape(&self.message)
        );
        (status, text)
    }

    pub fn status(&self) -> tonic::Status {
        let code = match self.code {
            // An anonymous or a bad caller alike: gRPC has one code for both.
            Code::Unauthenticated => tonic::Code::Unauthenticated,
            code => tonic::Code::from_i32(code as i32),
        };
        tonic::Status::new(code, self.message.clone())
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        tracing::error!(%error, "the store does not take a change");
        ApiError::internal()
    }
}
