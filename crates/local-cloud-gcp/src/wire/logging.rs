//! `POST logging.googleapis.com/v2/entries:list`.

use super::{Form, answer, from_token, refuse, to_token};
use crate::calls::Call;
use crate::calls::logs::Asked;
use crate::error::ApiError;
use crate::log_filter::Filter;
use crate::service::Google;
use http::{Method, Request, Response};
use local_cloud::Body;
use local_cloud::service::read_body;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListRequest {
    resource_names: Vec<String>,
    project_ids: Vec<String>,
    filter: String,
    order_by: String,
    page_size: Option<i64>,
    page_token: String,
}

pub async fn serve(google: &Google, call: &Call, request: Request<Body>) -> Response<Body> {
    match list(google, call, request).await {
        Ok(body) => answer(200, &body),
        Err(error) => refuse(Form::Platform, &error),
    }
}

async fn list(google: &Google, call: &Call, request: Request<Body>) -> Result<Value, ApiError> {
    if request.method() != Method::POST {
        return Err(super::json::unserved(request.method(), request.uri().path()));
    }
    let body = read_body(request.into_body(), 1 << 20)
        .await
        .map_err(|e| ApiError::invalid(e.to_string()))?;
    let asked: ListRequest = serde_json::from_slice(&body)
        .map_err(|cause| ApiError::invalid(format!("Invalid JSON payload received. {cause}")))?;
    let newest_first = match asked.order_by.as_str() {
        "" | "timestamp" | "timestamp asc" => false,
        "timestamp desc" => true,
        other => return Err(ApiError::invalid(format!("Invalid order_by: {other}"))),
    };
    let limit = asked.page_size.filter(|n| *n > 0).unwrap_or(50).min(1000);
    let page = from_token(Some(&asked.page_token))?
        .map(|token| {
            let (skip, until) = token.split_once('/')?;
            Some((skip.parse().ok()?, until.to_owned()))
        })
        .map(|page| page.ok_or_else(|| ApiError::invalid("Invalid page token.")))
        .transpose()?;
    let mut resource_names = asked.resource_names;
    resource_names.extend(asked.project_ids.iter().map(|p| format!("projects/{p}")));
    let found = google
        .calls
        .list_entries(
            call,
            &Asked {
                resource_names,
                filter: Filter::parse(&asked.filter)?,
                newest_first,
                limit: usize::try_from(limit).unwrap_or(50),
                page,
            },
        )
        .await?;
    let mut body = json!({});
    if !found.entries.is_empty() {
        body["entries"] = found.entries.into();
    }
    if let Some((skip, until)) = found.next {
        body["nextPageToken"] = to_token(&format!("{skip}/{until}")).into();
    }
    Ok(body)
}
