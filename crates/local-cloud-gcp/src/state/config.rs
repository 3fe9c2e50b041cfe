//! What a bucket may be told: the writable part of the JSON API's bucket resource.

use super::Int64;
use crate::error::ApiError;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Ninety days after uniform access was switched on there is no way back.
const LOCK_AFTER: i64 = 90 * 86_400;
pub const SOFT_DELETE: i64 = 604_800;
/// In a patch's labels: these are all of them. No label can have this name.
pub const REPLACE: &str = "$replace";

macro_rules! shape {
    ($(#[$m:meta])* $name:ident { $($(#[$fm:meta])* $field:ident : $type:ty),* $(,)? }) => {
        $(#[$m])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $(#[serde(skip_serializing_if = "unset")] $(#[$fm])* pub $field: $type,)*
        }
    };
}

/// Left out of an answer: null and empty lists; never `false`, which the storage API writes.
fn unset<T: Serialize>(value: &T) -> bool {
    match serde_json::to_value(value) {
        Ok(Value::Null) => true,
        Ok(Value::Array(a)) => a.is_empty(),
        Ok(Value::String(s)) => s.is_empty(),
        _ => false,
    }
}

shape!(Config {
    location: String,
    storage_class: String,
    labels: Option<BTreeMap<String, String>>,
    iam_configuration: IamConfiguration,
    versioning: Option<Switch>,
    website: Option<Website>,
    logging: Option<Logging>,
    cors: Vec<Cors>,
    encryption: Option<Encryption>,
    billing: Option<Billing>,
    default_event_based_hold: Option<bool>,
    lifecycle: Option<Lifecycle>,
    retention_policy: Option<RetentionPolicy>,
    soft_delete_policy: Option<SoftDeletePolicy>,
    rpo: Option<String>,
    autoclass: Option<Autoclass>,
    custom_placement_config: Option<CustomPlacement>,
    hierarchical_namespace: Option<Switch>,
    object_retention: Option<ObjectRetention>,
});
shape!(Switch { enabled: bool });
shape!(Website { main_page_suffix: Option<String>, not_found_page: Option<String> });
shape!(Logging { log_bucket: String, log_object_prefix: String });
shape!(Cors {
    origin: Vec<String>,
    method: Vec<String>,
    response_header: Vec<String>,
    max_age_seconds: Option<i32>,
});
shape!(Encryption { default_kms_key_name: String });
shape!(Billing { requester_pays: bool });
shape!(Lifecycle { rule: Vec<Rule> });
shape!(Rule { action: Action, condition: Condition });
shape!(Action {
    #[serde(rename = "type")]
    kind: String,
    storage_class: String
});
shape!(Condition {
    age: Option<i32>,
    created_before: Option<String>,
    is_live: Option<bool>,
    num_newer_versions: Option<i32>,
    matches_storage_class: Vec<String>,
    days_since_custom_time: Option<i32>,
    custom_time_before: Option<String>,
    days_since_noncurrent_time: Option<i32>,
    noncurrent_time_before: Option<String>,
    matches_prefix: Vec<String>,
    matches_suffix: Vec<String>,
});
shape!(RetentionPolicy {
    retention_period: Int64,
    is_locked: Option<bool>,
    effective_time: Option<Timestamp>,
});
shape!(SoftDeletePolicy {
    retention_duration_seconds: Int64,
    effective_time: Option<Timestamp>,
});
shape!(Autoclass {
    enabled: bool,
    toggle_time: Option<Timestamp>,
    terminal_storage_class: Option<String>,
    terminal_storage_class_update_time: Option<Timestamp>,
});
shape!(CustomPlacement { data_locations: Vec<String> });
shape!(ObjectRetention { mode: String });
shape!(IamConfiguration {
    uniform_bucket_level_access: UniformAccess,
    public_access_prevention: Prevention,
});
shape!(UniformAccess { enabled: bool, locked_time: Option<Timestamp> });

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prevention {
    /// `unspecified` is its old name.
    #[default]
    #[serde(alias = "unspecified")]
    Inherited,
    Enforced,
}

impl Config {
    pub fn uniform(&self) -> bool {
        self.iam_configuration.uniform_bucket_level_access.enabled
    }

    pub fn prevented(&self) -> bool {
        self.iam_configuration.public_access_prevention == Prevention::Enforced
    }

    pub fn versioned(&self) -> bool {
        self.versioning.as_ref().is_some_and(|v| v.enabled)
    }

    /// A bucket as a request asks for it, defaults filled in.
    pub fn create(body: &Value, now: Timestamp) -> Result<Config, ApiError> {
        let mut config: Config = read(keep_known(body)?)?;
        if config.location.is_empty() {
            config.location = "US".to_owned();
        }
        config.location = config.location.to_ascii_uppercase();
        if config.storage_class.is_empty() {
            config.storage_class = "STANDARD".to_owned();
        }
        config.settle(None, now)?;
        Ok(config)
    }

    /// A merge patch (RFC 7396): null clears, what is not named stays.
    pub fn patch(&self, body: &Value, now: Timestamp) -> Result<Config, ApiError> {
        let patch = keep_known(body)?;
        let mut whole = serde_json::to_value(self).map_err(|_| ApiError::internal())?;
        let Value::Object(patch) = patch else { return Err(ApiError::invalid("Invalid body")) };
        for fixed in ["location", "customPlacementConfig", "hierarchicalNamespace"] {
            if patch.get(fixed).is_some_and(|new| !same_fixed(&whole[fixed], new)) {
                return Err(ApiError::invalid(format!(
                    "The {fixed} of a bucket cannot be changed."
                )));
            }
        }
        let mut patch = patch;
        if let Some(Value::Object(labels)) = patch.get_mut("labels")
            && labels.remove(REPLACE).is_some()
            && let Value::Object(whole) = &mut whole
        {
            whole.remove("labels");
        }
        merge(&mut whole, Value::Object(patch));
        let mut config: Config = read(whole)?;
        config.settle(Some(self), now)?;
        Ok(config)
    }

    /// A whole new resource (PUT): what is not named goes back to its default.
    pub fn replace(&self, body: &Value, now: Timestamp) -> Result<Config, ApiError> {
        let mut config: Config = read(keep_known(body)?)?;
        config.location.clone_from(&self.location);
        config.hierarchical_namespace.clone_from(&self.hierarchical_namespace);
        config.custom_placement_config.clone_from(&self.custom_placement_config);
        if config.storage_class.is_empty() {
            config.storage_class.clone_from(&self.storage_class);
        }
        config.settle(Some(self), now)?;
        Ok(config)
    }

    /// The times and defaults that the service itself sets.
    fn settle(&mut self, before: Option<&Config>, now: Timestamp) -> Result<(), ApiError> {
        check_labels(self.labels.as_ref())?;
        if self.labels.as_ref().is_some_and(BTreeMap::is_empty) {
            self.labels = None;
        }
        if self.storage_class.is_empty() {
            self.storage_class = "STANDARD".to_owned();
        }
        self.storage_class = self.storage_class.to_ascii_uppercase();
        const CLASSES: [&str; 7] = [
            "STANDARD",
            "NEARLINE",
            "COLDLINE",
            "ARCHIVE",
            "MULTI_REGIONAL",
            "REGIONAL",
            "DURABLE_REDUCED_AVAILABILITY",
        ];
        if !CLASSES.contains(&self.storage_class.as_str()) {
            return Err(ApiError::invalid("Invalid storage class."));
        }
        if self.lifecycle.as_ref().is_some_and(|l| l.rule.is_empty()) {
            self.lifecycle = None;
        }
        if matches!(self.rpo.as_deref(), Some(rpo) if rpo != "DEFAULT" && rpo != "ASYNC_TURBO") {
            return Err(ApiError::invalid("Invalid RPO."));
        }
        if self.rpo.is_none() && self.location_type() != "region" {
            self.rpo = Some("DEFAULT".to_owned());
        }
        let was = before.map(|b| &b.iam_configuration.uniform_bucket_level_access);
        let uniform = &mut self.iam_configuration.uniform_bucket_level_access;
        uniform.locked_time = match (was.and_then(|w| w.locked_time), uniform.enabled) {
            (Some(locked), false) if locked <= now => {
                return Err(ApiError::precondition(
                    "Cannot disable uniform bucket-level access after its lock time has passed.",
                ));
            }
            (Some(locked), true) => Some(locked),
            (None, true) => Some(now.plus_seconds(LOCK_AFTER)),
            (_, false) => None,
        };
        let was = before.and_then(|b| b.soft_delete_policy.as_ref());
        let soft = self.soft_delete_policy.get_or_insert(SoftDeletePolicy {
            retention_duration_seconds: Int64(SOFT_DELETE),
            effective_time: None,
        });
        soft.effective_time = match was {
            Some(w) if w.retention_duration_seconds == soft.retention_duration_seconds => {
                w.effective_time
            }
            _ => Some(now),
        };
        let was = before.and_then(|b| b.retention_policy.as_ref());
        let locked = was.filter(|w| w.is_locked == Some(true));
        if let Some(locked) = locked {
            let shorter = self
                .retention_policy
                .as_ref()
                .is_none_or(|r| r.retention_period < locked.retention_period);
            if shorter {
                return Err(ApiError::denied(
                    "Cannot reduce the retention duration of a locked retention policy.",
                    "storage.buckets.update",
                ));
            }
        }
        if let Some(retention) = &mut self.retention_policy {
            if retention.retention_period.0 <= 0 {
                return Err(ApiError::invalid("The retention period must be greater than zero."));
            }
            retention.is_locked = locked.map(|_| true).or(Some(false));
            retention.effective_time = match was {
                Some(w) if w.retention_period == retention.retention_period => w.effective_time,
                _ => Some(now),
            };
        }
        Ok(())
    }

    /// `region`, `dual-region` or `multi-region`.
    pub fn location_type(&self) -> &'static str {
        match self.location.as_str() {
            _ if self.custom_placement_config.is_some() => "dual-region",
            "US" | "EU" | "ASIA" => "multi-region",
            "NAM4" | "EUR4" | "ASIA1" | "EUR5" | "EUR7" | "EUR8" => "dual-region",
            _ => "region",
        }
    }
}

fn same_fixed(now: &Value, new: &Value) -> bool {
    let text = |v: &Value| v.as_str().map(str::to_ascii_uppercase);
    match (text(now), text(new)) {
        (Some(a), Some(b)) => a == b,
        _ => {
            now == new
                || new.is_null()
                || (now.is_null() && new.get("enabled") == Some(&false.into()))
        }
    }
}

/// Only what this cloud keeps may be asked for: a setting that would have no effect is
/// refused, what the service itself sets is passed over as the service does.
fn keep_known(body: &Value) -> Result<Value, ApiError> {
    const KEPT: [&str; 19] = [
        "location",
        "storageClass",
        "labels",
        "iamConfiguration",
        "versioning",
        "website",
        "logging",
        "cors",
        "encryption",
        "billing",
        "defaultEventBasedHold",
        "lifecycle",
        "retentionPolicy",
        "softDeletePolicy",
        "rpo",
        "autoclass",
        "customPlacementConfig",
        "hierarchicalNamespace",
        "objectRetention",
    ];
    let Value::Object(body) = body else { return Err(ApiError::invalid("Invalid body")) };
    if body.get("ipFilter").is_some_and(|f| f.get("mode").is_some_and(|m| m == "Enabled")) {
        return Err(ApiError::unimplemented("ipFilter"));
    }
    let on = |name: &str| body.get(name).and_then(|v| v.get("enabled")) == Some(&true.into());
    if on("hierarchicalNamespace") {
        return Err(ApiError::unimplemented("hierarchicalNamespace"));
    }
    let mut kept: Map<String, Value> = body
        .iter()
        .filter(|(k, _)| KEPT.contains(&k.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    kept.remove("hierarchicalNamespace");
    // The old name of uniform access decides only where the new one is not said: clients
    // send both, the old one stale.
    if let Some(Value::Object(iam)) = kept.get_mut("iamConfiguration") {
        let old = iam.remove("bucketPolicyOnly");
        if let (Some(old), false) = (old, iam.contains_key("uniformBucketLevelAccess")) {
            iam.insert("uniformBucketLevelAccess".to_owned(), old);
        }
    }
    Ok(Value::Object(kept))
}

fn merge(whole: &mut Value, patch: Value) {
    match (whole, patch) {
        (Value::Object(whole), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    whole.remove(&key);
                } else {
                    merge(whole.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (whole, patch @ Value::Object(_)) => {
            *whole = Value::Object(Map::new());
            merge(whole, patch);
        }
        (whole, patch) => *whole = patch,
    }
}

fn read(value: Value) -> Result<Config, ApiError> {
    let clean = without_nulls(value);
    serde_json::from_value(clean)
        .map_err(|cause| ApiError::invalid(format!("Invalid value: {cause}")))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k, without_nulls(v)))
                .collect(),
        ),
        other => other,
    }
}

/// Label rules of the Resource Manager documentation.
fn check_labels(labels: Option<&BTreeMap<String, String>>) -> Result<(), ApiError> {
    let fits = |c: char| c.is_lowercase() || c.is_numeric() || c == '_' || c == '-';
    let bad = labels.into_iter().flatten().any(|(k, v)| {
        k.is_empty()
            || k.chars().count() > 63
            || v.chars().count() > 63
            || !k.starts_with(char::is_lowercase)
            || !k.chars().chain(v.chars()).all(fits)
    });
    if bad || labels.is_some_and(|l| l.len() > 64) {
        return Err(ApiError::invalid("Invalid argument: labels."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Timestamp {
        Timestamp::parse("2026-01-02T03:04:05Z").unwrap()
    }

    fn fresh(body: Value) -> Config {
        Config::create(&body, now()).unwrap()
    }

    #[test]
    fn a_stale_old_switch_does_not_undo_the_lock() {
        let config = fresh(json!({"location": "us-central1"}));
        let patched = config
            .patch(
                &json!({"iamConfiguration": {
                    "uniformBucketLevelAccess": {"enabled": true},
                    "publicAccessPrevention": "enforced",
                    "bucketPolicyOnly": {"enabled": false}}}),
                now(),
            )
            .unwrap();
        assert!(patched.uniform() && patched.prevented());
        let still = patched.patch(&json!({"storageClass": "NEARLINE"}), now()).unwrap();
        assert!(still.uniform() && still.prevented() && still.storage_class == "NEARLINE");
    }

    #[test]
    fn uniform_access_cannot_be_undone_once_locked() {
        let on = json!({"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": true}}});
        let off = json!({"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": false}}});
        let config = fresh(on);
        assert!(config.patch(&off, now()).is_ok());
        let late = now().plus_seconds(LOCK_AFTER);
        assert_eq!(config.patch(&off, late).unwrap_err().http, 412);
    }

    #[test]
    fn null_clears_and_what_has_no_effect_here_is_refused() {
        let config = fresh(json!({"labels": {"a": "b"}, "versioning": {"enabled": true}}));
        let patched =
            config.patch(&json!({"labels": {"a": null, "c": "d"}, "versioning": null}), now());
        let patched = patched.unwrap();
        assert_eq!(patched.labels.unwrap().into_keys().collect::<Vec<_>>(), ["c"]);
        assert_eq!(patched.versioning, None);
        assert_eq!(config.patch(&json!({"location": "EU"}), now()).unwrap_err().http, 400);
        let filter = json!({"ipFilter": {"mode": "Enabled"}});
        assert_eq!(config.patch(&filter, now()).unwrap_err().http, 501);
        assert_eq!(config.patch(&json!([1]), now()).unwrap_err().http, 400);
        assert_eq!(config.patch(&json!({"cors": "x"}), now()).unwrap_err().http, 400);
    }
}
