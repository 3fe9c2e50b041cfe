//! Entra ID's audit log: changes of users, groups, applications, roles and policies.

use crate::entra::{base, is_directory, key, member, own};
use crate::format::Format;
use crate::ocsf::fields;
use crate::record::Record;
use model::event::{EventClass, EventResource, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct EntraAudit;

impl Format for EntraAudit {
    fn name(&self) -> &'static str {
        "entra_audit"
    }

    fn product(&self) -> &'static str {
        "Entra ID Audit Logs"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let text = |name| member(fields, name).and_then(Value::as_str).unwrap_or_default();
        let logged = |at: &Map<String, Value>| {
            at.contains_key("loggedByService") || at.contains_key("activityDisplayName")
        };
        let inner = fields.get("properties").and_then(Value::as_object);
        let signin =
            text("category").ends_with("SignInLogs") || text("operationName") == "Sign-in activity";
        !signin
            && (is_directory(fields)
                || text("category") == "AuditLogs"
                || inner.is_some_and(logged)
                || (logged(fields) && fields.contains_key("activityDateTime")))
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let happened = [base(&record), &["activityDateTime"]].concat();
        let (time, original_time) = match record.text(&["time"]) {
            Some(_) => record.required_time(&["time"])?,
            None => record.required_time(&happened)?,
        };
        let display = [base(&record), &["activityDisplayName"]].concat();
        let outer = key(&record, "operationName");
        let operation = record
            .take_text(&display)
            .or_else(|| record.take_text(&[&outer]))
            .ok_or("operationName is missing")?;
        let status = match own(&record, &["result"])
            .or_else(|| record.text(&[&key(&record, "resultType")]))
            .unwrap_or_default()
            .to_lowercase()
            .as_str()
        {
            "success" | "0" => EventStatus::Success,
            "failure" | "clienterror" | "timeout" => EventStatus::Failure,
            _ => EventStatus::Unknown,
        };
        let reason = [base(&record), &["resultReason"]].concat();
        let error_message =
            (status == EventStatus::Failure).then(|| record.take_text(&reason)).flatten();
        let principal = who(&record);
        let uid = own(&record, &["id"]).map(str::to_owned);
        let correlation_key = key(&record, "correlationId");
        let correlation_uid = record.take_text(&[&correlation_key]);
        let source = own(&record, &["initiatedBy", "user", "ipAddress"])
            .or_else(|| record.text(&[&key(&record, "callerIpAddress")]))
            .map(str::to_owned);
        let kind = own(&record, &["operationType"]).unwrap_or_default().to_owned();
        let service_path = [base(&record), &["loggedByService"]].concat();
        let service = record.take_text(&service_path).unwrap_or_default();
        let (class, activity) = classify(&operation, &kind);
        let resources = targets(&record)
            .iter()
            .filter_map(|target| {
                let text = |name: &str| target.get(name)?.as_str().filter(|s| !s.is_empty());
                let uid = text("id").or_else(|| text("displayName"))?;
                Some(EventResource { uid: uid.to_owned(), kind: text("type").map(str::to_owned) })
            })
            .collect();
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class,
            activity,
            time,
            original_time,
            uid: uid.unwrap_or_else(|| raw_hash.clone()),
            correlation_uid,
            cloud: Cloud::from_static("azure"),
            account: None,
            region: None,
            product: self.product().to_owned(),
            service,
            operation,
            read_only: false,
            request_uid: None,
            request: Value::Null,
            response: Value::Null,
            status,
            error_code: None,
            error_message,
            principal,
            credential_uid: None,
            source,
            user_agent: None,
            resources,
            unmapped,
            raw_hash,
            location,
        })
    }

    fn shape(&self, event: &Event, ocsf: &mut Map<String, Value>) {
        let raw = &event.unmapped;
        let outer = |name: &str| raw.as_object().and_then(|f| member(f, name)?.as_str());
        if let Some(metadata) = ocsf.get_mut("metadata") {
            if let Some(tenant) = outer("tenantId") {
                metadata["tenant_uid"] = json!(tenant);
            }
            if let Some(log) = outer("category") {
                metadata["log_name"] = json!(log);
            }
        }
        let inner = raw.get("properties").filter(|p| p.is_object()).unwrap_or(raw);
        let targets = inner.get("targetResources").and_then(Value::as_array);
        let targets: Vec<&Value> = targets.into_iter().flatten().collect();
        let text = |target: &Value, name: &str| {
            target.get(name).and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned)
        };
        let holder = targets.iter().find(|t| {
            matches!(t.get("type").and_then(Value::as_str), Some("User" | "ServicePrincipal"))
        });
        if let Some(holder) = holder
            && matches!(event.class, EventClass::AccountChange | EventClass::UserAccess)
        {
            let name = text(holder, "userPrincipalName").or_else(|| text(holder, "displayName"));
            let user = fields(json!({"uid": text(holder, "id"), "name": name}));
            if !user.is_empty() {
                ocsf.insert("user".to_owned(), Value::Object(user));
            }
        }
        if event.class == EventClass::UserAccess {
            let roles = roles(&targets);
            if !roles.is_empty() {
                ocsf.insert("privileges".to_owned(), json!(roles));
            }
        }
    }
}

/// The role's name is a new or old value of a property, as JSON in a text; or a target.
fn roles(targets: &[&Value]) -> Vec<String> {
    let mut found = Vec::new();
    for target in targets {
        let changes = target.get("modifiedProperties").and_then(Value::as_array);
        for change in changes.into_iter().flatten() {
            if change.get("displayName").and_then(Value::as_str) != Some("Role.DisplayName") {
                continue;
            }
            let told = ["newValue", "oldValue"]
                .iter()
                .filter_map(|key| change.get(*key)?.as_str())
                .map(|told| told.trim_matches('"'))
                .find(|told| !told.is_empty());
            found.extend(told.map(str::to_owned));
        }
        if target.get("type").and_then(Value::as_str) == Some("Role")
            && let Some(name) = target.get("displayName").and_then(Value::as_str)
            && !name.is_empty()
        {
            found.push(name.to_owned());
        }
    }
    found.dedup();
    found
}

fn targets(record: &Record) -> &[Value] {
    record
        .get(&[base(record), &["targetResources"]].concat())
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn classify(operation: &str, kind: &str) -> (EventClass, u8) {
    use EventClass::{AccountChange, ApiActivity, UserAccess};
    let name = operation.to_lowercase();
    let exact = match name.as_str() {
        "add user" | "invite external user" | "create user" => Some((AccountChange, 1)),
        "delete user" | "hard delete user" => Some((AccountChange, 6)),
        "enable account" => Some((AccountChange, 2)),
        "disable account" => Some((AccountChange, 5)),
        "change user password" | "change password (self-service)" => Some((AccountChange, 3)),
        "reset user password" | "reset password (by admin)" => Some((AccountChange, 4)),
        "reset password (self-service)" => Some((AccountChange, 4)),
        "user registered security info" => Some((AccountChange, 10)),
        "user deleted security info" => Some((AccountChange, 11)),
        "update user" | "restore user" => Some((AccountChange, 99)),
        _ if name.starts_with("add service principal credentials") => Some((AccountChange, 99)),
        _ if name.contains("certificates and secrets management") => Some((AccountChange, 99)),
        _ if name.starts_with("add member to role")
            || name.starts_with("add eligible member to role")
            || name.starts_with("add app role assignment") =>
        {
            Some((UserAccess, 1))
        }
        _ if name.starts_with("remove member from role")
            || name.starts_with("remove eligible member from role")
            || name.starts_with("remove app role assignment") =>
        {
            Some((UserAccess, 2))
        }
        _ => None,
    };
    let starts = |verbs: &[&str]| verbs.iter().any(|verb| name.starts_with(verb));
    exact.unwrap_or_else(|| {
        let activity = match kind {
            "Add" | "Create" => 1,
            "Update" | "Assign" | "Set" => 3,
            "Delete" | "Remove" => 4,
            _ if starts(&["add", "create", "invite"]) => 1,
            _ if starts(&["update", "set", "change"]) => 3,
            _ if starts(&["delete", "remove", "hard delete"]) => 4,
            _ => 99,
        };
        (ApiActivity, activity)
    })
}

fn who(record: &Record) -> Principal {
    let by = |path: &[&str]| own(record, &[&["initiatedBy"], path].concat());
    let person = by(&["user", "userPrincipalName"]).or_else(|| by(&["user", "displayName"]));
    let (name, kind, uid) = if let Some(name) = person {
        (name, PrincipalType::Human, by(&["user", "id"]))
    } else if let Some(name) =
        by(&["app", "displayName"]).or_else(|| by(&["app", "servicePrincipalId"]))
    {
        (name, PrincipalType::Workload, by(&["app", "servicePrincipalId"]))
    } else if let Some(id) = by(&["user", "id"]) {
        (id, PrincipalType::Human, Some(id))
    } else {
        ("unknown", PrincipalType::Unknown, None)
    };
    Principal { name: name.to_owned(), kind, via: Vec::new(), uid: uid.map(str::to_owned) }
}
