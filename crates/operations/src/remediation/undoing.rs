//! Back to what was there before an action.

use super::{Powers, RemediationError};
use auto_remediation::engine::Origin;
use auto_remediation::undo::{CannotUndo, Undone};
use auto_remediation::{Engine, History, Policy};
use ledger::Ledger;
use model::remediation::Identified;

pub struct UndoRequest {
    pub target: String,
    /// The action's digest, whole.
    pub action: String,
    pub by: Option<Identified>,
}

pub async fn undo(
    request: UndoRequest,
    powers: &Powers<'_>,
    policy: &Policy,
    ledger: &dyn Ledger,
) -> Result<Result<Undone, CannotUndo>, RemediationError> {
    let history = History::of(ledger).await?;
    allowed(&request, &history, policy)?;
    let plan = history
        .of_action(&request.action)
        .next_back()
        .map(|a| a.intent.plan.clone())
        .unwrap_or_default();
    let engine = Engine {
        world: powers,
        ledger,
        target: request.target,
        plan,
        by: request.by,
        probe: false,
        origin: Origin::Run,
    };
    let now = (powers.clock())();
    engine.settle(&history, now).await?;
    let history = History::of(ledger).await?;
    Ok(engine.undo(&request.action, &history).await?)
}

/// Taking back is a change like another: the policy says of what, and by whom.
fn allowed(
    request: &UndoRequest,
    history: &History,
    policy: &Policy,
) -> Result<(), RemediationError> {
    let file = policy.file.as_deref().unwrap_or("remediation.toml");
    let not_allowed = |what: String, next_step: &str| {
        Err(RemediationError::NotAllowed { what, next_step: next_step.to_owned() })
    };
    let Some(attempt) = history.of_action(&request.action).next_back() else { return Ok(()) };
    let action = &attempt.intent.action;
    let address = action.address.as_ref().map(ToString::to_string);
    if policy.protects(address.as_deref().unwrap_or(&action.native_id)) {
        return not_allowed(
            format!("{} is protected ({file} [belts]): nothing here changes it", action.id),
            "take it out of `protect`, or do it with terraform apply",
        );
    }
    let name = request.by.as_ref().map_or("", |by| by.name.as_str());
    if !policy.may_approve(name) {
        return not_allowed(
            format!("{name} is not among the approvers of {file}, who may take back too"),
            "ask one of them, or see `approvers` under [approval]",
        );
    }
    Ok(())
}
