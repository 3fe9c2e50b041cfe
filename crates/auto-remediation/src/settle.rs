//! What a cut-off run left open is closed by what is found: live as before, nothing was
//! written; live as wanted, it was; else a person must look.

use crate::digest;
use crate::engine::{Engine, Halt, Origin, REACTION_LEASE_SECONDS, is_wanted};
use crate::history::{Attempt, History};
use ledger::{EntryKind, Outcome, Outcomes};
use model::Timestamp;

/// One intent that was open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// `A-51b2`
    pub action: String,
    pub place: String,
    pub result: Option<Outcomes>,
    pub words: String,
}

impl Engine<'_> {
    /// Settles every intent that was begun before `before` and is still open: a younger one
    /// may be another run's, at work. One whose resource cannot be read stays open.
    pub async fn settle(&self, history: &History, before: Timestamp) -> Result<Vec<Settled>, Halt> {
        let mut settled = Vec::new();
        // Another target's may have the same account's number and another cloud behind it.
        let ours = |a: &&Attempt| a.intent.target == self.target;
        // A function answers events beside any run.
        let at_work = |a: &&Attempt| {
            let leased = self.world.now().plus_seconds(-i64::from(REACTION_LEASE_SECONDS));
            Origin::of_key(&a.key) == Origin::Reaction && a.time > leased
        };
        let open = history.open().filter(|a| a.time <= before).filter(ours);
        for attempt in open.filter(|a| !at_work(a)) {
            settled.push(self.settle_one(attempt).await?);
        }
        Ok(settled)
    }

    async fn settle_one(&self, attempt: &Attempt) -> Result<Settled, Halt> {
        let intent = &attempt.intent;
        let action = &intent.action;
        let mut settled = Settled {
            action: action.id.clone(),
            place: crate::engine::place(action),
            result: None,
            words: String::new(),
        };
        let hands = match self.world.hands(action) {
            Ok(hands) => hands,
            Err(why) => {
                settled.words = format!("stays open: {why}");
                return Ok(settled);
            }
        };
        let live = match self.look(action, &hands).await {
            Ok(live) => live,
            Err(why) => {
                settled.words = format!("stays open: {}", why.detail);
                return Ok(settled);
            }
        };
        let facts = hands.knowledge.facts();
        let after = live.as_ref().map(|l| l.attributes.clone());
        let now = digest::live(facts, after.as_ref());
        let (result, detail) = if now == intent.before_digest {
            (Outcomes::NotApplied, "cut off before anything was written")
        } else if is_wanted(intent, hands.knowledge, live.as_ref()) {
            (Outcomes::Verified, "cut off after the write; read back equal")
        } else {
            (Outcomes::Unclear, "cut off, and what is there is neither before nor after")
        };
        let outcome = Outcome {
            result,
            detail: detail.to_owned(),
            after,
            after_digest: Some(now),
            settled: true,
            took_ms: 0,
        };
        // Whoever else settles it found the same.
        self.append(EntryKind::Outcome, &attempt.key, &outcome).await?;
        settled.result = Some(result);
        settled.words = detail.to_owned();
        Ok(settled)
    }
}
