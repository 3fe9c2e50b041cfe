//! Any order of plans, applies, crashes, words, undos and other people's changes, against a model
//! that knows one thing: what is there.

use crate::stage::{At, Case, FLAGS, GUARD, Stage, Then, attributes, flags, managed};
use auto_remediation::engine::Halt;
use auto_remediation::{History, Step};
use ledger::{Filter, Outcomes};
use model::{Action, ActionState, Attributes, Decision, RemediationPlan, Resource, Value};
use operations::remediation::{ApproveRequest, Powers, RemediationError, UndoRequest, reject};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
enum Move {
    /// Somebody else sets one of the four flags.
    Foreign(usize, bool),
    /// Plans anew.
    Plan,
    /// Applies the last plan, whatever has happened since.
    Apply,
    /// The process ends at this step of it.
    ApplyEndsAt(usize),
    Approve,
    Reject,
    Undo,
    UndoEndsAt(usize),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (0..FLAGS.len(), any::<bool>()).prop_map(|(at, on)| Move::Foreign(at, on)),
        4 => Just(Move::Plan),
        4 => Just(Move::Apply),
        3 => (0..Step::ALL.len()).prop_map(Move::ApplyEndsAt),
        2 => Just(Move::Approve),
        1 => Just(Move::Reject),
        2 => Just(Move::Undo),
        2 => (0..Step::ALL.len()).prop_map(Move::UndoEndsAt),
    ];
    proptest::collection::vec(one, 6..20)
}

type Guard = BTreeMap<&'static str, bool>;

fn seen(attributes: &Attributes) -> Guard {
    FLAGS.iter().map(|flag| (*flag, attributes[*flag] == Value::from(true))).collect()
}

/// What one sequence has come to.
struct Told {
    live: Guard,
    /// Changes that the remediator must have in the cloud's log.
    writes: usize,
    plan: Option<RemediationPlan>,
    /// A run was cut off, and nobody has settled it yet.
    open: bool,
    /// Somebody wrote before that was settled: then nobody can know what it left.
    blurred: bool,
}

struct Sequence<'a> {
    stage: &'a Stage,
    case: Case<'a>,
    guard: Resource,
    told: Told,
}

impl Sequence<'_> {
    fn action(&self) -> Option<(RemediationPlan, Action)> {
        let plan = self.told.plan.clone()?;
        let action = plan.actions.first()?.clone();
        Some((plan, action))
    }

    fn mended(&mut self) {
        self.told.live = seen(&flags(true));
        self.told.writes += 1;
    }

    async fn step(&mut self, one: Move) {
        match one {
            Move::Foreign(at, on) => {
                self.stage.change(&self.guard, attributes(json!({FLAGS[at]: on}))).await;
                self.told.live.insert(FLAGS[at], on);
                self.told.blurred |= self.told.open;
            }
            Move::Plan => {
                let plan = self.case.plan().await;
                self.told.open = false;
                let wanted = self.told.live == seen(&flags(true));
                assert_eq!(plan.actions.is_empty(), wanted, "{plan:#?}");
                self.told.plan = Some(plan);
            }
            Move::Apply => self.apply().await,
            Move::ApplyEndsAt(at) => self.apply_ends_at(Step::ALL[at]).await,
            Move::Approve => {
                let Some((plan, action)) = self.action() else { return };
                let request = ApproveRequest {
                    plan: &plan,
                    action: &action,
                    by: crate::stage::me(),
                    now: crate::stage::now(),
                };
                let (policy, ledger) = (&self.case.policy, self.case.ledger);
                match operations::remediation::approve(request, policy, ledger).await {
                    Ok(_) | Err(RemediationError::NotAllowed { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            Move::Reject => {
                let Some((plan, action)) = self.action() else { return };
                let request = ApproveRequest {
                    plan: &plan,
                    action: &action,
                    by: crate::stage::me(),
                    now: crate::stage::now(),
                };
                reject(request, "no", &self.case.policy, self.case.ledger).await.unwrap();
                // A no holds until somebody says yes: the very next apply does nothing.
                let before = self.told.writes;
                self.apply().await;
                assert_eq!(self.told.writes, before, "it ran after a no");
            }
            Move::Undo => {
                let Some(digest) = self.last().await else { return };
                let request = UndoRequest { target: "test".to_owned(), action: digest, by: None };
                let (powers, policy) = (self.case.powers, &self.case.policy);
                let undone =
                    operations::remediation::undo(request, powers, policy, self.case.ledger).await;
                self.told.open = false;
                if let Ok(undone) = undone.unwrap() {
                    assert_eq!(undone.done.state, ActionState::Undone, "{undone:?}");
                    self.told.writes += 1;
                    self.told.live = seen(&undone.before.unwrap());
                }
            }
            Move::UndoEndsAt(at) => self.undo_ends_at(Step::ALL[at]).await,
        }
    }

    async fn apply(&mut self) {
        let Some(plan) = self.told.plan.clone() else { return };
        match self.case.apply(&plan).await {
            Ok(applied) => {
                for id in &applied.ran {
                    let action = applied.plan.actions.iter().find(|a| a.id == *id).unwrap();
                    assert_eq!(action.state, ActionState::Verified, "{action:#?}");
                    self.mended();
                }
            }
            // Nothing has run.
            Err(RemediationError::Moved { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        self.told.open = false;
    }

    async fn apply_ends_at(&mut self, step: Step) {
        let Some((plan, action)) = self.action() else { return };
        // As the product does: nothing is begun while something is open, or without leave.
        let planned = self.case.plan().await;
        self.told.open = false;
        let same = planned.actions.iter().any(|a| a.digest == action.digest);
        if action.decision != Decision::Fix || !same {
            return;
        }
        let history = History::of(self.case.ledger).await.unwrap();
        let world = At { powers: self.case.powers, step, then: Then::Ends };
        match self.case.engine(&plan.hash, &world).apply(&action, &history, None).await {
            Err(Halt::Stopped(at)) if at == step => {
                if step >= Step::Written {
                    self.mended();
                }
                self.told.open = (Step::IntentWritten..Step::OutcomeWritten).contains(&step);
            }
            other => panic!("{step:?}: {other:?}"),
        }
    }

    async fn undo_ends_at(&mut self, step: Step) {
        let planned = self.case.plan().await;
        drop(planned);
        self.told.open = false;
        let Some(digest) = self.last().await else { return };
        let history = History::of(self.case.ledger).await.unwrap();
        let before = history.standing(&digest).and_then(|a| a.intent.before.clone());
        let world = At { powers: self.case.powers, step, then: Then::Ends };
        match self.case.engine("", &world).undo(&digest, &history).await {
            Ok(Err(_)) => return,
            Ok(Ok(undone)) => assert_eq!(undone.done.state, ActionState::Undone, "{undone:?}"),
            Err(Halt::Stopped(at)) => {
                assert_eq!(at, step);
                self.told.open = (Step::IntentWritten..Step::OutcomeWritten).contains(&step);
                if step < Step::Written {
                    return;
                }
            }
            Err(other) => panic!("{other}"),
        }
        self.told.writes += 1;
        self.told.live = seen(&before.unwrap());
    }

    /// The action that was begun last.
    async fn last(&self) -> Option<String> {
        let history = History::of(self.case.ledger).await.unwrap();
        history.attempts.last().map(|a| a.intent.action.digest.clone())
    }

    /// What holds at any time.
    async fn holds(&self) {
        let live = self.stage.live(&self.guard).await.unwrap();
        assert_eq!(seen(&live.attributes), self.told.live, "what is there");
        assert_eq!(self.stage.fixes(&self.guard).await.len(), self.told.writes, "the cloud's log");
    }

    /// What holds when everything has ended.
    async fn ends(&mut self) {
        self.case.plan().await;
        let history = History::of(self.case.ledger).await.unwrap();
        assert_eq!(history.open().count(), 0, "something is open");
        if !self.told.blurred {
            let wrote = history.attempts.iter().filter(|a| a.left_something()).count();
            assert_eq!(wrote, self.told.writes, "the ledger and the cloud's log");
            let unclear = |a: &&auto_remediation::history::Attempt| {
                a.outcome.as_ref().is_some_and(|o| o.result == Outcomes::Unclear)
            };
            assert_eq!(history.attempts.iter().filter(unclear).count(), 0);
        }
        let verified = self.case.ledger.verify(None).await.unwrap();
        let entries = self.case.ledger.list(Filter::default()).await.unwrap();
        assert_eq!(verified.entries, entries.len() as u64);
    }
}

async fn play(stage: &Stage, powers: &Powers<'static>, name: &str, moves: &[Move]) {
    let guard = stage.guarded(name).await;
    let ledger = stage.ledger(name);
    let case = Case::new(powers, &ledger, stage.state(3, &[managed("it", &guard)]));
    let live = seen(&guard.attributes);
    let told = Told { live, writes: 0, plan: None, open: false, blurred: false };
    let mut sequence = Sequence { stage, case, guard, told };
    for one in moves {
        sequence.step(*one).await;
        sequence.holds().await;
    }
    sequence.ends().await;
}

#[test]
fn in_any_order_each_write_is_recorded_and_nobody_is_written_over() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::start());
    let powers = runtime.block_on(stage.powers_over(GUARD));
    let number = std::cell::Cell::new(0);
    // As many as somebody asks for, or few enough for every run.
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let cases =
        Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    TestRunner::new(cases)
        .run(&moves(), |moves| {
            number.set(number.get() + 1);
            let name = format!("case-{}", number.get());
            let play = std::panic::AssertUnwindSafe(|| {
                runtime.block_on(play(&stage, &powers, &name, &moves));
            });
            std::panic::catch_unwind(play).map_err(|why| {
                let why = why.downcast_ref::<String>().cloned();
                TestCaseError::fail(why.unwrap_or_default())
            })
        })
        .unwrap();
}
