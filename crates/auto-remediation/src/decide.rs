//! Fix, ask or accept, and the sentence that says why.
//!
//! In this order: what is accepted because of an earlier action; what always asks; a freeze;
//! the first rule of the policy that holds; the built-in rules.

use crate::history::History;
use crate::policy::{Placed, Policy, Rule};
use crate::remedies::{Proposal, Remedy};
use crate::subject::Subject;
use model::finding::DriftStatus;
use model::knowledge::Restoring;
use model::{Decision, Timestamp, Value};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub decision: Decision,
    pub reason: String,
    /// Where the rule stands; none for a built-in one.
    pub rule: Option<String>,
}

impl Decided {
    fn built_in(decision: Decision, reason: impl Into<String>) -> Self {
        Decided { decision, reason: reason.into(), rule: None }
    }
}

pub fn decide(
    subject: &Subject<'_>,
    proposal: &Proposal,
    remedy: &dyn Remedy,
    policy: &Policy,
    history: &History,
    now: Timestamp,
) -> Decided {
    if let Some(accepted) = switched_off_by_us(subject, history) {
        return accepted;
    }
    if let Some(asks) = always_asks(subject, proposal, policy, history, now) {
        return asks;
    }
    let freeze = policy.freezes.iter().find(|f| (f.part.from.0..f.part.until.0).contains(&now));
    if let Some(freeze) = freeze {
        let why = freeze.part.reason.as_deref().unwrap_or("changes are frozen");
        return Decided {
            decision: Decision::Ask,
            reason: format!("{why}, until {}", freeze.part.until.0.to_seconds_text()),
            rule: Some(freeze.place.clone()),
        };
    }
    if let Some(rule) = policy.rules.iter().find(|r| holds(&r.part, subject, proposal, remedy, now))
    {
        return Decided {
            decision: rule.part.decision,
            reason: because(rule, subject),
            rule: Some(rule.place.clone()),
        };
    }
    built_in(subject, proposal, policy)
}

/// A key that an earlier action switched off is off on purpose.
fn switched_off_by_us(subject: &Subject<'_>, history: &History) -> Option<Decided> {
    let finding = subject.finding;
    let off = subject.knowledge.facts().credential.as_ref()?;
    let only = finding.status == DriftStatus::Changed
        && finding
            .attributes
            .iter()
            .all(|c| c.path.attribute() == off.attribute && c.live == off.off);
    if !only {
        return None;
    }
    let attempt = history.switched_off(&finding.cloud, &finding.kind, &finding.native_id)?;
    Some(Decided::built_in(
        Decision::Accept,
        format!(
            "{} switched it off on {}; record that in Terraform",
            attempt.intent.action.id,
            attempt.time.to_seconds_text()
        ),
    ))
}

fn always_asks(
    subject: &Subject<'_>,
    proposal: &Proposal,
    policy: &Policy,
    history: &History,
    now: Timestamp,
) -> Option<Decided> {
    let ask = |reason: String| Some(Decided::built_in(Decision::Ask, reason));
    let finding = subject.finding;
    let address = proposal.address.as_ref().map(ToString::to_string);
    if address.as_deref().or(Some(&proposal.native_id)).is_some_and(|a| policy.protects(a)) {
        return ask(format!(
            "it is protected ({} [belts]): approved or not, nothing here changes it",
            policy.file.as_deref().unwrap_or("policy")
        ));
    }
    if let Some(reason) = &proposal.asks {
        return ask(reason.clone());
    }
    if let Some(attempt) = history.of_finding(&finding.fingerprint).find(|a| a.outcome.is_none()) {
        return ask(format!("{} was begun and is still open", attempt.intent.action.id));
    }
    if let Some(attempt) = history.unclear(&finding.fingerprint) {
        return ask(format!(
            "{} was cut off on {}, and what is there is neither what was nor what was wanted",
            attempt.intent.action.id,
            attempt.time.to_seconds_text()
        ));
    }
    if history.was_rejected(&finding.fingerprint) {
        return ask("somebody said no to its last fix".to_owned());
    }
    if history.was_undone(&finding.fingerprint) {
        return ask("its last fix was taken back".to_owned());
    }
    let fixes = history.fixes_since(&finding.fingerprint, now.plus_seconds(-3600));
    if fixes >= policy.limits.fixes_per_hour {
        return ask(format!(
            "it was mended {fixes} times within an hour: somebody, or something, wants it \
             otherwise"
        ));
    }
    None
}

fn holds(
    rule: &Rule,
    subject: &Subject<'_>,
    proposal: &Proposal,
    remedy: &dyn Remedy,
    now: Timestamp,
) -> bool {
    let finding = subject.finding;
    let any = |patterns: &[crate::policy::Pattern], texts: &[&str]| {
        patterns.is_empty() || patterns.iter().any(|p| texts.iter().any(|t| p.matches(t)))
    };
    let address = proposal.address.as_ref().map(ToString::to_string);
    let paths: Vec<String> = finding.attributes.iter().map(|c| c.path.pattern()).collect();
    let roots = proposal.changes.iter().map(|c| c.path.attribute());
    // What lets a change through must be about all of it; what asks, about any part.
    let strict = rule.decision != Decision::Ask;
    let named = |path: &str| rule.attributes.iter().any(|p| p.matches(path));
    let attributes = rule.attributes.is_empty()
        || match strict {
            true => !paths.is_empty() && paths.iter().all(|p| named(p)),
            false => paths.iter().map(String::as_str).chain(roots).any(named),
        };
    let tagged = |key: &String, pattern: &crate::policy::Pattern| {
        let is =
            |tags: &BTreeMap<String, String>| tags.get(key).is_some_and(|v| pattern.matches(v));
        is(&subject.tags) || (!strict && is(&subject.live_tags))
    };
    // Giving access that nobody has is never meant by a rule that does not say of what.
    if rule.decision == Decision::Fix
        && proposal.restoring == Restoring::Opens
        && rule.attributes.is_empty()
        && finding.status == DriftStatus::Changed
    {
        return false;
    }
    let who: Vec<&str> = finding
        .attribution
        .events
        .iter()
        .flat_map(|e| {
            let p = &e.principal;
            std::iter::once(p.name.as_str())
                .chain(p.via.iter().map(String::as_str))
                .chain(p.uid.as_deref())
        })
        .collect();
    any(&rule.kinds, &[proposal.kind.as_str()])
        && attributes
        && any(&rule.addresses, &[address.as_deref().unwrap_or(&proposal.native_id)])
        && any(&rule.remedies, &[remedy.name()])
        && any(&rule.who, &who)
        && (rule.severities.is_empty() || rule.severities.contains(&finding.severity))
        && rule.tags.iter().all(|(k, p)| tagged(k, p))
        && rule.hours.is_none_or(|h| h.hold(now))
}

fn because(rule: &Placed<Rule>, subject: &Subject<'_>) -> String {
    if let Some(reason) = &rule.part.reason {
        return reason.clone();
    }
    let tags: Vec<String> = rule
        .part
        .tags
        .keys()
        .filter_map(|k| {
            let tag = subject.tags.get(k).or_else(|| subject.live_tags.get(k))?;
            Some(format!("{k}={tag}"))
        })
        .collect();
    if !tags.is_empty() {
        return format!("tagged {}", tags.join(", "));
    }
    "a rule of the policy says so".to_owned()
}

fn built_in(subject: &Subject<'_>, proposal: &Proposal, policy: &Policy) -> Decided {
    let ask = |reason: String| Decided::built_in(Decision::Ask, reason);
    match subject.finding.status {
        DriftStatus::Missing => {
            return ask("it is missing: whoever took it away may have meant to".into());
        }
        DriftStatus::Unmanaged => {
            return ask("no state manages it: somebody may have made it on purpose".into());
        }
        DriftStatus::Changed => {}
    }
    if let Some(name) = replaced(subject) {
        return ask(format!(
            "what lives is not what the state made ({name} differs): it was replaced"
        ));
    }
    if let Restoring::Opens = proposal.restoring {
        return ask("it would give access that nobody has now, or take a guard away".into());
    }
    if let Some(impact) = &subject.impact {
        if impact.uses > 0 && policy.impact.ask_when_used {
            return ask(format!("{}: asking first", impact.words));
        }
        if !impact.complete && policy.impact.ask_when_unknown {
            return ask(format!("{}: the policy asks then", impact.words));
        }
    }
    match &proposal.restoring {
        Restoring::Closes => Decided::built_in(
            Decision::Fix,
            "it shuts strangers out, and nobody who is named loses anything",
        ),
        Restoring::TakesFrom(names) => {
            ask(format!("{} would lose what they have now", listed(names)))
        }
        Restoring::Opens | Restoring::Neutral => {
            ask("nobody gets in by it, and somebody may have meant it".into())
        }
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "somebody".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, more @ ..] => format!("{one}, {two} and {} more", more.len()),
    }
}

/// The attribute that says that another resource of the same name lives now.
fn replaced<'s>(subject: &'s Subject<'_>) -> Option<&'s str> {
    let (desired, live) = (subject.desired.as_ref()?, subject.live.as_ref()?);
    subject.knowledge.facts().attributes.iter().find_map(|(name, facts)| {
        let (was, is) = (desired.get(name)?, live.attributes.get(name)?);
        let differs = facts.incarnation && !was.is_unset() && !is.is_unset() && was != is;
        (differs && *is != Value::Redacted && *was != Value::Redacted).then_some(name.as_str())
    })
}
