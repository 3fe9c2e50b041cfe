//! S3 Control: the public access block of the account. It signs as S3, lies under a path of
//! its own, and wraps its errors once more.

use crate::state::s3::{self, PublicAccessBlock};
use crate::story::ACCOUNT;
use crate::wire::s3_access::{self, Need};
use crate::wire::s3_call::{Answered, Asked, Ids, S3Call, text};
use crate::wire::s3_checksum;
use crate::wire::s3_error::{Refused, default_message};
use crate::wire::s3_identify;
use aws_protocol::Operation;
use aws_protocol::codec::xml;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use local_cloud::service::{full, read_body};
use local_cloud::{Body, Connection, FaultAction, Ground, LostAnswer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every S3 Control path begins with its API version.
pub const PREFIX: &str = "/v20180820/";
const BLOCK: &str = "/v20180820/configuration/publicAccessBlock";
const NAMESPACE: &str = "http://awss3control.amazonaws.com/doc/2018-08-20/";
const LARGEST: usize = 1 << 16;
const SWITCHES: [&str; 4] =
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

fn operation(method: &Method, path: &str) -> Option<Operation> {
    let name = match (method.as_str(), path.trim_end_matches('/') == BLOCK) {
        ("GET", true) => "GetPublicAccessBlock",
        ("PUT", true) => "PutPublicAccessBlock",
        ("DELETE", true) => "DeletePublicAccessBlock",
        _ => return None,
    };
    Operation::named("s3control", name)
}

/// Answers one request.
pub async fn answer(
    ground: &Arc<Ground>,
    parts: Parts,
    host: String,
    body: Body,
    connection: Connection,
) -> Response<Body> {
    let Some(operation) = operation(&parts.method, parts.uri.path()) else {
        let asked = format!("{} {}", parts.method, parts.uri.path());
        let ids = Ids::unrecorded(ground);
        return refusal(&Refused::not_implemented(&asked), &ids);
    };
    let mut caller = s3_identify::caller(ground, &parts, None);
    let mut refused = caller.refused.take();
    let body = match read_body(body, LARGEST).await {
        Ok(body) => body,
        Err(_) => {
            let message = default_message("MaxMessageLengthExceeded");
            refused = refused.or(Some(Refused::new("MaxMessageLengthExceeded", 400, message)));
            Bytes::new()
        }
    };
    let asked = Asked {
        bucket: None,
        key: None,
        query: parts.uri.query().unwrap_or("").to_owned(),
        bytes_in: Arc::new(AtomicU64::new(body.len() as u64)),
        body,
        tls: connection.tls,
        secure: connection.tls || !host.contains("amazonaws.com"),
        host,
        headers: parts.headers,
    };
    let call = S3Call::new(ground.clone(), operation, caller, asked);
    let fault = ground.faults.check(&model::Cloud::from("aws"), "s3", operation.name).await;
    let outcome = match (refused, fault) {
        (Some(refused), _) => Err(refused),
        (None, FaultAction::Throttle) => Err(Refused::slow_down()),
        (None, FaultAction::Fail) => Err(Refused::internal()),
        (None, FaultAction::Deny) => Err(s3_access::denied(&call)),
        (None, FaultAction::Proceed | FaultAction::LoseAnswer) => carry_out(&call),
    };
    let mut out = match outcome {
        Ok((status, document)) => {
            let answered = Answered { bytes: document.len() as u64, ..Answered::default() };
            let ids = call.finish(answered);
            finished(status, document, &ids)
        }
        Err(refused) => {
            let answered = Answered { error: Some(&refused.0), ..Answered::default() };
            let ids = call.finish(answered);
            refusal(&refused, &ids)
        }
    };
    if fault == FaultAction::LoseAnswer {
        out.extensions_mut().insert(LostAnswer);
    }
    out
}

fn carry_out(call: &S3Call) -> Result<(StatusCode, Vec<u8>), Refused> {
    if !call.verified.load(Ordering::Acquire) || call.principal.is_anonymous() {
        return Err(Refused::access_denied());
    }
    s3_checksum::check_document(&call.headers, &call.body)?;
    // The account is in the header, and before that in the host name.
    let named = text(&call.headers, "x-amz-account-id")
        .or_else(|| call.host.split('.').next())
        .unwrap_or_default();
    if named != ACCOUNT || call.principal.account != ACCOUNT {
        return Err(Refused::access_denied());
    }
    let action = call.operation.row.action.clone().unwrap_or_default();
    let need = Need { action, bucket: None, key: None, version: None };
    call.read(|view| s3_access::allowed(call, view, &need))?;
    match call.operation.name {
        "PutPublicAccessBlock" => {
            let block = read(&call.body)?;
            call.change(|tx| {
                s3::set_account_block(tx, ACCOUNT, Some(block));
                Ok(())
            })?;
            Ok((StatusCode::OK, Vec::new()))
        }
        "DeletePublicAccessBlock" => {
            call.change(|tx| {
                s3::set_account_block(tx, ACCOUNT, None);
                Ok(())
            })?;
            Ok((StatusCode::NO_CONTENT, Vec::new()))
        }
        _ => {
            let absent = || {
                let message = "The public access block configuration was not found";
                Refused::new("NoSuchPublicAccessBlockConfiguration", 404, message)
            };
            let block = call.read(|view| s3::account_block(view, ACCOUNT).ok_or_else(absent))?;
            Ok((StatusCode::OK, write(block)))
        }
    }
}

fn read(body: &[u8]) -> Result<PublicAccessBlock, Refused> {
    let root = xml::parse(body).map_err(|_| Refused::malformed_xml())?;
    if root.name != "PublicAccessBlockConfiguration"
        || root.children.iter().any(|child| !SWITCHES.contains(&child.name.as_str()))
    {
        return Err(Refused::malformed_xml());
    }
    // What is left out is off.
    let read = |name| match root.text_of(name).map(str::trim) {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(Refused::malformed_xml()),
    };
    Ok(PublicAccessBlock {
        block_public_acls: read("BlockPublicAcls")?,
        ignore_public_acls: read("IgnorePublicAcls")?,
        block_public_policy: read("BlockPublicPolicy")?,
        restrict_public_buckets: read("RestrictPublicBuckets")?,
    })
}

fn write(block: PublicAccessBlock) -> Vec<u8> {
    let mut document = xml::Sink::new();
    document.open("PublicAccessBlockConfiguration", Some(NAMESPACE));
    let states = [
        block.block_public_acls,
        block.ignore_public_acls,
        block.block_public_policy,
        block.restrict_public_buckets,
    ];
    for (name, on) in SWITCHES.into_iter().zip(states) {
        document.leaf(name, if on { "true" } else { "false" });
    }
    document.close("PublicAccessBlockConfiguration");
    document.finish()
}

fn refusal(Refused(error): &Refused, ids: &Ids) -> Response<Body> {
    let mut document = xml::Sink::new();
    document.open("ErrorResponse", None);
    document.open("Error", None);
    document.leaf("Code", &error.code);
    document.leaf("Message", &error.message);
    document.close("Error");
    document.leaf("RequestId", &ids.request);
    document.leaf("HostId", &ids.extended);
    document.close("ErrorResponse");
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    finished(status, document.finish(), ids)
}

fn finished(status: StatusCode, document: Vec<u8>, ids: &Ids) -> Response<Body> {
    let typed = !document.is_empty();
    let mut out = Response::new(full(document));
    *out.status_mut() = status;
    let headers = out.headers_mut();
    if typed {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    }
    for (name, id) in [("x-amz-request-id", &ids.request), ("x-amz-id-2", &ids.extended)] {
        if let Ok(value) = HeaderValue::from_str(id) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_written_as_it_is_read() {
        for bits in 0..16u8 {
            let on = |bit: u8| bits & (1 << bit) != 0;
            let block = PublicAccessBlock {
                block_public_acls: on(0),
                ignore_public_acls: on(1),
                block_public_policy: on(2),
                restrict_public_buckets: on(3),
            };
            assert_eq!(read(&write(block)), Ok(block));
        }
    }

    #[test]
    fn foreign_documents_are_refused() {
        for text in [
            "",
            "<Other/>",
            "<PublicAccessBlockConfiguration><Other>true</Other></PublicAccessBlockConfiguration>",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>yes</BlockPublicAcls>\
             </PublicAccessBlockConfiguration>",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        let empty = "<PublicAccessBlockConfiguration/>".as_bytes();
        assert_eq!(read(empty), Ok(PublicAccessBlock::default()));
    }
}
