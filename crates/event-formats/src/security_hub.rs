//! Findings in the AWS Security Finding Format: Security Hub's exports, `GetFindings`
//! answers (`{"Findings": [...]}`) and what EventBridge delivers.
//!
//! A finding that says whether a control passed is a compliance finding, one that lists
//! vulnerabilities a vulnerability finding, any other a detection.

use crate::finding::{self, Said, severity};
use crate::format::Format;
use crate::ocsf::{endpoint, fields};
use crate::record::Record;
use model::event::{EventClass, EventResource, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct SecurityHub;

impl Format for SecurityHub {
    fn name(&self) -> &'static str {
        "security_hub"
    }

    fn product(&self) -> &'static str {
        "Security Hub"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let text = |key| fields.get(key).is_some_and(Value::is_string);
        text("ProductArn") && text("AwsAccountId") && text("GeneratorId")
    }

    fn envelopes(&self) -> &'static [&'static str] {
        &["Findings"]
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let id = record.text(&["Id"]).ok_or("Id is missing")?.to_owned();
        let (time, original_time) = record.required_time(&["UpdatedAt"])?;
        let archived = record.text(&["RecordState"]) == Some("ARCHIVED");
        let created = record.text(&["CreatedAt"]) == Some(original_time.as_str());
        let listed = |path: &[&str]| {
            record.get(path).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
        };
        let class = if listed(&["Vulnerabilities"]) {
            EventClass::VulnerabilityFinding
        } else if record.text(&["Compliance", "Status"]).is_some() {
            EventClass::ComplianceFinding
        } else {
            EventClass::DetectionFinding
        };
        let operation = record.required_text(&["GeneratorId"])?;
        let account = record.take_text(&["AwsAccountId"]);
        let region = record.take_text(&["Region"]);
        let source = remote(&record).map(str::to_owned);
        let all = record.get(&["Resources"]).and_then(Value::as_array);
        let (mut resources, mut principal) = (Vec::new(), None);
        for resource in all.into_iter().flatten() {
            let text = |key: &str| resource.get(key).and_then(Value::as_str);
            let Some(uid) = text("Id").filter(|uid| !uid.is_empty()) else { continue };
            if text("ResourceRole") == Some("Actor") || text("ResourceRole") == Some("ACTOR") {
                principal = Some(uid.to_owned());
            }
            resources
                .push(EventResource { uid: uid.to_owned(), kind: text("Type").map(str::to_owned) });
        }
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class,
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
            service: "securityhub.amazonaws.com".to_owned(),
            operation,
            read_only: true,
            request_uid: None,
            request: Value::Null,
            response: Value::Null,
            status: EventStatus::Unknown,
            error_code: None,
            error_message: None,
            principal: Principal {
                name: principal
                    .as_deref()
                    .and_then(|uid| uid.rsplit(['/', ':']).next())
                    .unwrap_or("unknown")
                    .to_owned(),
                kind: PrincipalType::Unknown,
                via: Vec::new(),
                uid: principal,
            },
            credential_uid: None,
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
        let text = |pointer: &str| raw.pointer(pointer).and_then(Value::as_str);
        let types = raw.get("Types").filter(|t| texts(t)).cloned().unwrap_or_default();
        finding::said(
            event,
            ocsf,
            &Said {
                uid: &["Id"],
                title: &["Title"],
                desc: &["Description"],
                created: "/CreatedAt",
                modified: "/UpdatedAt",
                first_seen: "/FirstObservedAt",
                last_seen: "/LastObservedAt",
            },
            types,
        );
        if let Some(info) = ocsf.get_mut("finding_info") {
            info["analytic"] = json!({"uid": event.operation, "type_id": 1, "type": "Rule"});
            info["product_uid"] = raw.get("ProductArn").cloned().unwrap_or_default();
        }
        let level = text("/Severity/Label").map(severity).unwrap_or_else(|| {
            // ASFF's own table of Severity.Normalized.
            match raw.pointer("/Severity/Normalized").and_then(Value::as_f64) {
                Some(n) if n >= 90.0 => 5,
                Some(n) if n >= 70.0 => 4,
                Some(n) if n >= 40.0 => 3,
                Some(n) if n >= 1.0 => 2,
                Some(_) => 1,
                None => 0,
            }
        });
        ocsf.insert("severity_id".to_owned(), json!(level));
        let status = match (text("/RecordState"), text("/Workflow/Status")) {
            (Some("ARCHIVED"), _) => 5,
            (_, Some("NEW")) => 1,
            (_, Some("NOTIFIED")) => 2,
            (_, Some("SUPPRESSED")) => 3,
            (_, Some("RESOLVED")) => 4,
            _ => 0,
        };
        ocsf.insert("status_id".to_owned(), json!(status));
        match event.class {
            EventClass::ComplianceFinding => {
                ocsf.insert("compliance".to_owned(), compliance(event));
            }
            EventClass::VulnerabilityFinding => {
                ocsf.insert("vulnerabilities".to_owned(), vulnerabilities(raw));
            }
            _ => {
                if let Some(source) = &event.source {
                    let evidence = json!([{"src_endpoint": endpoint(Some(source))}]);
                    ocsf.insert("evidences".to_owned(), evidence);
                }
            }
        }
        if let Some(advice) = text("/Remediation/Recommendation/Text")
            && event.class != EventClass::VulnerabilityFinding
        {
            let link = text("/Remediation/Recommendation/Url").map(|url| json!([url]));
            let remediation = fields(json!({"desc": advice, "references": link}));
            ocsf.insert("remediation".to_owned(), Value::Object(remediation));
        }
    }
}

fn texts(value: &Value) -> bool {
    value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string))
}

fn compliance(event: &Event) -> Value {
    let raw = &event.unmapped;
    let text = |pointer: &str| raw.pointer(pointer).and_then(Value::as_str);
    let status = match text("/Compliance/Status") {
        Some("PASSED") => 1,
        Some("WARNING") => 2,
        Some("FAILED") => 3,
        _ => 0,
    };
    let standards: Vec<&str> = raw
        .pointer("/Compliance/AssociatedStandards")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|s| s.get("StandardsId")?.as_str())
        .chain(text("/ProductFields/StandardsArn"))
        .chain(text("/ProductFields/StandardsGuideArn"))
        .collect();
    // A list that the schema of 1.1.0 requires: the rule's own name where no standard is told.
    let standards = if standards.is_empty() { vec![event.operation.as_str()] } else { standards };
    let requirements = raw.pointer("/Compliance/RelatedRequirements").filter(|r| texts(r));
    Value::Object(fields(json!({
        "status_id": status,
        "status_code": text("/Compliance/Status"),
        "control": text("/Compliance/SecurityControlId").unwrap_or(&event.operation),
        "standards": standards,
        "requirements": requirements,
    })))
}

/// Just one of the three names a vulnerability may have.
fn vulnerabilities(raw: &Value) -> Value {
    let all = raw.get("Vulnerabilities").and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .map(|vulnerability| {
            let id = vulnerability.get("Id").and_then(Value::as_str).unwrap_or("unknown");
            let kind = if id.starts_with("CVE-") { "cve" } else { "advisory" };
            json!({kind: {"uid": id}})
        })
        .collect()
}

fn remote(record: &Record) -> Option<&str> {
    let action = record.get(&["Action"])?.as_object()?;
    action.values().find_map(|detail| {
        ["/RemoteIpDetails/IpAddressV4", "/DomainDetails/Domain"]
            .iter()
            .find_map(|pointer| detail.pointer(pointer)?.as_str())
            .filter(|s| !s.is_empty())
    })
}
