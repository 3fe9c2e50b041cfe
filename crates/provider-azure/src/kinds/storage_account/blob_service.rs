//! `blob_properties`: the settings of `blobServices/default`.

use crate::wire::{block, first_block, flag, items};
use model::{Attributes, Value};
use serde_json::{Value as Json, json};

fn number(json: &Json, path: &str) -> Value {
    match json.pointer(path) {
        Some(Json::Number(n)) => Value::Number(n.clone()),
        _ => Value::Null,
    }
}

/// A retention policy that is off is no block.
fn retention(json: &Json, name: &str, with_permanent: bool) -> Value {
    let policy = json.get(name).cloned().unwrap_or_default();
    if flag(&policy, "/enabled") != Some(true) {
        return Value::List(Vec::new());
    }
    let days = number(&policy, "/days");
    if with_permanent {
        let permanent = flag(&policy, "/allowPermanentDelete").unwrap_or(false);
        return block([("days", days), ("permanent_delete_enabled", permanent.into())]);
    }
    block([("days", days)])
}

fn cors(json: &Json) -> Value {
    let rules = items(json, "/cors/corsRules").map(|rule| {
        let list =
            |name: &str| Value::strings(items(rule, &format!("/{name}")).filter_map(Json::as_str));
        let map: Attributes = [
            ("allowed_headers".to_owned(), list("allowedHeaders")),
            ("allowed_methods".to_owned(), list("allowedMethods")),
            ("allowed_origins".to_owned(), list("allowedOrigins")),
            ("exposed_headers".to_owned(), list("exposedHeaders")),
            ("max_age_in_seconds".to_owned(), number(rule, "/maxAgeInSeconds")),
        ]
        .into();
        Value::Map(map)
    });
    Value::List(rules.collect())
}

/// The block that azurerm stores even where nothing was ever set.
pub(super) fn read(service: &Json) -> Value {
    let none = json!({});
    let properties = service.get("properties").unwrap_or(&none);
    block([
        ("versioning_enabled", flag(properties, "/isVersioningEnabled").unwrap_or(false).into()),
        ("change_feed_enabled", flag(properties, "/changeFeed/enabled").unwrap_or(false).into()),
        ("change_feed_retention_in_days", number(properties, "/changeFeed/retentionInDays")),
        (
            "last_access_time_enabled",
            flag(properties, "/lastAccessTimeTrackingPolicy/enable").unwrap_or(false).into(),
        ),
        (
            "default_service_version",
            properties
                .get("defaultServiceVersion")
                .and_then(Json::as_str)
                .unwrap_or_default()
                .into(),
        ),
        ("delete_retention_policy", retention(properties, "deleteRetentionPolicy", true)),
        (
            "container_delete_retention_policy",
            retention(properties, "containerDeleteRetentionPolicy", false),
        ),
        ("restore_policy", retention(properties, "restorePolicy", false)),
        ("cors_rule", cors(properties)),
    ])
}

/// What a request said: each attribute that it left out has a value that the record does
/// not tell.
pub(super) fn said(body: &Json) -> Value {
    const OF: &[(&str, &str)] = &[
        ("versioning_enabled", "isVersioningEnabled"),
        ("change_feed_enabled", "changeFeed"),
        ("change_feed_retention_in_days", "changeFeed"),
        ("last_access_time_enabled", "lastAccessTimeTrackingPolicy"),
        ("default_service_version", "defaultServiceVersion"),
        ("delete_retention_policy", "deleteRetentionPolicy"),
        ("container_delete_retention_policy", "containerDeleteRetentionPolicy"),
        ("restore_policy", "restorePolicy"),
        ("cors_rule", "cors"),
    ];
    let properties = body.get("properties");
    let mut block = first_block(Some(&read(body))).cloned().unwrap_or_default();
    for (attribute, property) in OF {
        if properties.and_then(|p| p.get(*property)).is_none_or(Json::is_null) {
            block.insert((*attribute).to_owned(), Value::Redacted);
        }
    }
    Value::List(vec![Value::Map(block)])
}

/// The whole service out of Terraform's block: what it leaves out is off.
pub(super) fn write(wanted: Option<&Value>) -> Json {
    let none = Attributes::new();
    let wanted = first_block(wanted).unwrap_or(&none);
    let on = |name: &str| wanted.get(name).and_then(Value::as_bool).unwrap_or(false);
    let days = |block: &Attributes| block.get("days").map_or(json!(7), Value::to_json);
    let policy = |name: &str| match first_block(wanted.get(name)) {
        Some(block) => json!({"enabled": true, "days": days(block)}),
        None => json!({"enabled": false}),
    };
    let mut deleted = policy("delete_retention_policy");
    if let Some(block) = first_block(wanted.get("delete_retention_policy")) {
        let permanent = block.get("permanent_delete_enabled").and_then(Value::as_bool);
        deleted["allowPermanentDelete"] = json!(permanent.unwrap_or(false));
    }
    let mut change_feed = json!({"enabled": on("change_feed_enabled")});
    if let Some(Value::Number(days)) = wanted.get("change_feed_retention_in_days") {
        change_feed["retentionInDays"] = json!(days);
    }
    let rules: Vec<Json> = wanted
        .get("cors_rule")
        .and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_map)
        .map(|rule| {
            let of = |name: &str| rule.get(name).map(Value::to_json).unwrap_or_default();
            json!({
                "allowedHeaders": of("allowed_headers"),
                "allowedMethods": of("allowed_methods"),
                "allowedOrigins": of("allowed_origins"),
                "exposedHeaders": of("exposed_headers"),
                "maxAgeInSeconds": of("max_age_in_seconds"),
            })
        })
        .collect();
    let mut properties = json!({
        "isVersioningEnabled": on("versioning_enabled"),
        "changeFeed": change_feed,
        "lastAccessTimeTrackingPolicy": {"enable": on("last_access_time_enabled")},
        "deleteRetentionPolicy": deleted,
        "containerDeleteRetentionPolicy": policy("container_delete_retention_policy"),
        "restorePolicy": policy("restore_policy"),
        "cors": {"corsRules": rules},
    });
    if let Some(version) = crate::wire::wanted_text(wanted, "default_service_version") {
        properties["defaultServiceVersion"] = json!(version);
    }
    json!({"properties": properties})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_set_is_a_block_of_defaults() {
        let service = json!({"properties": {
            "cors": {"corsRules": []},
            "deleteRetentionPolicy": {"allowPermanentDelete": false, "enabled": false}
        }});
        let read = read(&service);
        let block = first_block(Some(&read)).unwrap();
        assert_eq!(block["versioning_enabled"], false.into());
        assert_eq!(block["delete_retention_policy"], Value::List(vec![]));
        assert_eq!(super::read(&write(Some(&read))), read);
    }

    #[test]
    fn blocks_read_back_as_written() {
        let wanted = Value::from(json!([{
            "versioning_enabled": true, "change_feed_enabled": true,
            "change_feed_retention_in_days": 30, "last_access_time_enabled": true,
            "default_service_version": "2020-06-12",
            "delete_retention_policy": [{"days": 14, "permanent_delete_enabled": true}],
            "container_delete_retention_policy": [{"days": 3}],
            "restore_policy": [{"days": 7}],
            "cors_rule": [{
                "allowed_headers": ["*"], "allowed_methods": ["GET"], "allowed_origins": ["*"],
                "exposed_headers": ["*"], "max_age_in_seconds": 60
            }]
        }]));
        assert_eq!(read(&write(Some(&wanted))), wanted);
    }

    #[test]
    fn what_a_request_leaves_out_is_not_known() {
        let said = said(&json!({"properties": {"isVersioningEnabled": false}}));
        let block = first_block(Some(&said)).unwrap();
        assert_eq!(block["versioning_enabled"], false.into());
        assert_eq!(block["delete_retention_policy"], Value::Redacted);
    }
}
