//! `lab show F-7c1e`: one finding of the last report, whole; `lab show A-51b2`: one action.

use super::{plans, record};
use crate::args::{Global, OutputFormat, PolicyFile};
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use auto_remediation::History;
use model::report::DriftReport;
use report::Found;
use report::remediation::Happened;

pub async fn run(id: &str, config: &Config, global: &Global) -> Outcome {
    if !matches!(config.format, OutputFormat::Terminal | OutputFormat::Json) {
        return Err(Failure::usage(format!("lab show has no format {}", config.format.name()))
            .hint("terminal and json; a whole report has sarif and markdown as well"));
    }
    if id.starts_with("A-") || id.starts_with("a-") {
        return action(id, config, global).await;
    }
    let reports = super::drift_check::kept_reports(config)?;
    if reports.is_empty() {
        return Err(Failure::usage(format!("there is no report in {} yet", config.data.display()))
            .hint("lab run drift-check makes one"));
    }
    let mut several = Vec::new();
    for report in &reports {
        match report::find(report, id) {
            Found::One(finding) => {
                let bytes = match config.format {
                    OutputFormat::Json => {
                        let mut json = serde_json::to_vec_pretty(finding)?;
                        json.push(b'\n');
                        json
                    }
                    _ => tell(finding, report, config, global)?,
                };
                output::answer(&bytes, global.output.as_deref())?;
                return Ok(Exit::Clean);
            }
            Found::Several(found) => several.extend(found.iter().map(|id| (*id).to_string())),
            Found::Nothing => {}
        }
    }
    if several.is_empty() {
        let known: Vec<&str> =
            reports.iter().flat_map(|r| &r.findings).map(|f| f.id.as_str()).take(20).collect();
        return Err(Failure::usage(format!("no finding {id} in the last report"))
            .hint(format!("known: {}", known.join(", "))));
    }
    Err(Failure::usage(format!("{id} stands for several findings: {}", several.join(", ")))
        .hint("give more digits of the fingerprint"))
}

fn tell(
    finding: &model::Finding,
    report: &DriftReport,
    config: &Config,
    global: &Global,
) -> Result<Vec<u8>, Failure> {
    let mut options = report::Options::new(local_cloud::Clock::real());
    options.width = output::width();
    options.color = config.color() && global.output.is_none();
    options.verbose = global.verbose;
    let mut bytes = Vec::new();
    report::show(finding, report, &options, &mut bytes)?;
    Ok(bytes)
}

/// What an action is, and everything that the ledger says of it.
async fn action(id: &str, config: &Config, global: &Global) -> Outcome {
    let mut happened = Vec::new();
    let mut done = None;
    let (plan, action) = match plans::action(id, None, config) {
        Ok((mut plan, action)) => {
            if let Some(ledger) = record::open_existing(config)? {
                let history = History::of(&ledger).await.map_err(record::failure)?;
                let now = local_cloud::Clock::real();
                let policy = super::remediate::policy(&PolicyFile { file: None })?;
                operations::remediation::standing(&mut plan, &policy, &ledger, &history, now)
                    .await
                    .map_err(super::remediate::failure)?;
            }
            let now = plan.actions.into_iter().find(|a| a.digest == action.digest);
            (plan.hash, now.unwrap_or(action))
        }
        // Its plan is not kept here: what was done is in the ledger all the same.
        Err(failure) => {
            let history = match record::open_existing(config)? {
                Some(ledger) => History::of(&ledger).await.map_err(record::failure)?,
                None => History::default(),
            };
            let attempt =
                history.attempts.iter().rev().find(|a| plans::is_meant(id, &a.intent.action));
            match attempt {
                Some(attempt) => (attempt.intent.plan.clone(), attempt.intent.action.clone()),
                None => return Err(failure),
            }
        }
    };
    if let Some(ledger) = record::open_existing(config)? {
        for entry in super::ledger::entries(&ledger).await? {
            if !super::ledger::is_of(&action.digest, &entry) {
                continue;
            }
            let row = super::ledger::row(&entry);
            if let Ok(outcome) = entry.read::<::ledger::Outcome>() {
                done = Some(outcome);
            }
            happened.push(Happened {
                time: row.time,
                what: row.kind,
                by: row.by,
                detail: row.words,
                seq: row.seq,
            });
        }
    }
    let mut bytes = Vec::new();
    match config.format {
        OutputFormat::Json => {
            let json = serde_json::json!({ "plan": plan, "action": action, "outcome": done });
            serde_json::to_writer_pretty(&mut bytes, &json)?;
            bytes.push(b'\n');
        }
        _ => {
            let mut options = report::Options::new(local_cloud::Clock::real());
            options.width = output::width();
            options.color = config.color() && global.output.is_none();
            options.verbose = global.verbose;
            report::remediation::show_action(&action, &plan, &happened, &options, &mut bytes)?;
        }
    }
    output::answer(&bytes, global.output.as_deref())?;
    Ok(Exit::Clean)
}
