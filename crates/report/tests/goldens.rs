//! What people see, word for word. `LAB_BLESS=1 cargo test -p report` writes the files anew;
//! read the difference before you commit it.

mod sample;

use model::report::DriftReport;
use report::{Found, Options};
use std::path::Path;

fn rendered(format: &str, report: &DriftReport, options: &Options) -> String {
    let mut out = Vec::new();
    let format = report::format(format).expect("a known format");
    format.render(report, options, &mut out).expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    if std::env::var_os("LAB_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("creating it");
        std::fs::write(&path, text).expect("writing the golden file");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} differs", path.display());
}

#[test]
fn terminal_at_80_and_120_columns() {
    let report = sample::report();
    assert_golden("terminal-80.txt", &rendered("terminal", &report, &sample::options(80)));
    assert_golden("terminal-120.txt", &rendered("terminal", &report, &sample::options(120)));
    let mut verbose = sample::options(80);
    verbose.verbose = true;
    assert_golden("terminal-80-verbose.txt", &rendered("terminal", &report, &verbose));
}

#[test]
fn the_story_of_a_finding() {
    let report = sample::report();
    let mut options = sample::options(80);
    options.sources.insert(
        "aws_s3_bucket_policy.exports".into(),
        report::SourcePlace { path: "terraform/environments/aws/main.tf".into(), line: 14 },
    );
    let mut text = String::new();
    for finding in &report.findings {
        let mut out = Vec::new();
        report::show(finding, &report, &options, &mut out).unwrap();
        text += &String::from_utf8(out).unwrap();
        text += &"=".repeat(80);
        text += "\n";
    }
    assert_golden("show-80.txt", &text);
}

#[test]
fn machine_formats() {
    let report = sample::report();
    for (format, file) in
        [("json", "report.json"), ("sarif", "report.sarif"), ("markdown", "report.md")]
    {
        assert_golden(file, &rendered(format, &report, &sample::options(80)));
    }
}

#[test]
fn ids_are_found_by_any_prefix() {
    let report = sample::report();
    let finding = &report.findings[2];
    let long = finding.fingerprint.trim_start_matches("sha256:");
    for id in [finding.id.as_str(), long, &long[..12], &format!("F-{}", &long[..9])] {
        assert_eq!(report::find(&report, id), Found::One(finding), "{id}");
    }
    assert_eq!(report::find(&report, "F-"), Found::Nothing);
    assert_eq!(report::find(&report, "F-zzzz"), Found::Nothing);
    let mut twin = report.clone();
    twin.findings[0].fingerprint = format!("sha256:{}f", &long[..63]);
    assert!(matches!(report::find(&twin, &long[..8]), Found::Several(ids) if ids.len() == 2));
}
