//! Plans that somebody edited or wrote, and words of people who may not say them.

use crate::desk::{Desk, action, count, id};
use auto_remediation::digest;
use ledger::{EntryKind, Ledger, NewEntry, SqliteLedger};
use model::{Decision, RemediationPlan};
use serde_json::{Value, json};

const POLICY: &str = "aws_s3_bucket_policy.exports";
const MEMBER: &str = "google_storage_bucket_iam_member.models_auditor";

fn apply_file(desk: &Desk, plan: &Value, more: &[&str]) -> journeys::lab::Run {
    desk.lab.write("plan.json", plan.to_string());
    desk.run(&[&["run", "remediate", "--apply", "--plan", "plan.json"], more].concat())
}

/// With every digest and hash made to fit, as anybody can who has this program.
fn made_to_fit(plan: &Value, forge: impl FnOnce(&mut RemediationPlan)) -> Value {
    let mut plan: RemediationPlan = serde_json::from_value(plan.clone()).unwrap();
    forge(&mut plan);
    for action in &mut plan.actions {
        action.digest = digest::action(action);
        action.id = format!("A-{}", &digest::bare(&action.digest)[..4]);
    }
    plan.hash = digest::plan(&plan.target, &plan.actions);
    serde_json::to_value(&plan).unwrap()
}

fn forged<'p>(plan: &'p mut RemediationPlan, address: &str) -> &'p mut model::Action {
    let is = |a: &&mut model::Action| a.address.as_ref().is_some_and(|a| a.to_string() == address);
    plan.actions.iter_mut().find(is).unwrap()
}

/// Everything in a document that is no object and no list, by its place.
fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(k, v)| leaves(v, &format!("{place}/{k}"), found))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, v)| leaves(v, &format!("{place}/{i}"), found))
        }
        Value::Null => {}
        _ => found.push(place.to_owned()),
    }
}

fn otherwise(value: &Value) -> Value {
    match value {
        Value::Bool(b) => json!(!b),
        Value::Number(n) => json!(n.as_u64().unwrap_or(0) + 1),
        Value::String(text) if text == "fix" => json!("ask"),
        Value::String(text) if text.starts_with("sha256:") => {
            json!(format!("sha256:{}", "0".repeat(64)))
        }
        Value::String(text) => json!(format!("{text}x")),
        other => json!({"was": other}),
    }
}

/// What a plan says of an action besides what runs: for people, and read anew before it matters.
const FOR_PEOPLE: [&str; 12] = [
    "finding",
    "fingerprint",
    "region",
    "source",
    "severity",
    "reason",
    "rule",
    "event_ids",
    "impact",
    "state",
    "outcome",
    "summary",
];

#[test]
fn each_field_of_an_edited_plan_is_refused_or_changes_nothing_that_runs() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let at = plan["actions"].as_array().unwrap().iter().position(|a| a["address"] == POLICY);
    let place = format!("/actions/{}", at.unwrap());
    let mut fields = vec!["/schema".to_owned(), "/hash".to_owned(), "/target".to_owned()];
    leaves(action(&plan, POLICY), &place, &mut fields);
    assert!(fields.len() > 20, "{fields:?}");
    let for_people = |field: &str| {
        field.split('/').any(|part| FOR_PEOPLE.contains(&part))
            && !field.contains("/changes/0/path")
    };
    let (harmless, covered): (Vec<_>, Vec<_>) = fields.iter().partition(|f| for_people(f));
    for field in covered {
        let mut edited = plan.clone();
        let value = edited.pointer_mut(field).unwrap();
        *value = otherwise(value);
        let run = apply_file(&desk, &edited, &[]).expect(64);
        assert!(run.stderr.contains("plan"), "{field}: {}", run.stderr);
    }
    assert_eq!(desk.fixes(), [""; 0]);

    // The others, all at once: what runs is what would have run, and the ledger is not led astray.
    let mut edited = plan.clone();
    for field in harmless {
        let value = edited.pointer_mut(field).unwrap();
        *value = match value.as_str() {
            Some("planned") => json!("verified"),
            Some("critical") => json!("info"),
            _ => otherwise(value),
        };
    }
    let applied = apply_file(&desk, &edited, &["--format", "json", "--only", POLICY]).expect(2);
    assert_eq!(action(&applied.json(), POLICY)["state"], "verified", "{}", applied.stdout);
    let intent = &desk.bodies("intent")[0];
    for kept in ["fingerprint", "source", "region"] {
        assert_eq!(intent["action"][kept], action(&plan, POLICY)[kept], "{kept}");
    }
    assert_eq!(desk.fixes(), ["PutBucketPolicy"]);
}

#[test]
fn a_forged_plan_runs_nothing_that_this_machine_does_not_come_to() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::acme-exports/*"}]}"#;
    type Edit = Box<dyn Fn(&mut RemediationPlan)>;
    let cases: [(&str, Edit); 6] = [
        ("ask told as fix", Box::new(|p| forged(p, MEMBER).decision = Decision::Fix)),
        ("other values", Box::new(|p| forged(p, POLICY).changes[0].to = open.into())),
        ("another resource", Box::new(|p| forged(p, POLICY).native_id = "acme-invoices".into())),
        ("another remedy", Box::new(|p| forged(p, POLICY).remedy = "restore_attributes".into())),
        ("another account", Box::new(|p| forged(p, POLICY).account = Some("444455556666".into()))),
        ("no precondition", Box::new(|p| forged(p, POLICY).preconditions.state_serial = None)),
    ];
    for (name, forge) in cases {
        let run = apply_file(&desk, &made_to_fit(&plan, forge), &[]).expect(3);
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(told.contains("nothing was applied"), "{name}: {told}");
        assert_eq!(desk.fixes(), [""; 0], "{name}");
    }
    // Somebody even says yes to values that the check does not come to.
    let opening = made_to_fit(&plan, |p| forged(p, POLICY).changes[0].to = open.into());
    desk.lab.write("plan.json", opening.to_string());
    let approve = ["remediate", "approve", id(&opening, POLICY), "--plan", "plan.json"];
    desk.run(&approve).expect(0);
    apply_file(&desk, &opening, &["--only", POLICY]).expect(3);
    // And so does one who calls it the switching off of a key.
    let key = made_to_fit(&plan, |p| {
        let action = forged(p, POLICY);
        action.remedy = "deactivate_key".to_owned();
        action.changes[0].to = open.into();
    });
    desk.lab.write("plan.json", key.to_string());
    desk.run(&["remediate", "approve", id(&key, POLICY), "--plan", "plan.json"]).expect(0);
    apply_file(&desk, &key, &["--only", POLICY]).expect(3);
    assert_eq!(desk.fixes(), [""; 0]);
}

#[test]
fn what_is_no_plan_of_ours_is_wrong_usage() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let mut newer = plan.clone();
    newer["schema"] = json!("cloud-security-lab/remediation-plan/v2");
    let run = apply_file(&desk, &newer, &[]).expect(64);
    assert!(run.stderr.contains("remediation-plan/v2"), "{}", run.stderr);
    for text in ["", "{}", "[]", "null", "{\"schema\":", "\u{0}", &plan.to_string()[..900]] {
        desk.lab.write("bad.json", text);
        let run = desk.run(&["run", "remediate", "--apply", "--plan", "bad.json"]).expect(64);
        assert!(run.stderr.contains("bad.json"), "{text}: {}", run.stderr);
    }
    for unknown in ["0123", "00000000", "no-such-file.json", "sha256:zz"] {
        desk.run(&["run", "remediate", "--apply", "--plan", unknown]).expect(64);
    }
    // Two ids changed places: a person would say yes to the wrong one.
    let mut swapped = plan.clone();
    let (a, b) = (id(&plan, POLICY).to_owned(), id(&plan, MEMBER).to_owned());
    for action in swapped["actions"].as_array_mut().unwrap() {
        match action["id"].as_str().unwrap() {
            id if id == a => action["id"] = json!(b),
            id if id == b => action["id"] = json!(a),
            _ => {}
        }
    }
    desk.lab.write("swapped.json", swapped.to_string());
    desk.run(&["remediate", "approve", &b, "--plan", "swapped.json"]).expect(64);
    assert_eq!(desk.fixes(), [""; 0]);
}

#[test]
fn a_yes_counts_only_under_the_policy_of_the_run_that_acts_on_it() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let id = id(&plan, MEMBER).to_owned();
    let only = ["--only", MEMBER, "--format", "json"];
    let state = |code: i32| action(&desk.apply(&plan, &only).expect(code).json(), MEMBER).clone();
    // Given under no policy, or under one of his own; acted on under the repository's.
    desk.run(&["remediate", "approve", &id]).expect(0);
    desk.lab.write("remediation.toml", "[approval]\napprovers = [\"security@example.com\"]\n");
    assert_eq!(state(2)["state"], "planned");
    desk.lab.write("remediation.toml", "[approval]\nself_approval = false\n");
    assert_eq!(state(2)["state"], "planned");
    // Nor does a file with another maker's name help: the ledger has the maker of record.
    let mut file = plan.clone();
    file["made_by"] = json!({"name": "somebody-else", "by": "machine"});
    desk.lab.write("plan.json", file.to_string());
    let approve = ["remediate", "approve", &id, "--plan", "plan.json"];
    let run = desk.run(&approve).expect(3);
    assert!(run.stderr.contains("may not be the one who approves"), "{}", run.stderr);
    assert_eq!(desk.fixes(), [""; 0]);
    std::fs::remove_file(desk.lab.path().join("remediation.toml")).unwrap();
    assert_eq!(state(2)["state"], "verified");
    assert_eq!(desk.fixes(), ["storage.setIamPermissions"]);
}

#[test]
fn a_yes_that_is_over_or_of_another_plan_or_taken_back_runs_nothing() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let asked = action(&plan, MEMBER).clone();
    let id = asked["id"].as_str().unwrap();
    let only = ["--only", MEMBER, "--format", "json"];
    let state = |code: i32| action(&desk.apply(&plan, &only).expect(code).json(), MEMBER).clone();
    // A yes from yesterday, as the ledger would hold it.
    let path = desk.lab.path().join(".lab/ledger.db");
    let yesterday = crate::stage::now().plus_seconds(-86_500);
    let approval = |plan: &str, n: u32| NewEntry {
        kind: EntryKind::Approval,
        key: format!("{plan}/{}/{n:04}", asked["digest"].as_str().unwrap()),
        time: yesterday,
        body: json!({"plan": plan, "action": asked["digest"], "until": yesterday.plus_seconds(86_400),
            "by": {"name": "security@example.com", "by": "machine"}}),
    };
    let append = |entry: NewEntry| {
        let ledger = SqliteLedger::open(&path).unwrap();
        assert!(crate::desk::block_on(ledger.append(entry)).unwrap());
    };
    append(approval(plan["hash"].as_str().unwrap(), 0));
    let expired = state(2);
    assert!(expired["outcome"].as_str().unwrap().contains("expired"), "{expired:#}");
    // A yes to the same action in another plan is not one to this.
    let other = desk.plan(&["--only", "google_*"]);
    assert_ne!(other["hash"], plan["hash"]);
    desk.run(&["remediate", "approve", id, "--plan", other["hash"].as_str().unwrap()]).expect(0);
    assert_eq!(state(2)["state"], "planned");
    // A no after a yes is a no, and with the key still waiting the exit is 2.
    let this = ["--plan", plan["hash"].as_str().unwrap()];
    desk.run(&["remediate", "approve", id, this[0], this[1]]).expect(0);
    let no = ["remediate", "reject", id, "--reason", "the auditor left", this[0], this[1]];
    desk.run(&no).expect(0);
    let rejected = state(2);
    assert_eq!(rejected["state"], "rejected");
    assert!(rejected["outcome"].as_str().unwrap().contains("the auditor left"), "{rejected:#}");
    assert_eq!(desk.fixes(), [""; 0]);
    // And a later yes a yes.
    desk.run(&["remediate", "approve", id, this[0], this[1]]).expect(0);
    assert_eq!(state(2)["state"], "verified");
    desk.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn what_is_accepted_or_protected_takes_no_yes() {
    let desk = Desk::laid_out();
    let accept =
        "[[rule]]\ndecision = \"accept\"\nkinds = [\"google_storage_bucket_iam_member\"]\n";
    desk.lab.write("remediation.toml", accept);
    let plan = desk.plan(&[]);
    assert_eq!(action(&plan, MEMBER)["decision"], "accept");
    let run = desk.run(&["remediate", "approve", id(&plan, MEMBER)]).expect(3);
    assert!(run.stderr.contains("nothing to approve"), "{}", run.stderr);

    let before = desk.plan(&["--policy", "/dev/null"]);
    desk.run(&["remediate", "approve", id(&before, POLICY), "--policy", "/dev/null"]).expect(0);
    desk.lab.write("remediation.toml", format!("[belts]\nprotect = [\"{POLICY}\"]\n"));
    let applied = desk.applied(&before, &[], 2);
    assert_eq!(action(&applied, POLICY)["state"], "approved", "{applied:#}");
    assert_eq!(count(&applied, "verified"), 4, "{applied:#}");
    assert!(!desk.fixes().contains(&"PutBucketPolicy".to_owned()));
}

/// On a real target the cloud itself says who one is.
#[test]
fn the_clouds_own_name_of_a_caller_is_who_approves() {
    let desk = Desk::founded();
    let resources = desk.unguarded(&["one"]);
    let own = desk.environment("remediator");
    let of = |name: &str| own.iter().find(|(n, _)| n == name).unwrap().1.as_str();
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"];
    let mut variables: Vec<(&str, &str)> = names.iter().map(|n| (*n, of(n))).collect();
    let section =
        "[targets.prod]\nstates = [\"prod.tfstate\"]\n[targets.prod.aws.\"111122223333\"]\n";
    let endpoint = format!("{section}endpoint = \"{}\"\n", of("AWS_ENDPOINT_URL"));
    desk.lab.write("lab.toml", endpoint);
    desk.state("prod.tfstate", 3, &resources);
    let ask = "[[rule]]\ndecision = \"ask\"\n[approval]\napprovers = [\"*:user/deployer\"]\n";
    desk.lab.write("remediation.toml", ask);
    let plan = ["run", "remediate", "--target", "prod", "--format", "json"];
    let plan = desk.run_with(&variables, &plan).expect(2).json();
    assert_eq!(plan["made_by"]["by"], "cloud", "{plan:#}");
    assert_eq!(plan["made_by"]["name"], "arn:aws:iam::111122223333:user/remediator");
    let approve = ["remediate", "approve", plan["actions"][0]["id"].as_str().unwrap()];
    let run = desk.run_with(&variables, &approve).expect(3);
    assert!(run.stderr.contains("user/remediator is not among"), "{}", run.stderr);
    // The same key, in front of which somebody puts another's subject, is that job.
    let token = "e30.eyJzdWIiOiJyZXBvOmFjbWUvaW5mcmE6cmVmOnJlZnMvaGVhZHMvbWFpbiJ9.c2ln";
    variables.push(("LAB_OIDC_TOKEN", token));
    let run = desk.run_with(&variables, &approve).expect(3);
    assert!(run.stderr.contains("repo:acme/infra:ref:refs/heads/main is not"), "{}", run.stderr);
    let deployer = desk.environment("deployer");
    let of = |name: &str| deployer.iter().find(|(n, _)| n == name).unwrap().1.as_str();
    let deployer: Vec<(&str, &str)> = names.iter().map(|n| (*n, of(n))).collect();
    desk.run_with(&deployer, &approve).expect(0);
    variables.pop();
    let hash = plan["hash"].as_str().unwrap();
    let apply = ["run", "remediate", "--apply", "--plan", hash, "--target", "prod"];
    desk.run_with(&variables, &apply).expect(0);
    let intent = &desk.bodies("intent")[0];
    assert_eq!(intent["approved_by"]["name"], "arn:aws:iam::111122223333:user/deployer");
    assert_eq!(desk.fixes(), ["PutBucketPublicAccessBlock"]);

    // A plan for this target is for no other, and an account that is another's is refused.
    desk.run(&["run", "remediate", "--apply", "--plan", hash]).expect(64);
    let other = std::fs::read_to_string(desk.lab.path().join("lab.toml")).unwrap();
    desk.lab.write("lab.toml", other.replace("111122223333", "444455556666"));
    let run = desk.run_with(&variables, &["run", "remediate", "--target", "prod"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(format!("{}{}", run.stdout, run.stderr).contains("444455556666"), "{}", run.stdout);
}
