//! Back to what was there before an action.

use super::{Powers, RemediationError};
use auto_remediation::engine::Origin;
use auto_remediation::undo::{CannotUndo, Undone};
use auto_remediation::{Engine, History};
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
    ledger: &dyn Ledger,
) -> Result<Result<Undone, CannotUndo>, RemediationError> {
    let history = History::of(ledger).await?;
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
