//! One entry of `resources[]`, as it stands and as we hand it out.

use super::{Recorded, sensitive};
use model::report::UnknownResource;
use model::resource::Desired;
use model::{Attributes, Index, ResourceAddress, Unknown, UnknownReason, Value};
use serde::Deserialize;
use serde_json::Value as Json;

/// Fields that are not named here (`private`, `dependencies`, `identity`, whatever comes
/// next) are read over and never kept.
#[derive(Deserialize)]
pub struct RawInstance {
    #[serde(default)]
    index_key: Json,
    #[serde(default)]
    schema_version: u64,
    #[serde(default)]
    attributes: Option<Attributes>,
    #[serde(default)]
    attributes_flat: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    sensitive_attributes: Json,
    #[serde(default)]
    deposed: Option<String>,
}

/// The fields that all instances of an entry share.
#[derive(Default)]
pub struct Entry {
    pub module: String,
    pub mode: String,
    pub kind: String,
    pub name: String,
    pub provider: String,
}

const MANAGED: &str = "managed";
pub const DATA: &str = "data";

/// An error names what was expected.
pub fn recorded(entry: &Entry, raw: RawInstance, source: &str) -> Result<Recorded, &'static str> {
    let address = ResourceAddress {
        module: entry.module.clone(),
        kind: entry.kind.as_str().into(),
        name: entry.name.clone(),
        index: index(raw.index_key)?,
        deposed: raw.deposed.filter(|d| !d.is_empty()),
    };
    if entry.mode != MANAGED {
        let detail = format!("an object of mode {}, which this program does not know", entry.mode);
        return Ok(unreadable(address, detail, "look for a newer version of this program"));
    }
    if raw.attributes.is_none() && raw.attributes_flat.is_some() {
        let detail = "recorded in the flat form of Terraform 0.11 and not written since".into();
        let next = "run terraform apply -refresh-only with a current Terraform, then again";
        return Ok(unreadable(address, detail, next));
    }
    let mut attributes = raw.attributes.unwrap_or_default();
    sensitive::seal(&mut attributes, &raw.sensitive_attributes)?;
    let native_id = match attributes.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => String::new(),
    };
    Ok(Recorded::Resource(Desired {
        address,
        provider: entry.provider.clone(),
        native_id,
        attributes,
        schema_version: raw.schema_version,
        state: source.to_owned(),
    }))
}

fn index(key: Json) -> Result<Option<Index>, &'static str> {
    match key {
        Json::Null => Ok(None),
        Json::String(key) => Ok(Some(Index::Key(key))),
        Json::Number(n) => {
            n.as_u64().map(|n| Some(Index::Number(n))).ok_or("a whole number as index_key")
        }
        _ => Err("a number or a string as index_key"),
    }
}

fn unreadable(address: ResourceAddress, detail: String, next_step: &str) -> Recorded {
    Recorded::Unreadable(UnknownResource {
        kind: address.kind.clone(),
        address: Some(address),
        unknown: Unknown {
            reason: UnknownReason::Unsupported,
            detail,
            next_step: next_step.into(),
        },
    })
}
