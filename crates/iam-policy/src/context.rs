//! What a request carries for conditions and variables.

use std::collections::BTreeMap;

/// Condition keys and their values. Key names do not depend on case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key to one value, replacing what was there.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(key.to_lowercase(), vec![value.into()]);
    }

    /// Sets a key that has many values (`aws:TagKeys`); an empty list is a key that is present
    /// without values, which AWS treats like an absent one.
    pub fn set_all<V: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = V>) {
        self.values.insert(key.to_lowercase(), values.into_iter().map(Into::into).collect());
    }

    /// All values of a key; empty when it is absent.
    #[must_use]
    pub fn get(&self, key: &str) -> &[String] {
        self.values.get(&key.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The value of a key that has exactly one: only those can stand in for a variable.
    #[must_use]
    pub fn single(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            [one] => Some(one),
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
