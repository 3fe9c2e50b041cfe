//! Uploads: media, multipart, and resumable in chunks.

use super::objects::preconditions;
use super::{Query, answer, empty, json_shape, put_header};
use crate::calls::Call;
use crate::calls::objects::NewObject;
use crate::error::ApiError;
use crate::service::Google;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_RANGE, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use local_cloud::Body;
use local_cloud::store::secret_bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Uploads under way; beyond this the oldest is given up, as a session that ran out.
const MOST_SESSIONS: usize = 64;
/// The largest object that is put together out of chunks.
const LARGEST_OBJECT: usize = 256 << 20;

/// Resumable uploads live in memory: one that a restart cut off starts again, as after a
/// session's end.
#[derive(Default)]
pub struct Uploads(Mutex<BTreeMap<String, Session>>);

struct Session {
    new: NewObject,
    received: BytesMut,
    started: std::time::Instant,
}

impl Uploads {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, new: NewObject) -> String {
        let id = format!("ABg{}", hex::encode(secret_bytes::<24>()));
        let mut sessions = self.lock();
        if sessions.len() >= MOST_SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, s)| s.started).map(|(id, _)| id.clone());
            oldest.and_then(|id| sessions.remove(&id));
        }
        let session =
            Session { new, received: BytesMut::new(), started: std::time::Instant::now() };
        sessions.insert(id.clone(), session);
        id
    }
}

pub async fn serve(
    google: &Google,
    call: &Call,
    bucket: &str,
    query: &Query,
    head: &Parts,
    body: Bytes,
) -> Result<Response<Body>, ApiError> {
    if let Some(id) = query.get("upload_id") {
        return resume(google, call, id, head, body).await;
    }
    if head.method != Method::POST {
        return Err(super::json::unserved(&head.method, head.uri.path()));
    }
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let new = |metadata: Value, content_type: Option<&str>| -> Result<NewObject, ApiError> {
        let named = metadata.get("name").and_then(Value::as_str).map(str::to_owned);
        Ok(NewObject {
            bucket: bucket.to_owned(),
            name: query.owned("name").or(named).unwrap_or_default(),
            content_type: content_type.map(str::to_owned),
            body: metadata,
            predefined_acl: query.owned("predefinedAcl"),
            preconditions: preconditions(query)?,
        })
    };
    match query.get("uploadType") {
        Some("media") => {
            let new = new(Value::Null, content_type)?;
            insert(google, call, &new, body).await
        }
        Some("multipart") => {
            let parts = multipart(content_type.unwrap_or_default(), &body)
                .ok_or_else(|| ApiError::invalid("Failed to parse multipart request"))?;
            let metadata = super::json::read_json(&parts.metadata)?;
            let new = new(metadata, parts.content_type.as_deref())?;
            insert(google, call, &new, parts.media).await
        }
        Some("resumable") => {
            let metadata = super::json::read_json(&body)?;
            let told = head.headers.get("x-upload-content-type").and_then(|v| v.to_str().ok());
            let new = new(metadata, told)?;
            if new.name.is_empty() {
                return Err(ApiError::required("Required parameter: name"));
            }
            let id = google.uploads.begin(new);
            let host = head
                .headers
                .get(HOST)
                .and_then(|h| h.to_str().ok())
                .or_else(|| head.uri.authority().map(http::uri::Authority::as_str))
                .unwrap_or_default();
            let name = host.split(':').next().unwrap_or_default();
            let scheme = if name.ends_with("googleapis.com") { "https" } else { "http" };
            let mut response = empty(StatusCode::OK);
            let place =
                format!("{scheme}://{host}{}?uploadType=resumable&upload_id={id}", head.uri.path());
            put_header(&mut response, "location", &place);
            put_header(&mut response, "x-guploader-uploadid", &id);
            Ok(response)
        }
        _ => Err(ApiError::invalid("Invalid uploadType")),
    }
}

async fn insert(
    google: &Google,
    call: &Call,
    new: &NewObject,
    bytes: Bytes,
) -> Result<Response<Body>, ApiError> {
    let object = google.calls.insert_object(call, new, bytes).await?;
    Ok(answer(200, &json_shape::object(&object, true, object.acl.is_empty())))
}

async fn resume(
    google: &Google,
    call: &Call,
    id: &str,
    head: &Parts,
    body: Bytes,
) -> Result<Response<Body>, ApiError> {
    let gone = || ApiError::not_found("The upload session does not exist or has expired.");
    if head.method == Method::DELETE {
        google.uploads.lock().remove(id).ok_or_else(gone)?;
        let mut response = empty(StatusCode::NO_CONTENT);
        *response.status_mut() = StatusCode::from_u16(499).unwrap_or(StatusCode::NO_CONTENT);
        return Ok(response);
    }
    let range = head.headers.get(CONTENT_RANGE).and_then(|v| v.to_str().ok());
    let range = match range {
        None => Chunk { first: Some(0), total: Some(body.len()) },
        Some(text) => parse(text).ok_or_else(|| ApiError::invalid("Invalid Content-Range"))?,
    };
    let whole = {
        let mut sessions = google.uploads.lock();
        let session = sessions.get_mut(id).ok_or_else(gone)?;
        if let Some(first) = range.first {
            let have = session.received.len();
            if first > have {
                return Err(ApiError::invalid(
                    "The chunk does not follow the bytes received so far.",
                ));
            }
            // A chunk that was sent again overlaps what is here already.
            let fresh = body.slice(body.len().min(have - first)..);
            if have + fresh.len() > LARGEST_OBJECT {
                return Err(ApiError::unimplemented("An object of this size"));
            }
            session.received.extend_from_slice(&fresh);
        }
        let done = range.total == Some(session.received.len());
        if !done {
            let mut response = empty(StatusCode::PERMANENT_REDIRECT);
            if let Some(last) = session.received.len().checked_sub(1) {
                put_header(&mut response, "range", &format!("bytes=0-{last}"));
            }
            put_header(&mut response, "x-guploader-uploadid", id);
            return Ok(response);
        }
        sessions.remove(id)
    };
    let session = whole.ok_or_else(gone)?;
    insert(google, call, &session.new, session.received.freeze()).await
}

#[derive(Debug, PartialEq)]
struct Chunk {
    /// `None`: a question how far it got.
    first: Option<usize>,
    total: Option<usize>,
}

/// `bytes 0-99/200`, `bytes 0-99/*`, `bytes */200`, `bytes */*`.
fn parse(text: &str) -> Option<Chunk> {
    let (span, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    let first = if span == "*" { None } else { Some(span.split_once('-')?.0.parse().ok()?) };
    Some(Chunk { first, total })
}

struct Multipart {
    metadata: Bytes,
    content_type: Option<String>,
    media: Bytes,
}

/// Two parts, metadata and media. Clients differ: bare line feeds or with carriage returns,
/// the boundary bare or in either kind of quotes.
fn multipart(content_type: &str, body: &Bytes) -> Option<Multipart> {
    let boundary = content_type.split(';').find_map(|p| p.trim().strip_prefix("boundary="))?;
    let boundary = boundary.trim_matches(['"', '\'']);
    if boundary.is_empty() {
        return None;
    }
    let mark = format!("--{boundary}");
    let first = after(body, 0, mark.as_bytes())?;
    let second = find(body, first, mark.as_bytes())?;
    let last = rfind(body, mark.as_bytes()).filter(|at| *at > second)?;
    let (_, metadata) = part(body, first, second)?;
    let (head, media) = part(body, second + mark.len(), last)?;
    let head = String::from_utf8_lossy(&head).into_owned();
    let content_type = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
    });
    Some(Multipart { metadata, content_type, media })
}

/// Header and content of the part that lies between two boundaries.
fn part(body: &Bytes, from: usize, to: usize) -> Option<(Bytes, Bytes)> {
    let start = after(body, from, b"\n")?;
    // A part without headers begins with its empty line.
    let (end_of_head, content) = match body.get(start..start + 1) {
        Some(b"\n") => (start, start + 1),
        _ if body.get(start..start + 2) == Some(b"\r\n") => (start, start + 2),
        _ => match (find(body, start, b"\r\n\r\n"), find(body, start, b"\n\n")) {
            (Some(a), Some(b)) if b < a => (b, b + 2),
            (Some(a), _) => (a, a + 4),
            (None, b) => (b?, b? + 2),
        },
    };
    let mut end = to;
    if body.get(end.checked_sub(1)?) == Some(&b'\n') {
        end -= 1;
        if end > content && body.get(end - 1) == Some(&b'\r') {
            end -= 1;
        }
    }
    (content <= end).then(|| (body.slice(start..end_of_head), body.slice(content..end)))
}

fn find(body: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    body.get(from..)?.windows(what.len()).position(|w| w == what).map(|at| from + at)
}

fn after(body: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    find(body, from, what).map(|at| at + what.len())
}

fn rfind(body: &[u8], what: &[u8]) -> Option<usize> {
    body.windows(what.len()).rposition(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_of_multipart() {
        let crlf = "--b\r\nContent-Type: application/json\r\n\r\n{\"name\":\"a\"}\r\n--b\r\ncontent-type: text/plain\r\n\r\nhello\r\n--b--\r\n";
        let lf = "--b\nContent-Type: application/json\n\n{\"name\":\"a\"}\n--b\nContent-Type: text/plain\n\nhello\n--b--\n";
        for (text, header) in
            [(crlf, "multipart/related; boundary=b"), (lf, "multipart/related; boundary='b'")]
        {
            let parts = multipart(header, &Bytes::from(text)).unwrap();
            assert_eq!(&parts.metadata[..], b"{\"name\":\"a\"}");
            assert_eq!(&parts.media[..], b"hello");
            assert_eq!(parts.content_type.as_deref(), Some("text/plain"));
        }
    }

    #[test]
    fn foreign_bytes_are_no_multipart() {
        for text in [
            "",
            "--b",
            "--b\n",
            "--b--",
            "--b\n--b\n--b",
            "\n\n--b\n\n--b--\n",
            "--b\r\n\r\n--b\r\n\r\n--b",
        ] {
            let _ = multipart("multipart/related; boundary=b", &Bytes::from(text));
        }
        assert!(multipart("text/plain", &Bytes::from("x")).is_none());
    }

    #[test]
    fn media_may_hold_line_ends() {
        let text = "--b\n\n{}\n--b\n\nx\r\n\ny\n\n--b--";
        let parts = multipart("multipart/related; boundary=\"b\"", &Bytes::from(text)).unwrap();
        assert_eq!(&parts.media[..], b"x\r\n\ny\n");
    }

    #[test]
    fn content_ranges() {
        assert_eq!(parse("bytes 0-99/200"), Some(Chunk { first: Some(0), total: Some(200) }));
        assert_eq!(parse("bytes 5-9/*"), Some(Chunk { first: Some(5), total: None }));
        assert_eq!(parse("bytes */200"), Some(Chunk { first: None, total: Some(200) }));
        assert_eq!(parse("bytes x"), None);
    }
}
