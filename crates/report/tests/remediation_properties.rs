//! Whatever things are called: no line of a plan is too wide, no control character passes, no
//! name becomes markup, no secret is told, and a comment is never too long.

#[path = "sample/code_spans.rs"]
mod code_spans;
#[path = "sample/plan.rs"]
mod plan;
mod sample;

use code_spans::without_code;
use model::remediation::RemediationPlan;
use model::{ActionState, Decision, Index, Value};
use proptest::prelude::*;
use report::{NextStep, Options, ledger, remediation};

/// Replaces what others can name: a plan file is anybody's text.
fn rename(plan: &mut RemediationPlan, name: &str) {
    for a in &mut plan.actions {
        if let Some(address) = &mut a.address {
            address.name = name.into();
            address.index = Some(Index::Key(name.into()));
            address.module = format!("module.{name}");
        }
        a.id = format!("A-{name}");
        a.finding = name.into();
        a.kind = name.into();
        a.native_id = name.into();
        (a.account, a.region, a.source) = (Some(name.into()), Some(name.into()), Some(name.into()));
        a.reason = name.into();
        a.rule = a.rule.as_ref().map(|_| name.into());
        a.outcome = a.outcome.as_ref().map(|_| name.into());
        a.digest = name.into();
        a.fingerprint = name.into();
        a.preconditions.state_lineage = Some(name.into());
        if a.remedy == "recreate" {
            a.remedy = name.into();
        }
        a.event_ids = vec![name.into()];
        if let Some(impact) = &mut a.impact {
            impact.words = format!("{name}.");
        }
        for c in a.changes.iter_mut().filter(|c| c.from != Value::Redacted) {
            c.from = name.into();
            c.to = Value::strings([name, "x"]);
            c.summary.iter_mut().for_each(|s| *s = format!("- {name}"));
        }
    }
    for u in &mut plan.without_remedy {
        (u.kind, u.address) = (name.into(), None);
        (u.finding, u.native_id) = (name.into(), name.into());
        (u.reason, u.next_step) = (name.into(), name.into());
    }
    for e in &mut plan.errors {
        (e.place, e.what, e.next_step) = (name.into(), name.into(), name.into());
    }
    if let Some(by) = &mut plan.made_by {
        by.name = name.into();
    }
    if let Some(head) = &mut plan.ledger {
        head.hash = name.into();
    }
    plan.hash = name.into();
    plan.target = name.into();
    plan.held_back.flag = name.into();
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

fn options(width: usize, verbose: bool) -> Options {
    Options { verbose, ..plan::plan_options(width) }
}

/// Each screen of a world in which everything has this name.
fn screens(name: &str, options: &Options) -> Vec<String> {
    let mut planned = plan::plan();
    rename(&mut planned, name);
    let (mut after, mut ran) = plan::after();
    let places: Vec<usize> = ran
        .iter()
        .map(|id| after.actions.iter().position(|a| a.id == *id).expect("an action"))
        .collect();
    rename(&mut after, name);
    for (id, at) in ran.iter_mut().zip(places) {
        after.actions[at].id = format!("A-{name}{at}");
        *id = after.actions[at].id.clone();
    }
    let mut settled = plan::settled();
    settled.iter_mut().for_each(|(id, place, words)| {
        (*id, *place, *words) = (name.into(), name.into(), name.into());
    });
    let ran =
        remediation::Ran { ran: &ran, settled: &settled, broken: true, ledger_before: Some(12) };
    let mut happened = plan::happened();
    for line in &mut happened {
        (line.what, line.by, line.detail) = (name.into(), Some(name.into()), name.into());
    }
    let mut moved = plan::moved();
    for line in &mut moved {
        (line.action, line.place) = (name.into(), name.into());
        line.what = format!("{name}\n{name}  x");
    }
    let mut rows = plan::rows();
    for row in &mut rows {
        (row.kind, row.subject) = (name.into(), name.into());
        (row.words, row.by) = (name.into(), Some(name.into()));
    }
    let mut screens = vec![
        text(|out| remediation::plan(&planned, options, out)),
        text(|out| remediation::plan(&after, options, out)),
        text(|out| remediation::applied(&after, &ran, options, out)),
        remediation::refusal(name, &moved, options),
        text(|out| ledger::list(&rows, planned.ledger.as_ref(), options, out)),
    ];
    screens.extend(
        after.actions.iter().map(|action| {
            text(|out| remediation::show_action(action, name, &happened, options, out))
        }),
    );
    screens
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
        cases: 24, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_wider_than_the_screen(name in any_name(), width in 20usize..140, verbose: bool) {
        for text in screens(&name, &options(width, verbose)) {
            for line in text.lines() {
                prop_assert!(report::text::width(line) <= width, "{line:?}");
            }
            prop_assert!(!text.chars().any(|c| c != '\n' && report::text::is_hostile(c)));
        }
    }

    #[test]
    fn colour_changes_no_word(name in any_name()) {
        let plain = screens(&name, &options(80, false));
        let coloured = screens(&name, &Options { color: true, ..options(80, false) });
        for (plain, coloured) in plain.iter().zip(&coloured) {
            let is_coloured = coloured.contains('\u{1b}');
            prop_assert!(is_coloured);
            let mut bare = String::new();
            let mut rest = coloured.as_str();
            while let Some((before, after)) = rest.split_once("\u{1b}[") {
                bare += before;
                rest = after.split_once('m').expect("a colour").1;
            }
            bare += rest;
            prop_assert_eq!(&bare, plain);
        }
    }

    #[test]
    fn a_comment_holds_no_foreign_markup(name in any_name()) {
        let mut plan = plan::plan();
        rename(&mut plan, &name);
        let text = text(|out| remediation::plan_markdown(&plan, &options(80, false), out));
        let joiner = '\u{2060}';
        let allowed = |c: char| c == '\n' || c == joiner || !report::text::is_hostile(c);
        prop_assert!(text.chars().all(allowed));
        let mut rows = 0;
        for line in text.lines() {
            let bare = without_code(line)
                .replace("<br>", "")
                .replace("<details><summary>", "")
                .replace("</summary>", "")
                .replace("</details>", "");
            prop_assert!(!bare.contains('<'), "{line}");
            if line.starts_with("| fix") || line.starts_with("| ask") {
                rows += 1;
                let bars = line.replace("\\|", "").matches('|').count();
                prop_assert_eq!(bars, 5, "{}", line);
            }
        }
        prop_assert_eq!(rows, 7);
    }
}

#[test]
fn a_comment_fits_however_much_there_is() {
    for n in [50, 500, 3_000] {
        let mut plan = plan::plan();
        let mut one = plan.actions[1].clone();
        one.changes[0].from = "a".repeat(300).as_str().into();
        plan.actions = vec![one; n];
        plan.without_remedy = vec![plan.without_remedy[0].clone(); n];
        plan.errors = vec![plan.errors[0].clone(); n];
        let text = text(|out| remediation::plan_markdown(&plan, &options(80, false), out));
        assert!(text.len() <= 65_536, "{n}: {}", text.len());
        assert!(text.contains("## Remediation plan"));
        assert!(text.contains("Next: `lab run remediate --apply --plan"));
        if n > 100 {
            assert!(text.contains("not shown here"), "{n}");
        }
    }
}

#[test]
fn a_sealed_value_is_on_no_screen() {
    let mut plan = plan::plan();
    let canary = vec!["+ CANARY".to_owned()];
    let sealed = plan.actions.iter_mut().flat_map(|a| &mut a.changes);
    let sealed: Vec<_> = sealed.filter(|c| c.from == Value::Redacted).collect();
    assert!(!sealed.is_empty());
    sealed.into_iter().for_each(|c| c.summary = canary.clone());
    let options = options(100, true);
    let mut all = text(|out| remediation::plan(&plan, &options, out));
    all += &text(|out| remediation::plan_markdown(&plan, &options, out));
    for action in &plan.actions {
        all += &text(|out| remediation::show_action(action, &plan.hash, &[], &options, out));
    }
    assert!(!all.contains("CANARY"), "{all}");
    assert!(all.contains("the value is sensitive and not shown"));
}

#[test]
fn the_next_step_is_what_can_be_done() {
    let next = |change: fn(&mut RemediationPlan)| {
        let mut plan = plan::plan();
        change(&mut plan);
        let text = text(|out| remediation::plan(&plan, &options(100, false), out));
        text.split_once("Next: ").map(|(_, next)| next.to_owned()).unwrap_or_default()
    };
    let fixes = next(|p| p.actions.retain(|a| a.decision == Decision::Fix));
    assert!(fixes.contains("--apply --plan ") && !fixes.contains("approve"), "{fixes}");
    let asks = next(|p| p.actions.retain(|a| a.decision == Decision::Ask));
    assert!(!asks.contains("--apply") && asks.contains("lab remediate approve A-"), "{asks}");
    let approved = next(|p| {
        p.actions.retain(|a| a.decision == Decision::Ask);
        p.actions.iter_mut().for_each(|a| a.state = ActionState::Approved);
    });
    assert!(approved.contains("apply the 4 that are approved"), "{approved}");
    let elsewhere = next(|p| p.target = "prod".into());
    assert!(elsewhere.contains(" --target prod "), "{elsewhere}");
    let hostile = next(|p| p.target = "x; rm -rf /".into());
    assert!(!hostile.contains("rm -rf"), "{hostile}");
    assert_eq!(next(|p| p.actions.retain(|a| a.decision == Decision::Accept)), "");
}

#[test]
fn the_callers_next_steps_come_last() {
    let plan = plan::plan();
    let mut options = options(80, false);
    options.next = vec![NextStep::new("lab lesson show fix-and-undo", "learn it")];
    let text = text(|out| remediation::plan(&plan, &options, out));
    let last = text.lines().last().expect("a line");
    assert!(last.contains("lab lesson show fix-and-undo") && last.ends_with("learn it"), "{last}");
}

#[test]
fn an_empty_plan_says_whether_that_is_good() {
    let mut plan = plan::plan();
    plan.actions.clear();
    plan.without_remedy.clear();
    let say =
        |plan: &RemediationPlan| text(|out| remediation::plan(plan, &options(80, false), out));
    assert!(say(&plan).contains("the rest is unknown"));
    (plan.unknown, plan.partial) = (0, false);
    plan.errors.clear();
    assert!(say(&plan).contains("Nothing to fix: every resource is as its state records it."));
}
