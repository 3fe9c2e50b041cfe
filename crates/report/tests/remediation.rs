//! What people see of remediation, word for word, and what no name can do to it.
//! `LAB_BLESS=1 cargo test -p report` writes the files anew; read the difference before you
//! commit it.

#[path = "sample/plan.rs"]
mod plan;
mod sample;
#[path = "sample/schema_check.rs"]
mod schema_check;

use model::remediation::RemediationPlan;
use model::{Decision, Value};
use report::{Options, ledger, remediation};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;

type Written = std::io::Result<()>;

fn text(write: impl FnOnce(&mut Vec<u8>) -> Written) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

fn planned(plan: &RemediationPlan, options: &Options) -> String {
    text(|out| remediation::plan(plan, options, out))
}

fn applied(options: &Options) -> String {
    let (plan, ran) = plan::after();
    let settled = plan::settled();
    let ran =
        remediation::Ran { ran: &ran, settled: &settled, broken: true, ledger_before: Some(12) };
    text(|out| remediation::applied(&plan, &ran, options, out))
}

fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    if std::env::var_os("LAB_BLESS").is_some() {
        std::fs::write(&path, text).expect("writing the golden file");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} differs", path.display());
}

#[test]
fn a_plan_on_one_screen() {
    let plan = plan::plan();
    for width in [40, 80, 120] {
        let options = plan::plan_options(width);
        assert_golden(&format!("plan-{width}.txt"), &planned(&plan, &options));
    }
    assert_golden(
        "plan.md",
        &text(|out| remediation::plan_markdown(&plan, &plan::plan_options(80), out)),
    );
}

#[test]
fn what_an_apply_did() {
    for width in [40, 80, 120] {
        assert_golden(&format!("applied-{width}.txt"), &applied(&plan::plan_options(width)));
    }
    let (after, _) = plan::after();
    assert_golden(
        "applied.md",
        &text(|out| remediation::plan_markdown(&after, &plan::plan_options(80), out)),
    );
}

#[test]
fn the_story_of_an_action() {
    let plan = plan::plan();
    let mut all = String::new();
    for action in &plan.actions {
        let mut action = action.clone();
        let mut happened = Vec::new();
        if action.address.as_ref().is_some_and(|a| a.name == "exports") && action.rule.is_some() {
            action.state = model::ActionState::Verified;
            action.outcome = Some("read back equal, anonymous GET 200 -> 403".into());
            action.took_ms = Some(44);
            happened = plan::happened();
        }
        let options = plan::plan_options(80);
        all += &text(|out| remediation::show_action(&action, &plan.hash, &happened, &options, out));
        all += &"=".repeat(80);
        all += "\n";
    }
    assert_golden("show-action-80.txt", &all);
}

#[test]
fn a_refusal_helps() {
    let mut moved = plan::moved();
    let mut all = String::new();
    for width in [80, 40] {
        all += &remediation::refusal(&plan::plan().hash, &moved, &plan::plan_options(width));
        all += "\n";
    }
    moved.truncate(1);
    all += &remediation::refusal(&plan::plan().hash, &moved, &plan::plan_options(80));
    assert_golden("refusal.txt", &all);
}

#[test]
fn the_ledger_as_a_list() {
    let head = plan::plan().ledger;
    for width in [40, 80, 120] {
        let options = plan::plan_options(width);
        assert_golden(
            &format!("ledger-{width}.txt"),
            &text(|out| ledger::list(&plan::rows(), head.as_ref(), &options, out)),
        );
    }
}

fn schema() -> Json {
    serde_json::from_str(include_str!("../schemas/v1/remediation-plan.json")).expect("a schema")
}

#[test]
fn a_plan_has_exactly_the_fields_of_its_schema() {
    let schema = schema();
    let (mut seen, mut all) = (BTreeSet::new(), BTreeSet::new());
    for plan in [plan::plan(), plan::after().0] {
        let json = serde_json::to_value(&plan).expect("JSON");
        schema_check::check(&schema, &schema, &json, "", &mut seen);
    }
    schema_check::named(&schema, &schema, "", &mut all);
    assert_eq!(seen, all);
}

#[test]
fn the_schema_names_every_decision_and_state() {
    use model::ActionState::{
        Applied, Approved, Failed, HeldBack, Planned, Refused, Rejected, Undone, Verified,
    };
    let action = &schema()["$defs"]["action"]["properties"];
    let states =
        [Planned, Approved, Rejected, Applied, Verified, Failed, Undone, Refused, HeldBack];
    assert_eq!(action["state"]["enum"], serde_json::to_value(states).expect("JSON"));
    let decisions = [Decision::Fix, Decision::Ask, Decision::Accept];
    assert_eq!(action["decision"]["enum"], serde_json::to_value(decisions).expect("JSON"));
}

#[test]
fn a_plan_reads_back() {
    let mut plan = plan::plan();
    let text = serde_json::to_string(&plan).expect("JSON");
    let read: RemediationPlan = serde_json::from_str(&text).expect("a plan");
    // What is sealed is null in JSON, and null when it is read.
    for change in plan.actions.iter_mut().flat_map(|a| &mut a.changes) {
        if change.from == Value::Redacted {
            (change.from, change.to) = (Value::Null, Value::Null);
        }
    }
    assert_eq!(read, plan);
}
