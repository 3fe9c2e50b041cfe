//! What a request carries for conditions and variables.

use std::collections::BTreeMap;

/// Condition keys and their values. Key names do not depend on case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    values: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    One([String; 1]),
    Many(Vec<String>),
}

impl Context {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key to one value, replacing what was there.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(key.to_ascii_lowercase(), Entry::One([value.into()]));
    }

    /// Sets a key that can have many values (`aws:TagKeys`). An empty list is like an absent key.
    pub fn set_all<V: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = V>) {
        let values = values.into_iter().map(Into::into).collect();
        self.values.insert(key.to_ascii_lowercase(), Entry::Many(values));
    }

    /// All values of a key; empty when it is absent.
    #[must_use]
    pub fn get(&self, key: &str) -> &[String] {
        match self.values.get(&key.to_ascii_lowercase()) {
            None => &[],
            Some(Entry::One(one)) => one,
            Some(Entry::Many(many)) => many,
        }
    }

    /// The value of a single-valued key: only those can stand in for a variable (guide, "Policy
    /// variables": multivalued keys cannot be used).
    #[must_use]
    pub fn single(&self, key: &str) -> Option<&str> {
        match self.values.get(&key.to_ascii_lowercase()) {
            Some(Entry::One([one])) => Some(one),
            _ => None,
        }
    }
}

impl<K: AsRef<str>, V: Into<String>> FromIterator<(K, V)> for Context {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut context = Context::new();
        for (key, value) in pairs {
            context.set(key.as_ref(), value);
        }
        context
    }
}
