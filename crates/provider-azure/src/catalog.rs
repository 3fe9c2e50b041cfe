//! What is known of Azure without asking it anything.

use crate::CLOUD;
use crate::id::{normal_location, subscription_of};
use crate::kinds::KINDS;
use model::knowledge::Catalog;
use model::resource::Desired;
use model::{Cloud, KindName, Knowledge, Value};
use provider::registry;

pub static CATALOG: AzureCatalog = AzureCatalog;

pub struct AzureCatalog;

/// The Terraform providers whose resources lie in Azure.
const PREFIXES: &[&str] = &["azurerm_", "azapi_", "azuread_"];

impl Catalog for AzureCatalog {
    fn cloud(&self) -> Cloud {
        CLOUD
    }

    fn title(&self) -> &'static str {
        "Azure"
    }

    fn owns(&self, kind: &KindName) -> bool {
        PREFIXES.iter().any(|prefix| kind.as_str().starts_with(prefix))
    }

    fn kind(&self, kind: &KindName) -> Option<&dyn Knowledge> {
        registry::find(KINDS, kind).map(|k| k as &dyn Knowledge)
    }

    fn kinds(&self) -> Vec<&dyn Knowledge> {
        KINDS.iter().map(|k| *k as &dyn Knowledge).collect()
    }

    /// The subscription in its own id, or in the id by which a data-plane resource is known
    /// to Resource Manager.
    fn account_of(&self, desired: &Desired) -> Option<String> {
        let own = |name: &str| desired.attributes.get(name).and_then(Value::as_str);
        [Some(desired.native_id.as_str()), own("resource_manager_id"), own("storage_account_id")]
            .into_iter()
            .flatten()
            .find_map(subscription_of)
    }

    fn region_of(&self, desired: &Desired) -> Option<String> {
        let location = desired.attributes.get("location").and_then(Value::as_str)?;
        Some(normal_location(location)).filter(|l| !l.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Attributes, ResourceAddress};

    fn account_of(id: &str, attributes: &str) -> Option<String> {
        let desired = Desired {
            address: ResourceAddress::root("azurerm_x", "x"),
            provider: "provider[\"registry.terraform.io/hashicorp/azurerm\"]".to_owned(),
            native_id: id.to_owned(),
            attributes: serde_json::from_str::<Attributes>(attributes).unwrap(),
            schema_version: 0,
            state: "s.tfstate".to_owned(),
        };
        CATALOG.account_of(&desired)
    }

    #[test]
    fn the_subscription_is_in_the_id() {
        let id =
            "/subscriptions/AB-1/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a";
        assert_eq!(account_of(id, "{}").as_deref(), Some("ab-1"));
        let url = "https://a.blob.core.windows.net/c";
        assert_eq!(account_of(url, "{}"), None);
        let with = format!("{{\"resource_manager_id\": \"{id}/blobServices/default/x\"}}");
        assert_eq!(account_of(url, &with).as_deref(), Some("ab-1"));
        let none = "/providers/Microsoft.Management/managementGroups/x";
        assert_eq!(account_of(none, "{}"), None);
    }
}
