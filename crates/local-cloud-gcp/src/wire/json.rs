//! The storage JSON API: buckets, and the way to objects and uploads.

use super::{
    Form, LARGEST, Query, answer, empty, from_token, json_shape, objects, refuse, segments,
    to_token,
};
use crate::calls::buckets::{Change, NewBucket};
use crate::calls::{Call, acl};
use crate::error::ApiError;
use crate::service::Google;
use crate::state::bucket::Preconditions;
use crate::state::policy::Policy;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use local_cloud::Body;
use local_cloud::service::read_body;
use serde_json::{Value, json};

pub async fn serve(google: &Google, call: &Call, request: Request<Body>) -> Response<Body> {
    match route(google, call, request).await {
        Ok(response) => response,
        Err(error) => refuse(Form::Legacy, &error),
    }
}

async fn route(
    google: &Google,
    call: &Call,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let query = Query::of(head.uri.query());
    let body = read_body(body, LARGEST).await.map_err(|e| ApiError::invalid(e.to_string()))?;
    for (prefix, download) in [
        ("/upload/storage/v1/", false),
        ("/resumable/upload/storage/v1/", false),
        ("/download/storage/v1/", true),
    ] {
        let Some(rest) = path.strip_prefix(prefix) else { continue };
        let parts = segments(rest);
        return match (download, parts.as_slice()) {
            (true, [b, bucket, o, name]) if b == "b" && o == "o" => {
                objects::download(google, call, bucket, name, &query, &head).await
            }
            (false, [b, bucket, o]) if b == "b" && o == "o" => {
                super::upload::serve(google, call, bucket, &query, &head, body).await
            }
            _ => Err(unserved(&head.method, &path)),
        };
    }
    let Some(rest) = path.strip_prefix("/storage/v1/") else {
        return Err(unserved(&head.method, &path));
    };
    let parts = segments(rest);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["b"] => match head.method {
            Method::GET => list(google, call, &query).await,
            Method::POST => create(google, call, &query, &body).await,
            _ => Err(unserved(&head.method, &path)),
        },
        ["b", bucket] => one(google, call, &head.method, bucket, &query, &body).await,
        ["b", bucket, "iam"] => iam(google, call, &head.method, bucket, &body).await,
        ["b", bucket, "iam", "testPermissions"] if head.method == Method::GET => {
            let asked = query.all("permissions");
            let has = google.calls.test_bucket_permissions(call, bucket, &asked).await?;
            let mut found = json!({"kind": "storage#testIamPermissionsResponse"});
            if !has.is_empty() {
                found["permissions"] = json!(has);
            }
            Ok(answer(200, &found))
        }
        ["b", bucket, "lockRetentionPolicy"] if head.method == Method::POST => {
            let Some(metageneration) = query.number("ifMetagenerationMatch")? else {
                return Err(ApiError::required("Required parameter: ifMetagenerationMatch"));
            };
            let bucket = google.calls.lock_retention(call, bucket, metageneration).await?;
            Ok(answer(200, &json_shape::bucket(&bucket, false)))
        }
        // No bucket here ever has a cache; clients ask before they delete one.
        ["b", bucket, "anywhereCaches", ..] if head.method == Method::GET => {
            google.calls.get_bucket(call, bucket, Preconditions::default(), false).await?;
            Ok(answer(200, &json!({"kind": "storage#anywhereCaches"})))
        }
        ["b", bucket, "storageLayout"] if head.method == Method::GET => {
            let bucket = google.calls.storage_layout(call, bucket).await?;
            Ok(answer(200, &json_shape::layout(&bucket)))
        }
        // No bucket here has one; clients ask before they delete a bucket.
        ["b", bucket, "managedFolders"] if head.method == Method::GET => {
            google.calls.storage_layout(call, bucket).await?;
            Ok(answer(200, &json!({"kind": "storage#managedFolders"})))
        }
        ["b", bucket, "acl", rest @ ..] => {
            bucket_acl(google, call, &head.method, bucket, rest, &body).await
        }
        ["b", bucket, "o", rest @ ..] => {
            objects::serve(google, call, bucket, rest, &query, &head, &body).await
        }
        _ => Err(unserved(&head.method, &path)),
    }
}

pub fn unserved(method: &Method, path: &str) -> ApiError {
    ApiError::unimplemented(format!("{method} {path}"))
}

pub fn read_json(body: &Bytes) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|_| ApiError::invalid("Parse Error"))?;
    if value.is_object() { Ok(value) } else { Err(ApiError::invalid("Parse Error")) }
}

fn preconditions(query: &Query) -> Result<Preconditions, ApiError> {
    Ok(Preconditions {
        matches: query.number("ifMetagenerationMatch")?,
        not_matches: query.number("ifMetagenerationNotMatch")?,
    })
}

pub fn is_full(query: &Query) -> bool {
    query.get("projection") == Some("full")
}

async fn list(google: &Google, call: &Call, query: &Query) -> Result<Response<Body>, ApiError> {
    let after = from_token(query.get("pageToken"))?;
    let (page, next) = google
        .calls
        .list_buckets(
            call,
            query.get("project").unwrap_or_default(),
            query.get("prefix").unwrap_or_default(),
            after.as_deref(),
            query.limit("maxResults")?,
        )
        .await?;
    let mut found = json!({"kind": "storage#buckets"});
    if !page.is_empty() {
        found["items"] = page.iter().map(|b| json_shape::bucket(b, is_full(query))).collect();
    }
    if let Some(next) = next {
        found["nextPageToken"] = to_token(&next).into();
    }
    Ok(answer(200, &found))
}

async fn create(
    google: &Google,
    call: &Call,
    query: &Query,
    body: &Bytes,
) -> Result<Response<Body>, ApiError> {
    let body = read_json(body)?;
    let Some(name) = body.get("name").and_then(Value::as_str) else {
        return Err(ApiError::required("Required field: name"));
    };
    let new = NewBucket {
        name: name.to_owned(),
        project: query.owned("project").unwrap_or_default(),
        predefined_acl: query.owned("predefinedAcl"),
        predefined_default_object_acl: query.owned("predefinedDefaultObjectAcl"),
        object_retention: query.flag("enableObjectRetention"),
        body: body.clone(),
    };
    let bucket = google.calls.create_bucket(call, new).await?;
    Ok(answer(200, &json_shape::bucket(&bucket, is_full(query))))
}

async fn one(
    google: &Google,
    call: &Call,
    method: &Method,
    name: &str,
    query: &Query,
    body: &Bytes,
) -> Result<Response<Body>, ApiError> {
    let preconditions = preconditions(query)?;
    let full = is_full(query);
    let predefined = (query.owned("predefinedAcl"), query.owned("predefinedDefaultObjectAcl"));
    let bucket = match *method {
        Method::GET => {
            // The full projection holds ACLs only where there are any.
            let bucket = google.calls.get_bucket(call, name, preconditions, false).await?;
            if full && !bucket.config.uniform() {
                google.calls.get_bucket(call, name, preconditions, true).await?
            } else {
                bucket
            }
        }
        Method::PATCH => {
            let change = Change::Patch(read_json(body)?);
            google.calls.update_bucket(call, name, change, preconditions, predefined).await?
        }
        Method::PUT => {
            let change = Change::Replace(read_json(body)?);
            google.calls.update_bucket(call, name, change, preconditions, predefined).await?
        }
        Method::DELETE => {
            google.calls.delete_bucket(call, name, preconditions).await?;
            return Ok(empty(StatusCode::NO_CONTENT));
        }
        _ => return Err(unserved(method, &format!("/storage/v1/b/{name}"))),
    };
    Ok(answer(200, &json_shape::bucket(&bucket, full)))
}

async fn iam(
    google: &Google,
    call: &Call,
    method: &Method,
    bucket: &str,
    body: &Bytes,
) -> Result<Response<Body>, ApiError> {
    let answered = match *method {
        Method::GET => google.calls.get_bucket_policy(call, bucket).await?,
        Method::PUT => {
            let body = read_json(body)?;
            let etag = body.get("etag").and_then(Value::as_str).filter(|e| !e.is_empty());
            let etag = etag
                .map(|e| STANDARD.decode(e).map_err(|_| ApiError::precondition_not_held()))
                .transpose()?;
            let version = body.get("version").and_then(Value::as_i64).unwrap_or(1);
            let policy: Policy = serde_json::from_value(body)
                .map_err(|cause| ApiError::invalid(format!("Invalid policy: {cause}")))?;
            google.calls.set_bucket_policy(call, bucket, policy, version, etag).await?
        }
        _ => return Err(unserved(method, "/storage/v1/b/*/iam")),
    };
    Ok(answer(200, &json_shape::policy(bucket, &answered)))
}

async fn bucket_acl(
    google: &Google,
    call: &Call,
    method: &Method,
    name: &str,
    rest: &[&str],
    body: &Bytes,
) -> Result<Response<Body>, ApiError> {
    match (method, rest) {
        (&Method::GET, []) => {
            let bucket =
                google.calls.get_bucket(call, name, Preconditions::default(), true).await?;
            acl::not_uniform(&bucket, "bucket")?;
            let items = json_shape::bucket_acl(&bucket);
            Ok(answer(200, &json!({"kind": "storage#bucketAccessControls", "items": items})))
        }
        (&Method::POST, []) => {
            let entry = acl::read_one(&read_json(body)?)?;
            let bucket = google
                .calls
                .change_bucket_acl(call, name, |bucket| {
                    let mut entries = acl::of_bucket(bucket);
                    entries.retain(|a| a.entity != entry.entity);
                    entries.push(entry.clone());
                    acl::apply_to_bucket(bucket, &entries)
                })
                .await?;
            Ok(answer(200, &json_shape::bucket_entry(&bucket, &entry)))
        }
        (&Method::DELETE, [entity]) => {
            google
                .calls
                .change_bucket_acl(call, name, |bucket| {
                    let mut entries = acl::of_bucket(bucket);
                    entries.retain(|a| a.entity != *entity);
                    acl::apply_to_bucket(bucket, &entries)
                })
                .await?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => Err(unserved(method, "/storage/v1/b/*/acl")),
    }
}
