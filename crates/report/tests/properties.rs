//! Whatever things are called: no line is too wide, no control character passes, no name
//! becomes markup, and a comment is never too long.

#[path = "sample/code_spans.rs"]
mod code_spans;
mod sample;

use code_spans::without_code;
use model::finding::{AttributeChange, DriftStatus};
use model::report::DriftReport;
use model::{Index, Severity, Value};
use proptest::prelude::*;
use report::Options;

/// Replaces what others can name: resources, people, ids, sentences.
fn rename(report: &mut DriftReport, name: &str) {
    for f in &mut report.findings {
        if let Some(address) = &mut f.address {
            address.name = name.into();
            address.index = Some(Index::Key(name.into()));
            address.module = format!("module.{name}");
        }
        f.native_id = name.into();
        f.kind = name.into();
        f.why = format!("{name} is open.");
        f.account = Some(name.into());
        f.state = Some(name.into());
        f.techniques.push(name.into());
        for change in &mut f.attributes {
            change.desired = name.into();
            change.live = Value::strings([name, "x"]);
            change.summary.iter_mut().for_each(|s| *s = format!("+ {name}"));
        }
        if let Some(effect) = &mut f.effect {
            effect.detail = name.into();
        }
        for e in &mut f.attribution.events {
            e.principal.name = name.into();
            e.principal.via.push(name.into());
            e.principal.uid = Some(name.into());
            e.operation = name.into();
            e.event_id = name.into();
            e.user_agent = Some(name.into());
            e.source_ip = Some(name.into());
            e.credential = Some(name.into());
            e.notes = vec![name.into()];
        }
        if let Some(s) = &mut f.attribution.searched {
            s.source = name.into();
            s.note = Some(name.into());
            s.gaps = vec![name.into()];
        }
    }
    for u in &mut report.unknown {
        u.kind = name.into();
        u.unknown.detail = name.into();
        u.unknown.next_step = name.into();
    }
    for e in &mut report.errors {
        (e.place, e.what, e.next_step) = (name.into(), name.into(), name.into());
    }
    report.states.iter_mut().for_each(|s| s.source = name.into());
    report.in_sync = vec![name.into()];
    report.target = name.into();
}

fn rendered(format: &str, report: &DriftReport, options: &Options) -> String {
    let mut out = Vec::new();
    let format = report::format(format).expect("a known format");
    format.render(report, options, &mut out).expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

fn told(report: &DriftReport, options: &Options) -> String {
    let mut out = Vec::new();
    for finding in &report.findings {
        report::show(finding, report, options, &mut out).expect("writing to memory");
    }
    String::from_utf8(out).expect("UTF-8")
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,60}",
        ".{0,60}",
        "[a-z/:.@`|<>\\[\\]()!*_#\\\\-]{1,40}",
        Just(
            "\u{1b}[2J\u{9b}31m\u{202e}x\r\n| `` <img src=x onerror=alert(1)> [a](http://b) @org"
                .into()
        ),
        Just("漢字".repeat(40)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_wider_than_the_screen(name in any_name(), width in 20usize..140, verbose: bool) {
        let mut report = sample::report();
        rename(&mut report, &name);
        let mut options = sample::options(width);
        options.verbose = verbose;
        for text in [rendered("terminal", &report, &options), told(&report, &options)] {
            for line in text.lines() {
                prop_assert!(report::text::width(line) <= width, "{line:?}");
            }
            prop_assert!(!text.chars().any(|c| c != '\n' && report::text::is_hostile(c)));
        }
    }

    #[test]
    fn colour_changes_no_word(name in any_name()) {
        let mut report = sample::report();
        rename(&mut report, &name);
        let plain = rendered("terminal", &report, &sample::options(80));
        let mut options = sample::options(80);
        options.color = true;
        let coloured = rendered("terminal", &report, &options);
        let red = coloured.contains("\u{1b}[31m");
        prop_assert!(red);
        let mut bare = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            bare += before;
            rest = after.split_once('m').expect("a colour").1;
        }
        bare += rest;
        prop_assert_eq!(bare, plain);
    }

    #[test]
    fn a_comment_holds_no_foreign_markup(name in any_name()) {
        let mut report = sample::report();
        rename(&mut report, &name);
        let text = rendered("markdown", &report, &sample::options(80));
        let joiner = '\u{2060}';
        let allowed = |c: char| c == '\n' || c == joiner || !report::text::is_hostile(c);
        prop_assert!(text.chars().all(allowed));
        // Outside code spans only our own tags are left.
        for line in text.lines() {
            let bare = without_code(line)
                .replace("<br>", "")
                .replace("<details><summary>", "")
                .replace("</summary>", "")
                .replace("</details>", "");
            prop_assert!(!bare.contains('<'), "{line}");
            if line.starts_with("| critical") || line.starts_with("| high") {
                let bars = line.replace("\\|", "").matches('|').count();
                prop_assert_eq!(bars, 5, "{}", line);
            }
        }
    }

    #[test]
    fn machine_output_is_json(name in any_name()) {
        let mut report = sample::report();
        rename(&mut report, &name);
        for format in ["json", "sarif"] {
            let text = rendered(format, &report, &sample::options(80));
            let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            prop_assert!(json.is_object());
        }
    }
}

/// A report with this many findings of a size as they are in life.
fn many(n: usize) -> DriftReport {
    let mut report = sample::report();
    let one = sample::finding(
        "aws",
        "111122223333",
        "aws_s3_bucket_policy.x",
        "x",
        DriftStatus::Changed,
        Severity::Low,
        "Somebody else may read it.",
    );
    let change: AttributeChange =
        sample::change("policy", "a".repeat(300).as_str(), "b".repeat(300).as_str());
    report.findings = (0..n)
        .map(|i| {
            let mut f = one.clone();
            f.fingerprint = format!("sha256:{i:064x}");
            f.id = format!("F-{i:x}");
            f.attributes = vec![change.clone(); 3];
            f
        })
        .collect();
    report.unknown = vec![report.unknown[0].clone(); n];
    report.errors = vec![report.errors[0].clone(); n];
    report
}

#[test]
fn a_comment_fits_however_much_there_is() {
    for n in [50, 150, 3_000] {
        let text = rendered("markdown", &many(n), &sample::options(80));
        assert!(text.len() <= 65_536, "{n}: {}", text.len());
        assert!(text.contains("## Drift check"));
        assert!(text.contains("Next: `lab show"));
        if n > 100 {
            assert!(text.contains("not shown here"), "{n}");
        }
    }
}

#[test]
fn code_scanning_gets_no_more_than_it_takes() {
    let mut report = many(25_010);
    report.findings.iter_mut().for_each(|f| f.attributes.clear());
    let text = rendered("sarif", &report, &sample::options(80));
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let run = &json["runs"][0];
    assert_eq!(run["results"].as_array().map(Vec::len), Some(25_000));
    let note = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(note, "10 findings left out: code scanning takes 25000");
}
