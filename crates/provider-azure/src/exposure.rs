//! Would Blob storage answer somebody without a name? Out of the live configuration of a
//! container and its account.

use crate::wire::first_block;
use model::knowledge::Exposure;
use model::{Resource, Value};
use std::net::Ipv4Addr;

fn attribute<'r>(resource: &'r Resource, name: &str) -> &'r str {
    resource.attributes.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The rules of Microsoft's "Configure anonymous read access for containers and blobs" and
/// "Configure Azure Storage firewalls and virtual networks".
pub(crate) fn of_container(container: &Resource, account: &Resource) -> Exposure {
    let name = attribute(container, "name");
    let closed = |because: String| Exposure { public: false, because };
    let access = attribute(container, "container_access_type");
    if matches!(access, "" | "private") {
        return closed(format!("container {name} is private"));
    }
    let on = |name: &str| account.attributes.get(name).and_then(Value::as_bool);
    let account_name = attribute(account, "name");
    if on("allow_nested_items_to_be_public") == Some(false) {
        return closed(format!("account {account_name} forbids public containers"));
    }
    if on("public_network_access_enabled") == Some(false) {
        return closed(format!("account {account_name} is not reachable from public networks"));
    }
    let more = if access == "container" { ", its list included" } else { "" };
    let because = match Network::of(account) {
        Network::Open => {
            format!(
                "container {name} is at level {access}{more} and account {account_name} allows it"
            )
        }
        Network::Narrow => {
            return closed(format!("the firewall of account {account_name} lets few in"));
        }
        Network::Wide(range) => format!(
            "container {name} is at level {access}{more} and the firewall of account \
             {account_name} lets {range} in"
        ),
    };
    Exposure { public: true, because }
}

/// Who comes through the firewall.
#[derive(Debug, PartialEq, Eq)]
enum Network {
    Open,
    /// Named addresses, subnets and resources.
    Narrow,
    /// An address rule so wide that it is no firewall.
    Wide(String),
}

/// The sixteenth part of the internet and more. The storage service refuses ranges that are
/// as wide as this one by one, but takes them split up.
const WIDE: u64 = 1 << 28;

impl Network {
    fn of(account: &Resource) -> Network {
        let Some(rules) = first_block(account.attributes.get("network_rules")) else {
            return Network::Open;
        };
        let action = rules.get("default_action").and_then(Value::as_str).unwrap_or("Allow");
        if !action.eq_ignore_ascii_case("Deny") {
            return Network::Open;
        }
        let ranges = rules.get("ip_rules").and_then(Value::as_list).unwrap_or_default();
        let sizes = ranges.iter().filter_map(Value::as_str).filter_map(public_addresses);
        let total: u64 = sizes.fold(0, u64::saturating_add);
        if total < WIDE {
            return Network::Narrow;
        }
        let texts: Vec<&str> = ranges.iter().filter_map(Value::as_str).take(3).collect();
        Network::Wide(texts.join(" and "))
    }
}

fn public_addresses(range: &str) -> Option<u64> {
    let (address, prefix) = range.split_once('/').unwrap_or((range, "32"));
    let address: Ipv4Addr = address.parse().ok()?;
    let prefix: u32 = prefix.parse().ok().filter(|p| *p <= 32)?;
    if address.is_private() || address.is_loopback() {
        return Some(0);
    }
    Some(1_u64 << (32 - prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(public_addresses("203.0.113.0/24"), Some(256));
        assert_eq!(public_addresses("198.51.100.7"), Some(1));
        assert_eq!(public_addresses("10.0.0.0/8"), Some(0));
        assert_eq!(public_addresses("0.0.0.0/0"), Some(1 << 32));
        for wrong in ["", "x/8", "1.2.3.4/33", "1.2.3.4/-1", "::/0"] {
            assert_eq!(public_addresses(wrong), None, "{wrong}");
        }
    }
}
