//! What an apply ends with, row by row (docs/stability.md).

use crate::desk::{Desk, block_on, id, resource, states};
use crate::stage::{GUARD, flags};
use serde_json::Value;

const OWN: [&str; 4] = ["--state", "prod.tfstate", "--target", "local"];

fn address(name: &str) -> String {
    format!("aws_s3_bucket_public_access_block.{name}")
}

/// Three buckets without their guards, under a policy.
struct Three {
    desk: Desk,
}

impl Three {
    fn new() -> Self {
        let desk = Desk::founded();
        let resources = desk.unguarded(&["one", "two", "three"]);
        desk.state("prod.tfstate", 3, &resources);
        Three { desk }
    }

    /// Takes the guards down again, and plans under these rules.
    fn again(&self, rules: &str) -> Value {
        let maya = block_on(self.desk.aws("maya.chen"));
        for name in ["one", "two", "three"] {
            block_on(maya.writer.update(&resource(GUARD, name), &flags(false))).unwrap();
        }
        let rules = format!("{rules}[belts]\nfixes_per_hour = 100\nchanges_per_minute = 100\n");
        self.desk.lab.write("remediation.toml", rules);
        self.desk.plan(&OWN)
    }

    fn apply(&self, plan: &Value, code: i32) -> Value {
        self.desk.applied(plan, &OWN, code)
    }
}

const ASK_ONE: &str = "[[rule]]\ndecision = \"ask\"\naddresses = [\"*.one\"]\n";

#[test]
fn an_apply_ends_as_the_contract_says() {
    let three = Three::new();
    let desk = &three.desk;
    // Everything asked for was done.
    let plan = three.again("");
    assert_eq!(states(&three.apply(&plan, 0)), ["verified"; 3]);
    // One failed: the others wait, and that is the lesser news.
    let plan = three.again(ASK_ONE);
    desk.fault(&["--operation", "PutPublicAccessBlock", "deny"]);
    let failed = three.apply(&plan, 1);
    assert!(states(&failed).contains(&"failed"), "{failed:#}");
    // Nothing hides a failure.
    desk.apply(&plan, &[&OWN[..], &["--exit-zero"]].concat()).expect(1);
    desk.calm();
    // One waits.
    assert_eq!(states(&three.apply(&plan, 2)).iter().filter(|s| **s == "planned").count(), 1);
    desk.apply(&plan, &[&OWN[..], &["--exit-zero"]].concat()).expect(0);
    // Held back, and one waits: a person comes first. Then held back alone.
    let one = [&OWN[..], &["--max-changes", "1"]].concat();
    let plan = three.again(ASK_ONE);
    assert!(states(&desk.applied(&plan, &one, 2)).contains(&"held_back"));
    let plan = three.again("");
    assert!(states(&desk.applied(&plan, &one, 3)).contains(&"held_back"));
    // Refused: something had moved.
    let plan = three.again("");
    let maya = block_on(desk.aws("maya.chen"));
    let two = resource(GUARD, "two");
    block_on(maya.writer.delete(&two)).unwrap();
    desk.apply(&plan, &OWN).expect(3);
    desk.apply(&plan, &[&OWN[..], &["--exit-zero"]].concat()).expect(0);
    let mut back = flags(true);
    back.insert("bucket".to_owned(), "two".into());
    block_on(maya.writer.create(&GUARD.into(), &back)).unwrap();
    // Rejected, and nothing waits.
    let plan = three.again(ASK_ONE);
    let no = ["remediate", "reject", id(&plan, &address("one")), "--reason", "wanted so"];
    desk.run(&no).expect(0);
    assert!(states(&three.apply(&plan, 3)).contains(&"rejected"));
    desk.apply(&plan, &[&OWN[..], &["--exit-zero"]].concat()).expect(0);
}

#[test]
fn wrong_usage_changes_nothing_and_says_what_is_right() {
    let three = Three::new();
    let desk = &three.desk;
    let plan = three.again("");
    let hash = plan["hash"].as_str().unwrap();
    for arguments in [
        &["run", "remediate", "--apply"][..],
        &["run", "remediate", "--plan", hash],
        &["run", "remediate", "--apply", "--plan", "12345678"],
        &["run", "remediate", "--apply", "--plan", hash, "--max-changes", "0"],
        &["run", "remediate", "--apply", "--plan", hash, "--state", "prod.tfstate"],
        &["run", "remediate", "--format", "sarif"],
        &["remediate", "approve", "A-0000"],
        &["remediate", "reject", id(&plan, &address("one"))],
        &["remediate", "undo", "A-0000"],
        &["ledger", "show", "A-0000"],
        &["ledger", "verify", "--head", "here"],
    ] {
        let run = desk.run(arguments).expect(64);
        assert!(run.stderr.contains("error"), "{arguments:?}: {}", run.stderr);
    }
    assert_eq!(desk.fixes(), [""; 0]);
}
