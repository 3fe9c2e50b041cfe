//! Times of whole processes, and what they hold in memory.

use journeys::lab::{Lab, binary, finish};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs of one command; the median of an odd number is one of them.
const RUNS: usize = 7;

pub struct Row {
    pub what: String,
    pub figure: String,
    pub budget: String,
}

pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

pub fn print(rows: &[Row]) {
    for row in rows {
        line(&format!("{:<52} {:<34} {}", row.what, row.figure, row.budget));
    }
}

/// The binary under measurement.
pub fn lab_command(lab: &Lab, arguments: &[&str]) -> Command {
    let own = lab.command(arguments);
    let Some(other) = std::env::var_os("LAB_BIN") else { return own };
    let path = std::fs::canonicalize(&other).unwrap_or_else(|_| PathBuf::from(other));
    let mut command = Command::new(path);
    command.args(own.get_args());
    if let Some(folder) = own.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in own.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

pub fn run(lab: &Lab, arguments: &[&str], code: i32) -> Result<Duration, String> {
    let command = lab_command(lab, arguments);
    let began = Instant::now();
    let run = finish(command);
    let took = began.elapsed();
    match run.code == code {
        true => Ok(took),
        false => Err(format!("{arguments:?} ended with {}: {}", run.code, run.stderr)),
    }
}

pub fn median(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |i: usize| times.get(i).map_or(0.0, Duration::as_secs_f64) * 1000.0;
    format!(
        "{:.0} ms ({:.0} to {:.0})",
        at(times.len() / 2),
        at(0),
        at(times.len().saturating_sub(1))
    )
}

/// `lab run drift-check` on the shipped lab: the first run lays it out.
pub fn check() -> Result<Vec<Row>, String> {
    let lab = Lab::default();
    let first = run(&lab, &["run", "drift-check", "-q"], 2)?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        times.push(run(&lab, &["run", "drift-check", "-q"], 2)?);
    }
    let size = std::fs::metadata(binary()).map_or(0, |m| m.len()) / 1_000_000;
    Ok(vec![
        Row {
            what: "first drift-check, lay-out included".to_owned(),
            figure: format!("{:.1} s (binary {size} MB)", first.as_secs_f64()),
            budget: String::new(),
        },
        Row {
            what: "drift-check on the shipped lab".to_owned(),
            figure: median(times),
            budget: "under 1 s".to_owned(),
        },
    ])
}

/// How long until the local clouds answer, and what they hold while nothing happens.
pub fn ready() -> Result<Vec<Row>, String> {
    let lab = Lab::default();
    run(&lab, &["cloud", "exec", "--", "true"], 0)?;
    let place = lab.path().join(".lab/cloud/endpoint.json");
    let mut times = Vec::new();
    let mut resident = 0;
    for _ in 0..RUNS {
        let began = Instant::now();
        let mut server = lab_command(&lab, &["cloud", "start", "--foreground"])
            .stderr(std::process::Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        while !place.exists() {
            if began.elapsed() > Duration::from_secs(20) {
                return Err("it did not answer within 20 s".to_owned());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(began.elapsed());
        std::thread::sleep(Duration::from_millis(300));
        resident = resident_kilobytes(server.id());
        run(&lab, &["cloud", "stop"], 0)?;
        let _ = server.wait();
    }
    Ok(vec![
        Row {
            what: "local clouds: process start to listening".to_owned(),
            figure: median(times),
            budget: "under 50 ms".to_owned(),
        },
        Row {
            what: "local clouds: resident, idle".to_owned(),
            figure: format!("{:.1} MB", resident as f64 / 1024.0),
            budget: "under 50 MB".to_owned(),
        },
    ])
}

pub fn resident_kilobytes(pid: u32) -> u64 {
    field(pid, "VmRSS:")
}

pub fn peak_kilobytes(pid: u32) -> u64 {
    field(pid, "VmHWM:")
}

fn field(pid: u32, name: &str) -> u64 {
    std::fs::read_to_string(format!("/proc/{pid}/status"))
        .unwrap_or_default()
        .lines()
        .find_map(|l| l.strip_prefix(name)?.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or(0)
}
