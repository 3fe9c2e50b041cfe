//! The program itself, killed at any moment and started again, and two of it at once.

use crate::desk::{Desk, block_on};
use crate::log;
use crate::stage::GUARD;
use provider::audit_log::About;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Names are no matter here: a log that is empty is at hand.
const OWN: [&str; 6] = ["--state", "prod.tfstate", "--target", "local", "--events", "log"];

/// So many buckets without their guards, with the belts off, the plan for them, and how long it took
/// to look at them.
fn many(buckets: usize) -> (Desk, Value, Duration) {
    let desk = Desk::founded();
    let names: Vec<String> = (0..buckets).map(|n| format!("bucket-{n:02}")).collect();
    let resources = desk.unguarded(&names.iter().map(String::as_str).collect::<Vec<_>>());
    desk.state("prod.tfstate", 3, &resources);
    desk.lab
        .write("remediation.toml", "[belts]\nchanges_per_run = 500\nchanges_per_minute = 500\n");
    desk.lab.write("log/111122223333_CloudTrail_us-east-1_1.json", "{\"Records\":[]}");
    let began = Instant::now();
    let plan = desk.plan(&OWN);
    let look = began.elapsed();
    assert_eq!(plan["actions"].as_array().unwrap().len(), buckets);
    (desk, plan, look)
}

fn apply(desk: &Desk, plan: &Value) -> Child {
    let hash = plan["hash"].as_str().unwrap();
    let arguments = [&["run", "remediate", "--apply", "--plan", hash, "-q"], &OWN[..]].concat();
    let mut command = desk.lab.command(&arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// How often the remediator wrote each bucket's guard, by the cloud's own log.
fn written(desk: &Desk, buckets: usize) -> BTreeMap<String, usize> {
    block_on(async {
        let (log_reader, us) = (desk.aws("log-reader").await, desk.aws("remediator").await);
        let mut counts = BTreeMap::new();
        for n in 0..buckets {
            let bucket = format!("bucket-{n:02}");
            let about = About::Resources(vec![(GUARD.into(), bucket.clone())]);
            counts.insert(bucket, log::changes(&log_reader, &us, about).await.len());
        }
        counts
    })
}

#[test]
#[cfg(unix)]
fn killed_at_any_moment_and_started_again_each_fix_is_made_once() {
    const BUCKETS: usize = 30;
    let (desk, plan, look) = many(BUCKETS);
    let mut kills = 0;
    // Writes that take their time, and moments spread over all of a run.
    desk.fault(&["--operation", "PutPublicAccessBlock", "latency", "20"]);
    let half = look / 2;
    for wait in (0..).map(|n: u64| half + Duration::from_millis((n * 337) % 1700)) {
        let mut run = apply(&desk, &plan);
        std::thread::sleep(wait);
        if run.try_wait().unwrap().is_some() {
            journeys::lab::wait(run).expect(0);
            break;
        }
        run.kill().unwrap();
        run.wait().unwrap();
        kills += 1;
        assert!(kills < 100, "it makes no way");
    }
    assert!(kills > 2, "killed {kills} times: too seldom to tell anything");
    let counts = written(&desk, BUCKETS);
    assert!(counts.values().all(|n| *n == 1), "after {kills} kills: {counts:?}");
    desk.run(&["ledger", "verify"]).expect(0);
    let intents: Vec<String> = keys(&desk, "intent");
    let mut outcomes = keys(&desk, "outcome");
    outcomes.sort();
    let mut closed = intents.clone();
    closed.sort();
    assert_eq!(closed, outcomes, "an intent is open");
    desk.run(&[&["run", "remediate"], &OWN[..4]].concat()).expect(0);
}

fn keys(desk: &Desk, kind: &str) -> Vec<String> {
    let of_kind = desk.entries().into_iter().filter(|e| e["kind"] == kind);
    of_kind.map(|e| e["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn two_applies_at_once_make_each_fix_once() {
    const BUCKETS: usize = 8;
    let (desk, plan, _) = many(BUCKETS);
    let runs = [apply(&desk, &plan), apply(&desk, &plan)];
    for run in runs.map(journeys::lab::wait) {
        run.expect(0);
    }
    let counts = written(&desk, BUCKETS);
    assert!(counts.values().all(|n| *n == 1), "{counts:?}");
    assert_eq!(keys(&desk, "intent").len(), BUCKETS);
    desk.run(&["ledger", "verify"]).expect(0);

    // One that holds the folder for longer is named, and nothing is changed beside it.
    let holder = std::fs::File::options()
        .write(true)
        .open(desk.lab.path().join(".lab/remediate.lock"))
        .unwrap();
    holder.lock().unwrap();
    let run = journeys::lab::wait(apply(&desk, &plan)).expect(1);
    assert!(run.stderr.contains("another run is changing clouds"), "{}", run.stderr);
    assert!(run.stderr.contains("lab run remediate --apply (process "), "{}", run.stderr);
}
