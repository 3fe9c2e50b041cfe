//! What came of an event and of a check, for the answer and for the log. Values of attributes
//! are in neither: a plan in the ledger has them, sealed where they are secret.

use crate::journal::Level;
use model::resource::UnknownReason;
use model::{Action, ActionState, Decision};
use operations::react::{Looked, Reaction};
use operations::remediation::planning::Made;
use serde_json::{Value, json};

/// What came of one event.
#[derive(Debug)]
pub enum Came {
    /// It cannot be read as an event: told, and not tried again.
    PassedBy(String),
    Of(Box<Reaction>),
    /// Nothing is known of what it named: to be tried again.
    Failed(String),
}

impl Came {
    /// Why this event is to be tried again; none when nothing is left to do about it.
    pub fn left_over(&self) -> Option<String> {
        match self {
            Came::PassedBy(_) => None,
            Came::Failed(why) => Some(why.clone()),
            Came::Of(reaction) => match reaction.as_ref() {
                Reaction::Looked(looked) => left_over(looked),
                Reaction::Nothing(_) | Reaction::Own(_) => None,
            },
        }
    }

    pub fn to_json(&self) -> Value {
        let mut told = match self {
            Came::PassedBy(why) => json!({ "reaction": "passed_by", "why": why }),
            Came::Failed(why) => json!({ "reaction": "failed", "why": why }),
            Came::Of(reaction) => match reaction.as_ref() {
                Reaction::Nothing(why) => json!({ "reaction": "nothing", "why": why }),
                Reaction::Own(action) => json!({ "reaction": "own", "action": action }),
                Reaction::Looked(looked) => json!({
                    "reaction": "looked",
                    "addresses": looked.addresses,
                    "plan": looked.plan,
                    "actions": looked.actions.iter().map(action).collect::<Vec<_>>(),
                    "settled": settled(&looked.settled),
                    "unknown": looked.unknown,
                    "errors": looked.errors,
                    "refused": looked.refused,
                    "begun": looked.begun,
                }),
            },
        };
        if let Some(why) = self.left_over() {
            told["left_over"] = json!(why);
        }
        told
    }

    pub fn level(&self) -> Level {
        match self {
            _ if self.left_over().is_some() => Level::Error,
            Came::PassedBy(_) => Level::Warn,
            Came::Of(reaction) => match reaction.as_ref() {
                Reaction::Looked(looked) if looked.actions.iter().any(waits) => Level::Warn,
                _ => Level::Info,
            },
            Came::Failed(_) => Level::Error,
        }
    }
}

fn left_over(looked: &Looked) -> Option<String> {
    if let Some(why) = &looked.refused {
        return Some(format!("something moved: {why}"));
    }
    let unfinished = looked.actions.iter().find(|a| is_unfinished(a.state));
    if let Some(action) = unfinished {
        let why = action.outcome.as_deref().unwrap_or(action.state.as_str());
        return Some(format!("{}: {why}", action.id));
    }
    if let Some(id) = looked.begun.first() {
        return Some(format!(
            "{id} was begun by another run, and nobody knows yet what came of it"
        ));
    }
    // Another version of this program, or another account's credentials, is what these need.
    let passing =
        |reason| !matches!(reason, UnknownReason::Unsupported | UnknownReason::WrongAccount);
    let unread = looked.unknown.iter().find(|u| passing(u.unknown.reason));
    unread.map(|u| format!("{}: {}", u.unknown.reason.as_str(), u.unknown.detail))
}

/// Something was to be done, and it is not done.
fn is_unfinished(state: ActionState) -> bool {
    matches!(
        state,
        ActionState::Applied | ActionState::Failed | ActionState::Refused | ActionState::HeldBack
    )
}

/// A person has to decide.
fn waits(action: &Action) -> bool {
    action.state == ActionState::Planned && action.decision == Decision::Ask
}

fn action(action: &Action) -> Value {
    json!({
        "id": action.id,
        "finding": action.finding,
        "kind": action.kind,
        "address": action.address.as_ref().map(ToString::to_string),
        "native_id": action.native_id,
        "severity": action.severity,
        "remedy": action.remedy,
        "paths": action.changes.iter().map(|c| c.path.to_string()).collect::<Vec<_>>(),
        "decision": action.decision,
        "reason": action.reason,
        "rule": action.rule,
        "state": action.state,
        "outcome": action.outcome,
        "took_ms": action.took_ms,
    })
}

fn settled(settled: &[auto_remediation::settle::Settled]) -> Vec<Value> {
    let told = settled.iter().map(
        |s| json!({ "action": s.action, "place": s.place, "result": s.result, "words": s.words }),
    );
    told.collect()
}

/// What a check answers: how much there is, and the plan's hash by which it can be approved.
pub fn of_check(
    made: &Made,
    actions: &[Action],
    refused: Option<&str>,
    before: &[auto_remediation::settle::Settled],
) -> Value {
    let decided = |decision| actions.iter().filter(|a| a.decision == decision).count();
    json!({
        "plan": made.plan.hash,
        "summary": made.report.summary,
        "partial": made.plan.partial,
        "decisions": {
            "fix": decided(Decision::Fix),
            "ask": decided(Decision::Ask),
            "accept": decided(Decision::Accept),
        },
        "without_remedy": made.plan.without_remedy.len(),
        "held_back": made.plan.held_back.count,
        "actions": actions.iter().map(action).collect::<Vec<_>>(),
        "settled": settled(before),
        "errors": made.report.errors,
        "refused": refused,
    })
}
