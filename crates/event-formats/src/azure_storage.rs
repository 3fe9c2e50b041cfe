//! Resource logs of Azure Storage (`StorageRead`, `StorageWrite`, `StorageDelete`): the only
//! place where anonymous reads of a container appear.

use crate::azure_activity::{bare_address, scalar_text, segment_after};
use crate::format::Format;
use crate::record::Record;
use model::event::{EventClass, EventResource, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct AzureStorage;

impl Format for AzureStorage {
    fn name(&self) -> &'static str {
        "azure_storage"
    }

    fn product(&self) -> &'static str {
        "Azure Storage"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let text = |key| fields.get(key).and_then(Value::as_str);
        let category = text("category");
        let own = ["StorageRead", "StorageWrite", "StorageDelete"];
        text("operationName").is_some()
            && fields.contains_key("time")
            && (category.is_some_and(|c| own.contains(&c))
                || (fields.contains_key("statusText") && fields.contains_key("uri")))
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let (time, original_time) = record.required_time(&["time"])?;
        let operation = record.required_text(&["operationName"])?;
        let account_id = record.text(&["resourceId"]).map(str::to_owned);
        let category = record.text(&["category"]).unwrap_or_default();
        let read_only = category == "StorageRead"
            || ["Get", "List", "Head", "Find", "Query"].iter().any(|v| operation.starts_with(v));
        let activity = if read_only {
            2
        } else if category == "StorageDelete" || operation.starts_with("Delete") {
            4
        } else if ["Create", "Put", "Copy"].iter().any(|verb| operation.starts_with(verb))
            && !operation.contains("Block")
        {
            1
        } else {
            3
        };
        let code = record.get(&["statusCode"]).and_then(scalar_text);
        let refused = code.as_deref().and_then(|c| c.parse::<u16>().ok()).map(|c| c >= 400);
        let status = match refused {
            Some(true) => EventStatus::Failure,
            Some(false) => EventStatus::Success,
            None => EventStatus::Unknown,
        };
        let error_code = (status == EventStatus::Failure)
            .then(|| record.take_text(&["statusText"]).or(code))
            .flatten();
        let principal = who(&record);
        let credential_uid = record.text(&["identity", "tokenHash"]).map(str::to_owned);
        let source = record.text(&["callerIpAddress"]).map(|a| bare_address(a).to_owned());
        let user_agent = record.take_text(&["properties", "userAgentHeader"]);
        let correlation_uid = record.take_text(&["correlationId"]);
        let account = account_id
            .as_deref()
            .and_then(|id| segment_after(id, "subscriptions"))
            .map(str::to_lowercase);
        let resources = resources(account_id, record.text(&["uri"]));
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class: EventClass::ApiActivity,
            activity,
            time,
            original_time,
            // The log has no id for a record.
            uid: raw_hash.clone(),
            correlation_uid,
            cloud: Cloud::from_static("azure"),
            account,
            region: None,
            product: self.product().to_owned(),
            service: "Microsoft.Storage".to_owned(),
            operation,
            read_only,
            request_uid: None,
            request: Value::Null,
            response: Value::Null,
            status,
            error_code,
            error_message: None,
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
        let code = raw.get("statusCode").and_then(scalar_text).and_then(|c| c.parse::<i64>().ok());
        if let (Some(code), Some(api)) = (code, ocsf.get_mut("api")) {
            api["response"]["code"] = json!(code);
        }
        if let Some(uri) = raw.get("uri").and_then(Value::as_str).filter(|u| !u.is_empty()) {
            let request = ocsf.entry("http_request").or_insert_with(|| json!({}));
            request["url"] = json!({"url_string": uri});
        }
        if let (Some(tenant), Some(metadata)) =
            (raw.pointer("/identity/requester/tenantId"), ocsf.get_mut("metadata"))
            && tenant.is_string()
        {
            metadata["tenant_uid"] = tenant.clone();
        }
        if let (Some(log), Some(metadata)) = (raw.get("category"), ocsf.get_mut("metadata"))
            && log.is_string()
        {
            metadata["log_name"] = log.clone();
        }
    }
}

/// A token names its holder; a key or a signature shows only that somebody has it.
fn who(record: &Record) -> Principal {
    let requester = |key: &str| record.text(&["identity", "requester", key]);
    let (name, kind, uid) = match record.text(&["identity", "type"]) {
        Some("Anonymous") => ("anonymous", PrincipalType::Anonymous, None),
        Some("TrustedAccess") => ("trusted Azure service", PrincipalType::Service, None),
        Some("AccountKey") => ("account key", PrincipalType::Unknown, None),
        Some("SAS") => ("shared access signature", PrincipalType::Unknown, None),
        _ => match (requester("upn"), requester("appId"), requester("objectId")) {
            (Some(upn), _, object) => (upn, PrincipalType::Human, object),
            (None, Some(application), object) => (application, PrincipalType::Workload, object),
            (None, None, Some(object)) => (object, PrincipalType::Unknown, Some(object)),
            _ => ("unknown", PrincipalType::Unknown, None),
        },
    };
    Principal { name: name.to_owned(), kind, via: Vec::new(), uid: uid.map(str::to_owned) }
}

/// What the path of the address names, under the ids that Resource Manager gives; then the
/// account.
fn resources(account: Option<String>, uri: Option<&str>) -> Vec<EventResource> {
    let mut found = Vec::new();
    let path = uri.and_then(|uri| {
        let (_, rest) = uri.split_once("://")?;
        let (host, path) = rest.split_once('/')?;
        host.contains(".blob.").then(|| path.split('?').next().unwrap_or(path))
    });
    let account = account.map(|id| match id.find("/blobServices") {
        Some(end) => id[..end].to_owned(),
        None => id,
    });
    if let (Some(account), Some(path)) = (&account, path) {
        let (container, blob) = path.split_once('/').unwrap_or((path, ""));
        let place = format!("{account}/blobServices/default/containers/{container}");
        let kind = "Microsoft.Storage/storageAccounts/blobServices/containers";
        if !blob.is_empty() {
            found.push(EventResource {
                uid: format!("{place}/blobs/{blob}"),
                kind: Some(format!("{kind}/blobs")),
            });
        }
        if !container.is_empty() {
            found.push(EventResource { uid: place, kind: Some(kind.to_owned()) });
        }
    }
    found.extend(account.map(|uid| EventResource {
        uid,
        kind: Some("Microsoft.Storage/storageAccounts".to_owned()),
    }));
    found
}
