//! The OAuth 2.0 token endpoint.

use super::{LARGEST, answer};
use crate::keys::invalid_grant;
use crate::service::Google;
use crate::{story, tokens};
use http::{Request, Response};
use local_cloud::service::read_body;
use local_cloud::{Body, FaultAction};
use serde_json::json;

pub async fn serve(google: &Google, request: Request<Body>) -> Response<Body> {
    let faults = &google.calls.ground.faults;
    match faults.check(&story::CLOUD, "oauth2.googleapis.com", "token").await {
        FaultAction::Throttle => return answer(429, &json!({"error": "rate_limit_exceeded"})),
        FaultAction::Fail => return answer(503, &json!({"error": "internal_failure"})),
        FaultAction::Deny => return answer(400, &invalid_grant("Account has been disabled.")),
        FaultAction::Proceed | FaultAction::LoseAnswer => {}
    }
    let json_body = request
        .headers()
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().starts_with(b"application/json"));
    let Ok(body) = read_body(request.into_body(), LARGEST.min(1 << 20)).await else {
        return answer(400, &json!({"error": "invalid_request"}));
    };
    let form: Vec<(String, String)> = if json_body {
        let map: std::collections::BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&body).unwrap_or_default();
        map.into_iter().filter_map(|(k, v)| Some((k, v.as_str()?.to_owned()))).collect()
    } else {
        form_urlencoded::parse(&body).into_owned().collect()
    };
    match tokens::exchange(&google.calls.ground, &form) {
        Ok(token) => answer(
            200,
            &json!({
                "access_token": token,
                "expires_in": tokens::LIFETIME - 1,
                "token_type": "Bearer",
                "scope": "https://www.googleapis.com/auth/cloud-platform",
            }),
        ),
        Err(refused) => answer(400, &invalid_grant(refused.0)),
    }
}
