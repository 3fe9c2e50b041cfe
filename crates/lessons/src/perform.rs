//! One script, step by step, on the lab's clock.

use crate::error::LessonError;
use crate::script::{Act, Script, Step};
use crate::stage::Stage;
use bytes::Bytes;
use model::{Attributes, KindName, Live, Resource, Timestamp};
use operations::Progress;
use provider::kind::Wanted;
use provider::{Connection, ErrorKind, ProviderError};

/// The largest object that a story reads.
const LARGEST: u64 = 1 << 20;

/// Performs all steps of all scripts in the order of time; answers with how many there were.
pub async fn perform(
    stage: &dyn Stage,
    scripts: &[Script],
    now: Timestamp,
    progress: &dyn Progress,
) -> Result<usize, LessonError> {
    let mut steps: Vec<(Timestamp, Step)> = scripts.iter().flat_map(|s| s.timed(now)).collect();
    steps.sort_by_key(|(moment, _)| *moment);
    progress.stage("letting some days pass", steps.len());
    for (moment, step) in &steps {
        stage.set_clock(Some(*moment)).await?;
        one(stage, step).await?;
        progress.step();
    }
    Ok(steps.len())
}

async fn one(stage: &dyn Stage, step: &Step) -> Result<(), LessonError> {
    let failed = |what: String| LessonError::Step {
        step: format!("{} as {} in {}: {:?}", step.ago, step.caller, step.cloud, step.act),
        what,
    };
    match &step.act {
        Act::Relocate { to } => return stage.relocate(&step.cloud, &step.caller, to).await,
        Act::Special { name, with } => {
            return stage.special(&step.cloud, &step.caller, name, with).await;
        }
        _ => {}
    }
    let connection = stage.cast(&step.cloud, &step.caller).await?;
    match (act(&connection, &step.act).await, step.refused) {
        (Ok(()), false) => Ok(()),
        (Err(error), true) if error.is(ErrorKind::Denied) => Ok(()),
        (Ok(()), true) => Err(failed("it was to be refused and was not".to_owned())),
        (Err(error), _) => Err(failed(error.to_string())),
    }
}

async fn act(connection: &Connection, act: &Act) -> Result<(), ProviderError> {
    match act {
        Act::Read { kind, id } => current(connection, kind, id).await.map(drop),
        Act::List { kind } => connection.reader.list(kind).await.map(drop),
        Act::Create { kind, set } => connection.writer.create(kind, set).await.map(drop),
        Act::Update { kind, id, set } => {
            let resource = known(kind, id, set);
            connection.writer.update(&resource, set).await
        }
        Act::Delete { kind, id } => {
            connection.writer.delete(&known(kind, id, &Attributes::new())).await
        }
        Act::ListObjects { place, prefix } => {
            connection.objects.list(place, prefix).await.map(drop)
        }
        Act::GetObject { place, key } => {
            connection.objects.get(place, key, LARGEST).await.map(drop)
        }
        Act::PutObject { place, key, text } => {
            let body = Bytes::from(text.clone());
            connection.sink.put_if_absent(place, key, body).await.map(drop)
        }
        Act::Relocate { .. } | Act::Special { .. } => Ok(()),
    }
}

/// A change made by hand does not read first: the log shows the one call that was made.
fn known(kind: &KindName, id: &str, set: &Attributes) -> Resource {
    Resource {
        cloud: "".into(),
        account: None,
        region: None,
        kind: kind.clone(),
        native_id: id.to_owned(),
        attributes: set.clone(),
    }
}

async fn current(
    connection: &Connection,
    kind: &KindName,
    id: &str,
) -> Result<Resource, ProviderError> {
    let failed = |error: ErrorKind| ProviderError::new(error, format!("read {kind}"), id);
    match connection.reader.read(&Wanted::new(kind.clone(), id)).await {
        Live::Present(resource) => Ok(resource),
        Live::Absent => Err(failed(ErrorKind::NotFound)),
        Live::Unknown(unknown) => {
            let error = match unknown.reason {
                model::UnknownReason::Denied => ErrorKind::Denied,
                _ => ErrorKind::Unreachable,
            };
            Err(failed(error).because(unknown.detail))
        }
    }
}
