//! States and policy between two calls of the function. A listing tells whether one has
//! changed; only then is it fetched again. What is about to be changed is held against the
//! state as it is then: the engine reads that anew.

use crate::settings::{POLICY, Place};
use auto_remediation::Policy;
use model::report::ReportError;
use operations::{Loaded, Silent, StateInput, load_states};
use provider::{ObjectInfo, ObjectSource, ProviderError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use terraform_io::{ObjectPattern, StateFile, StateSource};
use tokio::sync::Mutex;

/// The largest state that a function of some hundred megabytes can hold, with what is parsed
/// out of it.
const LARGEST_STATE: u64 = 64 << 20;
/// A policy is a page or two.
const LARGEST_POLICY: u64 = 1 << 20;

#[derive(Default)]
pub struct Kept {
    states: Mutex<BTreeMap<String, State>>,
    policy: Mutex<Option<(String, Arc<Policy>)>>,
}

#[derive(Clone)]
struct State {
    version: String,
    loaded: Loaded,
}

impl Kept {
    /// Every state as it is now; what could not be read is listed, the others are still good.
    pub async fn states(
        &self,
        sources: &[StateSource],
        objects: &dyn ObjectSource,
    ) -> (Vec<StateInput>, Vec<ReportError>) {
        let mut kept = self.states.lock().await;
        let (mut inputs, mut errors) = (Vec::new(), Vec::new());
        let mut present = BTreeMap::new();
        for source in sources {
            let read = match source {
                StateSource::Object(pattern) => of_objects(&kept, pattern, objects).await,
                local => of_files(&kept, local).await,
            };
            for (name, state) in read.0 {
                inputs.push(StateInput::Loaded(state.loaded.clone()));
                present.insert(name, state);
            }
            errors.extend(read.1);
        }
        *kept = present;
        (inputs, errors)
    }

    /// The policy as it is now; the built-in rules where none is named. One that cannot be
    /// read, or only by half, is an error: nothing is decided without it.
    pub async fn policy(
        &self,
        place: Option<&Place>,
        objects: &dyn ObjectSource,
    ) -> Result<Arc<Policy>, String> {
        let Some(place) = place else { return Ok(Arc::default()) };
        let mut kept = self.policy.lock().await;
        let (name, version, bytes) = match place {
            Place::Local(path) => {
                let name = path.display().to_string();
                let bytes = std::fs::read(path).map_err(|e| format!("{POLICY}: {name}: {e}"))?;
                (name, None, bytes)
            }
            Place::Object { bucket, key } => {
                let name = format!("s3://{bucket}/{key}");
                let wrong = |e: ProviderError| format!("{POLICY}: {e}");
                let listed = objects.list(bucket, key).await;
                let version = listed
                    .ok()
                    .and_then(|found| found.into_iter().find(|o| o.key == *key).map(|o| o.version));
                if let (Some(version), Some((before, policy))) = (&version, kept.as_ref())
                    && version == before
                {
                    return Ok(policy.clone());
                }
                let bytes = objects.get(bucket, key, LARGEST_POLICY).await.map_err(wrong)?;
                (name, version, bytes.to_vec())
            }
        };
        let text = std::str::from_utf8(&bytes).map_err(|e| format!("{POLICY}: {name}: {e}"))?;
        let policy = Policy::parse(text, &name).map_err(|e| format!("{POLICY}: {e}"))?;
        let policy = Arc::new(policy);
        *kept = version.map(|version| (version, policy.clone()));
        Ok(policy)
    }
}

type Read = (Vec<(String, State)>, Vec<ReportError>);

async fn of_objects(
    kept: &BTreeMap<String, State>,
    pattern: &ObjectPattern,
    objects: &dyn ObjectSource,
) -> Read {
    let found = match listed(pattern, objects).await {
        Ok(found) => found,
        Err(error) => return (Vec::new(), vec![error]),
    };
    let (mut states, mut errors) = (Vec::new(), Vec::new());
    for object in found {
        let name = pattern.url(&object.key);
        if let Some(same) = kept.get(&name).filter(|k| is_same(k, &object.version)) {
            states.push((name, same.clone()));
            continue;
        }
        match objects.get(pattern.place(), &object.key, LARGEST_STATE).await {
            Err(error) => errors.push(told(name, &error)),
            Ok(bytes) => {
                let input = StateInput::Bytes {
                    name: name.clone(),
                    bytes: bytes.to_vec(),
                    modified: object.modified,
                };
                read(name, object.version, input, &mut states, &mut errors).await;
            }
        }
    }
    (states, errors)
}

async fn of_files(kept: &BTreeMap<String, State>, source: &StateSource) -> Read {
    let (files, wrong) = terraform_io::source::expand(std::slice::from_ref(source));
    let mut errors: Vec<ReportError> = wrong
        .into_iter()
        .map(|e| ReportError { place: e.source, what: e.what, next_step: e.next_step })
        .collect();
    let mut states = Vec::new();
    for found in files {
        let StateFile::Local(path) = found.file else { continue };
        let name = path.display().to_string();
        let version = version_of(&path);
        match kept.get(&name).filter(|k| is_same(k, &version)) {
            Some(same) => states.push((name, same.clone())),
            None => {
                let input = StateInput::Source(StateSource::Local(name.clone()));
                read(name, version, input, &mut states, &mut errors).await;
            }
        }
    }
    (states, errors)
}

fn is_same(kept: &State, version: &str) -> bool {
    !version.is_empty() && kept.version == version
}

/// Of a file: when it was written, and how long it is; empty where nobody can tell.
fn version_of(path: &Path) -> String {
    let about = std::fs::metadata(path).and_then(|m| Ok((m.modified()?, m.len())));
    about.map_or_else(|_| String::new(), |(modified, length)| format!("{modified:?} {length}"))
}

async fn read(
    name: String,
    version: String,
    input: StateInput,
    states: &mut Vec<(String, State)>,
    errors: &mut Vec<ReportError>,
) {
    let (loaded, wrong) = load_states(vec![input], &[], &Silent).await;
    let loaded = loaded.into_iter();
    states.extend(loaded.map(|loaded| (name.clone(), State { version: version.clone(), loaded })));
    errors.extend(wrong);
}

/// The objects that a pattern means. Who may fetch an object and not list has it fetched
/// every time.
async fn listed(
    pattern: &ObjectPattern,
    objects: &dyn ObjectSource,
) -> Result<Vec<ObjectInfo>, ReportError> {
    match (objects.list(pattern.place(), pattern.list_prefix()).await, pattern.exact_key()) {
        (Ok(found), _) => {
            let found: Vec<_> =
                found.into_iter().filter(|o| pattern.matches_state(&o.key)).collect();
            match found.is_empty() {
                false => Ok(found),
                true => Err(ReportError {
                    place: pattern.to_string(),
                    what: "no object matches".to_owned(),
                    next_step: "check the bucket, the prefix and the pattern".to_owned(),
                }),
            }
        }
        (Err(_), Some(key)) => Ok(vec![ObjectInfo {
            key: key.to_owned(),
            size: 0,
            modified: None,
            version: String::new(),
        }]),
        (Err(error), None) => Err(told(pattern.to_string(), &error)),
    }
}

fn told(place: String, error: &ProviderError) -> ReportError {
    // The next step has its own place in a report.
    let bare = ProviderError { next_step: String::new(), ..error.clone() };
    ReportError { place, what: bare.to_string(), next_step: error.next_step.clone() }
}
