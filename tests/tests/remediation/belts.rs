//! The limits of a run, of a minute and of one resource; what is protected; what the policy's file
//! makes ask; and a run that ends when what it wrote does not hold.

use crate::desk::{Desk, action, block_on, count, id, resource, states};
use crate::stage::{Case, GUARD, Stage, flags, managed, powers_of};
use async_trait::async_trait;
use model::{ActionState, Attributes, Cloud, KindName, Resource};
use provider::{Connection, ProviderError, Writer};
use serde_json::Value;
use std::sync::Arc;

const OWN: [&str; 4] = ["--state", "prod.tfstate", "--target", "local"];
const PUT: &str = "PutBucketPublicAccessBlock";

/// Three buckets without their guards.
fn three() -> (Desk, Value) {
    let desk = Desk::founded();
    let resources = desk.unguarded(&["one", "two", "three"]);
    desk.state("prod.tfstate", 3, &resources);
    let plan = desk.plan(&OWN);
    (desk, plan)
}

#[test]
fn over_the_limit_of_a_run_or_a_minute_is_held_back_and_told() {
    let (desk, plan) = three();
    let applied = desk.applied(&plan, &[&OWN[..], &["--max-changes", "1"]].concat(), 3);
    assert_eq!(states(&applied), ["verified", "held_back", "held_back"], "{applied:#}");
    assert_eq!(applied["held_back"], serde_json::json!({"count": 2, "flag": "--max-changes"}));
    assert_eq!(desk.fixes(), [PUT]);
    // One change is of this minute; two are allowed in one.
    desk.lab.write("remediation.toml", "[belts]\nchanges_per_minute = 2\n");
    let applied = desk.applied(&plan, &OWN, 3);
    assert_eq!(states(&applied), ["verified", "verified", "held_back"], "{applied:#}");
    assert_eq!(applied["held_back"]["flag"], "changes_per_minute");
    desk.applied(&plan, &OWN, 3);
    assert_eq!(desk.fixes(), [PUT; 2]);
    desk.lab.write("remediation.toml", "[belts]\nchanges_per_minute = 20\nchanges_per_run = 1\n");
    desk.applied(&plan, &OWN, 0);
    assert_eq!(desk.fixes(), [PUT; 3]);
}

#[test]
fn what_somebody_takes_down_again_and_again_is_asked_about() {
    let (desk, _) = three();
    let maya = block_on(desk.aws("maya.chen"));
    let guard = resource(GUARD, "one");
    let mended = |plan: &Value| desk.applied(plan, &OWN, 0);
    for _ in 0..3 {
        mended(&desk.plan(&OWN));
        block_on(maya.writer.update(&guard, &flags(false))).unwrap();
    }
    let plan = desk.plan(&OWN);
    let asked = action(&plan, "aws_s3_bucket_public_access_block.one");
    assert_eq!(asked["decision"], "ask", "{plan:#}");
    assert!(asked["reason"].as_str().unwrap().contains("3 times within an hour"), "{asked:#}");
    let before = desk.fixes().len();
    desk.applied(&plan, &OWN, 2);
    assert_eq!(desk.fixes().len(), before);
    // A person may say yes to it.
    desk.run(&["remediate", "approve", asked["id"].as_str().unwrap()]).expect(0);
    desk.applied(&plan, &OWN, 0);
    assert_eq!(desk.fixes().len(), before + 1);
}

/// As now, for the hours of a rule.
fn hours(from: i64, until: i64) -> String {
    let text =
        |seconds| crate::stage::now().plus_seconds(seconds).to_seconds_text()[11..16].to_owned();
    format!("{}-{}", text(from), text(until))
}

#[test]
fn rules_hold_by_tag_by_doer_by_hour_and_in_a_freeze() {
    let desk = Desk::laid_out();
    let decided = |rules: &str, address: &str| {
        desk.lab.write("remediation.toml", rules);
        let plan = desk.plan(&[]);
        let found = action(&plan, address).clone();
        (found["decision"].as_str().unwrap().to_owned(), found)
    };
    let policy = "aws_s3_bucket_policy.exports";
    let guard = "aws_s3_bucket_public_access_block.exports";
    let built_in = desk.plan(&[]);

    // The tags of the bucket that a policy belongs to.
    let rule = "[[rule]]\ndecision = \"ask\"\ntags = { data = \"customer\" }\n";
    let (decision, found) = decided(rule, policy);
    assert_eq!(decision, "ask");
    assert_eq!(found["reason"], "tagged data=customer");
    assert_eq!(found["rule"], "remediation.toml:1");
    assert_eq!(decided(rule, "azurerm_storage_account.reports").0, "fix");
    let other = "[[rule]]\ndecision = \"ask\"\ntags = { data = \"public\" }\n";
    assert_eq!(decided(other, policy).0, "fix");

    let who = "[[rule]]\ndecision = \"ask\"\nwho = [\"*maya.chen@example.com\"]\n";
    assert_eq!(decided(who, guard).0, "ask");
    assert_eq!(decided(who, policy).0, "fix");

    let rule = |hours: &str| format!("[[rule]]\ndecision = \"ask\"\nhours = \"{hours}\"\n");
    assert_eq!(decided(&rule(&hours(-3600, 3600)), guard).0, "ask");
    assert_eq!(decided(&rule(&hours(3600, 7200)), guard).0, "fix");

    let at =
        |seconds| crate::stage::now().plus_seconds(seconds).to_seconds_text().replace(' ', "T");
    let moment =
        |seconds: i64| at(seconds).trim_end_matches("TUTC").trim_end_matches('Z').to_owned() + "Z";
    let freeze = |from: i64, until: i64| {
        format!(
            "[[freeze]]\nfrom = {}\nuntil = {}\nreason = \"end of year\"\n",
            moment(from),
            moment(until)
        )
    };
    assert_eq!(decided(&freeze(3600, 7200), guard).0, "fix");
    let (decision, found) = decided(&freeze(-3600, 3600), guard);
    assert_eq!(decision, "ask");
    assert!(found["reason"].as_str().unwrap().starts_with("end of year, until "), "{found:#}");
    // A plan from before the freeze is not a way around it.
    let run = desk.apply(&built_in, &[]).expect(3);
    let told = format!("{}{}", run.stdout, run.stderr);
    assert!(told.contains("the policy asks by now") && told.contains("end of year"), "{told}");
    assert_eq!(desk.fixes(), [""; 0]);

    // A policy that cannot be read decides nothing.
    desk.lab.write("remediation.toml", "[[rule]]\ndecision = \"fix\"\nkind = [\"*\"]\n");
    let run = desk.run(&["run", "remediate"]).expect(64);
    assert!(run.stderr.contains("remediation.toml line 3"), "{}", run.stderr);
    desk.apply(&built_in, &[]).expect(64);
    assert_eq!(desk.fixes(), [""; 0]);
}

#[test]
fn what_is_protected_is_not_written_whoever_says_yes() {
    let (desk, plan) = three();
    let address = "aws_s3_bucket_public_access_block.two";
    desk.run(&["remediate", "approve", id(&plan, address)]).expect(0);
    desk.lab.write("remediation.toml", "[belts]\nprotect = [\"*.two\"]\n");
    let applied = desk.applied(&plan, &OWN, 2);
    assert_eq!(count(&applied, "verified"), 2, "{applied:#}");
    assert_eq!(action(&applied, address)["state"], "approved");
    let run = desk.run(&["remediate", "approve", id(&plan, address)]).expect(3);
    assert!(run.stderr.contains("protected"), "{}", run.stderr);
    assert_eq!(desk.fixes(), [PUT; 2]);
}

/// Somebody else, who puts back at once what is written of one bucket.
struct Contested {
    ours: Arc<dyn Writer>,
    theirs: Connection,
    bucket: &'static str,
}

#[async_trait]
impl Writer for Contested {
    fn cloud(&self) -> Cloud {
        self.ours.cloud()
    }

    async fn create(&self, kind: &KindName, to: &Attributes) -> Result<Resource, ProviderError> {
        self.ours.create(kind, to).await
    }

    async fn update(&self, current: &Resource, to: &Attributes) -> Result<(), ProviderError> {
        self.ours.update(current, to).await?;
        if current.native_id == self.bucket {
            let mut back = current.clone();
            back.attributes.extend(to.clone());
            let was =
                to.keys().filter_map(|k| Some((k.clone(), current.attributes.get(k)?.clone())));
            self.theirs.writer.update(&back, &was.collect()).await.unwrap();
        }
        Ok(())
    }

    async fn delete(&self, current: &Resource) -> Result<(), ProviderError> {
        self.ours.delete(current).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fix_that_does_not_hold_ends_the_run() {
    let stage = Stage::start().await;
    let mut state = Vec::new();
    for name in ["one", "two", "three"] {
        let guard = stage.guarded(name).await;
        stage.change(&guard, flags(false)).await;
        state.push(managed(name, &guard));
    }
    let ledger = stage.ledger("ledger.db");
    let state = stage.state(3, &state);
    let plan = Case::new(&stage.powers().await, &ledger, state.clone()).plan().await;
    let second = plan.actions[1].native_id.clone();
    let mut ours = stage.cast("remediator").await;
    ours[0].writer = Arc::new(Contested {
        ours: ours[0].writer.clone(),
        theirs: stage.deployer[0].clone(),
        bucket: ["one", "two", "three"].into_iter().find(|b| *b == second).unwrap(),
    });
    let powers = powers_of(&ours).await;
    let case = Case::new(&powers, &ledger, state);
    let applied = case.apply(&plan).await.unwrap();
    assert!(applied.broken);
    let states: Vec<ActionState> = applied.plan.actions.iter().map(|a| a.state).collect();
    assert_eq!(states, [ActionState::Verified, ActionState::Failed, ActionState::Planned]);
    let told = applied.plan.actions[1].outcome.as_deref().unwrap();
    assert_eq!(told, "the cloud took the write and shows what was there before");
    for (action, written) in plan.actions.iter().zip([1, 1, 0]) {
        let mut guard = resource(GUARD, &action.native_id);
        guard.region.clone_from(&action.region);
        assert_eq!(stage.fixes(&guard).await.len(), written, "{}", action.native_id);
    }
    stage.running.stop().await;
}
