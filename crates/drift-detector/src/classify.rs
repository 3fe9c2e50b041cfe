//! How bad, how sure, and why: from the kind's facts, from what the kind itself makes of a
//! change, and from whether the change is what lets the internet in.

use crate::drift::Drift;
use crate::meaning::{Chain, names_below};
use model::finding::{AttributeChange, DriftStatus, Effect, EffectSource};
use model::knowledge::{Judgement, KindFacts, SecurityFacts};
use model::{AttributePath, Confidence, Knowledge, Resource, Severity};

/// What is thought of one drift.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub severity: Severity,
    pub confidence: Confidence,
    pub why: String,
    pub techniques: Vec<String>,
    pub effect: Option<Effect>,
    /// How bad it is without the effect: what it falls back to when a probe finds the door
    /// shut, and what a guard keeps when another finding already tells the effect.
    pub base: Severity,
}

impl Verdict {
    /// Takes in what trying it has shown. A probe outranks a computed effect.
    pub fn probed(&mut self, effect: Effect) {
        self.severity = if effect.public { Severity::Critical } else { self.base };
        self.confidence = Confidence::High;
        self.effect = Some(effect);
    }
}

/// `neighbours` are the live resources of the same cloud that were read in this run.
pub fn classify(drift: &Drift, knowledge: &dyn Knowledge, neighbours: &[Resource]) -> Verdict {
    let facts = knowledge.facts();
    let mut judgement = match drift.status {
        DriftStatus::Missing => facts.missing.clone(),
        DriftStatus::Unmanaged => Judgement {
            severity: Severity::Info,
            why: format!("No state given manages this {}.", facts.title),
            techniques: Vec::new(),
        },
        DriftStatus::Changed => worst(drift, knowledge),
    };
    let named = drift.status != DriftStatus::Changed
        || drift.changes.iter().any(|c| !is_unnamed(facts, &c.path));
    let mut verdict = Verdict {
        severity: judgement.severity,
        confidence: if named { Confidence::High } else { Confidence::Medium },
        base: judgement.severity,
        effect: None,
        techniques: std::mem::take(&mut judgement.techniques),
        why: judgement.why,
    };
    if let Some(because) = opened(drift, knowledge, neighbours) {
        let told = drift.changes.iter().any(|c| c.security_relevant);
        if !told {
            verdict.why = format!("Anyone on the internet reaches it: {because}.");
        }
        verdict.severity = Severity::Critical;
        verdict.confidence = Confidence::Medium;
        verdict.effect = Some(Effect {
            public: true,
            how: EffectSource::Computed,
            answer: None,
            detail: because,
        });
    }
    verdict
}

/// The rule by which it is public now, if it would not be as desired: a bucket that is
/// public by design is no news.
fn opened(drift: &Drift, knowledge: &dyn Knowledge, neighbours: &[Resource]) -> Option<String> {
    let now = knowledge.exposure(drift.live.as_ref()?, neighbours)?;
    if !now.public {
        return None;
    }
    let before = drift.as_desired().and_then(|desired| {
        // Beside itself as it should be, it must not stand as it is.
        let others: Vec<Resource> = neighbours
            .iter()
            .filter(|n| n.kind != desired.kind || n.native_id != desired.native_id)
            .cloned()
            .collect();
        knowledge.exposure(&desired, &others)
    });
    (!before.is_some_and(|b| b.public)).then_some(now.because)
}

/// The worst judgement of all changes, with everybody's techniques.
fn worst(drift: &Drift, knowledge: &dyn Knowledge) -> Judgement {
    let judged: Vec<Judgement> =
        drift.changes.iter().map(|c| judge(&drift.native_id, c, knowledge)).collect();
    let mut techniques: Vec<String> = judged.iter().flat_map(|j| j.techniques.clone()).collect();
    techniques.sort();
    techniques.dedup();
    let mut worst: Option<Judgement> = None;
    for j in judged {
        if worst.as_ref().is_none_or(|w| j.severity > w.severity) {
            worst = Some(j);
        }
    }
    let worst = worst.unwrap_or(Judgement {
        severity: Severity::Info,
        why: "It differs from the state.".to_owned(),
        techniques: Vec::new(),
    });
    Judgement { techniques, ..worst }
}

/// How bad one change is.
pub fn judge(native_id: &str, change: &AttributeChange, knowledge: &dyn Knowledge) -> Judgement {
    let own = knowledge.judge_on(native_id, &change.path, &change.desired, &change.live);
    if let Some(judgement) = own {
        return judgement;
    }
    let Some(security) = security_at(knowledge.facts(), &change.path) else {
        return Judgement {
            severity: Severity::Info,
            why: format!("{} differs from the state.", change.path),
            techniques: Vec::new(),
        };
    };
    if !security.worse.is_empty() && !security.is_worse(&change.desired, &change.live) {
        return Judgement {
            severity: security.severity.min(Severity::Low),
            why: format!("{} was changed by hand, not for the worse.", change.path),
            techniques: Vec::new(),
        };
    }
    Judgement {
        severity: security.severity,
        why: security.why.clone(),
        techniques: security.techniques.clone(),
    }
}

/// Is a change here a security matter by the facts?
pub(crate) fn matters(facts: &KindFacts, path: &AttributePath) -> bool {
    security_at(facts, path).is_some()
}

/// Of the path itself, of what it lies in, or the worst of what lies in it.
fn security_at<'f>(facts: &'f KindFacts, path: &AttributePath) -> Option<&'f SecurityFacts> {
    let above = Chain::at(facts, path).nearest_first().find_map(|f| f.security.as_ref());
    above.or_else(|| {
        names_below(facts, &path.pattern())
            .filter_map(|f| f.security.as_ref())
            .max_by_key(|s| s.severity)
    })
}

fn is_unnamed(facts: &KindFacts, path: &AttributePath) -> bool {
    !crate::meaning::is_named(facts, path)
}
