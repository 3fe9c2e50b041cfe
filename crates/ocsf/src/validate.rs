//! Is an event valid? Every rule that it breaks, with the place.

use crate::table::{Attribute, Kind, Schema, Shape, Version, schema};
use serde_json::{Map, Value};
use std::fmt;

/// One rule of the schema that an event breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `actor.user.type_id`, `resources[2].uid`; empty for the event itself.
    pub path: String,
    /// What is there, or what is not, in a few words.
    pub what: String,
    pub rule: Rule,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.path.is_empty() { "event" } else { &self.path };
        write!(f, "{at}: {} ({})", self.what, self.rule.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// `class_uid` names a class of this version.
    Class,
    /// `metadata.version` is the version that was asked for.
    Version,
    /// `metadata.profiles` names profiles that the class has.
    Profile,
    /// `type_uid` is `class_uid * 100 + activity_id`.
    TypeUid,
    Required,
    /// An attribute that the class or object does not have.
    Unknown,
    /// An attribute of a profile that `metadata.profiles` does not name.
    NotOfProfile,
    Type,
    /// A list where one value belongs, or the other way round.
    Array,
    Enum,
    /// The caption beside an enum says something else, or an activity 99 has no name.
    Sibling,
    AtLeastOne,
    JustOne,
    /// Longer than the type allows, or out of its range.
    Bounds,
    /// A text that does not look like its type.
    Pattern,
}

impl Rule {
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Class => "class",
            Rule::Version => "version",
            Rule::Profile => "profile",
            Rule::TypeUid => "type_uid",
            Rule::Required => "required",
            Rule::Unknown => "unknown attribute",
            Rule::NotOfProfile => "attribute of a profile that is not named",
            Rule::Type => "type",
            Rule::Array => "array",
            Rule::Enum => "enum",
            Rule::Sibling => "caption",
            Rule::AtLeastOne => "at_least_one",
            Rule::JustOne => "just_one",
            Rule::Bounds => "bounds",
            Rule::Pattern => "pattern",
        }
    }
}

/// Everything that is wrong with an event; empty when it is valid. Paths come in the order of
/// the event's own keys.
pub fn validate(event: &Value, version: Version) -> Vec<Violation> {
    let schema = schema(version);
    let mut check = Check { schema, profiles: profiles_of(event), found: Vec::new() };
    let Some(fields) = event.as_object() else {
        check.add("", "not an object".to_owned(), Rule::Type);
        return check.found;
    };
    let uid = fields.get("class_uid").and_then(Value::as_u64);
    let Some((uid, class)) = uid.and_then(|uid| Some((uid, schema.class(uid)?))) else {
        let told = fields.get("class_uid").map_or("missing".to_owned(), short);
        check.add("class_uid", format!("{told}: no class of {version}"), Rule::Class);
        return check.found;
    };
    let told = event.pointer("/metadata/version");
    if told.is_some_and(|told| told != version.as_str()) {
        let told = told.map_or(String::new(), short);
        check.add("metadata.version", format!("{told}, not {version}"), Rule::Version);
    }
    for profile in check.profiles.clone() {
        if !class.profiles.iter().any(|own| own == profile) {
            let what = format!("{} has no profile {profile}", class.name);
            check.add("metadata.profiles", what, Rule::Profile);
        }
    }
    let activity = fields.get("activity_id").and_then(Value::as_u64);
    let type_uid = fields.get("type_uid").and_then(Value::as_u64);
    if let (Some(activity), Some(type_uid)) = (activity, type_uid)
        && type_uid != uid.saturating_mul(100).saturating_add(activity)
    {
        let what = format!("{type_uid} is not {uid} * 100 + {activity}");
        check.add("type_uid", what, Rule::TypeUid);
    }
    if activity == Some(99) && !fields.get("activity_name").is_some_and(Value::is_string) {
        check.add("activity_name", "activity 99 goes by its name".to_owned(), Rule::Sibling);
    }
    check.shape(class, fields, "");
    check.found
}

pub(crate) fn profiles_of(event: &Value) -> Vec<&str> {
    let all = event.pointer("/metadata/profiles").and_then(Value::as_array);
    all.into_iter().flatten().filter_map(Value::as_str).collect()
}

struct Check<'a> {
    schema: &'a Schema,
    profiles: Vec<&'a str>,
    found: Vec<Violation>,
}

impl Check<'_> {
    fn add(&mut self, path: &str, what: String, rule: Rule) {
        self.found.push(Violation { path: path.to_owned(), what, rule });
    }

    fn shape(&mut self, shape: &Shape, fields: &Map<String, Value>, path: &str) {
        for (name, value) in fields {
            let at = join(path, name);
            match shape.attributes.get(name) {
                None => {
                    self.add(&at, format!("{} has no such attribute", shape.name), Rule::Unknown);
                }
                Some(attribute) if !attribute.in_use(&self.profiles) => {
                    let what = format!("belongs to {}", attribute.profiles.join(", "));
                    self.add(&at, what, Rule::NotOfProfile);
                }
                Some(attribute) => self.attribute(attribute, value, &at),
            }
            if let Some(attribute) = shape.attributes.get(name) {
                self.sibling(attribute, value, fields, path);
            }
        }
        let mut missing: Vec<&String> = shape
            .attributes
            .iter()
            .filter(|(name, a)| {
                a.required && a.in_use(&self.profiles) && !fields.contains_key(*name)
            })
            .map(|(name, _)| name)
            .collect();
        missing.sort();
        for name in missing {
            self.add(&join(path, name), "missing".to_owned(), Rule::Required);
        }
        let present =
            |names: &[String]| names.iter().filter(|name| fields.contains_key(*name)).count();
        if !shape.at_least_one.is_empty() && present(&shape.at_least_one) == 0 {
            let what = format!("none of {}", shape.at_least_one.join(", "));
            self.add(path, what, Rule::AtLeastOne);
        }
        if !shape.just_one.is_empty() && present(&shape.just_one) != 1 {
            let what = format!("not one alone of {}", shape.just_one.join(", "));
            self.add(path, what, Rule::JustOne);
        }
    }

    fn attribute(&mut self, attribute: &Attribute, value: &Value, path: &str) {
        match (attribute.array, value) {
            (true, Value::Array(list)) => {
                for (at, value) in list.iter().enumerate() {
                    self.value(attribute, value, &format!("{path}[{at}]"));
                }
            }
            (true, _) => self.add(path, "not a list".to_owned(), Rule::Array),
            // Any JSON may be a list too.
            (false, Value::Array(_)) if !matches!(attribute.kind, Kind::Json) => {
                self.add(path, "a list where one value belongs".to_owned(), Rule::Array);
            }
            (false, value) => self.value(attribute, value, path),
        }
    }

    fn value(&mut self, attribute: &Attribute, value: &Value, path: &str) {
        let wrong = |wanted: &str| format!("{} where {wanted} belongs", short(value));
        match &attribute.kind {
            Kind::Json => {}
            Kind::Free if value.is_object() => {}
            Kind::Free => self.add(path, wrong("an object"), Rule::Type),
            Kind::Object(name) => match (value.as_object(), self.schema.object(name)) {
                (Some(fields), Some(shape)) => self.shape(shape, fields, path),
                _ => self.add(path, wrong("an object"), Rule::Type),
            },
            Kind::Boolean if value.is_boolean() => {}
            Kind::Boolean => self.add(path, wrong("a boolean"), Rule::Type),
            Kind::Float if value.is_number() => {}
            Kind::Float => self.add(path, wrong("a number"), Rule::Type),
            Kind::Integer { range } => match (value.as_i64(), range) {
                (None, _) => self.add(path, wrong("an integer"), Rule::Type),
                (Some(number), Some((low, high))) if !(*low..=*high).contains(&number) => {
                    self.add(path, format!("{number} is not in {low}..{high}"), Rule::Bounds);
                }
                _ => {}
            },
            Kind::Text { max_len, pattern } => match value.as_str() {
                None => self.add(path, wrong("a text"), Rule::Type),
                Some(text) => {
                    if max_len.is_some_and(|most| text.chars().count() > most) {
                        let what = format!("{} characters", text.chars().count());
                        self.add(path, what, Rule::Bounds);
                    }
                    if pattern.is_some_and(|fits| !fits(text)) {
                        self.add(path, short(value), Rule::Pattern);
                    }
                }
            },
        }
        if let Some(captions) = &attribute.captions
            && !key_of(value).is_some_and(|key| captions.contains_key(&key))
        {
            self.add(path, format!("{} is none of its values", short(value)), Rule::Enum);
        }
    }

    /// `99` has the source's own word beside it; any other value its caption, or nothing.
    fn sibling(
        &mut self,
        attribute: &Attribute,
        value: &Value,
        fields: &Map<String, Value>,
        path: &str,
    ) {
        let (Some(captions), Some(sibling)) = (&attribute.captions, &attribute.sibling) else {
            return;
        };
        let key = key_of(value);
        if attribute.array || key.as_deref() == Some("99") {
            return;
        }
        if let (Some(caption), Some(told)) =
            (key.and_then(|key| captions.get(&key)), fields.get(sibling))
            && told != caption.as_str()
        {
            let what = format!("{}, and the value means {caption}", short(told));
            self.add(&join(path, sibling), what, Rule::Sibling);
        }
    }
}

pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The key under which a value stands in an enum.
pub(crate) fn key_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A value in a message: what an event holds may be long.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
