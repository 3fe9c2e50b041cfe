//! Where the actions of a plan stand, in words and in order.

use crate::screen::{Piece, Tone};
use crate::text::thousands;
use model::remediation::{Action, ActionState, Decision, RemediationPlan};

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
