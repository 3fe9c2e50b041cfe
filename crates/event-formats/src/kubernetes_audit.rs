//! Kubernetes audit events (`audit.k8s.io/v1`): bare, in lists, and as EKS (CloudWatch Logs)
//! and AKS (diagnostic settings) deliver them. GKE writes them as Google audit records.

use crate::azure_activity::segment_after;
use crate::format::Format;
use crate::person::looks_like_person;
use crate::record::Record;
use model::event::{EventClass, EventResource, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct KubernetesAudit;

impl Format for KubernetesAudit {
    fn name(&self) -> &'static str {
        "kubernetes_audit"
    }

    fn product(&self) -> &'static str {
        "Kubernetes Audit"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let text = |key| fields.get(key).and_then(Value::as_str);
        text("kind") == Some("Event")
            && text("apiVersion").is_some_and(|v| v.starts_with("audit.k8s.io/"))
    }

    fn envelopes(&self) -> &'static [&'static str] {
        &["items"]
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let at = ["requestReceivedTimestamp", "stageTimestamp"];
        let moment = at.iter().find(|key| record.text(&[key]).is_some());
        let (time, original_time) = record.required_time(&[*moment.unwrap_or(&at[0])])?;
        let stage = record.text(&["stage"]).unwrap_or("ResponseComplete").to_owned();
        let audit = record.take_text(&["auditID"]);
        let operation = operation(&record);
        let verb = record.text(&["verb"]).unwrap_or_default();
        let activity = match verb {
            "create" => 1,
            "get" | "list" | "watch" => 2,
            "update" | "patch" => 3,
            "delete" | "deletecollection" => 4,
            "post" | "put" | "" | "head" | "options" => 0,
            _ => 99,
        };
        let (status, error_code, error_message) = outcome(&mut record, &stage);
        let place = place(&record);
        let principal = who(&record);
        let credential_uid = ["accessKeyId", "authentication.kubernetes.io/credential-id"]
            .iter()
            .find_map(|key| record.text_in(&["user", "extra", key]))
            .map(str::to_owned);
        let resources = resource(&record).into_iter().collect();
        let source = record.text_in(&["sourceIPs"]).map(str::to_owned);
        let user_agent = record.take_text(&["userAgent"]);
        let request = record.take(&["requestObject"]);
        let response = record.take(&["responseObject"]);
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class: EventClass::ApiActivity,
            activity,
            time,
            original_time,
            // One request is told at several stages.
            uid: audit.as_ref().map_or_else(|| raw_hash.clone(), |id| format!("{id}/{stage}")),
            correlation_uid: audit,
            cloud: place.cloud,
            account: place.account,
            region: None,
            product: self.product().to_owned(),
            service: "k8s.io".to_owned(),
            operation,
            read_only: activity == 2,
            request_uid: None,
            request,
            response,
            status,
            error_code,
            error_message,
            principal,
            credential_uid,
            source,
            user_agent,
            resources,
            unmapped,
            raw_hash,
            location,
        })
    }

    fn shape(&self, event: &Event, ocsf: &mut Map<String, Value>) {
        let raw = &event.unmapped;
        if let Some(code) = raw.pointer("/responseStatus/code").and_then(Value::as_i64)
            && let Some(api) = ocsf.get_mut("api")
        {
            api["response"]["code"] = json!(code);
        }
        let annotation = |name: &str| raw.get("annotations")?.get(name)?.as_str();
        if let Some(decision) = annotation("authorization.k8s.io/decision")
            && let Some(actor) = ocsf.get_mut("actor")
        {
            actor["authorizations"] = json!([{"decision": decision}]);
        }
        let groups = raw.pointer("/user/groups").and_then(Value::as_array);
        let groups: Vec<Value> = groups
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|name| json!({"name": name}))
            .collect();
        if !groups.is_empty()
            && let Some(user) = ocsf.get_mut("actor").and_then(|a| a.get_mut("user"))
        {
            user["groups"] = json!(groups);
        }
    }
}

/// `create pods/exec`, or the verb and the path of what is no resource.
fn operation(record: &Record) -> String {
    let verb = record.text(&["verb"]).unwrap_or("request");
    match (record.text(&["objectRef", "resource"]), record.text(&["objectRef", "subresource"])) {
        (Some(resource), Some(sub)) => format!("{verb} {resource}/{sub}"),
        (Some(resource), None) => format!("{verb} {resource}"),
        (None, _) => {
            let uri = record.text(&["requestURI"]).unwrap_or("/");
            format!("{verb} {}", uri.split('?').next().unwrap_or(uri))
        }
    }
}

fn outcome(record: &mut Record, stage: &str) -> (EventStatus, Option<String>, Option<String>) {
    let code = record.get(&["responseStatus", "code"]).and_then(Value::as_i64);
    match code {
        Some(code) if code >= 400 => {
            let reason = record.take_text(&["responseStatus", "reason"]);
            let message = record.take_text(&["responseStatus", "message"]);
            (EventStatus::Failure, reason.or_else(|| Some(code.to_string())), message)
        }
        Some(_) => (EventStatus::Success, None, None),
        None if stage == "RequestReceived" => (EventStatus::InProgress, None, None),
        None if stage == "Panic" => (EventStatus::Failure, Some("Panic".to_owned()), None),
        None => (EventStatus::Unknown, None, None),
    }
}

struct Place {
    cloud: Cloud,
    account: Option<String>,
}

/// Whose cluster it is stands around the record, or in the names that its callers have.
fn place(record: &Record) -> Place {
    if let Some(owner) = record.text(&["cloudwatch", "owner"]) {
        return Place { cloud: Cloud::from_static("aws"), account: Some(owner.to_owned()) };
    }
    if let Some(id) = record.text(&["diagnostic", "resourceId"]) {
        let account = segment_after(id, "subscriptions").map(str::to_lowercase);
        return Place { cloud: Cloud::from_static("azure"), account };
    }
    let arn = record.text_in(&["user", "extra", "arn"]).and_then(|arn| arn.split(':').nth(4));
    let cloud = if arn.is_some() { "aws" } else { "kubernetes" };
    Place { cloud: Cloud::from_static(cloud), account: arn.map(str::to_owned) }
}

/// The user as the cluster's authenticator names it, and what it acts through: the session of
/// a cloud's role, and whom it impersonates.
fn who(record: &Record) -> Principal {
    let name = record.text(&["user", "username"]);
    let told = name.unwrap_or("unknown");
    let session = record.text_in(&["user", "extra", "arn"]);
    let mut via: Vec<String> = session.map(str::to_owned).into_iter().collect();
    via.extend(record.text(&["impersonatedUser", "username"]).map(str::to_owned));
    // EKS gives the session's own name of a role beside it.
    let person =
        record.text_in(&["user", "extra", "sessionName"]).filter(|name| looks_like_person(name));
    let kind = if told == "system:anonymous" {
        PrincipalType::Anonymous
    } else if told.starts_with("system:serviceaccount:") {
        PrincipalType::Workload
    } else if told.starts_with("system:") || told.starts_with("eks:") || told == "aksService" {
        PrincipalType::Service
    } else if person.is_some() || looks_like_person(told) {
        PrincipalType::Human
    } else {
        PrincipalType::Unknown
    };
    let uid = record.text(&["user", "uid"]).or(name).map(str::to_owned);
    Principal { name: person.unwrap_or(told).to_owned(), kind, via, uid }
}

/// As Google's audit log writes them: `core/v1/namespaces/default/pods/web`.
fn resource(record: &Record) -> Option<EventResource> {
    let text = |key: &str| record.text(&["objectRef", key]);
    let resource = text("resource")?;
    let mut uid =
        format!("{}/{}", text("apiGroup").unwrap_or("core"), text("apiVersion").unwrap_or("v1"));
    if let Some(namespace) = text("namespace") {
        uid = format!("{uid}/namespaces/{namespace}");
    }
    uid = format!("{uid}/{resource}");
    for part in [text("name"), text("subresource")].into_iter().flatten() {
        uid = format!("{uid}/{part}");
    }
    Some(EventResource { uid, kind: Some(resource.to_owned()) })
}

impl Record {
    /// A text, or the first of a list of texts.
    fn text_in(&self, path: &[&str]) -> Option<&str> {
        match self.get(path)? {
            Value::Array(list) => list.first()?.as_str(),
            value => value.as_str(),
        }
        .filter(|s| !s.is_empty())
    }
}
