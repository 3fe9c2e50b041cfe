//! `cargo xtask aws-tables`: from the public service models of AWS (they come with the Python package botocore,
//! Apache-2.0) and `crates/aws-protocol/tables/rules.toml` to `crates/aws-protocol/tables/<service>.json`.
//!
//! With `--check` nothing is written: every table must be what would be generated. Another botocore than the one a
//! table names cannot decide that; then the command says so and succeeds.

mod models;
mod rules;
mod trim;

use models::Models;
use rules::Rules;
use serde_json::{Map, Value};

/// The members of a table, in the order in which a reader wants them.
const ORDER: &[&str] = &["provenance", "service", "operations", "errors", "shapes", "not_served"];

/// Maps of the table whose entries get a line each, so that a change is a reviewable diff.
const ONE_LINE_EACH: &[&str] = &["operations", "errors", "shapes"];

pub fn run(arguments: &[String]) -> Result<String, String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("takes nothing or --check".into()),
    };
    let folder = super::root().join("crates/aws-protocol/tables");
    let rules = Rules::read(&folder.join("rules.toml"))?;
    let models = match Models::find() {
        Ok(models) => models,
        Err(why) if check => return Ok(format!("not checked: {why}")),
        Err(why) => return Err(why),
    };

    let mut lines = Vec::new();
    let mut stale = Vec::new();
    for (service, rule) in &rules.services {
        let path = folder.join(format!("{service}.json"));
        if check {
            let text =
                std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let made_from =
                botocore_of(&text).ok_or(format!("{}: no provenance", path.display()))?;
            if made_from != models.version {
                lines.push(format!(
                    "{service}: not checked, it was made from botocore {made_from}, here is {}",
                    models.version
                ));
                continue;
            }
            if text != render(&trim::table(&models, service, rule)?) {
                stale.push(service.clone());
            } else {
                lines.push(format!("{service}: as generated"));
            }
        } else {
            let made = trim::table(&models, service, rule)?;
            let operations = made["operations"].as_object().map_or(0, Map::len);
            let text = render(&made);
            let bytes = text.len();
            let beside = path.with_extension("json.new");
            std::fs::write(&beside, text)
                .and_then(|()| std::fs::rename(&beside, &path))
                .map_err(|e| format!("{}: {e}", path.display()))?;
            lines.push(format!("{service}: {operations} operations, {bytes} bytes"));
        }
    }
    if stale.is_empty() {
        Ok(lines.join("\n"))
    } else {
        Err(format!("stale: {}; run cargo xtask aws-tables", stale.join(", ")))
    }
}

fn botocore_of(table: &str) -> Option<String> {
    let table: Value = serde_json::from_str(table).ok()?;
    Some(table["provenance"]["botocore"].as_str()?.to_owned())
}

/// JSON with one line an entry of the long maps, everything else one line a member.
fn render(table: &Map<String, Value>) -> String {
    let mut out = String::from("{\n");
    let members: Vec<_> = ORDER.iter().filter_map(|key| table.get_key_value(*key)).collect();
    for (at, (key, value)) in members.iter().enumerate() {
        let comma = if at + 1 < members.len() { "," } else { "" };
        match value {
            Value::Object(entries)
                if ONE_LINE_EACH.contains(&key.as_str()) && !entries.is_empty() =>
            {
                out += &format!(" {key:?}: {{\n");
                for (at, (name, entry)) in entries.iter().enumerate() {
                    let comma = if at + 1 < entries.len() { "," } else { "" };
                    out += &format!("  {name:?}: {entry}{comma}\n");
                }
                out += &format!(" }}{comma}\n");
            }
            _ => out += &format!(" {key:?}: {value}{comma}\n"),
        }
    }
    out + "}\n"
}
