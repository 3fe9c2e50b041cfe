//! Blob containers through Resource Manager.

use super::accounts::account;
use super::error::ArmError;
use super::{Ask, Reply, Route};
use crate::exposure::Level;
use crate::state::account::Account;
use crate::state::container::{self, Container};
use http::{Method, StatusCode};
use local_cloud::Tx;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ALL: &str = "/subscriptions/*/resourcegroups/*/providers/microsoft.storage/storageaccounts/*/blobservices/default/containers";
const ONE: &str = "/subscriptions/*/resourcegroups/*/providers/microsoft.storage/storageaccounts/*/blobservices/default/containers/*";
const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/read";
const WRITE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/write";

pub const ROUTES: &[Route] = &[
    Route::new(Method::GET, ALL, READ, list).above(1),
    Route::new(Method::GET, ONE, READ, get),
    Route::new(Method::PUT, ONE, WRITE, put),
    Route::new(Method::PATCH, ONE, WRITE, patch),
    Route::new(
        Method::DELETE,
        ONE,
        "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
        delete,
    ),
];

fn name<'a>(ask: &Ask<'a>) -> &'a str {
    ask.names.get(3).copied().unwrap_or_default()
}

fn find(ask: &Ask<'_>, tx: &Tx<'_>, account: &Account) -> Result<Container, ArmError> {
    container::get(&tx.view(), &account.name, name(ask)).ok_or_else(|| {
        ArmError::not_found("ContainerNotFound", "The specified container does not exist.")
    })
}

/// The largest page of the service.
const PAGE: usize = 5000;

fn list(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let account = account(ask, tx)?;
    let limit = ask.query.get("$maxpagesize").and_then(|n| n.parse().ok()).unwrap_or(PAGE);
    let limit = limit.clamp(1, PAGE);
    let prefix = ask.query.get("$filter").map(|f| starts_with(f)).transpose()?.unwrap_or_default();
    let after = ask.query.get("$skiptoken").map(String::as_str);
    let mut page = container::page(&tx.view(), &account.name, &prefix, after, limit + 1);
    let more = page.len() > limit;
    page.truncate(limit);
    let value: Vec<Value> = page.iter().map(|c| c.to_json(&account)).collect();
    let mut body = json!({"value": value});
    if let (true, Some(last)) = (more, page.last()) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in ask.query.iter().filter(|(name, _)| *name != "$skiptoken") {
            query.append_pair(name, value);
        }
        query.append_pair("$skipToken", &last.name);
        body["nextLink"] = json!(format!("{}{}?{}", ask.base, ask.path, query.finish()));
    }
    Ok(Reply::ok(body))
}

/// The one filter that the API knows: `startswith(name, 'x')`.
fn starts_with(filter: &str) -> Result<String, ArmError> {
    filter
        .split_once('\'')
        .filter(|(head, _)| head.trim_start().to_lowercase().starts_with("startswith(name"))
        .and_then(|(_, tail)| tail.split_once('\''))
        .map(|(prefix, _)| prefix.to_owned())
        .ok_or_else(|| {
            ArmError::bad_request(
                "InvalidFilter",
                format!("The filter '{filter}' is not supported."),
            )
        })
}

fn get(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let account = account(ask, tx)?;
    Ok(Reply::ok(find(ask, tx, &account)?.to_json(&account)))
}

fn apply(ask: &Ask<'_>, account: &Account, container: &mut Container) -> Result<(), ArmError> {
    let Some(properties) = ask.body.get("properties") else { return Ok(()) };
    match properties.get("publicAccess") {
        None | Some(Value::Null) => {}
        Some(level) => {
            let level = level.as_str().and_then(Level::parse).ok_or_else(|| {
                ArmError::bad_request(
                    "InvalidValuesForRequestParameters",
                    "Values for request parameters are invalid: publicAccess.",
                )
            })?;
            if level != Level::None && account.allows_public_access() == Some(false) {
                return Err(ArmError::conflict(
                    "PublicAccessNotPermitted",
                    "Public access is not permitted on this storage account.",
                ));
            }
            container.level = level;
        }
    }
    match properties.get("metadata") {
        None | Some(Value::Null) => {}
        Some(metadata) => {
            let map: Option<BTreeMap<String, String>> =
                serde_json::from_value(metadata.clone()).ok();
            container.metadata = map.ok_or_else(|| {
                ArmError::bad_request("InvalidRequestContent", "metadata is texts by name")
            })?;
        }
    }
    Ok(())
}

fn put(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let account = account(ask, tx)?;
    let name = name(ask);
    if !container::valid_name(name) {
        return Err(ArmError::bad_request(
            "InvalidResourceName",
            "The specified resource name contains invalid characters.",
        ));
    }
    let old = container::get(&tx.view(), &account.name, name);
    let status = if old.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let mut container = match old {
        Some(mut old) => {
            old.touch(tx, ask.now);
            old
        }
        None => Container::new(tx, &account.name, name, Level::None, ask.now),
    };
    apply(ask, &account, &mut container)?;
    container::put(tx, &container);
    Ok(Reply::with(status, container.to_json(&account)))
}

fn patch(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let account = account(ask, tx)?;
    let mut container = find(ask, tx, &account)?;
    apply(ask, &account, &mut container)?;
    container.touch(tx, ask.now);
    container::put(tx, &container);
    Ok(Reply::ok(container.to_json(&account)))
}

fn delete(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let account = account(ask, tx)?;
    match container::get(&tx.view(), &account.name, name(ask)) {
        Some(container) => {
            container::delete(tx, &container);
            Ok(Reply::empty(StatusCode::OK))
        }
        None => Ok(Reply::empty(StatusCode::NO_CONTENT)),
    }
}
