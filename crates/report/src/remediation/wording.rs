//! The words that the screens of a plan share.

use super::standing::{Standing, how_many, in_order};
use crate::options::NextStep;
use crate::screen::{Piece, Tone};
use crate::text::{count, thousands};
use crate::wording;
use model::Value;
use model::finding::AttributeChange;
use model::remediation::{
    Action, ActionChange, ActionState, Identified, IdentifiedBy, RemediationPlan, Unremedied,
};
use std::collections::BTreeSet;

/// The digest of nothing.
pub(super) const ABSENT: &str = "absent";
/// Digits of a hash that people are shown; a command takes them.
const SHORT: usize = 8;

/// The first digits of a hash, without the name of its algorithm.
pub(super) fn short(hash: &str) -> String {
    let bare = hash.strip_prefix("sha256:").unwrap_or(hash);
    bare.chars().take(SHORT).collect()
}

/// The address, or kind and native id of what no state manages.
pub(super) fn title(action: &Action) -> String {
    match &action.address {
        Some(address) => address.to_string(),
        None => format!("{} {}", action.kind, action.native_id),
    }
}

pub(super) fn title_of_unremedied(finding: &Unremedied) -> String {
    match &finding.address {
        Some(address) => address.to_string(),
        None => format!("{} {}", finding.kind, finding.native_id),
    }
}

/// What the remedy does, where the changed attributes alone do not tell.
pub(super) fn doing(action: &Action) -> Option<String> {
    let text = match action.remedy.as_str() {
        "restore_attributes" => return None,
        "remove_additions" => "takes out what was added, and leaves the rest alone",
        "deactivate_key" => "switches off the key that made the change",
        "recreate" => "makes it again as the state records it",
        "remove_unmanaged" => "deletes what no state manages",
        other => return Some(format!("remedy {other}")),
    };
    Some(text.to_owned())
}

/// The sentence of the decision, and where its rule stands.
pub(super) fn because(action: &Action) -> String {
    match &action.rule {
        Some(rule) => format!("{} ({rule})", action.reason.trim_end_matches('.')),
        None => action.reason.clone(),
    }
}

pub(super) fn same_reason(a: &Action, b: &Action) -> bool {
    a.reason == b.reason && a.rule == b.rule
}

/// What the log says of uses, unless the reason has said it.
pub(super) fn impact(action: &Action) -> Option<&str> {
    let words = action.impact.as_ref()?.words.as_str();
    (!words.is_empty() && !action.reason.contains(words)).then_some(words)
}

/// Both sides are sealed: a sensitive part is null on either.
pub(super) fn is_sealed(change: &ActionChange) -> bool {
    let sealed = |v: &Value| matches!(v, Value::Null | Value::Redacted);
    sealed(&change.from) && sealed(&change.to)
}

/// Made or deleted as a whole: one side of every change is nothing.
fn is_whole(action: &Action) -> bool {
    action.preconditions.live_digest == ABSENT || action.remedy == "remove_unmanaged"
}

/// The lines of one change of an action. What comes is green and what goes is red, as in
/// Terraform's plans.
pub(super) fn change(action: &Action, change: &ActionChange) -> Vec<Vec<Piece>> {
    if is_sealed(change) {
        return vec![vec![Piece::plain("the value is sensitive and not shown")]];
    }
    let one = |text: String| vec![vec![Piece::plain(text)]];
    if Standing::of(action) == Standing::Stays {
        return one(format!("stays {}", wording::short_value(&change.from)));
    }
    if is_whole(action) && change.summary.is_empty() {
        let value = if change.to == Value::Null { &change.from } else { &change.to };
        return one(wording::short_value(value));
    }
    let lines = wording::change(&AttributeChange {
        path: change.path.clone(),
        desired: change.from.clone(),
        live: change.to.clone(),
        security_relevant: true,
        sensitive: false,
        summary: change.summary.clone(),
    });
    let retoned = |piece: Piece| match piece.tone {
        Tone::Added => Piece { tone: Tone::Good, ..piece },
        Tone::Removed => Piece { tone: Tone::High, ..piece },
        _ => piece,
    };
    lines.into_iter().map(|line| line.into_iter().map(retoned).collect()).collect()
}

/// A line of a summary, in the colours of a change.
pub(super) fn signed(line: &str) -> Piece {
    match line.as_bytes().first() {
        Some(b'+') => Piece::new(Tone::Good, line),
        Some(b'-') => Piece::new(Tone::High, line),
        _ => Piece::plain(line),
    }
}

/// `41 ms`
pub(super) fn took(action: &Action) -> Option<String> {
    let ms = action.took_ms?;
    Some(match ms {
        0..=9_999 => format!("{ms} ms"),
        _ => format!("{} s", thousands(usize::try_from(ms / 1000).unwrap_or(usize::MAX))),
    })
}

/// Who, and how sure that is.
pub(super) fn identified(who: &Identified) -> String {
    let by = match who.by {
        IdentifiedBy::CiToken => "by its CI token",
        IdentifiedBy::Cloud => "as the cloud names it",
        IdentifiedBy::Machine => "user of this machine",
    };
    format!("{} ({by})", who.name)
}

/// `5 findings`, or `6 actions for 5 findings`.
pub(super) fn size(plan: &RemediationPlan) -> String {
    let mut findings: BTreeSet<&str> = plan.actions.iter().map(|a| a.finding.as_str()).collect();
    let each_its_own = findings.len() == plan.actions.len() && plan.without_remedy.is_empty();
    findings.extend(plan.without_remedy.iter().map(|u| u.finding.as_str()));
    let findings = count(findings.len(), "finding");
    if each_its_own {
        return findings;
    }
    format!("{} for {findings}", count(plan.actions.len(), "action"))
}

/// Has nothing of this plan been written yet?
pub(super) fn is_untouched(plan: &RemediationPlan) -> bool {
    !plan.actions.iter().any(|a| {
        matches!(
            a.state,
            ActionState::Applied
                | ActionState::Verified
                | ActionState::Failed
                | ActionState::Undone
        )
    })
}

/// Why some of it is left for another run, and how to let it through.
pub(super) fn held_back(plan: &RemediationPlan) -> Option<String> {
    let held = &plan.held_back;
    if held.count == 0 {
        return None;
    }
    let (over, release) = match held.flag.as_str() {
        "changes_per_minute" => (
            format!("over {} a minute", thousands(plan.belts.per_minute)),
            "apply again in a minute, or raise changes_per_minute in remediation.toml".to_owned(),
        ),
        flag => ("over the limit of one run".to_owned(), format!("apply again, or give {flag}")),
    };
    Some(format!("{} {over}: {release}", count(held.count, "action")))
}

/// The command that does exactly this plan. The target goes along: a plan fits no other.
pub(super) fn apply_command(plan: &RemediationPlan) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let target = match plan.target.as_str() {
        "local" => String::new(),
        other if other.chars().all(plain) => format!(" --target {other}"),
        _ => String::new(),
    };
    format!("lab run remediate --apply --plan {}{target}", short(&plan.hash))
}

/// Saying yes, and doing what has one.
pub(super) fn next_steps(plan: &RemediationPlan) -> Vec<NextStep> {
    let mut steps = Vec::new();
    let (due, approved) = (how_many(plan, Standing::Due), how_many(plan, Standing::Approved));
    let what = match (due, approved) {
        (0, 0) if plan.held_back.count > 0 => Some("go on with what is held back".to_owned()),
        (0, 0) => None,
        (1, 0) => Some("apply exactly this one fix".to_owned()),
        (n, 0) => Some(format!("apply exactly these {} fixes", thousands(n))),
        (0, 1) => Some("apply the one that is approved".to_owned()),
        (0, n) => Some(format!("apply the {} that are approved", thousands(n))),
        (due, approved) => {
            Some(format!("apply {} to fix, {} approved", thousands(due), thousands(approved)))
        }
    };
    steps.extend(what.map(|what| NextStep::new(apply_command(plan), what)));
    if let Some(first) = in_order(plan).into_iter().find(|a| Standing::of(a) == Standing::Waits) {
        let what = match how_many(plan, Standing::Waits) {
            1 => "say yes to what waits",
            _ => "say yes to one that waits",
        };
        steps.push(NextStep::new(format!("lab remediate approve {}", first.id), what));
    }
    steps
}
