//! The computed addresses and keys of an account: their names, and what the wire says.

use crate::wire::text;
use model::{Attributes, Value};
use serde_json::Value as Json;
use url::Url;

const SERVICES: &[&str] = &["blob", "dfs", "file", "queue", "table", "web"];
/// The services with endpoints over internet routing; those over Microsoft's are all.
const INTERNET: &[&str] = &["blob", "dfs", "file", "web"];
const SIDES: &[&str] = &["primary", "secondary"];

/// Never read here: to list keys is to hold them, and would stand in the log. Their place in
/// the attributes is sealed.
pub(super) const SECRETS: &[&str] = &[
    "primary_access_key",
    "primary_blob_connection_string",
    "primary_connection_string",
    "secondary_access_key",
    "secondary_blob_connection_string",
    "secondary_connection_string",
];

/// `primary_blob_internet` and the path of its endpoint.
fn stems() -> impl Iterator<Item = (String, String)> {
    SIDES.iter().flat_map(|side| {
        SERVICES.iter().flat_map(move |service| {
            let plain = (format!("{side}_{service}"), format!("/{side}Endpoints/{service}"));
            let microsoft = (
                format!("{side}_{service}_microsoft"),
                format!("/{side}Endpoints/microsoftEndpoints/{service}"),
            );
            let internet = INTERNET.contains(service).then(|| {
                (
                    format!("{side}_{service}_internet"),
                    format!("/{side}Endpoints/internetEndpoints/{service}"),
                )
            });
            [Some(plain), Some(microsoft), internet].into_iter().flatten()
        })
    })
}

/// The names of everything that the cloud makes up.
pub(super) fn computed() -> Vec<String> {
    let mut names: Vec<String> = stems()
        .flat_map(|(stem, _)| [format!("{stem}_endpoint"), format!("{stem}_host")])
        .collect();
    names.extend(SIDES.iter().map(|side| format!("{side}_location")));
    names.extend(SECRETS.iter().map(|name| (*name).to_owned()));
    names
}

/// A name that the schema has and the wire does not is empty in a state.
pub(super) fn read(properties: &Json) -> Attributes {
    let mut attributes = Attributes::new();
    for (stem, path) in stems() {
        let endpoint = text(properties, &path).unwrap_or_default();
        let host = Url::parse(endpoint).ok();
        let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
        attributes.insert(format!("{stem}_host"), host.into());
        attributes.insert(format!("{stem}_endpoint"), endpoint.into());
    }
    for side in SIDES {
        let place = text(properties, &format!("/{side}Location")).unwrap_or_default();
        attributes.insert(format!("{side}_location"), place.into());
    }
    for name in SECRETS {
        attributes.insert((*name).to_owned(), Value::Redacted);
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hosts_come_out_of_endpoints() {
        let read = read(&json!({"primaryEndpoints": {
            "blob": "https://a.blob.core.windows.net/",
            "internetEndpoints": {"blob": "https://a-internetrouting.blob.core.windows.net/"}
        }}));
        assert_eq!(read["primary_blob_host"], "a.blob.core.windows.net".into());
        assert_eq!(
            read["primary_blob_internet_host"],
            "a-internetrouting.blob.core.windows.net".into()
        );
        assert_eq!(read["secondary_table_microsoft_endpoint"], "".into());
        assert_eq!(read["primary_access_key"], Value::Redacted);
        let names = computed();
        assert_eq!(names.len(), 2 * (2 * 16 + 1) + 6);
        assert!(read.keys().all(|name| names.contains(name)));
    }
}
