//! The kind as a whole: golden pair, records, exposure.

use super::super::golden::{event, golden};
use super::*;

const ID: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acme";

#[test]
fn golden_pair() {
    golden("storage_account", |wire| {
        resource(&wire["account"], Some(&wire["blob_service"])).unwrap()
    });
}

fn change(operation: &str, resource: &str, body: Json) -> Option<EventChange> {
    let event = event(&operation.to_uppercase(), &resource.to_uppercase(), body);
    let effect = StorageAccount.effect_of(&event)?;
    assert!(effect.native_id.eq_ignore_ascii_case(ID), "{}", effect.native_id);
    Some(effect.change)
}

fn attributes(pairs: &[(&str, Value)]) -> Attributes {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect()
}

#[test]
fn a_patch_sets_what_it_says() {
    let body = json!({"properties": {"allowBlobPublicAccess": true}});
    let expected = attributes(&[("allow_nested_items_to_be_public", true.into())]);
    assert_eq!(change(WRITE, ID, body), Some(EventChange::Sets(expected)));
    let acls = network::write(None);
    let body = json!({"properties": {"networkAcls": acls}});
    let expected = attributes(&[("network_rules", Value::List(vec![]))]);
    assert_eq!(change(WRITE, ID, body), Some(EventChange::Sets(expected)));
}

#[test]
fn a_put_does_not_tell_what_it_leaves_out() {
    let wanted = attributes(&[
        ("account_tier", "Standard".into()),
        ("account_replication_type", "LRS".into()),
        ("location", "West Europe".into()),
        ("allow_nested_items_to_be_public", false.into()),
    ]);
    let body = creation(&wanted, &Call::write(WRITE, "acme")).unwrap();
    let Some(EventChange::Creates(told)) = change(WRITE, ID, body) else { panic!("a PUT") };
    for (name, value) in [
        ("allow_nested_items_to_be_public", Value::Bool(false)),
        ("shared_access_key_enabled", Value::Bool(true)),
        ("min_tls_version", "TLS1_2".into()),
        ("location", "westeurope".into()),
        ("network_rules", Value::List(vec![])),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    assert!(!told.contains_key("blob_properties"));
}

#[test]
fn other_records() {
    assert_eq!(change(WRITE, ID, Json::Null), Some(EventChange::Opaque));
    assert_eq!(change(DELETE, ID, Json::Null), Some(EventChange::Deletes));
    assert_eq!(change(POLICY, ID, json!({})), Some(EventChange::Opaque));
    let list_keys = "Microsoft.Storage/storageAccounts/listKeys/action";
    assert_eq!(change(list_keys, ID, Json::Null), None);
    let container = format!("{ID}/blobServices/default/containers/c");
    assert_eq!(change(WRITE, &container, json!({})), None);
    let service = format!("{ID}/blobServices/default");
    let body = json!({"properties": {"isVersioningEnabled": false}});
    let Some(EventChange::Sets(set)) = change(WRITE_BLOB_SERVICE, &service, body) else {
        panic!("the blob service is the account's")
    };
    let block = first_block(set.get("blob_properties")).unwrap();
    assert_eq!(block["versioning_enabled"], false.into());
}

/// Whatever a body holds, reading it is no panic and no wrong shape.
#[test]
fn strange_bodies() {
    for body in [
        json!([]),
        json!({"properties": null}),
        json!({"properties": {"networkAcls": "x", "allowBlobPublicAccess": "yes", "sasPolicy": 1}}),
        json!({"sku": {"name": "x"}, "kind": 1, "location": [], "tags": "x", "identity": 7}),
    ] {
        let _ = change(WRITE, ID, body);
    }
    assert!(resource(&json!({"id": ID}), None).is_some());
    assert!(resource(&json!({"id": "/x"}), None).is_none());
}

#[test]
fn an_attribute_is_never_lost_in_silence() {
    let base = attributes(&[
        ("account_tier", "Standard".into()),
        ("account_replication_type", "LRS".into()),
        ("location", "westeurope".into()),
    ]);
    let call = Call::write(WRITE, "acme");
    for (name, value) in [
        ("custom_domain", json!([{"name": "x"}])),
        ("static_website", json!([{"index_document": "x"}])),
        ("routing", json!([{"choice": "InternetRouting"}])),
    ] {
        let mut wanted = base.clone();
        wanted.insert(name.to_owned(), value.into());
        let error = creation(&wanted, &call).unwrap_err();
        assert!(error.is(ErrorKind::Unsupported), "{error}");
        assert!(error.cause.contains(name), "{error}");
    }
}

/// What was read can be made again, the keys of the golden pair left out.
#[test]
fn what_was_read_can_be_created() {
    let wire = json!({
        "id": ID, "kind": "StorageV2", "location": "westeurope",
        "sku": {"name": "Standard_LRS", "tier": "Standard"}, "properties": {},
    });
    let read = resource(&wire, Some(&json!({"properties": {}}))).unwrap();
    let body = creation(&read.attributes, &Call::write(WRITE, "acme")).unwrap();
    assert_eq!(body["sku"]["name"], "Standard_LRS");
    assert!(!body.to_string().contains("access_key"));
}

#[test]
fn fewer_addresses_are_no_alarm() {
    let path = AttributePath::root("network_rules").index(0).key("ip_rules");
    let (one, two) = (Value::strings(["192.0.2.1"]), Value::strings(["192.0.2.1", "192.0.2.2"]));
    let judge = |desired: &Value, live: &Value| {
        StorageAccount.judge(&path, desired, live).map(|j| j.severity)
    };
    assert_eq!(judge(&two, &one), Some(Severity::Low));
    assert_eq!(judge(&one, &two), None);
}

#[test]
fn an_account_is_as_open_as_its_containers() {
    let account = |allowed: bool| {
        let wire = json!({"id": ID, "properties": {"allowBlobPublicAccess": allowed}});
        resource(&wire, None).unwrap()
    };
    let container = |level: &str| {
        let id = format!("{ID}/blobServices/default/containers/{}", level.to_lowercase());
        let wire = json!({"id": id, "properties": {"publicAccess": level}});
        super::super::storage_container::resource(
            &wire,
            super::super::storage_container::Shape::Arm,
        )
        .unwrap()
    };
    let public = |allowed, levels: &[&str]| {
        let neighbours: Vec<Resource> = levels.iter().map(|l| container(l)).collect();
        StorageAccount.exposure(&account(allowed), &neighbours).map(|e| e.public)
    };
    assert_eq!(public(true, &["None", "Blob"]), Some(true));
    assert_eq!(public(false, &["None", "Blob"]), Some(false));
    assert_eq!(public(true, &["None"]), Some(false));
    assert_eq!(public(true, &[]), None);
}
