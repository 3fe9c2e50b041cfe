//! Large estates: how close to the ideal schedule under a limit, and how much memory.

use crate::measure::{Row, lab_command, peak_kilobytes, run};
use journeys::lab::Lab;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// One call a resource: a missing bucket's access block.
fn state(resources: usize) -> String {
    let mut text = String::from(
        r#"{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"bench","outputs":{},"resources":["#,
    );
    for n in 0..resources {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&format!(
            r#"{{"mode":"managed","type":"aws_s3_bucket_public_access_block","name":"b{n}","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{{"schema_version":0,"attributes":{{"id":"bench-{n}","bucket":"bench-{n}","block_public_acls":true,"block_public_policy":true,"ignore_public_acls":true,"restrict_public_buckets":true}}}}]}}"#
        ));
    }
    text.push_str("]}");
    text
}

const CHECK: [&str; 9] = [
    "run",
    "drift-check",
    "--state",
    "estate.tfstate",
    "--target",
    "local",
    "--no-attribution",
    "-o",
    "out.txt",
];

/// A drift check under a limit of so many calls a second, beside calls / allowed rate.
pub fn paced() -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (rate, resources) in [(20.0, 400), (40.0, 800)] {
        let lab = Lab::default();
        lab.write("estate.tfstate", state(resources));
        run(&lab, &["cloud", "start"], 0)?;
        let limit = rate.to_string();
        run(
            &lab,
            &["cloud", "fault", "set", "--cloud", "aws", "--service", "s3", "throttle", &limit],
            0,
        )?;
        let took = run(&lab, &CHECK, 2)?.as_secs_f64();
        run(&lab, &["cloud", "stop"], 0)?;
        // The first second's calls find a full allowance.
        let ideal = (resources as f64 - rate) / rate;
        rows.push(Row {
            what: format!("{resources} reads at {rate} a second"),
            figure: format!("{took:.1} s, ideal {ideal:.1} s, ratio {:.2}", took / ideal),
            budget: "within 15%".to_owned(),
        });
    }
    Ok(rows)
}

/// Memory of a check of 100,000 resources whose cloud is out: every one is held as unknown.
pub fn memory() -> Result<Vec<Row>, String> {
    let lab = Lab::default();
    let resources = 100_000;
    let text = state(resources);
    let size = text.len() / 1_000_000;
    lab.write("estate.tfstate", text);
    run(&lab, &["cloud", "start"], 0)?;
    let began = Instant::now();
    let mut child = lab_command(&lab, &CHECK)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| e.to_string())?;
    let mut peak = 0;
    // Reading them all takes minutes by the client's own pace; the state is whole in memory
    // and answers are coming in long before.
    while began.elapsed() < Duration::from_secs(30) {
        if child.try_wait().map_err(|e| e.to_string())?.is_some() {
            break;
        }
        peak = peak.max(peak_kilobytes(child.id()));
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
    run(&lab, &["cloud", "stop"], 0)?;
    Ok(vec![Row {
        what: format!("{resources} resources ({size} MB state), first 30 s of reads"),
        figure: format!("{:.0} MB at most", peak as f64 / 1024.0),
        budget: "under 200 MB".to_owned(),
    }])
}
