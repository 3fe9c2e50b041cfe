//! An event in the words of an older schema, nothing dropped.
//!
//! What the older schema has no place for goes to [`UNSHAPED`] in `unmapped`, in its own shape,
//! so that the newer event can be put together again by a reader.

use crate::table::{self, Attribute, Kind, Schema, Shape, Version};
use crate::validate::{Violation, key_of, profiles_of, validate};
use serde_json::{Map, Value, json};

/// The member of `unmapped` that keeps what the older schema does not know.
pub const UNSHAPED: &str = "unshaped";

/// Fails with what the older schema finds wrong: where the event was valid before, that is a
/// class which it does not have.
pub fn reshape(event: &Value, to: Version) -> Result<Value, Vec<Violation>> {
    let schema = table::schema(to);
    let from = event.pointer("/metadata/version").and_then(Value::as_str);
    let from = table::schema(from.and_then(|v| v.parse().ok()).unwrap_or(Version::V1_8_0));
    let uid = event.get("class_uid").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let (Some(fields), Some(class)) = (event.as_object(), schema.class(uid)) else {
        return Err(validate(event, to));
    };
    let named: Vec<&str> = profiles_of(event);
    let profiles: Vec<&str> =
        named.iter().copied().filter(|p| class.profiles.iter().any(|own| own == p)).collect();

    let reshaper = Reshaper { schema, from, profiles: &profiles };
    let (mut shaped, mut left) = reshaper.shape(class, from.class(uid), fields, true);
    if let Some(metadata) = shaped.get_mut("metadata") {
        metadata["version"] = json!(to.as_str());
        if metadata.get("profiles").is_some() {
            metadata["profiles"] = json!(profiles);
        }
    }
    // An activity that is new since goes by its name.
    if let (Some(uid), Some(activity)) = (
        shaped.get("class_uid").and_then(Value::as_u64),
        shaped.get("activity_id").and_then(Value::as_u64),
    ) {
        let type_uid = json!(uid * 100 + activity);
        if shaped.get("type_uid").is_some_and(|told| *told != type_uid) {
            shaped.insert("type_uid".to_owned(), type_uid);
            left.insert("type_uid".to_owned(), event["type_uid"].clone());
        }
    }
    // The older network classes want both ends; what the log does not say is unknown.
    for (name, attribute) in &class.attributes {
        let endpoint = matches!(&attribute.kind, Kind::Object(o) if o == "network_endpoint");
        let wanted = attribute.required && attribute.in_use(&profiles);
        if endpoint && wanted && !shaped.contains_key(name) {
            shaped.insert(name.clone(), json!({"name": "unknown"}));
        }
    }
    if !left.is_empty() {
        let unmapped = shaped.entry("unmapped").or_insert_with(|| json!({}));
        if let Some(unmapped) = unmapped.as_object_mut() {
            unmapped.insert(UNSHAPED.to_owned(), Value::Object(left));
        }
    }
    let shaped = Value::Object(shaped);
    match validate(&shaped, to) {
        wrong if wrong.is_empty() => Ok(shaped),
        wrong => Err(wrong),
    }
}

struct Reshaper<'a> {
    schema: &'a Schema,
    from: &'a Schema,
    profiles: &'a [&'a str],
}

type Fields = Map<String, Value>;

impl Reshaper<'_> {
    /// What fits, and what is left, both in the shape of the whole.
    fn shape(
        &self,
        shape: &Shape,
        from: Option<&Shape>,
        fields: &Fields,
        whole: bool,
    ) -> (Fields, Fields) {
        let (mut fit, mut left) = (Map::new(), Map::new());
        for (name, value) in fields {
            let attribute = shape.attributes.get(name).filter(|a| a.in_use(self.profiles));
            let Some(attribute) = attribute else {
                left.insert(name.clone(), value.clone());
                continue;
            };
            match self.attribute(attribute, value) {
                (Some(value), rest) => {
                    fit.insert(name.clone(), value);
                    left.extend(rest.map(|rest| (name.clone(), rest)));
                }
                (None, _) => {
                    left.insert(name.clone(), value.clone());
                    if let Some(other) = other_of(attribute) {
                        fit.insert(name.clone(), other);
                        // Its name is beside it, or the newer schema has one for it.
                        if let Some(sibling) = attribute.sibling.as_ref()
                            && !fields.contains_key(sibling)
                        {
                            fit.insert(sibling.clone(), caption(from, name, value));
                        }
                    }
                }
            }
        }
        // A caption of the newer schema for the same value.
        for (name, attribute) in &shape.attributes {
            let (Some(captions), Some(sibling)) = (&attribute.captions, &attribute.sibling) else {
                continue;
            };
            let caption = fit.get(name).and_then(key_of).filter(|key| key != "99");
            if let Some(caption) = caption.and_then(|key| captions.get(&key))
                && let Some(told) = fit.get(sibling)
                && *told != caption.as_str()
            {
                left.insert(sibling.clone(), told.clone());
                fit.remove(sibling);
            }
        }
        let present = |names: &[String]| names.iter().filter(|n| fit.contains_key(*n)).count();
        let required = |(name, a): (&String, &Attribute)| {
            !a.required || !a.in_use(self.profiles) || fit.contains_key(name)
        };
        let holds = shape.attributes.iter().all(required)
            && (shape.at_least_one.is_empty() || present(&shape.at_least_one) > 0)
            && (shape.just_one.is_empty() || present(&shape.just_one) == 1);
        match holds || whole {
            true => (fit, left),
            false => (Map::new(), fields.clone()),
        }
    }

    fn attribute(&self, attribute: &Attribute, value: &Value) -> (Option<Value>, Option<Value>) {
        match (attribute.array, value) {
            (true, Value::Array(list)) => {
                let (mut fit, mut left) = (Vec::new(), Vec::new());
                for value in list {
                    let (one, rest) = self.value(attribute, value);
                    if one.is_none() || rest.is_some() {
                        left.push(rest.unwrap_or_else(|| value.clone()));
                    }
                    fit.extend(one);
                }
                let left = (!left.is_empty()).then_some(Value::Array(left));
                (Some(Value::Array(fit)), left)
            }
            (true, _) => (None, None),
            (false, Value::Array(_)) if !matches!(attribute.kind, Kind::Json) => (None, None),
            (false, value) => self.value(attribute, value),
        }
    }

    fn value(&self, attribute: &Attribute, value: &Value) -> (Option<Value>, Option<Value>) {
        let known = match &attribute.captions {
            Some(captions) => key_of(value).is_some_and(|key| captions.contains_key(&key)),
            None => true,
        };
        let fits = known
            && match &attribute.kind {
                Kind::Json => true,
                Kind::Free => value.is_object(),
                Kind::Boolean => value.is_boolean(),
                Kind::Float => value.is_number(),
                Kind::Integer { range } => value
                    .as_i64()
                    .is_some_and(|n| range.is_none_or(|(low, high)| (low..=high).contains(&n))),
                Kind::Text { max_len, pattern } => value.as_str().is_some_and(|text| {
                    max_len.is_none_or(|most| text.chars().count() <= most)
                        && pattern.is_none_or(|fits| fits(text))
                }),
                Kind::Object(name) => {
                    let Some((shape, fields)) = self.schema.object(name).zip(value.as_object())
                    else {
                        return (None, None);
                    };
                    let (fit, left) = self.shape(shape, self.from.object(name), fields, false);
                    if fit.is_empty() && !fields.is_empty() {
                        return (None, None);
                    }
                    let left = (!left.is_empty()).then_some(Value::Object(left));
                    return (Some(Value::Object(fit)), left);
                }
            };
        (fits.then(|| value.clone()), None)
    }
}

fn caption(from: Option<&Shape>, name: &str, value: &Value) -> Value {
    let key = key_of(value).unwrap_or_default();
    let captions = from.and_then(|f| f.attributes.get(name)?.captions.as_ref());
    json!(captions.and_then(|all| all.get(&key)).unwrap_or(&key))
}

/// What stands for a value that the enum does not have.
fn other_of(attribute: &Attribute) -> Option<Value> {
    let captions = attribute.captions.as_ref()?;
    (captions.contains_key("99") && !attribute.array).then(|| json!(99))
}
