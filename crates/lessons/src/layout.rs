//! The environments out of their recorded states: every resource made through its cloud's
//! own API, then some ordinary days, then the first lesson's slip, then real time.

use crate::embedded::Environment;
use crate::error::LessonError;
use crate::perform::perform;
use crate::script::{Script, seconds};
use crate::stage::Stage;
use model::knowledge::Catalog;
use model::resource::Desired;
use model::{Cloud, Timestamp, Value};
use operations::Progress;
use terraform_io::State;

/// Who lays the environments out, and how long ago.
const DEPLOYER: &str = "deployer";
const LAID_OUT_AGO: &str = "6d5h";

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaidOut {
    pub resources: usize,
    pub calls: usize,
}

/// Lays out everything. Both clocks agree when it returns, also when it failed.
pub async fn lay_out(
    stage: &dyn Stage,
    catalogs: &[&'static dyn Catalog],
    environments: Vec<Environment>,
    slip: Script,
    now: Timestamp,
    progress: &dyn Progress,
) -> Result<LaidOut, LessonError> {
    let outcome = all(stage, catalogs, environments, slip, now, progress).await;
    stage.set_clock(None).await?;
    outcome
}

async fn all(
    stage: &dyn Stage,
    catalogs: &[&'static dyn Catalog],
    environments: Vec<Environment>,
    slip: Script,
    now: Timestamp,
    progress: &dyn Progress,
) -> Result<LaidOut, LessonError> {
    let start = now.plus_seconds(-seconds(LAID_OUT_AGO).unwrap_or(0));
    stage.set_clock(Some(start)).await?;
    let mut resources = 0;
    let mut scripts = vec![slip];
    for environment in environments {
        let state = State::from_slice(environment.state.as_bytes(), &environment.state_name)
            .map_err(|e| LessonError::Shipped {
                file: environment.state_name.clone(),
                what: e.to_string(),
            })?;
        progress.stage("laying out the lab", state.resources.len());
        for desired in in_order(&state.resources, catalogs) {
            make(stage, catalogs, desired).await?;
            resources += 1;
            progress.step();
        }
        scripts.push(environment.traffic);
    }
    let calls = perform(stage, &scripts, now, progress).await?;
    Ok(LaidOut { resources, calls })
}

/// What a kind's conformance run needs first is what a lay-out needs first.
fn in_order<'a>(resources: &'a [Desired], catalogs: &[&'static dyn Catalog]) -> Vec<&'a Desired> {
    fn depth(kind: &model::KindName, catalogs: &[&'static dyn Catalog], left: usize) -> usize {
        let knowledge = catalogs.iter().find_map(|c| c.kind(kind));
        let needs = knowledge.and_then(|k| k.facts().conformance.as_ref()).map(|c| &c.needs);
        match (needs, left) {
            (Some(needs), 1..) => {
                needs.iter().map(|n| 1 + depth(&n.kind, catalogs, left - 1)).max().unwrap_or(0)
            }
            _ => 0,
        }
    }
    let mut ordered: Vec<&Desired> = resources.iter().collect();
    ordered.sort_by_key(|d| depth(&d.address.kind, catalogs, 8));
    ordered
}

async fn make(
    stage: &dyn Stage,
    catalogs: &[&'static dyn Catalog],
    desired: &Desired,
) -> Result<(), LessonError> {
    let failed = |what: String| LessonError::Step { step: desired.address.to_string(), what };
    let cloud: Cloud = catalogs
        .iter()
        .find(|c| c.kind(&desired.address.kind).is_some())
        .map(|c| c.cloud())
        .ok_or_else(|| failed("no cloud here has this kind".to_owned()))?;
    let connection = stage.cast(&cloud, DEPLOYER).await?;
    let wanted = desired
        .attributes
        .iter()
        .filter(|(_, v)| !matches!(v, Value::Null | Value::Redacted))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let made = connection
        .writer
        .create(&desired.address.kind, &wanted)
        .await
        .map_err(|e| failed(e.to_string()))?;
    if made.native_id != desired.native_id {
        return Err(failed(format!(
            "the state records id {} and the cloud gave {}",
            desired.native_id, made.native_id
        )));
    }
    Ok(())
}
