//! Whose token is this? OpenID Connect's userinfo, and the older tokeninfo.

use super::{Form, Query, answer, refuse};
use crate::authorize::Who;
use crate::calls::Call;
use crate::error::ApiError;
use crate::service::Google;
use crate::tokens;
use http::{Request, Response};
use local_cloud::Body;
use local_cloud::service::read_body;
use serde_json::json;

pub fn serve(call: &Call) -> Response<Body> {
    match &call.caller.who {
        Who::Anonymous => refuse(Form::Platform, &ApiError::bad_credential()),
        Who::Account { account, .. } => answer(
            200,
            &json!({"sub": account.unique_id, "email": account.email, "email_verified": true}),
        ),
    }
}

/// The token comes as a parameter, and what is wrong with it is told as OAuth tells it.
pub async fn tokeninfo(google: &Google, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = read_body(body, 1 << 20).await.unwrap_or_default();
    let in_body = Query::of(std::str::from_utf8(&body).ok());
    let query = Query::of(head.uri.query());
    let token = query.get("access_token").or_else(|| in_body.get("access_token"));
    match token.map(|token| tokens::whose(&google.calls.ground, token)) {
        Some(Ok(Who::Account { account, .. })) => answer(
            200,
            &json!({
                "azp": account.unique_id,
                "aud": account.unique_id,
                "scope": "https://www.googleapis.com/auth/cloud-platform \
                          https://www.googleapis.com/auth/userinfo.email",
                "email": account.email,
                "email_verified": "true",
                "access_type": "offline",
            }),
        ),
        _ => answer(400, &json!({"error": "invalid_token", "error_description": "Invalid Value"})),
    }
}
