//! Where in a resource: `network_rules[0].ip_rules`.

use crate::value::{Attributes, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// A path into a resource's attributes. The first step is always a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributePath(Vec<Step>);

impl AttributePath {
    pub fn root(attribute: impl Into<String>) -> Self {
        AttributePath(vec![Step::Key(attribute.into())])
    }

    pub fn key(&self, key: impl Into<String>) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.into()));
        AttributePath(steps)
    }

    pub fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        AttributePath(steps)
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The name of the attribute this path lies in.
    pub fn attribute(&self) -> &str {
        match self.0.first() {
            Some(Step::Key(k)) => k,
            _ => "",
        }
    }

    /// The path without indexes: the form in which a kind's knowledge names attributes.
    pub fn pattern(&self) -> String {
        let keys: Vec<&str> = self
            .0
            .iter()
            .filter_map(|s| match s {
                Step::Key(k) => Some(k.as_str()),
                Step::Index(_) => None,
            })
            .collect();
        keys.join(".")
    }

    /// What stands at this path.
    pub fn find<'a>(&self, attributes: &'a Attributes) -> Option<&'a Value> {
        let mut value = attributes.get(self.attribute())?;
        for step in &self.0[1..] {
            value = match (step, value) {
                (Step::Key(k), Value::Map(m)) => m.get(k)?,
                (Step::Index(i), Value::List(l)) => l.get(*i)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// The same, to be changed.
    pub fn find_mut<'a>(&self, attributes: &'a mut Attributes) -> Option<&'a mut Value> {
        let mut value = attributes.get_mut(self.attribute())?;
        for step in &self.0[1..] {
            value = match (step, value) {
                (Step::Key(k), Value::Map(m)) => m.get_mut(k)?,
                (Step::Index(i), Value::List(l)) => l.get_mut(*i)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// The places of what is sealed.
    pub fn of_sealed(attributes: &Attributes) -> Vec<AttributePath> {
        fn walk(path: &AttributePath, value: &Value, found: &mut Vec<AttributePath>) {
            match value {
                Value::Redacted => found.push(path.clone()),
                Value::List(items) => {
                    for (i, item) in items.iter().enumerate() {
                        walk(&path.index(i), item, found);
                    }
                }
                Value::Map(map) => {
                    for (key, item) in map {
                        walk(&path.key(key.as_str()), item, found);
                    }
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        for (name, value) in attributes {
            walk(&AttributePath::root(name.as_str()), value, &mut found);
        }
        found
    }

    /// Reads `a.b[0].c`; a key that holds a dot or a bracket is written in quotes: `tags["a.b"]`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix("[\"") {
                let end = inner.find("\"]")?;
                steps.push(Step::Key(inner[..end].to_owned()));
                rest = &inner[end + 2..];
            } else if let Some(inner) = rest.strip_prefix('[') {
                let end = inner.find(']')?;
                steps.push(Step::Index(inner[..end].parse().ok()?));
                rest = &inner[end + 1..];
            } else {
                let body = rest.strip_prefix('.').unwrap_or(rest);
                let end = body.find(['.', '[']).unwrap_or(body.len());
                if end == 0 {
                    return None;
                }
                steps.push(Step::Key(body[..end].to_owned()));
                rest = &body[end..];
            }
        }
        matches!(steps.first(), Some(Step::Key(_))).then_some(AttributePath(steps))
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(k) if i > 0 && k.contains(['.', '[', ']', '"']) => {
                    write!(f, "[\"{k}\"]")?
                }
                Step::Key(k) if i > 0 => write!(f, ".{k}")?,
                Step::Key(k) => f.write_str(k)?,
                Step::Index(n) => write!(f, "[{n}]")?,
            }
        }
        Ok(())
    }
}

impl Serialize for AttributePath {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AttributePath {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        AttributePath::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("not an attribute path: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_back() {
        for text in ["policy", "network_rules[0].ip_rules[2]", "tags[\"a.b\"].c"] {
            assert_eq!(AttributePath::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(AttributePath::parse("[0]"), None);
        assert_eq!(AttributePath::parse("a..b"), None);
        assert_eq!(AttributePath::parse("a[x]"), None);
    }

    #[test]
    fn the_pattern_leaves_indexes_out() {
        let path = AttributePath::root("network_rules").index(0).key("ip_rules");
        assert_eq!(path.pattern(), "network_rules.ip_rules");
    }
}
