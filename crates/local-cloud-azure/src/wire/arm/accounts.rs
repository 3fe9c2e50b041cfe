//! Storage accounts on the wire.

use super::error::ArmError;
use super::{Ask, Reply, Route};
use crate::authorize;
use crate::state::account::{self, Account, Key};
use crate::state::group::{self, Group};
use http::{Method, StatusCode};
use local_cloud::Tx;
use serde_json::{Map, Value, json};

const ONE: &str = "/subscriptions/*/resourcegroups/*/providers/microsoft.storage/storageaccounts/*";
const KIND: &str = "Microsoft.Storage/storageAccounts";
const READ: &str = "Microsoft.Storage/storageAccounts/read";
const WRITE: &str = "Microsoft.Storage/storageAccounts/write";
const BLOB_SERVICE: &str = "/subscriptions/*/resourcegroups/*/providers/microsoft.storage/storageaccounts/*/blobservices/default";
const FILE_SERVICE: &str = "/subscriptions/*/resourcegroups/*/providers/microsoft.storage/storageaccounts/*/fileservices/default";

pub const ROUTES: &[Route] = &[
    Route::new(
        Method::GET,
        "/subscriptions/*/providers/microsoft.storage/storageaccounts",
        READ,
        list,
    )
    .trimmed().above(3),
    Route::new(
        Method::POST,
        "/subscriptions/*/providers/microsoft.storage/checknameavailability",
        "Microsoft.Storage/checknameavailability/read",
        check_name,
    ).trimmed().above(3),
    Route::new(
        Method::GET,
        "/subscriptions/*/resourcegroups/*/providers/microsoft.storage/storageaccounts",
        READ,
        list_group,
    ).above(3),
    Route::new(Method::GET, ONE, READ, get),
    Route::new(Method::PUT, ONE, WRITE, put),
    Route::new(Method::PATCH, ONE, WRITE, patch),
    Route::new(Method::DELETE, ONE, "Microsoft.Storage/storageAccounts/delete", delete),
    Route::new(
        Method::POST,
        "/subscriptions/*/resourcegroups/*/providers/microsoft.storage/storageaccounts/*/listkeys",
        "Microsoft.Storage/storageAccounts/listKeys/action",
        list_keys,
    ).above(1),
    Route::new(
        Method::POST,
        "/subscriptions/*/resourcegroups/*/providers/microsoft.storage/storageaccounts/*/regeneratekey",
        "Microsoft.Storage/storageAccounts/regenerateKey/action",
        regenerate_key,
    ).above(1),
    Route::new(
        Method::GET,
        BLOB_SERVICE,
        "Microsoft.Storage/storageAccounts/blobServices/read",
        get_blob_service,
    ),
    Route::new(
        Method::PUT,
        BLOB_SERVICE,
        "Microsoft.Storage/storageAccounts/blobServices/write",
        put_blob_service,
    ),
    Route::new(
        Method::GET,
        FILE_SERVICE,
        "Microsoft.Storage/storageAccounts/fileServices/read",
        get_file_service,
    ),
];

pub fn group(ask: &Ask<'_>, tx: &Tx<'_>) -> Result<Group, ArmError> {
    let name = ask.names.get(1).copied().unwrap_or_default();
    group::get(&tx.view(), name).ok_or_else(|| ArmError::no_group(name))
}

pub fn account(ask: &Ask<'_>, tx: &Tx<'_>) -> Result<Account, ArmError> {
    let group = group(ask, tx)?;
    let name = ask.names.get(2).copied().unwrap_or_default();
    account::in_this_group(&tx.view(), &group.name, name)
        .ok_or_else(|| ArmError::no_resource(KIND, name, &group.name))
}

fn list(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let view = tx.view();
    let value: Vec<Value> = account::all(&view)
        .iter()
        .filter(|a| {
            ask.everywhere
                || authorize::check(&view, &ask.caller.principal, READ, &a.id(), false).is_some()
        })
        .map(Account::to_json)
        .collect();
    Ok(Reply::ok(json!({"value": value})))
}

fn list_group(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let group = group(ask, tx)?;
    let all = account::in_group(&tx.view(), &group.name);
    Ok(Reply::ok(json!({"value": all.iter().map(Account::to_json).collect::<Vec<_>>()})))
}

fn check_name(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let name = ask.body.get("name").and_then(Value::as_str).unwrap_or_default();
    let refused = if !account::valid_name(name) {
        Some(("AccountNameInvalid", format!("{name} is not a valid storage account name.")))
    } else if account::get(&tx.view(), name).is_some() {
        Some(("AlreadyExists", format!("The storage account named {name} is already taken.")))
    } else {
        None
    };
    Ok(Reply::ok(match refused {
        Some((reason, message)) => {
            json!({"nameAvailable": false, "reason": reason, "message": message})
        }
        None => json!({"nameAvailable": true}),
    }))
}

fn get(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    Ok(Reply::ok(account(ask, tx)?.to_json()))
}

/// 200 whether it was there or not: clients accept no 201 here.
fn put(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let group = group(ask, tx)?;
    let name = ask.names.get(2).copied().unwrap_or_default();
    let account = match account::get(&tx.view(), name) {
        Some(mut old) if old.group.eq_ignore_ascii_case(&group.name) => {
            old.change(ask.body)?;
            old
        }
        Some(_) => {
            return Err(ArmError::conflict(
                "StorageAccountAlreadyExists",
                format!("The storage account named {name} already exists under the subscription."),
            ));
        }
        None => Account::new(&group.name, name, ask.body, &ask.now.to_millis_text())?,
    };
    account::put(tx, &account);
    Ok(Reply::ok(account.to_json()))
}

fn patch(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let mut account = account(ask, tx)?;
    account.change(ask.body)?;
    account::put(tx, &account);
    Ok(Reply::ok(account.to_json()))
}

fn delete(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let group = group(ask, tx)?;
    let name = ask.names.get(2).copied().unwrap_or_default();
    match account::in_this_group(&tx.view(), &group.name, name) {
        Some(account) => {
            account::delete(tx, &account);
            Ok(Reply::empty(StatusCode::OK))
        }
        None => Ok(Reply::empty(StatusCode::NO_CONTENT)),
    }
}

fn keys(account: &Account) -> Reply {
    let keys: Vec<Value> = account
        .keys
        .iter()
        .map(|key| {
            json!({
                "keyName": key.name,
                "value": key.value,
                "permissions": "FULL",
                "creationTime": key.created,
            })
        })
        .collect();
    Reply::secret(json!({"keys": keys}))
}

fn list_keys(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    Ok(keys(&account(ask, tx)?))
}

fn regenerate_key(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let mut account = account(ask, tx)?;
    let name = ask.body.get("keyName").and_then(Value::as_str).unwrap_or_default();
    let now = ask.now.to_millis_text();
    match account.keys.iter_mut().find(|k| k.name.eq_ignore_ascii_case(name)) {
        Some(key) => *key = Key::fresh(&key.name, &now),
        None => {
            return Err(ArmError::bad_request(
                "InvalidValuesForRequestParameters",
                "Values for request parameters are invalid: keyName.",
            ));
        }
    }
    account::put(tx, &account);
    Ok(keys(&account))
}

fn service(account: &Account, service: &str, properties: &Map<String, Value>) -> Value {
    json!({
        "id": format!("{}/{service}/default", account.id()),
        "name": "default",
        "type": format!("{KIND}/{service}"),
        "sku": account.to_json()["sku"],
        "properties": properties,
    })
}

fn get_blob_service(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let account = account(ask, tx)?;
    Ok(Reply::ok(service(&account, "blobServices", &account.blob_service)))
}

const BLOB_SETTINGS: &[&str] = &[
    "automaticSnapshotPolicyEnabled",
    "changeFeed",
    "containerDeleteRetentionPolicy",
    "cors",
    "defaultServiceVersion",
    "deleteRetentionPolicy",
    "isVersioningEnabled",
    "lastAccessTimeTrackingPolicy",
    "restorePolicy",
];

fn put_blob_service(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let mut account = account(ask, tx)?;
    let given = ask.body.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, value) in given.into_iter().filter(|(_, value)| !value.is_null()) {
        if !BLOB_SETTINGS.contains(&name.as_str()) {
            return Err(ArmError::bad_request(
                "InvalidRequestContent",
                format!(
                    "Could not find member '{name}' on object of type 'BlobServiceProperties'."
                ),
            ));
        }
        account.blob_service.insert(name, value);
    }
    account::put(tx, &account);
    Ok(Reply::ok(service(&account, "blobServices", &account.blob_service)))
}

fn get_file_service(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let account = account(ask, tx)?;
    let mut properties = Map::new();
    properties.insert("cors".to_owned(), json!({"corsRules": []}));
    properties.insert("shareDeleteRetentionPolicy".to_owned(), json!({"enabled": true, "days": 7}));
    Ok(Reply::ok(service(&account, "fileServices", &properties)))
}
