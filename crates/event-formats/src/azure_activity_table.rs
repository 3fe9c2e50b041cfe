//! Azure's Activity Log as Log Analytics keeps it (table `AzureActivity`): the answers of a
//! query and the lines of a workspace's export.
//!
//! `TenantId` is the workspace's id here, not a tenant's.

use crate::azure_activity::{
    AzureActivity, activity_of, bare_address, class_of, outcome_of, segment_after, type_of, who,
};
use crate::format::Format;
use crate::record::Record;
use crate::strict::parse_object;
use model::event::{EventResource, EventStatus};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct AzureActivityTable;

impl Format for AzureActivityTable {
    fn name(&self) -> &'static str {
        "azure_activity_table"
    }

    fn product(&self) -> &'static str {
        AzureActivity.product()
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        fields.get("OperationNameValue").is_some_and(Value::is_string)
            && fields.contains_key("TimeGenerated")
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let (time, original_time) = record.required_time(&["TimeGenerated"])?;
        let operation = record.required_text(&["OperationNameValue"])?;
        // The columns under the names that the other shapes of this log have.
        let column = |name: &str| record.get(&[name]).cloned().unwrap_or_default();
        let object = |dynamic: &str, text: &str| match column(dynamic) {
            Value::Object(fields) => Value::Object(fields),
            _ => record.text(&[text]).and_then(parse_object).map_or(Value::Null, Value::Object),
        };
        let properties = object("Properties_d", "Properties");
        let same = Record::new(
            crate::ocsf::fields(json!({
                "caller": column("Caller"),
                "claims": object("Claims_d", "Claims"),
                "status": {"value": column("ActivityStatusValue")},
                "subStatus": {"value": column("ActivitySubstatusValue")},
                "properties": properties,
            })),
            "",
            record.location.clone(),
        );
        let known = who(&same, &operation);
        let status = outcome_of(&same);
        let status_code = properties.get("statusCode").and_then(Value::as_str);
        let last = operation.rsplit('/').next().unwrap_or_default().to_lowercase();
        let (activity, read_only) = activity_of(&operation, &last, &same, status_code);
        let body = |names: [&str; 2]| {
            let told = names.iter().find_map(|name| properties.get(*name));
            match told {
                Some(Value::String(text)) => parse_object(text).map_or(Value::Null, Value::Object),
                Some(Value::Object(fields)) => Value::Object(fields.clone()),
                _ => Value::Null,
            }
        };
        let (request, response) =
            (body(["requestbody", "requestBody"]), body(["responseBody", "responsebody"]));
        let (class, activity) = class_of(&operation, activity, &request, &response);
        let failed = status == EventStatus::Failure;
        let error_code = failed.then(|| record.take_text(&["ActivitySubstatusValue"])).flatten();
        let source = record.text(&["CallerIpAddress"]).map(|a| bare_address(a).to_owned());
        let uid = record.take_text(&["EventDataId"]);
        let correlation_uid = record.take_text(&["CorrelationId"]);
        let id =
            ["_ResourceId", "ResourceId"].iter().find_map(|column| record.take_text(&[column]));
        let account = record
            .text(&["SubscriptionId"])
            .or_else(|| id.as_deref().and_then(|id| segment_after(id, "subscriptions")))
            .map(str::to_lowercase);
        let resources =
            id.into_iter().map(|uid| EventResource { kind: type_of(&uid), uid }).collect();
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class,
            activity,
            time,
            original_time,
            uid: uid.unwrap_or_else(|| raw_hash.clone()),
            correlation_uid,
            cloud: Cloud::from_static("azure"),
            account,
            region: None,
            product: self.product().to_owned(),
            service: operation.split('/').next().unwrap_or_default().to_owned(),
            operation,
            read_only,
            request_uid: None,
            request,
            response,
            status,
            error_code,
            error_message: None,
            principal: known.principal,
            credential_uid: known.credential,
            source,
            user_agent: None,
            resources,
            unmapped,
            raw_hash,
            location,
        })
    }
}
