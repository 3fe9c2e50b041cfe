//! Each format beside its golden pair: what the cloud writes, and the events we make of it.
//! After a meant change: `UPDATE_GOLDEN=1 cargo test -p event-formats --test golden`.

use std::path::Path;

#[test]
fn every_format_has_its_pair() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for format in event_formats::FORMATS {
        let name = format.name();
        let raw = std::fs::read(folder.join(format!("{name}.raw.json"))).unwrap();
        let (events, rejected) = event_formats::read(&raw, &format!("{name}.raw.json"));
        assert!(rejected.is_empty(), "{rejected:?}");
        let actual = serde_json::to_value(&events).unwrap();
        let golden = folder.join(format!("{name}.event.json"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let text = serde_json::to_string_pretty(&actual).unwrap() + "\n";
            std::fs::write(&golden, text).unwrap();
        }
        let expected: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&golden).unwrap()).unwrap();
        assert_eq!(actual, expected, "{name}: the events differ from the golden file");
    }
}

#[test]
fn the_list_of_formats_is_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|e| Some(e.ok()?.file_name().to_str()?.strip_suffix(".raw.json")?.to_owned()))
        .collect();
    modules.sort();
    let listed: Vec<&str> = event_formats::FORMATS.iter().map(|f| f.name()).collect();
    assert_eq!(listed, modules);
}
