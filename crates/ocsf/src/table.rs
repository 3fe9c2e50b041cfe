//! The tables: classes and objects, their attributes, what each may hold.

use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// The versions that have a table: the current one, and the one that Amazon Security Lake takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    V1_1_0,
    V1_8_0,
}

impl Version {
    pub const ALL: [Version; 2] = [Version::V1_1_0, Version::V1_8_0];

    pub fn as_str(self) -> &'static str {
        match self {
            Version::V1_1_0 => "1.1.0",
            Version::V1_8_0 => "1.8.0",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Version::ALL.into_iter().find(|v| v.as_str() == text).ok_or_else(|| {
            let all: Vec<&str> = Version::ALL.iter().map(|v| v.as_str()).collect();
            format!("no schema of version {text}; there are {}", all.join(" and "))
        })
    }
}

/// One version of the schema, read once and kept.
pub fn schema(version: Version) -> &'static Schema {
    static OLD: OnceLock<Schema> = OnceLock::new();
    static NEW: OnceLock<Schema> = OnceLock::new();
    match version {
        Version::V1_1_0 => OLD.get_or_init(|| Schema::read(include_str!("../tables/1.1.0.json"))),
        Version::V1_8_0 => NEW.get_or_init(|| Schema::read(include_str!("../tables/1.8.0.json"))),
    }
}

#[derive(Debug)]
pub struct Schema {
    classes: HashMap<u64, Shape>,
    objects: HashMap<String, Shape>,
}

/// A class or an object.
#[derive(Debug)]
pub struct Shape {
    /// `api_activity`
    pub name: String,
    /// `API Activity`; objects have none.
    pub caption: String,
    pub attributes: HashMap<String, Attribute>,
    /// The profiles that a class may be used with.
    pub profiles: Vec<String>,
    pub at_least_one: Vec<String>,
    pub just_one: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Attribute {
    pub kind: Kind,
    pub array: bool,
    pub required: bool,
    /// The attribute exists only for events that name one of these; empty: for all.
    pub profiles: Vec<String>,
    /// Value and caption.
    pub captions: Option<BTreeMap<String, String>>,
    /// The attribute beside it that holds the caption.
    pub sibling: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Boolean,
    Float,
    Integer {
        range: Option<(i64, i64)>,
    },
    /// Anything.
    Json,
    Text {
        max_len: Option<usize>,
        pattern: Option<fn(&str) -> bool>,
    },
    /// An object of the schema.
    Object(String),
    /// An object that may hold anything: `unmapped`.
    Free,
}

impl Schema {
    pub fn class(&self, uid: u64) -> Option<&Shape> {
        self.classes.get(&uid)
    }

    pub fn object(&self, name: &str) -> Option<&Shape> {
        self.objects.get(name)
    }

    pub fn classes(&self) -> impl Iterator<Item = (u64, &Shape)> {
        self.classes.iter().map(|(uid, shape)| (*uid, shape))
    }

    fn read(text: &str) -> Self {
        let file: File = serde_json::from_str(text).expect("a generated table, read by its test");
        let attributes: Vec<(String, Attribute)> =
            file.attributes.iter().map(|a| (a.name.clone(), file.attribute(a))).collect();
        let shape = |entry: &ShapeEntry, name: &str| Shape {
            name: entry.name.clone().unwrap_or_else(|| name.to_owned()),
            caption: entry.caption.clone().unwrap_or_default(),
            attributes: entry.attributes.iter().map(|at| attributes[*at].clone()).collect(),
            profiles: entry.profiles.clone(),
            at_least_one: entry.at_least_one.clone(),
            just_one: entry.just_one.clone(),
        };
        Schema {
            classes: file.classes.iter().map(|(uid, e)| (*uid, shape(e, ""))).collect(),
            objects: file.objects.iter().map(|(name, e)| (name.clone(), shape(e, name))).collect(),
        }
    }
}

#[derive(Deserialize)]
struct File {
    types: HashMap<String, TypeEntry>,
    enums: Vec<BTreeMap<String, String>>,
    attributes: Vec<AttributeEntry>,
    classes: HashMap<u64, ShapeEntry>,
    objects: HashMap<String, ShapeEntry>,
}

#[derive(Deserialize)]
struct TypeEntry {
    base: String,
    max_len: Option<usize>,
    range: Option<(i64, i64)>,
    #[serde(default)]
    pattern: bool,
}

#[derive(Deserialize)]
struct AttributeEntry {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    object: bool,
    #[serde(default)]
    array: bool,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    profiles: Vec<String>,
    #[serde(rename = "enum")]
    captions: Option<usize>,
    sibling: Option<String>,
}

#[derive(Deserialize)]
struct ShapeEntry {
    name: Option<String>,
    caption: Option<String>,
    #[serde(default)]
    profiles: Vec<String>,
    attributes: Vec<usize>,
    #[serde(default)]
    at_least_one: Vec<String>,
    #[serde(default)]
    just_one: Vec<String>,
}

impl File {
    fn attribute(&self, entry: &AttributeEntry) -> Attribute {
        let own = self.types.get(&entry.kind);
        // A type without a bound of its own has that of the type it is made of.
        let base = own.and_then(|t| self.types.get(&t.base));
        let kind = match (entry.object, own) {
            (true, _) if entry.kind == "object" => Kind::Free,
            (true, _) => Kind::Object(entry.kind.clone()),
            (false, Some(own)) => match own.base.as_str() {
                "boolean_t" => Kind::Boolean,
                "float_t" => Kind::Float,
                "integer_t" | "long_t" => Kind::Integer { range: own.range },
                "json_t" => Kind::Json,
                _ => Kind::Text {
                    max_len: own.max_len.or(base.and_then(|b| b.max_len)),
                    pattern: own.pattern.then(|| crate::pattern::of(&entry.kind)).flatten(),
                },
            },
            (false, None) => Kind::Json,
        };
        Attribute {
            kind,
            array: entry.array,
            required: entry.required,
            profiles: entry.profiles.clone(),
            captions: entry.captions.and_then(|at| self.enums.get(at)).cloned(),
            sibling: entry.sibling.clone(),
        }
    }
}

impl Attribute {
    /// An attribute of a profile is there only for events that name the profile.
    pub fn in_use(&self, profiles: &[&str]) -> bool {
        self.profiles.is_empty() || self.profiles.iter().any(|own| profiles.contains(&own.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_read_whole() {
        for version in Version::ALL {
            let schema = schema(version);
            assert!(schema.classes.len() >= 50 && schema.objects.len() >= 100, "{version}");
            let shapes = schema.classes.values().chain(schema.objects.values());
            let mut objects = 0;
            for (name, attribute) in shapes.flat_map(|s| &s.attributes) {
                if let Kind::Object(object) = &attribute.kind {
                    objects += 1;
                    assert!(schema.objects.contains_key(object), "{version}: {name} is {object}");
                }
            }
            assert!(objects > 300, "{version}");
            assert_eq!(version.as_str().parse(), Ok(version));
        }
        assert!("1.2.0".parse::<Version>().is_err());
    }
}
