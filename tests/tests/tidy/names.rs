//! Words that may stand in some rooms only: the clouds' names, clocks, files, switches.

use crate::house::{File, exceptions_are_needed, files, none};
use crate::rust::{program, test_files};
use std::collections::BTreeSet;

const CLOUDS: &[&str] =
    &["amazon", "amazonaws", "aws", "azure", "azurerm", "gcp", "google", "googleapis", "microsoft"];

/// Crates whose program names no cloud. (Comments and tests may: they explain.)
const CLOUDLESS: &[&str] = &[
    "drift-detector",
    "lessons",
    "local-cloud",
    "model",
    "operations",
    "provider",
    "report",
    "terraform-io",
];

/// `file: piece` and why.
const NAMES_A_CLOUD: &[(&str, &str)] = &[
    ("crates/local-cloud/src/ca.rs: aws_lc_rs", "the name of the cryptography library"),
    ("crates/local-cloud/src/control.rs: aws_lc_rs", "the name of the cryptography library"),
    ("crates/local-cloud/src/store.rs: aws_lc_rs", "the name of the cryptography library"),
    (
        "crates/terraform-io/src/backend.rs: azurerm",
        "Terraform's name of a backend, which says how its settings are laid out",
    ),
];

/// The program's files of one crate, without those that exist for tests only.
pub fn program_files(name: &str) -> Vec<File> {
    let mut all = files(&format!("crates/{name}/src"), ".rs");
    let tests = test_files(&all);
    all.retain(|file| {
        !tests.iter().any(|t| *t == file.path || (t.ends_with('/') && file.path.starts_with(t)))
    });
    assert!(!all.is_empty(), "{name} has no source");
    all
}

/// The words of a text with their pieces: `AwsTrail_of` has `aws`, `trail`, `of`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty())
}

fn pieces(word: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let letters: Vec<char> = word.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(at + 1);
        let hump = letter.is_uppercase()
            && (before.is_some_and(|b| !b.is_uppercase())
                || after.is_some_and(|a| a.is_lowercase()));
        if !letter.is_alphabetic() || hump {
            pieces.push(String::new());
        }
        if letter.is_alphabetic() {
            let last = pieces.len() - 1;
            pieces[last].extend(letter.to_lowercase());
        }
    }
    pieces.retain(|p| !p.is_empty());
    pieces
}

#[test]
fn a_word_falls_into_its_pieces() {
    assert_eq!(pieces("AWSLogs"), ["aws", "logs"]);
    assert_eq!(pieces("aws_s3_bucket"), ["aws", "s", "bucket"]);
    assert_eq!(pieces("GoogleAudit"), ["google", "audit"]);
    assert_eq!(pieces("laws"), ["laws"]);
}

#[test]
fn no_cloud_is_named_outside_its_rooms() {
    let mut met = BTreeSet::new();
    for name in CLOUDLESS {
        for file in program_files(name) {
            for (line, text) in program(&file).lines().enumerate() {
                for word in words(text) {
                    if pieces(word).iter().any(|p| CLOUDS.contains(&p.as_str())) {
                        met.insert((format!("{}: {word}", file.path), line + 1));
                    }
                }
            }
        }
    }
    let allowed = |key: &str| NAMES_A_CLOUD.iter().any(|(name, _)| *name == key);
    let found: Vec<String> = met
        .iter()
        .filter(|(key, _)| !allowed(key))
        .map(|(key, line)| format!("{key} (line {line})"))
        .collect();
    none("clouds named where none is known", &found);
    exceptions_are_needed(NAMES_A_CLOUD, &met.into_iter().map(|(key, _)| key).collect());
}

/// In `lab` the clouds are named where they are wired, and where their environment is known.
const WIRING: &[(&str, &str)] = &[
    ("crates/lab/src/args.rs", "help texts show commands that can be pasted"),
    ("crates/lab/src/clouds.rs", "the wiring: one place, one arm a cloud"),
];

#[test]
fn lab_names_the_clouds_where_it_wires_them() {
    let mut met = BTreeSet::new();
    let mut found = Vec::new();
    for file in program_files("lab") {
        for (line, text) in program(&file).lines().enumerate() {
            let names = words(text).any(|w| pieces(w).iter().any(|p| CLOUDS.contains(&p.as_str())));
            if names {
                met.insert(file.path.clone());
                if !WIRING.iter().any(|(path, _)| *path == file.path) {
                    found.push(format!("{}:{}: {}", file.path, line + 1, text.trim()));
                }
            }
        }
    }
    none("clouds named in lab outside its wiring", &found);
    exceptions_are_needed(WIRING, &met);
}

fn lines_with(crates: &[&str], forbidden: &[&str], allowed: &[(&str, &str)]) {
    let mut met = BTreeSet::new();
    let mut found = Vec::new();
    for name in crates {
        for file in program_files(name) {
            for (line, text) in program(&file).lines().enumerate() {
                for word in forbidden.iter().filter(|word| text.contains(**word)) {
                    let key = format!("{}: {word}", file.path);
                    if !allowed.iter().any(|(name, _)| *name == key) {
                        found.push(format!("{key} (line {})", line + 1));
                    }
                    met.insert(key);
                }
            }
        }
    }
    none("words that do not belong there", &found);
    exceptions_are_needed(allowed, &met);
}

#[test]
fn pure_crates_have_no_clock_and_no_chance() {
    let pure = [
        "aws-protocol",
        "drift-detector",
        "event-formats",
        "iam-policy",
        "model",
        "ocsf",
        "report",
        "terraform-io",
    ];
    let clocks =
        ["SystemTime::now", "Instant::now", "now_utc", "now_local", "rand::", "thread_rng"];
    lines_with(&pure, &clocks, &[]);
}

#[test]
fn only_terraform_io_of_the_pure_crates_opens_files() {
    let pure = [
        "aws-protocol",
        "drift-detector",
        "event-formats",
        "iam-policy",
        "model",
        "ocsf",
        "report",
    ];
    lines_with(
        &pure,
        &[
            "fs::",
            "File::open",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "env::var",
            "std::process",
        ],
        &[],
    );
}

#[test]
fn the_environment_of_the_process_is_never_changed() {
    let all = crate::house::crates();
    let names: Vec<&str> = all.iter().filter_map(|c| c.folder.strip_prefix("crates/")).collect();
    lines_with(&names, &["set_var", "remove_var"], &[]);
}

/// A check holds no power to change anything: the types that can are not in its file.
#[test]
fn a_check_never_sees_a_writer() {
    let mut seen = 0;
    for file in program_files("operations") {
        let stem = file.path.rsplit('/').next().unwrap();
        if ["check.rs", "reading.rs", "attribution.rs", "states.rs"].contains(&stem) {
            seen += 1;
            let text = program(&file);
            for power in ["Writer", ".writer", "ObjectSink"] {
                assert!(!text.contains(power), "{}: {power}", file.path);
            }
        }
    }
    assert!(seen >= 3, "the check's files were not found");
}

/// Kinds of errors are decided once, from typed codes, in the provider's `error.rs`.
#[test]
fn nobody_reads_an_errors_text() {
    let all = crate::house::crates();
    let names: Vec<&str> = all
        .iter()
        .filter(|c| c.is_cloud("provider") || c.name == "operations")
        .filter_map(|c| c.folder.strip_prefix("crates/"))
        .collect();
    lines_with(&names, &["to_string().contains(", "message().contains("], &[]);
}
