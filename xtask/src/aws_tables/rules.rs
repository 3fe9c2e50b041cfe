//! `tables/rules.toml`: what the service models do not say.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
#[serde(transparent)]
pub struct Rules {
    pub services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub event_source: String,
    pub sensitive: String,
    pub global_region: Option<String>,
    /// Served operations; `["*"]` is every one of the model.
    pub operations: Vec<String>,
    #[serde(default = "yes")]
    pub shapes: bool,
    #[serde(default)]
    pub read_only: BTreeMap<String, bool>,
    #[serde(default)]
    pub logs_response: Vec<String>,
    #[serde(default)]
    pub no_permission: Vec<String>,
    #[serde(default)]
    pub event_names: BTreeMap<String, String>,
    #[serde(default)]
    pub actions: BTreeMap<String, String>,
    #[serde(default)]
    pub data_events: DataEvents,
    pub old_style_until: Option<String>,
    #[serde(default)]
    pub lists_left_out: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub list_names: BTreeMap<String, String>,
    #[serde(default)]
    pub item_names: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct DataEvents {
    pub operations: Vec<String>,
}

fn yes() -> bool {
    true
}

impl Rules {
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    }
}
