//! A check, and the plan for what it found.

use super::applying::Lease;
use super::approving::Approvals;
use super::{Powers, RemediationError, impact};
use crate::check::{CheckRequest, Examined, examine};
use crate::progress::Progress;
use auto_remediation::engine::Origin;
use auto_remediation::plan::Planned;
use auto_remediation::subject::StateSeen;
use auto_remediation::{
    CredentialSubject, Engine, History, Policy, Subject, World, digest, remedies,
};
use ledger::{EntryKind, Ledger, NewEntry, Outcomes, Rejection};
use model::finding::AttributionStatus;
use model::remediation::{HeldBack, Identified, PLAN_SCHEMA};
use model::report::Tool;
use model::{ActionState, Decision, Finding, Live, RemediationPlan, Resource, Timestamp};
use provider::Wanted;
use std::collections::BTreeMap;

pub struct PlanRequest {
    pub check: CheckRequest,
    pub by: Option<Identified>,
    pub max_changes: Option<usize>,
    /// Addresses with `*` for any text, or ids of findings; none means all.
    pub only: Vec<String>,
    /// Close first what a cut-off run left open; none while another run may be at work.
    pub settle: Option<Lease>,
}

/// A plan and the report that it answers.
pub struct Made {
    pub plan: RemediationPlan,
    pub report: model::report::DriftReport,
}

/// How much of the ledger a plan looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanScope {
    Everything,
    /// What was done about these findings: the whole of a ledger in a bucket is too much to
    /// read for every event.
    FindingsAtHand,
}

/// As [`make_plan_in`], with all of the ledger.
pub async fn make_plan(
    request: PlanRequest,
    powers: &Powers<'_>,
    policy: &Policy,
    ledger: &dyn Ledger,
    progress: &dyn Progress,
) -> Result<Made, RemediationError> {
    make_plan_in(PlanScope::Everything, request, powers, policy, ledger, progress).await
}

/// Checks and plans; the plan's entry is in the ledger, and no cloud is changed.
pub async fn make_plan_in(
    scope: PlanScope,
    request: PlanRequest,
    powers: &Powers<'_>,
    policy: &Policy,
    ledger: &dyn Ledger,
    progress: &dyn Progress,
) -> Result<Made, RemediationError> {
    let target = request.check.target.clone();
    let tool = request.check.tool.clone();
    let now = (powers.clock())();
    let mut examined = examine(request.check, powers.clouds(), powers.clock(), progress).await;
    if !request.only.is_empty() {
        let addresses = drift_detector::Selection::new(request.only.iter().cloned());
        examined.report.findings.retain(|f| {
            request.only.iter().any(|o| o.eq_ignore_ascii_case(&f.id))
                || match &f.address {
                    Some(address) => addresses.selects(address),
                    None => addresses.selects_text(&f.native_id),
                }
        });
        if examined.report.findings.is_empty() && !examined.report.states.is_empty() {
            return Err(RemediationError::BadPlan {
                what: format!("--only {}: nothing that was found matches", request.only.join(", ")),
                next_step: "an address with * for any text, or a finding's id: lab run \
                            drift-check shows both"
                    .to_owned(),
            });
        }
    }
    let history = history_of(scope, &examined, ledger).await?;
    let history = match request.settle {
        Some(lease) => settled(&target, lease, history, &examined, scope, powers, ledger).await?,
        None => history,
    };
    let planned = plan_for(&examined, &target, powers, policy, &history, now).await;
    let mut planned = planned;
    if scope == PlanScope::Everything && request.only.is_empty() {
        offer_again(&mut planned, &target, powers, ledger, &history).await?;
    }
    let mut plan = document(planned, &examined, target, tool, policy, now);
    plan.made_by = request.by;
    if plan.actions.is_empty() && scope == PlanScope::FindingsAtHand {
        return Ok(Made { plan, report: examined.report });
    }
    let entry = NewEntry {
        kind: EntryKind::Plan,
        key: plan.hash.clone(),
        time: now,
        body: serde_json::to_value(&plan).map_err(|e| RemediationError::Stopped(e.to_string()))?,
    };
    ledger.append(entry).await?;
    standing(&mut plan, policy, ledger, &history, now).await?;
    hold_back(&mut plan, request.max_changes.unwrap_or(policy.limits.changes_per_run));
    plan.ledger = ledger.head().await?;
    Ok(Made { plan, report: examined.report })
}

/// Keys that an earlier plan asked about, and that still sign: what they did is mended, so no
/// finding names them any more, and whoever holds them holds them still.
async fn offer_again(
    planned: &mut Planned,
    target: &str,
    powers: &Powers<'_>,
    ledger: &dyn Ledger,
    history: &History,
) -> Result<(), RemediationError> {
    let engine = Engine {
        world: powers,
        ledger,
        target: target.to_owned(),
        plan: String::new(),
        by: None,
        probe: false,
        origin: Origin::Run,
    };
    let mut asked = BTreeMap::new();
    for entry in ledger.entries(EntryKind::Plan, "").await? {
        let Ok(plan) = entry.read::<RemediationPlan>() else { continue };
        if plan.target != target {
            continue;
        }
        for action in plan.actions.into_iter().filter(|a| a.remedy == remedies::DEACTIVATE_KEY) {
            asked.insert((action.cloud.clone(), action.native_id.clone()), action);
        }
    }
    let mut again = false;
    for ((_, id), mut action) in asked {
        let there = planned.actions.iter().any(|a| {
            a.remedy == remedies::DEACTIVATE_KEY && a.cloud == action.cloud && a.native_id == id
        });
        if there || history.was_rejected(&action.fingerprint) {
            continue;
        }
        let Ok(hands) = powers.hands(&action) else { continue };
        // Moved: it is off, or gone, or somebody else's concern by now.
        if engine.moved(&action, &hands).await.is_some() {
            continue;
        }
        action.state = ActionState::Planned;
        action.outcome = None;
        action.took_ms = None;
        planned.actions.push(action);
        again = true;
    }
    if again {
        let digests: Vec<&str> = planned.actions.iter().map(|a| a.digest.as_str()).collect();
        let ids = model::fingerprint::short_ids("A", &digests);
        for (action, id) in planned.actions.iter_mut().zip(ids) {
            action.id = id;
        }
        planned.hash = digest::plan(target, &planned.actions);
    }
    Ok(())
}

/// The history after what was cut off has been closed by what is found.
async fn settled(
    target: &str,
    lease: Lease,
    history: History,
    examined: &Examined,
    scope: PlanScope,
    powers: &Powers<'_>,
    ledger: &dyn Ledger,
) -> Result<History, RemediationError> {
    if history.open().next().is_none() {
        return Ok(history);
    }
    let engine = Engine {
        world: powers,
        ledger,
        target: target.to_owned(),
        plan: String::new(),
        by: None,
        probe: false,
        origin: lease.origin(),
    };
    engine.settle(&history, lease.before((powers.clock())())).await?;
    history_of(scope, examined, ledger).await
}

async fn history_of(
    scope: PlanScope,
    examined: &Examined,
    ledger: &dyn Ledger,
) -> Result<History, RemediationError> {
    Ok(match scope {
        PlanScope::Everything => History::of(ledger).await?,
        PlanScope::FindingsAtHand => {
            let found = examined.report.findings.iter().map(|f| f.fingerprint.as_str());
            History::of_findings(ledger, &found.collect()).await?
        }
    })
}

pub(super) async fn plan_for(
    examined: &Examined,
    target: &str,
    powers: &Powers<'_>,
    policy: &Policy,
    history: &History,
    now: Timestamp,
) -> Planned {
    let credentials = credentials(examined, powers, history).await;
    let subjects: Vec<Subject<'_>> = examined
        .report
        .findings
        .iter()
        .filter_map(|finding| {
            let seen = examined.seen.get(&finding.fingerprint)?;
            Some(Subject {
                finding,
                knowledge: seen.knowledge,
                desired: seen.desired.clone(),
                live: seen.live.clone(),
                state: finding.state.as_deref().and_then(|s| state_seen(examined, s)),
                tags: seen.tags.clone(),
                live_tags: seen.live_tags.clone(),
                impact: impact::of(finding, seen, &examined.events, policy.impact.days, now),
                credential: credential_of(finding, &credentials, examined, powers, history),
            })
        })
        .collect();
    auto_remediation::plan(target, &subjects, policy, history, now)
}

fn state_seen(examined: &Examined, source: &str) -> Option<StateSeen> {
    let loaded = examined.states.iter().find(|s| s.state.header.source == source)?;
    Some(StateSeen {
        source: source.to_owned(),
        serial: loaded.state.header.serial,
        lineage: loaded.state.header.lineage.clone(),
    })
}

/// The ids of lasting credentials by which a named change was made.
fn lasting_credentials<'f>(
    finding: &'f Finding,
    powers: &'f Powers<'_>,
    history: &'f History,
) -> impl Iterator<Item = &'f str> {
    let named = finding.attribution.status == AttributionStatus::Attributed;
    let prefix = powers
        .clouds()
        .iter()
        .filter(|c| c.catalog.cloud() == finding.cloud)
        .find_map(|c| c.catalog.kinds().into_iter().find_map(|k| k.facts().credential.clone()))
        .map(|c| c.prefix);
    finding
        .attribution
        .events
        .iter()
        .filter(move |e| named && !e.attributes.is_empty())
        // What we put back ourselves was nobody's key in foreign hands.
        .filter(move |e| {
            let agent = e.user_agent.as_deref().unwrap_or_default();
            let own = history.holds_own_change(&finding.kind, &finding.native_id, agent, e.time);
            !(own && powers.is_us(&e.principal))
        })
        .filter_map(|e| e.credential.as_deref())
        .filter(move |id| prefix.as_deref().is_some_and(|p| id.starts_with(p)))
}

/// The credentials of this account that made a change, as resources. One that cannot be read
/// is none that could be switched off.
async fn credentials(
    examined: &Examined,
    powers: &Powers<'_>,
    history: &History,
) -> BTreeMap<String, Resource> {
    let mut found = BTreeMap::new();
    for finding in &examined.report.findings {
        for id in lasting_credentials(finding, powers, history) {
            if found.contains_key(id) {
                continue;
            }
            for cloud in powers.clouds().iter().filter(|c| c.catalog.cloud() == finding.cloud) {
                let kinds = cloud.catalog.kinds();
                let Some(kind) = kinds.iter().find(|k| k.facts().credential.is_some()) else {
                    continue;
                };
                for account in cloud.accounts.iter().flatten() {
                    let wanted = Wanted::new(kind.facts().kind.clone(), id);
                    if let Live::Present(resource) = account.reader.read(&wanted).await {
                        found.insert(id.to_owned(), resource);
                        break;
                    }
                }
            }
        }
    }
    found
}

fn credential_of<'p>(
    finding: &Finding,
    credentials: &BTreeMap<String, Resource>,
    examined: &Examined,
    powers: &'p Powers<'_>,
    history: &History,
) -> Option<CredentialSubject<'p>> {
    let live =
        lasting_credentials(finding, powers, history).find_map(|id| credentials.get(id))?.clone();
    let cloud = powers.clouds().iter().find(|c| c.catalog.cloud() == finding.cloud)?;
    let knowledge = cloud.catalog.kind(&live.kind)?;
    let recorded = examined
        .states
        .iter()
        .flat_map(|s| &s.state.resources)
        .find(|d| d.address.kind == live.kind && d.native_id == live.native_id);
    Some(CredentialSubject {
        knowledge,
        address: recorded.map(|d| d.address.clone()),
        state: recorded.and_then(|d| state_seen(examined, &d.state)),
        live,
    })
}

fn document(
    planned: Planned,
    examined: &Examined,
    target: String,
    tool: Tool,
    policy: &Policy,
    now: Timestamp,
) -> RemediationPlan {
    RemediationPlan {
        schema: PLAN_SCHEMA.to_owned(),
        hash: planned.hash,
        target,
        tool,
        made_at: now,
        made_by: None,
        actions: planned.actions,
        without_remedy: planned.without_remedy,
        held_back: HeldBack { count: 0, flag: "--max-changes".to_owned() },
        belts: policy.limits.belts(),
        ledger: None,
        unknown: examined.report.summary.unknown,
        partial: examined.report.partial,
        errors: examined.report.errors.clone(),
    }
}

/// What is over the limit of a run is held back: it is planned, and another run's.
pub(super) fn hold_back(plan: &mut RemediationPlan, limit: usize) {
    let due = |a: &model::Action| {
        a.state == ActionState::Approved
            || (a.state == ActionState::Planned && a.decision == Decision::Fix)
    };
    let over = plan.actions.iter_mut().filter(|a| due(a)).skip(limit);
    plan.held_back.count = over.map(|a| a.state = ActionState::HeldBack).count();
}

/// Brings the states of a plan's actions up to what the ledger says.
pub async fn standing(
    plan: &mut RemediationPlan,
    policy: &Policy,
    ledger: &dyn Ledger,
    history: &History,
    now: Timestamp,
) -> Result<(), RemediationError> {
    let prefix = format!("{}/", plan.hash);
    let approvals = Approvals::of(plan, policy, ledger).await?;
    let rejections = ledger.entries(EntryKind::Rejection, &prefix).await?;
    for action in &mut plan.actions {
        let no = rejections
            .iter()
            .filter_map(|e| Some((e.order(), e.read::<Rejection>().ok()?)))
            .filter(|(_, r)| r.action == action.digest)
            .max_by_key(|(order, _)| *order);
        let yes = approvals.of_action(&action.digest, history).map(|yes| (yes.given, yes));
        // The later word counts; said at once, the no.
        match (yes, no) {
            (Some((at, yes)), no) if no.as_ref().is_none_or(|(t, _)| *t < at) => {
                if yes.until > now {
                    action.state = ActionState::Approved;
                    action.outcome = Some(format!("approved by {}", yes.by.name));
                } else {
                    action.outcome = Some(format!(
                        "{}'s approval expired on {}",
                        yes.by.name,
                        yes.until.to_seconds_text()
                    ));
                }
            }
            (_, Some((_, no))) => {
                action.state = ActionState::Rejected;
                action.outcome = Some(format!("rejected by {}: {}", no.by.name, no.reason));
            }
            _ => {}
        }
        let last = history.of_action(&action.digest).rfind(|a| a.outcome.is_some());
        let Some((attempt, outcome)) = last.and_then(|a| Some((a, a.outcome.as_ref()?))) else {
            continue;
        };
        let told = match (outcome.result, attempt.intent.undo) {
            (Outcomes::Verified, false) => ActionState::Verified,
            (Outcomes::Applied, false) => ActionState::Applied,
            (Outcomes::Verified | Outcomes::Applied, true) => ActionState::Undone,
            (Outcomes::Unclear, _) => ActionState::Failed,
            _ => continue,
        };
        // What drifts again is to be mended again: this plan was made after that outcome.
        if attempt.time > plan.made_at && action.state != ActionState::Approved {
            action.state = told;
            action.outcome = Some(outcome.detail.clone());
            action.took_ms = Some(outcome.took_ms);
        }
    }
    Ok(())
}
