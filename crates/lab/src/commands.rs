//! One file a command.

mod cloud;
mod completions;
mod doctor;
mod drift_check;
mod init;
pub mod ledger;
mod lesson;
mod list;
mod plans;
pub mod record;
mod remediate;
mod scope;
mod show;
mod undo;
mod who;
mod word;

use crate::args::{Cli, Command, RemediateCommand, Run};
use crate::config;
use crate::exit::Outcome;

pub async fn run(cli: Cli) -> Outcome {
    let config = config::load(&cli.global)?;
    let global = cli.global;
    match cli.command {
        Command::Run(Run::DriftCheck(args)) => drift_check::run(&args, &config, &global).await,
        Command::Run(Run::Remediate(args)) => remediate::run(&args, &config, &global).await,
        Command::Remediate(command) => match command {
            RemediateCommand::Undo { action, policy } => {
                undo::run(&action, &policy, &config, &global).await
            }
            RemediateCommand::Approve { action, plan, policy } => {
                word::run(word::Word::Yes, &action, plan.as_deref(), &policy, &config).await
            }
            RemediateCommand::Reject { action, reason, plan, policy } => {
                word::run(word::Word::No(&reason), &action, plan.as_deref(), &policy, &config).await
            }
        },
        Command::Ledger(command) => ledger::run(command, &config, &global).await,
        Command::Show { id } => show::run(&id, &config, &global).await,
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
