//! Between the messages of `google.storage.v2` and the stored documents. What a request
//! writes is turned into the JSON API's shape, so that one set of rules reads both.

use crate::calls::acl;
use crate::calls::buckets::Answered;
use crate::error::ApiError;
use crate::state::Int64;
use crate::state::bucket::Bucket;
use crate::state::config::{self, Config, Prevention};
use crate::state::object::Acl;
use crate::state::policy::{AuditConfig, Binding, Condition, Policy};
use crate::story;
use googleapis_tonic_google_iam_v1::google::iam::v1 as iam;
use googleapis_tonic_google_storage_v2::google::storage::v2 as pb;
use model::Timestamp;
use serde_json::{Map, Value, json};

fn moment(time: Timestamp) -> prost_types::Timestamp {
    let nanos = i32::try_from(time.inner().nanosecond()).unwrap_or(0);
    prost_types::Timestamp { seconds: time.unix(), nanos }
}

fn seconds(duration: &prost_types::Duration) -> String {
    duration.seconds.to_string()
}

fn duration(seconds: Int64) -> prost_types::Duration {
    prost_types::Duration { seconds: seconds.0, nanos: 0 }
}

/// A date as the JSON API writes one.
macro_rules! date_text {
    ($date:expr) => {
        $date.as_ref().map(|d| format!("{:04}-{:02}-{:02}", d.year, d.month, d.day))
    };
}

/// Fills a date in, whose type only the message crate can name.
macro_rules! put_date {
    ($slot:expr, $text:expr) => {
        if let Some((year, month, day)) = $text.as_deref().and_then(parts_of_date) {
            let date = $slot.get_or_insert_with(Default::default);
            date.year = year;
            date.month = month;
            date.day = day;
        }
    };
}

fn parts_of_date(text: &str) -> Option<(i32, i32, i32)> {
    let mut parts = text.split('-').map(|p| p.parse::<i32>().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// What a bucket message says, as a body of the JSON API; empty fields are left out.
pub fn to_json(b: &pb::Bucket) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() && value != "" {
            body.insert(key.to_owned(), value);
        }
    };
    put("location", json!(b.location));
    put("storageClass", json!(b.storage_class));
    put("rpo", json!(b.rpo));
    if !b.labels.is_empty() {
        put("labels", json!(b.labels));
    }
    if b.default_event_based_hold {
        put("defaultEventBasedHold", json!(true));
    }
    put("versioning", json!(b.versioning.as_ref().map(|v| json!({"enabled": v.enabled}))));
    put(
        "website",
        json!(b.website.as_ref().map(|w| text_map([
            ("mainPageSuffix", &w.main_page_suffix),
            ("notFoundPage", &w.not_found_page),
        ]))),
    );
    put(
        "logging",
        json!(b.logging.as_ref().map(|l| text_map([
            ("logBucket", bare(&l.log_bucket)),
            ("logObjectPrefix", &l.log_object_prefix),
        ]))),
    );
    if !b.cors.is_empty() {
        let cors = b.cors.iter().map(|c| {
            json!({"origin": c.origin, "method": c.method, "responseHeader": c.response_header,
                "maxAgeSeconds": c.max_age_seconds})
        });
        put("cors", cors.collect());
    }
    put(
        "encryption",
        json!(b.encryption.as_ref().map(|e| json!({"defaultKmsKeyName": e.default_kms_key}))),
    );
    put("billing", json!(b.billing.map(|v| json!({"requesterPays": v.requester_pays}))));
    put(
        "lifecycle",
        json!(
            b.lifecycle
                .as_ref()
                .map(|l| json!({"rule": l.rule.iter().map(rule).collect::<Vec<_>>()}))
        ),
    );
    put(
        "retentionPolicy",
        json!(b.retention_policy.as_ref().and_then(|r| {
            Some(json!({"retentionPeriod": seconds(r.retention_duration.as_ref()?)}))
        })),
    );
    put(
        "softDeletePolicy",
        json!(b.soft_delete_policy.as_ref().and_then(|s| {
            Some(json!({"retentionDurationSeconds": seconds(s.retention_duration.as_ref()?)}))
        })),
    );
    put(
        "autoclass",
        json!(b.autoclass.as_ref().map(|a| json!({
            "enabled": a.enabled, "terminalStorageClass": a.terminal_storage_class,
        }))),
    );
    put(
        "customPlacementConfig",
        json!(
            b.custom_placement_config.as_ref().map(|c| json!({"dataLocations": c.data_locations}))
        ),
    );
    put(
        "hierarchicalNamespace",
        json!(b.hierarchical_namespace.map(|h| json!({"enabled": h.enabled}))),
    );
    put("ipFilter", json!(b.ip_filter.as_ref().map(|f| json!({"mode": f.mode}))));
    put("iamConfiguration", json!(b.iam_config.as_ref().map(iam_config)));
    let entries = |list: Vec<(&String, &String)>| -> Value {
        list.into_iter().map(|(entity, role)| json!({"entity": entity, "role": role})).collect()
    };
    if !b.acl.is_empty() {
        put("acl", entries(b.acl.iter().map(|a| (&a.entity, &a.role)).collect()));
    }
    if !b.default_object_acl.is_empty() {
        let list = b.default_object_acl.iter().map(|a| (&a.entity, &a.role)).collect();
        put("defaultObjectAcl", entries(list));
    }
    Value::Object(body)
}

fn text_map<const N: usize>(pairs: [(&str, &str); N]) -> Value {
    Value::Object(
        pairs
            .into_iter()
            .filter(|(_, v)| !v.is_empty())
            .map(|(k, v)| (k.to_owned(), v.into()))
            .collect(),
    )
}

fn bare(name: &str) -> &str {
    name.strip_prefix("projects/_/buckets/").unwrap_or(name)
}

fn iam_config(c: &pb::bucket::IamConfig) -> Value {
    let mut body = Map::new();
    if let Some(uniform) = &c.uniform_bucket_level_access {
        body.insert("uniformBucketLevelAccess".to_owned(), json!({"enabled": uniform.enabled}));
    }
    if !c.public_access_prevention.is_empty() {
        body.insert("publicAccessPrevention".to_owned(), json!(c.public_access_prevention));
    }
    Value::Object(body)
}

fn rule(r: &pb::bucket::lifecycle::Rule) -> Value {
    let action = r.action.as_ref();
    let condition = r.condition.as_ref();
    let list = |l: Option<&Vec<String>>| l.filter(|l| !l.is_empty()).cloned();
    let all = json!({
        "action": {
            "type": action.map(|a| a.r#type.clone()),
            "storageClass": action.map(|a| a.storage_class.clone()).filter(|s| !s.is_empty()),
        },
        "condition": {
            "age": condition.and_then(|c| c.age_days),
            "createdBefore": condition.and_then(|c| date_text!(c.created_before)),
            "isLive": condition.and_then(|c| c.is_live),
            "numNewerVersions": condition.and_then(|c| c.num_newer_versions),
            "matchesStorageClass": list(condition.map(|c| &c.matches_storage_class)),
            "daysSinceCustomTime": condition.and_then(|c| c.days_since_custom_time),
            "customTimeBefore": condition.and_then(|c| date_text!(c.custom_time_before)),
            "daysSinceNoncurrentTime": condition.and_then(|c| c.days_since_noncurrent_time),
            "noncurrentTimeBefore": condition.and_then(|c| date_text!(c.noncurrent_time_before)),
            "matchesPrefix": list(condition.map(|c| &c.matches_prefix)),
            "matchesSuffix": list(condition.map(|c| &c.matches_suffix)),
        },
    });
    without_nulls(all)
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

/// The JSON API's path of a field that a mask names.
fn json_path(path: &str) -> Option<Vec<&str>> {
    let (top, rest) = path.split_once('.').map_or((path, None), |(t, r)| (t, Some(r)));
    let name = match top {
        "storage_class" => "storageClass",
        "rpo" => "rpo",
        "labels" => "labels",
        "default_event_based_hold" => "defaultEventBasedHold",
        "versioning" => "versioning",
        "website" => "website",
        "logging" => "logging",
        "cors" => "cors",
        "encryption" => "encryption",
        "billing" => "billing",
        "lifecycle" => "lifecycle",
        "retention_policy" => "retentionPolicy",
        "soft_delete_policy" => "softDeletePolicy",
        "autoclass" => "autoclass",
        "iam_config" => "iamConfiguration",
        "acl" => "acl",
        "default_object_acl" => "defaultObjectAcl",
        "ip_filter" => "ipFilter",
        "location" => "location",
        "custom_placement_config" => "customPlacementConfig",
        _ => return None,
    };
    let mut found = vec![name];
    match (top, rest) {
        (_, None) => {}
        ("labels", Some(key)) => found.push(key),
        ("iam_config", Some("public_access_prevention")) => found.push("publicAccessPrevention"),
        (
            "iam_config",
            Some("uniform_bucket_level_access" | "uniform_bucket_level_access.enabled"),
        ) => {
            found.push("uniformBucketLevelAccess");
        }
        ("versioning" | "autoclass", Some("enabled")) => found.push("enabled"),
        ("billing", Some("requester_pays")) => found.push("requesterPays"),
        ("website", Some("main_page_suffix")) => found.push("mainPageSuffix"),
        ("website", Some("not_found_page")) => found.push("notFoundPage"),
        ("logging", Some("log_bucket")) => found.push("logBucket"),
        ("logging", Some("log_object_prefix")) => found.push("logObjectPrefix"),
        ("encryption", Some("default_kms_key")) => found.push("defaultKmsKeyName"),
        ("lifecycle", Some("rule")) => found.push("rule"),
        ("retention_policy", Some("retention_duration")) => found.push("retentionPeriod"),
        ("soft_delete_policy", Some("retention_duration")) => {
            found.push("retentionDurationSeconds")
        }
        _ => return None,
    }
    Some(found)
}

/// The merge patch that a message and its mask ask for: a field that the mask names and the
/// message leaves out is cleared.
pub fn patch(bucket: &pb::Bucket, mask: &[String]) -> Result<Value, ApiError> {
    let body = to_json(bucket);
    let mut patch = json!({});
    for path in mask {
        if path == "*" {
            return Ok(body);
        }
        let Some(steps) = json_path(path) else {
            return Err(ApiError::invalid(format!("Invalid field in update_mask: {path}")));
        };
        let value = steps.iter().try_fold(&body, |v, step| v.get(*step)).cloned();
        // Proto3 cannot say false: a switch that the mask names is off when left out.
        let value = value.unwrap_or(match steps.as_slice() {
            ["defaultEventBasedHold"] => json!(false),
            _ => Value::Null,
        });
        match steps.as_slice() {
            // A map that the mask names whole replaces the old one, key by key.
            [only] => patch[*only] = replaced(only, value),
            [first, second] => patch[*first][*second] = value,
            _ => {}
        }
    }
    Ok(patch)
}

/// Labels cannot be replaced by a merge patch, so the patch says it in its own way.
fn replaced(name: &str, value: Value) -> Value {
    match (name, value) {
        ("labels", Value::Object(mut labels)) => {
            labels.insert(config::REPLACE.to_owned(), Value::Bool(true));
            Value::Object(labels)
        }
        (_, value) => value,
    }
}

/// A stored bucket as a message.
pub fn bucket(bucket: &Bucket) -> pb::Bucket {
    let c: &Config = &bucket.config;
    let uniform = &c.iam_configuration.uniform_bucket_level_access;
    let prevention = match c.iam_configuration.public_access_prevention {
        Prevention::Inherited => "inherited",
        Prevention::Enforced => "enforced",
    };
    let acls = !c.uniform();
    pb::Bucket {
        name: bucket.resource_name(),
        bucket_id: bucket.name.clone(),
        etag: bucket.etag(),
        project: format!("projects/{}", story::PROJECT_NUMBER),
        metageneration: bucket.metageneration,
        location: c.location.clone(),
        location_type: c.location_type().to_owned(),
        storage_class: c.storage_class.clone(),
        rpo: c.rpo.clone().unwrap_or_default(),
        acl: if acls {
            acl::of_bucket(bucket).iter().map(bucket_acl).collect()
        } else {
            Vec::new()
        },
        default_object_acl: if acls {
            bucket.default_object_acl.iter().map(object_acl).collect()
        } else {
            Vec::new()
        },
        lifecycle: c
            .lifecycle
            .as_ref()
            .map(|l| pb::bucket::Lifecycle { rule: l.rule.iter().map(rule_message).collect() }),
        create_time: Some(moment(bucket.created)),
        update_time: Some(moment(bucket.updated)),
        cors: c.cors.iter().map(cors_message).collect(),
        default_event_based_hold: c.default_event_based_hold == Some(true),
        labels: c.labels.iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
        website: c.website.as_ref().map(|w| pb::bucket::Website {
            main_page_suffix: w.main_page_suffix.clone().unwrap_or_default(),
            not_found_page: w.not_found_page.clone().unwrap_or_default(),
        }),
        versioning: c.versioning.as_ref().map(|v| pb::bucket::Versioning { enabled: v.enabled }),
        logging: c.logging.as_ref().map(|l| pb::bucket::Logging {
            log_bucket: format!("projects/_/buckets/{}", l.log_bucket),
            log_object_prefix: l.log_object_prefix.clone(),
        }),
        encryption: c.encryption.as_ref().map(|e| pb::bucket::Encryption {
            default_kms_key: e.default_kms_key_name.clone(),
            ..Default::default()
        }),
        billing: c
            .billing
            .as_ref()
            .map(|b| pb::bucket::Billing { requester_pays: b.requester_pays }),
        retention_policy: c.retention_policy.as_ref().map(|r| pb::bucket::RetentionPolicy {
            effective_time: r.effective_time.map(moment),
            is_locked: r.is_locked == Some(true),
            retention_duration: Some(duration(r.retention_period)),
        }),
        iam_config: Some(pb::bucket::IamConfig {
            uniform_bucket_level_access: Some(pb::bucket::iam_config::UniformBucketLevelAccess {
                enabled: uniform.enabled,
                lock_time: uniform.locked_time.map(moment),
            }),
            public_access_prevention: prevention.to_owned(),
        }),
        custom_placement_config: c.custom_placement_config.as_ref().map(|p| {
            pb::bucket::CustomPlacementConfig { data_locations: p.data_locations.clone() }
        }),
        autoclass: c.autoclass.as_ref().map(|a| pb::bucket::Autoclass {
            enabled: a.enabled,
            toggle_time: a.toggle_time.map(moment),
            terminal_storage_class: a.terminal_storage_class.clone(),
            terminal_storage_class_update_time: a.terminal_storage_class_update_time.map(moment),
        }),
        soft_delete_policy: c.soft_delete_policy.as_ref().map(|s| pb::bucket::SoftDeletePolicy {
            retention_duration: Some(duration(s.retention_duration_seconds)),
            effective_time: s.effective_time.map(moment),
        }),
        object_retention: c
            .object_retention
            .as_ref()
            .map(|r| pb::bucket::ObjectRetention { enabled: r.mode == "Enabled" }),
        ..Default::default()
    }
}

fn bucket_acl(a: &Acl) -> pb::BucketAccessControl {
    pb::BucketAccessControl { role: a.role.clone(), entity: a.entity.clone(), ..Default::default() }
}

fn object_acl(a: &Acl) -> pb::ObjectAccessControl {
    pb::ObjectAccessControl { role: a.role.clone(), entity: a.entity.clone(), ..Default::default() }
}

fn cors_message(c: &config::Cors) -> pb::bucket::Cors {
    pb::bucket::Cors {
        origin: c.origin.clone(),
        method: c.method.clone(),
        response_header: c.response_header.clone(),
        max_age_seconds: c.max_age_seconds.unwrap_or(0),
    }
}

fn rule_message(r: &config::Rule) -> pb::bucket::lifecycle::Rule {
    let c = &r.condition;
    let mut condition = pb::bucket::lifecycle::rule::Condition {
        age_days: c.age,
        is_live: c.is_live,
        num_newer_versions: c.num_newer_versions,
        matches_storage_class: c.matches_storage_class.clone(),
        days_since_custom_time: c.days_since_custom_time,
        days_since_noncurrent_time: c.days_since_noncurrent_time,
        matches_prefix: c.matches_prefix.clone(),
        matches_suffix: c.matches_suffix.clone(),
        ..Default::default()
    };
    put_date!(condition.created_before, c.created_before);
    put_date!(condition.custom_time_before, c.custom_time_before);
    put_date!(condition.noncurrent_time_before, c.noncurrent_time_before);
    pb::bucket::lifecycle::Rule {
        action: Some(pb::bucket::lifecycle::rule::Action {
            r#type: r.action.kind.clone(),
            storage_class: r.action.storage_class.clone(),
        }),
        condition: Some(condition),
    }
}

pub fn policy(answered: &Answered) -> iam::Policy {
    let bindings = answered.policy.bindings.iter().map(|b| {
        let mut binding =
            iam::Binding { role: b.role.clone(), members: b.members.clone(), condition: None };
        if let Some(condition) = &b.condition {
            let expr = binding.condition.get_or_insert_with(Default::default);
            expr.title.clone_from(&condition.title);
            expr.description.clone_from(&condition.description);
            expr.expression.clone_from(&condition.expression);
        }
        binding
    });
    iam::Policy {
        version: i32::try_from(answered.version()).unwrap_or(1),
        bindings: bindings.collect(),
        audit_configs: Vec::new(),
        etag: answered.etag.clone(),
    }
}

pub fn read_policy(policy: iam::Policy) -> Policy {
    let bindings = policy
        .bindings
        .into_iter()
        .map(|b| Binding {
            role: b.role,
            members: b.members,
            condition: b.condition.map(|c| Condition {
                title: c.title,
                description: c.description,
                expression: c.expression,
            }),
        })
        .collect();
    Policy { bindings, audit_configs: Vec::<AuditConfig>::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_writes_what_it_names_and_nothing_else() {
        let bucket = pb::Bucket {
            storage_class: "NEARLINE".to_owned(),
            iam_config: Some(pb::bucket::IamConfig {
                public_access_prevention: "enforced".to_owned(),
                uniform_bucket_level_access: None,
            }),
            ..Default::default()
        };
        let mask = |paths: &[&str]| {
            patch(&bucket, &paths.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(
            mask(&["iam_config.public_access_prevention"]).unwrap(),
            json!({"iamConfiguration": {"publicAccessPrevention": "enforced"}})
        );
        assert_eq!(mask(&["website"]).unwrap(), json!({"website": null}));
        assert!(mask(&["nonsense"]).is_err());
    }
}
