//! What a state yields, and what every other file is answered with.

use model::{Index, Value};
use terraform_io::{Limits, State, StateError, StateErrorKind};

const STATE: &str = include_str!("data/state-v4.tfstate");

fn read(text: impl AsRef<[u8]>) -> Result<State, StateError> {
    State::from_slice(text.as_ref(), "prod.tfstate")
}

fn kind(text: impl AsRef<[u8]>) -> StateErrorKind {
    let error = read(text).expect_err("not a state");
    assert!(!error.next_step().is_empty());
    error.kind
}

#[test]
fn a_state_yields_its_managed_resources() {
    let state = read(STATE).unwrap();
    let h = &state.header;
    assert_eq!(h.source, "prod.tfstate");
    assert_eq!((h.lineage.as_str(), h.serial), ("8c7f6d0e-0000-4000-8000-2f9f3f1f5f10", 41));
    assert_eq!(h.terraform_version, "1.11.4");
    assert_eq!((h.data_count, h.output_count), (1, 2));
    let addresses: Vec<String> = state.resources.iter().map(|r| r.address.to_string()).collect();
    assert_eq!(
        addresses,
        [
            "aws_s3_bucket.exports",
            "module.data[\"eu.west\"].aws_s3_bucket_public_access_block.each[\"a/b\"]",
            "module.data[\"eu.west\"].aws_s3_bucket_public_access_block.each[\"c\"]",
            "aws_iam_user.ci[0]",
            "aws_iam_user.ci[1]",
            "aws_iam_user.ci[0] (deposed 00000001)",
            "aws_iam_access_key.ci",
            "null_resource.bare",
        ]
    );
    let bucket = &state.resources[0];
    assert_eq!(bucket.native_id, "acme-exports");
    assert_eq!(bucket.state, "prod.tfstate");
    assert_eq!(bucket.provider, "provider[\"registry.terraform.io/hashicorp/aws\"].eu");
    assert_eq!(bucket.attributes["tags"].as_map().unwrap()["data"], Value::from("customer"));
    assert_eq!(state.resources[1].address.index, Some(Index::Key("a/b".into())));
    assert_eq!(state.resources[1].schema_version, 3);
    let bare = &state.resources[7];
    assert_eq!((bare.native_id.as_str(), bare.attributes.is_empty()), ("", true));
}

#[test]
fn secrets_do_not_pass() {
    let state = read(STATE).unwrap();
    let key = &state.resources[6];
    assert_eq!(key.native_id, "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(key.attributes["secret"], Value::Redacted);
    assert_eq!(key.attributes["ses_smtp_password_v4"], Value::Redacted);
    assert_eq!(key.attributes["status"], Value::from("Active"));
    assert!(STATE.contains("CANARY"));
    assert!(!format!("{state:?}").contains("CANARY"));
}

#[test]
fn what_says_nothing_is_listed() {
    let state = read(STATE).unwrap();
    let listed: Vec<String> =
        state.unreadable.iter().map(|u| u.address.as_ref().unwrap().to_string()).collect();
    assert_eq!(listed, ["aws_lb.legacy", "test_thing.future"]);
    assert!(state.unreadable[0].unknown.detail.contains("0.11"));
}

#[test]
fn a_byte_order_mark_and_odd_orders_are_fine() {
    let mut bom = b"\xef\xbb\xbf".to_vec();
    bom.extend_from_slice(STATE.as_bytes());
    assert_eq!(read(bom).unwrap(), read(STATE).unwrap());
    // Sorted keys, as jq -S writes them: version last, instances before type and name.
    let sorted: serde_json::Value = serde_json::from_str(STATE).unwrap();
    assert_eq!(read(sorted.to_string()).unwrap(), read(STATE).unwrap());
    assert!(read(r#"{"version":4,"resources":null,"outputs":null}"#).unwrap().resources.is_empty());
}

#[test]
fn other_files_are_named() {
    use StateErrorKind::*;
    assert_eq!(kind(""), Empty);
    assert_eq!(kind(" \n\t"), Empty);
    assert_eq!(kind("\u{feff}"), Empty);
    assert_eq!(kind(b"\x1f\x8b\x08\0"), Compressed("gzip"));
    assert_eq!(kind(b"PK\x03\x04.."), PlanFile);
    assert_eq!(kind(b"\xff\xfe{\0\"\0"), Utf16);
    assert_eq!(kind(r#"{"version":3,"modules":[{"resources":{}}]}"#), OldVersion(3));
    assert_eq!(kind(r#"{"version":1,"modules":[]}"#), OldVersion(1));
    assert_eq!(kind(r#"{"version":5,"resources":[]}"#), NewVersion(5));
    assert_eq!(
        kind(
            r#"{"serial":1,"lineage":"x","meta":{},"encrypted_data":"AAAA","encryption_version":"v0"}"#
        ),
        Encrypted("OpenTofu")
    );
    assert_eq!(kind(r#"{"version":4,"resources":[],"sops":{}}"#), Encrypted("SOPS"));
    assert_eq!(kind(r#"{"format_version":"1.2","planned_values":{}}"#), PlanJson);
    assert_eq!(kind(r#"{"format_version":"1.0","values":{"root_module":{}}}"#), ShowJson);
    assert_eq!(kind(r#"{"format_version":"1.0"}"#), ShowJson);
    assert_eq!(
        kind(r#"{"version":3,"serial":1,"backend":{"type":"s3","config":{"secret_key":"x"}}}"#),
        BackendPointer("s3".into())
    );
    assert!(matches!(kind("resource \"a\" \"b\" {}"), NotAState(_)));
    assert!(matches!(kind(r#"{"hello":1}"#), NotAState(_)));
    assert!(matches!(kind("[]"), NotAState(_)));
    assert!(matches!(kind(b"\0\x01\x02"), NotAState(_)));
}

#[test]
fn trouble_has_a_place() {
    let half = &STATE[..STATE.len() / 2];
    let error = read(half).unwrap_err();
    assert_eq!(error.kind, StateErrorKind::Truncated);
    let place = error.place.unwrap();
    assert!(place.line > 10 && place.json_path.starts_with("resources["), "{place}");

    let wrong = r#"{"version":4,
 "resources":[{"mode":"managed","type":"t","name":"n","provider":"p",
   "instances":[{"attributes":{}},{"schema_version":"CANARY, expected nothing"}]}]}"#;
    let error = read(wrong).unwrap_err();
    assert_eq!(
        error.to_string(),
        "prod.tfstate: line 3, column 78 (resources[0].instances[1]): \
         not a readable state: expected a whole number"
    );
    let error = read(r#"{"version":4,"resources":[{"mode":"managed","type":"t"}]}"#).unwrap_err();
    assert_eq!(error.kind, StateErrorKind::Malformed("the field name".into()));
    let error = read(r#"{"version":4,"resources":{}}"#).unwrap_err();
    assert_eq!(error.kind, StateErrorKind::Malformed("a list".into()));
    let error = read(r#"{"version":4,"resources":[]} x"#).unwrap_err();
    assert!(matches!(error.kind, StateErrorKind::Malformed(_)));
    let error = read(b"{\"version\":4,\"lineage\":\"\xff\xfe\"}").unwrap_err();
    assert_eq!(error.kind, StateErrorKind::NotUtf8);
}

#[test]
fn limits_are_named() {
    let limited = |limits: Limits| {
        let error = State::read(STATE.as_bytes(), "s", limits).unwrap_err();
        error.what()
    };
    let all = Limits::default();
    assert_eq!(limited(Limits { bytes: 1000, ..all }), "over the limit max_state_bytes = 1000");
    assert_eq!(limited(Limits { bytes: 10, ..all }), "over the limit max_state_bytes = 10");
    assert_eq!(limited(Limits { resources: 3, ..all }), "over the limit max_state_resources = 3");
    // Entries are metered by the blocks that are read.
    let big = format!(
        r#"{{"version":4,"resources":[{{"mode":"managed","type":"t","name":"n","instances":[{{"attributes":{{"a":"{}"}}}}]}}]}}"#,
        "x".repeat(300_000)
    );
    let limits = Limits { resource_bytes: 100_000, ..all };
    let error = State::read(big.as_bytes(), "s", limits).unwrap_err();
    assert_eq!(error.what(), "over the limit max_resource_bytes = 100000");
}

#[test]
fn a_missing_file_and_a_folder_are_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let error = terraform_io::state::open(&folder.path().join("none.tfstate")).unwrap_err();
    assert_eq!(error.kind, StateErrorKind::NotFound);
    let file = folder.path().join("s.tfstate");
    std::fs::write(&file, STATE).unwrap();
    let (file, modified) = terraform_io::state::open(&file).unwrap();
    assert!(modified.is_some());
    assert_eq!(State::read(file, "s", Limits::default()).unwrap().resources.len(), 8);
}
