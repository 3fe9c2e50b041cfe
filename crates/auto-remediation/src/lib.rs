//! Decide, plan, apply, verify, undo, within limits.
//!
//! Planning is pure: [`plan::plan`] is a function of findings, what lives, the policy and
//! what the ledger says has been done. Doing is [`engine`], step by step: intent, look again,
//! write, read back, effect, outcome.
//!
//! * [`policy`] of a user: `remediation.toml`
//! * [`subject`]: all that planning is told of one finding
//! * [`remedies`]: one file each, and the list of them
//! * [`decide`]: fix, ask or accept, and the sentence that says why
//! * [`digest`]: what identifies live values, an action and a plan
//! * [`plan`]: the actions, their ids and the plan's hash
//! * [`history`]: what the ledger says of earlier runs
//! * [`engine`], [`settle`], [`undo`]: doing it, closing what a cut-off run left open, putting
//!   it back

pub mod decide;
pub mod digest;
pub mod engine;
pub mod history;
pub mod plan;
pub mod policy;
pub mod remedies;
pub mod settle;
pub mod subject;
pub mod undo;

pub use engine::{Done, Engine, Hands, Step, World};
pub use history::History;
pub use plan::{Planned, plan};
pub use policy::{Policy, PolicyError};
pub use subject::{CredentialSubject, Subject};
