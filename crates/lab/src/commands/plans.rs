//! The plans that were made here, by hash, and those that come as a file.

use crate::config::Config;
use crate::exit::Failure;
use model::remediation::PLAN_SCHEMA;
use model::{Action, RemediationPlan};
use operations::remediation::short;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The fewest digits of a hash that name a plan.
const DIGITS: usize = 8;

fn folder(config: &Config) -> PathBuf {
    config.data.join("plans")
}

pub fn keep(plan: &RemediationPlan, config: &Config) -> Result<(), Failure> {
    let folder = folder(config);
    let failed = |cause: std::io::Error| {
        Failure::new(format!("{}: {cause}", folder.display()))
            .hint("choose another folder with --data")
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let mut json = serde_json::to_vec_pretty(plan)?;
    json.push(b'\n');
    let name = plan.hash.strip_prefix("sha256:").unwrap_or(&plan.hash);
    let path = folder.join(format!("{name}.json"));
    local_cloud::store::write_beside(&path, &json)
        // It holds policies and names: the ledger beside it is as private.
        .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)))
        .map_err(failed)
}

fn read(path: &Path) -> Result<RemediationPlan, Failure> {
    let bytes =
        std::fs::read(path).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?;
    let place = path.display();
    let json: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| {
        Failure::usage(format!("{place} line {}, column {}: {e}", e.line(), e.column()))
            .hint("a plan is what lab run remediate --format json writes")
    })?;
    let schema = json.get("schema").and_then(serde_json::Value::as_str).unwrap_or("none");
    if schema != PLAN_SCHEMA {
        return Err(Failure::usage(format!(
            "{place} is no plan of this version: its schema is {schema}, not {PLAN_SCHEMA}"
        ))
        .hint("make a new one: lab run remediate --format json -o FILE"));
    }
    serde_json::from_value(json).map_err(|e| {
        Failure::usage(format!("{place}: {e}")).hint("make a new plan: lab run remediate")
    })
}

/// Every plan that was made here, the newest first.
pub fn kept(config: &Config) -> Vec<RemediationPlan> {
    let Ok(entries) = std::fs::read_dir(folder(config)) else { return Vec::new() };
    let mut plans: Vec<RemediationPlan> = entries
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "json"))
        .filter_map(|e| read(&e.path()).ok())
        .collect();
    plans.sort_by_key(|p| std::cmp::Reverse(p.made_at));
    plans
}

/// The plan that the user means: a file, or digits of a hash.
pub fn find(text: &str, config: &Config) -> Result<RemediationPlan, Failure> {
    let path = Path::new(text);
    // Digits are a hash, whatever else lies here under that name.
    let hexadecimal = text.len() >= DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
    if path.is_file() && !hexadecimal {
        return read(path);
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    if digits.len() < DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Failure::usage(format!(
            "{text}: neither a plan's file nor {DIGITS} digits of its hash or more"
        ))
        .hint("lab run remediate shows both"));
    }
    let plans = kept(config);
    let meant: Vec<&RemediationPlan> = plans
        .iter()
        .filter(|p| p.hash.strip_prefix("sha256:").is_some_and(|h| h.starts_with(&digits)))
        .collect();
    match meant.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let known: Vec<&str> = plans.iter().take(5).map(|p| short(&p.hash)).collect();
            let failure =
                Failure::usage(format!("there is no plan {text} in {}", config.data.display()));
            Err(match known.is_empty() {
                true => failure.hint("lab run remediate makes one"),
                false => failure.hint(format!("known, the newest first: {}", known.join(", "))),
            })
        }
        several => Err(Failure::usage(format!("{text} stands for {} plans", several.len()))
            .hint("give more digits")),
    }
}

/// Does this text mean this action: its id, or more digits of its digest?
pub fn is_meant(text: &str, action: &Action) -> bool {
    is_meant_by(text, &action.id, &action.digest)
}

pub fn is_meant_by(text: &str, id: &str, digest: &str) -> bool {
    if text.eq_ignore_ascii_case(id) {
        return true;
    }
    let digits = text.strip_prefix("A-").or_else(|| text.strip_prefix("a-")).unwrap_or(text);
    let digits = digits.strip_prefix("sha256:").unwrap_or(digits).to_ascii_lowercase();
    digits.len() >= 4
        && digest.strip_prefix("sha256:").unwrap_or(digest).starts_with(digits.as_str())
}

/// An action of a plan: of the one that is named, else of the newest that holds it.
pub fn action(
    text: &str,
    plan: Option<&str>,
    config: &Config,
) -> Result<(RemediationPlan, Action), Failure> {
    let plans = match plan {
        Some(plan) => vec![find(plan, config)?],
        None => kept(config),
    };
    for plan in &plans {
        let meant: Vec<&Action> = plan.actions.iter().filter(|a| is_meant(text, a)).collect();
        match meant.as_slice() {
            [] => {}
            [one] => return Ok((plan.clone(), (*one).clone())),
            several => {
                let ids: Vec<&str> = several.iter().map(|a| a.id.as_str()).collect();
                return Err(Failure::usage(format!("{text} stands for {}", ids.join(", ")))
                    .hint("give more digits of its digest"));
            }
        }
    }
    let known: Vec<&str> =
        plans.iter().take(1).flat_map(|p| &p.actions).map(|a| a.id.as_str()).collect();
    let failure = Failure::usage(format!("there is no action {text}"));
    Err(match known.is_empty() {
        true => failure.hint("lab run remediate makes a plan"),
        false => failure.hint(format!("of the last plan: {}", known.join(", "))),
    })
}
