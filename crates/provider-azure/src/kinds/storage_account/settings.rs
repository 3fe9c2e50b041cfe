//! The plain settings of an account: one row each, read from an answer, found in a record's
//! request, written into a body.

use model::{Attributes, Value};
use serde_json::{Map, Value as Json, json};

/// How a setting is written on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Bool,
    Text,
    /// `Enabled` is true.
    Enabled,
    /// Everything but `Disabled` is true: azurerm's reading, `SecuredByPerimeter` included.
    NotDisabled,
}

struct Setting {
    attribute: &'static str,
    property: &'static str,
    form: Form,
    /// What azurerm 4.x reads where the answer has null.
    null: Default,
    /// What azurerm 4.x writes where the configuration has nothing.
    unset: Default,
    /// Cannot be changed on what is there.
    fixed: bool,
}

#[derive(Clone, Copy)]
enum Default {
    Bool(bool),
    Text(&'static str),
    /// Not sent.
    Nothing,
}

impl Default {
    fn value(self) -> Value {
        match self {
            Default::Bool(b) => b.into(),
            Default::Text(t) => t.into(),
            Default::Nothing => Value::Null,
        }
    }
}

const fn switch(
    attribute: &'static str,
    property: &'static str,
    null: bool,
    unset: bool,
) -> Setting {
    Setting {
        attribute,
        property,
        form: Form::Bool,
        null: Default::Bool(null),
        unset: Default::Bool(unset),
        fixed: false,
    }
}

const fn fixed(attribute: &'static str, property: &'static str) -> Setting {
    Setting { fixed: true, ..switch(attribute, property, false, false) }
}

const fn words(
    attribute: &'static str,
    property: &'static str,
    null: &'static str,
    unset: Default,
) -> Setting {
    Setting {
        attribute,
        property,
        form: Form::Text,
        null: Default::Text(null),
        unset,
        fixed: false,
    }
}

/// Names and defaults: the schema of azurerm 4.55; properties: the storage resource
/// provider's REST reference.
const SETTINGS: &[Setting] = &[
    words("access_tier", "accessTier", "Hot", Default::Nothing),
    switch("allow_nested_items_to_be_public", "allowBlobPublicAccess", true, true),
    words("allowed_copy_scope", "allowedCopyScope", "", Default::Nothing),
    switch("cross_tenant_replication_enabled", "allowCrossTenantReplication", false, false),
    switch("default_to_oauth_authentication", "defaultToOAuthAuthentication", false, false),
    Setting {
        fixed: true,
        ..words("dns_endpoint_type", "dnsEndpointType", "Standard", Default::Nothing)
    },
    switch("https_traffic_only_enabled", "supportsHttpsTrafficOnly", false, true),
    fixed("is_hns_enabled", "isHnsEnabled"),
    Setting {
        form: Form::Enabled,
        unset: Default::Nothing,
        ..switch("large_file_share_enabled", "largeFileSharesState", false, false)
    },
    switch("local_user_enabled", "isLocalUserEnabled", true, true),
    words("min_tls_version", "minimumTlsVersion", "TLS1_0", Default::Text("TLS1_2")),
    fixed("nfsv3_enabled", "isNfsV3Enabled"),
    Setting {
        form: Form::NotDisabled,
        ..switch("public_network_access_enabled", "publicNetworkAccess", true, true)
    },
    switch("sftp_enabled", "isSftpEnabled", false, false),
    switch("shared_access_key_enabled", "allowSharedKeyAccess", true, true),
];

impl Setting {
    fn read(&self, json: &Json) -> Option<Value> {
        match self.form {
            Form::Bool => json.as_bool().map(Value::from),
            Form::Text => json.as_str().map(Value::from),
            Form::Enabled => json.as_str().map(|w| w.eq_ignore_ascii_case("Enabled").into()),
            Form::NotDisabled => {
                json.as_str().map(|w| (!w.eq_ignore_ascii_case("Disabled")).into())
            }
        }
    }

    /// `None`: not a value of this setting.
    fn write(&self, value: &Value) -> Option<Json> {
        match (self.form, value) {
            (Form::Bool, Value::Bool(b)) => Some(json!(b)),
            (Form::Text, Value::String(s)) => Some(json!(s)),
            (Form::Enabled | Form::NotDisabled, Value::Bool(b)) => {
                Some(json!(if *b { "Enabled" } else { "Disabled" }))
            }
            _ => None,
        }
    }
}

/// Every setting, with azurerm's reading of what the answer leaves out.
pub(super) fn read(properties: &Json) -> Attributes {
    SETTINGS
        .iter()
        .map(|setting| {
            let given = properties.get(setting.property).and_then(|v| setting.read(v));
            let value = given.unwrap_or_else(|| setting.null.value());
            (setting.attribute.to_owned(), value)
        })
        .collect()
}

/// Only what a request's body says.
pub(super) fn said(properties: &Map<String, Json>) -> Attributes {
    SETTINGS
        .iter()
        .filter_map(|setting| {
            let given = properties.get(setting.property)?;
            Some((setting.attribute.to_owned(), setting.read(given)?))
        })
        .collect()
}

/// What a creation sends, azurerm's defaults put in. An error names the attribute.
pub(super) fn create(wanted: &Attributes) -> Result<Map<String, Json>, &'static str> {
    let mut properties = Map::new();
    for setting in SETTINGS {
        let value = match wanted.get(setting.attribute) {
            None | Some(Value::Null) => setting.unset.value(),
            Some(Value::String(s)) if s.is_empty() => setting.unset.value(),
            Some(value) => value.clone(),
        };
        if value != Value::Null {
            let json = setting.write(&value).ok_or(setting.attribute)?;
            properties.insert(setting.property.to_owned(), json);
        }
    }
    Ok(properties)
}

pub(super) enum Change {
    Sets(&'static str, Json),
    /// Another row's business.
    Unknown,
    Fixed,
    Wrong,
}

/// One changed attribute.
pub(super) fn change(attribute: &str, value: &Value) -> Change {
    let Some(setting) = SETTINGS.iter().find(|s| s.attribute == attribute) else {
        return Change::Unknown;
    };
    if setting.fixed {
        return Change::Fixed;
    }
    // Null is what the provider would write where nothing is set.
    let value = if *value == Value::Null { setting.unset.value() } else { value.clone() };
    match setting.write(&value) {
        Some(json) => Change::Sets(setting.property, json),
        None => Change::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_reads_as_azurerm_reads_it() {
        let read = read(&json!({}));
        for (name, value) in [
            ("allow_nested_items_to_be_public", Value::Bool(true)),
            ("https_traffic_only_enabled", Value::Bool(false)),
            ("min_tls_version", "TLS1_0".into()),
            ("public_network_access_enabled", Value::Bool(true)),
            ("local_user_enabled", Value::Bool(true)),
        ] {
            assert_eq!(read[name], value, "{name}");
        }
    }

    #[test]
    fn a_request_says_only_what_it_says() {
        let body = json!({"allowBlobPublicAccess": true, "minimumTlsVersion": null, "other": 1});
        let said = said(body.as_object().unwrap());
        assert_eq!(said, [("allow_nested_items_to_be_public".to_owned(), true.into())].into());
    }

    #[test]
    fn what_is_written_reads_back() {
        let wanted = [
            ("public_network_access_enabled".to_owned(), Value::Bool(false)),
            ("shared_access_key_enabled".to_owned(), Value::Bool(false)),
        ];
        let sent = Json::Object(create(&wanted.clone().into()).unwrap());
        assert_eq!(sent["publicNetworkAccess"], "Disabled");
        assert_eq!(sent["minimumTlsVersion"], "TLS1_2");
        let back = read(&sent);
        for (name, value) in wanted {
            assert_eq!(back[&name], value);
        }
        let wrong = [("min_tls_version".to_owned(), Value::Bool(true))].into();
        assert_eq!(create(&wrong), Err("min_tls_version"));
    }
}
