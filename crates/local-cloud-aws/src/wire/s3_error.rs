//! S3's refusals: what the state and the rules say, and how it goes out.

use aws_protocol::ServiceError;
use aws_protocol::sign::AuthError;
use http::StatusCode;
use local_cloud::StoreError;
use s3s::{S3Error, S3ErrorCode};

/// A refusal on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub ServiceError);

impl Refused {
    pub fn new(code: &str, status: u16, message: impl Into<String>) -> Refused {
        Refused(ServiceError::new(code, message, status))
    }

    pub fn internal() -> Refused {
        Refused::new("InternalError", 500, "We encountered an internal error. Please try again.")
    }

    pub fn access_denied() -> Refused {
        Refused::new("AccessDenied", 403, "Access Denied")
    }

    pub fn no_such_bucket() -> Refused {
        Refused::new("NoSuchBucket", 404, "The specified bucket does not exist")
    }

    pub fn no_such_key() -> Refused {
        Refused::new("NoSuchKey", 404, "The specified key does not exist.")
    }

    pub fn no_such_version() -> Refused {
        Refused::new("NoSuchVersion", 404, "The specified version does not exist.")
    }

    pub fn no_such_upload() -> Refused {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the \
                       upload may have been aborted or completed.";
        Refused::new("NoSuchUpload", 404, message)
    }

    pub fn malformed_xml() -> Refused {
        let message = "The XML you provided was not well-formed or did not validate against our \
                       published schema";
        Refused::new("MalformedXML", 400, message)
    }

    pub fn invalid_argument(message: impl Into<String>) -> Refused {
        Refused::new("InvalidArgument", 400, message)
    }

    pub fn precondition_failed() -> Refused {
        let message = "At least one of the pre-conditions you specified did not hold";
        Refused::new("PreconditionFailed", 412, message)
    }

    pub fn slow_down() -> Refused {
        Refused::new("SlowDown", 503, "Please reduce your request rate.")
    }

    pub fn not_implemented(operation: &str) -> Refused {
        let message = format!("{operation} is not implemented by this local cloud");
        Refused::new("NotImplemented", 501, message)
    }

    /// S3's own words for a signature that does not hold; they differ from other services'.
    pub fn of_signature(error: &AuthError, presigned: bool, known_key: bool) -> Refused {
        let malformed = match presigned {
            true => "AuthorizationQueryParametersError",
            false => "AuthorizationHeaderMalformed",
        };
        match error {
            AuthError::Missing => Refused::access_denied(),
            AuthError::Incomplete(what) | AuthError::WrongScope(what) => {
                Refused::new(malformed, 400, what.clone())
            }
            AuthError::UnknownKey if known_key => {
                let message = "The provided token is malformed or otherwise invalid.";
                Refused::new("InvalidToken", 400, message)
            }
            AuthError::UnknownKey => Refused::unknown_key(),
            AuthError::Mismatch => {
                let message = "The request signature we calculated does not match the signature \
                               you provided. Check your key and signing method.";
                Refused::new("SignatureDoesNotMatch", 403, message)
            }
            AuthError::ExpiredToken => {
                Refused::new("ExpiredToken", 400, "The provided token has expired.")
            }
            AuthError::TooOld { .. } if presigned => {
                Refused::new("AccessDenied", 403, "Request has expired")
            }
            AuthError::TooOld { .. } | AuthError::TooNew { .. } => {
                let message =
                    "The difference between the request time and the current time is too large.";
                Refused::new("RequestTimeTooSkewed", 403, message)
            }
        }
    }

    pub fn unknown_key() -> Refused {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        Refused::new("InvalidAccessKeyId", 403, message)
    }
}

impl From<StoreError> for Refused {
    /// A full disk is this service's own fault.
    fn from(cause: StoreError) -> Self {
        tracing::warn!(%cause, "the store refused");
        Refused::internal()
    }
}

impl From<Refused> for S3Error {
    fn from(Refused(error): Refused) -> Self {
        let code = S3ErrorCode::from_bytes(error.code.as_bytes());
        let mut out =
            S3Error::with_message(code.unwrap_or(S3ErrorCode::InternalError), error.message);
        if let Ok(status) = StatusCode::from_u16(error.status) {
            out.set_status_code(status);
        }
        out
    }
}

/// What S3 says where the protocol layer gives a code alone.
pub fn default_message(code: &str) -> &'static str {
    match code {
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. \
             Check your key and signing method."
        }
        "MalformedXML" => {
            "The XML you provided was not well-formed or did not validate against our published \
             schema"
        }
        "InvalidBucketName" => "The specified bucket is not valid.",
        "KeyTooLongError" => "Your key is too long",
        "InvalidURI" => "Couldn't parse the specified URI.",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "IncompleteBody" => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        }
        "MissingContentLength" => "You must provide the Content-Length HTTP header.",
        "MaxMessageLengthExceeded" => "Your request was too big.",
        "InvalidRange" => "The requested range is not satisfiable",
        "AccessDenied" => "Access Denied",
        "InternalError" => "We encountered an internal error. Please try again.",
        _ => "The request could not be carried out.",
    }
}
