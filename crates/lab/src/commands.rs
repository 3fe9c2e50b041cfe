//! One file a command.

mod cloud;
mod completions;
mod doctor;
mod drift_check;
mod init;
mod lesson;
mod list;
mod show;

use crate::args::{Cli, Command, Run};
use crate::config;
use crate::exit::Outcome;

pub async fn run(cli: Cli) -> Outcome {
    let config = config::load(&cli.global)?;
    let global = cli.global;
    match cli.command {
        Command::Run(Run::DriftCheck(args)) => drift_check::run(&args, &config, &global).await,
        Command::Show { finding } => show::run(&finding, &config, &global),
        Command::Cloud(command) => cloud::run(command, &config, &global).await,
        Command::Lesson(command) => lesson::run(command, &config, &global).await,
        Command::Doctor { target, grant } => {
            doctor::run(target.as_deref(), grant.as_deref(), &config, &global).await
        }
        Command::Init { force } => init::run(force, &config),
        Command::List => list::run(&global),
        Command::Completions { shell } => completions::run(shell, &global),
    }
}
