//! The recorded states of the lab's environments: what their providers' schemas allow, and
//! the same when they are made again.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

#[path = "../../recording.rs"]
mod recording;

use serde_json::{Map, Value as Json};

/// What a cloud stamps on a resource when it is made; everything else comes out the same.
const STAMPED: [&str; 2] = ["time_created", "updated"];

fn state(cloud: &str) -> Json {
    let path = recording::environment(cloud).join("terraform.tfstate");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn without_stamps(value: &mut Json) {
    match value {
        Json::Object(map) => {
            for (name, inner) in map.iter_mut() {
                match STAMPED.contains(&name.as_str()) || name == "effective_time" {
                    true => *inner = Json::Null,
                    false => without_stamps(inner),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(without_stamps),
        _ => {}
    }
}

async fn made_again_it_is_the_same(cloud: &str) {
    let mut recorded = state(cloud);
    let mut again = recording::record(cloud).await.unwrap();
    without_stamps(&mut recorded);
    without_stamps(&mut again);
    for (a, b) in
        recorded["resources"].as_array().unwrap().iter().zip(again["resources"].as_array().unwrap())
    {
        assert_eq!(a, b, "{} {}", a["type"], a["name"]);
    }
    assert_eq!(recorded, again);
}

#[tokio::test]
async fn azure_made_again_is_the_same() {
    made_again_it_is_the_same("azure").await;
}

#[tokio::test]
async fn gcp_made_again_is_the_same() {
    made_again_it_is_the_same("gcp").await;
}

/// Does a value fit a type of Terraform's type system?
fn fits(value: &Json, of: &Json) -> bool {
    match (value, of) {
        (Json::Null, _) => true,
        (_, Json::String(name)) => match name.as_str() {
            "string" => value.is_string(),
            "bool" => value.is_boolean(),
            "number" => value.is_number(),
            _ => name == "dynamic",
        },
        (_, Json::Array(parts)) => match (parts[0].as_str(), value) {
            (Some("list" | "set"), Json::Array(items)) => items.iter().all(|i| fits(i, &parts[1])),
            (Some("map"), Json::Object(map)) => map.values().all(|v| fits(v, &parts[1])),
            (Some("object"), Json::Object(map)) => {
                map.iter().all(|(k, v)| parts[1].get(k).is_some_and(|t| fits(v, t)))
            }
            _ => false,
        },
        _ => false,
    }
}

fn check_block(path: &str, value: &Map<String, Json>, schema: &Json, checked: &mut usize) {
    for (name, value) in value {
        let here = format!("{path}.{name}");
        if let Some(attribute) = schema["attributes"].get(name) {
            assert!(fits(value, &attribute["type"]), "{here}: {value} is no {}", attribute["type"]);
            *checked += 1;
            continue;
        }
        let block = schema["blocks"].get(name).unwrap_or_else(|| panic!("{here} is in no schema"));
        match value {
            Json::Null => assert_eq!(block["nesting"], "single", "{here}"),
            Json::Array(items) => {
                for item in items {
                    check_block(&here, item.as_object().unwrap(), block, checked);
                }
            }
            other => panic!("{here}: {other}"),
        }
        *checked += 1;
    }
}

#[test]
fn every_attribute_is_the_schemas_by_name_and_type() {
    let schemas = recording::schemas().unwrap();
    for (cloud, provider) in [("azure", "azurerm"), ("gcp", "google")] {
        let mut checked = 0;
        for resource in state(cloud)["resources"].as_array().unwrap() {
            let kind = resource["type"].as_str().unwrap();
            let schema = &schemas["providers"][provider]["resource_kinds"][kind];
            let instance = &resource["instances"][0];
            assert_eq!(instance["schema_version"], schema["schema_version"], "{kind}");
            let attributes = instance["attributes"].as_object().unwrap();
            check_block(kind, attributes, schema, &mut checked);
            // A state holds every attribute of its schema, set or not.
            for name in schema["attributes"].as_object().unwrap().keys() {
                assert!(attributes.contains_key(name), "{kind}.{name} is missing");
            }
        }
        assert!(checked > 50, "{cloud}: {checked} attributes");
    }
}

/// The forms of ids that the providers store.
#[test]
fn ids_have_the_providers_forms() {
    let id = |cloud: &str, kind: &str, name: &str| {
        state(cloud)["resources"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["type"] == kind && r["name"] == name)
            .map(|r| r["instances"][0]["attributes"]["id"].as_str().unwrap().to_owned())
            .unwrap()
    };
    let group = "/subscriptions/2b6f9d34-5c1e-4a7b-8d2f-6e0c4b9a7d10/resourceGroups/acme-data";
    assert_eq!(id("azure", "azurerm_resource_group", "data"), group);
    let account = format!("{group}/providers/Microsoft.Storage/storageAccounts/acmereports");
    assert_eq!(id("azure", "azurerm_storage_account", "reports"), account);
    assert_eq!(
        id("azure", "azurerm_storage_container", "reports"),
        format!("{account}/blobServices/default/containers/reports")
    );
    assert_eq!(id("gcp", "google_storage_bucket", "datasets"), "acme-lab-datasets");
    assert_eq!(
        id("gcp", "google_storage_bucket_iam_binding", "datasets_readers"),
        "b/acme-lab-datasets/roles/storage.objectViewer"
    );
    assert_eq!(
        id("gcp", "google_storage_bucket_iam_member", "models_auditor"),
        "b/acme-lab-models/roles/storage.legacyBucketReader/user:audit@example.com"
    );
}
