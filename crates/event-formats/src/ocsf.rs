//! An event as one OCSF 1.8.0 object, with the profiles `cloud` and `datetime`.
//!
//! What every class has is told here; what one log alone knows, by its format's
//! [`shape`](crate::Format::shape). Nothing of the record is lost: what has no home in its
//! class is in `unmapped`.

use crate::FORMATS;
use crate::canonical::resource;
use model::Event;
use model::event::{EventClass, EventStatus, PrincipalType};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

pub const OCSF_VERSION: &str = "1.8.0";

pub fn to_ocsf(event: &Event) -> Value {
    let class_uid = event.class.uid();
    let (status_id, status) = match event.status {
        EventStatus::Success => (1, "Success"),
        EventStatus::Failure => (2, "Failure"),
        EventStatus::InProgress => (99, "In progress"),
        EventStatus::Unknown => (0, "Unknown"),
    };
    // A record that does not say whose cloud it is of has no such profile.
    let placed = provider(event).is_some();
    let profiles: &[&str] = if placed { &["cloud", "datetime"] } else { &["datetime"] };
    let mut object = fields(json!({
        "activity_id": event.activity,
        "activity_name": activity_name(event),
        "category_uid": class_uid / 1000,
        "class_name": class_name(event.class),
        "class_uid": class_uid,
        "type_uid": class_uid * 100 + u32::from(event.activity),
        "severity_id": severity(event),
        "status_id": status_id,
        "status": status,
        "status_code": event.error_code,
        "time": event.time.unix_millis(),
        "time_dt": event.time.to_millis_text(),
        "metadata": fields(json!({
            "version": OCSF_VERSION,
            "profiles": profiles,
            "product": {"name": event.product, "vendor_name": vendor(event)},
            "uid": event.uid,
            "correlation_uid": event.correlation_uid,
            "original_time": event.original_time,
        })),
        "raw_data_hash": {"algorithm_id": 3, "algorithm": "SHA-256", "value": event.raw_hash},
        "unmapped": match &event.unmapped {
            Value::Object(_) => event.unmapped.clone(),
            other => json!({"record": other}),
        },
    }));
    if let Some(provider) = provider(event) {
        let account = event.account.as_ref();
        object.insert(
            "cloud".to_owned(),
            Value::Object(fields(json!({
                "provider": provider,
                "region": event.region,
                "account": account.map(|uid| json!({"uid": uid, "type_id": account_type(event)})),
                "project_uid": account.filter(|_| provider == "GCP"),
            }))),
        );
    } else {
        keep(&mut object, "account", json!(event.account));
    }
    match event.class {
        EventClass::ApiActivity
        | EventClass::Authentication
        | EventClass::AccountChange
        | EventClass::UserAccess => called(event, placed, &mut object),
        _ => {
            keep(&mut object, "user_agent", json!(event.user_agent));
            if event.class != EventClass::NetworkActivity {
                finding(event, &mut object);
            }
        }
    }
    resources(event, &mut object);
    if let Some(format) = FORMATS.iter().find(|f| f.product() == event.product) {
        format.shape(event, &mut object);
    }
    if object.get("unmapped").is_some_and(|u| u == &json!({})) {
        object.remove("unmapped");
    }
    Value::Object(object)
}

/// Somebody called something: who, what, from where.
fn called(event: &Event, placed: bool, object: &mut Map<String, Value>) {
    let user = user(event);
    let mut actor = json!({"user": user});
    if let Some(nearest) = event.principal.via.last() {
        // All of the chain is one text, its order kept: OCSF has room for one session.
        actor["session"] = json!({"uid": nearest, "issuer": event.principal.via.join(" > ")});
    }
    object.insert("actor".to_owned(), actor);
    object.insert("src_endpoint".to_owned(), endpoint(event.source.as_deref()));
    // Outside of API Activity, `api` belongs to the profile.
    if placed || event.class == EventClass::ApiActivity {
        object.insert("api".to_owned(), api(event));
    } else {
        keep(object, "operation", json!(event.operation));
        keep(object, "request", event.request.clone());
        keep(object, "response", event.response.clone());
        keep(object, "error_message", json!(event.error_message));
    }
    if let Some(agent) = &event.user_agent {
        object.insert("http_request".to_owned(), json!({"user_agent": agent}));
    }
    // Whose account or rights were changed: the resource that the event names, else its caller.
    let target = event.resources.first().map_or_else(
        || user.clone(),
        |target| {
            let name = target.uid.rsplit(['/', ':']).next().unwrap_or(&target.uid);
            json!({"uid": target.uid, "name": name})
        },
    );
    match event.class {
        EventClass::Authentication => {
            object.insert("user".to_owned(), user);
            object.insert("service".to_owned(), json!({"name": service(event)}));
        }
        EventClass::AccountChange => drop(object.insert("user".to_owned(), target)),
        EventClass::UserAccess => {
            object.insert("user".to_owned(), target);
            object.insert("privileges".to_owned(), json!([event.operation]));
        }
        _ => {}
    }
}

fn finding(event: &Event, object: &mut Map<String, Value>) {
    object.insert(
        "finding_info".to_owned(),
        json!({"uid": event.uid, "title": event.operation, "types": [event.operation]}),
    );
    // A finding's own states are others than those of a call.
    object.remove("status");
    object.insert("status_id".to_owned(), json!(0));
}

/// Two classes of the first kind, and that of connections, have no place for resources.
fn resources(event: &Event, object: &mut Map<String, Value>) {
    if event.resources.is_empty() {
        return;
    }
    let all: Value = event.resources.iter().map(|r| resource(event, r)).collect();
    match event.class {
        EventClass::Authentication | EventClass::AccountChange | EventClass::NetworkActivity => {
            keep(object, "event_resources", all);
        }
        _ => drop(object.insert("resources".to_owned(), all)),
    }
}

/// Into `unmapped`, under a name that nothing of the record has.
pub(crate) fn keep(object: &mut Map<String, Value>, name: &str, value: Value) {
    if value.is_null() {
        return;
    }
    let unmapped = object.entry("unmapped").or_insert_with(|| json!({}));
    if let Some(unmapped) = unmapped.as_object_mut() {
        let mut key = name.to_owned();
        while unmapped.contains_key(&key) {
            key.push('_');
        }
        unmapped.insert(key, value);
    }
}

/// Sets an attribute, and the objects on the way to it; what stands there in another form
/// stays.
pub(crate) fn put(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        object.insert((*first).to_owned(), value);
    } else if let Value::Object(inner) = object.entry(*first).or_insert_with(|| json!({})) {
        put(inner, rest, value);
    }
}

/// The fields of an object that hold something.
pub(crate) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields.into_iter().filter(|(_, v)| !v.is_null()).collect(),
        _ => Map::new(),
    }
}

fn user(event: &Event) -> Value {
    let principal = &event.principal;
    let (type_id, kind) = match principal.kind {
        PrincipalType::Human => (1, "User"),
        PrincipalType::Service => (3, "System"),
        PrincipalType::Workload => (4, "Service"),
        PrincipalType::Anonymous => (99, "Anonymous"),
        PrincipalType::Unknown => (0, "Unknown"),
    };
    let address = Some(&principal.name).filter(|name| crate::person::is_address(name));
    Value::Object(fields(json!({
        "name": principal.name,
        "uid": principal.uid,
        "type_id": type_id,
        "type": kind,
        "email_addr": address.filter(|a| is_plain_address(a)),
        "credential_uid": event.credential_uid,
    })))
}

/// What OCSF's pattern of an address allows.
fn is_plain_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        local.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.+-".contains(&b))
            && domain.split('.').all(|label| {
                !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            })
    })
}

fn api(event: &Event) -> Value {
    let response = fields(json!({
        "data": event.response,
        "error": event.error_code,
        "error_message": event.error_message,
    }));
    let request = fields(json!({
        // Required where there is a request at all; the event's own id stands in.
        "uid": event.request_uid.as_ref().or(event.correlation_uid.as_ref()).unwrap_or(&event.uid),
        "data": event.request,
    }));
    Value::Object(fields(json!({
        "operation": event.operation,
        "service": {"name": service(event)},
        "request": request,
        "response": if response.is_empty() { Value::Null } else { Value::Object(response) },
    })))
}

fn service(event: &Event) -> &str {
    if event.service.is_empty() { &event.product } else { &event.service }
}

/// An address, or the name of the service or network that called.
pub(crate) fn endpoint(source: Option<&str>) -> Value {
    match source {
        Some(text) if text.parse::<IpAddr>().is_ok() => json!({"ip": text}),
        Some(text) if text.contains('.') => json!({"svc_name": text}),
        Some(text) => json!({"name": text}),
        // The attribute is required, the record does not say.
        None => json!({"name": "unknown"}),
    }
}

fn provider(event: &Event) -> Option<&str> {
    Some(match event.cloud.as_str() {
        "aws" => "AWS",
        "azure" => "Azure",
        "gcp" => "GCP",
        _ => return None,
    })
}

fn vendor(event: &Event) -> &str {
    match event.cloud.as_str() {
        "aws" => "AWS",
        "azure" => "Microsoft",
        "gcp" => "Google Cloud",
        other => other,
    }
}

/// AWS account, Azure subscription, Google Cloud project.
fn account_type(event: &Event) -> u8 {
    match event.cloud.as_str() {
        "aws" => 10,
        "gcp" => 11,
        "azure" => 13,
        _ => 99,
    }
}

fn class_name(class: EventClass) -> &'static str {
    match class {
        EventClass::ApiActivity => "API Activity",
        EventClass::Authentication => "Authentication",
        EventClass::AccountChange => "Account Change",
        EventClass::UserAccess => "User Access Management",
        EventClass::VulnerabilityFinding => "Vulnerability Finding",
        EventClass::ComplianceFinding => "Compliance Finding",
        EventClass::DetectionFinding => "Detection Finding",
        EventClass::NetworkActivity => "Network Activity",
        _ => "Base Event",
    }
}

/// OCSF's caption; an activity that it has no number for goes by its own name.
fn activity_name(event: &Event) -> &str {
    let names: &[&'static str] = match event.class {
        EventClass::ApiActivity => &["Create", "Read", "Update", "Delete"],
        EventClass::Authentication => &[
            "Logon",
            "Logoff",
            "Authentication Ticket",
            "Service Ticket Request",
            "Service Ticket Renew",
            "Preauth",
            "Account Switch",
        ],
        EventClass::AccountChange => &[
            "Create",
            "Enable",
            "Password Change",
            "Password Reset",
            "Disable",
            "Delete",
            "Attach Policy",
            "Detach Policy",
            "Lock",
            "MFA Factor Enable",
            "MFA Factor Disable",
            "Unlock",
        ],
        EventClass::UserAccess => &["Assign Privileges", "Revoke Privileges"],
        EventClass::NetworkActivity => {
            &["Open", "Close", "Reset", "Fail", "Refuse", "Traffic", "Listen"]
        }
        _ => &["Create", "Update", "Close"],
    };
    match event.activity {
        0 => "Unknown",
        99 if event.operation.is_empty() => "Other",
        99 => &event.operation,
        number => names.get(usize::from(number) - 1).copied().unwrap_or("Unknown"),
    }
}

/// The record's own word, where its log has one.
fn severity(event: &Event) -> u8 {
    let word = event.unmapped.get("level").or_else(|| event.unmapped.get("severity"));
    match word.and_then(Value::as_str).unwrap_or_default().to_uppercase().as_str() {
        "WARNING" if event.unmapped.get("level").is_some() => 3,
        "WARNING" => 2,
        "ERROR" if event.unmapped.get("level").is_some() => 4,
        "ERROR" => 3,
        "CRITICAL" => 5,
        "ALERT" | "EMERGENCY" => 6,
        _ => 1,
    }
}
