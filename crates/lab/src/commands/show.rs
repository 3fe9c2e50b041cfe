//! `lab show F-7c1e`: one finding of the last report, whole.

use crate::args::{Global, OutputFormat};
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use model::report::DriftReport;
use report::Found;

pub fn run(id: &str, config: &Config, global: &Global) -> Outcome {
    if !matches!(config.format, OutputFormat::Terminal | OutputFormat::Json) {
        return Err(Failure::usage(format!("lab show has no format {}", config.format.name()))
            .hint("terminal and json; a whole report has sarif and markdown as well"));
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
