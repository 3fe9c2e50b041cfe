//! Who may bring a plan, and who may say yes to it: what stands in docs/threat-model.md.

use auto_remediation::digest;
use journeys::lab::{Lab, Run, finish};
use model::{Decision, RemediationPlan, Value};
use serde_json::json;

fn planned(lab: &Lab, more: &[&str]) -> RemediationPlan {
    let run = lab.run(&[&["run", "remediate", "--format", "json", "-q"], more].concat()).expect(2);
    serde_json::from_str(&run.stdout).unwrap()
}

fn apply(lab: &Lab, plan: &serde_json::Value) -> Run {
    lab.write("plan.json", plan.to_string());
    lab.run(&["run", "remediate", "--apply", "--plan", "plan.json"])
}

/// Addresses or ids of what still differs.
fn differing(lab: &Lab) -> usize {
    let report = lab.run(&["run", "drift-check", "--format", "json", "-q"]).expect(2).json();
    report["findings"].as_array().unwrap().len()
}

/// The file, with an action's values or the whole told otherwise and every hash made to fit.
fn forged(plan: &RemediationPlan, forge: impl Fn(&mut RemediationPlan)) -> serde_json::Value {
    let mut plan = plan.clone();
    forge(&mut plan);
    for action in &mut plan.actions {
        action.digest = digest::action(action);
        action.id = format!("A-{}", &digest::bare(&action.digest)[..4]);
    }
    plan.hash = digest::plan(&plan.target, &plan.actions);
    serde_json::to_value(&plan).unwrap()
}

fn key(plan: &mut RemediationPlan) -> &mut model::Action {
    plan.actions.iter_mut().find(|a| a.remedy == "deactivate_key").unwrap()
}

#[test]
fn an_edited_plan_is_refused_before_anything_is_asked() {
    let lab = Lab::default();
    let plan = serde_json::to_value(planned(&lab, &[])).unwrap();
    let asks = plan["actions"].as_array().unwrap().iter().position(|a| a["decision"] == "ask");
    let asks = asks.unwrap();
    for (place, value) in [
        (format!("/actions/{asks}/decision"), json!("fix")),
        (format!("/actions/{asks}/native_id"), json!("somebody-elses")),
        (format!("/actions/{asks}/remedy"), json!("recreate")),
        ("/actions/0/changes/0/to".to_owned(), json!("x")),
        ("/actions/0/changes/0/from".to_owned(), json!("x")),
        ("/actions/0/cloud".to_owned(), json!("gcp")),
        ("/actions/0/account".to_owned(), json!("444455556666")),
        ("/actions/0/preconditions/live_digest".to_owned(), json!("sha256:00")),
        ("/actions/0/preconditions/state_serial".to_owned(), json!(99)),
        ("/actions/0/digest".to_owned(), json!("sha256:00")),
        ("/hash".to_owned(), json!("sha256:00")),
        ("/target".to_owned(), json!("prod")),
        ("/schema".to_owned(), json!("cloud-security-lab/remediation-plan/v0")),
        ("/actions".to_owned(), json!([])),
    ] {
        let mut edited = plan.clone();
        *edited.pointer_mut(&place).unwrap_or_else(|| panic!("{place}")) = value;
        let run = apply(&lab, &edited).expect(64);
        assert!(run.stderr.contains("plan"), "{place}: {}", run.stderr);
    }
    assert_eq!(differing(&lab), 6);
    let ledger = lab.run(&["ledger", "list", "--format", "json"]).expect(0).json();
    let kinds = ledger["entries"].as_array().unwrap().iter().map(|e| e["kind"].clone());
    assert!(kinds.into_iter().all(|k| k == "plan"), "{ledger:#}");
}

/// Whoever can write a file can also reckon its hashes.
#[test]
fn a_forged_plan_runs_only_what_this_machine_comes_to_itself() {
    let lab = Lab::default();
    let plan = planned(&lab, &[]);
    // What asks is told to be a fix.
    let run = apply(&lab, &forged(&plan, |p| key(p).decision = Decision::Fix)).expect(3);
    assert!(run.stderr.contains("nothing was applied"), "{}", run.stderr);
    // A fix that opens what it says it shuts.
    let opening = forged(&plan, |p| {
        let guard = |a: &&mut model::Action| a.kind.as_str().ends_with("_public_access_block");
        let action = p.actions.iter_mut().find(guard).unwrap();
        action.changes[0].to = Value::from(false);
        action.changes[0].from = Value::from(true);
    });
    let run = apply(&lab, &opening).expect(3);
    assert!(run.stderr.contains("nothing was applied"), "{}", run.stderr);
    // A resource of somebody else, in the place of the one that was found.
    let elsewhere = forged(&plan, |p| p.actions[0].native_id = "acme-lab-cloudtrail".to_owned());
    apply(&lab, &elsewhere).expect(3);
    assert_eq!(differing(&lab), 6);
}

fn token(subject: &str) -> String {
    // The claims alone are read: base64 without padding, by hand for three letters at a time.
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let claims = json!({ "sub": subject }).to_string();
    let mut text = String::new();
    for three in claims.as_bytes().chunks(3) {
        let bits =
            three.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]));
        }
    }
    format!("e30.{text}.c2ln")
}

fn run_as(lab: &Lab, subject: &str, arguments: &[&str]) -> Run {
    let mut command = lab.command(arguments);
    command.env("LAB_OIDC_TOKEN", token(subject));
    finish(command)
}

#[test]
fn only_an_approver_says_yes_and_only_for_a_while() {
    let lab = Lab::default();
    let rules = "approvers = [\"repo:acme/infra:environment:*\"]\nself_approval = false\n";
    lab.write("remediation.toml", format!("[approval]\n{rules}"));
    let (ana, ben) = ("repo:acme/infra:environment:plan", "repo:acme/infra:environment:prod");
    let made = run_as(&lab, ana, &["run", "remediate", "--format", "json", "-q"]).expect(2);
    let mut plan: RemediationPlan = serde_json::from_str(&made.stdout).unwrap();
    let id = key(&mut plan).id.clone();
    let approve = ["remediate", "approve", id.as_str()];

    let nobody = lab.run(&approve).expect(3);
    assert!(nobody.stderr.contains("is not among the approvers"), "{}", nobody.stderr);
    let other = run_as(&lab, "repo:acme/web:environment:prod", &approve).expect(3);
    assert!(other.stderr.contains("is not among the approvers"), "{}", other.stderr);
    let own = run_as(&lab, ana, &approve).expect(3);
    assert!(own.stderr.contains("may not be the one who approves"), "{}", own.stderr);

    // A yes that is over is none.
    lab.write("remediation.toml", format!("[approval]\n{rules}expires_hours = 0\n"));
    run_as(&lab, ben, &approve).expect(0);
    let asked = |plan: &RemediationPlan| {
        let command = ["run", "remediate", "--apply", "--plan", &plan.hash, "--only", &id];
        lab.run(&[&command[..], &["--format", "json", "-q"]].concat()).json()
    };
    let state = |document: serde_json::Value| {
        let actions = document["actions"].as_array().unwrap().clone();
        actions.into_iter().find(|a| a["id"] == *id).unwrap()["state"].clone()
    };
    assert_eq!(state(asked(&plan)), "planned");

    lab.write("remediation.toml", format!("[approval]\n{rules}"));
    run_as(&lab, ben, &approve).expect(0);
    assert_eq!(state(asked(&plan)), "verified");
    let ledger = lab.run(&["ledger", "list", "--format", "json"]).expect(0).json();
    let begun = ledger["entries"].as_array().unwrap().iter().find(|e| e["kind"] == "intent");
    assert_eq!(begun.unwrap()["body"]["approved_by"], json!({"name": ben, "by": "ci_token"}));
}

#[test]
fn what_is_protected_is_never_changed() {
    let lab = Lab::default();
    lab.write("remediation.toml", "[belts]\nprotect = [\"aws_s3_bucket_policy.*\"]\n");
    let plan = planned(&lab, &[]);
    let policy = plan.actions.iter().find(|a| a.kind.as_str() == "aws_s3_bucket_policy").unwrap();
    assert_eq!(policy.decision, Decision::Ask);
    let run = lab.run(&["remediate", "approve", &policy.id]).expect(3);
    assert!(run.stderr.contains("is protected"), "{}", run.stderr);
    // Not even under a yes that was given before it was protected.
    std::fs::remove_file(lab.path().join("remediation.toml")).unwrap();
    let unprotected = planned(&lab, &[]);
    let first = unprotected.actions.iter().find(|a| a.kind == policy.kind).unwrap();
    lab.run(&["remediate", "approve", &first.id, "--plan", &unprotected.hash]).expect(0);
    lab.write("remediation.toml", "[belts]\nprotect = [\"aws_s3_bucket_policy.*\"]\n");
    let run = apply(&lab, &serde_json::to_value(&unprotected).unwrap());
    assert_ne!(run.code, 0, "{run:?}");
    let left = lab.run(&["run", "drift-check", "--format", "json", "-q"]).expect(2).json();
    let addresses = left["findings"].as_array().unwrap().iter().map(|f| f["address"].clone());
    assert!(addresses.into_iter().any(|a| a == "aws_s3_bucket_policy.exports"), "{left:#}");
}
