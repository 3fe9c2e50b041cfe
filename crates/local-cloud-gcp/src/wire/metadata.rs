//! The metadata server of a machine that runs as the default caller.

use super::{answer, typed};
use crate::service::Google;
use crate::{callers, story, tokens};
use http::{HeaderValue, Request, Response};
use local_cloud::Body;
use serde_json::json;

const SCOPES: [&str; 1] = ["https://www.googleapis.com/auth/cloud-platform"];

pub fn serve(google: &Google, request: &Request<Body>) -> Response<Body> {
    let mut response = respond(google, request);
    let headers = response.headers_mut();
    headers.insert("metadata-flavor", HeaderValue::from_static("Google"));
    headers.insert(http::header::SERVER, HeaderValue::from_static("Metadata Server for VM"));
    response
}

fn respond(google: &Google, request: &Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    if path == "/" || path == "/computeMetadata/" {
        return typed(200, "application/text", "computeMetadata/\n");
    }
    if request.headers().get("metadata-flavor").is_none_or(|v| v != "Google") {
        return typed(403, "text/html; charset=UTF-8", "Missing Metadata-Flavor:Google header.");
    }
    let email = story::service_account(callers::DEPLOYER);
    let Some(rest) = path.strip_prefix("/computeMetadata/v1/") else { return missing() };
    let text = |text: String| typed(200, "application/text", text);
    if let Some(rest) = rest.strip_prefix("instance/service-accounts/") {
        let (account, what) = rest.split_once('/').unwrap_or((rest, ""));
        if account.is_empty() {
            return text(format!("default/\n{email}/\n"));
        }
        if account != "default" && account != email {
            return missing();
        }
        return match what {
            "" => answer(200, &json!({"aliases": ["default"], "email": email, "scopes": SCOPES})),
            "email" => text(email),
            "scopes" => text(SCOPES.join("\n")),
            "aliases" => text("default".to_owned()),
            "token" => match tokens::issue(&google.calls.ground, &email, None, tokens::LIFETIME) {
                Ok(token) => answer(
                    200,
                    &json!({
                        "access_token": token,
                        "expires_in": tokens::LIFETIME - 1,
                        "token_type": "Bearer",
                    }),
                ),
                Err(_) => typed(503, "text/plain", "Service Unavailable"),
            },
            _ => missing(),
        };
    }
    match rest {
        "project/project-id" => text(story::PROJECT.to_owned()),
        "project/numeric-project-id" => text(story::PROJECT_NUMBER.to_owned()),
        "universe/universe-domain" | "universe/universe_domain" => {
            text("googleapis.com".to_owned())
        }
        _ => missing(),
    }
}

fn missing() -> Response<Body> {
    typed(404, "text/html; charset=UTF-8", "Not Found")
}
