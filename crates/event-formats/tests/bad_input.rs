//! What storage, networks and attackers make of log files. One bad record costs itself and
//! nothing else; every record is an event or a reason; nothing is silently another value.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod leaves;
mod sample;

use event_formats::{FORMATS, read, to_ocsf};
use flate2::Compression;
use flate2::write::GzEncoder;
use leaves::leaves;
use model::Event;
use ocsf::Version;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;

fn record(id: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"2026-01-02T03:04:05Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","eventID":"{id}","requestParameters":{{"bucketName":"b","x":"y"}}}}"#
    )
}

fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|e| e.uid.as_str()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A record that is broken, and a word of the reason that its refusal must give.
const BROKEN: &[(&str, &str)] = &[
    ("{}", "an empty object"),
    ("[]", "a list where a record should be"),
    ("7", "a number where a record should be"),
    (r#"{"eventSource":"s","eventName":"e"}"#, "eventTime is missing"),
    (r#"{"eventSource":"s","eventName":"e","eventTime":""}"#, "eventTime is"),
    (r#"{"eventSource":"s","eventName":"e","eventTime":"soon"}"#, "eventTime is not a time"),
    (r#"{"eventSource":"s","eventName":"e","eventTime":1767323045}"#, "eventTime is not a text"),
    (r#"{"eventName":"a","eventSource":"s","eventTime":"t","eventName":"b"}"#, "stands twice"),
    (r#"{"eventName":"a","requestParameters":{"k":1,"k":2}}"#, "stands twice"),
    (r#"{"somebody":"else's"}"#, "not a record of any format"),
];

fn bytes_of(broken: usize) -> (Vec<u8>, String) {
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    match broken.checked_sub(BROKEN.len()) {
        None => (BROKEN[broken].0.as_bytes().to_vec(), BROKEN[broken].1.to_owned()),
        Some(0) => (deep.into_bytes(), "nested deeper".to_owned()),
        Some(_) => (
            record("a")
                .replace("\"y\"", "\"\u{1}\"")
                .replace('\u{1}', "?")
                .into_bytes()
                .iter()
                .map(|b| if *b == b'?' { 0xff } else { *b })
                .collect(),
            "not UTF-8".to_owned(),
        ),
    }
}

const KINDS: usize = BROKEN.len() + 2;

#[test]
fn one_broken_record_costs_itself_alone() {
    for kind in 0..KINDS {
        let (broken, why) = bytes_of(kind);
        let good = [record("a"), record("b"), record("c")];
        for at in 0..=3 {
            let mut all: Vec<&[u8]> = good.iter().map(String::as_bytes).collect();
            all.insert(at, &broken);
            let list = all.join(&b","[..]);
            let files = [
                all.join(&b"\n"[..]),
                [b"[", &list[..], b"]"].concat(),
                [b"{\"Records\":[", &list[..], b"]}"].concat(),
                gzip(&[b"\xef\xbb\xbf{\"Records\": [", &list[..], b"]}\n"].concat()),
            ];
            for (form, file) in files.iter().enumerate() {
                // A list on a line of its own is a list of no records.
                if form == 0 && broken == b"[]" {
                    continue;
                }
                let (events, rejected) = read(file, "f");
                assert_eq!(ids(&events), ["a", "b", "c"], "{why} at {at} in form {form}");
                assert_eq!(rejected.len(), 1, "{why}: {rejected:?}");
                assert!(rejected[0].reason.contains(&why), "{why}: {rejected:?}");
                assert_eq!(rejected[0].location.index, at);
                assert!(rejected[0].line.is_some());
            }
        }
    }
}

/// A line that ends in the middle of a record.
#[test]
fn a_torn_line_costs_itself_alone() {
    let torn = &record("x")[..60];
    let file = format!("{}\n{torn}\n{}\n", record("a"), record("b"));
    let (events, rejected) = read(file.as_bytes(), "f");
    assert_eq!((ids(&events), rejected.len()), (vec!["a", "b"], 1));
    assert_eq!(rejected[0].line, Some(2));
}

#[test]
fn two_lists_of_records_are_both_read() {
    let file = format!("{{\"Records\":[{}],\"Records\":[{}]}}", record("a"), record("b"));
    assert_eq!(ids(&read(file.as_bytes(), "f").0), ["a", "b"]);
}

#[test]
fn nothing_is_made_of_nothing() {
    for empty in ["", "  \n\n", "{\"Records\":[]}", "[]", "\u{feff}"] {
        assert_eq!(read(empty.as_bytes(), "f"), (vec![], vec![]), "{empty:?}");
        assert_eq!(read(&gzip(empty.as_bytes()), "f"), (vec![], vec![]), "{empty:?}");
    }
    let (events, rejected) = read(b"{}", "f");
    assert_eq!((events.len(), rejected[0].reason.as_str()), (0, "an empty object"));
}

#[test]
fn a_number_is_the_number_that_was_written() {
    for number in [
        "9007199254740993",
        "18446744073709551615",
        "123456789012345678901234567890",
        "-98765432109876543210",
        "0.10000000000000000001",
        "1e999",
        "3.0",
    ] {
        let text = record("a").replace("\"y\"", number);
        let (events, rejected) = read(text.as_bytes(), "f");
        assert!(rejected.is_empty(), "{rejected:?}");
        let told = to_ocsf(&events[0]);
        let told = &told["api"]["request"]["data"]["x"];
        let told = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
        assert_eq!(told, number);
    }
}

/// What is written can be read again by parsers that stop at 128.
#[test]
fn the_deepest_record_makes_a_line_that_others_can_read() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let deepest = (1..128)
        .map(|depth| read(record("a").replace("\"y\"", &nested(depth)).as_bytes(), "f").0)
        .take_while(|events| !events.is_empty())
        .last()
        .unwrap();
    let line = to_ocsf(&deepest[0]).to_string();
    assert!(line.contains(&nested(80)));
    assert!(serde_json::from_str::<Value>(&line).is_ok());
}

/// Zeros by the gigabyte, in one member and in many.
#[test]
fn a_bomb_is_refused_without_being_inflated() {
    let member = gzip(&vec![b' '; 32 * 1024 * 1024]);
    let bomb = member.repeat(9);
    assert!(bomb.len() < 3 * 1024 * 1024);
    let (events, rejected) = read(&bomb, "bomb.gz");
    assert!(events.is_empty());
    assert_eq!(rejected[0].reason, "inflates to more than 256 MiB");
}

fn flow_line() -> impl Strategy<Value = String> {
    let cell = prop_oneof![
        Just("-".to_owned()),
        "[0-9]{1,20}",
        "[0-9.:a-f]{1,16}",
        Just("10.0.0.1".to_owned()),
        Just("2001:db8::1".to_owned()),
        prop::sample::select(vec![
            "ACCEPT", "REJECT", "OK", "NODATA", "ingress", "egress", "443", "00", "eni-1"
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(cell, 1..18).prop_map(|cells| cells.join(" "))
}

const FLOW_HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status flow-direction";

proptest! {
    /// Wherever a compressed file ends: what came before is kept, and the end is told.
    #[test]
    fn a_cut_off_file_keeps_what_came_before(
        count in 1usize..30, cut in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>(),
    ) {
        let records: Vec<String> = (0..count).map(|n| record(&n.to_string())).collect();
        let whole = gzip(format!("{{\"Records\":[{}]}}", records.join(",")).as_bytes());
        let (all, _) = read(&whole, "f");
        prop_assert_eq!(all.len(), count);
        let cut = cut.index(whole.len());
        let (some, rejected) = read(&whole[..cut], "f");
        prop_assert!(some.len() <= count && some.iter().zip(&all).all(|(a, b)| a == b));
        prop_assert!(cut == 0 || !rejected.is_empty());
        // A bit that tips over is found by the checksum.
        let mut tipped = whole.clone();
        tipped[flip.index(whole.len())] ^= 0x10;
        let (some, rejected) = read(&tipped, "f");
        prop_assert!(some == all || !rejected.is_empty() || some.is_empty());
    }

    /// Any mixture: as many outcomes as records, in their order, each good one whole.
    #[test]
    fn what_goes_in_comes_out(kinds in prop::collection::vec(0usize..KINDS * 3, 1..12), form in 0..3) {
        let mut good = Vec::new();
        let mut all = Vec::new();
        for (at, kind) in kinds.iter().enumerate() {
            // An empty list on a line of its own is a list of no records.
            if *kind < KINDS && !(form == 0 && *kind == 1) {
                all.push(bytes_of(*kind).0);
            } else {
                good.push(at.to_string());
                all.push(record(&at.to_string()).into_bytes());
            }
        }
        let file = match form {
            0 => all.join(&b"\n"[..]),
            1 => [b"[", &all.join(&b","[..])[..], b"]"].concat(),
            _ => [b"{\"Records\":[", &all.join(&b" ,\n"[..])[..], b"]}"].concat(),
        };
        let (events, rejected) = read(&file, "f");
        prop_assert_eq!(ids(&events), good.iter().map(String::as_str).collect::<Vec<_>>());
        if events.is_empty() && rejected.len() == 1 {
            // A file of something else entirely is one refusal.
        } else {
            prop_assert_eq!(events.len() + rejected.len(), all.len());
        }
    }

    /// Whatever happens to the bytes of a sample: no panic, and what still is an event is valid.
    #[test]
    fn any_damage_is_read_or_refused(
        format in 0usize..FORMATS.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..8),
    ) {
        let (_, mut bytes) = sample::raw(FORMATS[format].name());
        prop_assert!(!sample::golden(FORMATS[format].name()).is_empty());
        for (at, byte, how) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let (events, rejected) = read(&bytes, "f");
        for event in &events {
            let shaped = to_ocsf(event);
            prop_assert_eq!(ocsf::validate(&shaped, Version::V1_8_0), vec![], "{}", shaped);
        }
        for rejected in rejected {
            prop_assert!(!rejected.reason.is_empty());
        }
    }

    /// A table of anything under a flow log's header: whole and valid, or refused.
    #[test]
    fn any_flow_is_whole_and_valid_or_refused(lines in prop::collection::vec(flow_line(), 1..6)) {
        let file = format!("{FLOW_HEADER}\n{}\n", lines.join("\n"));
        let (events, rejected) = read(file.as_bytes(), "flow.log");
        prop_assert_eq!(events.len() + rejected.len(), lines.len());
        for event in &events {
            let shaped = to_ocsf(event);
            prop_assert_eq!(ocsf::validate(&shaped, Version::V1_8_0), vec![]);
            prop_assert!(ocsf::reshape(&shaped, Version::V1_1_0).is_ok(), "{}", shaped);
            let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
            let line = lines[event.location.index].split(' ').map(|c| json!(c));
            leaves(&Value::from_iter(line), &mut before);
            leaves(&shaped, &mut after);
            // A moment is told in milliseconds.
            before.retain(|cell, count| {
                after.get(cell).copied().unwrap_or(0) < *count && *cell != event.original_time
            });
            prop_assert!(before.is_empty(), "{:?} of {} in {}", before, lines[event.location.index], shaped);
        }
    }
}
