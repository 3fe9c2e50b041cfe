//! `lab cloud start | stop | status | reset | env | exec | callers | fault`

use crate::args::{Cloud, FaultCommand, Global, OutputFormat};
use crate::clouds;
use crate::config::Config;
use crate::desk::{self, Desk, unexpected};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, say};
use local_cloud::control::{Answer, Ask};
use local_cloud::faults::{Fault, FaultEffect};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// A cloud that does not answer by then does not start.
const START_WAIT: Duration = Duration::from_secs(15);

pub async fn run(command: Cloud, config: &Config, global: &Global) -> Outcome {
    match command {
        Cloud::Start { port, foreground: true } => foreground(port, config).await,
        Cloud::Start { port, foreground: false } => start(port, config, global).await,
        Cloud::Stop => stop(config).await,
        Cloud::Status => status(config, global).await,
        Cloud::Reset => reset(config).await,
        Cloud::Env { caller, format } => env(caller.as_deref(), &format, config, global).await,
        Cloud::Exec { caller, allow, command } => {
            exec(caller.as_deref(), allow, &command, config).await
        }
        Cloud::Callers => callers(config, global).await,
        Cloud::Fault(command) => fault(command, config, global).await,
    }
}

async fn foreground(port: Option<u16>, config: &Config) -> Outcome {
    let running = desk::serve(&desk::folder(config), "lab cloud start", port, Vec::new()).await?;
    running.publish()?;
    say(format!("Serving three local clouds on {}", running.endpoints().url()));
    tokio::select! {
        () = running.asked_to_stop() => {}
        _ = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
    }
    running.stop().await;
    Ok(Exit::Clean)
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

async fn start(port: Option<u16>, config: &Config, global: &Global) -> Outcome {
    if let Some(desk) = Desk::attach(config).await {
        if !global.quiet {
            say(format!("The local clouds already run on http://{}", desk.address()));
        }
        return Ok(Exit::Clean);
    }
    let folder = desk::folder(config);
    let failed =
        |path: &Path, cause: std::io::Error| Failure::new(format!("{}: {cause}", path.display()));
    std::fs::create_dir_all(&folder).map_err(|e| failed(&folder, e))?;
    let log_path = folder.join("log");
    let log = std::fs::File::create(&log_path).map_err(|e| failed(&log_path, e))?;
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.arg("--data").arg(&config.data).args(["cloud", "start", "--foreground"]);
    if let Some(port) = port {
        command.args(["--port", &port.to_string()]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    // A group of its own: Ctrl-C in this terminal is not for it.
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    let mut child = command.spawn()?;
    let until = tokio::time::Instant::now() + START_WAIT;
    loop {
        if let Some(desk) = Desk::attach(config).await {
            if !global.quiet {
                say(format!("Three local clouds run on http://{}", desk.address()));
                say("Next: eval \"$(lab cloud env)\", or lab cloud exec -- COMMAND");
            }
            return Ok(Exit::Clean);
        }
        if let Some(status) = child.try_wait()? {
            let said = std::fs::read_to_string(&log_path).unwrap_or_default();
            let said = said.trim().strip_prefix("error: ").unwrap_or(said.trim()).to_owned();
            return Err(Failure::new(match said.is_empty() {
                true => format!("the local clouds ended at once ({status})"),
                false => said,
            }));
        }
        if tokio::time::Instant::now() > until {
            let _ = child.kill();
            return Err(Failure::new(format!(
                "the local clouds did not answer within {} s; see {}",
                START_WAIT.as_secs(),
                log_path.display()
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn stop(config: &Config) -> Outcome {
    let Some(desk) = Desk::attach(config).await else {
        say("No local cloud serves this folder");
        return Ok(Exit::Clean);
    };
    desk.ask(Ask::Stop).await?;
    // It stops answering first and withdraws last, when its log files are in their stores.
    for _ in 0..500 {
        if !desk.is_published() {
            say("Stopped");
            return Ok(Exit::Clean);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Failure::new("the local clouds were asked to stop and still answer"))
}

async fn status(config: &Config, global: &Global) -> Outcome {
    let Some(desk) = Desk::attach(config).await else {
        say(format!("Not running ({})", desk::folder(config).display()));
        say("Next: lab cloud start");
        return Ok(Exit::Clean);
    };
    let answer = desk.ask(Ask::Status).await?;
    let Answer::Status { pid, address, clouds, since, now } = &answer else {
        return Err(unexpected(&answer));
    };
    let text = match config.format {
        OutputFormat::Json => format!("{}\n", serde_json::to_string_pretty(&answer)?),
        _ => format!(
            "running on http://{address} (process {pid}) since {since}\n\
             clouds {}\nlab time {now}\n",
            clouds.join(", ")
        ),
    };
    output::answer(text.as_bytes(), global.output.as_deref())?;
    Ok(Exit::Clean)
}

async fn reset(config: &Config) -> Outcome {
    if Desk::attach(config).await.is_some() {
        stop(config).await?;
    }
    let folder = desk::folder(config);
    match std::fs::remove_dir_all(&folder) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(Failure::new(format!("{}: {e}", folder.display()))),
    }
    let _ = std::fs::remove_dir_all(config.data.join("reports"));
    say(format!("Removed {}; the next command starts over", folder.display()));
    Ok(Exit::Clean)
}

async fn env(caller: Option<&str>, format: &str, config: &Config, global: &Global) -> Outcome {
    let Some(desk) = Desk::attach(config).await else {
        return Err(Failure::usage("no local cloud serves this folder")
            .hint("lab cloud start serves it in the background")
            .hint("lab cloud exec -- COMMAND needs none running"));
    };
    let variables = desk.environment(caller).await?;
    let text = match format {
        "json" => {
            let map: std::collections::BTreeMap<_, _> = variables.into_iter().collect();
            format!("{}\n", serde_json::to_string_pretty(&map)?)
        }
        _ => {
            let unset = clouds::conflicting(&variables);
            let mut text = String::new();
            if !unset.is_empty() {
                text.push_str(&format!("unset {}\n", unset.join(" ")));
            }
            for (name, value) in variables {
                text.push_str(&format!("export {name}={}\n", quoted(&value)));
            }
            text
        }
    };
    output::answer(text.as_bytes(), global.output.as_deref())?;
    Ok(Exit::Clean)
}

/// A shell word.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    match !value.is_empty() && value.chars().all(plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    }
}

async fn exec(
    caller: Option<&str>,
    allow: Vec<String>,
    command: &[String],
    config: &Config,
) -> Outcome {
    let desk = match Desk::attach(config).await {
        Some(_) if !allow.is_empty() => {
            return Err(Failure::usage("--allow needs local clouds of this command's own")
                .hint("lab cloud stop, then run it again: exec starts and ends them itself"));
        }
        Some(desk) => desk,
        None => {
            let folder = desk::folder(config);
            if !folder.exists() {
                say(format!("New, empty local clouds in {}", config.data.display()));
                say("lab run drift-check lays out the shipped lab there");
            }
            let running = desk::serve(&folder, "lab cloud exec", None, allow).await?;
            // The command may be a shell, and lab itself may be called in it.
            running.publish()?;
            Desk::here(running, config)
        }
    };
    let outcome = spawn(&desk, caller, command).await;
    desk.close().await;
    outcome
}

async fn spawn(desk: &Desk, caller: Option<&str>, command: &[String]) -> Outcome {
    let variables = desk.environment(caller).await?;
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::usage("no command given"));
    };
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).kill_on_drop(true);
    for name in clouds::conflicting(&variables) {
        child.env_remove(name);
    }
    child.envs(variables);
    // Ctrl-C reaches the command too; this process waits for how it ends.
    let waiting = tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let status = child.status().await.map_err(|cause| Failure {
        exit: Exit::Other(127),
        what: format!("{program}: {cause}"),
        hints: Vec::new(),
    })?;
    waiting.abort();
    Ok(match status.code() {
        Some(code) => Exit::Other(u8::try_from(code).unwrap_or(1)),
        None => Exit::Other(ended_by_signal(status)),
    })
}

/// As shells say it: 128 and the signal's number.
fn ended_by_signal(status: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return 128u8.saturating_add(u8::try_from(signal).unwrap_or(0));
        }
    }
    let _ = status;
    1
}

async fn callers(config: &Config, global: &Global) -> Outcome {
    let desk = Desk::open(config, "lab cloud callers").await?;
    let callers = desk.callers().await;
    desk.close().await;
    let callers = callers?;
    let text = match config.format {
        OutputFormat::Json => format!("{}\n", serde_json::to_string_pretty(&callers)?),
        _ => {
            let width = callers.iter().map(|c| c.name.len()).max().unwrap_or(0);
            callers
                .iter()
                .map(|c| {
                    format!("{:<6} {:<width$}  {:<15} {}\n", c.cloud, c.name, c.origin, c.title)
                })
                .collect()
        }
    };
    output::answer(text.as_bytes(), global.output.as_deref())?;
    Ok(Exit::Clean)
}

async fn fault(command: FaultCommand, config: &Config, global: &Global) -> Outcome {
    let Some(desk) = Desk::attach(config).await else {
        return Err(Failure::usage("faults fall on running local clouds, and none runs here")
            .hint("lab cloud start"));
    };
    match command {
        FaultCommand::Set { cloud, service, operation, effect, amount } => {
            let effect = effect_of(&effect, amount)?;
            let fault = Fault { cloud: cloud.map(Into::into), service, operation, effect };
            desk.ask(Ask::SetFault { fault }).await?;
            if !global.quiet {
                say("In force until lab cloud fault clear, or until the local clouds stop");
            }
        }
        FaultCommand::Clear => {
            desk.ask(Ask::ClearFaults).await?;
        }
        FaultCommand::List => {
            let answer = desk.ask(Ask::ListFaults).await?;
            let Answer::Faults { faults } = &answer else { return Err(unexpected(&answer)) };
            let mut text = serde_json::to_string_pretty(faults)?;
            text.push('\n');
            output::answer(text.as_bytes(), global.output.as_deref())?;
        }
    }
    Ok(Exit::Clean)
}

fn effect_of(name: &str, amount: Option<f64>) -> Result<FaultEffect, Failure> {
    let needed = |unit: &str| {
        amount
            .filter(|a| a.is_finite() && *a >= 0.0)
            .ok_or_else(|| Failure::usage(format!("{name} needs an amount: {unit}")))
    };
    if let (Some(amount), "deny" | "lost-answer" | "outage") = (amount, name) {
        return Err(Failure::usage(format!("{name} takes no amount, and {amount} is one"))
            .hint("it falls on every call that --cloud, --service and --operation select"));
    }
    Ok(match name {
        "latency" => FaultEffect::Latency { milliseconds: needed("milliseconds")? as u64 },
        "throttle" => FaultEffect::Throttle { per_second: needed("calls a second")?.max(0.01) },
        "errors" => FaultEffect::Errors { percent: needed("percent")?.min(100.0) as u8 },
        "deny" => FaultEffect::Deny,
        "lost-answer" => FaultEffect::LostAnswer,
        "outage" => FaultEffect::Outage,
        other => return Err(Failure::usage(format!("no fault is called {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_values_as_they_are() {
        assert_eq!(quoted("http://127.0.0.1:1/"), "http://127.0.0.1:1/");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
