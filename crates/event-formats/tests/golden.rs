//! Each format beside its golden pair: what the cloud writes, and the events we make of it.
//! After a meant change: `UPDATE_GOLDEN=1 cargo test -p event-formats --test golden`.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod sample;

use event_formats::{FORMATS, to_ocsf};
use ocsf::Version;
use sample::{golden, source};
use std::collections::BTreeSet;

#[test]
fn every_format_has_its_pair() {
    for format in FORMATS {
        let name = format.name();
        let events = golden(name);
        assert!(!events.is_empty(), "{name}: no events");
        let actual = serde_json::to_value(&events).unwrap();
        let golden = source().join(format!("{name}.event.json"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let text = serde_json::to_string_pretty(&actual).unwrap() + "\n";
            std::fs::write(&golden, text).unwrap();
        }
        let expected: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&golden).unwrap()).unwrap();
        assert_eq!(actual, expected, "{name}: the events differ from the golden file");
    }
}

/// Every golden event, of every format, in both versions of the schema; and between them they
/// show every class that is made.
#[test]
fn golden_events_are_valid_ocsf() {
    let mut classes = BTreeSet::new();
    for format in FORMATS {
        for event in golden(format.name()) {
            assert_eq!(event.product, format.product());
            let shaped = to_ocsf(&event);
            assert_eq!(ocsf::validate(&shaped, Version::V1_8_0), [], "{shaped}");
            let older = ocsf::reshape(&shaped, Version::V1_1_0);
            assert_eq!(older.map(|_| ()), Ok(()), "{shaped}");
            classes.insert(event.class.uid());
        }
    }
    let all: Vec<u32> = classes.into_iter().collect();
    assert_eq!(all, [2002, 2003, 2004, 3001, 3002, 3005, 4001, 6003]);
}

#[test]
fn the_list_of_formats_is_the_folder() {
    let mut modules: Vec<String> = std::fs::read_dir(source())
        .unwrap()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            Some(name.to_str()?.split_once(".raw.")?.0.to_owned())
        })
        .collect();
    modules.sort();
    let listed: Vec<&str> = FORMATS.iter().map(|f| f.name()).collect();
    assert_eq!(listed, modules);
}

/// A record is of one format and of no other.
#[test]
fn no_format_takes_anothers_records() {
    for format in FORMATS {
        for event in golden(format.name()) {
            let fields = event.unmapped.as_object().unwrap();
            let others: Vec<&str> = FORMATS
                .iter()
                .filter(|f| f.name() != format.name() && f.recognises(fields))
                .map(|f| f.name())
                .collect();
            assert!(others.is_empty(), "{}: {others:?}", format.name());
        }
    }
}
