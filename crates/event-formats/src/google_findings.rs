//! Findings of Google's Security Command Center, as its notifications carry them:
//! `{"notificationConfigName": ..., "finding": {...}, "resource": {...}}`.

use crate::finding::{self, Said, severity};
use crate::format::Format;
use crate::ocsf::{fields, put};
use crate::record::Record;
use model::event::{EventClass, EventResource, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct GoogleFindings;

const FINDING: &str = "finding";

impl Format for GoogleFindings {
    fn name(&self) -> &'static str {
        "google_findings"
    }

    fn product(&self) -> &'static str {
        "Security Command Center"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let finding = fields.get(FINDING).and_then(Value::as_object);
        finding.is_some_and(|f| f.contains_key("category") && f.contains_key("parent"))
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let (time, original_time) = record.required_time(&[FINDING, "eventTime"])?;
        let name = record.text(&[FINDING, "name"]).ok_or("finding.name is missing")?.to_owned();
        let operation = record.required_text(&[FINDING, "category"])?;
        // Newer notifications name the resource beside the finding, or in it.
        let resource = record
            .take_text(&[FINDING, "resourceName"])
            .or_else(|| record.text(&["resource", "name"]).map(str::to_owned))
            .or_else(|| record.text(&[FINDING, "resource", "name"]).map(str::to_owned));
        let class = match record.text(&[FINDING, "findingClass"]) {
            Some("MISCONFIGURATION") => EventClass::ComplianceFinding,
            _ => EventClass::DetectionFinding,
        };
        let active = record.text(&[FINDING, "state"]) != Some("INACTIVE");
        let kind = record.text(&["resource", "type"]).map(str::to_owned);
        let account = ["project_display_name", "projectDisplayName"]
            .iter()
            .find_map(|key| record.text(&["resource", key]))
            .or_else(|| resource.as_deref()?.split_once("/projects/")?.1.split('/').next())
            .map(str::to_owned);
        let principal = record.text(&[FINDING, "access", "principalEmail"]);
        let principal = principal.map(str::to_owned);
        let source = record.text(&[FINDING, "access", "callerIp"]).map(str::to_owned);
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class,
            activity: if active { 2 } else { 3 },
            time,
            uid: format!("{name}@{original_time}"),
            original_time,
            correlation_uid: None,
            cloud: Cloud::from_static("gcp"),
            account,
            region: None,
            product: self.product().to_owned(),
            service: "securitycenter.googleapis.com".to_owned(),
            operation,
            read_only: true,
            request_uid: None,
            request: Value::Null,
            response: Value::Null,
            status: EventStatus::Unknown,
            error_code: None,
            error_message: None,
            principal: Principal {
                name: principal.clone().unwrap_or_else(|| "unknown".to_owned()),
                kind: PrincipalType::Unknown,
                via: Vec::new(),
                uid: principal,
            },
            credential_uid: None,
            source,
            user_agent: None,
            resources: resource.map(|uid| EventResource { uid, kind }).into_iter().collect(),
            unmapped,
            raw_hash,
            location,
        })
    }

    fn shape(&self, event: &Event, ocsf: &mut Map<String, Value>) {
        let raw = &event.unmapped;
        let text = |pointer: &str| raw.pointer(pointer).and_then(Value::as_str);
        finding::said(
            event,
            ocsf,
            &Said {
                uid: &[FINDING, "name"],
                title: &[FINDING, "description"],
                desc: &[FINDING, "sourceProperties", "Explanation"],
                created: "/finding/createTime",
                modified: "/finding/eventTime",
                first_seen: "/finding/createTime",
                last_seen: "/finding/eventTime",
            },
            json!([event.operation]),
        );
        if let Some(link) = text("/finding/externalUri") {
            put(ocsf, &["finding_info", "src_url"], json!(link));
        }
        let level = text("/finding/severity").map_or(0, severity);
        ocsf.insert("severity_id".to_owned(), json!(level));
        let status = match (text("/finding/state"), text("/finding/mute")) {
            (Some("INACTIVE"), _) => 4,
            (_, Some("MUTED")) => 3,
            (Some("ACTIVE"), _) => 1,
            _ => 0,
        };
        ocsf.insert("status_id".to_owned(), json!(status));
        if event.class == EventClass::ComplianceFinding {
            let compliance = json!({
                "status_id": if status == 4 { 1 } else { 3 },
                "control": event.operation,
                "standards": standards(raw),
            });
            ocsf.insert("compliance".to_owned(), compliance);
        }
        let advice = text("/finding/sourceProperties/Recommendation");
        if let (Some(advice), EventClass::ComplianceFinding) = (advice, event.class) {
            ocsf.insert("remediation".to_owned(), Value::Object(fields(json!({"desc": advice}))));
        }
    }
}

/// `{"pci": [...], "cis": [...]}`: the names of the standards, or the service's own.
fn standards(raw: &Value) -> Vec<String> {
    let told = raw.pointer("/finding/sourceProperties/compliance_standards");
    let names: Vec<String> =
        told.and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned().collect();
    if names.is_empty() { vec!["Security Health Analytics".to_owned()] } else { names }
}
