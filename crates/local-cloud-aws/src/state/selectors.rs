//! What a trail selects: basic event selectors and advanced ones.

use crate::audit::Head;
use crate::operation::refused;
use aws_protocol::ServiceError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// As they were put, under the model's member names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Selectors {
    Basic(Value),
    Advanced(Value),
}

/// A new trail logs management events, reads and writes.
impl Default for Selectors {
    fn default() -> Self {
        Selectors::Basic(json!([{
            "ReadWriteType": "All", "IncludeManagementEvents": true,
            "DataResources": [], "ExcludeManagementEventSources": [],
        }]))
    }
}

impl Selectors {
    pub fn tree(&self) -> Value {
        match self {
            Selectors::Basic(list) => json!({ "EventSelectors": list }),
            Selectors::Advanced(list) => json!({ "AdvancedEventSelectors": list }),
        }
    }

    pub fn select(&self, head: &Head) -> bool {
        let (list, one): (&Value, fn(&Value, &Head) -> bool) = match self {
            Selectors::Basic(list) => (list, basic),
            Selectors::Advanced(list) => (list, advanced),
        };
        list.as_array().into_iter().flatten().any(|selector| one(selector, head))
    }
}

fn basic(selector: &Value, head: &Head) -> bool {
    let kind = match selector["ReadWriteType"].as_str() {
        Some("ReadOnly") => head.read_only,
        Some("WriteOnly") => !head.read_only,
        _ => true,
    };
    if !kind {
        return false;
    }
    if head.management {
        let excluded = texts(&selector["ExcludeManagementEventSources"]).any(|s| s == head.source);
        return selector["IncludeManagementEvents"].as_bool().unwrap_or(true) && !excluded;
    }
    let resources = selector["DataResources"].as_array().into_iter().flatten();
    resources
        .filter(|resource| resource["Type"] == "AWS::S3::Object")
        .flat_map(|resource| texts(&resource["Values"]))
        // `arn:aws:s3` is every object; else a bucket's ARN with its slash, or a prefix.
        .any(|value| head.arns.iter().any(|arn| arn.starts_with(value)))
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Every field selector must hold.
fn advanced(selector: &Value, head: &Head) -> bool {
    selector["FieldSelectors"].as_array().into_iter().flatten().all(|field| {
        let values: Vec<&str> = match field["Field"].as_str().unwrap_or_default() {
            "eventCategory" => vec![if head.management { "Management" } else { "Data" }],
            "readOnly" => vec![if head.read_only { "true" } else { "false" }],
            "eventName" => vec![head.name.as_str()],
            "eventSource" => vec![head.source.as_str()],
            "resources.type" if !head.management => vec!["AWS::S3::Object"],
            "resources.ARN" => head.arns.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let holds = |name: &str, test: fn(&str, &str) -> bool| {
            let wanted: Vec<&str> = texts(&field[name]).collect();
            wanted.is_empty() || values.iter().any(|v| wanted.iter().any(|w| test(v, w)))
        };
        let fails = |name: &str, test: fn(&str, &str) -> bool| {
            texts(&field[name]).any(|w| values.iter().any(|v| test(v, w)))
        };
        let starts: fn(&str, &str) -> bool = |v, w| v.starts_with(w);
        let ends: fn(&str, &str) -> bool = |v, w| v.ends_with(w);
        let same: fn(&str, &str) -> bool = |v, w| v == w;
        holds("Equals", same)
            && holds("StartsWith", starts)
            && holds("EndsWith", ends)
            && !fails("NotEquals", same)
            && !fails("NotStartsWith", starts)
            && !fails("NotEndsWith", ends)
    })
}

/// The selectors of a request: one kind of the two, and never none.
pub fn read(input: &Value) -> Result<Selectors, ServiceError> {
    let given = |member: &str| {
        input[member]
            .as_array()
            .filter(|list| !list.is_empty())
            .map(|list| Value::from(list.clone()))
    };
    let invalid = |message: &str| Err(refused("InvalidEventSelectorsException", message, 400));
    match (given("EventSelectors"), given("AdvancedEventSelectors")) {
        (Some(basic), None) => {
            if basic.as_array().is_some_and(|list| list.len() > 5) {
                return invalid("A trail can have 5 event selectors at most.");
            }
            Ok(Selectors::Basic(with_defaults(basic)))
        }
        (None, Some(advanced)) => {
            let categorised = |selector: &Value| {
                selector["FieldSelectors"].as_array().is_some_and(|fields| {
                    fields.iter().any(|field| field["Field"] == "eventCategory")
                })
            };
            if !advanced.as_array().is_some_and(|list| list.iter().all(categorised)) {
                return invalid(
                    "The field eventCategory is required in every advanced event selector.",
                );
            }
            Ok(Selectors::Advanced(advanced))
        }
        _ => invalid("Provide event selectors or advanced event selectors, not both."),
    }
}

/// What is not said of a basic selector means what a new trail has.
fn with_defaults(mut list: Value) -> Value {
    for selector in list.as_array_mut().into_iter().flatten() {
        let defaults = [
            ("ReadWriteType", Value::from("All")),
            ("IncludeManagementEvents", Value::from(true)),
            ("DataResources", json!([])),
            ("ExcludeManagementEventSources", json!([])),
        ];
        for (member, default) in defaults {
            if selector[member].is_null() {
                selector[member] = default;
            }
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    fn head(management: bool, read_only: bool, arn: &str) -> Head {
        Head {
            time: Timestamp::from_unix(0).unwrap(),
            event_id: String::new(),
            source: "s3.amazonaws.com".into(),
            name: "GetObject".into(),
            region: "us-east-1".into(),
            read_only,
            management,
            user: None,
            access_key_id: None,
            resources: Vec::new(),
            arns: vec![arn.to_owned()],
        }
    }

    fn both(input: Value) -> Selectors {
        read(&input).unwrap()
    }

    #[test]
    fn a_new_trail_selects_management_events() {
        let selectors = Selectors::default();
        assert!(selectors.select(&head(true, true, "")));
        assert!(!selectors.select(&head(false, true, "arn:aws:s3:::a/b")));
    }

    #[test]
    fn basic_selectors_name_buckets() {
        let selectors = both(json!({ "EventSelectors": [{
            "ReadWriteType": "WriteOnly", "IncludeManagementEvents": false,
            "DataResources": [{ "Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::exports/"] }],
        }]}));
        assert!(selectors.select(&head(false, false, "arn:aws:s3:::exports/a.csv")));
        assert!(!selectors.select(&head(false, true, "arn:aws:s3:::exports/a.csv")));
        assert!(!selectors.select(&head(false, false, "arn:aws:s3:::other/a.csv")));
        assert!(!selectors.select(&head(true, false, "")));
    }

    #[test]
    fn advanced_selectors_must_all_hold() {
        let selectors = both(json!({ "AdvancedEventSelectors": [{ "FieldSelectors": [
            { "Field": "eventCategory", "Equals": ["Data"] },
            { "Field": "resources.type", "Equals": ["AWS::S3::Object"] },
            { "Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::exports/"] },
            { "Field": "eventName", "NotEquals": ["HeadObject"] },
        ]}]}));
        assert!(selectors.select(&head(false, true, "arn:aws:s3:::exports/a")));
        assert!(!selectors.select(&head(false, true, "arn:aws:s3:::other/a")));
        assert!(!selectors.select(&head(true, true, "")));
        assert!(read(&json!({})).is_err());
        assert!(read(&json!({ "AdvancedEventSelectors": [{ "FieldSelectors": [] }] })).is_err());
    }
}
