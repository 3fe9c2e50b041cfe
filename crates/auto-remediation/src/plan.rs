//! Findings in, actions out: a pure function, so that the same world gives the same plan.

use crate::decide::decide;
use crate::digest;
use crate::history::History;
use crate::policy::Policy;
use crate::remedies::{Proposal, REMEDIES, Remedy};
use crate::subject::Subject;
use model::finding::DriftStatus;
use model::fingerprint;
use model::remediation::{Action, ActionState, Preconditions, Unremedied};
use model::{AttributePath, Timestamp};

use std::collections::HashSet;

/// What can be done about findings, and which of them nothing can.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    pub hash: String,
    pub actions: Vec<Action>,
    pub without_remedy: Vec<Unremedied>,
}

pub fn plan(
    target: &str,
    subjects: &[Subject<'_>],
    policy: &Policy,
    history: &History,
    now: Timestamp,
) -> Planned {
    let mut actions: Vec<Action> = Vec::new();
    let mut known = HashSet::new();
    let mut without_remedy = Vec::new();
    for subject in subjects {
        let mut mended = false;
        for remedy in REMEDIES {
            if mended && !remedy.is_beside() {
                continue;
            }
            let Some(proposal) = remedy.propose(subject) else { continue };
            let decided = decide(subject, &proposal, *remedy, policy, history, now);
            if !remedy.is_beside() {
                mended = true;
                if !proposal.left.is_empty() {
                    without_remedy.push(left_over(subject, &proposal));
                }
                if !proposal.secret.is_empty() {
                    without_remedy.push(secret(subject, &proposal.secret));
                }
            }
            let action = action(subject, proposal, *remedy, decided);
            // One key that made several changes is switched off once.
            if known.insert(action.digest.clone()) {
                actions.push(action);
            }
        }
        if !mended {
            without_remedy.push(nothing(subject));
        }
    }
    let digests: Vec<&str> = actions.iter().map(|a| a.digest.as_str()).collect();
    for (at, id) in fingerprint::short_ids("A", &digests).into_iter().enumerate() {
        actions[at].id = id;
    }
    Planned { hash: digest::plan(target, &actions), actions, without_remedy }
}

fn action(
    subject: &Subject<'_>,
    proposal: Proposal,
    remedy: &dyn Remedy,
    decided: crate::decide::Decided,
) -> Action {
    let finding = subject.finding;
    let mut event_ids: Vec<String> =
        finding.attribution.events.iter().map(|e| e.event_id.clone()).collect();
    event_ids.sort();
    event_ids.dedup();
    let mut action = Action {
        id: String::new(),
        digest: String::new(),
        finding: finding.id.clone(),
        fingerprint: finding.fingerprint.clone(),
        cloud: finding.cloud.clone(),
        account: proposal.account,
        region: proposal.region,
        kind: proposal.kind,
        address: proposal.address,
        native_id: proposal.native_id,
        source: proposal.state.as_ref().map(|s| s.source.clone()),
        severity: finding.severity,
        remedy: remedy.name().to_owned(),
        decision: decided.decision,
        reason: decided.reason,
        rule: decided.rule,
        changes: proposal.changes,
        preconditions: Preconditions {
            state_serial: proposal.state.as_ref().map(|s| s.serial),
            state_lineage: proposal.state.map(|s| s.lineage),
            live_digest: proposal.live_digest,
        },
        sealed: match (&subject.desired, remedy.is_beside()) {
            (Some(desired), false) => AttributePath::of_sealed(desired),
            _ => Vec::new(),
        },
        impact: subject.impact.clone().filter(|_| !remedy.is_beside()),
        state: ActionState::Planned,
        outcome: None,
        took_ms: None,
        event_ids,
    };
    action.digest = digest::action(&action);
    action
}

fn unremedied(subject: &Subject<'_>, reason: String, next_step: &str) -> Unremedied {
    let finding = subject.finding;
    Unremedied {
        finding: finding.id.clone(),
        kind: finding.kind.clone(),
        address: finding.address.clone(),
        native_id: finding.native_id.clone(),
        reason,
        next_step: next_step.to_owned(),
    }
}

/// What a remedy leaves of a finding.
fn left_over(subject: &Subject<'_>, proposal: &Proposal) -> Unremedied {
    let paths: Vec<String> = proposal.left.iter().map(ToString::to_string).collect();
    let written = subject.knowledge.facts().writable.iter();
    let written: Vec<&str> = written.map(String::as_str).collect();
    if proposal.left.iter().all(|p| written.contains(&p.attribute())) {
        let reason = format!("{} is another question", paths.join(", "));
        return unremedied(subject, reason, "a new plan asks about it when this is mended");
    }
    let reason = format!("{} cannot be changed in place here", paths.join(", "));
    unremedied(subject, reason, "terraform plan shows whether it is changed or replaced")
}

fn secret(subject: &Subject<'_>, paths: &[AttributePath]) -> Unremedied {
    let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let reason = format!("{} holds a secret, which is nowhere here to be seen", paths.join(", "));
    unremedied(subject, reason, "terraform apply has it")
}

/// Why there is no remedy, and what a person can do.
fn nothing(subject: &Subject<'_>) -> Unremedied {
    let facts = subject.knowledge.facts();
    match subject.finding.status {
        DriftStatus::Missing => unremedied(
            subject,
            format!("a {} cannot be made again as it was", facts.title),
            "terraform apply makes another one",
        ),
        DriftStatus::Unmanaged => unremedied(
            subject,
            format!("deleting a {} may lose what it holds", facts.title),
            "terraform import it, or remove it by hand",
        ),
        DriftStatus::Changed if holds_secret(subject) => {
            let paths: Vec<AttributePath> =
                subject.finding.attributes.iter().map(|c| c.path.clone()).collect();
            secret(subject, &paths)
        }
        DriftStatus::Changed => {
            let paths: Vec<String> =
                subject.finding.attributes.iter().map(|c| c.path.to_string()).collect();
            unremedied(
                subject,
                format!("{} cannot be changed in place here", paths.join(", ")),
                "terraform plan shows whether it is changed or replaced",
            )
        }
    }
}

/// Is what has changed a part of something that holds a secret?
fn holds_secret(subject: &Subject<'_>) -> bool {
    let live = subject.live.as_ref().map(|l| &l.attributes);
    subject.finding.attributes.iter().any(|c| {
        let name = c.path.attribute();
        [live, subject.desired.as_ref()]
            .into_iter()
            .flatten()
            .any(|a| a.get(name).is_some_and(model::Value::holds_sealed))
    })
}
