//! The shipped lab: environments, ordinary days and the first lesson's slip, laid out once
//! into the local clouds by calls through their own APIs.

use crate::clouds;
use crate::commands::ledger::entries;
use crate::commands::record;
use crate::desk::Desk;
use crate::exit::Failure;
use async_trait::async_trait;
use ledger::{Entry, SqliteLedger};
use lessons::{LessonError, Stage};
use local_cloud::Clock;
use local_cloud::control::Ask;
use model::{Cloud, Timestamp};
use operations::{Progress, StateInput};
use provider::Connection;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio::sync::Mutex;

const LAID_OUT: &str = "laid_out";

pub fn lessons() -> Result<Vec<lessons::Lesson>, Failure> {
    Ok(lessons::lessons()?)
}

/// The recorded states that the program carries.
pub fn states() -> Result<Vec<StateInput>, Failure> {
    Ok(lessons::environments()?
        .into_iter()
        .map(|e| StateInput::Bytes {
            name: e.state_name,
            bytes: e.state.as_bytes().to_vec(),
            modified: None,
        })
        .collect())
}

/// When the story that was laid out ended.
pub async fn laid_out_at(desk: &Desk) -> Result<Option<Timestamp>, Failure> {
    let note = desk.note(LAID_OUT).await?;
    Ok(note.and_then(|n| Timestamp::parse(n.get("at")?.as_str()?)))
}

/// Lays everything out, once a folder; says what was done, or nothing when it was there.
pub async fn prepare(desk: &Desk, progress: &dyn Progress) -> Result<Option<String>, Failure> {
    if desk.note(LAID_OUT).await?.is_some() {
        return Ok(None);
    }
    desk.begin_lay_out()?;
    let lessons = lessons()?;
    let first =
        lessons.into_iter().next().ok_or_else(|| Failure::new("this build carries no lesson"))?;
    let stage = DeskStage::new(desk);
    let name = first.name.clone();
    let laid = lessons::lay_out(
        &stage,
        &clouds::catalogs(),
        lessons::environments()?,
        first.slip,
        Clock::real(),
        progress,
    )
    .await?;
    desk.ask(Ask::Settle).await?;
    let note =
        serde_json::json!({"resources": laid.resources, "calls": laid.calls, "at": Clock::real()});
    desk.put_note(LAID_OUT, note).await?;
    desk.end_lay_out();
    Ok(Some(format!(
        "Prepared three local clouds in {} ({} resources, lesson {name})",
        desk.place(),
        laid.resources
    )))
}

/// The local clouds as a story is told on them.
pub struct DeskStage<'a> {
    desk: &'a Desk,
    ledger: PathBuf,
    cast: Mutex<BTreeMap<(String, String), Connection>>,
}

impl<'a> DeskStage<'a> {
    pub fn new(desk: &'a Desk) -> Self {
        let ledger = desk.data().join(record::FILE);
        DeskStage { desk, ledger, cast: Mutex::default() }
    }
}

fn stage(error: impl std::fmt::Display) -> LessonError {
    LessonError::Stage(error.to_string())
}

#[async_trait]
impl Stage for DeskStage<'_> {
    async fn cast(&self, cloud: &Cloud, caller: &str) -> Result<Connection, LessonError> {
        let mut cast = self.cast.lock().await;
        let key = (cloud.to_string(), caller.to_owned());
        if let Some(connection) = cast.get(&key) {
            return Ok(connection.clone());
        }
        let variables = self.desk.environment(Some(caller)).await.map_err(|e| stage(e.what))?;
        let connection = clouds::connect_local(cloud, &variables, self.desk.address())
            .await
            .ok_or_else(|| stage(format!("there is no cloud {cloud}")))?
            .map_err(stage)?;
        cast.insert(key, connection.clone());
        Ok(connection)
    }

    async fn set_clock(&self, moment: Option<Timestamp>) -> Result<(), LessonError> {
        self.desk.set_clock(moment).await.map_err(|e| stage(e.what))
    }

    async fn relocate(&self, cloud: &Cloud, caller: &str, origin: &str) -> Result<(), LessonError> {
        let variables = self.desk.environment(Some(caller)).await.map_err(|e| stage(e.what))?;
        let credential = clouds::credential(cloud, &variables)
            .ok_or_else(|| stage(format!("{caller} has no credential in {cloud}")))?;
        let ask = Ask::Place { credential, origin: origin.to_owned() };
        self.desk.ask(ask).await.map_err(stage)?;
        Ok(())
    }

    async fn special(
        &self,
        cloud: &Cloud,
        caller: &str,
        name: &str,
        arguments: &toml::Table,
    ) -> Result<(), LessonError> {
        let variables = self.desk.environment(Some(caller)).await.map_err(|e| stage(e.what))?;
        clouds::special(cloud, name, &variables, self.desk.address(), arguments)
            .ok_or_else(|| stage(format!("{cloud} has no move {name}")))?
            .await
            .map_err(stage)
    }

    async fn ledger(&self) -> Result<Vec<Entry>, LessonError> {
        match SqliteLedger::open_existing(&self.ledger).map_err(stage)? {
            Some(ledger) => entries(&ledger).await.map_err(|e| stage(e.what)),
            None => Ok(Vec::new()),
        }
    }
}
