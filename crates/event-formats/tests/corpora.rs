//! Records that nobody here wrote: each maps to events that have lost nothing and are valid
//! OCSF, or is refused with a reason. `LAB_CORPORA` names the folder; without it nothing runs.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod corpus;
mod leaves;
mod sample;

use std::path::Path;

#[test]
fn every_record_maps_whole_or_is_refused() {
    let Some(folder) = corpus::folder() else { return println!("not run: LAB_CORPORA is not set") };
    let mut wrong = Vec::new();
    for (set, least) in corpus::SETS {
        let tally = corpus::tally(&folder, set);
        println!("{set}: {} records = {} events", tally.records, tally.events);
        for (reason, count) in &tally.refused {
            println!("    {count} refused: {reason}");
        }
        assert!(tally.events >= *least, "{set}: {} events", tally.events);
        wrong.extend(tally.wrong.into_iter().map(|what| format!("{set}: {what}")));
    }
    for what in wrong.iter().take(20) {
        println!("{what:.1500}");
    }
    assert!(wrong.is_empty(), "{} records", wrong.len());
}

#[test]
fn the_page_of_formats_is_up_to_date() {
    let Some(folder) = corpus::folder() else { return println!("not run: LAB_CORPORA is not set") };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let told = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(told, corpus::page(&folder), "run the command that docs/formats.md names");
}
