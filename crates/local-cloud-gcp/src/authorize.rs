//! Who may: the project's bindings, the bucket's, and where access is not uniform the
//! object's ACL.

use crate::condition::{self, Facts};
use crate::error::ApiError;
use crate::exposure::{self, Wish};
use crate::roles;
use crate::state::bucket::Bucket;
use crate::state::object::{Acl, Object};
use crate::state::policy::{ALL_AUTHENTICATED, ALL_USERS, Policy};
use crate::state::project::{self, Account, AccountKind};
use crate::story;
use local_cloud::View;
use model::Timestamp;

/// Who calls.
#[derive(Clone, Debug)]
pub enum Who {
    Anonymous,
    /// With the id of the key that signed, where one did.
    Account {
        account: Box<Account>,
        key: Option<String>,
    },
}

impl Who {
    pub fn email(&self) -> Option<&str> {
        match self {
            Who::Anonymous => None,
            Who::Account { account, .. } => Some(&account.email),
        }
    }

    /// As refusals name the caller.
    fn words(&self) -> String {
        self.email().unwrap_or("Anonymous caller").to_owned()
    }

    fn is(&self, member: &str, project: &Policy) -> bool {
        let Who::Account { account, .. } = self else { return member == ALL_USERS };
        let (kind, name) = member.split_once(':').unwrap_or((member, ""));
        match kind {
            ALL_USERS | ALL_AUTHENTICATED => true,
            "user" => account.kind == AccountKind::User && account.email.eq_ignore_ascii_case(name),
            "serviceAccount" => {
                account.kind == AccountKind::ServiceAccount
                    && account.email.eq_ignore_ascii_case(name)
            }
            "domain" => {
                let domain = account.email.rsplit_once('@').map(|(_, d)| d);
                account.kind == AccountKind::User && domain == Some(name)
            }
            "projectOwner" | "projectEditor" | "projectViewer" if name == story::PROJECT => {
                let role = format!("roles/{}", kind.trim_start_matches("project").to_lowercase());
                let member = account.member();
                project.bindings.iter().any(|b| {
                    b.role == role
                        && b.condition.is_none()
                        && b.members.iter().any(|m| m.eq_ignore_ascii_case(&member))
                })
            }
            _ => false,
        }
    }
}

/// On what.
#[derive(Clone, Copy)]
pub enum On<'a> {
    Project,
    Bucket(&'a Bucket),
    /// An object by name, and itself if it exists.
    Object(&'a Bucket, &'a str, Option<&'a Object>),
}

impl On<'_> {
    fn words(&self) -> &'static str {
        match self {
            On::Project => "project",
            On::Bucket(_) => "bucket",
            On::Object(..) => "object",
        }
    }

    pub fn resource_name(&self) -> String {
        match self {
            On::Project => format!("projects/{}", story::PROJECT),
            On::Bucket(bucket) => bucket.resource_name(),
            On::Object(bucket, name, _) => format!("{}/objects/{name}", bucket.resource_name()),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            On::Project => "cloudresourcemanager.googleapis.com/Project",
            On::Bucket(_) => "storage.googleapis.com/Bucket",
            On::Object(..) => "storage.googleapis.com/Object",
        }
    }
}

pub fn may(view: &View<'_>, who: &Who, permission: &str, on: On<'_>, now: Timestamp) -> bool {
    let holds = |role: &str, permission: &str| roles::holds(view, role, permission);
    let project = project::policy(view).policy;
    let bucket = match on {
        On::Project => None,
        On::Bucket(bucket) | On::Object(bucket, ..) => Some(bucket),
    };
    if let (Who::Anonymous, Some(bucket)) = (who, bucket) {
        let wish = match (permission, on) {
            ("storage.objects.get", On::Object(_, _, object)) => {
                Some(Wish::Get { acl: object.map(|o| o.acl.as_slice()) })
            }
            ("storage.objects.list", _) => Some(Wish::List),
            _ => None,
        };
        if let Some(wish) = wish {
            return exposure::anonymous(bucket, wish, holds).allows();
        }
    }
    let name = on.resource_name();
    let facts = Facts { now, name: &name, kind: on.kind(), service: story::STORAGE };
    let grants = |policy: &Policy, public: bool| {
        policy.bindings.iter().any(|b| {
            let counts = |m: &&String| public || (*m != ALL_USERS && *m != ALL_AUTHENTICATED);
            holds(&b.role, permission)
                && b.condition.as_ref().is_none_or(|c| condition::holds(&c.expression, &facts))
                && b.members.iter().filter(counts).any(|m| who.is(m, &project))
        })
    };
    if grants(&project, false) {
        return true;
    }
    let Some(bucket) = bucket else { return false };
    if grants(&bucket.policy, !bucket.config.prevented()) {
        return true;
    }
    match on {
        On::Object(_, _, Some(object)) if !bucket.config.uniform() => {
            let public = !bucket.config.prevented();
            object.acl.iter().any(|acl| {
                acl_holds(&acl.role, permission) && matches_entity(who, acl, public, &project)
            })
        }
        _ => false,
    }
}

fn acl_holds(role: &str, permission: &str) -> bool {
    match permission {
        "storage.objects.get" => matches!(role, "READER" | "OWNER"),
        "storage.objects.getIamPolicy"
        | "storage.objects.setIamPolicy"
        | "storage.objects.update" => role == "OWNER",
        _ => false,
    }
}

fn matches_entity(who: &Who, acl: &Acl, public: bool, project: &Policy) -> bool {
    let entity = acl.entity.as_str();
    if entity == ALL_USERS || entity == ALL_AUTHENTICATED {
        return public && who.is(entity, project);
    }
    if let Some(name) = entity.strip_prefix("user-") {
        return who.email().is_some_and(|e| e.eq_ignore_ascii_case(name));
    }
    if let Some(domain) = entity.strip_prefix("domain-") {
        return who.is(&format!("domain:{domain}"), project);
    }
    let group = |group: &str| who.is(&format!("{group}:{}", story::PROJECT), project);
    match entity.strip_prefix("project-").and_then(|e| e.rsplit_once('-')) {
        Some(("owners", number)) if number == story::PROJECT_NUMBER => group("projectOwner"),
        Some(("editors", number)) if number == story::PROJECT_NUMBER => group("projectEditor"),
        Some(("viewers", number)) if number == story::PROJECT_NUMBER => group("projectViewer"),
        _ => false,
    }
}

/// Refuses in the service's own words.
pub fn require(
    view: &View<'_>,
    who: &Who,
    permission: &'static str,
    on: On<'_>,
    now: Timestamp,
) -> Result<(), ApiError> {
    if may(view, who, permission, on, now) { Ok(()) } else { Err(refusal(who, permission, on)) }
}

pub fn refusal(who: &Who, permission: &'static str, on: On<'_>) -> ApiError {
    let message = if permission.starts_with("storage.") {
        let what = match on {
            On::Project => "project".to_owned(),
            on => format!("Storage {}", on.words()),
        };
        format!(
            "{} does not have {permission} access to the Google Cloud {what}. Permission \
             '{permission}' denied on resource (or it may not exist).",
            who.words()
        )
    } else if permission.starts_with("logging.") {
        format!("Permission '{permission}' denied on resource (or it may not exist).")
    } else {
        "The caller does not have permission".to_owned()
    };
    match who {
        Who::Anonymous => ApiError::anonymous(message, permission),
        Who::Account { .. } => ApiError::denied(message, permission),
    }
}
