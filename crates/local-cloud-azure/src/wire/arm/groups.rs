//! Resource groups on the wire.

use super::error::ArmError;
use super::{Ask, Reply, Route};
use crate::authorize;
use crate::state::account;
use crate::state::account::normal_location;
use crate::state::group::{self, Group};
use http::{Method, StatusCode};
use local_cloud::Tx;
use serde_json::{Value, json};

const ONE: &str = "/subscriptions/*/resourcegroups/*";
const READ: &str = "Microsoft.Resources/subscriptions/resourceGroups/read";
const WRITE: &str = "Microsoft.Resources/subscriptions/resourceGroups/write";
/// Seeing what lies in a group is a permission of its own.
const CONTENTS: &str = "Microsoft.Resources/subscriptions/resourcegroups/resources/read";

pub const ROUTES: &[Route] = &[
    Route::new(Method::GET, "/subscriptions/*/resourcegroups", READ, list).trimmed().above(1),
    Route::new(Method::GET, ONE, READ, get),
    Route::new(Method::HEAD, ONE, READ, exists),
    Route::new(Method::PUT, ONE, WRITE, put),
    Route::new(Method::PATCH, ONE, WRITE, patch),
    Route::new(
        Method::DELETE,
        ONE,
        "Microsoft.Resources/subscriptions/resourceGroups/delete",
        delete,
    ),
    Route::new(Method::GET, "/subscriptions/*/resourcegroups/*/resources", CONTENTS, resources)
        .above(1),
];

fn name<'a>(ask: &Ask<'a>) -> &'a str {
    ask.names.get(1).copied().unwrap_or_default()
}

fn find(ask: &Ask<'_>, tx: &Tx<'_>) -> Result<Group, ArmError> {
    group::get(&tx.view(), name(ask)).ok_or_else(|| ArmError::no_group(name(ask)))
}

fn list(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let view = tx.view();
    let value: Vec<Value> = group::all(&view)
        .iter()
        .filter(|g| {
            ask.everywhere
                || authorize::check(&view, &ask.caller.principal, READ, &g.id(), false).is_some()
        })
        .map(Group::to_json)
        .collect();
    Ok(Reply::ok(json!({"value": value})))
}

fn get(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    Ok(Reply::ok(find(ask, tx)?.to_json()))
}

fn exists(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    find(ask, tx)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Up to 90 letters, digits, `-_.()`, and no dot at the end.
fn check_name(name: &str) -> Result<(), ArmError> {
    let fits = (1..=90).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c))
        && !name.ends_with('.');
    if fits {
        return Ok(());
    }
    Err(ArmError::bad_request(
        "InvalidResourceGroup",
        format!("The provided resource group name '{name}' has invalid characters or length."),
    ))
}

fn tags(body: &Value) -> Result<Option<serde_json::Map<String, Value>>, ArmError> {
    match body.get("tags") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(tags)) if tags.values().all(Value::is_string) => Ok(Some(tags.clone())),
        Some(_) => Err(ArmError::bad_request("InvalidRequestContent", "tags are texts by name")),
    }
}

fn put(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let name = name(ask);
    check_name(name)?;
    let location = ask.body.get("location").and_then(Value::as_str).ok_or_else(|| {
        ArmError::bad_request(
            "LocationRequired",
            "The location property is required for this definition.",
        )
    })?;
    let location = normal_location(location);
    let old = group::get(&tx.view(), name);
    if let Some(old) = old.as_ref().filter(|old| old.location != location) {
        return Err(ArmError::conflict(
            "InvalidResourceGroupLocation",
            format!(
                "Invalid resource group location '{location}'. The Resource group already exists \
                 in location '{}'.",
                old.location
            ),
        ));
    }
    let status = if old.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let managed_by = ask.body.get("managedBy").and_then(Value::as_str).map(str::to_owned);
    let group = Group {
        name: old.map_or_else(|| name.to_owned(), |g| g.name),
        location,
        tags: tags(ask.body)?,
        managed_by,
    };
    group::put(tx, &group);
    Ok(Reply::with(status, group.to_json()))
}

fn patch(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let mut group = find(ask, tx)?;
    if let Some(tags) = tags(ask.body)? {
        group.tags = Some(tags);
    }
    if let Some(managed_by) = ask.body.get("managedBy").and_then(Value::as_str) {
        group.managed_by = Some(managed_by.to_owned());
    }
    group::put(tx, &group);
    Ok(Reply::ok(group.to_json()))
}

fn delete(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let group = find(ask, tx)?;
    group::delete(tx, &group);
    Ok(Reply::empty(StatusCode::OK))
}

fn resources(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let group = find(ask, tx)?;
    let value: Vec<Value> = account::in_group(&tx.view(), &group.name)
        .into_iter()
        .map(|account| {
            let full = account.to_json();
            json!({
                "id": full["id"],
                "name": full["name"],
                "type": full["type"],
                "kind": full["kind"],
                "sku": full["sku"],
                "location": full["location"],
                "tags": full["tags"],
                "provisioningState": "Succeeded",
            })
        })
        .collect();
    Ok(Reply::ok(json!({"value": value})))
}
