//! Puts this run's suffix and the attributes of what was made first into a table's strings.

use crate::kind::Wanted;
use model::{Attributes, Resource, Value};

/// What `{unique}` and `{needs.0.name}` stand for.
pub(super) struct Filling {
    unique: String,
    needs: Vec<Attributes>,
}

impl Filling {
    pub fn new(unique: &str) -> Self {
        Filling { unique: unique.to_owned(), needs: Vec::new() }
    }

    pub fn made(&mut self, attributes: &Attributes) {
        self.needs.push(attributes.clone());
    }

    pub fn fill(&self, attributes: &Attributes) -> Attributes {
        attributes.iter().map(|(k, v)| (k.clone(), self.value(v))).collect()
    }

    /// A resource like this one whose names have another suffix.
    pub fn another(&self, resource: &Resource) -> Wanted {
        let reversed: String = self.unique.chars().rev().collect();
        let other = format!("{}0", &reversed[..reversed.len().saturating_sub(1)]);
        let replace = |text: &str| text.replace(&self.unique, &other);
        Wanted {
            kind: resource.kind.clone(),
            native_id: replace(&resource.native_id),
            region: resource.region.clone(),
            recorded: resource
                .attributes
                .iter()
                .map(|(k, v)| (k.clone(), map_text(v, &replace)))
                .collect(),
        }
    }

    fn value(&self, value: &Value) -> Value {
        map_text(value, &|text| self.text(text))
    }

    fn text(&self, text: &str) -> String {
        let mut out = text.replace("{unique}", &self.unique);
        for (i, need) in self.needs.iter().enumerate() {
            for (name, value) in need {
                if let Some(value) = value.as_str() {
                    out = out.replace(&format!("{{needs.{i}.{name}}}"), value);
                }
            }
        }
        out
    }
}

fn map_text(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::List(list) => Value::List(list.iter().map(|v| map_text(v, change)).collect()),
        Value::Map(map) => {
            Value::Map(map.iter().map(|(k, v)| (k.clone(), map_text(v, change))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_in_suffix_and_needs() {
        let mut filling = Filling::new("k3f9");
        filling.made(&[("bucket".to_owned(), Value::from("lab-k3f9"))].into());
        let table = [
            ("name".to_owned(), Value::from("x-{unique}")),
            ("policy".to_owned(), Value::from(r#"{"Resource":"arn:aws:s3:::{needs.0.bucket}/*"}"#)),
            ("list".to_owned(), Value::strings(["{needs.1.bucket}"])),
        ]
        .into();
        let filled = filling.fill(&table);
        assert_eq!(filled["name"], Value::from("x-k3f9"));
        assert_eq!(filled["policy"], Value::from(r#"{"Resource":"arn:aws:s3:::lab-k3f9/*"}"#));
        assert_eq!(filled["list"], Value::strings(["{needs.1.bucket}"]), "an unknown need stays");
    }
}
