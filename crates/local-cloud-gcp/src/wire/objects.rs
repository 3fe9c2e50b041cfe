//! Objects over the JSON API, and their bytes.

use super::json::{is_full, read_json, unserved};
use super::{Query, answer, empty, from_token, json_shape, put_header, to_token};
use crate::calls::objects::{ObjectPreconditions, Wanted};
use crate::calls::{Call, acl};
use crate::error::ApiError;
use crate::service::Google;
use crate::state::object::{Listing, Object};
use bytes::Bytes;
use http::header::{CONTENT_RANGE, RANGE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use local_cloud::Body;
use local_cloud::service::full;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn preconditions(query: &Query) -> Result<ObjectPreconditions, ApiError> {
    Ok(ObjectPreconditions {
        generation_match: query.number("ifGenerationMatch")?,
        generation_not_match: query.number("ifGenerationNotMatch")?,
        metageneration_match: query.number("ifMetagenerationMatch")?,
        metageneration_not_match: query.number("ifMetagenerationNotMatch")?,
    })
}

pub async fn serve(
    google: &Google,
    call: &Call,
    bucket: &str,
    rest: &[&str],
    query: &Query,
    head: &Parts,
    body: &Bytes,
) -> Result<Response<Body>, ApiError> {
    match rest {
        [] if head.method == Method::GET => list(google, call, bucket, query).await,
        [name] => one(google, call, bucket, name, query, head, body).await,
        [name, "acl"] => match head.method {
            Method::GET => {
                let object = google.calls.object_acl(call, bucket, name).await?;
                let items: Vec<Value> =
                    object.acl.iter().map(|a| json_shape::object_entry(&object, a)).collect();
                Ok(answer(200, &json!({"kind": "storage#objectAccessControls", "items": items})))
            }
            Method::POST => {
                let entry = acl::read_one(&read_json(body)?)?;
                let entity = entry.entity.clone();
                let object = google
                    .calls
                    .change_object_acl(call, bucket, name, &entity, Some(entry.clone()))
                    .await?;
                Ok(answer(200, &json_shape::object_entry(&object, &entry)))
            }
            _ => Err(unserved(&head.method, head.uri.path())),
        },
        [name, "acl", entity] if head.method == Method::DELETE => {
            google.calls.change_object_acl(call, bucket, name, entity, None).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => Err(unserved(&head.method, head.uri.path())),
    }
}

async fn list(
    google: &Google,
    call: &Call,
    bucket: &str,
    query: &Query,
) -> Result<Response<Body>, ApiError> {
    for unserved in ["softDeleted", "matchGlob", "filter"] {
        if query.get(unserved).is_some_and(|v| !v.is_empty() && v != "False" && v != "false") {
            return Err(ApiError::unimplemented(unserved));
        }
    }
    let listing = Listing {
        prefix: query.owned("prefix").unwrap_or_default(),
        delimiter: query.owned("delimiter"),
        after: from_token(query.get("pageToken"))?,
        start: query.owned("startOffset"),
        end: query.owned("endOffset"),
        versions: query.flag("versions"),
        limit: query.limit("maxResults")?,
    };
    let page = google.calls.list_objects(call, bucket, &listing).await?;
    let mut found = json!({"kind": "storage#objects"});
    if !page.objects.is_empty() {
        found["items"] = page
            .objects
            .iter()
            .map(|o| json_shape::object(o, is_full(query), o.acl.is_empty()))
            .collect();
    }
    if !page.prefixes.is_empty() {
        found["prefixes"] = json!(page.prefixes);
    }
    if let Some(next) = page.next {
        found["nextPageToken"] = to_token(&next).into();
    }
    Ok(answer(200, &found))
}

async fn one(
    google: &Google,
    call: &Call,
    bucket: &str,
    name: &str,
    query: &Query,
    head: &Parts,
    body: &Bytes,
) -> Result<Response<Body>, ApiError> {
    let wanted = Wanted { bucket, name, generation: query.number("generation")? };
    let held = preconditions(query)?;
    match head.method {
        Method::GET if query.get("alt") == Some("media") => {
            download(google, call, bucket, name, query, head).await
        }
        Method::GET => {
            let object = google.calls.get_object(call, wanted, held).await?;
            Ok(answer(200, &json_shape::object(&object, is_full(query), object.acl.is_empty())))
        }
        Method::PATCH => {
            let predefined = query.get("predefinedAcl");
            let object = google
                .calls
                .update_object(call, wanted, held, &read_json(body)?, predefined)
                .await?;
            Ok(answer(200, &json_shape::object(&object, is_full(query), object.acl.is_empty())))
        }
        Method::DELETE => {
            google.calls.delete_object(call, wanted, held).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => Err(unserved(&head.method, head.uri.path())),
    }
}

pub async fn download(
    google: &Google,
    call: &Call,
    bucket: &str,
    name: &str,
    query: &Query,
    head: &Parts,
) -> Result<Response<Body>, ApiError> {
    let wanted = Wanted { bucket, name, generation: query.number("generation")? };
    let held = preconditions(query)?;
    let (object, bytes) = google.calls.read_object(call, wanted, held).await?;
    media(&object, &bytes, head)
}

/// The bytes, or a range of them, with the headers that clients verify.
pub fn media(
    object: &Object,
    bytes: &Arc<Vec<u8>>,
    head: &Parts,
) -> Result<Response<Body>, ApiError> {
    let length = bytes.len();
    let range = head.headers.get(RANGE).and_then(|r| r.to_str().ok());
    let (status, span) = match range.and_then(|r| parse_range(r, length)) {
        None => (StatusCode::OK, 0..length),
        Some(Some(span)) => (StatusCode::PARTIAL_CONTENT, span),
        Some(None) => return Err(ApiError::range()),
    };
    let part = Bytes::copy_from_slice(&bytes[span.clone()]);
    let body = if head.method == Method::HEAD { Bytes::new() } else { part };
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{length}", span.start, span.end.saturating_sub(1));
        if let Ok(value) = text.parse() {
            response.headers_mut().insert(CONTENT_RANGE, value);
        }
    }
    let content_type = object.content_type.as_deref().unwrap_or("application/octet-stream");
    for (name, value) in [
        ("content-type", content_type.to_owned()),
        ("etag", object.etag()),
        ("x-goog-generation", object.generation.to_string()),
        ("x-goog-metageneration", object.metageneration.to_string()),
        ("x-goog-stored-content-length", length.to_string()),
        ("x-goog-stored-content-encoding", "identity".to_owned()),
        ("x-goog-storage-class", object.storage_class.clone()),
        ("x-goog-hash", format!("crc32c={},md5={}", object.crc32c_text(), object.md5)),
        ("accept-ranges", "bytes".to_owned()),
    ] {
        put_header(&mut response, name, &value);
    }
    for (key, header) in [
        ("cacheControl", "cache-control"),
        ("contentDisposition", "content-disposition"),
        ("contentEncoding", "content-encoding"),
        ("contentLanguage", "content-language"),
    ] {
        if let Some(value) = object.headers.get(key) {
            put_header(&mut response, header, value);
        }
    }
    Ok(response)
}

/// `None`: no range that counts; `Some(None)`: one that cannot be satisfied.
fn parse_range(text: &str, length: usize) -> Option<Option<std::ops::Range<usize>>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        let last: usize = last.parse().ok()?;
        return Some((last > 0 && length > 0).then(|| length.saturating_sub(last)..length));
    }
    let first: usize = first.parse().ok()?;
    let end = if last.is_empty() {
        length
    } else {
        last.parse::<usize>().ok()?.saturating_add(1).min(length)
    };
    Some((first < end).then_some(first..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(parse_range("bytes=0-3", 10), Some(Some(0..4)));
        assert_eq!(parse_range("bytes=4-", 10), Some(Some(4..10)));
        assert_eq!(parse_range("bytes=-3", 10), Some(Some(7..10)));
        assert_eq!(parse_range("bytes=10-", 10), Some(None));
        assert_eq!(parse_range("bytes=0-99", 0), Some(None));
        assert_eq!(parse_range("bytes=0-18446744073709551615", 10), Some(Some(0..10)));
        assert_eq!(parse_range("lines=1-2", 10), None);
    }
}
