//! The custom role that an exercise needs, as the Azure CLI takes it.

use crate::audit_log;
use crate::kinds::KINDS;
use model::KindName;
use provider::grant::{Access, Grant, Scope, of_kinds, permissions};
use serde_json::json;

/// To find a container, and to list and read its blobs.
const OBJECTS: &[&str] = &["Microsoft.Storage/storageAccounts/blobServices/containers/read"];
const OBJECTS_DATA: &[&str] =
    &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"];

/// Management actions and data actions, each sorted.
fn actions(scope: Scope<'_>, accesses: &[Access]) -> (Vec<&'static str>, Vec<&'static str>) {
    let of_kinds: Vec<Vec<&str>> = accesses.iter().map(|a| of_kinds(KINDS, scope, *a)).collect();
    let mut management: Vec<&[&str]> = of_kinds.iter().map(Vec::as_slice).collect();
    let mut data: Vec<&[&str]> = Vec::new();
    for access in accesses {
        match access {
            Access::ReadConfiguration | Access::WriteConfiguration => {}
            Access::ReadAuditLog => management.push(&[audit_log::ACTION]),
            Access::ReadObjects => {
                management.push(OBJECTS);
                data.push(OBJECTS_DATA);
            }
        }
    }
    (permissions(management), permissions(data))
}

/// The complete least-privilege role for these accesses, and how to give it.
pub fn grant(accesses: &[Access]) -> Grant {
    within(Scope::Every, accesses)
}

/// As [`grant`], for these kinds alone and for reading and changing what is there: neither
/// lists nor makes nor deletes.
pub fn grant_for(kinds: &[KindName], accesses: &[Access]) -> Grant {
    within(Scope::Only(kinds), accesses)
}

fn within(scope: Scope<'_>, accesses: &[Access]) -> Grant {
    let (actions, data) = actions(scope, accesses);
    let writes = accesses.contains(&Access::WriteConfiguration);
    let name = if writes { "Cloud Security Lab writer" } else { "Cloud Security Lab reader" };
    let role = json!({
        "Name": name,
        "IsCustom": true,
        "Description": "What Cloud Security Lab needs, and nothing else.",
        "Actions": actions,
        "NotActions": [],
        "DataActions": data,
        "NotDataActions": [],
        "AssignableScopes": ["/subscriptions/SUBSCRIPTION"],
    });
    // A document of our own making prints.
    let text = serde_json::to_string_pretty(&role).unwrap_or_default();
    let how = format!(
        "save it as role.json with your subscription's id in it, then\n\
         az role definition create --role-definition role.json\n\
         az role assignment create --role \"{name}\" --assignee CLIENT_ID \
         --scope /subscriptions/SUBSCRIPTION"
    );
    Grant { title: format!("Azure custom role: {name}"), text, how }
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_cloud_azure::callers;

    /// The callers of the local cloud may do what is asked of people to grant, no more and no
    /// less.
    #[test]
    fn callers_of_the_local_cloud_hold_what_is_granted() {
        for (access, held) in [
            (Access::ReadConfiguration, callers::READ_CONFIGURATION),
            (Access::WriteConfiguration, callers::WRITE_CONFIGURATION),
            (Access::ReadAuditLog, callers::READ_AUDIT_LOG),
            (Access::ReadObjects, callers::READ_OBJECTS),
        ] {
            let (management, data) = actions(Scope::Every, &[access]);
            assert_eq!(permissions([held]), management, "{access:?}");
            let objects = access == Access::ReadObjects;
            assert_eq!(data, if objects { callers::READ_OBJECTS_DATA } else { &[] });
        }
    }

    #[test]
    fn a_reader_can_change_nothing() {
        let reader = grant(&[Access::ReadConfiguration, Access::ReadAuditLog, Access::ReadObjects]);
        let role: serde_json::Value = serde_json::from_str(&reader.text).unwrap();
        for list in ["Actions", "DataActions"] {
            for action in role[list].as_array().unwrap() {
                assert!(action.as_str().unwrap().ends_with("/read"), "{action}");
            }
        }
        assert_eq!(role["Actions"].as_array().unwrap().len(), 5);
        assert!(!reader.text.contains("listKeys"));
        let writer = grant(&[Access::WriteConfiguration]);
        assert!(writer.text.contains("Microsoft.Storage/storageAccounts/write"));
        assert!(writer.how.contains("az role definition create"));
        let access = [Access::ReadConfiguration, Access::WriteConfiguration];
        let fixer = grant_for(&["azurerm_storage_container".into()], &access).text;
        assert!(fixer.contains("blobServices/containers/write"));
        assert!(!fixer.contains("/delete") && !fixer.contains("storageAccounts/write"), "{fixer}");
    }
}
