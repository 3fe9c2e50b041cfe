//! What has moved between a plan and its apply: then nothing runs, and it is said what moved and
//! whose doing that was.

use crate::desk::{Desk, block_on, count, id, resource};
use crate::stage::{GUARD, POLICY, attributes, flags, state};
use journeys::lab::Run;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Two buckets without their guards, and the state that wants them guarded.
struct Slip {
    desk: Desk,
    state: PathBuf,
    resources: Vec<Value>,
    plan: Value,
}

const LOCAL: [&str; 2] = ["--target", "local"];

fn slip() -> Slip {
    let desk = Desk::founded();
    let resources = desk.unguarded(&["one", "two"]);
    let state = desk.state("prod.tfstate", 41, &resources);
    let plan = desk.plan(&["--state", "prod.tfstate", "--target", "local"]);
    assert_eq!(plan["actions"].as_array().unwrap().len(), 2, "{plan:#}");
    Slip { desk, state, resources, plan }
}

impl Slip {
    fn apply(&self) -> Run {
        let arguments = ["--state", "prod.tfstate", LOCAL[0], LOCAL[1]];
        self.desk.apply(&self.plan, &arguments)
    }

    /// Refused, with these words, and no cloud has seen a change.
    #[track_caller]
    fn refuses(&self, words: &[&str]) {
        let told = told(self.apply().expect(3));
        for word in [&["nothing was applied"], words].concat() {
            assert!(told.contains(word), "{word}: {told}");
        }
        assert_eq!(self.desk.fixes(), [""; 0]);
        let entries = self.desk.entries();
        assert!(entries.iter().all(|e| e["kind"] == "plan"), "{entries:#?}");
    }

    fn write(&self, change: impl FnOnce(&mut Value)) {
        let mut document = state(41, &self.resources);
        change(&mut document);
        std::fs::write(&self.state, document.to_string()).unwrap();
    }
}

fn told(run: Run) -> String {
    format!("{}{}", run.stdout, run.stderr)
}

#[test]
fn a_plan_that_no_longer_fits_runs_nothing() {
    let slip = slip();
    slip.write(|state| state["serial"] = json!(42));
    slip.refuses(&["prod.tfstate", "serial 41 -> 42"]);
    slip.write(|state| state["lineage"] = json!("0a0a0a0a-1111-2222-3333-444444444444"));
    slip.refuses(&["prod.tfstate", "lineage"]);
    // Another value is wanted, under the same serial.
    slip.write(|state| {
        state["resources"][0]["instances"][0]["attributes"]["block_public_acls"] = json!(false);
    });
    slip.refuses(&["aws_s3_bucket_public_access_block.one"]);
    std::fs::remove_file(&slip.state).unwrap();
    slip.refuses(&["prod.tfstate"]);
    // What Terraform's local backend leaves while it works.
    slip.write(|_| {});
    let lock = slip.desk.lab.path().join(".prod.tfstate.lock.info");
    let info = json!({"ID": "0", "Operation": "OperationTypeApply", "Who": "maya@build-7",
        "Version": "1.11.4", "Created": "2026-01-02T03:04:05Z", "Path": "prod.tfstate"});
    std::fs::write(&lock, info.to_string()).unwrap();
    slip.refuses(&["locked", "maya@build-7", "OperationTypeApply"]);
    std::fs::remove_file(&lock).unwrap();

    // One of the two moved: the other does not run either.
    let maya = block_on(slip.desk.aws("maya.chen"));
    let one = resource(GUARD, "one");
    let moved = attributes(json!({"block_public_acls": true}));
    block_on(maya.writer.update(&one, &moved)).unwrap();
    slip.refuses(&[
        "aws_s3_bucket_public_access_block.one",
        "block_public_acls has moved",
        "maya.chen@example.com",
        "PutBucketPublicAccessBlock",
    ]);
    // It is gone altogether.
    block_on(maya.writer.delete(&one)).unwrap();
    slip.refuses(&["aws_s3_bucket_public_access_block.one", "gone"]);
    let mut back = flags(false);
    back.insert("bucket".to_owned(), "one".into());
    block_on(maya.writer.create(&GUARD.into(), &back)).unwrap();

    // And as it was, it runs.
    let run = slip.apply().expect(0);
    assert!(run.stdout.contains("2 fixed and verified"), "{}", run.stdout);
    assert_eq!(slip.desk.fixes(), ["PutBucketPublicAccessBlock"; 2]);
}

#[test]
fn a_state_in_a_bucket_is_held_to_the_same() {
    let desk = Desk::founded();
    let resources = desk.unguarded(&["one"]);
    let deployer = block_on(desk.aws("deployer"));
    let put = |key: &str, document: Value| {
        let body = document.to_string().into();
        block_on(deployer.sink.put_if_absent("states", key, body)).unwrap();
    };
    let bucket = attributes(json!({"bucket": "states"}));
    block_on(deployer.writer.create(&"aws_s3_bucket".into(), &bucket)).unwrap();
    put("prod.tfstate", state(7, &resources));
    // The remediator reads no objects by itself: that is granted where states lie in buckets.
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/remediator"},
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::states", "arn:aws:s3:::states/*"],
    }]});
    let policy = attributes(json!({"bucket": "states", "policy": policy.to_string()}));
    block_on(deployer.writer.create(&POLICY.into(), &policy)).unwrap();

    let url = ["--state", "s3://states/prod.tfstate", "--target", "local"];
    let plan = desk.plan(&url);
    put(
        "prod.tfstate.tflock",
        json!({"ID": "1", "Operation": "OperationTypePlan",
        "Who": "ci@runner", "Created": "2026-01-02T03:04:05Z"}),
    );
    let run = desk.apply(&plan, &url).expect(3);
    let told = told(run);
    assert!(told.contains("locked") && told.contains("ci@runner"), "{told}");
    assert_eq!(desk.fixes(), [""; 0]);
}

#[test]
fn what_moved_is_told_with_whose_doing_it_was() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let maya = block_on(desk.aws("maya.chen"));
    let guard = resource(GUARD, "acme-exports");
    block_on(maya.writer.update(&guard, &flags(false))).unwrap();
    let run = desk.apply(&plan, &[]).expect(3);
    for word in ["no longer fits", "public_access_block.exports", "maya.chen@example.com"] {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    assert_eq!(desk.fixes(), [""; 0]);
    // A new plan is about what is there now.
    let plan = desk.plan(&[]);
    assert_eq!(count(&desk.applied(&plan, &[], 2), "verified"), 5);
}

#[test]
fn undo_leaves_alone_what_somebody_changed_since() {
    let desk = Desk::laid_out();
    let plan = desk.plan(&[]);
    let address = "aws_s3_bucket_public_access_block.exports";
    desk.applied(&plan, &["--only", address], 2);
    let maya = block_on(desk.aws("maya.chen"));
    let guard = resource(GUARD, "acme-exports");
    let moved = attributes(json!({"ignore_public_acls": false}));
    block_on(maya.writer.update(&guard, &moved)).unwrap();
    let run = desk.run(&["remediate", "undo", id(&plan, address)]).expect(3);
    assert!(run.stderr.contains("somebody else's change"), "{}", run.stderr);
    assert!(run.stderr.contains("what was there before"), "{}", run.stderr);
    assert_eq!(desk.fixes(), ["PutBucketPublicAccessBlock"]);
}

#[test]
fn a_state_of_another_account_is_never_mended() {
    let desk = Desk::founded();
    let resources = desk.unguarded(&["one"]);
    desk.state("prod.tfstate", 41, &resources);
    let arguments = ["--state", "prod.tfstate", "--target", "local"];
    let plan = desk.plan(&arguments);
    // Somebody copies the state of another account over it, under the same serial and lineage.
    let mut foreign = resources.clone();
    foreign.push(json!({
        "mode": "managed", "type": "aws_s3_bucket", "name": "other",
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
        "instances": [{"schema_version": 0, "attributes": {"id": "other", "bucket": "other",
            "arn": "arn:aws:s3:::other"}}],
    }));
    foreign.push(json!({
        "mode": "managed", "type": "aws_iam_user", "name": "other",
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
        "instances": [{"schema_version": 0, "attributes": {"id": "other", "name": "other",
            "arn": "arn:aws:iam::444455556666:user/other", "path": "/"}}],
    }));
    desk.state("prod.tfstate", 41, &foreign);
    let run = desk
        .run(&[
            "run",
            "remediate",
            "--state",
            "prod.tfstate",
            "--target",
            "local",
            "--format",
            "json",
        ])
        .expect(3);
    assert_eq!(run.json()["actions"], json!([]), "{}", run.stdout);
    desk.apply(&plan, &arguments).expect(3);
    assert_eq!(desk.fixes(), [""; 0]);
}
