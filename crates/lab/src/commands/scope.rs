//! What a run is about: which states, on which target, with names from where.

use crate::config::Config;
use crate::exit::Failure;
use drift_detector::DriftIgnore;
use model::report::Tool;
use operations::archive::EventSource;
use operations::{StateInput, Who};
use terraform_io::StateSource;

const IGNORE_FILE: &str = ".driftignore";

/// What the run is about.
pub enum Scope {
    /// The shipped environments on the local clouds.
    Shipped,
    Local(Vec<String>),
    Target(String, Vec<String>),
}

pub fn scope(
    states: &[String],
    target: Option<&str>,
    config: &Config,
    exercise: &str,
) -> Result<Scope, Failure> {
    let target = target.map(str::to_owned).or_else(|| config.file.target.clone());
    match (target, states.is_empty()) {
        (None, true) => Ok(Scope::Shipped),
        (None, false) => {
            let state = states.join(",");
            Err(Failure::usage("--state needs a target: where is that state to be compared with?")
                .hint(format!("real accounts:    lab run {exercise} --state {state} --target prod"))
                .hint(format!(
                    "the local clouds: lab run {exercise} --state {state} --target local"
                )))
        }
        (Some(name), true) if name == "local" => Ok(Scope::Shipped),
        (Some(name), false) if name == "local" => Ok(Scope::Local(states.to_vec())),
        (Some(name), true) => {
            let states = config.target(&name)?.states.clone();
            if states.is_empty() {
                return Err(Failure::usage(format!("target {name} names no states")).hint(
                    format!(
                        "give --state, or states = [...] under [targets.{name}] in {}",
                        config.path.display()
                    ),
                ));
            }
            Ok(Scope::Target(name, states))
        }
        (Some(name), false) => Ok(Scope::Target(name, states.to_vec())),
    }
}

pub fn inputs(states: &[String]) -> Result<Vec<StateInput>, Failure> {
    states
        .iter()
        .map(|text| {
            StateSource::parse(text)
                .map(StateInput::Source)
                .map_err(|e| Failure::usage(e.to_string()).hint(e.next_step))
        })
        .collect()
}

/// Where names come from: the clouds' own logs, or only what the user names.
pub fn who(events: &[String]) -> Result<Who, Failure> {
    if events.is_empty() {
        return Ok(Who::Clouds);
    }
    let sources: Result<Vec<EventSource>, _> =
        events.iter().map(|e| EventSource::parse(e)).collect();
    Ok(Who::Archive(sources.map_err(|e| Failure::usage(e.to_string()).hint(e.next_step))?))
}

pub fn tool() -> Tool {
    Tool { name: "lab".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

pub fn ignore() -> Result<DriftIgnore, Failure> {
    match std::fs::read_to_string(IGNORE_FILE) {
        Ok(text) => DriftIgnore::parse(&text).map_err(|errors| {
            Failure::usage(format!("{IGNORE_FILE}: {}", errors.join("; ")))
                .hint("one pattern a line, as in .gitignore, over ADDRESS/attribute.path")
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(DriftIgnore::default()),
        Err(e) => Err(Failure::usage(format!("{IGNORE_FILE}: {e}"))),
    }
}
