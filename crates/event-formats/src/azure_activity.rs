//! Azure's Activity Log: the diagnostic export (`PT1H.json`, JSON lines since November
//! 2018; `{"records": [...]}` through an event hub and before that) and the query API's
//! answers (`{"value": [...]}`).
//!
//! One operation leaves two records or more under one `correlationId`: it begins, perhaps
//! with the request's body, and it ends with the outcome. Each becomes an event.

use crate::format::Format;
use crate::ocsf::{fields, put};
use crate::person::looks_like_person;
use crate::record::Record;
use crate::strict::parse_object;
use model::event::{EventClass, EventResource, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct AzureActivity;

const CLOUD: Cloud = Cloud::from_static("azure");

/// The log's categories, and the three that exports before 2018 used for Administrative.
const CATEGORIES: &[&str] = &[
    "Administrative",
    "Policy",
    "ServiceHealth",
    "ResourceHealth",
    "Autoscale",
    "Security",
    "Recommendation",
    "Alert",
    "Write",
    "Action",
    "Delete",
];

impl Format for AzureActivity {
    fn name(&self) -> &'static str {
        "azure_activity"
    }

    fn product(&self) -> &'static str {
        "Activity Log"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let timed = fields.contains_key("time") || fields.contains_key("eventTimestamp");
        let placed = fields.contains_key("resourceId") || fields.contains_key("resourceUri");
        // Resource logs (a storage account's reads and writes) have the same envelope and
        // categories of their own.
        let category = fields.get("category").and_then(plain_or_value);
        timed
            && placed
            && fields.get("operationName").and_then(plain_or_value).is_some()
            && category.is_none_or(|c| CATEGORIES.iter().any(|own| own.eq_ignore_ascii_case(c)))
            && !fields.contains_key("statusText")
            // Entra's logs come by the same road.
            && !crate::entra::is_directory(fields)
    }

    fn envelopes(&self) -> &'static [&'static str] {
        &["records", "value"]
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let queried = record.get(&["eventTimestamp"]).is_some();
        let (time, original_time) =
            record.required_time(&[if queried { "eventTimestamp" } else { "time" }])?;
        let operation =
            take_plain_or_value(&mut record, "operationName").ok_or("operationName is missing")?;
        let resource_key =
            if record.text(&["resourceId"]).is_some() { "resourceId" } else { "resourceUri" };
        let resource_id = record.take_text(&[resource_key]);
        let Who { principal, credential } = who(&record, &operation);

        let outcome = outcome_of(&record);
        let status_code = record.get(&["properties", "statusCode"]).and_then(scalar_text);
        let (error_code, error_message) = match outcome {
            EventStatus::Failure => (
                detail_of(&record)
                    .or(status_code.clone())
                    .or_else(|| record.get(&["resultSignature"]).and_then(scalar_text)),
                record.text(&["properties", "statusMessage"]).map(str::to_owned),
            ),
            _ => (None, None),
        };
        // Bodies are JSON in a string in most records, objects in some; the string itself
        // stays in unmapped, because parsing would lose how it was written.
        let request = body(&mut record, &["requestbody", "requestBody"]);
        let response = body(&mut record, &["responseBody", "responsebody"]);
        let (last, head) = (
            operation.rsplit('/').next().unwrap_or_default().to_lowercase(),
            operation.split('/').next().unwrap_or_default().to_owned(),
        );
        let (activity, read_only) = activity_of(&operation, &last, &record, status_code.as_deref());
        let (class, activity) = class_of(&operation, activity, &request, &response);
        let correlation_uid = record.take_text(&["correlationId"]);
        let uid = record.take_text(&["eventDataId"]);
        let request_uid = record.text(&["httpRequest", "clientRequestId"]).map(str::to_owned);
        let source = record
            .text(&["callerIpAddress"])
            .or_else(|| record.text(&["httpRequest", "clientIpAddress"]))
            .map(|address| bare_address(address).to_owned());
        let resources = resource_id
            .iter()
            .map(|id| EventResource { uid: id.clone(), kind: type_of(id) })
            .collect();
        let account = resource_id
            .as_deref()
            .and_then(|id| segment_after(id, "subscriptions"))
            .or_else(|| record.text(&["subscriptionId"]))
            .map(str::to_lowercase);
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class,
            activity,
            time,
            original_time,
            // The export has no id for a record; only the query API shows one.
            uid: uid.unwrap_or_else(|| raw_hash.clone()),
            correlation_uid,
            cloud: CLOUD,
            account,
            // `location` says where the record was written, not where the resource is.
            region: None,
            product: self.product().to_owned(),
            service: head,
            operation,
            read_only,
            request_uid,
            request,
            response,
            status: outcome,
            error_code,
            error_message,
            principal,
            credential_uid: credential,
            source,
            user_agent: None,
            resources,
            unmapped,
            raw_hash,
            location,
        })
    }

    fn shape(&self, event: &Event, ocsf: &mut Map<String, Value>) {
        shape(event, ocsf);
    }
}

/// An assignment of a role is about whom it is given to, where a body says so.
pub(crate) fn class_of(
    operation: &str,
    activity: u8,
    request: &Value,
    response: &Value,
) -> (EventClass, u8) {
    let operation = operation.to_lowercase();
    let assigned = assignment(request).or_else(|| assignment(response)).is_some();
    match operation.strip_prefix("microsoft.authorization/roleassignments/") {
        Some("write") if assigned => (EventClass::UserAccess, 1),
        Some("delete") if assigned => (EventClass::UserAccess, 2),
        _ => (EventClass::ApiActivity, activity),
    }
}

/// To whom, and which role.
fn assignment(body: &Value) -> Option<(&str, &str)> {
    let properties = body.get("properties").or_else(|| body.get("Properties")).unwrap_or(body);
    let text = |name: &str| {
        let (_, value) =
            properties.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        value.as_str().filter(|s| !s.is_empty())
    };
    Some((text("principalId")?, text("roleDefinitionId")?))
}

pub(crate) fn shape(event: &Event, ocsf: &mut Map<String, Value>) {
    let raw = &event.unmapped;
    // The three shapes of this log have the same under different names.
    let first = |pointers: &[&str]| {
        pointers.iter().find_map(|p| raw.pointer(p)?.as_str().filter(|s| !s.is_empty()))
    };
    let claims = ["/identity/claims", "/claims", "/Claims_d"]
        .iter()
        .find_map(|pointer| raw.pointer(pointer)?.as_object());
    let claim = |name: &str| claims.and_then(|c| c.get(name)).and_then(Value::as_str);
    let rights = ["/identity/authorization", "/authorization", "/Authorization_d"]
        .iter()
        .find_map(|pointer| raw.pointer(pointer)?.as_object());
    let tenant = claim("http://schemas.microsoft.com/identity/claims/tenantid")
        .or_else(|| claim("tid"))
        .or_else(|| first(&["/tenantId"]));
    if let Some(tenant) = tenant {
        put(ocsf, &["metadata", "tenant_uid"], json!(tenant));
    }
    if let Some(log) = first(&["/category", "/category/value", "/CategoryValue"]) {
        put(ocsf, &["metadata", "log_name"], json!(log));
    }
    if let Some(application) = claim("appid") {
        put(ocsf, &["actor", "app_uid"], json!(application));
    }
    if let Some(methods) = claim("http://schemas.microsoft.com/claims/authnmethodsreferences") {
        put(ocsf, &["actor", "session", "is_mfa"], json!(methods.contains("mfa")));
    }
    if let Some(rights) = rights {
        let evidence = rights.get("evidence").and_then(Value::as_object).unwrap_or(rights);
        let text = |name: &str| evidence.get(name).and_then(Value::as_str);
        let policy = fields(json!({"name": text("role"), "uid": text("roleAssignmentId")}));
        if !policy.is_empty() {
            put(ocsf, &["actor", "authorizations"], json!([{"policy": policy}]));
        }
    }
    let method = first(&["/httpRequest/method"])
        .filter(|m| ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(m));
    if let Some(method) = method {
        put(ocsf, &["http_request", "http_method"], json!(method));
    }
    if let Some(uri) = first(&["/httpRequest/uri"]) {
        put(ocsf, &["http_request", "url"], json!({"url_string": uri}));
    }
    let told = assignment(&event.request).or_else(|| assignment(&event.response));
    if let (EventClass::UserAccess, Some((whom, role))) = (event.class, told) {
        put(ocsf, &["user"], json!({"uid": whom}));
        put(ocsf, &["privileges"], json!([role]));
    }
}

/// `"x"` in an export, `{"value": "x", "localizedValue": ".."}` in an answer.
fn plain_or_value(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("value")?.as_str()).filter(|s| !s.is_empty())
}

fn take_plain_or_value(record: &mut Record, key: &str) -> Option<String> {
    match record.get(&[key])? {
        Value::Object(_) => record.take_text(&[key, "value"]),
        _ => record.take_text(&[key]),
    }
}

pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

pub(crate) fn outcome_of(record: &Record) -> EventStatus {
    let word = ["status", "resultType"]
        .iter()
        .find_map(|key| record.get(&[key]).and_then(plain_or_value))
        .map(str::to_owned)
        .or_else(|| record.get(&["resultType"]).and_then(scalar_text));
    match word.unwrap_or_default().to_lowercase().as_str() {
        "success" | "succeeded" | "completed" | "0" => EventStatus::Success,
        "failed" | "failure" | "fail" | "canceled" => EventStatus::Failure,
        "start" | "started" | "accept" | "accepted" | "begin" | "in progress" => {
            EventStatus::InProgress
        }
        // `Active` is the state of an alert or a recommendation: nothing was begun.
        _ => EventStatus::Unknown,
    }
}

/// The word after the dot of `Failed.Conflict`, or the query API's sub-status.
fn detail_of(record: &Record) -> Option<String> {
    let signature = record.text(&["resultSignature"]).and_then(|s| s.split_once('.'));
    signature
        .map(|(_, detail)| detail)
        .or_else(|| record.get(&["subStatus"]).and_then(plain_or_value))
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
}

fn body(record: &mut Record, keys: &[&str]) -> Value {
    for key in keys {
        match record.get(&["properties", key]) {
            Some(Value::String(text)) => {
                if let Some(parsed) = parse_object(text) {
                    return Value::Object(parsed);
                }
            }
            Some(Value::Object(_)) => return record.take(&["properties", key]),
            _ => {}
        }
    }
    Value::Null
}

/// OCSF's activity by the operation's last word, and whether it only reads.
pub(crate) fn activity_of(
    operation: &str,
    last: &str,
    record: &Record,
    status: Option<&str>,
) -> (u8, bool) {
    let lower = operation.to_lowercase();
    match last {
        "read" => (2, true),
        "delete" => (4, false),
        "write" => {
            let created = detail_of(record).is_some_and(|d| d.eq_ignore_ascii_case("created"))
                || status.is_some_and(|s| s == "201" || s.eq_ignore_ascii_case("created"))
                || record.get(&["resultSignature"]).and_then(scalar_text).as_deref() == Some("201");
            (if created { 1 } else { 3 }, false)
        }
        "action" if lower.contains("/list") => (2, true),
        "action" if lower.contains("/regenerate") => (3, false),
        "action" if lower.contains("/purge") => (4, false),
        _ => (99, false),
    }
}

/// `1.1.1.1:57485`, `[2001:db8::1]:443` and `2001:db8::/64` without port and prefix length.
pub(crate) fn bare_address(text: &str) -> &str {
    let text = text.split('/').next().unwrap_or(text);
    if let Some(inner) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        return inner.0;
    }
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => address,
        _ => text,
    }
}

pub(crate) fn segment_after<'a>(id: &'a str, name: &str) -> Option<&'a str> {
    let mut segments = id.split('/');
    segments.find(|s| s.eq_ignore_ascii_case(name))?;
    segments.next().filter(|s| !s.is_empty())
}

/// `Microsoft.Storage/storageAccounts` of an id, of the last provider in it.
pub(crate) fn type_of(id: &str) -> Option<String> {
    let segments: Vec<&str> = id.split('/').filter(|s| !s.is_empty()).collect();
    let Some(at) = segments.iter().rposition(|s| s.eq_ignore_ascii_case("providers")) else {
        return segments
            .iter()
            .any(|s| s.eq_ignore_ascii_case("resourceGroups"))
            .then(|| "Microsoft.Resources/subscriptions/resourceGroups".to_owned());
    };
    let rest = &segments[at + 1..];
    let (namespace, rest) = rest.split_first()?;
    let types = rest.iter().step_by(2).fold(String::new(), |all, part| format!("{all}/{part}"));
    Some(format!("{namespace}{types}"))
}

pub(crate) struct Who {
    pub principal: Principal,
    pub credential: Option<String>,
}

const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
const EMAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
const OBJECT: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";

/// From the claims of the caller's token: a user name is a person (through whatever tool);
/// an application without one is a workload; `xms_mirid` is the resource whose managed
/// identity called.
pub(crate) fn who(record: &Record, operation: &str) -> Who {
    let claims = record.get(&["identity", "claims"]).or_else(|| record.get(&["claims"]));
    let claim = |name: &str| {
        claims.and_then(|c| c.get(name)).and_then(Value::as_str).filter(|s| !s.is_empty())
    };
    let caller = record.text(&["caller"]);
    let object = claim(OBJECT).or_else(|| claim("oid")).map(str::to_owned);
    let credential = claim("uti").map(str::to_owned);
    let person = |name: &str| Principal {
        // Guests are written `live.com#x@y`.
        name: name.rsplit('#').next().unwrap_or(name).to_owned(),
        kind: PrincipalType::Human,
        via: Vec::new(),
        uid: object.clone(),
    };
    let workload = |name: &str, kind| Principal {
        name: name.to_owned(),
        kind,
        via: Vec::new(),
        uid: object.clone(),
    };
    // The policy engine writes under its own operations, with a token of its own.
    let policy = operation.to_lowercase().starts_with("microsoft.authorization/policies/");
    let application = claim("idtyp") == Some("app");
    let principal = if policy {
        workload("Azure Policy", PrincipalType::Service)
    } else if let Some(name) = claim(UPN).or_else(|| claim("upn")) {
        person(name)
    } else if let Some(identity) = claim("xms_mirid") {
        let mut workload =
            workload(identity.rsplit('/').next().unwrap_or(identity), PrincipalType::Workload);
        workload.via.push(identity.to_owned());
        workload
    } else if let Some(name) = [NAME, EMAIL]
        .into_iter()
        .filter_map(claim)
        .find(|n| n.contains('@'))
        .filter(|_| !application)
    {
        person(name)
    } else if let Some(application) = claim("appid").or_else(|| claim("azp")) {
        workload(claim("app_displayname").unwrap_or(application), PrincipalType::Workload)
    } else {
        match caller {
            Some(name) if looks_like_person(name) => person(name),
            Some(name) => workload(name, PrincipalType::Unknown),
            None => {
                let id = record
                    .text(&["identity", "authorization", "evidence", "principalId"])
                    .or(object.as_deref());
                match id {
                    Some(id) => workload(id, PrincipalType::Unknown),
                    None => workload("unknown", PrincipalType::Unknown),
                }
            }
        }
    };
    Who { principal, credential }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_port_and_prefix() {
        for (text, expected) in [
            ("1.1.1.1:57485", "1.1.1.1"),
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.0/24", "203.0.113.0"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
        ] {
            assert_eq!(bare_address(text), expected);
        }
    }

    #[test]
    fn the_type_of_an_id() {
        let account =
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a";
        assert_eq!(type_of(account).as_deref(), Some("Microsoft.Storage/storageAccounts"));
        assert_eq!(
            type_of(&format!("{account}/blobServices/default/containers/c")).as_deref(),
            Some("Microsoft.Storage/storageAccounts/blobServices/containers")
        );
        assert_eq!(
            type_of("/subscriptions/s/resourceGroups/rg").as_deref(),
            Some("Microsoft.Resources/subscriptions/resourceGroups")
        );
        assert_eq!(type_of(""), None);
        assert_eq!(type_of("/providers/"), None);
    }
}
