//! What a service says when it refuses, before it is put into the wrapper of its protocol.

use crate::table::{Protocol, Service};
use std::fmt;

/// Code, message and HTTP status as the caller of the service sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The code on the wire: `NoSuchEntity`, `AccessDenied`, `TrailNotFoundException`.
    pub code: String,
    pub message: String,
    pub status: u16,
    /// The service's fault (`Receiver`), not the caller's (`Sender`).
    pub receiver: bool,
}

impl ServiceError {
    pub fn new(code: impl Into<String>, message: impl Into<String>, status: u16) -> Self {
        ServiceError { code: code.into(), message: message.into(), status, receiver: status >= 500 }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.message)
    }
}

impl std::error::Error for ServiceError {}

impl Service {
    /// An error of this service by the name of its shape (`NoSuchEntityException`) or by its code
    /// (`NoSuchEntity`); a code that the model does not have is a 400.
    pub fn error(&self, name_or_code: &str, message: impl Into<String>) -> ServiceError {
        match self.error_row(name_or_code) {
            Some((_, row)) => ServiceError {
                code: row.code.clone(),
                message: message.into(),
                status: row.status,
                receiver: row.receiver,
            },
            None => ServiceError::new(name_or_code, message, 400),
        }
    }

    /// The refusal of a caller who may not.
    pub fn access_denied(&self, message: impl Into<String>) -> ServiceError {
        match self.facts.protocol {
            Protocol::Query | Protocol::RestXml => ServiceError::new("AccessDenied", message, 403),
            Protocol::Ec2 => ServiceError::new("UnauthorizedOperation", message, 403),
            Protocol::Json => ServiceError::new("AccessDeniedException", message, 400),
        }
    }

    /// The request does not fit the input shape.
    pub fn validation(&self, message: impl Into<String>) -> ServiceError {
        match self.facts.protocol {
            Protocol::Query | Protocol::RestXml => {
                ServiceError::new("ValidationError", message, 400)
            }
            Protocol::Ec2 => ServiceError::new("InvalidParameterValue", message, 400),
            Protocol::Json => ServiceError::new("ValidationException", message, 400),
        }
    }

    /// Too many calls.
    pub fn throttled(&self) -> ServiceError {
        match self.facts.protocol {
            Protocol::Query => ServiceError::new("Throttling", "Rate exceeded", 400),
            Protocol::Ec2 => {
                ServiceError::new("RequestLimitExceeded", "Request limit exceeded.", 503)
            }
            Protocol::Json => ServiceError::new("ThrottlingException", "Rate exceeded", 400),
            Protocol::RestXml => {
                ServiceError::new("SlowDown", "Please reduce your request rate.", 503)
            }
        }
    }

    /// An operation that the service has and this table does not serve. 501 is not retried by any SDK.
    pub fn not_implemented(&self, operation: &str) -> ServiceError {
        let message = format!("{} {operation} is not implemented here", self.facts.full_name);
        ServiceError::new("NotImplemented", message, 501)
    }
}
