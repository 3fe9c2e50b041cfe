//! Whole files: compressed, marked, enveloped, broken in places, foreign.

use event_formats::{read, read_records};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

fn record(id: &str) -> String {
    format!(
        r#"{{"eventTime":"2026-01-02T03:04:05Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy","eventID":"{id}","userIdentity":{{"type":"Root"}}}}"#
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn ids(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let (events, rejected) = read(bytes, "f");
    (
        events.into_iter().map(|e| e.uid).collect(),
        rejected.into_iter().map(|r| format!("{:?}:{:?} {}", r.line, r.column, r.reason)).collect(),
    )
}

#[test]
fn one_bad_line_among_good_ones() {
    let text = format!("{}\n{{\"eventName\": \"x\n\n{}\n", record("a"), record("b"));
    let (good, bad) = ids(text.as_bytes());
    assert_eq!(good, ["a", "b"]);
    assert_eq!(bad.len(), 1);
    assert!(bad[0].starts_with("Some(2):Some("), "{bad:?}");
    let bytes = [record("a").as_bytes(), b"\n\xff\xfe\n", record("b").as_bytes()].concat();
    let (good, bad) = ids(&bytes);
    assert_eq!((good.len(), bad.len()), (2, 1));
}

#[test]
fn compressed_marked_and_in_members() {
    let file = format!("{{\"Records\":[{},{}]}}", record("a"), record("b"));
    assert_eq!(ids(&gzip(file.as_bytes())).0, ["a", "b"]);
    let marked = [b"\xef\xbb\xbf", file.as_bytes()].concat();
    assert_eq!(ids(&gzip(&marked)).0, ["a", "b"]);
    // Two members in one file, as appending compressors write.
    let lines = [gzip((record("a") + "\n").as_bytes()), gzip(record("b").as_bytes())].concat();
    assert_eq!(ids(&lines), (vec!["a".to_owned(), "b".to_owned()], vec![]));
}

#[test]
fn a_missing_comma_costs_no_record_and_a_broken_record_forges_none() {
    let text = format!("[\n{}\n{},\n{}\n]", record("a"), record("b"), record("c"));
    let (good, bad) = ids(text.as_bytes());
    assert_eq!(good, ["a", "b", "c"]);
    assert_eq!(bad.len(), 1, "{bad:?}");
    let inner = record("forged");
    let broken =
        format!("[{},\n{{\"x\": oops, \"requestParameters\": {inner}}},\n{inner}]", record("a"));
    assert_eq!(ids(broken.as_bytes()).0, ["a"]);
}

#[test]
fn documents_one_after_the_other() {
    let pretty = |id: &str| {
        let value: serde_json::Value = serde_json::from_str(&record(id)).unwrap();
        serde_json::to_string_pretty(&value).unwrap() + "\n"
    };
    let text = pretty("a") + &pretty("b");
    assert_eq!(ids(text.as_bytes()), (vec!["a".to_owned(), "b".to_owned()], vec![]));
    let (good, bad) = ids((text + "{\n \"eventName\": ").as_bytes());
    assert_eq!((good.len(), bad.len()), (2, 1), "{bad:?}");
}

#[test]
fn a_compressed_file_that_was_cut_off() {
    let file: String = (0..400).map(|i| record(&format!("e{i:03}-{}", i * 7919)) + "\n").collect();
    let whole = gzip(file.as_bytes());
    let (good, bad) = ids(&whole[..whole.len() / 2]);
    assert!(!good.is_empty() && good.len() < 400);
    assert!(bad.last().unwrap().contains("gzip"), "{bad:?}");
}

#[test]
fn what_is_foreign_is_refused_once() {
    let csv = "date,amount\n2026-01-02,4\n2026-01-03,5\n";
    let flow = "{\"version\":2,\"srcaddr\":\"10.0.0.1\"}\n".repeat(50);
    let list = "[1, 2, \"x\", {\"a\": {}}]";
    for (text, line) in [(csv, true), (flow.as_str(), true), (list, true), ("[]]", true)] {
        let (good, bad) = ids(text.as_bytes());
        assert!(good.is_empty());
        assert_eq!(bad.len(), 1, "{text:.20}: {bad:?}");
        assert_eq!(bad[0].starts_with("Some(1)"), line, "{bad:?}");
    }
    for nothing in ["", "\n \r\n", "[]", "{\"Records\": []}"] {
        assert_eq!(ids(nothing.as_bytes()), (vec![], vec![]), "{nothing:?}");
    }
}

#[test]
fn a_record_without_what_it_needs_is_refused_by_name() {
    let (good, bad) = read_records(
        [r#"{"eventSource":"s3.amazonaws.com","eventName":"X"}"#, &record("a")],
        Some("cloudtrail"),
        "cloudtrail:lookup-events",
    );
    assert_eq!(good.len(), 1);
    assert_eq!(good[0].location.index, 1);
    assert_eq!(bad[0].reason, "cloudtrail: eventTime is missing");
    assert_eq!(bad[0].location.source, "cloudtrail:lookup-events");
    let (_, bad) = read_records([record("a")], Some("google_audit"), "g");
    assert_eq!(bad[0].reason, "not a record of google_audit");
}

#[test]
fn a_lookup_entry_gives_the_record_inside_it() {
    let inner = serde_json::Value::String(record("a")).to_string();
    let entry =
        format!(r#"{{"EventId":"a","EventName":"PutBucketPolicy","CloudTrailEvent":{inner}}}"#);
    let answer = format!(r#"{{"Events":[{entry}],"NextToken":"t"}}"#);
    let (events, rejected) = read(answer.as_bytes(), "lookup");
    assert!(rejected.is_empty(), "{rejected:?}");
    let (direct, _) = read(record("a").as_bytes(), "lookup");
    assert_eq!(events, direct);
    let nested = serde_json::Value::String(entry).to_string();
    let (events, rejected) = read(format!(r#"{{"CloudTrailEvent":{nested}}}"#).as_bytes(), "x");
    assert_eq!((events.len(), rejected.len()), (0, 1));
}

#[test]
fn saved_results_of_cloudtrail_lake() {
    let inner = record("c").replace('"', "\"\"");
    let columns = "eventTime,eventName,eventSource,\"userIdentity\",eventID,readOnly";
    let file = format!(
        "{columns}\n2026-01-02 03:04:05.000,PutBucketPolicy,s3.amazonaws.com,\"{{type=IAMUser, username=ci-deploy, arn=arn:aws:iam::111122223333:user/ci-deploy}}\",a,false\r\n2026-01-02 03:04:06.000,GetObject,s3.amazonaws.com,,b\nsoon,GetObject,s3.amazonaws.com,,x,true\n"
    );
    let (events, rejected) = read(file.as_bytes(), "result_1.csv");
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].uid.as_str(), events[0].principal.name.as_str()), ("a", "ci-deploy"));
    assert!(!events[0].read_only);
    let told: Vec<(Option<usize>, &str)> =
        rejected.iter().map(|r| (r.line, r.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            (Some(3), "5 columns where the header names 6"),
            (Some(4), "cloudtrail_lake: eventTime is not a time"),
        ]
    );
    let file = format!("\"eventJson\"\n\"{inner}\"\n");
    let (events, rejected) = read(file.as_bytes(), "result_1.csv");
    assert!(rejected.is_empty(), "{rejected:?}");
    let (direct, _) = read(record("c").as_bytes(), "result_1.csv");
    assert_eq!(events, direct);
}

#[test]
fn digest_files_hold_no_records_and_lack_none() {
    let digest =
        r#"{"awsAccountId":"111122223333","digestStartTime":"2026-01-02T03:04:05Z","logFiles":[]}"#;
    assert_eq!(ids(digest.as_bytes()), (vec![], vec![]));
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let record = record("a").replace("\"a\"", &deep);
    let (events, rejected) = read(record.as_bytes(), "f");
    assert_eq!((events.len(), rejected.len()), (0, 1));
    read(deep.as_bytes(), "f");
    read("[".repeat(100_000).as_bytes(), "f");
    read("{\"Records\":".repeat(100_000).as_bytes(), "f");
}
