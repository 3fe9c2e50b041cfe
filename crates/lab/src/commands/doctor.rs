//! `lab doctor`: the settings in force, and what the credentials may do.

use crate::args::{Global, OutputFormat};
use crate::clouds;
use crate::config::Config;
use crate::desk::Desk;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::progress::Bar;
use operations::doctor::{Examined, examine};
use provider::Purpose;
use provider::grant::Grant;
use std::fmt::Write;

pub async fn run(
    target: Option<&str>,
    grant: Option<&str>,
    config: &Config,
    global: &Global,
) -> Outcome {
    if let Some(exercise) = grant {
        return print_grants(exercise, config, global);
    }
    let name = target.or(config.file.target.as_deref()).unwrap_or("local");
    let bar = Bar::new(global.quiet);
    let examined = if name == "local" {
        let desk = Desk::open(config, "lab doctor").await?;
        let examined = match desk.clouds("drift-reader").await {
            Ok(clouds) => Ok(examine(&clouds, &bar).await),
            Err(failure) => Err(failure),
        };
        desk.close().await;
        examined?
    } else {
        let target = config.target(name)?;
        clouds::refuse_lab_environment(name, target)?;
        let clouds =
            clouds::without_writers(clouds::of_target(name, target, Purpose::Looking).await?);
        examine(&clouds, &bar).await
    };
    drop(bar);
    let text = match config.format {
        OutputFormat::Json => as_json(name, &examined, config)?,
        _ => as_text(name, &examined, config),
    };
    output::answer(text.as_bytes(), global.output.as_deref())?;
    let well = examined.iter().all(Examined::is_well);
    Ok(if well { Exit::Clean } else { Exit::Incomplete })
}

fn as_text(target: &str, examined: &[Examined], config: &Config) -> String {
    let mut text = String::from("settings\n");
    for setting in &config.settings {
        let _ =
            writeln!(text, "  {:<8} {:<24} from {}", setting.name, setting.value, setting.source);
    }
    let _ = writeln!(text, "\ntarget {target}");
    if examined.is_empty() {
        text.push_str("  names no account yet\n");
    }
    for one in examined {
        let title = one.cloud.title();
        match &one.identity {
            Ok(identity) => {
                let _ = writeln!(
                    text,
                    "  {title:<13} {} in account {} ({})",
                    identity.caller, identity.account, identity.source
                );
                let (allowed, all) = (one.allowed(), one.tried.len());
                let words = match allowed == all {
                    true => format!("all {all} reads allowed"),
                    false => format!("{allowed} of {all} reads allowed"),
                };
                let _ = writeln!(text, "  {:<13} {words}", "");
                for tried in &one.tried {
                    if let Some(refused) = &tried.refused {
                        let _ = writeln!(
                            text,
                            "  {:<13} {}: {}: {}",
                            "",
                            tried.what,
                            refused.reason.as_str(),
                            refused.detail
                        );
                        let _ = writeln!(text, "  {:<13}   {}", "", refused.next_step);
                    }
                }
            }
            Err(error) => {
                let _ = writeln!(text, "  {title:<13} {error}");
            }
        }
    }
    text
}

fn as_json(target: &str, examined: &[Examined], config: &Config) -> Result<String, Failure> {
    let settings: Vec<_> = config
        .settings
        .iter()
        .map(|s| serde_json::json!({"name": s.name, "value": s.value, "from": s.source}))
        .collect();
    let accounts: Vec<_> = examined
        .iter()
        .map(|one| {
            let tried: Vec<_> = one
                .tried
                .iter()
                .map(|t| serde_json::json!({"what": t.what, "refused": t.refused}))
                .collect();
            match &one.identity {
                Ok(id) => serde_json::json!({"cloud": one.cloud.cloud(), "account": id.account,
                    "caller": id.caller, "principal": id.principal, "from": id.source, "tried": tried}),
                Err(e) => serde_json::json!({"cloud": one.cloud.cloud(), "error": e.to_string(),
                    "next_step": e.next_step}),
            }
        })
        .collect();
    let all = serde_json::json!({"target": target, "settings": settings, "accounts": accounts});
    Ok(format!("{}\n", serde_json::to_string_pretty(&all)?))
}

const OBJECTS: &str = "Only where states or logs lie in object stores, or with --probe. Narrow it to \
                       the places that you name.";

fn print_grants(exercise: &str, config: &Config, global: &Global) -> Outcome {
    let needed = clouds::grants(exercise);
    let text = match config.format {
        OutputFormat::Json => {
            let document = |g: &Grant| {
                let policy = serde_json::from_str(&g.text)
                    .unwrap_or_else(|_| serde_json::Value::String(g.text.clone()));
                serde_json::json!({"title": g.title, "policy": policy, "how": g.how})
            };
            let all: Vec<_> = needed
                .iter()
                .map(|n| {
                    serde_json::json!({"always": document(&n.always), "objects": document(&n.objects)})
                })
                .collect();
            format!("{}\n", serde_json::to_string_pretty(&all)?)
        }
        _ => needed
            .iter()
            .map(|n| {
                let how = commented(&n.always.how);
                let always = format!("# {}\n{}\n{how}\n", n.always.title, n.always.text.trim_end());
                let objects = n.objects.text.trim_end();
                format!("{always}\n# {}: {OBJECTS}\n{objects}\n\n", n.objects.title)
            })
            .collect(),
    };
    output::answer(text.as_bytes(), global.output.as_deref())?;
    Ok(Exit::Clean)
}

/// Every line that is not the document itself is a comment.
fn commented(text: &str) -> String {
    text.trim().lines().map(|l| format!("# {l}\n")).collect()
}
