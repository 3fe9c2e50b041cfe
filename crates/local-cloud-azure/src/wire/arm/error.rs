//! Resource Manager's own errors.

use crate::ids;
use crate::state::account::Refused;
use crate::story::TENANT;
use crate::tokens::Caller;
use http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use local_cloud::StoreError;
use serde_json::{Value, json};
use std::borrow::Cow;

#[derive(Debug)]
pub struct ArmError {
    pub status: StatusCode,
    pub code: Cow<'static, str>,
    pub message: String,
    retry_after: Option<u32>,
    challenge: bool,
}

impl From<StoreError> for ArmError {
    fn from(_: StoreError) -> Self {
        ArmError::internal()
    }
}

impl From<Refused> for ArmError {
    fn from(refused: Refused) -> Self {
        let conflict = refused.code == "InvalidResourceLocation";
        let status = if conflict { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST };
        ArmError::new(status, refused.code, refused.message)
    }
}

impl ArmError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> ArmError {
        ArmError {
            status,
            code: Cow::Borrowed(code),
            message: message.into(),
            retry_after: None,
            challenge: false,
        }
    }

    pub fn bad_request(code: &'static str, message: impl Into<String>) -> ArmError {
        ArmError::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub fn not_found(code: &'static str, message: impl Into<String>) -> ArmError {
        ArmError::new(StatusCode::NOT_FOUND, code, message)
    }

    pub fn conflict(code: &'static str, message: impl Into<String>) -> ArmError {
        ArmError::new(StatusCode::CONFLICT, code, message)
    }

    pub fn internal() -> ArmError {
        ArmError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "Encountered internal server error.",
        )
    }

    pub fn throttled() -> ArmError {
        ArmError {
            retry_after: Some(1),
            ..ArmError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "The request is being throttled as the limit has been reached for the operation.",
            )
        }
    }

    pub fn no_credentials() -> ArmError {
        ArmError::bad_token(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        )
    }

    pub fn bad_token(code: &'static str, message: &str) -> ArmError {
        ArmError { challenge: true, ..ArmError::new(StatusCode::UNAUTHORIZED, code, message) }
    }

    pub fn denied(caller: &Caller, action: &str, scope: &str) -> ArmError {
        let client = caller.claims.upn.as_deref().unwrap_or(&caller.claims.appid);
        ArmError::new(
            StatusCode::FORBIDDEN,
            "AuthorizationFailed",
            format!(
                "The client '{client}' with object id '{}' does not have authorization to perform \
                 action '{action}' over scope '{scope}' or the scope is invalid. If access was \
                 recently granted, please refresh your credentials.",
                caller.claims.oid
            ),
        )
    }

    pub fn no_group(name: &str) -> ArmError {
        ArmError::not_found(
            "ResourceGroupNotFound",
            format!("Resource group '{name}' could not be found."),
        )
    }

    pub fn no_resource(kind: &str, name: &str, group: &str) -> ArmError {
        ArmError::not_found(
            "ResourceNotFound",
            format!(
                "The Resource '{kind}/{name}' under resource group '{group}' was not found. For \
                 more details please go to https://aka.ms/ARMResourceNotFoundFix"
            ),
        )
    }

    /// What is not served is not a type that this subscription knows.
    pub fn no_such_type(path: &str) -> ArmError {
        let (namespace, kind) = ids::type_of(path);
        let kind = kind.strip_prefix(&format!("{namespace}/")).unwrap_or(&kind).to_owned();
        ArmError::not_found(
            "InvalidResourceType",
            format!(
                "The resource type '{kind}' could not be found in the namespace '{namespace}': it \
                 is not served by the local cloud."
            ),
        )
    }

    pub fn wrong_method(method: &Method) -> ArmError {
        ArmError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "HttpMethodNotSupported",
            format!("The http method '{method}' is not supported for this resource."),
        )
    }

    pub fn body(&self) -> Value {
        json!({"error": {"code": self.code, "message": self.message}})
    }

    pub fn headers(&self) -> Vec<(HeaderName, String)> {
        let mut headers =
            vec![(HeaderName::from_static("x-ms-failure-cause"), "gateway".to_owned())];
        if let Some(seconds) = self.retry_after {
            headers.push((RETRY_AFTER, seconds.to_string()));
        }
        if self.challenge {
            headers.push((
                WWW_AUTHENTICATE,
                format!(
                    "Bearer authorization_uri=\"https://login.windows.net/{TENANT}\", \
                     error=\"invalid_token\", error_description=\"{}\"",
                    self.message.replace('"', "'")
                ),
            ));
        }
        headers
    }
}
