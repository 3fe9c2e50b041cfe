//! A validator over the OCSF project's own schema export: unknown attributes, required
//! ones, types, enums and constraints, down through the objects.

use serde_json::Value;
use std::path::Path;

pub struct Schema(Value);

impl Schema {
    pub fn load(path: &Path) -> Self {
        Schema(serde_json::from_slice(&std::fs::read(path).expect("the schema")).expect("JSON"))
    }

    pub fn violations(&self, event: &Value) -> Vec<String> {
        let mut found = Vec::new();
        let classes = self.0["classes"].as_object().expect("classes");
        let Some(class) = classes.values().find(|c| c["uid"] == event["class_uid"]) else {
            return vec![format!("class_uid {}: no such class", event["class_uid"])];
        };
        let activity = event["activity_id"].as_u64().unwrap_or(u64::MAX);
        if Some(event["class_uid"].as_u64().unwrap_or(0) * 100 + activity)
            != event["type_uid"].as_u64()
        {
            found.push("type_uid is not class_uid * 100 + activity_id".to_owned());
        }
        let profiles = &event["metadata"]["profiles"];
        self.check(class, event, "", profiles, &mut found);
        found
    }

    fn check(
        &self,
        shape: &Value,
        value: &Value,
        at: &str,
        profiles: &Value,
        found: &mut Vec<String>,
    ) {
        let Some(fields) = value.as_object() else {
            return found.push(format!("{at}: not an object"));
        };
        let attributes = shape["attributes"].as_object().expect("attributes");
        let in_use = |attribute: &Value| match &attribute["profiles"] {
            Value::Array(own) => {
                own.iter().any(|p| profiles.as_array().is_some_and(|all| all.contains(p)))
            }
            _ => true,
        };
        for (name, attribute) in attributes {
            if attribute["requirement"] == "required"
                && in_use(attribute)
                && !fields.contains_key(name)
            {
                found.push(format!("{at}.{name}: required"));
            }
        }
        for (rule, names) in shape["constraints"].as_object().into_iter().flatten() {
            let names = names.as_array().expect("names");
            let present =
                names.iter().filter(|n| fields.contains_key(n.as_str().unwrap_or(""))).count();
            let holds = match rule.as_str() {
                "at_least_one" => present >= 1,
                "just_one" => present == 1,
                _ => true,
            };
            if !holds {
                found.push(format!("{at}: {rule} of {names:?}"));
            }
        }
        for (name, value) in fields {
            let at = format!("{at}.{name}");
            match attributes.get(name) {
                None => found.push(format!("{at}: no such attribute")),
                Some(attribute) if !in_use(attribute) => {
                    found.push(format!("{at}: of a profile that is not named"));
                }
                Some(attribute) => self.check_attribute(attribute, value, &at, profiles, found),
            }
        }
    }

    fn check_attribute(
        &self,
        attribute: &Value,
        value: &Value,
        at: &str,
        profiles: &Value,
        found: &mut Vec<String>,
    ) {
        let values = match (attribute["is_array"] == true, value) {
            (true, Value::Array(list)) => list.iter().collect(),
            (true, _) => return found.push(format!("{at}: not a list")),
            (false, value) => vec![value],
        };
        for value in values {
            if let Some(allowed) = attribute["enum"].as_object() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if !allowed.contains_key(&text) {
                    found.push(format!("{at}: {text} is not of the enum"));
                }
            }
            let kind = attribute["type"].as_str().unwrap_or_default();
            let fits = match kind {
                "object_t" => {
                    let name = attribute["object_type"].as_str().unwrap_or_default();
                    // `object` is free: unmapped.
                    if name != "object" {
                        self.check(&self.0["objects"][name], value, at, profiles, found);
                    }
                    value.is_object()
                }
                "integer_t" | "long_t" | "timestamp_t" | "port_t" => {
                    value.is_i64() || value.is_u64()
                }
                "boolean_t" => value.is_boolean(),
                "ip_t" => value.as_str().is_some_and(|s| s.parse::<std::net::IpAddr>().is_ok()),
                "json_t" => true,
                _ => value.is_string(),
            };
            if !fits {
                found.push(format!("{at}: not of type {kind}"));
            }
        }
    }
}
