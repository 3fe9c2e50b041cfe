//! Subscriptions, tenants and the registration of resource providers.

use super::error::ArmError;
use super::{Ask, Reply, Route};
use crate::ids;
use crate::story::{SUBSCRIPTION, SUBSCRIPTION_NAME, TENANT};
use http::Method;
use local_cloud::Tx;
use serde_json::{Value, json};

pub const ROUTES: &[Route] = &[
    Route::new(Method::GET, "/subscriptions", "Microsoft.Resources/subscriptions/read", list)
        .trimmed()
        .above(1),
    Route::new(Method::GET, "/subscriptions/*", "Microsoft.Resources/subscriptions/read", get)
        .trimmed(),
    Route::new(Method::GET, "/tenants", "Microsoft.Resources/tenants/read", tenants)
        .trimmed()
        .above(1),
    Route::new(
        Method::GET,
        "/subscriptions/*/providers",
        "Microsoft.Resources/subscriptions/providers/read",
        providers,
    )
    .trimmed()
    .above(1),
    Route::new(
        Method::GET,
        "/subscriptions/*/providers/*",
        "Microsoft.Resources/subscriptions/providers/read",
        provider,
    )
    .trimmed()
    .above(2),
    Route::new(
        Method::POST,
        "/subscriptions/*/providers/*/register",
        "Microsoft.Resources/subscriptions/providers/register/action",
        provider,
    )
    .above(3),
];

/// The namespaces that are served: all are registered from the start.
const NAMESPACES: &[(&str, &[&str])] = &[
    ("Microsoft.Authorization", &["roleAssignments", "roleDefinitions"]),
    ("Microsoft.Insights", &["eventtypes"]),
    ("Microsoft.Resources", &["subscriptions", "resourceGroups"]),
    ("Microsoft.Storage", &["storageAccounts", "checkNameAvailability"]),
];

/// Where a client finds everything; it asks before it has a token.
pub fn endpoints() -> Value {
    json!([{
        "name": "AzureCloud",
        "resourceManager": "https://management.azure.com/",
        "authentication": {
            "loginEndpoint": "https://login.microsoftonline.com/",
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": TENANT,
            "identityProvider": "AAD",
        },
        "suffixes": {"storage": "core.windows.net"},
    }])
}

fn subscription() -> Value {
    json!({
        "id": ids::subscription(),
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "displayName": SUBSCRIPTION_NAME,
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    })
}

fn list(_: &Ask<'_>, _: &mut Tx<'_>) -> Result<Reply, ArmError> {
    Ok(Reply::ok(json!({"value": [subscription()], "count": {"type": "Total", "value": 1}})))
}

fn get(_: &Ask<'_>, _: &mut Tx<'_>) -> Result<Reply, ArmError> {
    Ok(Reply::ok(subscription()))
}

fn tenants(_: &Ask<'_>, _: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let tenant = json!({
        "id": format!("/tenants/{TENANT}"),
        "tenantId": TENANT,
        "displayName": "Acme",
        "tenantCategory": "Home",
    });
    Ok(Reply::ok(json!({"value": [tenant]})))
}

fn namespace(name: &str, types: &[&str]) -> Value {
    let types: Vec<Value> = types
        .iter()
        .map(|t| json!({"resourceType": t, "locations": [], "apiVersions": ["2023-05-01"]}))
        .collect();
    json!({
        "id": format!("{}/providers/{name}", ids::subscription()),
        "namespace": name,
        "resourceTypes": types,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
    })
}

fn providers(_: &Ask<'_>, _: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let all: Vec<Value> = NAMESPACES.iter().map(|(name, types)| namespace(name, types)).collect();
    Ok(Reply::ok(json!({"value": all})))
}

fn provider(ask: &Ask<'_>, _: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let asked = ask.names.get(1).copied().unwrap_or_default();
    NAMESPACES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(asked))
        .map(|(name, types)| Reply::ok(namespace(name, types)))
        .ok_or_else(|| {
            ArmError::not_found(
                "InvalidResourceNamespace",
                format!("The resource namespace '{asked}' is invalid."),
            )
        })
}
