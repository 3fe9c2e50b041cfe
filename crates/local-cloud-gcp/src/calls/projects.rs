//! The project itself: who it is, and who may do what in all of it.

use super::{Call, Calls, Method, Target};
use crate::audit::Access;
use crate::authorize::{self, On};
use crate::error::ApiError;
use crate::roles;
use crate::state::policy::Policy;
use crate::state::project::{self, ProjectPolicy};
use crate::story;
use local_cloud::FaultAction;
use serde_json::json;

const SERVICE: &str = "cloudresourcemanager.googleapis.com";

const fn method(name: &'static str, permission: &'static str, access: Access) -> Method {
    Method { name, permission, access, service: SERVICE }
}

const GET: Method = method("GetProject", "resourcemanager.projects.get", Access::AdminRead);
const GET_IAM: Method =
    method("GetIamPolicy", "resourcemanager.projects.getIamPolicy", Access::AdminRead);
const SET_IAM: Method =
    method("SetIamPolicy", "resourcemanager.projects.setIamPolicy", Access::AdminWrite);

impl Calls {
    pub async fn get_project(&self, call: &Call) -> Result<(), ApiError> {
        self.perform(call, &GET, Target::Project, |_| Ok(())).await
    }

    pub async fn get_project_policy(&self, call: &Call) -> Result<ProjectPolicy, ApiError> {
        self.perform(call, &GET_IAM, Target::Project, |work| Ok(project::policy(&work.tx.view())))
            .await
    }

    pub async fn set_project_policy(
        &self,
        call: &Call,
        policy: Policy,
        version: i64,
        etag: Option<&str>,
    ) -> Result<ProjectPolicy, ApiError> {
        self.perform(call, &SET_IAM, Target::Project, |work| {
            let before = project::policy(&work.tx.view());
            if etag.is_some_and(|e| !e.is_empty() && e != before.etag()) {
                return Err(ApiError::aborted(
                    "There were concurrent policy changes. Please retry the whole \
                     read-modify-write with exponential backoff.",
                ));
            }
            let view = work.tx.view();
            policy.check(version, |role| roles::exists(&view, role))?;
            let new = policy.clone().normal();
            work.extra.deltas = before.policy.delta(&new);
            work.extra.request = Some(json!({
                "@type": "type.googleapis.com/google.iam.v1.SetIamPolicyRequest",
                "resource": story::PROJECT,
                "policy": new,
            }));
            let after = project::set_policy(work.tx, new);
            work.extra.response = Some(json!({
                "@type": "type.googleapis.com/google.iam.v1.Policy",
                "bindings": after.policy.bindings,
                "etag": after.etag(),
            }));
            Ok(after)
        })
        .await
    }

    pub async fn test_project_permissions(
        &self,
        call: &Call,
        permissions: &[String],
    ) -> Result<Vec<String>, ApiError> {
        weather(self.ground.faults.check(&story::CLOUD, SERVICE, "TestIamPermissions").await)?;
        let now = self.ground.clock.now();
        Ok(self.ground.store.read(|view| {
            let has = |p: &&String| authorize::may(view, &call.caller.who, p, On::Project, now);
            permissions.iter().filter(has).cloned().collect()
        }))
    }
}

/// What a fault makes of a call that needs no permission.
pub fn weather(fault: FaultAction) -> Result<(), ApiError> {
    match fault {
        FaultAction::Throttle => Err(ApiError::throttled()),
        FaultAction::Fail => Err(ApiError::backend()),
        _ => Ok(()),
    }
}
