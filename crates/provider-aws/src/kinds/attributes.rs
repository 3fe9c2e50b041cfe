//! Terraform's shapes that several kinds share.

use model::{Attributes, Value};
use std::collections::BTreeMap;

/// A block of at most one: a list with one map.
pub(crate) fn block<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::List(vec![map(entries)])
}

pub(crate) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
}

pub(crate) fn none() -> Value {
    Value::List(Vec::new())
}

/// Terraform's empty text for what an answer leaves out.
pub(crate) fn text(value: Option<impl Into<String>>) -> Value {
    Value::String(value.map(Into::into).unwrap_or_default())
}

pub(crate) fn number(value: Option<i32>) -> Value {
    Value::from(i64::from(value.unwrap_or_default()))
}

/// Tags as Terraform sees them: those that AWS itself sets are left out.
pub(crate) fn tags<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    Value::Map(
        pairs
            .filter(|(key, _)| !key.starts_with("aws:"))
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .collect(),
    )
}

/// The tags that are wanted: `tags_all` holds the provider's default tags too, so it wins.
pub(crate) fn wanted_tags(attributes: &Attributes) -> Option<BTreeMap<String, String>> {
    let wanted = ["tags_all", "tags"]
        .into_iter()
        .find_map(|name| attributes.get(name).filter(|v| !matches!(v, Value::Null)))?;
    let pairs = wanted.as_map()?.iter();
    Some(pairs.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect())
}

/// A wanted text that is set.
pub(crate) fn set<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.get(name).and_then(Value::as_str).filter(|s| !s.is_empty())
}

/// The first block of a list of blocks.
pub(crate) fn first(value: Option<&Value>) -> Option<&BTreeMap<String, Value>> {
    value?.as_list()?.first()?.as_map()
}

pub(crate) fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

pub(crate) fn integer(value: Option<&Value>) -> Option<i32> {
    match value? {
        Value::Number(n) => n.as_i64().and_then(|n| i32::try_from(n).ok()),
        Value::String(s) => s.parse().ok(),
        _ => None,
    }
}
