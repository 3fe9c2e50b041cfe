//! The XML API, as far as public links use it: `storage.googleapis.com/B/O`, and
//! `B.storage.googleapis.com/O`.

use super::json::unserved;
use super::{Form, Query, objects, refuse, segments, typed};
use crate::calls::Call;
use crate::calls::objects::{ObjectPreconditions, Wanted};
use crate::error::ApiError;
use crate::service::Google;
use crate::state::object::Listing;
use http::{Method, Request, Response};
use local_cloud::Body;

pub async fn serve(
    google: &Google,
    call: &Call,
    host: &str,
    request: Request<Body>,
) -> Response<Body> {
    let (head, _) = request.into_parts();
    match route(google, call, host, &head).await {
        Ok(response) => response,
        Err(error) => refuse(Form::Xml, &error),
    }
}

async fn route(
    google: &Google,
    call: &Call,
    host: &str,
    head: &http::request::Parts,
) -> Result<Response<Body>, ApiError> {
    let path = head.uri.path().trim_start_matches('/');
    let query = Query::of(head.uri.query());
    if query.get("X-Goog-Signature").is_some() || query.get("Signature").is_some() {
        return Err(ApiError::unimplemented("A signed URL"));
    }
    let (bucket, name) = match host.strip_suffix(".storage.googleapis.com") {
        Some(bucket) => (bucket.to_owned(), path.to_owned()),
        None => match path.split_once('/') {
            Some((bucket, name)) => (bucket.to_owned(), name.to_owned()),
            None => (path.to_owned(), String::new()),
        },
    };
    // The whole rest is the name: slashes belong to it.
    let name = segments(&name).join("/");
    if !matches!(head.method, Method::GET | Method::HEAD) || bucket.is_empty() {
        return Err(unserved(&head.method, head.uri.path()));
    }
    if name.is_empty() {
        return list(google, call, &bucket, &query).await;
    }
    let wanted = Wanted { bucket: &bucket, name: &name, generation: query.number("generation")? };
    let (object, bytes) =
        google.calls.read_object(call, wanted, ObjectPreconditions::default()).await?;
    objects::media(&object, &bytes, head)
}

async fn list(
    google: &Google,
    call: &Call,
    bucket: &str,
    query: &Query,
) -> Result<Response<Body>, ApiError> {
    let listing = Listing {
        prefix: query.owned("prefix").unwrap_or_default(),
        delimiter: query.owned("delimiter"),
        after: query.owned("marker").filter(|m| !m.is_empty()).map(|m| format!("{m}\u{1}")),
        start: None,
        end: None,
        versions: false,
        limit: query.limit("max-keys")?,
    };
    let page = google.calls.list_objects(call, bucket, &listing).await?;
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut text = format!(
        "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>\
         <Name>{}</Name><Prefix>{}</Prefix><Marker></Marker><IsTruncated>{}</IsTruncated>",
        escape(bucket),
        escape(&listing.prefix),
        page.next.is_some()
    );
    for object in &page.objects {
        text.push_str(&format!(
            "<Contents><Key>{}</Key><Generation>{}</Generation><MetaGeneration>{}</MetaGeneration>\
             <LastModified>{}</LastModified><ETag>\"{}\"</ETag><Size>{}</Size></Contents>",
            escape(&object.name),
            object.generation,
            object.metageneration,
            object.updated,
            object.etag(),
            object.size
        ));
    }
    for prefix in &page.prefixes {
        text.push_str(&format!(
            "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>",
            escape(prefix)
        ));
    }
    text.push_str("</ListBucketResult>");
    Ok(typed(200, "application/xml; charset=UTF-8", text))
}
