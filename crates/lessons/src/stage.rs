//! What a story needs of the clouds that it is told on. The command line's wiring gives it;
//! nothing here knows which clouds there are.

use crate::error::LessonError;
use async_trait::async_trait;
use ledger::Entry;
use model::{Cloud, Timestamp};
use provider::Connection;

#[async_trait]
pub trait Stage: Send + Sync {
    /// One cloud, as one caller.
    async fn cast(&self, cloud: &Cloud, caller: &str) -> Result<Connection, LessonError>;

    /// Sets the lab's clock; `None` lets it follow the real one again.
    async fn set_clock(&self, moment: Option<Timestamp>) -> Result<(), LessonError>;

    /// From now on this caller's credential seems to call from there.
    async fn relocate(&self, cloud: &Cloud, caller: &str, origin: &str) -> Result<(), LessonError>;

    /// A move that no resource kind knows, by its name.
    async fn special(
        &self,
        cloud: &Cloud,
        caller: &str,
        name: &str,
        arguments: &toml::Table,
    ) -> Result<(), LessonError>;

    /// The ledger's entries, in order; none where nothing was ever planned.
    async fn ledger(&self) -> Result<Vec<Entry>, LessonError>;
}
