//! The supported kinds, one stem of files each: `.rs` (the calls and the meaning), `.toml`
//! (the facts), `.wire.json` and `.resource.json` (what Azure answers, and what becomes of
//! it).

mod answers;
#[cfg(test)]
mod golden;
mod records;
mod resource_group;
mod storage_account;
mod storage_container;

use crate::session::AzureSession;
use provider::Kind;

/// The version of the storage resource provider's API that everything here speaks.
pub(crate) const STORAGE_VERSION: &str = "2023-05-01";

/// Sorted by name; a test compares it with the folder.
pub(crate) static KINDS: &[&dyn Kind<AzureSession>] = &[
    &resource_group::ResourceGroup,
    &storage_account::StorageAccount,
    &storage_container::StorageContainer,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn files(ending: &str) -> BTreeSet<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kinds");
        std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(ending).map(|stem| format!("azurerm_{stem}")))
            .collect()
    }

    #[test]
    fn every_kind_is_one_stem_of_files_and_one_line() {
        let named: Vec<String> = KINDS.iter().map(|k| k.facts().kind.to_string()).collect();
        assert!(named.is_sorted(), "KINDS is sorted by name");
        let named: BTreeSet<String> = named.into_iter().collect();
        assert_eq!(named, files(".toml"));
        assert_eq!(named, files(".wire.json"));
        assert_eq!(named, files(".resource.json"));
        assert!(named.is_subset(&files(".rs")));
    }

    fn schema() -> serde_json::Value {
        serde_json::from_str(include_str!("../tests/schema/azurerm-4.55.0.json")).unwrap()
    }

    #[test]
    fn facts_name_attributes_of_the_schema() {
        let schema = schema();
        for kind in KINDS {
            let facts = kind.facts();
            let of_kind = &schema[facts.kind.as_str()];
            for name in facts.attributes.keys() {
                let mut block = of_kind;
                let steps: Vec<&str> = name.split('.').collect();
                for (i, step) in steps.iter().enumerate() {
                    let attribute = &block["attributes"][step];
                    let nested = &block["blocks"][step];
                    let last = i + 1 == steps.len();
                    assert!(
                        nested.is_object() || (last && attribute.is_object()),
                        "{} has no {name}",
                        facts.kind
                    );
                    block = nested;
                }
            }
            for (name, flags) in of_kind["attributes"].as_object().unwrap() {
                let read_only = flags["computed"] == true && flags["optional"].is_null();
                let known = facts.attributes.get(name);
                if read_only {
                    assert!(known.is_some_and(|f| f.computed || f.sensitive), "{name}");
                }
                if flags["sensitive"] == true {
                    assert!(known.is_some_and(|f| f.sensitive), "{name} is sensitive");
                }
            }
        }
    }

    /// The provider's own defaults are what an attribute left out means.
    #[test]
    fn defaults_are_those_of_the_schema() {
        let schema = schema();
        for kind in KINDS {
            let facts = kind.facts();
            for (name, known) in &facts.attributes {
                let Some(default) = &known.default else { continue };
                let of_schema = &schema[facts.kind.as_str()]["attributes"][name]["default"];
                if !of_schema.is_null() {
                    assert_eq!(default.to_json(), *of_schema, "{name} of {}", facts.kind);
                }
            }
        }
    }

    /// What a reader answers has the names and types that a state of the provider has.
    #[test]
    fn golden_resources_have_the_shape_of_a_state() {
        let schema = schema();
        for kind in KINDS {
            let name = kind.facts().kind.as_str();
            let stem = name.strip_prefix("azurerm_").unwrap();
            let path = format!("{}/src/kinds/{stem}.resource.json", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            let resource: serde_json::Value = serde_json::from_str(&text).unwrap();
            fits(&resource["attributes"], &schema[name], name);
        }
    }

    fn fits(attributes: &serde_json::Value, schema: &serde_json::Value, place: &str) {
        for (name, value) in attributes.as_object().unwrap() {
            let place = format!("{place}.{name}");
            let block = &schema["blocks"][name];
            if block.is_object() {
                for inner in value.as_array().unwrap_or_else(|| panic!("{place} is a list")) {
                    fits(inner, block, &place);
                }
                continue;
            }
            let kind = &schema["attributes"][name]["type"];
            let right = match (kind.as_str(), kind[0].as_str()) {
                _ if value.is_null() => kind.is_string() || kind.is_array(),
                (Some("string"), _) => value.is_string(),
                (Some("bool"), _) => value.is_boolean(),
                (Some("number"), _) => value.is_number(),
                (_, Some("map")) => value.is_object(),
                (_, Some("list" | "set")) => value.is_array(),
                _ => false,
            };
            assert!(right, "{place} is {value}, not {kind}");
        }
    }
}
