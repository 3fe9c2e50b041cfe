//! The Cloud Audit Logs record of every call, in the shape of `google.cloud.audit.AuditLog`.
//!
//! Admin activity is always written. Data access is written where the project's
//! `auditConfigs` ask for it, as on the real platform, and reads of public objects by nobody
//! are not logged at all. `storage.buckets.update` records say that a bucket was changed and
//! not what: that is how the service writes them.

use crate::authorize::Who;
use crate::error::ApiError;
use crate::state::policy::{BindingDelta, Policy};
use crate::state::project;
use crate::story;
use local_cloud::{Tx, View, callers};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::macros::format_description;

pub const TABLE: &str = "gcp_audit";
pub const TYPE: &str = "type.googleapis.com/google.cloud.audit.AuditLog";

/// What kind of access a method is, which decides the log it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    AdminWrite,
    AdminRead,
    DataRead,
    DataWrite,
}

impl Access {
    pub fn log_id(self) -> &'static str {
        match self {
            Access::AdminWrite => "activity",
            _ => "data_access",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Access::AdminWrite => "ADMIN_WRITE",
            Access::AdminRead => "ADMIN_READ",
            Access::DataRead => "DATA_READ",
            Access::DataWrite => "DATA_WRITE",
        }
    }
}

/// How a call came in.
#[derive(Clone, Debug)]
pub struct Caller {
    pub who: Who,
    pub user_agent: String,
}

/// What a method leaves behind besides its envelope.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    pub request: Option<Value>,
    pub response: Option<Value>,
    pub deltas: Vec<BindingDelta>,
}

pub struct Record<'a> {
    pub caller: &'a Caller,
    pub service: &'static str,
    pub method: &'a str,
    pub access: Access,
    pub resource_name: String,
    /// `gcs_bucket` or `project`, with its labels.
    pub resource: Value,
    pub location: Option<String>,
    pub permissions: Vec<&'static str>,
    pub extra: Extra,
    pub refused: Option<&'a ApiError>,
    pub now: Timestamp,
}

/// One stored record: the entry as it is answered and exported.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub log: String,
    pub entry: Value,
}

pub fn append(tx: &mut Tx<'_>, record: Record<'_>) {
    if !wanted(&tx.view(), &record) {
        return;
    }
    let insert_id = tx.fresh_text("gcp/insert-id", b"0123456789abcdefghijklmnopqrstuvwxyz", 12);
    let entry =
        Entry { log: record.access.log_id().to_owned(), entry: entry(tx, &record, &insert_id) };
    tx.append(TABLE, &entry);
}

fn wanted(view: &View<'_>, record: &Record<'_>) -> bool {
    if record.access == Access::AdminWrite {
        return !matches!(record.caller.who, Who::Anonymous) || record.refused.is_none();
    }
    let Who::Account { account, .. } = &record.caller.who else { return false };
    let policy: Policy = project::policy(view).policy;
    policy.audit_configs.iter().any(|config| {
        (config.service == "allServices" || config.service == record.service)
            && config.audit_log_configs.iter().any(|c| {
                c.log_type == record.access.name()
                    && !c.exempted_members.contains(&account.member())
            })
    })
}

fn entry(tx: &Tx<'_>, record: &Record<'_>, insert_id: &str) -> Value {
    let mut authentication = json!({});
    let mut origin = callers::origin(&tx.view(), "anonymous");
    if let Who::Account { account, key } = &record.caller.who {
        authentication["principalEmail"] = account.email.clone().into();
        authentication["principalSubject"] = account.member().into();
        origin = callers::origin(&tx.view(), &account.email);
        if let Some(key) = key {
            authentication["serviceAccountKeyName"] = format!(
                "//iam.googleapis.com/projects/{}/serviceAccounts/{}/keys/{key}",
                story::PROJECT,
                account.email
            )
            .into();
            // A key that somebody else came to hold is placed by its own id.
            let of_key = callers::origin(&tx.view(), key);
            if of_key != callers::DEFAULT_ORIGIN {
                origin = of_key;
            }
        }
    }
    let status = match record.refused {
        None => json!({}),
        Some(error) => json!({"code": error.code as i32, "message": error.message}),
    };
    let missing = record.refused.and_then(|e| e.permission);
    let authorization: Vec<Value> = record
        .permissions
        .iter()
        .map(|permission| {
            let mut info = json!({
                "resource": record.resource_name,
                "permission": permission,
                "resourceAttributes": {},
                "permissionType": record.access.name(),
            });
            if missing != Some(permission) {
                info["granted"] = true.into();
            }
            info
        })
        .collect();
    let mut payload = json!({
        "@type": TYPE,
        "status": status,
        "authenticationInfo": authentication,
        "requestMetadata": {
            "callerIp": origin,
            "callerSuppliedUserAgent": record.caller.user_agent,
            "requestAttributes": {"time": nanos(record.now), "auth": {}},
            "destinationAttributes": {},
        },
        "serviceName": record.service,
        "methodName": record.method,
        "authorizationInfo": authorization,
        "resourceName": record.resource_name,
    });
    if let Some(location) = &record.location {
        payload["resourceLocation"] = json!({"currentLocations": [location.to_lowercase()]});
    }
    if let Some(request) = &record.extra.request {
        payload["request"] = request.clone();
    }
    if let Some(response) = &record.extra.response {
        payload["response"] = response.clone();
    }
    if !record.extra.deltas.is_empty() {
        payload["serviceData"] = json!({
            "@type": "type.googleapis.com/google.iam.v1.logging.AuditData",
            "policyDelta": {"bindingDeltas": record.extra.deltas},
        });
    }
    let severity = match (record.refused, record.access) {
        (Some(_), _) => "ERROR",
        (None, Access::AdminWrite) => "NOTICE",
        (None, _) => "INFO",
    };
    json!({
        "protoPayload": payload,
        "insertId": insert_id,
        "resource": record.resource,
        "timestamp": nanos(record.now),
        "severity": severity,
        "logName": log_name(record.access.log_id()),
        "receiveTimestamp": nanos(record.now.plus_millis(312)),
    })
}

pub fn log_name(log: &str) -> String {
    format!("projects/{}/logs/cloudaudit.googleapis.com%2F{log}", story::PROJECT)
}

/// Log entries carry nanoseconds.
pub fn nanos(moment: Timestamp) -> String {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:9]Z");
    moment.inner().format(&form).unwrap_or_default()
}

pub fn bucket_resource(name: &str, location: Option<&str>) -> Value {
    json!({"type": "gcs_bucket", "labels": {
        "bucket_name": name,
        "location": location.unwrap_or_default().to_lowercase(),
        "project_id": story::PROJECT,
    }})
}

pub fn project_resource() -> Value {
    json!({"type": "project", "labels": {"project_id": story::PROJECT}})
}
