//! The account's other blocks: identity, key, policies, domain.

use crate::wire::{block, first_block, flag, text};
use model::{Attributes, Value};
use serde_json::{Value as Json, json};

fn none() -> Value {
    Value::List(Vec::new())
}

fn texts(json: &Json, path: &str) -> Value {
    text(json, path).unwrap_or_default().into()
}

/// The wire joins two types with a comma, Terraform with a comma and a space.
pub(super) fn identity(account: &Json) -> Value {
    let Some(identity) = account.get("identity").filter(|i| i.is_object()) else { return none() };
    let kind = text(identity, "/type").unwrap_or_default();
    if kind.is_empty() || kind.eq_ignore_ascii_case("None") {
        return none();
    }
    let kinds: Vec<&str> = kind.split(',').map(str::trim).collect();
    let assigned = identity.get("userAssignedIdentities").and_then(Json::as_object);
    let ids: Vec<&str> =
        assigned.into_iter().flat_map(|map| map.keys()).map(String::as_str).collect();
    block([
        ("type", kinds.join(", ").into()),
        ("identity_ids", Value::strings(ids)),
        ("principal_id", texts(identity, "/principalId")),
        ("tenant_id", texts(identity, "/tenantId")),
    ])
}

pub(super) fn write_identity(wanted: Option<&Value>) -> Json {
    let Some(identity) = first_block(wanted) else { return json!({"type": "None"}) };
    let kind = identity.get("type").and_then(Value::as_str).unwrap_or("None");
    let mut body = json!({"type": kind.replace(", ", ",")});
    let ids = identity.get("identity_ids").and_then(Value::as_list).unwrap_or_default();
    if !ids.is_empty() {
        let map = ids.iter().filter_map(Value::as_str).map(|id| (id.to_owned(), json!({})));
        body["userAssignedIdentities"] = Json::Object(map.collect());
    }
    body
}

/// The key's id is put together from its parts, which the API answers in small letters.
pub(super) fn customer_managed_key(properties: &Json) -> Value {
    let encryption = properties.get("encryption").cloned().unwrap_or_default();
    let ours = text(&encryption, "/keySource")
        .is_some_and(|source| source.eq_ignore_ascii_case("Microsoft.Keyvault"));
    if !ours {
        return none();
    }
    let part =
        |name: &str| text(&encryption, &format!("/keyvaultproperties/{name}")).unwrap_or_default();
    let uri = part("keyvaulturi").trim_end_matches('/');
    let mut id = format!("{uri}/keys/{}", part("keyname"));
    if !part("keyversion").is_empty() {
        id.push_str(&format!("/{}", part("keyversion")));
    }
    let hardware = uri.contains(".managedhsm.");
    let (vault, module) = if hardware { (String::new(), id) } else { (id, String::new()) };
    block([
        ("key_vault_key_id", vault.into()),
        ("managed_hsm_key_id", module.into()),
        ("user_assigned_identity_id", texts(&encryption, "/identity/userAssignedIdentity")),
    ])
}

pub(super) fn sas_policy(properties: &Json) -> Value {
    let Some(policy) = properties.get("sasPolicy").filter(|p| p.is_object()) else { return none() };
    block([
        ("expiration_action", text(policy, "/expirationAction").unwrap_or("Log").into()),
        ("expiration_period", texts(policy, "/sasExpirationPeriod")),
    ])
}

pub(super) fn write_sas_policy(wanted: &Attributes) -> Json {
    let of = |name: &str| crate::wire::wanted_text(wanted, name);
    json!({
        "expirationAction": of("expiration_action").unwrap_or("Log"),
        "sasExpirationPeriod": of("expiration_period").unwrap_or_default(),
    })
}

/// azurerm stores the defaults where the answer has none.
pub(super) fn routing(properties: &Json) -> Value {
    let Some(routing) = properties.get("routingPreference").filter(|r| r.is_object()) else {
        return none();
    };
    let on = |path: &str| Value::from(flag(routing, path).unwrap_or(false));
    block([
        ("choice", text(routing, "/routingChoice").unwrap_or("MicrosoftRouting").into()),
        ("publish_internet_endpoints", on("/publishInternetEndpoints")),
        ("publish_microsoft_endpoints", on("/publishMicrosoftEndpoints")),
    ])
}

pub(super) fn immutability_policy(properties: &Json) -> Value {
    let policy = properties.pointer("/immutableStorageWithVersioning/immutabilityPolicy");
    let Some(policy) = policy.filter(|p| p.is_object()) else { return none() };
    let days = policy.get("immutabilityPeriodSinceCreationInDays").cloned().unwrap_or_default();
    block([
        (
            "allow_protected_append_writes",
            flag(policy, "/allowProtectedAppendWrites").unwrap_or(false).into(),
        ),
        ("period_since_creation_in_days", days.into()),
        ("state", texts(policy, "/state")),
    ])
}

pub(super) fn custom_domain(properties: &Json) -> Value {
    match text(properties, "/customDomain/name") {
        Some(name) => block([("name", name.into()), ("use_subdomain", false.into())]),
        None => none(),
    }
}

pub(super) fn azure_files_authentication(properties: &Json) -> Value {
    let Some(auth) =
        properties.get("azureFilesIdentityBasedAuthentication").filter(|a| a.is_object())
    else {
        return none();
    };
    let kind = text(auth, "/directoryServiceOptions").unwrap_or("None");
    if kind.eq_ignore_ascii_case("None") {
        return none();
    }
    let directory = auth.get("activeDirectoryProperties").filter(|d| d.is_object());
    let directory = directory.map_or_else(none, |d| {
        block([
            ("domain_guid", texts(d, "/domainGuid")),
            ("domain_name", texts(d, "/domainName")),
            ("domain_sid", texts(d, "/domainSid")),
            ("forest_name", texts(d, "/forestName")),
            ("netbios_domain_name", texts(d, "/netBiosDomainName")),
            ("storage_sid", texts(d, "/azureStorageSid")),
        ])
    });
    block([
        ("active_directory", directory),
        (
            "default_share_level_permission",
            text(auth, "/defaultSharePermission").unwrap_or("None").into(),
        ),
        ("directory_type", kind.into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities() {
        let account = json!({"identity": {
            "type": "SystemAssigned,UserAssigned", "principalId": "p", "tenantId": "t",
            "userAssignedIdentities": {"/subscriptions/s/i": {}}
        }});
        let read = identity(&account);
        let block = first_block(Some(&read)).unwrap();
        assert_eq!(block["type"], "SystemAssigned, UserAssigned".into());
        assert_eq!(write_identity(Some(&read))["type"], "SystemAssigned,UserAssigned");
        assert_eq!(identity(&json!({"identity": {"type": "None"}})), none());
        assert_eq!(write_identity(None), json!({"type": "None"}));
    }

    #[test]
    fn a_key_is_put_together() {
        let properties = json!({"encryption": {
            "keySource": "Microsoft.Keyvault",
            "keyvaultproperties": {
                "keyname": "k", "keyversion": "", "keyvaulturi": "https://v.vault.azure.net/"
            },
            "identity": {"userAssignedIdentity": "/subscriptions/s/i"}
        }});
        let read = customer_managed_key(&properties);
        assert_eq!(
            first_block(Some(&read)).unwrap()["key_vault_key_id"],
            "https://v.vault.azure.net/keys/k".into()
        );
        let own = json!({"encryption": {"keySource": "Microsoft.Storage"}});
        assert_eq!(customer_managed_key(&own), none());
    }

    #[test]
    fn nothing_on_the_wire_is_no_block() {
        for read in
            [sas_policy, routing, immutability_policy, custom_domain, azure_files_authentication]
        {
            assert_eq!(read(&json!({})), none());
        }
    }
}
