//! States and policy between two calls of the function. A listing tells whether one has
//! changed; only then is it fetched again. What is about to be changed is held against the
//! state as it is then: the engine reads that anew.

use crate::settings::{POLICY, Place};
use auto_remediation::Policy;
use model::Timestamp;
use model::report::ReportError;
use operations::StateInput;
use provider::{ObjectInfo, ObjectSource, ProviderError};
use std::collections::BTreeMap;
use std::sync::Arc;
use terraform_io::{ObjectPattern, StateSource};
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
    bytes: Vec<u8>,
    modified: Option<Timestamp>,
}

impl State {
    fn input(&self, name: String) -> StateInput {
        StateInput::Bytes { name, bytes: self.bytes.clone(), modified: self.modified }
    }
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
            let StateSource::Object(pattern) = source else {
                inputs.push(StateInput::Source(source.clone()));
                continue;
            };
            match listed(pattern, objects).await {
                Err(error) => errors.push(error),
                Ok(found) => {
                    for object in found {
                        let name = pattern.url(&object.key);
                        match state(&kept, pattern, &object, objects).await {
                            Ok(state) => {
                                inputs.push(state.input(name.clone()));
                                present.insert(name, state);
                            }
                            Err(error) => errors.push(told(name, &error)),
                        }
                    }
                }
            }
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

async fn state(
    kept: &BTreeMap<String, State>,
    pattern: &ObjectPattern,
    object: &ObjectInfo,
    objects: &dyn ObjectSource,
) -> Result<State, ProviderError> {
    let before = kept.get(&pattern.url(&object.key));
    if let Some(before) = before
        && !object.version.is_empty()
        && before.version == object.version
    {
        return Ok(before.clone());
    }
    let bytes = objects.get(pattern.place(), &object.key, LARGEST_STATE).await?;
    Ok(State { version: object.version.clone(), bytes: bytes.to_vec(), modified: object.modified })
}

fn told(place: String, error: &ProviderError) -> ReportError {
    // The next step has its own place in a report.
    let bare = ProviderError { next_step: String::new(), ..error.clone() };
    ReportError { place, what: bare.to_string(), next_step: error.next_step.clone() }
}
