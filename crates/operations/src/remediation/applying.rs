//! The plan that was approved, or nothing.
//!
//! Before the first write the world is looked at anew: the plan is made again over what it is
//! about, and each action that shall run must come out as it stands in the plan, or, where its
//! finding is gone by now, hold its preconditions and have somebody's yes.

use super::approving::Approvals;
use super::planning::{plan_for, standing};
use super::{Powers, RemediationError};
use crate::check::{CheckRequest, examine};
use crate::progress::Progress;
use auto_remediation::engine::{Done, Moved, Origin, place, stands};
use auto_remediation::plan::Planned;
use auto_remediation::settle::Settled;
use auto_remediation::{Engine, History, Policy, World, digest};
use ledger::{EntryKind, Ledger, NewEntry};
use model::remediation::Identified;
use model::report::DriftReport;
use model::{Action, ActionState, Decision, Finding, Knowledge, RemediationPlan, Timestamp};
use std::collections::BTreeSet;

/// An intent younger than this may be another run's that is at work; a ledger that is held by
/// one run at a time needs no such wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Nobody else writes: what is open was cut off.
    Alone,
    Seconds(u32),
}

impl Lease {
    pub(super) fn origin(self) -> Origin {
        match self {
            Lease::Alone => Origin::Run,
            Lease::Seconds(_) => Origin::Reaction,
        }
    }

    /// What was begun before this moment and is open was cut off.
    pub fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Lease::Alone => now,
            Lease::Seconds(seconds) => now.plus_seconds(-i64::from(seconds)),
        }
    }
}

pub struct ApplyRequest {
    pub plan: RemediationPlan,
    /// What to look at again: the states, the names, the probes.
    pub check: CheckRequest,
    pub by: Option<Identified>,
    /// Actions, findings or addresses; none means all.
    pub only: Vec<String>,
    pub max_changes: Option<usize>,
    pub probe: bool,
    pub lease: Lease,
}

pub struct Applied {
    /// The plan with the states as they now are.
    pub plan: RemediationPlan,
    pub settled: Vec<Settled>,
    /// Ids of the actions that this run was about.
    pub ran: Vec<String>,
    /// A failed verify stopped the run.
    pub broken: bool,
}

/// Is this plan what its hash says, for this target, of a shape that we know?
pub fn trustworthy(plan: &RemediationPlan, target: &str) -> Result<(), RemediationError> {
    let bad = |what: String, next_step: &str| {
        Err(RemediationError::BadPlan { what, next_step: next_step.to_owned() })
    };
    if plan.schema != model::remediation::PLAN_SCHEMA {
        return bad(
            format!("the plan is of another version: {}", plan.schema),
            "make a new one with this version: lab run remediate",
        );
    }
    if plan.target != target {
        return bad(
            format!("the plan is for target {}, and this run for {target}", plan.target),
            "give --target as it was when the plan was made",
        );
    }
    let edited = plan.actions.iter().find(|a| digest::action(a) != a.digest);
    if let Some(action) = edited {
        return bad(
            format!("the plan was edited: {} is not what its digest says", action.id),
            "make a new one: lab run remediate",
        );
    }
    // By its id somebody says yes to it.
    let named = plan.actions.iter().find(|a| {
        let digits = a.id.strip_prefix("A-").filter(|d| d.len() >= 4);
        !digits.is_some_and(|d| digest::bare(&a.digest).starts_with(d))
    });
    if let Some(action) = named {
        return bad(
            format!("the plan was edited: {} is not the id of that action", action.id),
            "make a new one: lab run remediate",
        );
    }
    if digest::plan(&plan.target, &plan.actions) != plan.hash {
        return bad(
            "the plan was edited: its actions are not those of its hash".to_owned(),
            "make a new one: lab run remediate",
        );
    }
    Ok(())
}

pub async fn apply(
    request: ApplyRequest,
    powers: &Powers<'_>,
    policy: &Policy,
    ledger: &dyn Ledger,
    progress: &dyn Progress,
) -> Result<Applied, RemediationError> {
    let mut plan = request.plan;
    trustworthy(&plan, &request.check.target)?;
    let now = (powers.clock())();
    let engine = Engine {
        world: powers,
        ledger,
        target: plan.target.clone(),
        plan: plan.hash.clone(),
        by: request.by,
        probe: request.probe,
        origin: request.lease.origin(),
    };
    // From a file: whoever reads this ledger finds who made it.
    let entry = NewEntry {
        kind: EntryKind::Plan,
        key: plan.hash.clone(),
        time: now,
        body: serde_json::to_value(&plan).map_err(|e| RemediationError::Stopped(e.to_string()))?,
    };
    ledger.append(entry).await?;
    let found = plan.actions.iter().map(|a| a.fingerprint.clone()).collect::<Vec<_>>();
    let history = async || match request.lease {
        Lease::Alone => History::of(ledger).await,
        Lease::Seconds(_) => {
            History::of_findings(ledger, &found.iter().map(String::as_str).collect()).await
        }
    };
    let before_settling = history().await?;
    let settled = engine.settle(&before_settling, request.lease.before(now)).await?;
    let history = if settled.is_empty() { before_settling } else { history().await? };
    for action in &mut plan.actions {
        action.state = ActionState::Planned;
        action.outcome = None;
        action.took_ms = None;
    }
    standing(&mut plan, policy, ledger, &history, now).await?;

    let (mut due, mut done) = (Vec::new(), Vec::new());
    for (at, action) in plan.actions.iter_mut().enumerate() {
        if !selected(&request.only, action) {
            continue;
        }
        if action.state == ActionState::Applied {
            // Perhaps it can be read by now.
            skip_what_stands(&engine, action, &history).await;
        }
        if action.state == ActionState::Verified {
            done.push(at);
        }
        if !is_due(action, policy) {
            continue;
        }
        if skip_what_stands(&engine, action, &history).await {
            continue;
        }
        due.push(at);
    }
    progress.stage("looking again", due.len());
    let mut moved = Vec::new();
    if !due.is_empty() || !done.is_empty() {
        let (again, report) =
            look(request.check, &due, &plan, powers, policy, &history, progress).await;
        for at in done {
            let action = &mut plan.actions[at];
            if again.actions.iter().any(|a| is_same(a, action)) {
                // Somebody has made the same change again: it is to be mended again.
                action.state = ActionState::Planned;
                action.outcome = Some("somebody has changed it again since".to_owned());
                action.took_ms = None;
                if is_due(action, policy) {
                    due.push(at);
                }
            } else if again.actions.iter().any(|a| is_about_the_same(a, action)) {
                action.state = ActionState::Refused;
                action.outcome = Some("it has changed since: a new plan tells how".to_owned());
                action.took_ms = None;
            }
        }
        due.sort_unstable();
        moved = compare(&engine, &again, &report, &due, &mut plan, powers).await;
    }
    if !moved.is_empty() {
        return Err(RemediationError::Moved { plan: plan.hash, moved });
    }

    let limit = request.max_changes.unwrap_or(policy.limits.changes_per_run);
    let per_minute = policy.limits.changes_per_minute;
    let left_this_minute = match request.lease {
        Lease::Alone => per_minute.saturating_sub(history.begun_since(now.plus_seconds(-60))),
        Lease::Seconds(_) => claim(ledger, due.len().min(limit), per_minute, now).await?,
    };
    let allowed = limit.min(left_this_minute);
    if allowed < due.len() && left_this_minute < limit {
        plan.held_back.flag = "changes_per_minute".to_owned();
    }
    for at in due.iter().skip(allowed) {
        plan.actions[*at].state = ActionState::HeldBack;
    }
    plan.held_back.count = due.len().saturating_sub(allowed);
    due.truncate(allowed);

    progress.stage("mending", due.len());
    let mut ran = Vec::new();
    let mut open = Vec::new();
    let mut broken = false;
    for at in due {
        let action = plan.actions[at].clone();
        let approved_by = approver(ledger, &plan, &action, policy, &history, powers.now()).await?;
        if action.state == ActionState::Approved && approved_by.is_none() {
            plan.actions[at].state = ActionState::Refused;
            plan.actions[at].outcome = Some("the yes to it was taken back, or ran out".to_owned());
            continue;
        }
        let done = engine.apply(&action, &history, approved_by).await?;
        ran.push(action.id.clone());
        if done.still_open {
            open.push(at);
        }
        let failed = done.state == ActionState::Failed;
        tell(&mut plan.actions[at], done);
        progress.step();
        if failed {
            broken = true;
            break;
        }
    }
    for at in open {
        last_look(&engine, powers, &mut plan.actions[at]).await;
    }
    plan.ledger = ledger.head().await?;
    Ok(Applied { plan, settled, ran, broken })
}

/// Takes places among the changes of this minute, for runs beside each other that share the
/// limit; says how many it got.
async fn claim(
    ledger: &dyn Ledger,
    wanted: usize,
    per_minute: usize,
    now: Timestamp,
) -> Result<usize, RemediationError> {
    let minute = now.to_seconds_text();
    let minute = minute.get(..16).unwrap_or(&minute);
    let mut got = 0;
    let mut place = ledger.count(EntryKind::Claim, &format!("{minute}/")).await?;
    while got < wanted && place < per_minute {
        let entry = NewEntry {
            kind: EntryKind::Claim,
            key: format!("{minute}/{place:06}"),
            time: now,
            body: serde_json::Value::Null,
        };
        got += usize::from(ledger.append(entry).await?);
        place += 1;
    }
    Ok(got)
}

fn tell(action: &mut Action, done: Done) {
    action.state = done.state;
    action.outcome = Some(done.words);
    action.took_ms = Some(done.took_ms);
}

fn selected(only: &[String], action: &Action) -> bool {
    if only.is_empty() {
        return true;
    }
    let addresses = drift_detector::Selection::new(only.iter().cloned());
    only.iter().any(|o| *o == action.id || *o == action.finding)
        || match &action.address {
            Some(address) => addresses.selects(address),
            None => addresses.selects_text(&action.native_id),
        }
}

/// Policy allows it, or somebody said yes; what is protected never.
fn is_due(action: &Action, policy: &Policy) -> bool {
    let address = action.address.as_ref().map(ToString::to_string);
    if policy.protects(address.as_deref().unwrap_or(&action.native_id)) {
        return false;
    }
    match action.state {
        ActionState::Approved => action.decision != Decision::Accept,
        ActionState::Planned => action.decision == Decision::Fix,
        _ => false,
    }
}

/// An action that was verified is left alone while what it left is still what lives, and one
/// that was taken back is not done again by the same plan.
async fn skip_what_stands(engine: &Engine<'_>, action: &mut Action, history: &History) -> bool {
    let last = history.of_action(&action.digest).rfind(|a| a.left_something());
    let Some(attempt) = last else { return false };
    if attempt.intent.undo {
        // Unless somebody said yes to it again.
        if action.state == ActionState::Approved {
            return false;
        }
        action.state = ActionState::Undone;
        action.outcome = Some("it was taken back; a new plan asks".to_owned());
        return true;
    }
    let Ok(hands) = engine.world.hands(action) else { return false };
    let Ok(live) = engine.look(action, &hands).await else { return false };
    if !stands(attempt, hands.knowledge, live.as_ref()) {
        return false;
    }
    action.state = ActionState::Verified;
    action.outcome = Some(format!("stands since {}", attempt.time.to_seconds_text()));
    action.took_ms = None;
    true
}

/// Makes the plan again over what it is about.
async fn look(
    mut check: CheckRequest,
    due: &[usize],
    plan: &RemediationPlan,
    powers: &Powers<'_>,
    policy: &Policy,
    history: &History,
    progress: &dyn Progress,
) -> (Planned, DriftReport) {
    let addresses = plan.actions.iter().map(|a| match &a.address {
        Some(address) => address.to_string(),
        None => a.native_id.clone(),
    });
    check.only = drift_detector::Selection::new(addresses);
    check.unmanaged |= due
        .iter()
        .any(|at| plan.actions[*at].remedy == auto_remediation::remedies::REMOVE_UNMANAGED);
    let examined = examine(check, powers.clouds(), powers.clock(), progress).await;
    let now = (powers.clock())();
    let again = plan_for(&examined, &plan.target, powers, policy, history, now).await;
    (again, examined.report)
}

/// What of the plan comes out otherwise by now has moved.
async fn compare(
    engine: &Engine<'_>,
    again: &Planned,
    report: &DriftReport,
    due: &[usize],
    plan: &mut RemediationPlan,
    powers: &Powers<'_>,
) -> Vec<Moved> {
    let mut moved = Vec::new();
    for at in due {
        let action = &mut plan.actions[*at];
        let same = again.actions.iter().find(|a| is_same(a, action));
        match same {
            Some(now_planned) => {
                // What no digest covers is taken from here, and not from a file.
                action.fingerprint.clone_from(&now_planned.fingerprint);
                action.region.clone_from(&now_planned.region);
                action.source.clone_from(&now_planned.source);
                action.sealed.clone_from(&now_planned.sealed);
                let approved = action.state == ActionState::Approved;
                if now_planned.decision == Decision::Accept
                    || (now_planned.decision == Decision::Ask && !approved)
                {
                    moved.push(Moved {
                        action: action.id.clone(),
                        place: place(action),
                        what: format!("the policy asks by now: {}", now_planned.reason),
                        unknown: false,
                    });
                }
            }
            None => moved.extend(otherwise(engine, action, report).await),
        }
    }
    let mut asked = BTreeSet::new();
    for action in due.iter().map(|at| &plan.actions[*at]) {
        let Some(source) = action.source.as_deref().filter(|s| asked.insert(*s)) else { continue };
        if let Some(by) = powers.at_work(source).await {
            moved.push(Moved {
                action: action.id.clone(),
                place: source.to_owned(),
                what: format!("the state is locked: {by}"),
                unknown: false,
            });
        }
    }
    moved
}

/// The same change of the same thing as it was seen; only the decision may be another.
fn is_same(a: &Action, b: &Action) -> bool {
    let mut a = a.clone();
    a.decision = b.decision;
    digest::action(&a) == b.digest
}

fn is_about_the_same(a: &Action, b: &Action) -> bool {
    a.cloud == b.cloud && a.kind == b.kind && a.native_id == b.native_id && a.account == b.account
}

/// The plan comes out without this action: says why, or that it may run all the same, because
/// somebody said yes to it and all it depends on is as it was.
async fn otherwise(engine: &Engine<'_>, action: &Action, report: &DriftReport) -> Option<Moved> {
    let hands = match engine.world.hands(action) {
        Ok(hands) => hands,
        Err(why) => {
            return Some(Moved {
                action: action.id.clone(),
                place: place(action),
                what: why,
                unknown: true,
            });
        }
    };
    let finding = report.findings.iter().find(|f| {
        f.cloud == action.cloud && f.kind == action.kind && f.native_id == action.native_id
    });
    if let Some(mut moved) = engine.moved(action, &hands).await {
        if let Some(finding) = finding.filter(|_| !moved.unknown) {
            moved.what = format!("{}{}", moved.what, by_whom(finding));
        }
        return Some(moved);
    }
    // Its finding is mended by now, and the key that made it is as it was.
    if action.state == ActionState::Approved && switches_off(action, hands.knowledge) {
        return None;
    }
    Some(Moved {
        action: action.id.clone(),
        place: place(action),
        what: "the plan comes out without it by now".to_owned(),
        unknown: false,
    })
}

/// Is this what switching off a key of this kind is, and nothing else?
fn switches_off(action: &Action, knowledge: &dyn Knowledge) -> bool {
    let Some(off) = &knowledge.facts().credential else { return false };
    action.remedy == auto_remediation::remedies::DEACTIVATE_KEY
        && action.changes.iter().all(|c| c.path.attribute() == off.attribute && c.to == off.off)
}

/// What it is by now, and whose doing that was.
fn by_whom(finding: &Finding) -> String {
    let mut text = String::new();
    for change in &finding.attributes {
        text.push_str(&format!(
            "\n{}  {} -> {}",
            change.path,
            change.desired.to_json(),
            change.live.to_json()
        ));
    }
    if let Some(event) = finding.attribution.events.iter().max_by_key(|e| e.time) {
        text.push_str(&format!(
            "\n{}, {}, {}, event {}",
            event.principal.name,
            event.time.to_seconds_text(),
            event.operation,
            event.event_id
        ));
    }
    text
}

async fn approver(
    ledger: &dyn Ledger,
    plan: &RemediationPlan,
    action: &Action,
    policy: &Policy,
    history: &History,
    now: Timestamp,
) -> Result<Option<Identified>, RemediationError> {
    let mut one = RemediationPlan { actions: vec![action.clone()], ..plan.clone() };
    one.actions[0].state = ActionState::Planned;
    standing(&mut one, policy, ledger, history, now).await?;
    if one.actions[0].state != ActionState::Approved {
        return Ok(None);
    }
    let given = Approvals::of(plan, policy, ledger).await?;
    Ok(given.of_action(&action.digest, history).map(|yes| yes.by.clone()))
}

/// All of this run is written: do strangers still come in?
async fn last_look(engine: &Engine<'_>, powers: &Powers<'_>, action: &mut Action) {
    let Ok(hands) = powers.hands(action) else { return };
    let Ok(Some(live)) = engine.look(action, &hands).await else { return };
    let Ok(Some(probe)) = hands.reader.probe(&live).await else { return };
    if (200..300).contains(&probe.status) {
        action.state = ActionState::Failed;
        action.outcome = Some(format!(
            "read back equal, and strangers still come in ({} answers {}): something else lets \
             them",
            probe.asked, probe.status
        ));
    } else {
        action.outcome = Some(format!("read back equal, anonymous GET -> {}", probe.status));
    }
}
