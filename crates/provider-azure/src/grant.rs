//! The custom role that an exercise needs, as the Azure CLI takes it.

use crate::audit_log;
use crate::kinds::KINDS;
use provider::grant::{Access, Grant, permissions};
use serde_json::json;

/// To find a container, and to list and read its blobs.
const OBJECTS: &[&str] = &["Microsoft.Storage/storageAccounts/blobServices/containers/read"];
const OBJECTS_DATA: &[&str] =
    &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"];

/// Management actions and data actions, each sorted.
fn actions(accesses: &[Access]) -> (Vec<&'static str>, Vec<&'static str>) {
    let (mut management, mut data): (Vec<&[&str]>, Vec<&[&str]>) = (Vec::new(), Vec::new());
    for access in accesses {
        match access {
            Access::ReadConfiguration => {
                management.extend(KINDS.iter().map(|k| k.read_permissions()));
            }
            Access::WriteConfiguration => {
                management.extend(KINDS.iter().map(|k| k.write_permissions()));
            }
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
    let (actions, data) = actions(accesses);
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
    }
}
