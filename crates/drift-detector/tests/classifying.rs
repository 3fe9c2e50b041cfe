//! How bad, why, and which findings a run ends with.

#[allow(dead_code, reason = "each test uses its part of the toy")]
mod toy;

use drift_detector::{Draft, Drift, Verdict, assemble, classify, count, reaches};
use model::finding::{Attribution, DriftStatus, Effect, EffectSource};
use model::{Confidence, Finding, Severity};
use serde_json::{Value as Json, json};
use toy::{Toy, change, desired, resource, toy_box, toy_guard};

fn verdict(knowledge: &Toy, want: Json, is: Json, path: &str) -> Verdict {
    let mut change = change(path, want[path].clone(), is[path].clone());
    change.security_relevant =
        knowledge.facts.attributes.get(path).is_some_and(|f| f.security.is_some());
    let drift = Drift::changed(&desired(want), &resource(is), vec![change]);
    classify(&drift, knowledge, &[])
}

#[test]
fn by_the_facts() {
    let level = |want: &str, is: &str| {
        verdict(&toy_box(), json!({"level": want}), json!({"level": is}), "level")
    };
    let worse = level("safe", "open");
    assert_eq!((worse.severity, worse.why.as_str()), (Severity::Medium, "It is less safe now."));
    assert_eq!(worse.techniques, ["T1530"]);
    let better = level("open", "safer");
    assert_eq!((better.severity, better.techniques.len()), (Severity::Low, 0));
    let readers = |want: Json, is: Json| {
        verdict(&toy_box(), json!({"readers": want}), json!({"readers": is}), "readers").severity
    };
    assert_eq!(readers(json!(["a"]), json!(["a", "all"])), Severity::High);
    assert_eq!(readers(json!(["all"]), json!(["a", "all"])), Severity::Low);
    let tags = verdict(&toy_box(), json!({"tags": "a"}), json!({"tags": "b"}), "tags");
    assert_eq!((tags.severity, tags.confidence), (Severity::Info, Confidence::Medium));
}

#[test]
fn by_effect() {
    let mut opened = verdict(&toy_box(), json!({"open": false}), json!({"open": true}), "open");
    assert_eq!((opened.severity, opened.base), (Severity::Critical, Severity::High));
    let effect = opened.effect.clone().unwrap();
    assert_eq!((effect.public, effect.how), (true, EffectSource::Computed));
    let probe = |public, answer| Effect {
        public,
        how: EffectSource::Probed,
        answer: Some(answer),
        detail: "GET".into(),
    };
    opened.probed(probe(false, 403));
    assert_eq!(opened.severity, Severity::High);
    opened.probed(probe(true, 200));
    assert_eq!((opened.severity, opened.confidence), (Severity::Critical, Confidence::High));
    // Public by design: a change of its tags is no exposure.
    let design = verdict(
        &toy_box(),
        json!({"open": true, "tags": "a"}),
        json!({"open": true, "tags": "b"}),
        "tags",
    );
    assert_eq!((design.severity, design.effect), (Severity::Info, None));
}

fn draft(knowledge: &Toy, mut drift: Drift) -> Draft {
    drift.kind = knowledge.facts.kind.clone();
    let verdict = classify(&drift, knowledge, &[]);
    Draft::new(drift, knowledge, verdict, Attribution::not_asked())
}

fn opened(native_id: &str) -> Drift {
    let mut live = resource(json!({"open": true}));
    live.native_id = native_id.to_owned();
    Drift::changed(
        &desired(json!({"open": false})),
        &live,
        vec![change("open", json!(false), json!(true))],
    )
}

#[test]
fn a_guard_points_at_what_it_would_have_stopped() {
    let findings = assemble(vec![
        draft(&toy_guard(), opened("b-1")),
        draft(&toy_box(), opened("b-1")),
        draft(&toy_guard(), opened("b-2")),
    ]);
    let of = |kind: &str, id: &str| -> &Finding {
        findings.iter().find(|f| f.kind.as_str() == kind && f.native_id == id).unwrap()
    };
    let opened = of("toy_box", "b-1");
    assert_eq!(opened.severity, Severity::Critical);
    let guard = of("toy_guard", "b-1");
    assert_eq!(guard.why, format!("The guard that would have stopped {} is off.", opened.id));
    assert_eq!((guard.severity, &guard.effect), (Severity::High, &None));
    assert_eq!(of("toy_guard", "b-2").severity, Severity::Critical);
    assert_eq!(findings[0].severity, Severity::Critical);
    assert!(findings.windows(2).all(|w| w[0].severity >= w[1].severity));
}

#[test]
fn one_resource_in_two_states_is_one_finding() {
    let mut second = opened("b-1");
    second.state = Some("other.tfstate".into());
    let findings = assemble(vec![draft(&toy_box(), opened("b-1")), draft(&toy_box(), second)]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].state.as_deref(), Some("a.tfstate"));
}

#[test]
fn counted_and_weighed() {
    let gone = Drift::missing(&desired(json!({})), "toy".into(), None, None);
    let mut extra = resource(json!({"open": false}));
    extra.native_id = "b-9".into();
    let findings = assemble(vec![
        draft(&toy_box(), gone),
        draft(&toy_box(), Drift::unmanaged(&extra)),
        draft(&toy_box(), opened("b-1")),
    ]);
    let summary = count(&findings, 5, 2);
    assert_eq!((summary.resources, summary.changed, summary.missing), (9, 1, 1));
    assert_eq!((summary.unmanaged, summary.unknown, summary.in_sync), (1, 2, 5));
    assert!(reaches(&findings, Severity::Critical));
    let gone = findings.iter().find(|f| f.status == DriftStatus::Missing).unwrap();
    assert_eq!((gone.severity, gone.why.as_str()), (Severity::Medium, "The box is gone."));
    assert!(!reaches(std::slice::from_ref(gone), Severity::High));
    assert!(reaches(std::slice::from_ref(gone), Severity::Medium));
    assert!(!reaches(&[], Severity::Info));
}
