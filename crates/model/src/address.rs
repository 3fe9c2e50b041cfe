//! Terraform's name for a resource: `module.data["eu"].aws_s3_bucket.exports[0]`.

use crate::resource::KindName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The key of one instance under `count` or `for_each`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Index {
    Number(u64),
    Key(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceAddress {
    /// As Terraform writes it, `module.a["x"].module.b`; empty in the root module.
    pub module: String,
    pub kind: KindName,
    pub name: String,
    pub index: Option<Index>,
    /// Set for an object that Terraform still has to destroy.
    pub deposed: Option<String>,
}

impl ResourceAddress {
    pub fn root(kind: impl Into<KindName>, name: impl Into<String>) -> Self {
        ResourceAddress {
            module: String::new(),
            kind: kind.into(),
            name: name.into(),
            index: None,
            deposed: None,
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (body, deposed) = match text.split_once(" (deposed ") {
            Some((body, rest)) => (body, Some(rest.strip_suffix(')')?.to_owned())),
            None => (text, None),
        };
        let mut parts = split_dots(body)?;
        let last = parts.pop()?;
        let kind = parts.pop()?;
        let (name, index) = split_index(&last)?;
        let module = parts.join(".");
        if kind.is_empty() || name.is_empty() || kind.contains('[') {
            return None;
        }
        if !(module.is_empty() || module.starts_with("module.")) {
            return None;
        }
        Some(ResourceAddress { module, kind: kind.as_str().into(), name, index, deposed })
    }
}

/// Splits at dots that stand outside brackets and quotes.
fn split_dots(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        let current = parts.last_mut()?;
        match c {
            '.' if !quoted => {
                parts.push(String::new());
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        current.push(c);
    }
    (!quoted).then_some(parts)
}

fn split_index(text: &str) -> Option<(String, Option<Index>)> {
    let Some((name, rest)) = text.split_once('[') else {
        return Some((text.to_owned(), None));
    };
    let inner = rest.strip_suffix(']')?;
    let index = if inner.starts_with('"') {
        Index::Key(serde_json::from_str(inner).ok()?)
    } else {
        Index::Number(inner.parse().ok()?)
    };
    Some((name.to_owned(), Some(index)))
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Index::Number(n) => write!(f, "[{n}]"),
            Index::Key(k) => write!(f, "[{}]", serde_json::Value::String(k.clone())),
        }
    }
}

impl fmt::Display for ResourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_empty() {
            write!(f, "{}.", self.module)?;
        }
        write!(f, "{}.{}", self.kind, self.name)?;
        if let Some(index) = &self.index {
            write!(f, "{index}")?;
        }
        if let Some(deposed) = &self.deposed {
            write!(f, " (deposed {deposed})")?;
        }
        Ok(())
    }
}

impl Serialize for ResourceAddress {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceAddress {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        ResourceAddress::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("not a resource address: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_back() {
        for text in [
            "aws_s3_bucket.exports",
            "aws_s3_bucket.exports[3]",
            "module.data[\"a.b\"].module.x[0].aws_s3_bucket.exports[\"eu-west.1\"]",
            "aws_iam_user.ci (deposed 00000001)",
        ] {
            assert_eq!(ResourceAddress::parse(text).unwrap().to_string(), text);
        }
        for text in ["exports", "x.aws_s3_bucket.exports", "a.b[\"x]", ""] {
            assert_eq!(ResourceAddress::parse(text), None, "{text}");
        }
    }
}
