//! `lab remediate approve` and `reject`: somebody's word on one action of one plan.

use super::remediate::{failure, policy};
use super::who::who;
use super::{plans, record};
use crate::args::PolicyFile;
use crate::clouds;
use crate::config::Config;
use crate::exit::{Exit, Outcome};
use crate::output::{self, say};
use model::Action;
use model::remediation::ActionChange;
use operations::remediation::applying::trustworthy;
use operations::remediation::{ApproveRequest, approve, reject, short};
use provider::Purpose;
use report::text;

pub enum Word<'a> {
    Yes,
    No(&'a str),
}

pub async fn run(
    word: Word<'_>,
    action: &str,
    plan: Option<&str>,
    file: &PolicyFile,
    config: &Config,
) -> Outcome {
    let policy = policy(file)?;
    let (plan, action) = plans::action(action, plan, config)?;
    trustworthy(&plan, &plan.target).map_err(failure)?;
    let by = match plan.target.as_str() {
        "local" => who(None).await?,
        name => {
            let target = config.target(name)?;
            clouds::refuse_lab_environment(name, target)?;
            let mut connected =
                clouds::without_writers(clouds::of_target(name, target, Purpose::Looking).await?);
            connected.retain(|c| c.catalog.cloud() == action.cloud);
            who(Some(&connected)).await?
        }
    };
    let ledger = record::open(config)?;
    let request = ApproveRequest {
        plan: &plan,
        action: &action,
        by: by.clone(),
        now: local_cloud::Clock::real(),
    };
    let (id, hash) = (&action.id, short(&plan.hash));
    match word {
        Word::Yes => {
            let given = approve(request, &policy, &ledger).await.map_err(failure)?;
            // From a file made elsewhere: the next apply finds it by its hash.
            plans::keep(&plan, config)?;
            say(format!(
                "{id} of plan {hash} is approved by {}, until {}",
                by.name,
                given.until.to_seconds_text()
            ));
            // To what the yes was said: whoever takes a file from elsewhere may not have seen it.
            say(format!("      {}: {}", action.remedy, auto_remediation::engine::place(&action)));
            for line in changes(&action) {
                say(line);
            }
            say(format!(
                "Next: lab run remediate --apply --plan {hash}{}",
                target_flag(&plan.target)
            ));
        }
        Word::No(reason) => {
            reject(request, reason, &policy, &ledger).await.map_err(failure)?;
            plans::keep(&plan, config)?;
            say(format!("{id} of plan {hash} is rejected by {}: {reason}", by.name));
        }
    }
    Ok(Exit::Clean)
}

pub fn target_flag(target: &str) -> String {
    if target == "local" { String::new() } else { format!(" --target {target}") }
}

/// Each changed attribute on one line, as far as it fits: a document is in the ledger whole.
pub fn changes(action: &Action) -> Vec<String> {
    let line = |change: &ActionChange| {
        let path = &change.path;
        let (from, to) = (change.from.to_json().to_string(), change.to.to_json().to_string());
        let whole = format!("      {path}  {from} -> {to}");
        if text::width(&whole) <= output::width() {
            return vec![whole];
        }
        match change.summary.as_slice() {
            [] => vec![format!("      {path}  see lab show {}", action.id)],
            summary => summary.iter().map(|s| format!("      {path}  {s}")).collect(),
        }
    };
    action.changes.iter().flat_map(line).collect()
}
