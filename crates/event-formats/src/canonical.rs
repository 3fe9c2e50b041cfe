//! A resource of an event as OCSF tells it, under the id that joins with everything else.
//!
//! Canonical ids, and what a Terraform state's own id is found by:
//!
//! * an ARN as it is; a bucket's or user's Terraform id is its last part, which is `name`
//! * a resource id of Azure in lower case, because the exports write it in capitals and the
//!   APIs do not care; a state's id in lower case is the same text
//! * Google's full resource name, `//storage.googleapis.com/projects/_/buckets/B`; `name` is
//!   what a state calls it

use model::Event;
use model::event::EventResource;
use serde_json::{Map, Value, json};

pub(crate) fn resource(event: &Event, resource: &EventResource) -> Value {
    let told = resource.uid.as_str();
    let mut object = Map::new();
    let uid = canonical(event, told);
    if uid != told {
        object.insert("uid_alt".to_owned(), json!(told));
    }
    let name = told.rsplit(['/', ':']).find(|part| !part.is_empty()).unwrap_or(told);
    object.insert("name".to_owned(), json!(name));
    if let Some(kind) = &resource.kind {
        object.insert("type".to_owned(), json!(kind));
    }
    match event.cloud.as_str() {
        "aws" => {
            let parts: Vec<&str> = uid.splitn(6, ':').collect();
            if let ["arn", partition, _, region, account, _] = parts[..] {
                object.insert("cloud_partition".to_owned(), json!(partition));
                if !region.is_empty() {
                    object.insert("region".to_owned(), json!(region));
                }
                if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) {
                    object.insert("owner".to_owned(), json!({"account": {"uid": account}}));
                }
            }
        }
        "azure" => {
            if let Some(group) = crate::azure_activity::segment_after(&uid, "resourcegroups") {
                object.insert("group".to_owned(), json!({"name": group}));
            }
        }
        _ => {}
    }
    object.insert("uid".to_owned(), json!(uid));
    Value::Object(object)
}

pub(crate) fn canonical(event: &Event, told: &str) -> String {
    match event.cloud.as_str() {
        "azure" if told.starts_with('/') => told.to_lowercase(),
        "gcp" if !told.starts_with("//") && event.service.contains('.') => {
            format!("//{}/{}", event.service, told.trim_start_matches('/'))
        }
        _ => told.to_owned(),
    }
}
