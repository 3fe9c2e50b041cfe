//! The lab command: parse, configure, call, render, exit.

mod args;
mod clouds;
mod commands;
mod config;
mod desk;
mod exit;
mod output;
mod progress;
mod shipped;

use clap::Parser;
use clap::error::ErrorKind;
use exit::{Exit, Failure};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    start_logging(cli.global.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(Failure::new(error.to_string())),
    };
    let advisory = cli.global.exit_zero;
    let minds_interrupts = cli.command.minds_interrupts();
    let outcome = runtime.block_on(async {
        if minds_interrupts {
            return commands::run(cli).await;
        }
        tokio::select! {
            // Polled first, so that the handler stands before the work begins.
            biased;
            () = interrupted() => Ok(Exit::Interrupted),
            outcome = commands::run(cli) => outcome,
        }
    });
    // What still runs in the background (a cut-off read) must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match outcome {
        Ok(Exit::Interrupted) => {
            output::say("interrupted; nothing was left half-written");
            Exit::Interrupted.into()
        }
        Ok(exit) => if advisory { exit.advisory() } else { exit }.into(),
        Err(failure) => fail(failure),
    }
}

/// Usage errors are 64: 2 means findings here. Help and version are no errors.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Clean.into(),
        _ => Exit::Usage.into(),
    }
}

fn fail(failure: Failure) -> ExitCode {
    output::say(format!("error: {}", provider::redact::mask(&failure.what)));
    for hint in &failure.hints {
        output::say(format!("hint: {hint}"));
    }
    failure.exit.into()
}

async fn interrupted() {
    // Where no handler can be set, Ctrl-C ends the process as it always did.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Logs are for whoever asks: `RUST_LOG`, or `-v` for warnings. s3s reports each refused
/// request as an error, which in a lab of refusals is noise, and writes whole requests with
/// their signatures and session tokens: it is off whatever is asked for.
fn start_logging(verbose: bool) {
    use tracing_subscriber::EnvFilter;
    let default = if verbose { "warn" } else { "off" };
    let mut filter =
        EnvFilter::try_from_env("RUST_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    if let Ok(quiet) = "s3s=off".parse() {
        filter = filter.add_directive(quiet);
    }
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}
