//! Role assignments and role definitions on the wire.

use super::error::ArmError;
use super::{Ask, Reply, Route};
use crate::ids;
use crate::roles::{self, Role};
use crate::state::assignment::{self, Assignment};
use crate::state::principal;
use http::{Method, StatusCode};
use local_cloud::Tx;
use serde_json::{Value, json};

const ASSIGNMENTS: &str = "**/providers/microsoft.authorization/roleassignments";
const ASSIGNMENT: &str = "**/providers/microsoft.authorization/roleassignments/*";
const DEFINITIONS: &str = "**/providers/microsoft.authorization/roledefinitions";
const DEFINITION: &str = "**/providers/microsoft.authorization/roledefinitions/*";
const READ: &str = "Microsoft.Authorization/roleAssignments/read";
const READ_DEFINITION: &str = "Microsoft.Authorization/roleDefinitions/read";

pub const ROUTES: &[Route] = &[
    Route::new(Method::GET, ASSIGNMENTS, READ, list).above(3),
    Route::new(Method::GET, ASSIGNMENT, READ, get),
    Route::new(Method::PUT, ASSIGNMENT, "Microsoft.Authorization/roleAssignments/write", put),
    Route::new(
        Method::DELETE,
        ASSIGNMENT,
        "Microsoft.Authorization/roleAssignments/delete",
        delete,
    ),
    Route::new(Method::GET, DEFINITIONS, READ_DEFINITION, definitions).above(3),
    Route::new(Method::GET, DEFINITION, READ_DEFINITION, definition),
    Route::new(
        Method::PUT,
        DEFINITION,
        "Microsoft.Authorization/roleDefinitions/write",
        put_definition,
    ),
    Route::new(
        Method::DELETE,
        DEFINITION,
        "Microsoft.Authorization/roleDefinitions/delete",
        delete_definition,
    ),
];

fn name<'a>(ask: &Ask<'a>) -> &'a str {
    ask.names.first().copied().unwrap_or_default()
}

/// `principalId eq 'x'`: what stands between the quotes.
fn quoted<'f>(filter: &'f str, before: &str) -> Option<&'f str> {
    let (_, tail) = filter.split_once(before)?;
    tail.split('\'').nth(1)
}

fn list(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let filter = ask.query.get("$filter").map_or("", String::as_str);
    let who = quoted(filter, "principalId eq").or_else(|| quoted(filter, "assignedTo("));
    let here = filter.contains("atScope()");
    let value: Vec<Value> = assignment::all(&tx.view())
        .iter()
        .filter(|a| ids::holds(&a.scope, ask.scope) || (!here && ids::holds(ask.scope, &a.scope)))
        .filter(|a| who.is_none_or(|w| w.eq_ignore_ascii_case(&a.principal_id)))
        .map(Assignment::to_json)
        .collect();
    Ok(Reply::ok(json!({"value": value})))
}

fn find(ask: &Ask<'_>, tx: &Tx<'_>) -> Option<Assignment> {
    assignment::get(&tx.view(), name(ask))
        .filter(|a| ids::holds(&a.scope, ask.scope) && ids::holds(ask.scope, &a.scope))
}

fn get(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    find(ask, tx).map(|a| Reply::ok(a.to_json())).ok_or_else(|| {
        ArmError::not_found(
            "RoleAssignmentNotFound",
            format!("The role assignment '{}' is not found.", name(ask)),
        )
    })
}

fn put(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let text = |path: &str| ask.body.pointer(path).and_then(Value::as_str);
    let missing = |what: &str| {
        ArmError::bad_request(
            "InvalidRoleAssignmentRequest",
            format!("The role assignment's {what} is missing or not valid."),
        )
    };
    let role = text("/properties/roleDefinitionId")
        .and_then(|id| id.rsplit('/').next())
        .ok_or_else(|| missing("roleDefinitionId"))?;
    let principal_id =
        text("/properties/principalId").ok_or_else(|| missing("principalId"))?.to_owned();
    let view = tx.view();
    let role = roles::find(&view, role).ok_or_else(|| {
        ArmError::bad_request(
            "RoleDefinitionDoesNotExist",
            format!("The specified role definition with ID '{role}' does not exist."),
        )
    })?;
    let principal = principal::by_object(&view, &principal_id).ok_or_else(|| {
        ArmError::bad_request(
            "PrincipalNotFound",
            format!("Principal {principal_id} does not exist in the directory."),
        )
    })?;
    let same_name = assignment::get(&view, name(ask));
    let twin = assignment::all(&view).into_iter().any(|a| {
        a.principal_id.eq_ignore_ascii_case(&principal_id)
            && a.role.eq_ignore_ascii_case(&role.guid)
            && a.scope.eq_ignore_ascii_case(ask.scope)
    });
    if twin || same_name.is_some() {
        return Err(ArmError::conflict(
            "RoleAssignmentExists",
            "The role assignment already exists.",
        ));
    }
    let own = |path: &str| text(path).map(str::to_owned);
    let condition = own("/properties/condition");
    let assignment = Assignment {
        name: name(ask).to_owned(),
        scope: ask.scope.to_owned(),
        role: role.guid,
        principal_id,
        principal_type: principal.kind.as_str().to_owned(),
        description: own("/properties/description"),
        condition_version: condition
            .as_ref()
            .map(|_| text("/properties/conditionVersion").unwrap_or("2.0").to_owned()),
        condition,
        created_on: ask.now.to_millis_text(),
        created_by: ask.caller.claims.oid.clone(),
    };
    assignment::put(tx, &assignment);
    Ok(Reply::with(StatusCode::CREATED, assignment.to_json()))
}

fn delete(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    match find(ask, tx) {
        Some(found) => {
            assignment::delete(tx, &found.name);
            Ok(Reply::ok(found.to_json()))
        }
        None => Ok(Reply::empty(StatusCode::NO_CONTENT)),
    }
}

fn definition_json(role: &Role) -> Value {
    json!({
        "id": ids::role_definition(&role.guid),
        "name": role.guid,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": role.name,
            "type": if role.custom { "CustomRole" } else { "BuiltInRole" },
            "description": "",
            "assignableScopes": role.scopes,
            "permissions": [{
                "actions": role.actions,
                "notActions": role.not_actions,
                "dataActions": role.data_actions,
                "notDataActions": role.not_data_actions,
            }],
        },
    })
}

fn definitions(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let filter = ask.query.get("$filter").map_or("", String::as_str);
    let wanted = quoted(filter, "roleName eq");
    let value: Vec<Value> = roles::all(&tx.view())
        .iter()
        .filter(|r| wanted.is_none_or(|w| w.eq_ignore_ascii_case(&r.name)))
        .map(definition_json)
        .collect();
    Ok(Reply::ok(json!({"value": value})))
}

fn no_definition(ask: &Ask<'_>) -> ArmError {
    ArmError::not_found(
        "RoleDefinitionDoesNotExist",
        format!("The specified role definition with ID '{}' does not exist.", name(ask)),
    )
}

fn definition(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    roles::find(&tx.view(), name(ask))
        .map(|r| Reply::ok(definition_json(&r)))
        .ok_or_else(|| no_definition(ask))
}

fn put_definition(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let properties = ask.body.get("properties").unwrap_or(ask.body);
    let words = |value: Option<&Value>| -> Vec<String> {
        let list = value.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let permission = properties.pointer("/permissions/0");
    let of = |name: &str| words(permission.and_then(|p| p.get(name)));
    let role_name = properties.get("roleName").and_then(Value::as_str).ok_or_else(|| {
        ArmError::bad_request("InvalidRoleDefinition", "The role definition has no roleName.")
    })?;
    let existing = roles::find(&tx.view(), name(ask));
    if existing.as_ref().is_some_and(|r| !r.custom) {
        return Err(ArmError::bad_request(
            "RoleDefinitionCannotBeModified",
            "Built-in role definitions cannot be modified.",
        ));
    }
    let role = Role {
        guid: name(ask).to_owned(),
        name: role_name.to_owned(),
        custom: true,
        actions: of("actions"),
        not_actions: of("notActions"),
        data_actions: of("dataActions"),
        not_data_actions: of("notDataActions"),
        scopes: words(properties.get("assignableScopes")),
    };
    roles::put(tx, &role);
    let status = if existing.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Reply::with(status, definition_json(&role)))
}

fn delete_definition(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let Some(role) = roles::find(&tx.view(), name(ask)).filter(|r| r.custom) else {
        return Ok(Reply::empty(StatusCode::NO_CONTENT));
    };
    if assignment::all(&tx.view()).iter().any(|a| a.role.eq_ignore_ascii_case(&role.guid)) {
        return Err(ArmError::bad_request(
            "RoleDefinitionHasAssignments",
            "There are existing role assignments referencing role.",
        ));
    }
    roles::delete(tx, &role.guid);
    Ok(Reply::ok(definition_json(&role)))
}
