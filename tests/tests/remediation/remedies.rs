//! The remedies beside restoring, with everything that follows: said yes to, done, taken back.

use crate::desk::{Desk, action, block_on, count, id};
use crate::stage::{GUARD, MEMBER, POLICY, attributes, flags, managed};
use model::{Live, Resource};
use provider::Wanted;
use serde_json::{Value, json};
use std::path::Path;

const EXPORTS: &str = "aws_s3_bucket_policy.exports";
const AUDITOR: &str = "google_storage_bucket_iam_member.models_auditor";

fn live(desk: &Desk, kind: &str, id: &str) -> Option<Resource> {
    block_on(async {
        let clouds = desk.cast("deployer").await;
        let cloud = clouds.iter().find(|c| c.catalog.owns(&kind.into())).unwrap();
        match cloud.reader.read(&Wanted::new(kind, id)).await {
            Live::Present(live) => Some(live),
            Live::Absent => None,
            Live::Unknown(why) => panic!("{kind} {id}: {why:?}"),
        }
    })
}

/// A key that Terraform recorded as active, in the hands of somebody else.
#[test]
fn a_key_is_switched_off_once_and_stays_off() {
    let desk = Desk::laid_out();
    let first = desk.plan(&[]);
    let key = |plan: &Value| {
        let actions = plan["actions"].as_array().unwrap();
        actions.iter().find(|a| a["kind"] == "aws_iam_access_key").cloned()
    };
    let key_id = key(&first).unwrap()["native_id"].as_str().unwrap().to_owned();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../terraform/environments/aws/terraform.tfstate");
    let mut state: Value = serde_json::from_slice(&std::fs::read(shipped).unwrap()).unwrap();
    state["resources"].as_array_mut().unwrap().push(json!({
        "mode": "managed", "type": "aws_iam_access_key", "name": "ci",
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
        "instances": [{"schema_version": 0, "attributes": {
            "id": key_id, "user": "ci-deploy", "status": "Active",
        }}],
    }));
    desk.lab.write("own.tfstate", state.to_string());
    let own = ["--state", "own.tfstate", "--target", "local"];
    let plan = desk.plan(&own);
    let off = key(&plan).unwrap();
    assert_eq!(off["address"], "aws_iam_access_key.ci", "{plan:#}");
    assert_eq!(off["decision"], "ask");
    // Nothing is switched off unasked.
    desk.applied(&plan, &own, 2);
    let status =
        || live(&desk, "aws_iam_access_key", &key_id).unwrap().attributes["status"].clone();
    assert_eq!(status(), "Active".into());
    // By now the finding is mended; the yes is still one to switching off the key.
    let yes = ["remediate", "approve", off["id"].as_str().unwrap()];
    desk.run(&[&yes[..], &["--plan", plan["hash"].as_str().unwrap()]].concat()).expect(0);
    let applied = desk.applied(&plan, &own, 0);
    assert_eq!(key(&applied).unwrap()["state"], "verified", "{applied:#}");
    assert_eq!(status(), "Inactive".into());

    // Terraform's state says Active still: that is known, and never put back.
    let run = desk.run(&["run", "remediate", "--format", "json", own[0], own[1], own[2], own[3]]);
    let after = run.expect(0).json();
    let accepted = key(&after).unwrap();
    assert_eq!(accepted["decision"], "accept", "{after:#}");
    assert!(accepted["reason"].as_str().unwrap().contains("switched it off"), "{accepted:#}");
    let before = desk.fixes();
    desk.applied(&after, &own, 0);
    assert_eq!(desk.fixes(), before);
    assert_eq!(status(), "Inactive".into());
    // Taken back, it is active, and in step with the state.
    desk.run(&["remediate", "undo", off["id"].as_str().unwrap()]).expect(0);
    assert_eq!(status(), "Active".into());
}

#[test]
fn only_what_was_added_is_taken_out() {
    let desk = Desk::founded();
    let statement = |sid: &str, principal: Value| {
        json!({"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::acme-data/*"})
    };
    let document = |all: &[&Value]| json!({"Version": "2012-10-17", "Statement": all}).to_string();
    let partner = statement("Partner", json!({"AWS": "arn:aws:iam::444455556666:root"}));
    let audit = statement("Audit", json!({"AWS": "arn:aws:iam::777788889999:root"}));
    let open = statement("Temp", json!("*"));
    let policy = block_on(async {
        let (deployer, maya) = (desk.aws("deployer").await, desk.aws("maya.chen").await);
        let bucket = attributes(json!({"bucket": "acme-data"}));
        deployer.writer.create(&"aws_s3_bucket".into(), &bucket).await.unwrap();
        let mut unguarded = flags(false);
        unguarded.insert("bucket".to_owned(), "acme-data".into());
        deployer.writer.create(&GUARD.into(), &unguarded).await.unwrap();
        let wanted = json!({"bucket": "acme-data", "policy": document(&[&partner, &audit])});
        let policy = deployer.writer.create(&POLICY.into(), &attributes(wanted)).await.unwrap();
        // One statement is gone, another came.
        let to = json!({"policy": document(&[&partner, &open])});
        maya.writer.update(&policy, &attributes(to)).await.unwrap();
        policy
    });
    desk.state("prod.tfstate", 3, &[managed("data", &policy)]);
    let own = ["--state", "prod.tfstate", "--target", "local"];
    let plan = desk.plan(&own);
    let found = action(&plan, "aws_s3_bucket_policy.data");
    assert_eq!(found["remedy"], "remove_additions", "{plan:#}");
    // What the state has and the cloud has not is another matter, and said.
    assert_eq!(plan["without_remedy"][0]["address"], "aws_s3_bucket_policy.data", "{plan:#}");
    desk.run(&["remediate", "approve", found["id"].as_str().unwrap()]).expect(0);
    desk.applied(&plan, &own, 0);
    let now = live(&desk, POLICY, "acme-data").unwrap().attributes["policy"].clone();
    let now: Value = serde_json::from_str(now.as_str().unwrap()).unwrap();
    let sids: Vec<&Value> =
        now["Statement"].as_array().unwrap().iter().map(|s| &s["Sid"]).collect();
    assert_eq!(sids, ["Partner"]);
    assert_eq!(desk.fixes(), ["PutBucketPolicy"]);
}

#[test]
fn a_missing_grant_is_made_again_after_a_yes_and_taken_back() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let grant = "b/acme-lab-models/roles/storage.legacyBucketReader/user:audit@example.com";
    desk.applied(&plan, &["--only", AUDITOR], 2);
    assert!(live(&desk, MEMBER, grant).is_none());
    desk.run(&["remediate", "approve", id(&plan, AUDITOR)]).expect(0);
    let applied = desk.applied(&plan, &["--only", AUDITOR], 2);
    assert_eq!(count(&applied, "verified"), 1, "{applied:#}");
    assert!(live(&desk, MEMBER, grant).is_some());
    desk.run(&["remediate", "undo", id(&plan, AUDITOR)]).expect(0);
    assert!(live(&desk, MEMBER, grant).is_none());
    assert_eq!(desk.fixes(), ["storage.setIamPermissions"; 2]);
    // What is undone cannot be undone again.
    desk.run(&["remediate", "undo", id(&plan, AUDITOR)]).expect(3);
    assert_eq!(desk.fixes().len(), 2);
}

#[test]
fn what_no_state_manages_is_removed_after_a_yes_and_put_back() {
    let desk = Desk::laid_out();
    let document = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Mallory",
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-invoices/*"}]});
    let policy = attributes(json!({"bucket": "acme-invoices", "policy": document.to_string()}));
    let maya = block_on(desk.aws("maya.chen"));
    block_on(maya.writer.create(&POLICY.into(), &policy)).unwrap();
    let plan = desk.plan(&["--unmanaged"]);
    let actions = plan["actions"].as_array().unwrap();
    let found = actions.iter().find(|a| a["native_id"] == "acme-invoices").unwrap();
    assert_eq!((&found["remedy"], &found["decision"]), (&json!("remove_unmanaged"), &json!("ask")));
    let id = found["id"].as_str().unwrap();
    desk.applied(&plan, &["--only", id], 2);
    assert_eq!(desk.fixes(), [""; 0]);
    desk.run(&["remediate", "approve", id]).expect(0);
    let applied = desk.applied(&plan, &["--only", id], 2);
    assert_eq!(count(&applied, "verified"), 1, "{applied:#}");
    assert!(live(&desk, POLICY, "acme-invoices").is_none());
    desk.run(&["remediate", "undo", id]).expect(0);
    let back = live(&desk, POLICY, "acme-invoices").unwrap().attributes["policy"].clone();
    assert_eq!(serde_json::from_str::<Value>(back.as_str().unwrap()).unwrap(), document);
    assert_eq!(desk.fixes(), ["DeleteBucketPolicy", "PutBucketPolicy"]);
}

/// The guard that was put back forbids to put the open policy back.
#[test]
fn a_later_fix_may_stand_in_the_way_of_an_undo() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    desk.applied(&plan, &[], 2);
    let (policy, guard) =
        (id(&plan, EXPORTS), id(&plan, "aws_s3_bucket_public_access_block.exports"));
    let run = desk.run(&["remediate", "undo", policy]).expect(3);
    assert!(run.stderr.contains(policy), "{}", run.stderr);
    assert!(run.stderr.contains("public") && run.stderr.contains("Temp"), "{}", run.stderr);
    let puts = |desk: &Desk| desk.fixes().iter().filter(|o| *o == "PutBucketPolicy").count();
    assert_eq!(puts(&desk), 1);
    desk.run(&["remediate", "undo", guard]).expect(0);
    desk.run(&["remediate", "undo", policy]).expect(0);
    assert_eq!(puts(&desk), 2);
}
