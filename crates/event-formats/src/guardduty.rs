//! Amazon GuardDuty findings, as the service exports them and as EventBridge delivers them.
//!
//! A finding is told again each time it grows: its `id` stays, `updatedAt` moves. Both
//! together name one telling.

use crate::finding::{self, Said};
use crate::format::Format;
use crate::ocsf::{endpoint, fields};
use crate::person::looks_like_person;
use crate::record::Record;
use model::event::{EventClass, EventResource, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct GuardDuty;

impl Format for GuardDuty {
    fn name(&self) -> &'static str {
        "guardduty"
    }

    fn product(&self) -> &'static str {
        "GuardDuty"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let text = |key| fields.get(key).is_some_and(Value::is_string);
        let service = fields.get("service").and_then(Value::as_object);
        text("schemaVersion")
            && text("type")
            && service.is_some_and(|s| {
                s.contains_key("detectorId")
                    || s.get("serviceName").is_some_and(|n| n == "guardduty")
            })
    }

    /// What `GetFindings` answers.
    fn envelopes(&self) -> &'static [&'static str] {
        &["findings"]
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let id = record.text(&["id"]).ok_or("id is missing")?.to_owned();
        let (time, original_time) = record.required_time(&["updatedAt"])?;
        let operation = record.required_text(&["type"])?;
        let created = record.text(&["createdAt"]) == Some(original_time.as_str());
        let archived = record.get(&["service", "archived"]).is_some_and(|a| a == true);
        let account = record.take_text(&["accountId"]);
        let region = record.take_text(&["region"]);
        let principal = who(&record);
        let credential_uid = record.text(&["resource", "accessKeyDetails", "accessKeyId"]);
        let credential_uid = credential_uid.map(str::to_owned);
        let source = remote(&record).map(str::to_owned);
        let resources = resources(&record);
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class: EventClass::DetectionFinding,
            activity: if archived {
                3
            } else if created {
                1
            } else {
                2
            },
            time,
            uid: format!("{id}@{original_time}"),
            original_time,
            correlation_uid: None,
            cloud: Cloud::from_static("aws"),
            account,
            region,
            product: self.product().to_owned(),
            service: "guardduty.amazonaws.com".to_owned(),
            operation,
            read_only: true,
            request_uid: None,
            request: Value::Null,
            response: Value::Null,
            status: EventStatus::Unknown,
            error_code: None,
            error_message: None,
            principal,
            credential_uid,
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
        finding::said(
            event,
            ocsf,
            &Said {
                uid: &["id"],
                title: &["title"],
                desc: &["description"],
                created: "/createdAt",
                modified: "/updatedAt",
                first_seen: "/service/eventFirstSeen",
                last_seen: "/service/eventLastSeen",
            },
            json!([event.operation]),
        );
        // GuardDuty User Guide, "Severity levels": low from 1, medium from 4, high from 7,
        // critical from 9.
        let severity = match raw.get("severity").and_then(Value::as_f64) {
            Some(number) if number >= 9.0 => 5,
            Some(number) if number >= 7.0 => 4,
            Some(number) if number >= 4.0 => 3,
            Some(number) if number >= 1.0 => 2,
            _ => 0,
        };
        ocsf.insert("severity_id".to_owned(), json!(severity));
        let archived = raw.pointer("/service/archived").is_some_and(|a| a == true);
        ocsf.insert("status_id".to_owned(), json!(if archived { 5 } else { 1 }));
        if let Some(count) = raw.pointer("/service/count").and_then(Value::as_i64) {
            ocsf.insert("count".to_owned(), json!(count));
        }
        let call = raw.pointer("/service/action/awsApiCallAction");
        let text = |pointer: &str| call.and_then(|c| c.pointer(pointer)).and_then(Value::as_str);
        let user = (event.principal.name != "unknown").then(|| {
            json!({"user": fields(json!({
                "name": event.principal.name,
                "uid": event.principal.uid,
                "credential_uid": event.credential_uid,
            }))})
        });
        let evidence = fields(json!({
            "actor": user,
            "api": text("/api").map(|api| json!({
                "operation": api,
                "service": {"name": text("/serviceName").unwrap_or("unknown")},
            })),
            "src_endpoint": event.source.as_deref().map(|source| endpoint(Some(source))),
        }));
        if !evidence.is_empty() {
            ocsf.insert("evidences".to_owned(), json!([evidence]));
        }
    }
}

/// Whose credentials were used, where the finding is about credentials.
fn who(record: &Record) -> Principal {
    let text = |key: &str| record.text(&["resource", "accessKeyDetails", key]);
    let name = text("userName");
    let kind = match text("userType") {
        Some("AWSService") => PrincipalType::Service,
        _ if name.is_some_and(looks_like_person) => PrincipalType::Human,
        _ => PrincipalType::Unknown,
    };
    Principal {
        name: name.or(text("principalId")).unwrap_or("unknown").to_owned(),
        kind,
        via: Vec::new(),
        uid: text("principalId").map(str::to_owned),
    }
}

/// The other end of whatever was seen: each kind of action has it under its own name.
fn remote(record: &Record) -> Option<&str> {
    let action = record.get(&["service", "action"])?.as_object()?;
    action.values().find_map(|detail| {
        ["/remoteIpDetails/ipAddressV4", "/remoteIpDetails/ipAddressV6", "/domainDetails/domain"]
            .iter()
            .chain(&["/portProbeDetails/0/remoteIpDetails/ipAddressV4"])
            .find_map(|pointer| detail.pointer(pointer)?.as_str())
            .filter(|s| !s.is_empty())
    })
}

fn resources(record: &Record) -> Vec<EventResource> {
    let mut found: Vec<EventResource> = Vec::new();
    let mut add = |uid: Option<&str>, kind: Option<&str>| {
        if let Some(uid) = uid.filter(|u| !u.is_empty())
            && found.iter().all(|r| r.uid != uid)
        {
            found.push(EventResource { uid: uid.to_owned(), kind: kind.map(str::to_owned) });
        }
    };
    let at = |pointer: &str| {
        record.get(&["resource"]).and_then(|r| r.pointer(pointer)).and_then(Value::as_str)
    };
    for (pointer, kind) in [
        ("/instanceDetails/instanceId", "AWS::EC2::Instance"),
        ("/accessKeyDetails/accessKeyId", "AWS::IAM::AccessKey"),
        ("/eksClusterDetails/arn", "AWS::EKS::Cluster"),
        ("/ecsClusterDetails/arn", "AWS::ECS::Cluster"),
        ("/lambdaDetails/functionArn", "AWS::Lambda::Function"),
        ("/rdsDbInstanceDetails/dbInstanceArn", "AWS::RDS::DBInstance"),
    ] {
        add(at(pointer), Some(kind));
    }
    let buckets = record.get(&["resource", "s3BucketDetails"]).and_then(Value::as_array);
    for bucket in buckets.into_iter().flatten() {
        add(bucket.get("arn").and_then(Value::as_str), Some("AWS::S3::Bucket"));
    }
    let affected = record.get(&["service", "action", "awsApiCallAction", "affectedResources"]);
    for (kind, uid) in affected.and_then(Value::as_object).into_iter().flatten() {
        add(uid.as_str(), Some(kind));
    }
    found
}
