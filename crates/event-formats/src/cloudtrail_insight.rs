//! CloudTrail Insights: an unusual rate of calls or of errors, told when it begins and when it
//! ends (CloudTrail User Guide, "CloudTrail record contents for Insights events").

use crate::format::Format;
use crate::record::Record;
use model::event::{EventClass, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct CloudTrailInsight;

const DETAILS: &str = "insightDetails";

impl Format for CloudTrailInsight {
    fn name(&self) -> &'static str {
        "cloudtrail_insight"
    }

    fn product(&self) -> &'static str {
        "CloudTrail Insights"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        fields.get(DETAILS).is_some_and(Value::is_object) && fields.contains_key("eventTime")
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let (time, original_time) = record.required_time(&["eventTime"])?;
        let service = record.required_text(&[DETAILS, "eventSource"])?;
        let operation = record.required_text(&[DETAILS, "eventName"])?;
        let uid = record.take_text(&["eventID"]);
        let activity = match record.text(&[DETAILS, "state"]) {
            Some("Start") => 1,
            Some("End") => 3,
            _ => 0,
        };
        let error_code = record.take_text(&[DETAILS, "errorCode"]);
        let correlation_uid = record.take_text(&["sharedEventID"]);
        let account = record.take_text(&["recipientAccountId"]);
        let region = record.take_text(&["awsRegion"]);
        let who = caller(&record);
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class: EventClass::DetectionFinding,
            activity,
            time,
            original_time,
            uid: uid.unwrap_or_else(|| raw_hash.clone()),
            correlation_uid,
            cloud: Cloud::from_static("aws"),
            account,
            region,
            product: self.product().to_owned(),
            service,
            operation,
            read_only: true,
            request_uid: None,
            request: Value::Null,
            response: Value::Null,
            status: EventStatus::Unknown,
            error_code,
            error_message: None,
            principal: Principal {
                name: who.clone().unwrap_or_else(|| "unknown".to_owned()),
                kind: PrincipalType::Unknown,
                via: Vec::new(),
                uid: who,
            },
            credential_uid: None,
            source: None,
            user_agent: None,
            resources: Vec::new(),
            unmapped,
            raw_hash,
            location,
        })
    }

    fn shape(&self, event: &Event, ocsf: &mut Map<String, Value>) {
        let raw = &event.unmapped;
        let kind = raw.pointer("/insightDetails/insightType").and_then(Value::as_str);
        let kind = kind.unwrap_or("Insight");
        // One insight has two records; what they share is its name.
        let uid = event.correlation_uid.as_ref().unwrap_or(&event.uid);
        ocsf.insert(
            "finding_info".to_owned(),
            json!({
                "uid": uid,
                "title": format!("{kind}: unusual rate of {}", event.operation),
                "types": [kind],
            }),
        );
        ocsf.insert(
            "evidences".to_owned(),
            json!([{"api": {"operation": event.operation, "service": {"name": event.service}}}]),
        );
        let status = match event.activity {
            1 => 1,
            3 => 4,
            _ => 0,
        };
        ocsf.insert("status_id".to_owned(), json!(status));
        ocsf.insert("severity_id".to_owned(), json!(3));
    }
}

/// The identity that CloudTrail attributes the unusual calls to, if it is the only one.
fn caller(record: &Record) -> Option<String> {
    let all = record.get(&[DETAILS, "insightContext", "attributions"])?.as_array()?;
    let who = all
        .iter()
        .find(|a| a.get("attribute").and_then(Value::as_str) == Some("userIdentityArn"))?;
    match who.get("insight")?.as_array()?.as_slice() {
        [one] => one.get("value")?.as_str().map(str::to_owned),
        _ => None,
    }
}
