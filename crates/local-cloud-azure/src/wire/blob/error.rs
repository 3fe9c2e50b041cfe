//! Blob storage's own errors: a code in a header and in XML.

use super::super::{answer, http_date, request_id};
use super::{XML, standard_headers};
use crate::exposure::Refusal;
use crate::story::TENANT;
use http::header::{HeaderName, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use local_cloud::{Body, Clock, StoreError};
use quick_xml::escape::escape;

#[derive(Debug)]
pub struct BlobError {
    pub status: StatusCode,
    pub code: &'static str,
    message: String,
    /// Tell the client how to sign in.
    challenge: bool,
}

impl From<StoreError> for BlobError {
    fn from(_: StoreError) -> Self {
        BlobError::internal()
    }
}

impl From<Refusal> for BlobError {
    fn from(refusal: Refusal) -> Self {
        BlobError {
            status: refusal.status,
            code: refusal.code,
            message: refusal.message.to_owned(),
            challenge: refusal.challenge,
        }
    }
}

macro_rules! errors {
    ($($name:ident $status:ident $code:literal $message:literal;)*) => {
        impl BlobError {
            $(pub fn $name() -> BlobError {
                BlobError::new(StatusCode::$status, $code, $message)
            })*
        }
    };
}

errors! {
    invalid_uri BAD_REQUEST "InvalidUri" "The requested URI does not represent any resource on the server.";
    invalid_name BAD_REQUEST "InvalidResourceName" "The specified resource name contains invalid characters.";
    invalid_header BAD_REQUEST "InvalidHeaderValue" "The value for one of the HTTP headers is not in the correct format.";
    missing_header BAD_REQUEST "MissingRequiredHeader" "An HTTP header that's mandatory for this request is not specified.";
    invalid_query BAD_REQUEST "InvalidQueryParameterValue" "Value for one of the query parameters specified in the request URI is invalid.";
    invalid_xml BAD_REQUEST "InvalidXmlDocument" "XML specified is not syntactically valid.";
    invalid_block_list BAD_REQUEST "InvalidBlockList" "The specified block list is invalid.";
    invalid_authentication BAD_REQUEST "InvalidAuthenticationInfo" "Authentication information is not given in the correct format. Check the value of Authorization header.";
    too_large PAYLOAD_TOO_LARGE "RequestBodyTooLarge" "The request body is too large and exceeds the maximum permissible limit.";
    no_such_account NOT_FOUND "ResourceNotFound" "The specified resource does not exist.";
    no_container NOT_FOUND "ContainerNotFound" "The specified container does not exist.";
    no_blob NOT_FOUND "BlobNotFound" "The specified blob does not exist.";
    container_exists CONFLICT "ContainerAlreadyExists" "The specified container already exists.";
    blob_exists CONFLICT "BlobAlreadyExists" "The specified blob already exists.";
    wrong_blob_type CONFLICT "InvalidBlobType" "The blob type is invalid for this operation.";
    public_access CONFLICT "PublicAccessNotPermitted" "Public access is not permitted on this storage account.";
    condition PRECONDITION_FAILED "ConditionNotMet" "The condition specified using HTTP conditional header(s) is not met.";
    not_modified NOT_MODIFIED "ConditionNotMet" "The condition specified using HTTP conditional header(s) is not met.";
    invalid_range RANGE_NOT_SATISFIABLE "InvalidRange" "The range specified is invalid for the current size of the resource.";
    bad_signature FORBIDDEN "AuthenticationFailed" "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.";
    no_shared_key FORBIDDEN "KeyBasedAuthenticationNotPermitted" "Key based authentication is not permitted on this storage account.";
    denied FORBIDDEN "AuthorizationPermissionMismatch" "This request is not authorized to perform this operation using this permission.";
    sas_resource_type FORBIDDEN "AuthorizationResourceTypeMismatch" "This request is not authorized to perform this operation using this resource type.";
    sas_address FORBIDDEN "AuthorizationSourceIPMismatch" "This request is not authorized to perform this operation using this source IP.";
    wrong_verb METHOD_NOT_ALLOWED "UnsupportedHttpVerb" "The resource doesn't support specified Http Verb.";
    busy SERVICE_UNAVAILABLE "ServerBusy" "The server is busy.";
    internal INTERNAL_SERVER_ERROR "InternalError" "The server encountered an internal error. Please retry the request.";
}

impl BlobError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> BlobError {
        BlobError { status, code, message: message.into(), challenge: false }
    }

    /// Not retried by the service's clients.
    pub fn not_implemented(message: impl Into<String>) -> BlobError {
        BlobError::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    pub fn bad_token(message: &str) -> BlobError {
        BlobError {
            challenge: true,
            ..BlobError::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationInfo", message)
        }
    }

    pub fn answer(&self, head: &Parts) -> Response<Body> {
        let mut headers = standard_headers(head);
        headers.push((HeaderName::from_static("x-ms-error-code"), self.code.to_owned()));
        if self.challenge {
            headers.push((
                WWW_AUTHENTICATE,
                format!(
                    "Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/\
                     authorize resource_id=https://storage.azure.com"
                ),
            ));
        }
        let body = if head.method == Method::HEAD || self.status == StatusCode::NOT_MODIFIED {
            String::new()
        } else {
            format!(
                "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{}</Code>\
                 <Message>{}\nRequestId:{}\nTime:{}</Message></Error>",
                self.code,
                escape(&self.message),
                request_id(),
                Clock::real().to_millis_text(),
            )
        };
        headers.push((HeaderName::from_static("date"), http_date(Clock::real())));
        answer(self.status, XML, body, headers)
    }
}
