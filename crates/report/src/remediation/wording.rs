//! The words that the screens of a plan share.

use crate::options::NextStep;
use crate::screen::{Piece, Tone};
use crate::text::{count, thousands};
use crate::wording;
use model::Value;
use model::finding::AttributeChange;
use model::remediation::{
    Action, ActionChange, ActionState, Decision, Identified, IdentifiedBy, LedgerHead,
    RemediationPlan, Unremedied,
};
use std::collections::BTreeSet;

/// Digits of a hash that people are shown; a command takes them.
const SHORT: usize = 8;

/// The first digits of a hash, without the name of its algorithm.
pub(super) fn short(hash: &str) -> String {
    let bare = hash.strip_prefix("sha256:").unwrap_or(hash);
    bare.chars().take(SHORT).collect()
}

/// Where an action stands: what policy says of it, and how far it has come. In the order in
/// which they are told: what needs a person first to what needs nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Failed,
    Refused,
    Applied,
    Due,
    Approved,
    HeldBack,
    Waits,
    Rejected,
    Verified,
    Undone,
    Stays,
}

impl Standing {
    pub const ALL: [Standing; 11] = [
        Standing::Verified,
        Standing::Applied,
        Standing::Due,
        Standing::Approved,
        Standing::Waits,
        Standing::Failed,
        Standing::Refused,
        Standing::HeldBack,
        Standing::Rejected,
        Standing::Undone,
        Standing::Stays,
    ];

    pub fn of(action: &Action) -> Standing {
        match (action.state, action.decision) {
            (ActionState::Planned, Decision::Fix) => Standing::Due,
            (ActionState::Planned, Decision::Ask) => Standing::Waits,
            (ActionState::Planned, Decision::Accept) => Standing::Stays,
            (ActionState::Approved, _) => Standing::Approved,
            (ActionState::Rejected, _) => Standing::Rejected,
            (ActionState::Applied, _) => Standing::Applied,
            (ActionState::Verified, _) => Standing::Verified,
            (ActionState::Failed, _) => Standing::Failed,
            (ActionState::Undone, _) => Standing::Undone,
            (ActionState::Refused, _) => Standing::Refused,
            (ActionState::HeldBack, _) => Standing::HeldBack,
        }
    }

    /// At the left of its first line.
    pub fn label(self) -> Piece {
        let (tone, text) = match self {
            Standing::Failed => (Tone::Critical, "FAILED"),
            Standing::Refused => (Tone::High, "REFUSED"),
            Standing::Applied => (Tone::Medium, "APPLIED"),
            Standing::Due => (Tone::Good, "FIX"),
            Standing::Approved => (Tone::Good, "APPROVED"),
            Standing::HeldBack => (Tone::Medium, "HELD BACK"),
            Standing::Waits => (Tone::Medium, "ASK"),
            Standing::Rejected => (Tone::Dim, "REJECTED"),
            Standing::Verified => (Tone::Good, "VERIFIED"),
            Standing::Undone => (Tone::Medium, "UNDONE"),
            Standing::Stays => (Tone::Dim, "ACCEPT"),
        };
        Piece::held(tone, text)
    }

    pub fn tone(self) -> Tone {
        self.label().tone
    }

    /// `2 wait for you`
    fn counted(self, n: usize) -> String {
        let (one, many) = match self {
            Standing::Failed => ("failed", "failed"),
            Standing::Refused => ("was refused", "were refused"),
            Standing::Applied => ("written, not read back", "written, not read back"),
            Standing::Due => ("would be fixed", "would be fixed"),
            Standing::Approved => ("is approved", "are approved"),
            Standing::HeldBack => ("is held back", "are held back"),
            Standing::Waits => ("waits for you", "wait for you"),
            Standing::Rejected => ("was rejected", "were rejected"),
            Standing::Verified => ("fixed and verified", "fixed and verified"),
            Standing::Undone => ("was taken back", "were taken back"),
            Standing::Stays => ("stays as it is", "stay as they are"),
        };
        format!("{} {}", thousands(n), if n == 1 { one } else { many })
    }
}

pub(super) fn how_many(plan: &RemediationPlan, standing: Standing) -> usize {
    plan.actions.iter().filter(|a| Standing::of(a) == standing).count()
}

/// `3 would be fixed, 2 wait for you, 1 stays as it is`
pub(super) fn sums(plan: &RemediationPlan) -> Vec<(Tone, String)> {
    let mut sums: Vec<(Tone, String)> = Standing::ALL
        .into_iter()
        .map(|s| (s, how_many(plan, s)))
        .filter(|(_, n)| *n > 0)
        .map(|(s, n)| (s.tone(), s.counted(n)))
        .collect();
    match plan.without_remedy.len() {
        0 => {}
        1 => sums.push((Tone::Dim, "1 is for you to mend by hand".into())),
        n => sums.push((Tone::Dim, format!("{} are for you to mend by hand", thousands(n)))),
    }
    sums
}

/// As a sentence, in colours.
pub(super) fn sums_pieces(plan: &RemediationPlan) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (tone, text) in sums(plan) {
        if !pieces.is_empty() {
            pieces.push(Piece::plain(", "));
        }
        pieces.push(Piece::new(tone, text));
    }
    if !pieces.is_empty() {
        pieces.push(Piece::plain("."));
    }
    pieces
}

/// What needs somebody first, then the worst; else as the plan has them.
pub(super) fn in_order(plan: &RemediationPlan) -> Vec<&Action> {
    let mut actions: Vec<&Action> = plan.actions.iter().collect();
    actions.sort_by_key(|a| (Standing::of(a), std::cmp::Reverse(a.severity)));
    actions
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

/// The lines of one change. Where a resource is made or deleted as a whole, one value is all
/// there is to say.
pub(super) fn change(change: &ActionChange) -> Vec<Vec<Piece>> {
    if is_sealed(change) {
        return vec![vec![Piece::plain("the value is sensitive and not shown")]];
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

/// A line of a summary as Terraform's plans colour it: what comes is green, what goes is red.
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
    findings.extend(plan.without_remedy.iter().map(|u| u.finding.as_str()));
    let findings_text = count(findings.len(), "finding");
    if plan.actions.len() == findings.len() {
        return findings_text;
    }
    format!("{} for {findings_text}", count(plan.actions.len(), "action"))
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

/// `12 entries, head ab12cd34`
pub(super) fn ledger(head: &LedgerHead) -> String {
    let entries = thousands(usize::try_from(head.entries).unwrap_or(usize::MAX));
    let noun = if head.entries == 1 { "entry" } else { "entries" };
    format!("{entries} {noun}, head {}", short(&head.hash))
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
        (0, 0) => None,
        (1, 0) => Some("apply exactly this one fix".to_owned()),
        (n, 0) => Some(format!("apply exactly these {} fixes", thousands(n))),
        (0, 1) => Some("apply the one that is approved".to_owned()),
        (0, n) => Some(format!("apply the {} that are approved", thousands(n))),
        (due, approved) => Some(format!(
            "apply {} and {} approved",
            count(due, "fix").replace("fixs", "fixes"),
            thousands(approved)
        )),
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
