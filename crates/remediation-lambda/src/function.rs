//! One call of the function from beginning to end.

use crate::answer::{Came, of_check};
use crate::journal::{self, Level};
use crate::kept::Kept;
use crate::payload::{Message, Payload};
use crate::settings::{LEDGER, Place, Settings};
use auto_remediation::Policy;
use drift_detector::{DriftIgnore, Selection};
use ledger::{FolderStore, Ledger, ObjectLedger};
use model::remediation::{Identified, IdentifiedBy};
use model::report::{ReportError, Tool};
use model::{Event, Timestamp};
use operations::react::{LEASE_SECONDS, ReactRequest, Reaction, react, settle};
use operations::remediation::applying::Lease;
use operations::remediation::{ApplyRequest, FixCloud, PlanRequest, Powers, apply, make_plan};
use operations::{Account, CheckCloud, CheckRequest, Silent, StateInput, Who};
use provider::Connection;
use provider::layers::Limits;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;

/// Left of a call's time for its answer.
const FOR_THE_ANSWER: Duration = Duration::from_millis(500);

/// A call of the function has some tens of seconds, one event in it some tens of calls, and an
/// instance works at one event at a time: their number is the limit that matters, and a cloud
/// that throttles lowers the pace as everywhere.
fn limits() -> Limits {
    Limits {
        deadline: Duration::from_secs(15),
        attempt: Duration::from_secs(5),
        attempts: 4,
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_secs(3),
        rate: 200.0,
    }
}

fn clock() -> Timestamp {
    Timestamp::new(SystemTime::now().into())
}

/// What an instance keeps between two calls. Nothing of it is made before the first one: the
/// start is paid by whoever waits for it.
pub struct Function {
    settings: Settings,
    connection: OnceCell<Connection>,
    kept: Kept,
    settled: OnceCell<()>,
    ledger: OnceLock<Arc<dyn Ledger>>,
}

/// Why a call has no answer; Lambda tells it to the caller, and tries an asynchronous one
/// again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoAnswer {
    pub kind: &'static str,
    pub message: String,
}

fn no_answer(kind: &'static str, message: impl AsRef<str>) -> NoAnswer {
    NoAnswer { kind, message: provider::redact::mask(message.as_ref()) }
}

/// The world of one call.
struct Hands {
    powers: Powers<'static>,
    states: Vec<StateInput>,
    unread: Vec<ReportError>,
    policy: Arc<Policy>,
    ledger: Arc<dyn Ledger>,
    by: Option<Identified>,
}

impl Function {
    pub fn new(settings: Settings) -> Self {
        Function {
            settings,
            connection: OnceCell::new(),
            kept: Kept::default(),
            settled: OnceCell::new(),
            ledger: OnceLock::new(),
        }
    }

    /// `until`: when Lambda ends the call.
    pub async fn answer(
        &self,
        payload: &Value,
        request: &str,
        until: SystemTime,
    ) -> Result<Value, NoAnswer> {
        let payload = Payload::read(payload).map_err(|why| {
            journal::line(Level::Warn, request, &json!({ "reaction": "refused", "why": why }));
            no_answer("UnknownPayload", why)
        })?;
        match payload {
            Payload::Event(event) => {
                let came = self.one(event, until).await;
                told(&came, request, None);
                match came.left_over() {
                    Some(why) => Err(no_answer("NotDone", why)),
                    None => Ok(journal::masked(came.to_json())),
                }
            }
            Payload::Batch(messages) => Ok(self.batch(messages, request, until).await),
            Payload::Check { apply } => {
                let answer = within(until, self.check(apply)).await;
                let answer = answer.unwrap_or_else(|| Err("out of time".to_owned()));
                match answer {
                    Ok(answer) => {
                        journal::line(Level::Info, request, &json!({ "check": answer }));
                        Ok(journal::masked(answer))
                    }
                    Err(why) => {
                        journal::line(Level::Error, request, &json!({ "check": { "why": why } }));
                        Err(no_answer("NotDone", why))
                    }
                }
            }
        }
    }

    /// The answer holds what Lambda reads of it and nothing else ("Reporting batch item
    /// failures": an answer that it cannot read makes the whole batch a failure); what came
    /// of each message is in the log.
    async fn batch(&self, messages: Vec<Message>, request: &str, until: SystemTime) -> Value {
        let mut failed = Vec::new();
        for message in messages {
            let came = self.one(message.event, until).await;
            told(&came, request, Some(&message.id));
            if came.left_over().is_some() {
                failed.push(json!({ "itemIdentifier": message.id }));
            }
        }
        json!({ "batchItemFailures": failed })
    }

    async fn one(&self, event: Result<Box<Event>, String>, until: SystemTime) -> Came {
        let event = match event {
            Ok(event) => event,
            Err(why) => return Came::PassedBy(why),
        };
        match within(until, self.look_at(&event)).await {
            Some(Ok(reaction)) => Came::Of(Box::new(reaction)),
            Some(Err(why)) => Came::Failed(why),
            None => Came::Failed("out of time: it is tried again".to_owned()),
        }
    }

    async fn look_at(&self, event: &Event) -> Result<Reaction, String> {
        let hands = self.hands().await?;
        let request = ReactRequest {
            target: self.settings.target.clone(),
            states: hands.states.clone(),
            kinds: self.settings.kinds.clone(),
            apply: self.settings.apply,
            probe: false,
            tool: tool(),
            by: hands.by.clone(),
        };
        self.settle_once(&hands).await?;
        let reaction = react(event, request, &hands.powers, &hands.policy, hands.ledger.as_ref())
            .await
            .map_err(|e| e.to_string())?;
        // Perhaps the state that could not be read wants what the event named.
        match (&reaction, hands.unread.first()) {
            (Reaction::Nothing(_), Some(unread)) if changes(event) => {
                Err(format!("{}: {}", unread.place, unread.what))
            }
            _ => Ok(reaction),
        }
    }

    /// What an instance before this one left open is closed once, with the first event.
    async fn settle_once(&self, hands: &Hands) -> Result<(), String> {
        if !self.settings.apply {
            return Ok(());
        }
        let settling = self.settled.get_or_try_init(|| async {
            let settled =
                settle(&self.settings.target, &hands.powers, hands.ledger.as_ref()).await?;
            for one in settled {
                let told = json!({
                    "settled": one.action, "place": one.place, "result": one.result,
                    "words": one.words,
                });
                journal::line(Level::Warn, "", &told);
            }
            Ok::<_, operations::remediation::RemediationError>(())
        });
        settling.await.map(drop).map_err(|e| e.to_string())
    }

    /// The whole of the states. It mends only where the function may and the caller asks for
    /// it: what a schedule calls is a look.
    async fn check(&self, and_apply: bool) -> Result<Value, String> {
        let hands = self.hands().await?;
        let ledger = hands.ledger.as_ref();
        let before = match self.settings.apply {
            true => settle(&self.settings.target, &hands.powers, ledger)
                .await
                .map_err(|e| e.to_string())?,
            false => Vec::new(),
        };
        let check = |states: Vec<StateInput>| CheckRequest {
            target: self.settings.target.clone(),
            states,
            only: self.selection(),
            ignore: DriftIgnore::default(),
            unmanaged: false,
            who: Who::NotAsked,
            probe: false,
            tool: tool(),
        };
        let request = PlanRequest {
            check: check(hands.states.clone()),
            by: hands.by.clone(),
            max_changes: None,
            only: Vec::new(),
            settle: None,
        };
        let mut made = make_plan(request, &hands.powers, &hands.policy, ledger, &Silent)
            .await
            .map_err(|e| e.to_string())?;
        made.report.errors.extend(hands.unread.iter().cloned());
        made.plan.partial |= !hands.unread.is_empty();
        let mut actions = made.plan.actions.clone();
        let mut refused = None;
        if and_apply && !self.settings.apply {
            refused = Some("LAB_APPLY is false: nothing is changed".to_owned());
        } else if and_apply {
            let request = ApplyRequest {
                plan: made.plan.clone(),
                check: check(hands.states.clone()),
                by: hands.by.clone(),
                only: Vec::new(),
                max_changes: None,
                probe: false,
                lease: Lease::Seconds(LEASE_SECONDS),
            };
            match apply(request, &hands.powers, &hands.policy, ledger, &Silent).await {
                Ok(applied) => actions = applied.plan.actions,
                Err(operations::remediation::RemediationError::Moved { moved, .. }) => {
                    let what: Vec<String> =
                        moved.iter().map(|m| format!("{}: {}", m.place, m.what)).collect();
                    refused = Some(what.join("; "));
                }
                Err(other) => return Err(other.to_string()),
            }
        }
        Ok(of_check(&made, &actions, refused.as_deref(), &before))
    }

    /// The addresses of the kinds that are looked after, in any module.
    fn selection(&self) -> Selection {
        let kinds = self.settings.kinds.iter();
        Selection::new(kinds.flat_map(|kind| [format!("{kind}.*"), format!("*.{kind}.*")]))
    }

    async fn connection(&self) -> Result<&Connection, String> {
        let connecting = self.connection.get_or_try_init(|| {
            let options = provider_aws::ConnectOptions { limits: limits(), ..Default::default() };
            provider_aws::connect(options.for_remediation())
        });
        connecting.await.map_err(|e| e.to_string())
    }

    async fn hands(&self) -> Result<Hands, String> {
        let connection = self.connection().await?;
        let objects = connection.objects.as_ref();
        let policy = self.kept.policy(self.settings.policy.as_ref(), objects).await?;
        let (states, unread) = self.kept.states(&self.settings.states, objects).await;
        if states.is_empty() {
            let why = unread
                .first()
                .map_or_else(|| "there is none".to_owned(), |e| format!("{}: {}", e.place, e.what));
            return Err(format!("no state could be read: {why}"));
        }
        let identity = connection.reader.identity().await.map_err(|e| e.to_string())?;
        Ok(Hands {
            // No state is given here: the engine reads them where they lie, not from memory.
            powers: Powers::of(vec![cloud(connection)], &[], &clock).await,
            states,
            unread,
            policy,
            ledger: self.ledger(connection)?,
            by: Some(Identified { name: identity.principal, by: IdentifiedBy::Cloud }),
        })
    }

    /// One for the life of the instance: what was read of it once is not fetched again.
    fn ledger(&self, connection: &Connection) -> Result<Arc<dyn Ledger>, String> {
        if let Some(ledger) = self.ledger.get() {
            return Ok(ledger.clone());
        }
        let ledger = match &self.settings.ledger {
            Place::Local(path) => {
                let folder = FolderStore::open(path).map_err(|e| format!("{LEDGER}: {e}"))?;
                ObjectLedger::over(Arc::new(folder))
            }
            Place::Object { bucket, key } => ObjectLedger::new(
                connection.objects.clone(),
                connection.sink.clone(),
                bucket.as_str(),
                key,
            ),
        };
        Ok(self.ledger.get_or_init(|| Arc::new(ledger)).clone())
    }
}

fn cloud(connection: &Connection) -> FixCloud {
    FixCloud {
        check: CheckCloud {
            catalog: connection.catalog,
            accounts: vec![Ok(Account {
                expected: None,
                reader: connection.reader.clone(),
                audit: connection.audit.clone(),
                objects: connection.objects.clone(),
            })],
        },
        writers: vec![Some(connection.writer.clone())],
    }
}

fn tool() -> Tool {
    Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

fn changes(event: &Event) -> bool {
    !event.read_only && event.status != model::event::EventStatus::Failure
}

fn told(came: &Came, request: &str, message: Option<&str>) {
    let mut line = came.to_json();
    if let Some(id) = message {
        line["message_id"] = json!(id);
    }
    journal::line(came.level(), request, &line);
}

/// `None`: the call would have ended first. What was begun by then is settled by the next.
async fn within<T>(until: SystemTime, work: impl Future<Output = T>) -> Option<T> {
    let left = until.duration_since(SystemTime::now()).unwrap_or_default();
    let left = left.saturating_sub(FOR_THE_ANSWER);
    if left.is_zero() {
        return None;
    }
    tokio::time::timeout(left, work).await.ok()
}
