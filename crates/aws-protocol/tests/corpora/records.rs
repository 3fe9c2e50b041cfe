//! Reading the collections: each lays its records out differently.

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

pub struct Real {
    pub value: Value,
    /// The keys in the order of the file, where the collection kept it.
    pub order: Option<Vec<String>>,
}

/// The collections of a folder, each record once; one that is not there has none.
pub fn read(folder: &Path) -> Vec<(&'static str, Vec<Real>)> {
    let mut seen = BTreeSet::new();
    let mut sets = Vec::new();
    for (name, place, kept_order) in [
        ("attack-invictus", "attack-invictus/CloudTrail", true),
        ("attack-stratus", "attack-stratus/docs/detonation-logs", false),
        ("attack-traildiscover", "attack-traildiscover/docs/logExamples", false),
        (
            "raw-opensearch-catalog",
            "raw-opensearch-catalog/integrations/observability/aws_cloudtrail/data",
            true,
        ),
    ] {
        let place = folder.join(place);
        let mut records = Vec::new();
        for file in files(&place) {
            let text =
                String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).into_owned();
            for raw in record_texts(&text) {
                let Ok(value) = serde_json::from_str::<Value>(raw) else { continue };
                let id = value["eventID"].as_str().unwrap_or_default().to_owned();
                if value["eventSource"].is_string() && !id.is_empty() && seen.insert(id) {
                    let order = if kept_order { key_order(raw) } else { None };
                    records.push(Real { value, order });
                }
            }
        }
        sets.push((name, records));
    }
    sets
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// Every object that starts like a record, wherever it stands: whole files, lists, files wrapped by hand.
fn record_texts(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('{') {
        let start = from + at;
        let mut stream =
            serde_json::Deserializer::from_str(&text[start..]).into_iter::<&RawValue>();
        from = start + 1;
        if !looks_like_a_record(&text[start..]) {
            continue;
        }
        if let Some(Ok(raw)) = stream.next() {
            found.push(raw.get());
            from = start + raw.get().len();
        }
    }
    found
}

/// The keys that stand in front: files with sorted keys begin with others than delivered ones.
fn looks_like_a_record(text: &str) -> bool {
    let text = text[1..].trim_start();
    [
        "\"eventVersion\"",
        "\"awsRegion\"",
        "\"additionalEventData\"",
        "\"apiVersion\"",
        "\"errorCode\"",
    ]
    .iter()
    .any(|key| text.starts_with(key))
}

/// The keys of an object in the order of its text.
pub fn key_order(text: &str) -> Option<Vec<String>> {
    struct Keys(Vec<String>);
    struct Reader;
    impl<'de> Visitor<'de> for Reader {
        type Value = Keys;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
                keys.push(key);
            }
            Ok(Keys(keys))
        }
    }
    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_map(Reader)
        }
    }
    serde_json::from_str::<Keys>(text).ok().map(|keys| keys.0)
}
