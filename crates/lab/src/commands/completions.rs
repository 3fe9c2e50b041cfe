//! `lab completions SHELL`

use crate::args::{Cli, Global};
use crate::exit::{Exit, Outcome};
use crate::output;
use clap::CommandFactory;
use clap_complete::Shell;

pub fn run(shell: Shell, global: &Global) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lab", &mut script);
    output::answer(&script, global.output.as_deref())?;
    Ok(Exit::Clean)
}
