//! `lab run drift-check`

use super::scope::{Scope, ignore, inputs, scope, tool, who};
use crate::args::{DriftCheck, Global, OutputFormat};
use crate::clouds;
use crate::config::Config;
use crate::desk::Desk;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, say};
use crate::progress::Bar;
use crate::shipped;
use drift_detector::{Selection, reaches};
use model::Severity;
use model::report::DriftReport;
use operations::{CheckCloud, CheckRequest, StateInput, Who, check};
use provider::Purpose;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use terraform_io::configuration::Configuration;

/// The caller that a check on `local` acts as: it can read and nothing else.
const READER: &str = "drift-reader";

pub async fn run(args: &DriftCheck, config: &Config, global: &Global) -> Outcome {
    let scope = scope(&args.state, args.target.as_deref(), config, "drift-check")?;
    let fail_on = fail_on(args, config)?;
    let bar = Bar::new(global.quiet);
    let (mut report, extra_next) = match scope {
        Scope::Shipped => {
            let desk = Desk::open(config, "lab run drift-check").await?;
            let prepared = shipped::prepare(&desk, &bar).await;
            let outcome = match prepared {
                Ok(Some(line)) => {
                    bar.clear();
                    if !global.quiet {
                        say(line);
                        say("");
                    }
                    Ok(())
                }
                Ok(None) => Ok(()),
                Err(failure) => Err(failure),
            };
            let outcome = match outcome {
                Ok(()) => on_local(args, shipped::states()?, &desk, &bar).await,
                Err(failure) => Err(failure),
            };
            desk.close().await;
            (outcome?, true)
        }
        Scope::Local(states) => {
            let desk = Desk::open(config, "lab run drift-check").await?;
            let report = match inputs(&states) {
                Ok(states) => on_local(args, states, &desk, &bar).await,
                Err(failure) => Err(failure),
            };
            desk.close().await;
            (report?, false)
        }
        Scope::Target(name, states) => {
            let target = config.target(&name)?;
            clouds::refuse_lab_environment(&name, target)?;
            let clouds =
                clouds::without_writers(clouds::of_target(&name, target, Purpose::Looking).await?);
            let events = if args.events.is_empty() { &target.events } else { &args.events };
            let request = request(args, events, &name, inputs(&states)?, args.probe)?;
            let real = || local_cloud::Clock::real();
            (check(request, &clouds, &real, &bar).await, false)
        }
    };
    drop(bar);
    let nothing = report.summary == Default::default() && report.ignored == 0;
    if !args.only.is_empty() && nothing && !report.states.is_empty() {
        return Err(Failure::usage(format!(
            "--only {}: no resource of these states matches",
            args.only.join(", ")
        ))
        .hint("an address as in the report, with * for any text: --only 'module.data.*'"));
    }
    if let Some(ledger) = super::record::open_existing(config)? {
        report.ledger = ::ledger::Ledger::head(&ledger).await.map_err(super::record::failure)?;
    }
    keep(&report, config)?;
    render(&report, config, global, extra_next)?;
    Ok(verdict(&report, fail_on))
}

fn fail_on(args: &DriftCheck, config: &Config) -> Result<Severity, Failure> {
    let text = args.fail_on.as_deref().or(config.file.fail_on.as_deref()).unwrap_or("info");
    text.parse().map_err(|e: String| Failure::usage(format!("fail_on: {e}")))
}

async fn on_local(
    args: &DriftCheck,
    states: Vec<StateInput>,
    desk: &Desk,
    bar: &Bar,
) -> Result<DriftReport, Failure> {
    let clouds: Vec<CheckCloud> = desk.clouds(READER).await?;
    let request = request(args, &args.events, "local", states, true)?;
    // Both clocks agree once the lab is laid out.
    let clock = || local_cloud::Clock::real();
    Ok(check(request, &clouds, &clock, bar).await)
}

fn request(
    args: &DriftCheck,
    events: &[String],
    target: &str,
    states: Vec<StateInput>,
    probe: bool,
) -> Result<CheckRequest, Failure> {
    let who = if args.no_attribution { Who::NotAsked } else { who(events)? };
    Ok(CheckRequest {
        target: target.to_owned(),
        states,
        only: Selection::new(args.only.iter().cloned()),
        ignore: ignore()?,
        unmanaged: args.unmanaged,
        who,
        probe,
        tool: tool(),
    })
}

/// What the report means for whoever called. Nothing read at all is a failure of the run.
fn verdict(report: &DriftReport, fail_on: Severity) -> Exit {
    if report.states.is_empty() {
        return Exit::Failed;
    }
    if reaches(&report.findings, fail_on) {
        Exit::Findings
    } else if report.partial || report.summary.unknown > 0 {
        Exit::Incomplete
    } else {
        Exit::Clean
    }
}

fn render(
    report: &DriftReport,
    config: &Config,
    global: &Global,
    shipped: bool,
) -> Result<(), Failure> {
    let mut options = report::Options::new(local_cloud::Clock::real());
    options.width = output::width();
    options.color = config.color() && global.output.is_none();
    options.verbose = global.verbose;
    options.sources = blocks(report);
    if shipped && !report.findings.is_empty() {
        options.next.push(report::NextStep::new(
            "lab run remediate",
            "the fix for each of them; changes nothing yet",
        ));
        options.next.push(report::NextStep::new(
            "lab lesson show first-drift",
            "find in the raw records what this does not say",
        ));
    }
    let format = report::format(config.format.name())
        .ok_or_else(|| Failure::usage(format!("no format {}", config.format.name())))?;
    let mut bytes = Vec::new();
    format.render(report, &options, &mut bytes)?;
    output::answer(&bytes, global.output.as_deref())?;
    if let Some(file) = global.output.as_deref().filter(|_| !global.quiet) {
        say(format!("{} findings written to {}", report.findings.len(), file.display()));
    }
    if config.format != OutputFormat::Terminal && !global.quiet {
        for error in &report.errors {
            let then = if error.next_step.is_empty() { "" } else { "; " };
            let line = format!("{}: {}{then}{}", error.place, error.what, error.next_step);
            // One line each: a name with a line's end in it must not begin another.
            say(report::text::safe(&line));
        }
    }
    Ok(())
}

/// Where the findings' resources stand in the configuration beside their state, for the
/// formats that point into a repository.
fn blocks(report: &DriftReport) -> BTreeMap<String, report::SourcePlace> {
    let mut roots: BTreeMap<PathBuf, Configuration> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for finding in &report.findings {
        let (Some(address), Some(state)) = (&finding.address, &finding.state) else { continue };
        let Some(root) = Path::new(state).parent().filter(|_| !state.contains("://")) else {
            continue;
        };
        if !root.is_dir() {
            continue;
        }
        let configuration =
            roots.entry(root.to_owned()).or_insert_with(|| Configuration::of_root(root));
        if let Some(block) = configuration.find(address) {
            let path = block.file.display().to_string();
            let place = report::SourcePlace { path, line: block.line };
            places.insert(address.to_string(), place);
        }
    }
    places
}

fn reports_folder(config: &Config) -> PathBuf {
    config.data.join("reports")
}

/// Keeps the last report of each target, for `lab show`.
fn keep(report: &DriftReport, config: &Config) -> Result<(), Failure> {
    let folder = reports_folder(config);
    let failed = |cause: std::io::Error| {
        Failure::new(format!("{}: {cause}", folder.display()))
            .hint("choose another folder with --data")
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let name: String = report
        .target
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' })
        .collect();
    let mut json = serde_json::to_vec_pretty(report)?;
    json.push(b'\n');
    local_cloud::store::write_beside(&folder.join(format!("drift-{name}.json")), &json)
        .map_err(failed)
}

/// The kept reports, the newest first.
pub fn kept_reports(config: &Config) -> Result<Vec<DriftReport>, Failure> {
    let Ok(entries) = std::fs::read_dir(reports_folder(config)) else { return Ok(Vec::new()) };
    let mut reports: Vec<DriftReport> = entries
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "json"))
        .filter_map(|e| serde_json::from_slice(&std::fs::read(e.path()).ok()?).ok())
        .collect();
    reports.sort_by_key(|r: &DriftReport| std::cmp::Reverse(r.finished_at));
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use model::report::{DRIFT_REPORT_SCHEMA, ReportError, StateSummary, Summary, Tool};

    fn report(states: usize, unknown: usize, errors: usize) -> DriftReport {
        let moment = Timestamp::from_unix(0).unwrap();
        let state = StateSummary {
            source: "s".into(),
            lineage: "l".into(),
            serial: 1,
            terraform_version: "1".into(),
            age_seconds: None,
        };
        let error = ReportError { place: "p".into(), what: "w".into(), next_step: "n".into() };
        DriftReport {
            schema: DRIFT_REPORT_SCHEMA.into(),
            tool: Tool { name: "lab".into(), version: "0".into() },
            target: "t".into(),
            started_at: moment,
            finished_at: moment,
            partial: errors > 0,
            states: vec![state; states],
            summary: Summary { unknown, ..Summary::default() },
            findings: Vec::new(),
            unknown: Vec::new(),
            errors: vec![error; errors],
            in_sync: Vec::new(),
            ignored: 0,
            ledger: None,
        }
    }

    #[test]
    fn an_exit_code_never_says_clean_of_what_was_not_seen() {
        assert_eq!(verdict(&report(1, 0, 0), Severity::Info), Exit::Clean);
        assert_eq!(verdict(&report(1, 1, 0), Severity::Info), Exit::Incomplete);
        assert_eq!(verdict(&report(1, 0, 1), Severity::Info), Exit::Incomplete);
        assert_eq!(verdict(&report(0, 0, 1), Severity::Info), Exit::Failed);
    }
}
