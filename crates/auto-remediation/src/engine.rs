//! One change, from intent to outcome:
//!
//! 1. the intent is in the ledger before anything is called
//! 2. state and live are read again; had either moved, nothing is written
//! 3. the write, with the API's own precondition where it has one
//! 4. read back, until it is equal or patience ends
//! 5. the effect, where one can be tried: what answered strangers answers them no longer
//! 6. the outcome is in the ledger
//!
//! A crash between any two leaves an open intent, and [`crate::settle`] closes it by what it
//! finds.

use crate::digest;
use crate::history::{Attempt, History};
use crate::remedies;
use async_trait::async_trait;
use ledger::{EntryKind, Intent, Ledger, LedgerError, NewEntry, Operation, Outcome, Outcomes};
use model::remediation::{Identified, Preconditions};
use model::{
    Action, ActionState, Attributes, Knowledge, Live, Resource, Timestamp, Unknown, Value,
};
use provider::{ErrorKind, ProviderError, Reader, Retry, Wanted, Writer};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long what was written may take to be read: clouds answer with what they had for a
/// moment.
const PATIENCE: [u64; 7] = [0, 20, 50, 100, 250, 500, 1000];

/// Who reads and writes for one action.
pub struct Hands {
    pub reader: Arc<dyn Reader>,
    pub writer: Arc<dyn Writer>,
    pub knowledge: &'static dyn Knowledge,
}

/// A state as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateNow {
    At {
        serial: u64,
        lineage: String,
    },
    /// Terraform is at work on it.
    Locked(String),
}

/// Where the engine has come to; a test may stop it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Begun,
    IntentWritten,
    LookedAgain,
    Written,
    ReadBack,
    EffectTried,
    OutcomeWritten,
}

impl Step {
    pub const ALL: [Step; 7] = [
        Step::Begun,
        Step::IntentWritten,
        Step::LookedAgain,
        Step::Written,
        Step::ReadBack,
        Step::EffectTried,
        Step::OutcomeWritten,
    ];
}

/// What the engine reaches, given by whoever wires it.
#[async_trait]
pub trait World: Send + Sync {
    /// Who reads and writes where this action is. The reason why nobody does is for people.
    fn hands(&self, action: &Action) -> Result<Hands, String>;

    /// Where a state is now, by the name under which it was read.
    async fn state(&self, source: &str) -> Result<StateNow, String>;

    fn now(&self) -> Timestamp;

    /// Called at each step; `Break` ends the change there, as a crash would.
    fn reached(&self, _action: &Action, _step: Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What came of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub state: ActionState,
    pub words: String,
    pub took_ms: u64,
    /// Written and equal, and strangers still come in: perhaps another action ends that.
    pub still_open: bool,
}

/// Why a run ends before its work is done.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Stopped at a step: what was begun is settled by the next run.
    #[error("stopped at {0:?}")]
    Stopped(Step),
}

pub struct Engine<'a> {
    pub world: &'a dyn World,
    pub ledger: &'a dyn Ledger,
    pub target: String,
    pub plan: String,
    pub by: Option<Identified>,
    /// Try effects with anonymous reads.
    pub probe: bool,
    /// Whose numbers the attempts get: a function's and a person's ledger are brought together
    /// one day, and each has counted for itself.
    pub origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A run that somebody started.
    Run,
    /// What answers events by itself.
    Reaction,
}

/// How long a function may be in the middle of a change: the longest that it may run, and some.
pub const REACTION_LEASE_SECONDS: u32 = 120;

impl Origin {
    /// Whose attempt has this key.
    pub fn of_key(key: &str) -> Origin {
        match key.split('/').nth(2).is_some_and(|number| number.starts_with("reaction-")) {
            true => Origin::Reaction,
            false => Origin::Run,
        }
    }

    fn number(self, number: usize) -> String {
        match self {
            Origin::Run => format!("{number:04}"),
            Origin::Reaction => format!("reaction-{number:04}"),
        }
    }
}

/// What has moved since the plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub action: String,
    pub place: String,
    pub what: String,
    /// The cloud or the state could not be asked: nobody knows whether it moved.
    pub unknown: bool,
}

impl Engine<'_> {
    /// Reads what an action is about.
    pub async fn look(&self, action: &Action, hands: &Hands) -> Result<Option<Resource>, Unknown> {
        let mut wanted = Wanted::new(action.kind.clone(), action.native_id.clone());
        wanted.region = action.region.clone();
        // What the plan says of it is the place that a read may need (its parent).
        for change in &action.changes {
            let value = if change.from.is_unset() { &change.to } else { &change.from };
            wanted.recorded.insert(change.path.attribute().to_owned(), value.clone());
        }
        match hands.reader.read(&wanted).await {
            Live::Present(mut resource) => {
                for path in &action.sealed {
                    if let Some(secret) = path.find_mut(&mut resource.attributes) {
                        *secret = Value::Redacted;
                    }
                }
                Ok(Some(resource))
            }
            Live::Absent => Ok(None),
            Live::Unknown(why) => Err(why),
        }
    }

    /// Has the state moved, or what lives? `None`: all is as the plan saw it.
    pub async fn moved(&self, action: &Action, hands: &Hands) -> Option<Moved> {
        if let Some(moved) = self.state_moved(action, &action.preconditions).await {
            return Some(moved);
        }
        match self.look(action, hands).await {
            Ok(live) => live_moved(
                action,
                hands.knowledge,
                live.as_ref(),
                &action.preconditions.live_digest,
            ),
            Err(why) => Some(self.cannot_tell(action, &why.detail)),
        }
    }

    fn cannot_tell(&self, action: &Action, why: &str) -> Moved {
        Moved {
            action: action.id.clone(),
            place: place(action),
            what: format!("cannot be read: {why}"),
            unknown: true,
        }
    }

    async fn state_moved(&self, action: &Action, wanted: &Preconditions) -> Option<Moved> {
        let source = action.source.as_deref()?;
        let moved = |what: String| {
            Some(Moved {
                action: action.id.clone(),
                place: source.to_owned(),
                what,
                unknown: false,
            })
        };
        match self.world.state(source).await {
            Err(why) => Some(Moved { unknown: true, ..moved(why)? }),
            Ok(StateNow::Locked(by)) => moved(format!("the state is locked: {by}")),
            Ok(StateNow::At { serial, lineage }) => {
                if wanted.state_lineage.as_ref().is_some_and(|l| *l != lineage) {
                    return moved("another state lies there now: its lineage differs".to_owned());
                }
                match wanted.state_serial {
                    Some(was) if was != serial => {
                        moved(format!("the state has moved: serial {was} -> {serial}"))
                    }
                    _ => None,
                }
            }
        }
    }

    /// Carries one action out.
    pub async fn apply(
        &self,
        action: &Action,
        history: &History,
        approved_by: Option<Identified>,
    ) -> Result<Done, Halt> {
        let began = Instant::now();
        self.reached(action, Step::Begun)?;
        let Some(remedy) = remedies::find(&action.remedy) else {
            return Ok(refused(began, format!("this version knows no remedy {}", action.remedy)));
        };
        let hands = match self.world.hands(action) {
            Ok(hands) => hands,
            Err(why) => return Ok(refused(began, why)),
        };
        let before = match self.look(action, &hands).await {
            Ok(live) => live,
            Err(why) => return Ok(failed(began, format!("cannot be read: {}", why.detail))),
        };
        let digest = &action.preconditions.live_digest;
        if let Some(moved) = live_moved(action, hands.knowledge, before.as_ref(), digest) {
            return Ok(refused(began, moved.what));
        }
        let wanted: Attributes =
            action.changes.iter().map(|c| (c.path.attribute().to_owned(), c.to.clone())).collect();
        let number = history.of_action(&action.digest).filter(|a| !a.intent.undo).count();
        let intent = Intent {
            plan: self.plan.clone(),
            target: self.target.clone(),
            action: action.clone(),
            operation: remedy.operation(),
            undo: false,
            before: before.map(|r| r.attributes),
            before_digest: digest.clone(),
            wanted: (remedy.operation() != Operation::Delete).then_some(wanted),
            by: self.by.clone(),
            approved_by,
        };
        let finding = digest::bare(&action.fingerprint);
        let number = self.origin.number(number);
        let key = format!("{finding}/{}/{number}", digest::bare(&action.digest));
        self.carry_out(intent, key, &hands, began).await
    }

    /// From the intent on; an undo goes the same way.
    pub(crate) async fn carry_out(
        &self,
        intent: Intent,
        key: String,
        hands: &Hands,
        began: Instant,
    ) -> Result<Done, Halt> {
        let action = &intent.action;
        if !self.append(EntryKind::Intent, &key, &intent).await? {
            return Ok(refused(began, "another run has begun it".to_owned()));
        }
        self.reached(action, Step::IntentWritten)?;
        let mut outcome = Outcome {
            result: Outcomes::Refused,
            detail: String::new(),
            after: None,
            after_digest: None,
            settled: false,
            took_ms: 0,
        };
        let state_moved = match intent.undo {
            // What is taken back is what was done, whatever the state says by now.
            true => None,
            false => self.state_moved(action, &action.preconditions).await,
        };
        let current = match (state_moved, self.look(action, hands).await) {
            (Some(moved), _) => Err(moved.what),
            (None, Err(why)) => Err(format!("cannot be read: {}", why.detail)),
            (None, Ok(live)) => {
                match live_moved(action, hands.knowledge, live.as_ref(), &intent.before_digest) {
                    Some(moved) => Err(moved.what),
                    None => Ok(live),
                }
            }
        };
        self.reached(action, Step::LookedAgain)?;
        let current = match current {
            Ok(current) => current,
            Err(why) => {
                outcome.detail = why;
                return self.close(&key, &intent, outcome, began).await;
            }
        };
        let was_open = self.answers_strangers(hands, current.as_ref()).await;
        let written = write(&intent, current.as_ref(), hands).await;
        self.reached(action, Step::Written)?;
        let back = self.read_back(&intent, hands, written.is_err()).await;
        self.reached(action, Step::ReadBack)?;
        judge(&intent, hands.knowledge, written, &back, &mut outcome);
        let mut still_open = false;
        if outcome.result == Outcomes::Verified && !intent.undo && was_open.is_some_and(is_success)
        {
            let live = back.as_ref().ok().and_then(Option::as_ref);
            let was = was_open.unwrap_or_default();
            match self.answers_strangers(hands, live.or(current.as_ref())).await {
                Some(now) if is_success(now) => {
                    still_open = true;
                    outcome.detail =
                        format!("{}, anonymous GET answers {now} still", outcome.detail);
                }
                Some(now) => {
                    outcome.detail = format!("{}, anonymous GET {was} -> {now}", outcome.detail);
                }
                None => {}
            }
        }
        self.reached(action, Step::EffectTried)?;
        let done = self.close(&key, &intent, outcome, began).await?;
        Ok(Done { still_open, ..done })
    }

    async fn close(
        &self,
        key: &str,
        intent: &Intent,
        mut outcome: Outcome,
        began: Instant,
    ) -> Result<Done, Halt> {
        let (action, undo) = (&intent.action, intent.undo);
        outcome.took_ms = millis(began);
        self.append(EntryKind::Outcome, key, &outcome).await?;
        self.reached(action, Step::OutcomeWritten)?;
        Ok(Done {
            state: state_of(outcome.result, undo),
            words: outcome.detail,
            took_ms: outcome.took_ms,
            still_open: false,
        })
    }

    pub(crate) async fn append<T: serde::Serialize>(
        &self,
        kind: EntryKind,
        key: &str,
        body: &T,
    ) -> Result<bool, Halt> {
        let body = serde_json::to_value(body).map_err(|e| LedgerError {
            place: format!("{} {key}", kind.as_str()),
            what: e.to_string(),
            next_step: String::new(),
        })?;
        let entry = NewEntry { kind, key: key.to_owned(), time: self.world.now(), body };
        Ok(self.ledger.append(entry).await?)
    }

    fn reached(&self, action: &Action, step: Step) -> Result<(), Halt> {
        match self.world.reached(action, step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Halt::Stopped(step)),
        }
    }

    /// What an anonymous read gets, where there is something to try.
    async fn answers_strangers(&self, hands: &Hands, live: Option<&Resource>) -> Option<u16> {
        if !self.probe {
            return None;
        }
        Some(hands.reader.probe(live?).await.ok()??.status)
    }

    /// What is there after the write, looked at again until it is what was wanted.
    async fn read_back(
        &self,
        intent: &Intent,
        hands: &Hands,
        write_failed: bool,
    ) -> Result<Option<Resource>, Unknown> {
        let mut last = self.look(&intent.action, hands).await;
        for wait in &PATIENCE[1..] {
            let equal =
                last.as_ref().is_ok_and(|live| is_wanted(intent, hands.knowledge, live.as_ref()));
            // A refused call changes nothing later either; a lost answer may.
            if equal || (write_failed && last.is_ok()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(*wait)).await;
            last = self.look(&intent.action, hands).await;
        }
        last
    }
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

pub(crate) fn state_of(result: Outcomes, undo: bool) -> ActionState {
    match (result, undo) {
        (Outcomes::Verified, true) => ActionState::Undone,
        (Outcomes::Verified, false) => ActionState::Verified,
        (Outcomes::Applied, _) => ActionState::Applied,
        (Outcomes::Refused, _) => ActionState::Refused,
        (Outcomes::NotApplied, _) => ActionState::Planned,
        (Outcomes::Failed | Outcomes::Unclear, _) => ActionState::Failed,
    }
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn refused(began: Instant, words: String) -> Done {
    Done { state: ActionState::Refused, words, took_ms: millis(began), still_open: false }
}

fn failed(began: Instant, words: String) -> Done {
    Done { state: ActionState::Failed, words, took_ms: millis(began), still_open: false }
}

/// What a person calls the thing that an action is about.
pub fn place(action: &Action) -> String {
    match &action.address {
        Some(address) => address.to_string(),
        None => format!("{} {}", action.kind, action.native_id),
    }
}

fn live_moved(
    action: &Action,
    knowledge: &dyn Knowledge,
    live: Option<&Resource>,
    expected: &str,
) -> Option<Moved> {
    let attributes = live.map(|l| &l.attributes);
    if digest::live(knowledge.facts(), attributes) == expected {
        return None;
    }
    let what = match attributes {
        None => "it is gone".to_owned(),
        Some(_) if expected == digest::ABSENT => "it is there by now".to_owned(),
        Some(now) => {
            let moved: Vec<&str> = action
                .changes
                .iter()
                .filter(|c| {
                    let name = c.path.attribute();
                    let is = now.get(name).unwrap_or(&Value::Null);
                    digest::attribute(knowledge.facts(), name, is)
                        != digest::attribute(knowledge.facts(), name, &c.from)
                })
                .map(|c| c.path.attribute())
                .collect();
            match moved.as_slice() {
                [] => "it has moved in what this plan leaves alone".to_owned(),
                names => format!("{} has moved", names.join(", ")),
            }
        }
    };
    Some(Moved { action: action.id.clone(), place: place(action), what, unknown: false })
}

async fn write(
    intent: &Intent,
    current: Option<&Resource>,
    hands: &Hands,
) -> Result<(), ProviderError> {
    let nothing = Attributes::new();
    let wanted = intent.wanted.as_ref().unwrap_or(&nothing);
    let names = intent.action.sealed.iter().map(|path| path.attribute());
    if let Some(name) = names.into_iter().find(|name| wanted.contains_key(*name)) {
        // Written without it, the secret would be gone.
        return Err(ProviderError::new(ErrorKind::Invalid, "change", place(&intent.action))
            .because(format!("{name} holds a secret that is nowhere here"))
            .next_step("terraform apply has it"));
    }
    match (intent.operation, current) {
        (Operation::Update, Some(current)) => hands.writer.update(current, wanted).await,
        (Operation::Create, None) => {
            hands.writer.create(&intent.action.kind, wanted).await.map(drop)
        }
        (Operation::Delete, Some(current)) => hands.writer.delete(current).await,
        (Operation::Update | Operation::Delete, None) => {
            Err(ProviderError::new(ErrorKind::NotFound, "change", place(&intent.action)))
        }
        (Operation::Create, Some(_)) => {
            Err(ProviderError::new(ErrorKind::AlreadyExists, "create", place(&intent.action)))
        }
    }
}

/// Is what lives what the intent wanted?
pub(crate) fn is_wanted(
    intent: &Intent,
    knowledge: &dyn Knowledge,
    live: Option<&Resource>,
) -> bool {
    match (&intent.wanted, live) {
        (None, None) => true,
        (Some(wanted), Some(live)) => wanted.iter().all(|(name, value)| {
            let is = live.attributes.get(name).unwrap_or(&Value::Null);
            same(knowledge, name, value, is)
        }),
        _ => false,
    }
}

/// Is what an attempt left still what lives? One that could not be read back left, as far as
/// anybody knows, what it wanted.
pub fn stands(attempt: &Attempt, knowledge: &dyn Knowledge, live: Option<&Resource>) -> bool {
    let Some(outcome) = &attempt.outcome else { return false };
    match &outcome.after_digest {
        Some(after) => *after == digest::live(knowledge.facts(), live.map(|l| &l.attributes)),
        None => attempt.left_something() && is_wanted(&attempt.intent, knowledge, live),
    }
}

fn same(knowledge: &dyn Knowledge, name: &str, wanted: &Value, is: &Value) -> bool {
    let path = model::AttributePath::root(name);
    let facts = knowledge.facts();
    let default = facts.attributes.get(name).and_then(|f| f.default.as_ref());
    let or_default = |v: &Value| match (v, default) {
        (Value::Null, Some(default)) => default.clone(),
        _ => v.clone(),
    };
    let (wanted, is) = (or_default(wanted), or_default(is));
    (wanted.is_unset() && is.is_unset())
        || knowledge.equal(&path, &wanted, &is) == Some(true)
        || digest::is_same(facts, name, &wanted, &is)
}

/// What a write and what was read after it come to.
fn judge(
    intent: &Intent,
    knowledge: &dyn Knowledge,
    written: Result<(), ProviderError>,
    back: &Result<Option<Resource>, Unknown>,
    outcome: &mut Outcome,
) {
    let live = match back {
        Ok(live) => live.as_ref(),
        Err(why) => {
            (outcome.result, outcome.detail) = match written {
                Ok(()) => {
                    (Outcomes::Applied, format!("written; cannot be read back: {}", why.detail))
                }
                Err(error) => {
                    (Outcomes::Unclear, format!("{error}; and cannot be read: {}", why.detail))
                }
            };
            return;
        }
    };
    let facts = knowledge.facts();
    outcome.after = live.map(|l| l.attributes.clone());
    let now = digest::live(facts, outcome.after.as_ref());
    let untouched = now == intent.before_digest;
    outcome.after_digest = Some(now);
    let wanted = is_wanted(intent, knowledge, live);
    (outcome.result, outcome.detail) = match written {
        Ok(()) if wanted => (Outcomes::Verified, "read back equal".to_owned()),
        Ok(()) if untouched => (
            Outcomes::Failed,
            "the cloud took the write and shows what was there before".to_owned(),
        ),
        Ok(()) => (Outcomes::Failed, "what was read back is not what was written".to_owned()),
        Err(error) if wanted && !untouched => {
            (Outcomes::Verified, format!("read back equal, though the answer was lost ({error})"))
        }
        // Whoever writes on what was seen has written nothing then; what moved is somebody's.
        Err(error) if error.is(ErrorKind::Conflict) => {
            (Outcomes::Refused, format!("somebody changed it in between: {error}"))
        }
        // A later fix may stand in the way of taking this one back: nothing is broken by that.
        Err(error) if untouched && intent.undo && error.retry == Retry::Permanent => {
            (Outcomes::Refused, format!("the cloud refuses it: {error}"))
        }
        Err(error) if untouched => (Outcomes::Failed, format!("nothing was written: {error}")),
        Err(error) => (Outcomes::Unclear, format!("partly written: {error}")),
    };
}
