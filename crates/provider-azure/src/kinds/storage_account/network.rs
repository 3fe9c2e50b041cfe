//! `network_rules`: the firewall of an account.

use crate::wire::{block, first_block, items, text};
use model::knowledge::Restoring;
use model::{AttributePath, Attributes, Value};
use serde_json::{Value as Json, json};

/// What an account without a block has on the wire; read back it is no block again.
const BYPASS: &str = "AzureServices";

/// Terraform's block out of `networkAcls`. Exactly the default set is no block (azurerm
/// flattens it so), or drift would be reported for ever.
pub(super) fn read(acls: Option<&Json>) -> Value {
    let Some(acls) = acls.filter(|a| a.is_object()) else {
        return Value::List(Vec::new());
    };
    let default_action = text(acls, "/defaultAction").unwrap_or("Allow");
    let bypass = words(text(acls, "/bypass").unwrap_or_default());
    let ips = texts(acls, "/ipRules", "value");
    let subnets = texts(acls, "/virtualNetworkRules", "id");
    let links: Vec<Value> = items(acls, "/resourceAccessRules")
        .map(|rule| {
            let of = |path| Value::from(text(rule, path).unwrap_or_default());
            let map: Attributes = [
                ("endpoint_resource_id".to_owned(), of("/resourceId")),
                ("endpoint_tenant_id".to_owned(), of("/tenantId")),
            ]
            .into();
            Value::Map(map)
        })
        .collect();
    let plain = default_action.eq_ignore_ascii_case("Allow")
        && bypass == [BYPASS]
        && ips.is_empty()
        && subnets.is_empty()
        && links.is_empty();
    if plain {
        return Value::List(Vec::new());
    }
    block([
        ("default_action", default_action.into()),
        ("bypass", Value::strings(bypass)),
        ("ip_rules", Value::strings(ips)),
        ("virtual_network_subnet_ids", Value::strings(subnets)),
        ("private_link_access", Value::List(links)),
    ])
}

/// What a request said. A member that it left out has a value that the record does not tell.
pub(super) fn said(acls: &Json) -> Value {
    let whole =
        ["defaultAction", "bypass", "ipRules", "virtualNetworkRules", "resourceAccessRules"]
            .iter()
            .all(|name| acls.get(*name).is_some_and(|v| !v.is_null()));
    if whole {
        return read(Some(acls));
    }
    let given = |name: &str, value: Value| {
        if acls.get(name).is_some_and(|v| !v.is_null()) { value } else { Value::Redacted }
    };
    let action = text(acls, "/defaultAction").unwrap_or_default();
    block([
        ("default_action", given("defaultAction", action.into())),
        (
            "bypass",
            given("bypass", Value::strings(words(text(acls, "/bypass").unwrap_or_default()))),
        ),
        ("ip_rules", given("ipRules", Value::strings(texts(acls, "/ipRules", "value")))),
        (
            "virtual_network_subnet_ids",
            given("virtualNetworkRules", Value::strings(texts(acls, "/virtualNetworkRules", "id"))),
        ),
        ("private_link_access", Value::Redacted),
    ])
}

/// `"Logging, Metrics"` is a set.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> =
        text.split(',').map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned).collect();
    words.sort();
    words
}

fn texts(acls: &Json, list: &str, member: &str) -> Vec<String> {
    let path = format!("/{member}");
    let mut texts: Vec<String> =
        items(acls, list).filter_map(|rule| text(rule, &path)).map(str::to_owned).collect();
    texts.sort();
    texts
}

/// `networkAcls` out of Terraform's block; no block is the default set.
pub(super) fn write(block: Option<&Value>) -> Json {
    let none = Attributes::new();
    let rules = first_block(block).unwrap_or(&none);
    let list = |name: &str| -> Vec<&str> {
        let list = rules.get(name).and_then(Value::as_list).unwrap_or_default();
        list.iter().filter_map(Value::as_str).collect()
    };
    let text = |name: &str| rules.get(name).and_then(Value::as_str).filter(|s| !s.is_empty());
    let bypass = match rules.get("bypass") {
        Some(Value::List(words)) if words.is_empty() => "None".to_owned(),
        Some(Value::List(_)) => list("bypass").join(", "),
        _ => BYPASS.to_owned(),
    };
    let links: Vec<Json> = rules
        .get("private_link_access")
        .and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_map)
        .map(|link| {
            let of = |name: &str| link.get(name).map(Value::to_json).unwrap_or_default();
            json!({"resourceId": of("endpoint_resource_id"), "tenantId": of("endpoint_tenant_id")})
        })
        .collect();
    json!({
        "defaultAction": text("default_action").unwrap_or("Allow"),
        "bypass": bypass,
        "ipRules": list("ip_rules").iter().map(|v| json!({"value": v, "action": "Allow"})).collect::<Vec<_>>(),
        "virtualNetworkRules": list("virtual_network_subnet_ids")
            .iter().map(|id| json!({"id": id, "action": "Allow"})).collect::<Vec<_>>(),
        "resourceAccessRules": links,
    })
}

/// Who comes past a firewall that refuses everybody else.
const LETS_IN: [&str; 4] =
    ["bypass", "ip_rules", "private_link_access", "virtual_network_subnet_ids"];

/// What bringing the firewall, or a part of it, back does to whom.
pub(super) fn restoring(path: &AttributePath, desired: &Value, live: &Value) -> Option<Restoring> {
    let pattern = path.pattern();
    let part = pattern.strip_prefix("network_rules")?;
    if let Some(name) = part.strip_prefix('.') {
        return LETS_IN.contains(&name).then(|| exceptions(desired, live, true));
    }
    let of = |value: &Value| match value {
        Value::List(_) => first_block(Some(value)).cloned(),
        Value::Map(map) => Some(map.clone()),
        _ => None,
    };
    let (wanted, is) = (of(desired).unwrap_or_default(), of(live).unwrap_or_default());
    let refuses = |rules: &Attributes| {
        let action = rules.get("default_action").and_then(Value::as_str);
        action.is_some_and(|a| a.eq_ignore_ascii_case("Deny"))
    };
    let default = match (refuses(&wanted), refuses(&is)) {
        (true, false) => Restoring::Closes,
        (false, true) => Restoring::Opens,
        _ => Restoring::Neutral,
    };
    let all = LETS_IN.iter().map(|name| {
        let usual = match *name {
            "bypass" => Value::strings([BYPASS]),
            _ => Value::List(Vec::new()),
        };
        let list = |rules: &Attributes| match rules.get(*name) {
            None | Some(Value::Null) => usual.clone(),
            Some(value) => value.clone(),
        };
        exceptions(&list(&wanted), &list(&is), refuses(&is))
    });
    Some(all.fold(default, Restoring::and))
}

/// `closed`: nobody else comes in now, so that whoever is let in again was out.
fn exceptions(desired: &Value, live: &Value, closed: bool) -> Restoring {
    let entry = |value: &Value| match value {
        Value::String(text) => text.to_ascii_lowercase(),
        other => other.to_json().to_string(),
    };
    let list = |value: &Value| -> Vec<String> {
        value.as_list().unwrap_or_default().iter().map(entry).collect()
    };
    let (wanted, is) = (list(desired), list(live));
    let new: Vec<String> = is.iter().filter(|e| !wanted.contains(e)).cloned().collect();
    let goes = if new.is_empty() { Restoring::Neutral } else { Restoring::TakesFrom(new) };
    let comes = closed && wanted.iter().any(|e| !is.contains(e));
    goes.and(if comes { Restoring::Opens } else { Restoring::Neutral })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_a_direction() {
        let rules = |default: &str, ips: &[&str]| {
            Value::from(json!([{"default_action": default, "bypass": ["AzureServices"],
                "ip_rules": ips, "virtual_network_subnet_ids": [], "private_link_access": []}]))
        };
        let takes = |who: &str| Restoring::TakesFrom(vec![who.to_owned()]);
        let (office, home) = ("203.0.113.0/24", "198.51.100.7");
        for (desired, live, expected) in [
            (rules("Deny", &[office]), rules("Allow", &[office]), Restoring::Closes),
            (rules("Deny", &[office]), Value::List(vec![]), Restoring::Closes),
            (rules("Deny", &[office]), rules("Deny", &[office, home]), takes(home)),
            (rules("Deny", &[office]), rules("Allow", &[home]), takes(home)),
            (rules("Deny", &[office, home]), rules("Deny", &[office]), Restoring::Opens),
            (rules("Allow", &[]), rules("Deny", &[]), Restoring::Opens),
            (Value::List(vec![]), rules("Allow", &[home]), takes(home)),
            (Value::Null, rules("Allow", &[]), Restoring::Neutral),
        ] {
            let whole = AttributePath::root("network_rules");
            let back = restoring(&whole, &desired, &live);
            assert_eq!(back, Some(expected), "{desired:?} {live:?}");
        }
        let ips = AttributePath::root("network_rules").index(0).key("ip_rules");
        let list = |ips: &[&str]| Value::strings(ips.iter().copied());
        assert_eq!(restoring(&ips, &list(&[office]), &list(&[office, home])), Some(takes(home)));
        assert_eq!(restoring(&ips, &list(&[office]), &list(&[])), Some(Restoring::Opens));
        assert_eq!(restoring(&AttributePath::root("tags"), &Value::Null, &Value::Null), None);
        let default = AttributePath::root("network_rules").index(0).key("default_action");
        assert_eq!(restoring(&default, &"Deny".into(), &"Allow".into()), None, "the facts know");
    }

    #[test]
    fn the_default_set_is_no_block() {
        let acls = json!({
            "resourceAccessRules": [], "bypass": "AzureServices", "virtualNetworkRules": [],
            "ipRules": [], "defaultAction": "Allow"
        });
        assert_eq!(read(Some(&acls)), Value::List(vec![]));
        assert_eq!(read(None), Value::List(vec![]));
        assert_eq!(write(None), write(Some(&Value::List(vec![]))));
        assert_eq!(read(Some(&write(None))), Value::List(vec![]));
    }

    #[test]
    fn rules_read_back_as_written() {
        let rules = json!([{
            "default_action": "Deny", "bypass": ["Logging", "Metrics"],
            "ip_rules": ["198.51.100.7", "203.0.113.0/24"],
            "virtual_network_subnet_ids": ["/subscriptions/s/x"],
            "private_link_access": [
                {"endpoint_resource_id": "/subscriptions/s/y", "endpoint_tenant_id": "t"}
            ]
        }]);
        let rules = Value::from(rules);
        assert_eq!(read(Some(&write(Some(&rules)))), rules);
        let nobody = Value::from(json!([{"default_action": "Deny", "bypass": []}]));
        assert_eq!(write(Some(&nobody))["bypass"], "None");
    }

    #[test]
    fn what_a_request_leaves_out_is_not_known() {
        let said = said(&json!({"defaultAction": "Deny"}));
        let rules = first_block(Some(&said)).unwrap();
        assert_eq!(rules["default_action"], "Deny".into());
        assert_eq!(rules["ip_rules"], Value::Redacted);
    }
}
