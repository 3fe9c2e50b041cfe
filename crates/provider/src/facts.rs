//! The facts of a kind, read once out of the TOML that lies beside its code.

use model::knowledge::KindFacts;
use std::sync::OnceLock;

/// `static FACTS: FactsFile = FactsFile::new(include_str!("bucket.toml"));`
pub struct FactsFile {
    text: &'static str,
    read: OnceLock<KindFacts>,
}

impl FactsFile {
    pub const fn new(text: &'static str) -> Self {
        FactsFile { text, read: OnceLock::new() }
    }

    pub fn try_get(&self) -> Result<KindFacts, String> {
        toml::from_str(self.text).map_err(|e| e.to_string())
    }

    /// The file is part of the program, and each cloud's test of its list of kinds reads it.
    pub fn get(&self) -> &KindFacts {
        self.read.get_or_init(|| self.try_get().expect("the TOML of a kind is well-formed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_facts_and_tells_a_slip() {
        static GOOD: FactsFile = FactsFile::new(
            "kind = 'x_box'\ntitle = 'box'\nprovider_major = [1]\n\
             missing = { severity = 'high', why = 'It is gone.' }\n\
             [attributes]\nopen = { security = { severity = 'low', why = 'Open.', worse = [true] } }",
        );
        assert_eq!(GOOD.get().kind.as_str(), "x_box");
        assert!(GOOD.get().attributes["open"].security.is_some());
        let error = FactsFile::new("kind = 'x'\nserious = 1").try_get().unwrap_err();
        assert!(error.contains("serious"), "{error}");
    }
}
