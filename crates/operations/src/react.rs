//! An event in, what came of it out: what a deployed binary does with each call that somebody
//! made.
//!
//! An event only names what to look at again. What is there is read from the cloud, what is
//! wanted from the state, what may be done from the policy; nothing else of the event is
//! believed, so a forged one can make this look, and nothing more.

use crate::check::{CheckRequest, Who};
use crate::progress::Silent;
use crate::remediation::planning::PlanScope;
use crate::remediation::{
    ApplyRequest, PlanRequest, Powers, RemediationError, apply, applying::Lease, make_plan_in,
};
use crate::states::{StateInput, load_states};
use auto_remediation::history::OWN_CHANGES;
use auto_remediation::settle::Settled;
use auto_remediation::{History, Policy};
use drift_detector::{DriftIgnore, Selection};
use ledger::{EntryKind, Ledger};
use model::event::EventStatus;
use model::finding::DriftStatus;
use model::fingerprint;
use model::remediation::Identified;
use model::report::{ReportError, Tool, UnknownResource};
use model::{Action, ActionState, Event, KindName};
use std::collections::BTreeSet;

/// A run that a platform may still be in the middle of is not settled by another one.
pub const LEASE_SECONDS: u32 = auto_remediation::engine::REACTION_LEASE_SECONDS;

pub struct ReactRequest {
    pub target: String,
    pub states: Vec<StateInput>,
    /// The kinds that are looked after, none for all: what the credentials were not given for
    /// is not even read.
    pub kinds: BTreeSet<KindName>,
    pub apply: bool,
    pub probe: bool,
    pub tool: Tool,
    pub by: Option<Identified>,
}

/// What came of one event.
#[derive(Debug)]
pub enum Reaction {
    /// It touched nothing that these states want.
    Nothing(String),
    /// It was our own change.
    Own(String),
    /// It was looked at again.
    Looked(Box<Looked>),
}

#[derive(Debug)]
pub struct Looked {
    /// What the event named, as the states call it.
    pub addresses: Vec<String>,
    pub plan: String,
    /// With the states as they now are.
    pub actions: Vec<Action>,
    pub settled: Vec<Settled>,
    pub unknown: Vec<UnknownResource>,
    pub errors: Vec<ReportError>,
    /// Why nothing ran although something was to be mended.
    pub refused: Option<String>,
    /// Changes of these resources that were begun by another run, and of which nobody knows yet
    /// what came: it may be at work, or be cut off, and then it is settled when it is old enough.
    pub begun: Vec<String>,
}

/// What one record names, in the states at hand.
fn touched<'d>(
    event: &Event,
    powers: &Powers<'_>,
    kinds: &BTreeSet<KindName>,
    desired: impl Iterator<Item = &'d model::resource::Desired>,
) -> Vec<(String, KindName, String)> {
    let cloud = powers.clouds().iter().find(|c| c.catalog.cloud() == event.cloud);
    let Some(cloud) = cloud else { return Vec::new() };
    desired
        .filter(|d| kinds.is_empty() || kinds.contains(&d.address.kind))
        .filter(|d| {
            cloud
                .catalog
                .kind(&d.address.kind)
                .is_some_and(|k| k.effect_on(event, &d.native_id).is_some())
        })
        .map(|d| (d.address.to_string(), d.address.kind.clone(), d.native_id.clone()))
        .collect()
}

pub async fn react(
    event: &Event,
    request: ReactRequest,
    powers: &Powers<'_>,
    policy: &Policy,
    ledger: &dyn Ledger,
) -> Result<Reaction, RemediationError> {
    if event.read_only || event.status == EventStatus::Failure {
        return Ok(Reaction::Nothing(format!("{} changed nothing", event.operation)));
    }
    let inputs = request.states.clone();
    let (loaded, errors) = load_states(inputs.clone(), powers.clouds(), &Silent).await;
    if loaded.is_empty() {
        let why = errors.first().map_or_else(
            || "no state was given".to_owned(),
            |e| format!("{}: {}", e.place, e.what),
        );
        return Err(RemediationError::Stopped(format!("no state could be read: {why}")));
    }
    let desired = loaded.iter().flat_map(|l| &l.state.resources);
    let touched = touched(event, powers, &request.kinds, desired);
    if touched.is_empty() {
        return Ok(Reaction::Nothing(format!(
            "{} touched nothing that these states want",
            event.operation
        )));
    }
    let agent = event.user_agent.as_deref().unwrap_or_default();
    if agent.contains(OWN_CHANGES) && powers.is_us(&event.principal) {
        let history = of_touched(event, &touched, ledger).await?;
        let own = touched
            .iter()
            .find_map(|(_, kind, id)| history.own_change(kind, id, agent, event.time));
        if let Some(attempt) = own {
            return Ok(Reaction::Own(attempt.intent.action.id.clone()));
        }
    }
    let addresses: Vec<String> = touched.iter().map(|(address, ..)| address.clone()).collect();
    let check = |states: Vec<StateInput>| CheckRequest {
        target: request.target.clone(),
        states,
        only: Selection::new(addresses.iter().cloned()),
        ignore: DriftIgnore::default(),
        unmanaged: false,
        who: Who::NotAsked,
        probe: request.probe,
        tool: request.tool.clone(),
    };
    let made = make_plan_in(
        PlanScope::FindingsAtHand,
        PlanRequest {
            check: check(inputs.clone()),
            by: request.by.clone(),
            max_changes: None,
            only: Vec::new(),
            settle: request.apply.then_some(Lease::Seconds(LEASE_SECONDS)),
        },
        powers,
        policy,
        ledger,
        &Silent,
    )
    .await?;
    let mut looked = Looked {
        addresses: addresses.clone(),
        plan: made.plan.hash.clone(),
        actions: made.plan.actions.clone(),
        settled: Vec::new(),
        unknown: made.report.unknown,
        errors: made.report.errors,
        refused: None,
        begun: Vec::new(),
    };
    if !request.apply || looked.actions.is_empty() {
        return Ok(Reaction::Looked(Box::new(looked)));
    }
    let applied = apply(
        ApplyRequest {
            plan: made.plan,
            check: check(inputs),
            by: request.by,
            only: Vec::new(),
            max_changes: None,
            probe: request.probe,
            lease: Lease::Seconds(LEASE_SECONDS),
        },
        powers,
        policy,
        ledger,
        &Silent,
    )
    .await;
    match applied {
        Ok(applied) => {
            looked.actions = applied.plan.actions;
            looked.settled = applied.settled;
        }
        // Somebody was faster: the next event, or the next check, tells what is there then.
        Err(RemediationError::Moved { moved, .. }) => {
            let what: Vec<String> =
                moved.iter().map(|m| format!("{}: {}", m.place, m.what)).collect();
            looked.refused = Some(what.join("; "));
        }
        Err(other) => return Err(other),
    }
    looked.begun = begun(&looked.actions, ledger).await?;
    Ok(Reaction::Looked(Box::new(looked)))
}

/// What is still open of what these actions are about.
async fn begun(actions: &[Action], ledger: &dyn Ledger) -> Result<Vec<String>, RemediationError> {
    let waiting = actions.iter().filter(|a| a.state == ActionState::Planned);
    let findings: BTreeSet<&str> = waiting.map(|a| a.fingerprint.as_str()).collect();
    let history = History::of_findings(ledger, &findings).await?;
    Ok(history.open().map(|a| a.intent.action.id.clone()).collect())
}

/// What was done about what an event touched, and no more of the ledger than that. What was made
/// anew is not among it: it is looked at again, and nothing is found.
async fn of_touched(
    event: &Event,
    touched: &[(String, KindName, String)],
    ledger: &dyn Ledger,
) -> Result<History, RemediationError> {
    let account = event.account.as_deref();
    let findings: Vec<String> = touched
        .iter()
        .flat_map(|(_, kind, id)| {
            [DriftStatus::Changed, DriftStatus::Unmanaged]
                .map(|status| fingerprint::drift(&event.cloud, account, kind, id, status, None))
        })
        .collect();
    Ok(History::of_findings(ledger, &findings.iter().map(String::as_str).collect()).await?)
}

/// Closes what earlier runs left open; a deployed binary does it when it starts.
pub async fn settle(
    target: &str,
    powers: &Powers<'_>,
    ledger: &dyn Ledger,
) -> Result<Vec<Settled>, RemediationError> {
    let engine = auto_remediation::Engine {
        world: powers,
        ledger,
        target: target.to_owned(),
        plan: String::new(),
        by: None,
        probe: false,
        origin: auto_remediation::engine::Origin::Reaction,
    };
    // Of a long record only the names are asked for, and what is open is fetched.
    let ended: BTreeSet<String> = ledger.keys(EntryKind::Outcome, "").await?.into_iter().collect();
    let mut open = Vec::new();
    for key in ledger.keys(EntryKind::Intent, "").await? {
        if !ended.contains(&key) {
            let found = ledger.entries(EntryKind::Intent, &key).await?;
            open.extend(found.into_iter().filter(|e| e.key == key));
        }
    }
    let history = History::from_entries(&open, &[]);
    let before = (powers.clock())().plus_seconds(-i64::from(LEASE_SECONDS));
    Ok(engine.settle(&history, before).await?)
}
