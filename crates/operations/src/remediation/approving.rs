//! Yes and no: recorded, with who said it; the next apply does it.

use super::{RemediationError, short};
use auto_remediation::{History, Policy};
use ledger::{Approval, EntryKind, Ledger, NewEntry, Order, Rejection};
use model::remediation::Identified;
use model::{Action, Decision, RemediationPlan, Timestamp};

pub struct ApproveRequest<'a> {
    pub plan: &'a RemediationPlan,
    pub action: &'a Action,
    pub by: Identified,
    pub now: Timestamp,
}

impl ApproveRequest<'_> {
    fn not_allowed(&self, what: String, next_step: &str) -> RemediationError {
        RemediationError::NotAllowed { what, next_step: next_step.to_owned() }
    }

    fn may(&self, policy: &Policy) -> Result<(), RemediationError> {
        let file = policy.file.as_deref().unwrap_or("remediation.toml");
        if !policy.may_approve(&self.by.name) {
            return Err(self.not_allowed(
                format!("{} is not among the approvers of {file}", self.by.name),
                "ask one of them, or see `approvers` under [approval]",
            ));
        }
        Ok(())
    }

    /// The next free number under `PLAN/ACTION/`.
    async fn key(&self, kind: EntryKind, ledger: &dyn Ledger) -> Result<String, RemediationError> {
        let prefix = format!("{}/{}/", self.plan.hash, self.action.digest);
        let number = ledger.entries(kind, &prefix).await?.len();
        Ok(format!("{prefix}{number:04}"))
    }
}

/// Says yes to one action of one plan, until a moment.
pub async fn approve(
    request: ApproveRequest<'_>,
    policy: &Policy,
    ledger: &dyn Ledger,
) -> Result<Approval, RemediationError> {
    request.may(policy)?;
    let (plan, action) = (request.plan, request.action);
    let file = policy.file.as_deref().unwrap_or("remediation.toml");
    let address = action.address.as_ref().map(ToString::to_string);
    if policy.protects(address.as_deref().unwrap_or(&action.native_id)) {
        return Err(request.not_allowed(
            format!("{} is protected ({file} [belts]): nothing here changes it", action.id),
            "do it with terraform apply, or take it out of `protect`",
        ));
    }
    if action.decision == Decision::Accept {
        return Err(request.not_allowed(
            format!("{} is accepted as it is: there is nothing to approve", action.id),
            "lab run remediate makes a new plan",
        ));
    }
    if !policy.approval.self_approval && makers(plan, ledger).await?.contains(&request.by.name) {
        return Err(request.not_allowed(
            format!(
                "{} made plan {} and may not be the one who approves",
                request.by.name,
                short(&plan.hash)
            ),
            "somebody else says yes: self_approval = false under [approval]",
        ));
    }
    let history = History::of(ledger).await?;
    let done = history.standing(&action.digest).is_some_and(|a| a.time > plan.made_at);
    if done {
        return Err(request.not_allowed(
            format!("{} is done already", action.id),
            "lab remediate undo takes it back; lab run remediate makes a new plan",
        ));
    }
    let approval = Approval {
        plan: plan.hash.clone(),
        action: action.digest.clone(),
        until: request.now.plus_seconds(i64::from(policy.approval.expires_hours) * 3600),
        by: request.by.clone(),
    };
    let key = request.key(EntryKind::Approval, ledger).await?;
    record(EntryKind::Approval, key, &approval, request.now, ledger).await?;
    Ok(approval)
}

/// Who made a plan: as its file says, and as the ledger has it.
async fn makers(
    plan: &RemediationPlan,
    ledger: &dyn Ledger,
) -> Result<Vec<String>, RemediationError> {
    let recorded = ledger.entries(EntryKind::Plan, &plan.hash).await?;
    let recorded = recorded.iter().filter_map(|e| e.read::<RemediationPlan>().ok()?.made_by);
    Ok(recorded.chain(plan.made_by.clone()).map(|by| by.name).collect())
}

/// One yes that counts.
#[derive(Clone, Debug)]
pub(super) struct Yes {
    action: String,
    pub(super) by: Identified,
    pub(super) given: Order,
    pub(super) until: Timestamp,
}

/// The approvals of a plan that count under the policy at hand, which may be stricter than the
/// one under which they were given.
pub(super) struct Approvals(Vec<Yes>);

impl Approvals {
    pub(super) async fn of(
        plan: &RemediationPlan,
        policy: &Policy,
        ledger: &dyn Ledger,
    ) -> Result<Self, RemediationError> {
        // Whoever may write objects into a bucket could say yes there in anybody's name: a word
        // counts where entries are chained.
        if ledger.head().await?.is_none() {
            return Ok(Approvals(Vec::new()));
        }
        let rules = &policy.approval;
        let given = ledger.entries(EntryKind::Approval, &format!("{}/", plan.hash)).await?;
        let makers = match rules.self_approval || given.is_empty() {
            true => Vec::new(),
            false => makers(plan, ledger).await?,
        };
        let given = given.iter().filter_map(|e| Some((e.order(), e.read::<Approval>().ok()?)));
        let counts = given.filter(|(_, yes)| {
            yes.plan == plan.hash
                && policy.may_approve(&yes.by.name)
                && !makers.contains(&yes.by.name)
        });
        Ok(Approvals(
            counts
                .map(|(given, yes)| Yes {
                    action: yes.action,
                    by: yes.by,
                    given,
                    until: yes
                        .until
                        .min(given.1.plus_seconds(i64::from(rules.expires_hours) * 3600)),
                })
                .collect(),
        ))
    }

    /// The last one, if nothing was done about the action since: one yes is for one change.
    pub(super) fn of_action(&self, digest: &str, history: &History) -> Option<&Yes> {
        let last = history.of_action(digest).rfind(|a| a.left_something()).map(|a| a.order);
        let given = self.0.iter().filter(|yes| yes.action == digest).max_by_key(|yes| yes.given);
        given.filter(|yes| last.is_none_or(|done| done < yes.given))
    }
}

/// Says no; an apply leaves it alone from then on.
pub async fn reject(
    request: ApproveRequest<'_>,
    reason: &str,
    policy: &Policy,
    ledger: &dyn Ledger,
) -> Result<Rejection, RemediationError> {
    request.may(policy)?;
    let rejection = Rejection {
        plan: request.plan.hash.clone(),
        action: request.action.digest.clone(),
        by: request.by.clone(),
        reason: reason.to_owned(),
        fingerprint: request.action.fingerprint.clone(),
    };
    let key = request.key(EntryKind::Rejection, ledger).await?;
    record(EntryKind::Rejection, key, &rejection, request.now, ledger).await?;
    Ok(rejection)
}

async fn record<T: serde::Serialize>(
    kind: EntryKind,
    key: String,
    body: &T,
    time: Timestamp,
    ledger: &dyn Ledger,
) -> Result<(), RemediationError> {
    let body = serde_json::to_value(body).map_err(|e| RemediationError::Stopped(e.to_string()))?;
    if ledger.append(NewEntry { kind, key, time, body }).await? {
        return Ok(());
    }
    Err(RemediationError::NotAllowed {
        what: "somebody else said something of this action at the same moment".to_owned(),
        next_step: "look at it with lab show, and say it again".to_owned(),
    })
}
