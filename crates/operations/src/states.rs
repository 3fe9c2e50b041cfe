//! The states that a run is about.

use crate::fetch::fetch;
use crate::progress::Progress;
use crate::target::CheckCloud;
use model::Timestamp;
use model::report::{ReportError, StateSummary};
use std::sync::Arc;
use terraform_io::{State, StateError, StateFile, StateSource};

/// The largest state that is fetched from a bucket. Local ones are read as a stream and
/// have the reader's own limits.
const LARGEST_FETCHED: u64 = 1 << 30;

/// What a run is given as states.
#[derive(Clone, Debug)]
pub enum StateInput {
    Source(StateSource),
    /// Already at hand: standard input, or what the program carries.
    Bytes {
        name: String,
        bytes: Vec<u8>,
        modified: Option<Timestamp>,
    },
    /// Read before, by somebody who knows that it is still the same.
    Loaded(Loaded),
}

/// One state, read whole.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub state: Arc<State>,
    pub modified: Option<Timestamp>,
}

impl Loaded {
    pub fn summary(&self, now: Timestamp) -> StateSummary {
        let header = &self.state.header;
        StateSummary {
            source: header.source.clone(),
            lineage: header.lineage.clone(),
            serial: header.serial,
            terraform_version: header.terraform_version.clone(),
            age_seconds: self
                .modified
                .and_then(|m| u64::try_from(now.unix().saturating_sub(m.unix())).ok()),
        }
    }
}

/// Reads every state; what could not be read is listed, the others are still good.
pub async fn load_states(
    inputs: Vec<StateInput>,
    clouds: &[CheckCloud],
    progress: &dyn Progress,
) -> (Vec<Loaded>, Vec<ReportError>) {
    let (mut states, mut errors) = (Vec::new(), Vec::new());
    let mut sources = Vec::new();
    for input in inputs {
        match input {
            StateInput::Source(source) => sources.push(source),
            StateInput::Bytes { name, bytes, modified } => {
                keep(State::from_slice(&bytes, &name), modified, &mut states, &mut errors);
            }
            StateInput::Loaded(loaded) => states.push(loaded),
        }
    }
    let (files, wrong) = terraform_io::source::expand(&sources);
    errors.extend(wrong.into_iter().map(|e| ReportError {
        place: e.source,
        what: e.what,
        next_step: e.next_step,
    }));
    progress.stage("reading states", files.len());
    for found in files {
        match found.file {
            StateFile::Stdin => {
                let read = tokio::task::spawn_blocking(|| {
                    State::read(std::io::stdin().lock(), "-", terraform_io::Limits::default())
                });
                keep(joined(read.await, "-"), None, &mut states, &mut errors);
            }
            StateFile::Local(path) => {
                let name = path.display().to_string();
                let read = tokio::task::spawn_blocking(move || {
                    let (file, modified) = terraform_io::state::open(&path)?;
                    let name = path.display().to_string();
                    let state = State::read(
                        std::io::BufReader::with_capacity(1 << 16, file),
                        &name,
                        terraform_io::Limits::default(),
                    )?;
                    Ok((state, modified))
                });
                let (outcome, modified) = match joined(read.await, &name) {
                    Ok((state, modified)) => {
                        (Ok(state), modified.map(|m| Timestamp::new(m.into())))
                    }
                    Err(error) => (Err(error), None),
                };
                keep(outcome, modified, &mut states, &mut errors);
            }
            StateFile::Object(pattern) => {
                let wanted = |key: &str| pattern.matches_state(key);
                let (objects, wrong) = fetch(clouds, &pattern, wanted, LARGEST_FETCHED).await;
                errors.extend(wrong);
                for object in objects {
                    let read = State::from_slice(&object.bytes, &object.name);
                    keep(read, object.modified, &mut states, &mut errors);
                }
            }
        }
        progress.step();
    }
    (states, errors)
}

/// A reader that panicked is our own fault; it is said, and the run goes on.
fn joined<T>(
    outcome: Result<Result<T, StateError>, tokio::task::JoinError>,
    name: &str,
) -> Result<T, StateError> {
    outcome.unwrap_or_else(|fault| {
        let kind = terraform_io::StateErrorKind::Unreadable(fault.to_string());
        Err(StateError::new(name, kind))
    })
}

fn keep(
    outcome: Result<State, StateError>,
    modified: Option<Timestamp>,
    states: &mut Vec<Loaded>,
    errors: &mut Vec<ReportError>,
) {
    match outcome {
        Ok(state) => states.push(Loaded { state: Arc::new(state), modified }),
        Err(error) => errors.push(ReportError {
            place: error.source.clone(),
            what: error.what(),
            next_step: error.next_step(),
        }),
    }
}
