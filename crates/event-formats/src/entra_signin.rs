//! Entra ID sign-ins: of people, of service principals and of managed identities, as a
//! diagnostic setting exports them and as Microsoft Graph lists them.

use crate::entra::{base, is_directory, key, member, own};
use crate::format::Format;
use crate::record::Record;
use model::event::{EventClass, EventResource, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct EntraSignIn;

impl Format for EntraSignIn {
    fn name(&self) -> &'static str {
        "entra_signin"
    }

    fn product(&self) -> &'static str {
        "Entra ID Sign-in Logs"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let text = |name| member(fields, name).and_then(Value::as_str).unwrap_or_default();
        let category = text("category");
        (category.ends_with("SignInLogs") && member(fields, "properties").is_some())
            || (is_directory(fields) && text("operationName") == "Sign-in activity")
            || (fields.contains_key("createdDateTime")
                && fields.contains_key("appId")
                && fields.contains_key("conditionalAccessStatus"))
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let created = [base(&record), &["createdDateTime"]].concat();
        let (time, original_time) = match record.text(&["time"]) {
            Some(_) => record.required_time(&["time"])?,
            None => record.required_time(&created)?,
        };
        let operation_key = key(&record, "operationName");
        let operation =
            record.take_text(&[&operation_key]).unwrap_or_else(|| "Sign-in activity".to_owned());
        let (status, error_code) = outcome(&record);
        let reason = [base(&record), &["status", "failureReason"]].concat();
        let error_message = match status {
            EventStatus::Failure => record
                .take_text(&reason)
                .or_else(|| record.take_text(&[&key(&record, "resultDescription")])),
            _ => None,
        };
        let principal = who(&record);
        let uid = own(&record, &["id"]).map(str::to_owned);
        let correlation_key = key(&record, "correlationId");
        let correlation_uid = record
            .take_text(&[&correlation_key])
            .or_else(|| own(&record, &["correlationId"]).map(str::to_owned));
        let credential_uid = own(&record, &["uniqueTokenIdentifier"]).map(str::to_owned);
        let source = own(&record, &["ipAddress"])
            .or_else(|| record.text(&[&key(&record, "callerIpAddress")]))
            .map(str::to_owned);
        let agent = [base(&record), &["userAgent"]].concat();
        let user_agent = record.take_text(&agent);
        let target = [base(&record), &["resourceDisplayName"]].concat();
        let service = record.take_text(&target).unwrap_or_default();
        let resources = own(&record, &["resourceId"])
            .map(|id| EventResource { uid: id.to_owned(), kind: Some("Application".to_owned()) })
            .into_iter()
            .collect();
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class: EventClass::Authentication,
            activity: 1,
            time,
            original_time,
            uid: uid.unwrap_or_else(|| raw_hash.clone()),
            correlation_uid,
            cloud: Cloud::from_static("azure"),
            // A tenant is no subscription.
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
        let inner = raw.get("properties").filter(|p| p.is_object()).unwrap_or(raw);
        let text = |name: &str| inner.get(name).and_then(Value::as_str).filter(|s| !s.is_empty());
        let outer = |name: &str| raw.as_object().and_then(|f| member(f, name)?.as_str());
        if let Some(metadata) = ocsf.get_mut("metadata") {
            if let Some(tenant) = outer("tenantId") {
                metadata["tenant_uid"] = json!(tenant);
            }
            if let Some(log) = outer("category") {
                metadata["log_name"] = json!(log);
            }
        }
        if let Some(requirement) = text("authenticationRequirement") {
            let mfa = requirement == "multiFactorAuthentication";
            ocsf.insert("is_mfa".to_owned(), json!(mfa));
        }
        let protocol = match text("authenticationProtocol").unwrap_or_default() {
            "oAuth2" | "deviceCode" | "ropc" | "authenticationTransfer" => 6,
            "saml20" | "wsFederation" => 5,
            _ if event.principal.kind == PrincipalType::Workload => 6,
            _ => 0,
        };
        ocsf.insert("auth_protocol_id".to_owned(), json!(protocol));
        if inner.get("isInteractive") == Some(&json!(true)) {
            ocsf.insert("logon_type_id".to_owned(), json!(2));
        }
        if let Some(actor) = ocsf.get_mut("actor") {
            for (name, value) in [("app_name", text("appDisplayName")), ("app_uid", text("appId"))]
            {
                if let Some(value) = value {
                    actor[name] = json!(value);
                }
            }
        }
        let place = |name: &str| {
            inner.pointer(&format!("/location/{name}"))?.as_str().filter(|s| !s.is_empty())
        };
        let location: Map<String, Value> =
            [("city", "city"), ("country", "countryOrRegion"), ("region", "state")]
                .into_iter()
                .filter_map(|(name, from)| Some((name.to_owned(), json!(place(from)?))))
                .collect();
        if let Some(endpoint) = ocsf.get_mut("src_endpoint")
            && !location.is_empty()
        {
            endpoint["location"] = Value::Object(location);
        }
    }
}

/// `0` and `Success` mean that a token was given; any other number is why not.
fn outcome(record: &Record) -> (EventStatus, Option<String>) {
    let text = |value: &Value| match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let code = record
        .get(&[base(record), &["status", "errorCode"]].concat())
        .and_then(text)
        .or_else(|| record.get(&[&key(record, "resultType")]).and_then(text));
    match code.as_deref() {
        None => (EventStatus::Unknown, None),
        Some("0") => (EventStatus::Success, None),
        Some(word) if word.eq_ignore_ascii_case("success") => (EventStatus::Success, None),
        Some(_) => (EventStatus::Failure, code),
    }
}

fn who(record: &Record) -> Principal {
    let person = own(record, &["userPrincipalName"]);
    let (name, kind, uid) = match person {
        Some(name) => (name, PrincipalType::Human, own(record, &["userId"])),
        None => {
            let id = own(record, &["servicePrincipalId"]);
            let name = own(record, &["servicePrincipalName"])
                .or(id)
                .or_else(|| own(record, &["appDisplayName"]));
            match name {
                Some(name) => (name, PrincipalType::Workload, id),
                None => ("unknown", PrincipalType::Unknown, None),
            }
        }
    };
    Principal { name: name.to_owned(), kind, via: Vec::new(), uid: uid.map(str::to_owned) }
}
