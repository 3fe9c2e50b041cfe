//! A run that ends at any step, for every operation of every cloud and for the way back: what the
//! next run finds and does.

use crate::stage::{At, CONTAINER, Case, MEMBER, POLICY, Stage, Then, attributes, flags, managed};
use auto_remediation::engine::Halt;
use auto_remediation::undo::CannotUndo;
use auto_remediation::{History, Step};
use ledger::SqliteLedger;
use model::{Action, ActionState, Decision, RemediationPlan, Resource};
use operations::remediation::{Powers, UndoRequest};
use serde_json::{Value, json};
use std::path::Path;

/// One drift to mend, and how.
struct Drift {
    resource: Resource,
    state: Vec<Value>,
    unmanaged: bool,
    remedy: &'static str,
}

/// Everything that the engine does to a kind, for each cloud.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    AwsUpdate,
    AwsCreate,
    AwsDelete,
    AzureUpdate,
    AzureCreate,
    GcpUpdate,
    GcpCreate,
    GcpDelete,
}

const AWS: [Way; 3] = [Way::AwsUpdate, Way::AwsCreate, Way::AwsDelete];
/// Nothing of Azure's is deleted: each of the kinds holds data or more than itself.
const AZURE: [Way; 2] = [Way::AzureUpdate, Way::AzureCreate];
const GCP: [Way; 3] = [Way::GcpUpdate, Way::GcpCreate, Way::GcpDelete];

/// Makes what the state wants, then lets it drift.
async fn drift(stage: &Stage, way: Way, name: &str) -> Drift {
    match way {
        Way::AwsUpdate => {
            let guard = stage.guarded(name).await;
            stage.change(&guard, flags(false)).await;
            Drift {
                state: vec![managed("it", &guard)],
                resource: guard,
                unmanaged: false,
                remedy: "restore_attributes",
            }
        }
        Way::AwsCreate => {
            stage.guarded(name).await;
            let policy = stage.make(POLICY, no_deletes(name)).await;
            stage.remove(&policy).await;
            Drift {
                state: vec![managed("it", &policy)],
                resource: policy,
                unmanaged: false,
                remedy: "recreate",
            }
        }
        Way::AwsDelete => {
            let guard = stage.guarded(name).await;
            Drift {
                resource: stage.make(POLICY, no_deletes(name)).await,
                state: vec![managed("it", &guard)],
                unmanaged: true,
                remedy: "remove_unmanaged",
            }
        }
        Way::AzureUpdate => {
            let account = stage.account(name).await;
            let open = attributes(json!({"allow_nested_items_to_be_public": true}));
            stage.change(&account, open).await;
            Drift {
                state: vec![managed("it", &account)],
                resource: account,
                unmanaged: false,
                remedy: "restore_attributes",
            }
        }
        Way::AzureCreate => {
            let account = stage.account(name).await;
            let container = json!({
                "name": "data", "storage_account_id": account.native_id,
                "container_access_type": "private",
            });
            let container = stage.make(CONTAINER, container).await;
            stage.remove(&container).await;
            Drift {
                state: vec![managed("it", &container)],
                resource: container,
                unmanaged: false,
                remedy: "recreate",
            }
        }
        Way::GcpUpdate => {
            let binding = stage.binding(name, &["user:li.wei@example.com"]).await;
            let open = json!({"members": ["user:li.wei@example.com", "allUsers"]});
            stage.change(&binding, attributes(open)).await;
            Drift {
                state: vec![managed("it", &binding)],
                resource: binding,
                unmanaged: false,
                remedy: "remove_additions",
            }
        }
        Way::GcpCreate => {
            let member = stage.member(name, "user:audit@example.com").await;
            stage.remove(&member).await;
            Drift {
                state: vec![managed("it", &member)],
                resource: member,
                unmanaged: false,
                remedy: "recreate",
            }
        }
        Way::GcpDelete => {
            // Known to the state by another of its roles; the reader is nobody's.
            let known = stage.member(name, "user:audit@example.com").await;
            let member = json!({
                "bucket": format!("b/{name}"), "role": "roles/storage.objectViewer",
                "member": "user:mallory@example.com",
            });
            Drift {
                resource: stage.make(MEMBER, member).await,
                state: vec![managed("it", &known)],
                unmanaged: true,
                remedy: "remove_unmanaged",
            }
        }
    }
}

/// A policy of a bucket that nobody is shut in or out by.
fn no_deletes(bucket: &str) -> Value {
    let document = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject",
        "Resource": format!("arn:aws:s3:::{bucket}/*"),
    }]});
    json!({"bucket": bucket, "policy": document.to_string()})
}

/// Plans, says yes where somebody must, and gives the one action that is meant.
async fn planned(case: &Case<'_>, drift: &Drift) -> (RemediationPlan, Action) {
    let plan = case.plan().await;
    let of_it =
        |a: &&Action| a.kind == drift.resource.kind && a.native_id == drift.resource.native_id;
    let action = plan.actions.iter().find(of_it);
    let action = action.unwrap_or_else(|| panic!("no action: {plan:#?}")).clone();
    assert_eq!(action.remedy, drift.remedy);
    if action.decision == Decision::Ask {
        case.approve(&plan, &action).await;
    }
    (plan, action)
}

fn was_written(step: Step) -> bool {
    step >= Step::Written
}

async fn open_intents(ledger: &SqliteLedger) -> usize {
    History::of(ledger).await.unwrap().open().count()
}

/// Stops a fix at a step, has the same plan applied again, stops the way back there too and has it
/// gone again: then the drift is as it was.
async fn there_and_back(
    stage: &Stage,
    powers: &Powers<'static>,
    drift: &Drift,
    state: &Path,
    way: Way,
    step: Step,
) {
    let told = format!("{way:?} at {step:?}");
    let ledger = stage.ledger(&told);
    let mut case = Case::new(powers, &ledger, state.to_owned());
    case.unmanaged = drift.unmanaged;
    let drifted = stage.live(&drift.resource).await;
    let before = stage.fixes(&drift.resource).await.len();
    let written = async || stage.fixes(&drift.resource).await.len() - before;
    let (plan, action) = planned(&case, drift).await;

    let world = At { powers, step, then: Then::Ends };
    let halted = case.engine(&plan.hash, &world).apply(&action, &History::default(), None).await;
    assert!(matches!(halted, Err(Halt::Stopped(at)) if at == step), "{told}: {halted:?}");
    assert_eq!(written().await, usize::from(was_written(step)), "{told}");
    let open = (Step::IntentWritten..=Step::EffectTried).contains(&step);
    assert_eq!(open_intents(&ledger).await, usize::from(open), "{told}");

    let applied = case.apply(&plan).await.unwrap_or_else(|e| panic!("{told}: {e:?}"));
    assert_eq!(applied.settled.len(), usize::from(open), "{told}");
    let after = applied.plan.actions.iter().find(|a| a.digest == action.digest).unwrap();
    assert_eq!(after.state, ActionState::Verified, "{told}: {after:#?}");
    assert_eq!(applied.ran.is_empty(), was_written(step), "{told}: {:?}", applied.ran);
    assert_eq!(written().await, 1, "{told}");
    assert_eq!(open_intents(&ledger).await, 0, "{told}");
    assert_mended(stage, drift).await;
    // And nothing is left to do.
    let again = case.plan().await;
    assert!(again.actions.iter().all(|a| a.native_id != drift.resource.native_id), "{again:#?}");

    let history = History::of(&ledger).await.unwrap();
    if way == Way::AzureCreate {
        // By now it may hold data: what made it takes it away no more.
        let undone = case.engine(&plan.hash, powers).undo(&action.digest, &history).await;
        assert!(matches!(undone, Ok(Err(CannotUndo::WouldDelete(..)))), "{told}: {undone:?}");
        assert_eq!(written().await, 1, "{told}");
        stage.remove(&drift.resource).await;
        return;
    }
    let halted = case.engine(&plan.hash, &world).undo(&action.digest, &history).await;
    // It has no step before its intent: there it has gone all the way.
    match step {
        Step::Begun => assert!(matches!(halted, Ok(Ok(_))), "{told}: {halted:?}"),
        _ => assert!(matches!(halted, Err(Halt::Stopped(at)) if at == step), "{told}: {halted:?}"),
    }
    let done = step == Step::Begun || was_written(step);
    assert_eq!(written().await, 1 + usize::from(done), "{told}");
    let request =
        UndoRequest { target: "test".to_owned(), action: action.digest.clone(), by: None };
    match operations::remediation::undo(request, powers, &case.policy, &ledger).await.unwrap() {
        Err(why) if done => assert!(why.to_string().contains("nothing to take back"), "{why}"),
        Ok(undone) if !done => assert_eq!(undone.done.state, ActionState::Undone, "{undone:?}"),
        other => panic!("{told}: {other:?}"),
    }
    assert_eq!(written().await, 2, "{told}");
    assert_eq!(open_intents(&ledger).await, 0, "{told}");
    let now = stage.live(&drift.resource).await;
    assert_eq!(now.is_some(), drifted.is_some(), "{told}");
    for change in &action.changes {
        let name = change.path.attribute();
        let of = |r: &Option<Resource>| r.as_ref().and_then(|r| r.attributes.get(name)).cloned();
        assert_eq!(of(&now), of(&drifted), "{told}: {name}");
    }
    // The plan that mended it does not do it again, and a new one asks.
    let applied = case.apply(&plan).await.unwrap();
    assert!(applied.ran.is_empty(), "{told}: {:?}", applied.ran);
    let (_, asked) = planned(&case, drift).await;
    assert_eq!(asked.decision, Decision::Ask, "{told}: {asked:#?}");
    assert_eq!(written().await, 2, "{told}");
    ledger.verify(None).await.unwrap();
}

async fn assert_mended(stage: &Stage, drift: &Drift) {
    let live = stage.live(&drift.resource).await;
    match drift.remedy {
        "remove_unmanaged" => assert!(live.is_none(), "{live:?}"),
        _ => {
            let live = live.unwrap();
            for name in ["allow_nested_items_to_be_public", "members", FLAG] {
                let wanted = drift.resource.attributes.get(name);
                assert_eq!(live.attributes.get(name), wanted, "{name}");
            }
        }
    }
}

const FLAG: &str = "block_public_policy";

async fn every_step(stage: &Stage, ways: &[Way]) {
    for way in ways {
        let name = format!("{way:?}").to_lowercase();
        let drift = drift(stage, *way, &name).await;
        let powers = stage.powers_over(drift.resource.kind.as_str()).await;
        let state = stage.state(3, &drift.state);
        for step in Step::ALL {
            there_and_back(stage, &powers, &drift, &state, *way, step).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_at_any_step_nothing_is_lost_or_done_twice() {
    let stage = Stage::start().await;
    tokio::join!(every_step(&stage, &AWS), every_step(&stage, &AZURE), every_step(&stage, &GCP));
    stage.running.stop().await;
}
