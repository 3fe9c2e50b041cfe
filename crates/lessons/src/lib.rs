//! Lay-out, ordinary traffic, slips and checks of the guided lessons.
//!
//! A story is told by calls through the clouds' own APIs and by nothing else: no shipped
//! file holds what a store or a log will hold. Who calls, from where and when is in the
//! script; the records are the clouds' own.
//!
//! * [`embedded`]: the lessons and environments that the program carries
//! * [`stage`]: what a story needs of the clouds that it is told on
//! * [`script`]: ordinary traffic and slips, as their TOML writes them
//! * [`perform`]: one script, step by step, on the lab's clock
//! * [`layout`]: the environments out of their recorded states
//! * [`lesson`]: story, questions, hints
//! * [`check`]: answers against the records, effects against the clouds
//! * [`recorded`]: both against the ledger

pub mod check;
pub mod embedded;
pub mod error;
pub mod layout;
pub mod lesson;
pub mod perform;
pub mod recorded;
pub mod script;
pub mod stage;

pub use check::{Memory, Verdict, check};
pub use embedded::{Environment, environments, lessons};
pub use error::LessonError;
pub use layout::{LaidOut, lay_out};
pub use lesson::Lesson;
pub use script::Script;
pub use stage::Stage;
