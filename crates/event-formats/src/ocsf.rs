//! An event as one OCSF 1.8.0 object: API Activity (6003), Authentication (3002) or
//! Account Change (3001), with the profiles `cloud` and `datetime`.

use model::Event;
use model::event::{EventClass, EventStatus, PrincipalType};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

pub const OCSF_VERSION: &str = "1.8.0";

pub fn to_ocsf(event: &Event) -> Value {
    let class_uid = event.class.uid();
    let category_uid = class_uid / 1000;
    let (status_id, status) = match event.status {
        EventStatus::Success => (1, "Success"),
        EventStatus::Failure => (2, "Failure"),
        EventStatus::InProgress => (99, "In progress"),
        EventStatus::Unknown => (0, "Unknown"),
    };
    let user = user(event);
    let mut object = json!({
        "activity_id": event.activity,
        "category_uid": category_uid,
        "class_uid": class_uid,
        "type_uid": class_uid * 100 + u32::from(event.activity),
        "severity_id": severity(event),
        "status_id": status_id,
        "status": status,
        "time": event.time.unix_millis(),
        "time_dt": event.time.to_millis_text(),
        "metadata": present(json!({
            "version": OCSF_VERSION,
            "profiles": ["cloud", "datetime"],
            "product": {"name": event.product, "vendor_name": vendor(event)},
            "uid": event.uid,
            "correlation_uid": event.correlation_uid,
            "original_time": event.original_time,
        })),
        "cloud": present(json!({
            "provider": provider(event),
            "region": event.region,
            "account": event.account.as_ref().map(|uid| json!({"uid": uid, "type_id": account_type(event)})),
        })),
        "api": api(event),
        "actor": actor(event, &user),
        "src_endpoint": endpoint(event.source.as_deref()),
        "raw_data_hash": {"algorithm_id": 3, "algorithm": "SHA-256", "value": event.raw_hash},
        "unmapped": event.unmapped,
    });
    // An activity that OCSF has no number for goes by its own name.
    if event.activity == 99 {
        object["activity_name"] = json!(event.operation);
    }
    if let Some(agent) = &event.user_agent {
        object["http_request"] = json!({"user_agent": agent});
    }
    match event.class {
        EventClass::ApiActivity => {
            if !event.resources.is_empty() {
                object["resources"] = event
                    .resources
                    .iter()
                    .map(|r| present(json!({"uid": r.uid, "type": r.kind})))
                    .collect();
            }
        }
        EventClass::Authentication => {
            object["user"] = user;
            object["service"] = json!({"name": service(event)});
            keep_resources(&mut object, event);
        }
        // Whose account was changed: the resource that the event names, else its caller.
        _ => {
            object["user"] = match event.resources.first() {
                Some(target) => json!({
                    "uid": target.uid,
                    "name": target.uid.rsplit(['/', ':']).next().unwrap_or(&target.uid),
                }),
                None => user,
            };
            keep_resources(&mut object, event);
        }
    }
    object
}

/// These two classes have no place for resources.
fn keep_resources(object: &mut Value, event: &Event) {
    if !event.resources.is_empty() && object["unmapped"].is_object() {
        object["unmapped"]["event_resources"] = json!(event.resources);
    }
}

/// Without the keys that hold nothing.
fn present(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.into_iter().filter(|(_, v)| !v.is_null()).collect::<Map<String, Value>>(),
        ),
        other => other,
    }
}

fn user(event: &Event) -> Value {
    let principal = &event.principal;
    let type_id = match principal.kind {
        PrincipalType::Human => 1,
        PrincipalType::Service => 3,
        PrincipalType::Workload => 4,
        PrincipalType::Anonymous => 99,
        PrincipalType::Unknown => 0,
    };
    present(json!({
        "name": principal.name,
        "uid": principal.uid,
        "type_id": type_id,
        "type": (principal.kind == PrincipalType::Anonymous).then_some("Anonymous"),
        "credential_uid": event.credential_uid,
    }))
}

fn actor(event: &Event, user: &Value) -> Value {
    let mut actor = json!({"user": user});
    if let Some(nearest) = event.principal.via.last() {
        // All of the chain is one text, its order kept: OCSF has room for one session.
        actor["session"] = json!({"uid": nearest, "issuer": event.principal.via.join(" > ")});
    }
    actor
}

fn api(event: &Event) -> Value {
    let response = present(json!({
        "data": nonempty(&event.response),
        "error": event.error_code,
        "error_message": event.error_message,
    }));
    let request = present(json!({
        // Required where there is a request at all; the event's own id stands in.
        "uid": event.request_uid.as_ref().or(event.correlation_uid.as_ref()).unwrap_or(&event.uid),
        "data": nonempty(&event.request),
    }));
    present(json!({
        "operation": event.operation,
        "service": {"name": service(event)},
        "request": request,
        "response": if response.as_object().is_some_and(Map::is_empty) { Value::Null } else { response },
    }))
}

fn nonempty(value: &Value) -> Option<&Value> {
    (!value.is_null()).then_some(value)
}

fn service(event: &Event) -> &str {
    if event.service.is_empty() { &event.product } else { &event.service }
}

/// An address, or the name of the service or network that called.
fn endpoint(source: Option<&str>) -> Value {
    match source {
        Some(text) if text.parse::<IpAddr>().is_ok() => json!({"ip": text}),
        Some(text) if text.contains('.') => json!({"svc_name": text}),
        Some(text) => json!({"name": text}),
        // The attribute is required, the record does not say.
        None => json!({"name": "unknown"}),
    }
}

fn provider(event: &Event) -> &str {
    match event.cloud.as_str() {
        "aws" => "AWS",
        "azure" => "Azure",
        "gcp" => "GCP",
        other => other,
    }
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
