//! The Activity Log: two records for every management write, delete and action, when it
//! begins and when it ends. Reads leave none, and nothing that happens on the data plane
//! does. A record has two shapes, the query API's and the export's.

use crate::authorize::Evidence;
use crate::ids;
use crate::story::{SUBSCRIPTION, TENANT};
use crate::tokens::Caller;
use http::StatusCode;
use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::macros::format_description;

pub const TABLE: &str = "azure/activity";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Start,
    Success,
    Failure,
}

impl Phase {
    fn exported(self) -> &'static str {
        match self {
            Phase::Start => "Start",
            Phase::Success => "Success",
            Phase::Failure => "Failure",
        }
    }

    fn queried(self) -> &'static str {
        match self {
            Phase::Start => "Started",
            Phase::Success => "Succeeded",
            Phase::Failure => "Failed",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub time: Timestamp,
    pub event_data_id: String,
    pub operation_id: String,
    pub phase: Phase,
    pub status: Option<u16>,
    pub told: Told,
    /// Begin: what was asked. End: what was answered. Never what listKeys answers.
    pub request_body: Option<String>,
    pub response_body: Option<String>,
    pub status_message: Option<String>,
}

/// What both records of a call say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// `Microsoft.Storage/storageAccounts/write`
    pub action: String,
    pub resource_id: String,
    pub caller: String,
    pub claims: Map<String, Value>,
    pub evidence: Option<Evidence>,
    pub address: String,
    pub correlation: String,
    pub client_request: String,
    pub method: String,
    pub uri: String,
}

/// How it ended.
pub enum Outcome {
    Done { status: StatusCode, response: Option<String> },
    Failed { status: StatusCode, body: String },
}

/// Appends both records of one call.
pub fn record(
    tx: &mut Tx<'_>,
    now: Timestamp,
    told: Told,
    request: Option<String>,
    outcome: Outcome,
) {
    let operation_id = tx.fresh_uuid("azure/operation");
    let begin = Record {
        time: now,
        event_data_id: tx.fresh_uuid("azure/event"),
        operation_id: operation_id.clone(),
        phase: Phase::Start,
        status: None,
        told: told.clone(),
        request_body: request,
        response_body: None,
        status_message: None,
    };
    let (phase, status, response_body, status_message) = match outcome {
        Outcome::Done { status, response } => (Phase::Success, status, response, None),
        Outcome::Failed { status, body } => (Phase::Failure, status, None, Some(body)),
    };
    let end = Record {
        event_data_id: tx.fresh_uuid("azure/event"),
        operation_id,
        phase,
        status: Some(status.as_u16()),
        request_body: None,
        response_body,
        status_message,
        ..begin.clone()
    };
    tx.append(TABLE, &begin);
    tx.append(TABLE, &end);
}

/// The claims as the log spells them. `shift` moves the token's own times onto the lab's
/// clock: it was signed by the real one.
pub fn claims(caller: &Caller, shift: i64) -> Map<String, Value> {
    let c = &caller.claims;
    let mut map = Map::new();
    let mut put = |name: &str, value: &str| {
        map.insert(name.to_owned(), Value::String(value.to_owned()));
    };
    put("aud", &c.aud);
    put("iss", &c.iss);
    put("iat", &(c.iat + shift).to_string());
    put("nbf", &(c.nbf + shift).to_string());
    put("exp", &(c.exp + shift).to_string());
    put("appid", &c.appid);
    put("appidacr", &c.appidacr);
    put("idtyp", &c.idtyp);
    put("uti", &c.uti);
    put("ver", &c.ver);
    put("http://schemas.microsoft.com/identity/claims/identityprovider", &c.idp);
    put("http://schemas.microsoft.com/identity/claims/objectidentifier", &c.oid);
    put("http://schemas.microsoft.com/identity/claims/tenantid", &c.tid);
    put("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", &c.sub);
    if let Some(upn) = &c.upn {
        put("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", upn);
        put("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", upn);
    }
    if let Some(name) = &c.name {
        put("name", name);
    }
    if let Some(address) = &c.ipaddr {
        put("ipaddr", address);
    }
    if let Some(scope) = &c.scp {
        put("http://schemas.microsoft.com/identity/claims/scope", scope);
    }
    map
}

/// Seven digits of a second, as .NET writes them.
fn long_time(moment: Timestamp) -> String {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
    moment.inner().format(&form).unwrap_or_default()
}

/// `Created (HTTP Status Code: 201)`
fn status_word(status: u16) -> String {
    let reason =
        StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Unknown");
    reason.split(' ').collect()
}

impl Record {
    fn properties(&self) -> Map<String, Value> {
        let mut map = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                map.insert(name.to_owned(), Value::String(value.to_owned()));
            }
        };
        put("eventCategory", Some("Administrative"));
        put("entity", Some(&self.told.resource_id));
        put("message", Some(&self.told.action));
        put("hierarchy", Some(&format!("{TENANT}/{SUBSCRIPTION}")));
        put("requestbody", self.request_body.as_deref());
        put("responseBody", self.response_body.as_deref());
        put("statusMessage", self.status_message.as_deref());
        if let Some(status) = self.status {
            put("statusCode", Some(&status_word(status)));
            put("serviceRequestId", Some(&self.operation_id));
        }
        map
    }

    fn level(&self) -> &'static str {
        if self.phase == Phase::Failure { "Error" } else { "Informational" }
    }

    /// One line of `PT1H.json`. Real exports write ids and operations in capitals.
    pub fn exported(&self) -> Value {
        let told = &self.told;
        let mut authorization =
            json!({"scope": told.resource_id, "action": told.action, "evidence": {}});
        if let Some(evidence) = &told.evidence {
            authorization["evidence"] = json!({
                "role": evidence.role,
                "roleAssignmentScope": evidence.assignment_scope,
                "roleAssignmentId": evidence.assignment,
                "roleDefinitionId": evidence.role_guid.replace('-', ""),
                "principalId": evidence.principal_id,
                "principalType": evidence.principal_type,
            });
        }
        let signature = match self.status {
            Some(status) => format!("{}.{}", self.phase.queried(), status_word(status)),
            None => "Started.".to_owned(),
        };
        json!({
            "time": long_time(self.time),
            "resourceId": told.resource_id.to_uppercase(),
            "operationName": told.action.to_uppercase(),
            "category": "Administrative",
            "resultType": self.phase.exported(),
            "resultSignature": signature,
            "durationMs": "0",
            "callerIpAddress": told.address,
            "correlationId": told.correlation,
            "identity": {"authorization": authorization, "claims": told.claims},
            "level": if self.phase == Phase::Failure { "Error" } else { "Information" },
            "location": "global",
            "properties": self.properties(),
        })
    }

    /// As the query API answers.
    pub fn queried(&self) -> Value {
        let told = &self.told;
        let named = |value: &str| json!({"value": value, "localizedValue": value});
        let (provider, kind) = ids::type_of(&told.resource_id);
        let mut authorization = json!({"action": told.action, "scope": told.resource_id});
        if let Some(evidence) = &told.evidence {
            authorization["role"] = json!(evidence.role);
        }
        let sub_status = match self.status {
            Some(status) => {
                let word = status_word(status);
                json!({
                    "value": word,
                    "localizedValue": format!("{word} (HTTP Status Code: {status})"),
                })
            }
            None => json!({"value": "", "localizedValue": ""}),
        };
        let name = match self.phase {
            Phase::Start => json!({"value": "BeginRequest", "localizedValue": "Begin request"}),
            _ => json!({"value": "EndRequest", "localizedValue": "End request"}),
        };
        let mut record = json!({
            "authorization": authorization,
            "caller": told.caller,
            "channels": "Operation",
            "claims": told.claims,
            "correlationId": told.correlation,
            "description": "",
            "eventDataId": self.event_data_id,
            "eventName": name,
            "category": named("Administrative"),
            "eventTimestamp": long_time(self.time),
            "id": format!(
                "{}/events/{}/ticks/{}",
                told.resource_id, self.event_data_id, ticks(self.time)
            ),
            "level": self.level(),
            "operationId": self.operation_id,
            "operationName": named(&told.action),
            "resourceId": told.resource_id,
            "resourceProviderName": named(&provider),
            "resourceType": named(&kind),
            "status": named(self.phase.queried()),
            "subStatus": sub_status,
            "submissionTimestamp": long_time(self.time),
            "subscriptionId": SUBSCRIPTION,
            "tenantId": TENANT,
            "properties": self.properties(),
            "httpRequest": {
                "clientRequestId": told.client_request,
                "clientIpAddress": told.address,
                "method": told.method,
                "uri": told.uri,
            },
        });
        if let Some(group) = ids::segment_after(&told.resource_id, "resourceGroups") {
            record["resourceGroupName"] = json!(group);
        }
        record
    }
}

/// Tenths of a microsecond since the year 1, as .NET counts.
fn ticks(moment: Timestamp) -> i64 {
    const UNIX_EPOCH: i64 = 621_355_968_000_000_000;
    UNIX_EPOCH + moment.unix_millis() * 10_000
}

/// Records after a number, at most `limit`, oldest first.
pub fn after(view: &View<'_>, number: u64, limit: usize) -> Vec<(u64, Record)> {
    view.after(TABLE, "", Some(&format!("{number:012}")), limit)
        .into_iter()
        .filter_map(|(key, record)| Some((key.parse().ok()?, record)))
        .collect()
}
