//! What happens between two steps of one fix: the cloud stops answering, or somebody else writes.

use crate::stage::{ACCOUNT, At, Case, GUARD, POLICY, Stage, Then, attributes, flags, managed};
use auto_remediation::engine::{Done, World};
use auto_remediation::{History, Step};
use ledger::SqliteLedger;
use local_cloud::faults::{Fault, FaultEffect};
use model::{Action, ActionState, Decision, RemediationPlan, Resource};
use operations::remediation::{Powers, RemediationError, UndoRequest};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

fn fault(stage: &Stage, operation: &str, effect: FaultEffect) {
    let operation = Some(operation.to_owned());
    stage.running.ground().faults.set(Fault { cloud: None, service: None, operation, effect });
}

/// Runs `work` from within a step.
fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

struct Unguarded {
    stage: Stage,
    guard: Resource,
    powers: Powers<'static>,
    ledger: SqliteLedger,
    state: PathBuf,
}

impl Unguarded {
    async fn new() -> Self {
        let stage = Stage::start().await;
        let guard = stage.guarded("one").await;
        stage.change(&guard, flags(false)).await;
        let powers = stage.powers_over(GUARD).await;
        let ledger = stage.ledger("ledger.db");
        let state = stage.state(3, &[managed("one", &guard)]);
        Unguarded { stage, guard, powers, ledger, state }
    }

    fn case(&self) -> Case<'_> {
        Case::new(&self.powers, &self.ledger, self.state.clone())
    }

    /// Applies the plan's one action, and at `step` this happens.
    async fn mend(
        &self,
        plan: &RemediationPlan,
        step: Step,
        act: &(dyn Fn() + Send + Sync),
    ) -> Done {
        let world = At { powers: &self.powers, step, then: Then::Meanwhile(act) };
        mend(&self.case(), plan, &plan.actions[0], &world).await
    }
}

async fn mend(case: &Case<'_>, plan: &RemediationPlan, action: &Action, world: &dyn World) -> Done {
    let history = History::of(case.ledger).await.unwrap();
    case.engine(&plan.hash, world).apply(action, &history, None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_and_may_not_be_read_back_is_verified_later() {
    let it = Unguarded::new().await;
    let plan = it.case().plan().await;
    let denied = || fault(&it.stage, "GetPublicAccessBlock", FaultEffect::Deny);
    let done = it.mend(&plan, Step::Written, &denied).await;
    assert_eq!(done.state, ActionState::Applied, "{done:?}");
    assert!(done.words.contains("cannot be read back"), "{done:?}");
    // While it cannot be read, nobody says that it is done, and nothing is written again.
    match it.case().apply(&plan).await {
        Ok(applied) => assert_eq!(applied.plan.actions[0].state, ActionState::Applied),
        Err(RemediationError::Moved { moved, .. }) => assert!(moved[0].unknown, "{moved:?}"),
        Err(other) => panic!("{other}"),
    }
    it.stage.running.ground().faults.clear();
    let applied = it.case().apply(&plan).await.unwrap();
    assert_eq!(applied.plan.actions[0].state, ActionState::Verified, "{:#?}", applied.plan);
    assert_eq!(it.stage.fixes(&it.guard).await.len(), 1);
    // And it can be taken back, as what was verified at once.
    let action = plan.actions[0].digest.clone();
    let request = UndoRequest { target: "test".to_owned(), action, by: None };
    let undone = operations::remediation::undo(request, &it.powers, &it.case().policy, &it.ledger)
        .await
        .unwrap();
    assert_eq!(undone.unwrap().done.state, ActionState::Undone);
    assert_eq!(it.stage.fixes(&it.guard).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_in_the_middle_is_waited_out_and_nothing_is_written_twice() {
    let it = Unguarded::new().await;
    let ground = it.stage.running.ground().clone();
    let out = || {
        let effect = FaultEffect::Outage;
        let aws = Some(provider_aws::CLOUD);
        ground.faults.set(Fault { cloud: aws, service: None, operation: None, effect });
        let ground = ground.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            ground.faults.clear();
        });
    };
    // Before the write is made, it waits; after it, the look that follows waits.
    for (written, step) in [(1, Step::LookedAgain), (2, Step::Written)] {
        let plan = it.case().plan().await;
        let done = it.mend(&plan, step, &out).await;
        assert_eq!(done.state, ActionState::Verified, "{step:?}: {done:?}");
        assert_eq!(it.stage.fixes(&it.guard).await.len(), written, "{step:?}");
        it.stage.change(&it.guard, flags(false)).await;
    }
}

/// The answer is lost, and what is there cannot be seen: a person must look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_knows_is_asked_about() {
    let it = Unguarded::new().await;
    let plan = it.case().plan().await;
    let dark = || {
        fault(&it.stage, "PutPublicAccessBlock", FaultEffect::Errors { percent: 100 });
        fault(&it.stage, "GetPublicAccessBlock", FaultEffect::Deny);
    };
    let done = it.mend(&plan, Step::LookedAgain, &dark).await;
    assert_eq!(done.state, ActionState::Failed, "{done:?}");
    assert!(done.words.contains("cannot be read"), "{done:?}");
    it.stage.running.ground().faults.clear();
    let again = it.case().plan().await;
    assert_eq!(again.actions[0].decision, Decision::Ask, "{again:#?}");
    it.case().approve(&again, &again.actions[0]).await;
    let applied = it.case().apply(&again).await.unwrap();
    assert_eq!(applied.plan.actions[0].state, ActionState::Verified, "{:#?}", applied.plan);
    assert_eq!(it.stage.fixes(&it.guard).await.len(), 1);
}

fn statement(sid: &str, principal: serde_json::Value) -> serde_json::Value {
    json!({"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::one/*"})
}

fn document(statements: &[serde_json::Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// Between our last look and our write somebody adds a statement, or a member: it is never
/// written over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_writes_at_the_same_moment_is_not_lost() {
    let stage = Stage::start().await;
    stage.guarded("one").await;
    stage.remove(&stage.read(GUARD, "one").await).await;
    let partner = statement("Partner", json!({"AWS": "arn:aws:iam::444455556666:root"}));
    let open = statement("Temp", json!("*"));
    let auditor = statement("Audit", json!({"AWS": "arn:aws:iam::777788889999:root"}));
    let policy = json!({"bucket": "one", "policy": document(std::slice::from_ref(&partner))});
    let policy = stage.make(POLICY, policy).await;
    let opened = document(&[partner.clone(), open.clone()]);
    stage.change(&policy, attributes(json!({"policy": opened}))).await;
    let binding = stage.binding("one-lab", &["user:li.wei@example.com"]).await;
    let members = json!({"members": ["user:li.wei@example.com", "allUsers"]});
    stage.change(&binding, attributes(members)).await;
    let account = stage.account("onelab").await;
    stage.change(&account, attributes(json!({"allow_nested_items_to_be_public": true}))).await;
    let state = [managed("one", &policy), managed("one", &binding), managed("one", &account)];
    let state = stage.state(3, &state);
    let (powers, ledger) = (stage.powers().await, stage.ledger("ledger.db"));
    let case = Case::new(&powers, &ledger, state);
    let plan = case.plan().await;
    assert_eq!(plan.actions.len(), 3, "{plan:#?}");
    let action = |kind: &str| plan.actions.iter().find(|a| a.kind.as_str() == kind).unwrap();

    let added = document(&[partner, open, auditor]);
    let all = ["user:li.wei@example.com", "allUsers", "group:auditors@example.com"];
    for (resource, change, seen) in [
        (&policy, json!({"policy": added}), "Audit"),
        (&binding, json!({"members": all}), "auditors@example.com"),
    ] {
        let act = || now(stage.change(resource, attributes(change.clone())));
        let then = Then::Meanwhile(&act);
        let world = At { powers: &powers, step: Step::LookedAgain, then };
        let done = mend(&case, &plan, action(resource.kind.as_str()), &world).await;
        assert_eq!(done.state, ActionState::Refused, "{done:?}");
        assert!(done.words.contains("somebody changed it in between"), "{done:?}");
        let live = stage.live(resource).await.unwrap();
        assert!(format!("{:?}", live.attributes).contains(seen), "{live:?}");
        assert_eq!(stage.fixes(resource).await, [""; 0]);
    }
    // Resource Manager changes one property and leaves the others: nothing to lose there.
    let act = || now(stage.change(&account, attributes(json!({"min_tls_version": "TLS1_1"}))));
    let world = At { powers: &powers, step: Step::LookedAgain, then: Then::Meanwhile(&act) };
    let done = mend(&case, &plan, action(ACCOUNT), &world).await;
    let live = stage.live(&account).await.unwrap();
    assert_eq!(live.attributes["min_tls_version"], "TLS1_1".into(), "{done:?}");
    // A new plan keeps the auditor's statement out of it, as it is not the state's, and asks.
    let plan = case.plan().await;
    let again = plan.actions.iter().find(|a| a.kind.as_str() == POLICY).unwrap();
    assert_eq!(again.decision, Decision::Ask, "{again:#?}");
}
