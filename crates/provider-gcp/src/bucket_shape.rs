//! Between `google.storage.v2.Bucket` and Terraform's `google_storage_bucket`.
//!
//! Names, nesting and what stands for *absent* follow the Terraform provider (hashicorp/google
//! 6.x, `resource_storage_bucket.go`): a block that is not there is an empty list, numbers of
//! lifecycle conditions that are not there are 0.

use google_cloud_storage::model::{Bucket, bucket as parts};
use google_cloud_wkt::{Duration, Timestamp};
use model::{Attributes, Value};
use provider::{ErrorKind, ProviderError};
use serde_json::{Value as Json, json};

pub fn name_of(b: &Bucket) -> &str {
    match b.bucket_id.as_str() {
        "" => b.name.rsplit('/').next().unwrap_or_default(),
        id => id,
    }
}

/// The project's number, as buckets name it.
pub fn number_of(b: &Bucket) -> Option<&str> {
    b.project
        .strip_prefix("projects/")
        .filter(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
}

/// What Terraform would have stored.
pub fn attributes(b: &Bucket, project: Option<&str>) -> Attributes {
    let name = name_of(b);
    let iam = b.iam_config.as_ref();
    let prevention = iam.map_or("", |i| i.public_access_prevention.as_str());
    let uniform =
        iam.and_then(|i| i.uniform_bucket_level_access.as_ref()).is_some_and(|u| u.enabled);
    let configured: serde_json::Map<String, Json> = b
        .labels
        .iter()
        .filter(|(k, _)| !is_providers_own(k))
        .map(|(k, v)| (k.clone(), json!(v)))
        .collect();
    let number = number_of(b).and_then(|n| n.parse::<u64>().ok());
    let json = json!({
        "autoclass": block(b.autoclass.as_ref().map(|a| json!({
            "enabled": a.enabled,
            "terminal_storage_class": a.terminal_storage_class.as_deref().unwrap_or_default(),
        }))),
        "cors": b.cors.iter().map(|c| json!({
            "max_age_seconds": c.max_age_seconds,
            "method": c.method,
            "origin": c.origin,
            "response_header": c.response_header,
        })).collect::<Vec<_>>(),
        "custom_placement_config": block(b.custom_placement_config.as_ref().map(|c| {
            let mut locations = c.data_locations.clone();
            locations.sort_unstable();
            json!({"data_locations": locations})
        })),
        "default_event_based_hold": b.default_event_based_hold,
        "effective_labels": b.labels,
        "enable_object_retention": b.object_retention.as_ref().is_some_and(|o| o.enabled),
        "encryption": block(
            b.encryption
                .as_ref()
                .filter(|e| !e.default_kms_key.is_empty())
                .map(|e| json!({"default_kms_key_name": e.default_kms_key})),
        ),
        "hierarchical_namespace": [{
            "enabled": b.hierarchical_namespace.as_ref().is_some_and(|h| h.enabled),
        }],
        "id": name,
        "ip_filter": block(b.ip_filter.as_ref().map(ip_filter)),
        "labels": configured,
        "lifecycle_rule": b.lifecycle.iter().flat_map(|l| l.rule.iter().map(rule)).collect::<Vec<_>>(),
        "location": b.location.to_uppercase(),
        "logging": block(b.logging.as_ref().filter(|l| !l.log_bucket.is_empty()).map(|l| json!({
            "log_bucket": l.log_bucket.rsplit('/').next(),
            "log_object_prefix": l.log_object_prefix,
        }))),
        "name": name,
        "project": project,
        "project_number": number,
        "public_access_prevention": if prevention.is_empty() { "inherited" } else { prevention },
        "requester_pays": b.billing.as_ref().is_some_and(|v| v.requester_pays),
        "retention_policy": block(b.retention_policy.as_ref().map(|r| json!({
            "is_locked": r.is_locked,
            "retention_period": r.retention_duration.map_or(0, |d| d.seconds()),
        }))),
        "rpo": b.rpo,
        "self_link": format!("https://www.googleapis.com/storage/v1/b/{name}"),
        "soft_delete_policy": block(b.soft_delete_policy.as_ref().map(|s| json!({
            "effective_time": moment(s.effective_time),
            "retention_duration_seconds": s.retention_duration.map_or(0, |d| d.seconds()),
        }))),
        "storage_class": b.storage_class,
        "terraform_labels": b.labels,
        "time_created": moment(b.create_time),
        "uniform_bucket_level_access": uniform,
        "updated": moment(b.update_time),
        "url": format!("gs://{name}"),
        "versioning": block(b.versioning.as_ref().map(|v| json!({"enabled": v.enabled}))),
        "website": block(b.website.as_ref().map(|w| json!({
            "main_page_suffix": w.main_page_suffix,
            "not_found_page": w.not_found_page,
        }))),
    });
    match Value::from(json) {
        Value::Map(map) => map,
        _ => Attributes::new(),
    }
}

/// Labels that the Terraform provider adds by itself.
fn is_providers_own(label: &str) -> bool {
    label.starts_with("goog-")
}

fn block(inner: Option<Json>) -> Json {
    Json::Array(inner.into_iter().collect())
}

fn moment(time: Option<Timestamp>) -> Option<String> {
    let time = time?;
    let millis = time.seconds().checked_mul(1000)? + i64::from(time.nanos()) / 1_000_000;
    model::Timestamp::from_unix_millis(millis).map(|t| t.to_millis_text())
}

fn ip_filter(f: &parts::IpFilter) -> Json {
    let range = |ranges: &[String]| {
        let mut ranges = ranges.to_vec();
        ranges.sort_unstable();
        ranges
    };
    json!({
        "allow_all_service_agent_access": f.allow_all_service_agent_access.unwrap_or_default(),
        "allow_cross_org_vpcs": f.allow_cross_org_vpcs,
        "mode": f.mode.as_deref().unwrap_or("Disabled"),
        "public_network_source": block(f.public_network_source.as_ref().map(|p| {
            json!({"allowed_ip_cidr_ranges": range(&p.allowed_ip_cidr_ranges)})
        })),
        "vpc_network_sources": f.vpc_network_sources.iter().map(|v| json!({
            "allowed_ip_cidr_ranges": range(&v.allowed_ip_cidr_ranges),
            "network": v.network,
        })).collect::<Vec<_>>(),
    })
}

/// A date as the JSON API and Terraform write one; its type is in no crate of ours.
macro_rules! date_text {
    ($date:expr) => {
        $date.as_ref().map(|d| format!("{:04}-{:02}-{:02}", d.year, d.month, d.day))
    };
}

fn rule(r: &parts::lifecycle::Rule) -> Json {
    let action =
        r.action.as_ref().map(|a| json!({"type": a.r#type, "storage_class": a.storage_class}));
    let condition = r.condition.as_ref().map(|c| {
        let text = |date: Option<String>| date.unwrap_or_default();
        json!({
            "age": c.age_days.unwrap_or_default(),
            "created_before": text(date_text!(c.created_before)),
            "custom_time_before": text(date_text!(c.custom_time_before)),
            "days_since_custom_time": c.days_since_custom_time.unwrap_or_default(),
            "days_since_noncurrent_time": c.days_since_noncurrent_time.unwrap_or_default(),
            "matches_prefix": c.matches_prefix,
            "matches_storage_class": c.matches_storage_class,
            "matches_suffix": c.matches_suffix,
            "noncurrent_time_before": text(date_text!(c.noncurrent_time_before)),
            "num_newer_versions": c.num_newer_versions.unwrap_or_default(),
            "with_state": match c.is_live {
                None => "ANY",
                Some(true) => "LIVE",
                Some(false) => "ARCHIVED",
            },
        })
    });
    json!({"action": block(action), "condition": block(condition)})
}

/// Where a Terraform attribute lies in a bucket: the path of a field mask.
fn field(attribute: &str) -> Option<&'static str> {
    Some(match attribute {
        "autoclass" => "autoclass",
        "cors" => "cors",
        "default_event_based_hold" => "default_event_based_hold",
        "effective_labels" | "labels" => "labels",
        "encryption" => "encryption",
        "ip_filter" => "ip_filter",
        "lifecycle_rule" => "lifecycle",
        "logging" => "logging",
        "public_access_prevention" => "iam_config.public_access_prevention",
        "requester_pays" => "billing",
        "retention_policy" => "retention_policy",
        "rpo" => "rpo",
        "soft_delete_policy" => "soft_delete_policy",
        "storage_class" => "storage_class",
        "uniform_bucket_level_access" => "iam_config.uniform_bucket_level_access",
        "versioning" => "versioning",
        "website" => "website",
        _ => return None,
    })
}

/// The fields to write for these changes, or the attribute that cannot be changed.
pub fn mask(changes: &Attributes) -> Result<Vec<&'static str>, &str> {
    let mut mask =
        changes.keys().map(|k| field(k).ok_or(k.as_str())).collect::<Result<Vec<_>, _>>()?;
    mask.sort_unstable();
    mask.dedup();
    Ok(mask)
}

/// A bucket that asks for these attributes; what is not among them is not set.
pub fn bucket(wanted: &Attributes) -> Result<Bucket, ProviderError> {
    let json = proto(wanted);
    serde_json::from_value(Json::Object(json)).map_err(|e| {
        ProviderError::new(ErrorKind::Invalid, "write google_storage_bucket", "its attributes")
            .because(e.to_string())
    })
}

/// The ProtoJSON form of a bucket, which the SDK's messages read.
fn proto(wanted: &Attributes) -> serde_json::Map<String, Json> {
    let get = |name: &str| wanted.get(name).filter(|v| **v != Value::Null).map(Value::to_json);
    let first = |name: &str| get(name).and_then(|v| Some(v.as_array()?.first()?.clone()));
    let mut out = serde_json::Map::new();
    let mut put = |name: &str, value: Option<Json>| {
        if let Some(value) = value.filter(|v| !v.is_null()) {
            out.insert(name.to_owned(), value);
        }
    };
    put("location", get("location"));
    put("storageClass", get("storage_class"));
    put("rpo", get("rpo"));
    put("defaultEventBasedHold", get("default_event_based_hold"));
    put("labels", get("effective_labels").or_else(|| get("labels")));
    put("billing", get("requester_pays").map(|v| json!({"requesterPays": v})));
    let prevention = get("public_access_prevention");
    let uniform = get("uniform_bucket_level_access").map(|v| json!({"enabled": v}));
    if prevention.is_some() || uniform.is_some() {
        put(
            "iamConfig",
            Some(json!({
                "publicAccessPrevention": prevention.unwrap_or_else(|| json!("")),
                "uniformBucketLevelAccess": uniform,
            })),
        );
    }
    put("versioning", first("versioning").map(|v| json!({"enabled": v["enabled"]})));
    put(
        "website",
        first("website").map(|v| {
            texts(&v, &[("main_page_suffix", "mainPageSuffix"), ("not_found_page", "notFoundPage")])
        }),
    );
    put(
        "logging",
        first("logging").map(|v| {
            let log_bucket = v["log_bucket"].as_str().unwrap_or_default();
            json!({
                "logBucket": format!("projects/_/buckets/{log_bucket}"),
                "logObjectPrefix": v["log_object_prefix"].as_str().unwrap_or_default(),
            })
        }),
    );
    put(
        "encryption",
        first("encryption").map(|v| texts(&v, &[("default_kms_key_name", "defaultKmsKey")])),
    );
    put(
        "retentionPolicy",
        first("retention_policy")
            .map(|v| json!({"retentionDuration": seconds(&v["retention_period"])})),
    );
    put(
        "softDeletePolicy",
        first("soft_delete_policy")
            .map(|v| json!({"retentionDuration": seconds(&v["retention_duration_seconds"])})),
    );
    put(
        "autoclass",
        first("autoclass").map(|v| {
            let class = v["terminal_storage_class"].as_str().filter(|c| !c.is_empty());
            json!({"enabled": v["enabled"], "terminalStorageClass": class})
        }),
    );
    put(
        "customPlacementConfig",
        first("custom_placement_config").map(|v| json!({"dataLocations": v["data_locations"]})),
    );
    let tree = first("hierarchical_namespace").filter(|v| v["enabled"] == true);
    put("hierarchicalNamespace", tree.map(|_| json!({"enabled": true})));
    put("ipFilter", first("ip_filter").map(|v| proto_filter(&v)));
    put(
        "cors",
        get("cors").map(|v| {
            each(&v, |c| {
                json!({
                    "origin": list(&c["origin"]),
                    "method": list(&c["method"]),
                    "responseHeader": list(&c["response_header"]),
                    "maxAgeSeconds": c["max_age_seconds"].as_i64().unwrap_or_default(),
                })
            })
        }),
    );
    put("lifecycle", get("lifecycle_rule").map(|v| json!({"rule": each(&v, proto_rule)})));
    out
}

fn each(value: &Json, make: impl Fn(&Json) -> Json) -> Json {
    value.as_array().into_iter().flatten().map(make).collect()
}

fn list(value: &Json) -> Json {
    if value.is_array() { value.clone() } else { json!([]) }
}

fn texts(value: &Json, names: &[(&str, &str)]) -> Json {
    let texts = names.iter().filter_map(|(terraform, proto)| {
        let text = value[*terraform].as_str().filter(|t| !t.is_empty())?;
        Some(((*proto).to_owned(), json!(text)))
    });
    Json::Object(texts.collect())
}

/// A duration as ProtoJSON writes it. Google 7.x states hold the number as a text.
fn seconds(value: &Json) -> Json {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default();
    json!(String::from(Duration::clamp(number, 0)))
}

fn proto_filter(v: &Json) -> Json {
    let source = v["public_network_source"].as_array().and_then(|l| l.first());
    json!({
        "mode": v["mode"],
        "allowCrossOrgVpcs": v["allow_cross_org_vpcs"].as_bool().unwrap_or_default(),
        "allowAllServiceAgentAccess": v["allow_all_service_agent_access"].as_bool(),
        "publicNetworkSource": source.map(|s| json!({
            "allowedIpCidrRanges": list(&s["allowed_ip_cidr_ranges"]),
        })),
        "vpcNetworkSources": each(&v["vpc_network_sources"], |n| json!({
            "network": n["network"],
            "allowedIpCidrRanges": list(&n["allowed_ip_cidr_ranges"]),
        })),
    })
}

fn proto_rule(rule: &Json) -> Json {
    let one =
        |name: &str| rule[name].as_array().and_then(|l| l.first()).cloned().unwrap_or_default();
    let (action, c) = (one("action"), one("condition"));
    let mut condition = serde_json::Map::new();
    let mut put = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            condition.insert(name.to_owned(), value);
        }
    };
    for (terraform, proto) in [
        ("age", "ageDays"),
        ("days_since_custom_time", "daysSinceCustomTime"),
        ("days_since_noncurrent_time", "daysSinceNoncurrentTime"),
        ("num_newer_versions", "numNewerVersions"),
    ] {
        // A zero counts only where the configuration says that it should.
        let flag = format!("send_{terraform}_if_zero");
        let number = c[terraform].as_i64();
        put(proto, number.filter(|n| *n != 0 || c[flag.as_str()] == true).map(|n| json!(n)));
    }
    for (terraform, proto) in [
        ("created_before", "createdBefore"),
        ("custom_time_before", "customTimeBefore"),
        ("noncurrent_time_before", "noncurrentTimeBefore"),
    ] {
        put(proto, c[terraform].as_str().and_then(date));
    }
    for (terraform, proto) in [
        ("matches_prefix", "matchesPrefix"),
        ("matches_suffix", "matchesSuffix"),
        ("matches_storage_class", "matchesStorageClass"),
    ] {
        put(proto, c[terraform].as_array().filter(|l| !l.is_empty()).map(|l| json!(l)));
    }
    put(
        "isLive",
        match c["with_state"].as_str() {
            Some("LIVE") => Some(json!(true)),
            Some("ARCHIVED") => Some(json!(false)),
            _ => None,
        },
    );
    json!({
        "action": {
            "type": action["type"],
            "storageClass": action["storage_class"].as_str().unwrap_or_default(),
        },
        "condition": condition,
    })
}

fn date(text: &str) -> Option<Json> {
    let mut parts = text.split('-').map(|p| p.parse::<i32>().ok());
    Some(json!({"year": parts.next()??, "month": parts.next()??, "day": parts.next()??}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Attributes {
        serde_json::from_str(text).unwrap()
    }

    /// What is written and read back is the same.
    #[test]
    fn both_directions_agree() {
        let all = wanted(
            r#"{
            "autoclass": [{"enabled": true, "terminal_storage_class": "ARCHIVE"}],
            "cors": [{"max_age_seconds": 60, "method": ["GET"], "origin": ["*"], "response_header": ["x"]}],
            "custom_placement_config": [{"data_locations": ["US-EAST1", "US-WEST1"]}],
            "default_event_based_hold": true,
            "effective_labels": {"a": "b"},
            "encryption": [{"default_kms_key_name": "projects/p/locations/l/keyRings/r/cryptoKeys/k"}],
            "ip_filter": [{"allow_all_service_agent_access": true, "allow_cross_org_vpcs": false,
                "mode": "Enabled", "public_network_source": [{"allowed_ip_cidr_ranges": ["192.0.2.0/24"]}],
                "vpc_network_sources": [{"allowed_ip_cidr_ranges": ["10.0.0.0/8"], "network": "projects/p/global/networks/n"}]}],
            "lifecycle_rule": [{"action": [{"type": "Delete", "storage_class": ""}], "condition": [{
                "age": 30, "created_before": "2026-01-02", "custom_time_before": "", "days_since_custom_time": 0,
                "days_since_noncurrent_time": 4, "matches_prefix": ["p/"], "matches_storage_class": ["STANDARD"],
                "matches_suffix": [], "noncurrent_time_before": "", "num_newer_versions": 3, "with_state": "ARCHIVED"}]}],
            "location": "US", "logging": [{"log_bucket": "logs", "log_object_prefix": "p"}],
            "public_access_prevention": "enforced", "requester_pays": true,
            "retention_policy": [{"is_locked": false, "retention_period": 3600}],
            "rpo": "ASYNC_TURBO", "storage_class": "NEARLINE",
            "soft_delete_policy": [{"effective_time": null, "retention_duration_seconds": 864000}],
            "uniform_bucket_level_access": true, "versioning": [{"enabled": true}],
            "website": [{"main_page_suffix": "i.html", "not_found_page": "404.html"}]}"#,
        );
        let back = attributes(&bucket(&all).unwrap(), None);
        for (name, value) in &all {
            assert_eq!(back.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn a_zero_counts_only_when_asked_to() {
        let rule = |condition: &str| {
            let text = format!(
                r#"{{"lifecycle_rule":[{{"action":[{{"type":"Delete"}}],"condition":[{condition}]}}]}}"#
            );
            let bucket = bucket(&wanted(&text)).unwrap();
            bucket.lifecycle.unwrap().rule[0].condition.clone().unwrap().age_days
        };
        assert_eq!(rule(r#"{"age":0,"num_newer_versions":1}"#), None);
        assert_eq!(rule(r#"{"age":0,"send_age_if_zero":true}"#), Some(0));
    }

    #[test]
    fn what_cannot_be_changed_in_place_is_named() {
        assert_eq!(mask(&wanted(r#"{"versioning":[],"cors":[]}"#)), Ok(vec!["cors", "versioning"]));
        assert_eq!(mask(&wanted(r#"{"labels":{},"effective_labels":{}}"#)), Ok(vec!["labels"]));
        assert_eq!(mask(&wanted(r#"{"location":"EU"}"#)), Err("location"));
    }

    #[test]
    fn nonsense_is_refused_and_does_not_panic() {
        for text in [
            r#"{"cors":"x"}"#,
            r#"{"lifecycle_rule":[1,null,{"action":7}]}"#,
            r#"{"retention_policy":[{"retention_period":"many"}]}"#,
            r#"{"versioning":[{"enabled":"perhaps"}]}"#,
            r#"{"labels":[1]}"#,
        ] {
            let _ = bucket(&wanted(text)).map(|b| attributes(&b, None));
        }
        assert!(bucket(&wanted(r#"{"labels":[1]}"#)).is_err());
    }
}
