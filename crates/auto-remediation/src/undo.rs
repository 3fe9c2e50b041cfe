//! Puts back what was there before an action, if what the action left is still what lives.

use crate::digest;
use crate::engine::{Done, Engine, Halt};
use crate::history::History;
use ledger::{Intent, Operation};
use model::{Attributes, Value};
use std::time::Instant;

/// Why an action cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotUndo {
    #[error("{0} left nothing that stands: there is nothing to take back")]
    NothingStands(String),
    #[error("{0}")]
    Unreachable(String),
    /// What lives is not what the action left.
    #[error("{0} has changed since {1}: taking that back would undo somebody else's change")]
    Moved(String, String),
    /// It made something that may hold data by now.
    #[error("{0} made {1}: taking that back would delete it with whatever it holds by now")]
    WouldDelete(String, String),
    /// The record of what was there before is not what the action ran on.
    #[error("the ledger's record of {0} does not hold together: {1}")]
    Forged(String, &'static str),
}

/// What an undo came to. The image from before is there whatever happened, so that a person
/// can put it back by hand.
#[derive(Debug)]
pub struct Undone {
    pub done: Done,
    pub action: model::Action,
    pub before: Option<Attributes>,
}

impl Engine<'_> {
    pub async fn undo(
        &self,
        digest_of_action: &str,
        history: &History,
    ) -> Result<Result<Undone, CannotUndo>, Halt> {
        let began = Instant::now();
        let id = history
            .of_action(digest_of_action)
            .next_back()
            .map_or_else(|| digest_of_action.to_owned(), |a| a.intent.action.id.clone());
        let Some(attempt) = history.standing(digest_of_action) else {
            return Ok(Err(CannotUndo::NothingStands(id)));
        };
        let mut action = attempt.intent.action.clone();
        let hands = match self.world.hands(&action) {
            Ok(hands) => hands,
            Err(why) => return Ok(Err(CannotUndo::Unreachable(why))),
        };
        let live = match self.look(&action, &hands).await {
            Ok(live) => live,
            Err(why) => return Ok(Err(CannotUndo::Unreachable(why.detail))),
        };
        let facts = hands.knowledge.facts();
        let now = digest::live(facts, live.as_ref().map(|l| &l.attributes));
        if !crate::engine::stands(attempt, hands.knowledge, live.as_ref()) {
            return Ok(Err(CannotUndo::Moved(crate::engine::place(&action), id)));
        }
        let before = attempt.intent.before.clone();
        let recorded = &attempt.intent;
        if digest::action(&action) != action.digest {
            return Ok(Err(CannotUndo::Forged(id, "the action is not what its digest says")));
        }
        if digest::live(facts, before.as_ref()) != recorded.before_digest
            || recorded.before_digest != action.preconditions.live_digest
        {
            return Ok(Err(CannotUndo::Forged(id, "what was there before is not what it ran on")));
        }
        if recorded.operation == Operation::Create && !facts.removable {
            return Ok(Err(CannotUndo::WouldDelete(id, crate::engine::place(&action))));
        }
        let (operation, wanted) = match attempt.intent.operation {
            Operation::Update => {
                let names = action.changes.iter().map(|c| c.path.attribute());
                let was = before.clone().unwrap_or_default();
                let wanted = names
                    .map(|n| (n.to_owned(), was.get(n).cloned().unwrap_or(Value::Null)))
                    .collect();
                (Operation::Update, Some(wanted))
            }
            Operation::Create => (Operation::Delete, None),
            Operation::Delete => {
                let wanted = before
                    .iter()
                    .flatten()
                    .filter(|(name, value)| {
                        let own = facts.attributes.get(name.as_str());
                        !value.is_unset()
                            && **value != Value::Redacted
                            && !own.is_some_and(|f| f.computed || f.sensitive || f.local)
                    })
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                (Operation::Create, Some(wanted))
            }
        };
        for change in &mut action.changes {
            std::mem::swap(&mut change.from, &mut change.to);
            change.summary.clear();
        }
        let intent = Intent {
            plan: self.plan.clone(),
            target: self.target.clone(),
            action: action.clone(),
            operation,
            undo: true,
            before: live.map(|l| l.attributes),
            before_digest: now,
            wanted,
            by: self.by.clone(),
            approved_by: None,
        };
        let tried = history.of_action(digest_of_action).filter(|a| a.intent.undo).count();
        let key = format!("{}/undo/{tried:04}", attempt.key);
        let done = self.carry_out(intent, key, &hands, began).await?;
        Ok(Ok(Undone { done, action, before }))
    }
}
