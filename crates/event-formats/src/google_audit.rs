//! Google Cloud audit logs: exported LogEntry lines and `entries.list` answers
//! (`{"entries": [...]}`).
//!
//! A long operation leaves two records under one `operation.id`: the first holds what was
//! asked, the last how it went.

use crate::format::Format;
use crate::ocsf::put;
use crate::record::Record;
use model::event::{EventClass, EventResource, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct GoogleAudit;

const CLOUD: Cloud = Cloud::from_static("gcp");
const PAYLOAD: &str = "protoPayload";

impl Format for GoogleAudit {
    fn name(&self) -> &'static str {
        "google_audit"
    }

    fn product(&self) -> &'static str {
        "Cloud Audit Logs"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let audit_log = fields
            .get("logName")
            .and_then(Value::as_str)
            .is_some_and(|name| name.contains("cloudaudit.googleapis.com"));
        audit_log || fields.get(PAYLOAD).is_some_and(Value::is_object)
    }

    fn envelopes(&self) -> &'static [&'static str] {
        &["entries"]
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let (time, original_time) = record.required_time(&["timestamp"])?;
        let operation = record.required_text(&[PAYLOAD, "methodName"])?;
        let service = record.take_text(&[PAYLOAD, "serviceName"]).unwrap_or_default();
        let Who { principal, credential } = who(&record);
        let resource_name = record.take_text(&[PAYLOAD, "resourceName"]);
        let resource_type = record.text(&["resource", "type"]).map(str::to_owned);

        let (status, error_code, error_message) = outcome_of(&mut record);
        let request = record.take(&[PAYLOAD, "request"]);
        let response = record.take(&[PAYLOAD, "response"]);
        let (class, activity, read_only) = match grant(record.get(&[PAYLOAD, "serviceData"])) {
            Some(Grant { added, .. }) => (EventClass::UserAccess, if added { 1 } else { 2 }, false),
            None => classify(&service, &operation, &record),
        };
        // Without a log's name an insert id is unique only by the time beside it.
        let uid = record.text(&["insertId"]).map(|id| {
            format!("{id}@{}@{original_time}", record.text(&["logName"]).unwrap_or_default())
        });
        let correlation_uid = record.text(&["operation", "id"]).map(str::to_owned);
        let project = ["project_id", "project"]
            .iter()
            .find_map(|label| record.text(&["resource", "labels", label]))
            .or_else(|| record.text(&["logName"]).and_then(project_of))
            .or_else(|| resource_name.as_deref().and_then(project_of))
            .map(str::to_owned);
        let region = record
            .get(&[PAYLOAD, "resourceLocation", "currentLocations"])
            .and_then(|l| l.get(0))
            .and_then(Value::as_str)
            .or_else(|| record.text(&["resource", "labels", "location"]))
            .or_else(|| record.text(&["resource", "labels", "zone"]))
            .map(str::to_owned);
        // The API writes callerIp; a well-known pipeline renames it.
        let source = record
            .take_text(&[PAYLOAD, "requestMetadata", "callerIp"])
            .or_else(|| record.take_text(&[PAYLOAD, "requestMetadata", "callerIP"]));
        let user_agent = record.take_text(&[PAYLOAD, "requestMetadata", "callerSuppliedUserAgent"]);
        let resources = resource_name
            .into_iter()
            .map(|uid| EventResource { uid, kind: resource_type.clone() })
            .collect();
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class,
            activity,
            time,
            original_time,
            uid: uid.unwrap_or_else(|| raw_hash.clone()),
            correlation_uid,
            cloud: CLOUD,
            account: project,
            region,
            product: self.product().to_owned(),
            service,
            operation,
            read_only,
            request_uid: None,
            request,
            response,
            status,
            error_code,
            error_message,
            principal,
            credential_uid: credential,
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
        let text = |pointer: &str| raw.pointer(pointer).and_then(Value::as_str);
        if let Some(log) = text("/logName").and_then(|name| name.split("%2F").nth(1)) {
            put(ocsf, &["metadata", "log_name"], json!(log));
        }
        if let Some(code) = raw.pointer("/protoPayload/status/code").and_then(Value::as_i64) {
            put(ocsf, &["api", "response", "code"], json!(code));
        }
        if let Some(client) = text("/protoPayload/authenticationInfo/oauthInfo/oauthClientId") {
            put(ocsf, &["actor", "app_uid"], json!(client));
        }
        if let Some(zone) = text("/resource/labels/zone") {
            put(ocsf, &["cloud", "zone"], json!(zone));
        }
        // A permission that is not granted is denied, said or not.
        let asked = raw.pointer("/protoPayload/authorizationInfo").and_then(Value::as_array);
        let asked: Vec<Value> = asked
            .into_iter()
            .flatten()
            .filter_map(|info| {
                let name = info.get("permission")?.as_str()?;
                let granted = info.get("granted") == Some(&Value::Bool(true));
                let decision = if granted { "allow" } else { "deny" };
                Some(json!({"policy": {"name": name}, "decision": decision}))
            })
            .collect();
        if !asked.is_empty() {
            put(ocsf, &["actor", "authorizations"], json!(asked));
        }
        let delta = raw.pointer("/protoPayload/serviceData");
        if let (EventClass::UserAccess, Some(grant)) = (event.class, grant(delta)) {
            let name = grant.member.split_once(':').map_or(grant.member, |(_, name)| name);
            put(ocsf, &["user"], json!({"uid": grant.member, "name": name}));
            put(ocsf, &["privileges"], json!(grant.roles));
        }
    }
}

struct Grant<'r> {
    added: bool,
    member: &'r str,
    roles: Vec<&'r str>,
}

/// A change of a policy that gives one member roles, or takes them away. One that does both,
/// or concerns several, is a change of the policy.
fn grant(service_data: Option<&Value>) -> Option<Grant<'_>> {
    let deltas = service_data?.pointer("/policyDelta/bindingDeltas")?.as_array()?;
    let text = |delta: &'_ Value, key: &str| -> Option<String> {
        Some(delta.get(key)?.as_str()?.to_owned())
    };
    let first = deltas.first()?;
    let (action, member) = (text(first, "action")?, first.get("member")?.as_str()?);
    let same = deltas.iter().all(|delta| {
        text(delta, "action").as_ref() == Some(&action)
            && text(delta, "member").as_deref() == Some(member)
    });
    let added = match action.as_str() {
        "ADD" => true,
        "REMOVE" => false,
        _ => return None,
    };
    let roles: Vec<&str> = deltas.iter().filter_map(|d| d.get("role")?.as_str()).collect();
    (same && !member.is_empty() && !roles.is_empty()).then_some(Grant { added, member, roles })
}

/// `{}` and nothing at all mean success; so does code 0. A refused permission that is
/// reported together with a status is a failure too.
fn outcome_of(record: &mut Record) -> (EventStatus, Option<String>, Option<String>) {
    let code = record.get(&[PAYLOAD, "status", "code"]).and_then(Value::as_i64).unwrap_or(0);
    if code != 0 {
        let message = record.take_text(&[PAYLOAD, "status", "message"]);
        return (EventStatus::Failure, Some(canonical(code).to_owned()), message);
    }
    let bool_at = |path: &[&str]| record.get(path).and_then(Value::as_bool).unwrap_or(false);
    let begins = bool_at(&["operation", "first"]) && !bool_at(&["operation", "last"]);
    (if begins { EventStatus::InProgress } else { EventStatus::Success }, None, None)
}

/// The names of `google.rpc.Code`.
fn canonical(code: i64) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    usize::try_from(code).ok().and_then(|c| NAMES.get(c).copied()).unwrap_or("UNKNOWN")
}

fn classify(service: &str, operation: &str, record: &Record) -> (EventClass, u8, bool) {
    let last = operation.rsplit('.').next().unwrap_or_default().to_lowercase();
    let starts = |verbs: &[&str]| verbs.iter().any(|verb| last.starts_with(verb));
    match (service, last.as_str()) {
        ("iamcredentials.googleapis.com", "generateaccesstoken" | "generateidtoken") => {
            return (EventClass::Authentication, 3, false);
        }
        ("login.googleapis.com", "loginsuccess" | "loginfailure") => {
            return (EventClass::Authentication, 1, false);
        }
        ("login.googleapis.com", "logout") => return (EventClass::Authentication, 2, false),
        ("iam.googleapis.com", "createserviceaccount") => {
            return (EventClass::AccountChange, 1, false);
        }
        ("iam.googleapis.com", "enableserviceaccount") => {
            return (EventClass::AccountChange, 2, false);
        }
        ("iam.googleapis.com", "disableserviceaccount") => {
            return (EventClass::AccountChange, 5, false);
        }
        ("iam.googleapis.com", "deleteserviceaccount") => {
            return (EventClass::AccountChange, 6, false);
        }
        ("iam.googleapis.com", _) if last.ends_with("serviceaccountkey") && !starts(&["get"]) => {
            return (EventClass::AccountChange, 99, false);
        }
        _ => {}
    }
    let (activity, reads) = if starts(&["get", "list", "aggregatedlist", "testiampermissions"]) {
        (2, true)
    } else if starts(&["insert", "create"]) {
        (1, false)
    } else if starts(&["patch", "update", "set"]) {
        (3, false)
    } else if starts(&["delete", "destroy"]) {
        (4, false)
    } else {
        (99, false)
    };
    // The data-access log holds reads and writes of data; its permission type tells which.
    let data_read = record
        .get(&[PAYLOAD, "authorizationInfo"])
        .and_then(Value::as_array)
        .is_some_and(|infos| {
            !infos.is_empty()
                && infos.iter().all(|i| {
                    i.get("permissionType")
                        .and_then(Value::as_str)
                        .is_some_and(|t| t.ends_with("_READ"))
                })
        });
    (EventClass::ApiActivity, activity, reads || (data_read && activity == 99))
}

fn project_of(name: &str) -> Option<&str> {
    let id = name.strip_prefix("projects/")?.split('/').next()?;
    (!id.is_empty() && id != "_" && id != "-").then_some(id)
}

struct Who {
    principal: Principal,
    credential: Option<String>,
}

/// The first identity of a delegation is where it began, the one that signed is what it
/// acted through. A subject of a workload identity pool has no e-mail address. A service
/// account is a workload; with a key, the key is known and its holder is not.
fn who(record: &Record) -> Who {
    let text = |key: &str| record.text(&[PAYLOAD, "authenticationInfo", key]);
    let email = text("principalEmail");
    let subject = text("principalSubject");
    let key = text("serviceAccountKeyName").and_then(|k| k.rsplit('/').next()).map(str::to_owned);
    let chain: Vec<&str> = record
        .get(&[PAYLOAD, "authenticationInfo", "serviceAccountDelegationInfo"])
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|link| {
            link.pointer("/firstPartyPrincipal/principalEmail")
                .or_else(|| link.get("principalSubject"))
                .and_then(Value::as_str)
        })
        .collect();
    let older_chain: Vec<&str> = record
        .get(&[PAYLOAD, "metadata", "identityDelegationChain"])
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|name| name.rsplit('/').next().unwrap_or(name))
        .collect();
    let chain = if chain.is_empty() { older_chain } else { chain };
    let signer = email.or(subject);
    let principal = match (chain.split_first(), signer) {
        (Some((origin, between)), signer) => {
            let mut principal = named(origin);
            principal.via.extend(between.iter().map(|l| (*l).to_owned()));
            principal.via.extend(signer.filter(|s| s != origin).map(str::to_owned));
            principal
        }
        (None, Some(signer)) => {
            let mut principal = named(signer);
            if email.is_some() && principal.uid.as_deref() == email {
                principal.uid = subject.or(email).map(str::to_owned);
            }
            principal
        }
        // What Google's own systems do has nobody who asked for it.
        (None, None) if record.text(&["logName"]).is_some_and(|n| n.ends_with("system_event")) => {
            Principal {
                name: "Google Cloud".to_owned(),
                kind: PrincipalType::Service,
                via: Vec::new(),
                uid: None,
            }
        }
        // Left out for public access and for callers outside the organisation.
        (None, None) => Principal {
            name: "unknown".to_owned(),
            kind: PrincipalType::Unknown,
            via: Vec::new(),
            uid: None,
        },
    };
    Who { principal, credential: key }
}

fn named(identity: &str) -> Principal {
    let bare = identity
        .strip_prefix("user:")
        .or_else(|| identity.strip_prefix("serviceAccount:"))
        .unwrap_or(identity);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (name, kind) = if bare.contains("/subject/") {
        // principal://iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/P/subject/S
        let subject = bare.rsplit_once("/subject/").map_or(bare, |(_, s)| s);
        let workforce = bare.contains("/workforcePools/");
        let kind = if workforce { PrincipalType::Human } else { PrincipalType::Workload };
        (subject, kind)
    } else if let Some((local, domain)) = bare.rsplit_once('@') {
        let agent = domain == "cloudservices.gserviceaccount.com" && digits(local)
            || domain.ends_with("gserviceaccount.com")
                && local.strip_prefix("service-").is_some_and(digits);
        let kind = if agent {
            PrincipalType::Service
        } else if domain.ends_with("gserviceaccount.com") {
            PrincipalType::Workload
        } else {
            PrincipalType::Human
        };
        (bare, kind)
    } else if bare.starts_with("system:") {
        (bare, PrincipalType::Service)
    } else if bare.ends_with("gserviceaccount.com") {
        (bare, PrincipalType::Workload)
    } else {
        (bare, PrincipalType::Unknown)
    };
    Principal { name: name.to_owned(), kind, via: Vec::new(), uid: Some(identity.to_owned()) }
}
