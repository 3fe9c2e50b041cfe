//! Findings with their ids, the worst first, and the counts of a run.

use crate::classify::Verdict;
use crate::drift::Drift;
use model::finding::{Attribution, DriftStatus, FindingClass};
use model::fingerprint;
use model::report::Summary;
use model::{Finding, KindName, Knowledge, Severity};
use std::cmp::Reverse;

/// A finding in the making: its id and, for a guard, its sentence depend on the others.
#[derive(Clone, Debug)]
pub struct Draft {
    finding: Finding,
    base: Severity,
    belongs_to: String,
    guards: Vec<KindName>,
    /// A security matter, not just different.
    matters: bool,
}

impl Draft {
    pub fn new(
        drift: Drift,
        knowledge: &dyn Knowledge,
        verdict: Verdict,
        attribution: Attribution,
    ) -> Self {
        let belongs_to = drift
            .live
            .clone()
            .or_else(|| drift.as_desired())
            .map_or_else(|| drift.native_id.clone(), |resource| knowledge.belongs_to(&resource));
        let address = drift.address.as_ref().map(ToString::to_string);
        let fingerprint = fingerprint::drift(
            &drift.cloud,
            drift.account.as_deref(),
            &drift.kind,
            &drift.native_id,
            drift.status,
            drift.state.as_deref().zip(address.as_deref()),
        );
        let matters = drift.status == DriftStatus::Missing
            || drift.changes.iter().any(|c| c.security_relevant);
        Draft {
            base: verdict.base,
            belongs_to,
            guards: knowledge.facts().guards.clone(),
            matters: matters && verdict.base > Severity::Low,
            finding: Finding {
                id: String::new(),
                change_digest: fingerprint::change(&drift.changes),
                fingerprint,
                class: FindingClass::Drift,
                status: drift.status,
                cloud: drift.cloud,
                account: drift.account,
                region: drift.region,
                kind: drift.kind,
                address: drift.address,
                native_id: drift.native_id,
                state: drift.state,
                severity: verdict.severity,
                confidence: verdict.confidence,
                why: verdict.why,
                techniques: verdict.techniques,
                effect: verdict.effect,
                attributes: drift.changes,
                attribution,
            },
        }
    }
}

impl Draft {
    /// By which its finding will be known.
    pub fn fingerprint(&self) -> &str {
        &self.finding.fingerprint
    }
}

/// Gives out ids, lets guards point at what they would have stopped, puts the worst first.
/// One resource that several states manage, and that differs from each, is one finding.
pub fn assemble(mut drafts: Vec<Draft>) -> Vec<Finding> {
    drafts.sort_by(|a, b| {
        (&a.finding.fingerprint, Reverse(a.finding.severity), &a.finding.state).cmp(&(
            &b.finding.fingerprint,
            Reverse(b.finding.severity),
            &b.finding.state,
        ))
    });
    drafts.dedup_by(|later, first| later.finding.fingerprint == first.finding.fingerprint);
    let fingerprints: Vec<&str> = drafts.iter().map(|d| d.finding.fingerprint.as_str()).collect();
    let ids = fingerprint::short_ids("F", &fingerprints);
    for (draft, id) in drafts.iter_mut().zip(ids) {
        draft.finding.id = id;
    }
    let guarded: Vec<Option<String>> = drafts.iter().map(|d| stopped_by(d, &drafts)).collect();
    let mut findings: Vec<Finding> = Vec::with_capacity(drafts.len());
    for (mut draft, guarded) in drafts.into_iter().zip(guarded) {
        if let Some(id) = guarded {
            draft.finding.why = format!("The guard that would have stopped {id} is off.");
            // What anyone can do is told where it is done, not a second time at the guard.
            draft.finding.severity = draft.base;
            draft.finding.effect = None;
            draft.finding.confidence = model::Confidence::High;
        }
        findings.push(draft.finding);
    }
    findings.sort_by(|a, b| {
        let key = |f: &Finding| {
            (
                Reverse(f.severity),
                f.cloud.clone(),
                f.address.clone(),
                f.native_id.clone(),
                f.id.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    findings
}

/// The worst finding of the same native resource that this one, a guard, would have stopped.
fn stopped_by(guard: &Draft, drafts: &[Draft]) -> Option<String> {
    if guard.guards.is_empty() || !guard.matters {
        return None;
    }
    drafts
        .iter()
        .filter(|d| {
            d.matters
                && guard.guards.contains(&d.finding.kind)
                && d.finding.status != DriftStatus::Missing
                && d.finding.cloud == guard.finding.cloud
                && d.finding.account == guard.finding.account
                && d.belongs_to == guard.belongs_to
        })
        .max_by(|a, b| {
            (a.finding.severity, &b.finding.id).cmp(&(b.finding.severity, &a.finding.id))
        })
        .map(|d| d.finding.id.clone())
}

/// The numbers of a report.
pub fn count(findings: &[Finding], in_sync: usize, unknown: usize) -> Summary {
    let of = |status| findings.iter().filter(|f| f.status == status).count();
    let (changed, missing) = (of(DriftStatus::Changed), of(DriftStatus::Missing));
    Summary {
        resources: in_sync + unknown + changed + missing,
        in_sync,
        changed,
        missing,
        unmanaged: of(DriftStatus::Unmanaged),
        unknown,
    }
}

/// `--fail-on`: is anything this bad or worse?
pub fn reaches(findings: &[Finding], threshold: Severity) -> bool {
    findings.iter().any(|f| f.severity >= threshold)
}
