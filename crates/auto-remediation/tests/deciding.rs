//! What is fixed, asked and accepted, and why.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod toy;

use auto_remediation::{History, Policy, plan};
use model::knowledge::Restoring;
use model::{ActionState, Decision, Timestamp, Value};
use toy::{Attempted, Case, now};

/// One row: a case, a policy, and what is decided because of what.
fn check(case: &Case, policy: &str, history: &History, expected: (Decision, &str)) {
    let policy = Policy::parse(policy, "remediation.toml").unwrap();
    let planned = plan("t", &[case.subject()], &policy, history, now());
    let action = planned.actions.first().unwrap_or_else(|| panic!("{planned:?}"));
    assert_eq!(action.decision, expected.0, "{}", action.reason);
    assert!(action.reason.contains(expected.1), "{} lacks {}", action.reason, expected.1);
    assert_eq!(action.state, ActionState::Planned);
}

fn none() -> History {
    History::default()
}

#[test]
fn the_built_in_rules() {
    let of = |restoring| Case { restoring, ..Case::changed() };
    check(&of(Restoring::Closes), "", &none(), (Decision::Fix, "shuts strangers out"));
    let named = of(Restoring::TakesFrom(vec!["user:a".into(), "user:b".into(), "c".into()]));
    check(&named, "", &none(), (Decision::Ask, "user:a, user:b and 1 more would lose"));
    check(&of(Restoring::Opens), "", &none(), (Decision::Ask, "nobody has now"));
    check(&of(Restoring::Neutral), "", &none(), (Decision::Ask, "may have meant it"));
    check(&Case::missing(), "", &none(), (Decision::Ask, "is missing"));
    check(&Case::unmanaged(), "", &none(), (Decision::Ask, "no state manages it"));
    let mut replaced = Case::changed();
    replaced.live.as_mut().unwrap().attributes.insert("birth".into(), "2026-02-02".into());
    check(&replaced, "", &none(), (Decision::Ask, "it was replaced"));
}

#[test]
fn uses_by_strangers_ask_and_silence_of_the_log_where_the_policy_wants_it() {
    let used = Case::changed().used(400, 2);
    check(&used, "", &none(), (Decision::Ask, "read anonymously 400 times"));
    let anyway = "[impact]\nask_when_used = false\n";
    check(&used, anyway, &none(), (Decision::Fix, "shuts strangers out"));
    let silent = Case::changed().unknown_use();
    check(&silent, "", &none(), (Decision::Fix, "shuts strangers out"));
    let careful = "[impact]\nask_when_unknown = true\n";
    check(&silent, careful, &none(), (Decision::Ask, "who used it is not known"));
}

#[test]
fn the_first_rule_that_holds_decides_and_says_where_it_stands() {
    let rules = "# head\n\n[[rule]]\ndecision = \"accept\"\nkinds = [\"other_*\"]\n\n\
                 [[rule]]\ndecision = \"ask\"\ntags = { data = \"cust*\" }\n\n\
                 [[rule]]\ndecision = \"fix\"\nkinds = [\"*\"]\n";
    let mut case = Case::changed();
    case.tags.insert("data".into(), "customer".into());
    let policy = Policy::parse(rules, "remediation.toml").unwrap();
    let planned = plan("t", &[case.subject()], &policy, &none(), now());
    let action = &planned.actions[0];
    assert_eq!((action.decision, action.reason.as_str()), (Decision::Ask, "tagged data=customer"));
    assert_eq!(action.rule.as_deref(), Some("remediation.toml:7"));
    case.tags.clear();
    check(&case, rules, &none(), (Decision::Fix, "a rule of the policy"));
}

#[test]
fn each_condition_of_a_rule_must_hold() {
    let holds = |conditions: &str| {
        let text = format!("[[rule]]\ndecision = \"accept\"\n{conditions}\n");
        let policy = Policy::parse(&text, "p").unwrap();
        let planned = plan("t", &[Case::changed().by("maya").subject()], &policy, &none(), now());
        planned.actions[0].decision == Decision::Accept
    };
    for (condition, expected) in [
        ("kinds = [\"toy_*\"]", true),
        ("kinds = [\"aws_*\"]", false),
        ("attributes = [\"door\"]", true),
        ("attributes = [\"roof\"]", false),
        ("addresses = [\"toy_house.*\"]", true),
        ("addresses = [\"module.*\"]", false),
        ("severities = [\"high\", \"critical\"]", true),
        ("severities = [\"low\"]", false),
        ("remedies = [\"restore_*\"]", true),
        ("remedies = [\"recreate\"]", false),
        ("who = [\"MAYA\"]", true),
        ("who = [\"li*\"]", false),
        ("hours = \"08:00-18:00\"", true),
        ("hours = \"18:00-08:00\"", false),
        ("kinds = [\"toy_*\"]\nwho = [\"li\"]", false),
    ] {
        assert_eq!(holds(condition), expected, "{condition}");
    }
}

#[test]
fn some_things_ask_whatever_the_policy_says() {
    let fix = "[[rule]]\ndecision = \"fix\"\nkinds = [\"*\"]\n";
    let protected = format!("{fix}[belts]\nprotect = [\"toy_house.*\"]\n");
    check(&Case::changed(), &protected, &none(), (Decision::Ask, "is protected (remediation.toml"));
    let case = Case::changed();
    let minutes = |n: i64| now().plus_seconds(-60 * n);
    let fixes = |times: &[i64]| {
        let attempts = times.iter().map(|m| Attempted::fix(&case, minutes(*m)));
        Attempted::history(attempts)
    };
    check(&case, fix, &fixes(&[5, 20]), (Decision::Fix, "a rule"));
    check(&case, fix, &fixes(&[5, 20, 50]), (Decision::Ask, "mended 3 times within an hour"));
    check(&case, fix, &fixes(&[5, 20, 70]), (Decision::Fix, "a rule"));
    let undone =
        Attempted::history([Attempted::fix(&case, minutes(9)), Attempted::undo(&case, minutes(8))]);
    check(&case, fix, &undone, (Decision::Ask, "was taken back"));
    let unclear = Attempted::history([Attempted::unclear(&case, minutes(9))]);
    check(&case, fix, &unclear, (Decision::Ask, "neither what was nor what was wanted"));
    let open = Attempted::history([Attempted::open(&case, minutes(1))]);
    check(&case, fix, &open, (Decision::Ask, "still open"));
}

#[test]
fn a_freeze_asks_until_it_ends() {
    let freeze = |from: &str, until: &str| {
        format!("[[freeze]]\nfrom = {from}\nuntil = {until}\nreason = \"end of year\"\n")
    };
    let during = freeze("2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z");
    check(&Case::changed(), &during, &none(), (Decision::Ask, "end of year, until 2026-01-31"));
    let over = freeze("2025-12-01T00:00:00Z", "\"2026-01-02T00:00:00Z\"");
    check(&Case::changed(), &over, &none(), (Decision::Fix, "shuts"));
}

#[test]
fn a_key_that_was_switched_off_by_an_action_is_accepted_and_nobody_elses() {
    let key = Case::key_is_off();
    check(&key, "", &none(), (Decision::Ask, "may have meant it"));
    let ours = Attempted::history([Attempted::deactivated(&key, now().plus_seconds(-86_400))]);
    check(&key, "", &ours, (Decision::Accept, "switched it off"));
    let taken_back = Attempted::history([
        Attempted::deactivated(&key, now().plus_seconds(-86_400)),
        Attempted::reactivated(&key, now().plus_seconds(-800)),
    ]);
    check(&key, "", &taken_back, (Decision::Ask, "was taken back"));
}

#[test]
fn the_key_behind_a_change_is_a_second_action_that_always_asks() {
    let case = Case::changed().with_key();
    let fix = Policy::parse("[[rule]]\ndecision = \"fix\"\nkinds = [\"*\"]\n", "p").unwrap();
    let planned = plan("t", &[case.subject()], &fix, &none(), now());
    let remedies: Vec<(&str, Decision)> =
        planned.actions.iter().map(|a| (a.remedy.as_str(), a.decision)).collect();
    assert_eq!(
        remedies,
        [("restore_attributes", Decision::Fix), ("deactivate_key", Decision::Ask)]
    );
    assert_eq!(planned.actions[1].native_id, "AKIATOY");
    assert_eq!(planned.actions[1].finding, planned.actions[0].finding);
}

#[test]
fn what_nothing_mends_is_said_with_the_next_step() {
    let mut fixed = Case::changed();
    fixed.writable.clear();
    let planned = plan("t", &[fixed.subject()], &Policy::default(), &none(), now());
    assert!(planned.actions.is_empty());
    assert!(planned.without_remedy[0].reason.contains("door cannot be changed in place"));
    let mut gone = Case::missing();
    gone.recreatable = false;
    let planned = plan("t", &[gone.subject()], &Policy::default(), &none(), now());
    assert!(planned.without_remedy[0].next_step.contains("terraform apply"));
    let mut extra = Case::unmanaged();
    extra.removable = false;
    let planned = plan("t", &[extra.subject()], &Policy::default(), &none(), now());
    assert!(planned.without_remedy[0].next_step.contains("terraform import"));
}

#[test]
fn a_mistake_in_a_policy_is_named_with_its_place() {
    for (text, place, what) in [
        ("[belts]\nchanges_per_rum = 3\n", "p line 2, column 1", "changes_per_rum"),
        ("[[rule]]\ndecision = \"maybe\"\n", "p line 2", "maybe"),
        ("[[rule]]\nkinds = [\"a\"]\n", "p line 1", "decision"),
        ("[[rule]]\ndecision = \"ask\"\nhours = \"25:00-3\"\n", "p line 3", "time of day"),
        ("[[freeze]]\nfrom = \"soon\"\nuntil = \"2026-01-01T00:00:00Z\"\n", "p line 2", "soon"),
        ("[belts]\nchanges_per_run = 0\n", "p [belts]", "0 changes"),
        ("[approval]\nexpires_hours = 0\n", "p [approval]", "no yes would ever count"),
        ("[[rule]]\ndecision = \"fix\"\n", "p line 1", "fix everything"),
        ("[[rule]]\ndecision = \"ask\"\nremedies = [\"resore\"]\n", "p line 1", "no such remedy"),
        (
            "[[freeze]]\nfrom = \"2026-02-01T00:00:00Z\"\nuntil = \"2026-01-01T00:00:00Z\"\n",
            "p line 1",
            "ends before it begins",
        ),
        ("not toml", "p line 1", ""),
    ] {
        let error = Policy::parse(text, "p").unwrap_err();
        assert!(error.place.starts_with(place), "{} is not {place}", error.place);
        assert!(error.what.contains(what), "{} lacks {what}", error.what);
    }
    assert!(Timestamp::parse("2026-01-01T00:00:00Z").is_some());
}

#[test]
fn what_holds_a_secret_is_left_to_terraform() {
    let mut sealed = Case::changed();
    sealed.live.as_mut().unwrap().attributes.insert("door".into(), Value::Redacted);
    let planned = plan("t", &[sealed.subject()], &Policy::default(), &none(), now());
    assert!(planned.actions.is_empty());
    assert!(planned.without_remedy[0].reason.contains("door holds a secret"));
}

#[test]
fn a_rule_that_lets_through_is_about_all_of_a_change_and_believes_no_live_tag() {
    let accept = |condition: &str| format!("[[rule]]\ndecision = \"accept\"\n{condition}\n");
    let roof = accept("attributes = [\"roof\"]");
    check(&Case::changed(), &roof, &none(), (Decision::Fix, "shuts"));
    let case = Case::changed();
    let mut subject = case.subject();
    subject.live_tags.insert("exposure".into(), "intended".into());
    let policy = Policy::parse(&accept("tags = { exposure = \"intended\" }"), "p").unwrap();
    let planned = plan("t", &[subject], &policy, &none(), now());
    assert_eq!(planned.actions[0].decision, Decision::Fix);
}
