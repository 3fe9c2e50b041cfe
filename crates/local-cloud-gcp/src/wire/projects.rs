//! `cloudresourcemanager.googleapis.com`: the project and its IAM policy, v1 and v3.

use super::{Form, answer, refuse};
use crate::calls::Call;
use crate::error::ApiError;
use crate::service::Google;
use crate::state::policy::Policy;
use crate::state::project::ProjectPolicy;
use crate::story;
use http::{Method, Request, Response};
use local_cloud::Body;
use local_cloud::service::read_body;
use serde_json::{Value, json};

pub async fn serve(google: &Google, call: &Call, request: Request<Body>) -> Response<Body> {
    match route(google, call, request).await {
        Ok(body) => answer(200, &body),
        Err(error) => refuse(Form::Platform, &error),
    }
}

async fn route(google: &Google, call: &Call, request: Request<Body>) -> Result<Value, ApiError> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let unserved = || super::json::unserved(&head.method, &path);
    let (version, rest) =
        match (path.strip_prefix("/v1/projects/"), path.strip_prefix("/v3/projects/")) {
            (Some(rest), _) => (1, rest),
            (_, Some(rest)) => (3, rest),
            _ => return Err(unserved()),
        };
    let (project, verb) = rest.split_once(':').unwrap_or((rest, ""));
    if project.contains('/') {
        return Err(unserved());
    }
    if project != story::PROJECT && project != story::PROJECT_NUMBER {
        return Err(ApiError::denied(
            "The caller does not have permission",
            "resourcemanager.projects.get",
        ));
    }
    let body = read_body(body, 1 << 20).await.map_err(|e| ApiError::invalid(e.to_string()))?;
    let body = super::json::read_json(&body)?;
    match (&head.method, verb) {
        (&Method::GET, "") => {
            google.calls.get_project(call).await?;
            Ok(project_body(version))
        }
        (&Method::POST, "getIamPolicy") => {
            Ok(policy_body(&google.calls.get_project_policy(call).await?))
        }
        (&Method::POST, "setIamPolicy") => {
            let policy = body.get("policy").cloned().unwrap_or_default();
            let etag = policy.get("etag").and_then(Value::as_str).map(str::to_owned);
            let version = policy.get("version").and_then(Value::as_i64).unwrap_or(1);
            let policy: Policy = serde_json::from_value(policy)
                .map_err(|cause| ApiError::invalid(format!("Invalid policy: {cause}")))?;
            let set =
                google.calls.set_project_policy(call, policy, version, etag.as_deref()).await?;
            Ok(policy_body(&set))
        }
        (&Method::POST, "testIamPermissions") => {
            let asked: Vec<String> = body
                .get("permissions")
                .and_then(|p| serde_json::from_value(p.clone()).ok())
                .unwrap_or_default();
            let has = google.calls.test_project_permissions(call, &asked).await?;
            Ok(if has.is_empty() { json!({}) } else { json!({"permissions": has}) })
        }
        _ => Err(unserved()),
    }
}

fn project_body(version: u8) -> Value {
    if version == 1 {
        return json!({
            "projectNumber": story::PROJECT_NUMBER,
            "projectId": story::PROJECT,
            "lifecycleState": "ACTIVE",
            "name": story::PROJECT_NAME,
        });
    }
    json!({
        "name": format!("projects/{}", story::PROJECT_NUMBER),
        "projectId": story::PROJECT,
        "state": "ACTIVE",
        "displayName": story::PROJECT_NAME,
    })
}

fn policy_body(policy: &ProjectPolicy) -> Value {
    let mut body = json!({
        "version": 1,
        "etag": policy.etag(),
        "bindings": policy.policy.bindings,
    });
    if !policy.policy.audit_configs.is_empty() {
        body["auditConfigs"] = json!(policy.policy.audit_configs);
    }
    body
}
