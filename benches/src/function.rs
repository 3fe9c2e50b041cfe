//! The function for AWS Lambda: from an event to a verified fix, its start, its size, beside a
//! handler in Python that does one such fix with boto3.

use crate::measure::{Row, median, peak_kilobytes, run};
use journeys::lab::{Lab, finish};
use journeys::lambda::{Answer, Process, RuntimeApi, binary};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

/// Events a second, for so many seconds, each of another bucket.
const RATE: u32 = 50;
const SECONDS: u32 = 10;
/// Environments of the function beside each other: Lambda gives each one event at a time.
const INSTANCES: usize = 4;
/// Fixes one after the other in one environment, for the comparison.
const ALONE: u32 = 50;
const STARTS: u32 = 7;
const GUARD: &str = "aws_s3_bucket_public_access_block";
const FLAGS: [&str; 4] =
    ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"];

fn name(number: u32) -> String {
    format!("acme-bench-{number:05}")
}

fn state(buckets: u32) -> String {
    let resources: Vec<Value> = (0..buckets)
        .map(|n| {
            let mut attributes = json!({ "id": name(n), "bucket": name(n) });
            for flag in FLAGS {
                attributes[flag] = json!(true);
            }
            json!({
                "mode": "managed", "type": GUARD, "name": format!("b{n}"),
                "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
                "instances": [{ "schema_version": 0, "attributes": attributes }],
            })
        })
        .collect();
    json!({
        "version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "bench",
        "outputs": {}, "resources": resources,
    })
    .to_string()
}

fn event(bucket: &str) -> String {
    json!({
        "version": "0", "id": "36eb8523-97d0-4518-b33d-ee3579ff19f0",
        "detail-type": "AWS API Call via CloudTrail", "source": "aws.s3",
        "detail": {
            "eventVersion": "1.11", "eventTime": "2026-01-02T14:02:11Z",
            "eventSource": "s3.amazonaws.com", "eventName": "PutBucketPublicAccessBlock",
            "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.23", "userAgent": "bench",
            "eventID": "4f0c0d5e-0000-4000-8000-000000000001", "readOnly": false,
            "recipientAccountId": "111122223333",
            "userIdentity": { "type": "IAMUser", "userName": "ci-deploy",
                "arn": "arn:aws:iam::111122223333:user/ci-deploy" },
            "requestParameters": { "bucketName": bucket },
        },
    })
    .to_string()
}

fn variables(lab: &Lab, caller: &str) -> Result<Vec<(String, String)>, String> {
    let told = finish(lab.command(&["cloud", "env", "--as", caller, "--format", "json"]));
    let env: Value = serde_json::from_str(&told.stdout).map_err(|e| e.to_string())?;
    let named = env.as_object().ok_or("no variables")?.iter();
    let aws = named.filter(|(name, _)| name.starts_with("AWS_"));
    Ok(aws.map(|(n, v)| (n.clone(), v.as_str().unwrap_or_default().to_owned())).collect())
}

/// Makes the buckets, or takes the guards of those that are there away.
fn open(lab: &Lab, buckets: std::ops::Range<u32>, make: bool) -> Result<(), String> {
    let own = variables(lab, "deployer")?;
    let url = own.iter().find(|(n, _)| n == "AWS_ENDPOINT_URL").map(|(_, v)| v.clone());
    let mut options = provider_aws::ConnectOptions::from_variables(&own, &url.unwrap_or_default());
    options.limits.rate = 10_000.0;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let deployer = provider_aws::connect(options).await.map_err(|e| e.to_string())?;
        let off: model::Attributes =
            FLAGS.iter().map(|flag| ((*flag).to_owned(), false.into())).collect();
        for number in buckets {
            let bucket = name(number);
            if make {
                let wanted = [("bucket".to_owned(), bucket.as_str().into())].into();
                let made = deployer.writer.create(&"aws_s3_bucket".into(), &wanted).await;
                made.map_err(|e| e.to_string())?;
            }
            let guard = model::Resource {
                cloud: provider_aws::CLOUD,
                account: None,
                region: None,
                kind: GUARD.into(),
                native_id: bucket,
                attributes: model::Attributes::new(),
            };
            deployer.writer.update(&guard, &off).await.map_err(|e| e.to_string())?;
        }
        Ok(())
    })
}

/// Where the states and the record of a function are, and its policy, whose belts are lifted.
fn settings(lab: &Lab, ledger: &str) -> Result<Vec<(String, String)>, String> {
    let policy = lab.write(
        "remediation.toml",
        "[belts]\nchanges_per_run = 1000000\nchanges_per_minute = 1000000\nfixes_per_hour = 1000000\n",
    );
    let mut all = variables(lab, "deployer")?;
    for (name, value) in [
        ("LAB_STATES", format!("file://{}", lab.path().join("estate.tfstate").display())),
        ("LAB_POLICY", format!("file://{}", policy.display())),
        ("LAB_LEDGER", ledger.to_owned()),
        ("LAB_APPLY", "true".to_owned()),
    ] {
        all.push((name.to_owned(), value));
    }
    Ok(all)
}

fn verified(answer: Answer) -> Result<(), String> {
    match answer {
        Answer::Response(told) if told["actions"][0]["state"] == "verified" => Ok(()),
        Answer::Response(told) if told["state"] == "verified" => Ok(()),
        other => Err(format!("not mended: {other:?}")),
    }
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

/// `under 50 ms 312, 100 ms 160, ...`
fn histogram(times: &[Duration]) -> String {
    let mut text = String::new();
    let mut below = 0;
    for edge in [25, 50, 100, 150, 250, 500, 1000] {
        let up_to = times.iter().filter(|t| t.as_millis() < edge).count();
        if up_to > below {
            text += &format!("<{edge}: {}  ", up_to - below);
        }
        below = up_to;
    }
    match times.len() - below {
        0 => text.trim_end().to_owned(),
        more => format!("{text}more: {more}"),
    }
}

/// Of sorted times, the one that so many hundredths do not exceed.
fn percentile(sorted: &[Duration], hundredths: usize) -> f64 {
    let at = (sorted.len() * hundredths).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().map_or(0.0, milliseconds)
}

pub fn function() -> Result<Vec<Row>, String> {
    let lab = Lab::default();
    let events = RATE * SECONDS;
    let buckets = events + ALONE;
    lab.write("estate.tfstate", state(buckets));
    run(&lab, &["cloud", "start"], 0)?;
    open(&lab, 0..buckets, true)?;
    let own = settings(&lab, &format!("file://{}", lab.path().join("ledger").display()))?;
    let mut rows = Vec::new();
    rows.extend(under_load(&own, events)?);
    rows.extend(starts(&own, None)?);
    rows.push(alone(&own, events..buckets, None)?);
    open(&lab, events..buckets, false)?;
    match python() {
        Ok(handler) => {
            let why = "for comparison: reads, writes, reads back";
            let beside = |mut row: Row| {
                row.what = format!("Python and boto3: {}", row.what);
                row.budget = why.to_owned();
                row
            };
            rows.extend(starts(&own, Some(&handler))?.into_iter().map(beside));
            rows.push(beside(alone(&own, events..buckets, Some(&handler))?));
        }
        Err(why) => rows.push(Row {
            what: "Python and boto3".to_owned(),
            figure: format!("not measured: {why}"),
            budget: String::new(),
        }),
    }
    run(&lab, &["cloud", "stop"], 0)?;
    let size = std::fs::metadata(binary()).map_or(0, |m| m.len());
    rows.push(Row {
        what: "function: size of the binary".to_owned(),
        figure: format!("{:.1} MB", size as f64 / 1e6),
        budget: "under 25 MB, stripped".to_owned(),
    });
    Ok(rows)
}

/// Events at an even rate; each one's time begins when it is due, whether or not somebody was
/// free to take it.
fn under_load(own: &[(String, String)], events: u32) -> Result<Vec<Row>, String> {
    let api = RuntimeApi::default();
    let processes: Vec<Process> = (0..INSTANCES).map(|_| Process::start(&api, own)).collect();
    api.ready();
    let began = Instant::now();
    let mut due = Vec::new();
    for number in 0..events {
        let at = began + Duration::from_secs(1) * number / RATE;
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        due.push((api.submit(event(&name(number)), Duration::from_secs(60)), at));
    }
    let mut times = Vec::new();
    for (id, at) in due {
        let (answer, answered) = api.answered(&id);
        verified(answer)?;
        times.push(answered.duration_since(at));
    }
    times.sort();
    let peak = processes.iter().map(|p| peak_kilobytes(p.id())).max().unwrap_or(0);
    Ok(vec![
        Row {
            what: format!("event to verified fix, {RATE} a second, {INSTANCES} instances"),
            figure: format!(
                "p50 {:.0} ms, p99 {:.0} ms, most {:.0} ms",
                percentile(&times, 50),
                percentile(&times, 99),
                percentile(&times, 100)
            ),
            budget: "p99 under 250 ms".to_owned(),
        },
        Row {
            what: format!("of {events} events, in milliseconds"),
            figure: histogram(&times),
            budget: String::new(),
        },
        Row {
            what: "function: memory at most, after that".to_owned(),
            figure: format!("{:.1} MB", peak as f64 / 1024.0),
            budget: String::new(),
        },
    ])
}

/// From the start of the process until it asks for its first event.
fn starts(own: &[(String, String)], handler: Option<&Command>) -> Result<Vec<Row>, String> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let api = RuntimeApi::default();
        let began = Instant::now();
        let process = process(&api, own, handler);
        times.push(api.ready().duration_since(began));
        drop(process);
    }
    Ok(vec![Row {
        what: "function: start to ready for its first event".to_owned(),
        figure: median(times),
        budget: "under 50 ms".to_owned(),
    }])
}

fn process(api: &RuntimeApi, own: &[(String, String)], handler: Option<&Command>) -> Process {
    match handler {
        None => Process::start(api, own),
        Some(handler) => {
            let mut command = Command::new(handler.get_program());
            command.args(handler.get_args());
            Process::start_as(command, api, own)
        }
    }
}

/// One fix after the other; the first one of an instance apart.
fn alone(
    own: &[(String, String)],
    buckets: std::ops::Range<u32>,
    handler: Option<&Command>,
) -> Result<Row, String> {
    let api = RuntimeApi::default();
    let process = process(&api, own, handler);
    api.ready();
    let (mut times, mut first) = (Vec::new(), None);
    for number in buckets {
        let began = Instant::now();
        let id = api.submit(event(&name(number)), Duration::from_secs(60));
        let (answer, answered) = api.answered(&id);
        verified(answer).map_err(|e| format!("{e}\n{}", process.log()))?;
        match first {
            None => first = Some(answered.duration_since(began)),
            Some(_) => times.push(answered.duration_since(began)),
        }
    }
    let peak = peak_kilobytes(process.id()) as f64 / 1024.0;
    let each = processor_milliseconds(process.id()) / times.len().max(1) as f64;
    Ok(Row {
        what: "function: one fix after the other".to_owned(),
        figure: format!(
            "{}, the first {:.0} ms, {each:.1} ms of processor each, memory {peak:.0} MB",
            median(times),
            first.map_or(0.0, milliseconds)
        ),
        budget: String::new(),
    })
}

/// What a process has used of the processors: a machine that others use, too, is slower, and
/// this is not.
fn processor_milliseconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it may hold anything; utime and stime are fields 14 and 15, in
    // hundredths of a second (proc(5)).
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() * 10.0
}

/// The handler beside this file, where Python has boto3.
fn python() -> Result<Command, String> {
    // The very interpreter: a function is given no PATH to look for one.
    let asked = Command::new("python3")
        .args(["-c", "import boto3, sys; print(sys.executable)"])
        .output()
        .map_err(|e| format!("python3: {e}"))?;
    if !asked.status.success() {
        return Err("Python has no boto3 here (pip install boto3)".to_owned());
    }
    let mut command = Command::new(String::from_utf8_lossy(&asked.stdout).trim());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler.py"));
    Ok(command)
}
