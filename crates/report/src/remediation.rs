//! What is proposed, what was done, and what stood in the way.
//!
//! * [`plan`]: the screen of a plan; [`plan_markdown`]: the same as a comment
//! * [`applied`]: what a run of it did
//! * [`show_action`]: the whole story of one action
//! * [`refusal`]: why nothing was done

mod action;
mod applied;
mod markdown;
mod page;
mod plan;
mod refusal;
mod standing;
mod wording;

use crate::options::Options;
use model::remediation::{Action, RemediationPlan};
use model::time::Timestamp;
use std::io::{self, Write};

/// What an apply did with a plan.
pub struct Ran<'a> {
    /// Ids of the actions that ran, in their order.
    pub ran: &'a [String],
    /// What an earlier run had left open: id, place, what was found.
    pub settled: &'a [(String, String, String)],
    /// A fix failed, and the rest was not begun.
    pub broken: bool,
    /// Entries of the ledger before this run.
    pub ledger_before: Option<u64>,
}

/// One line of an action's history.
pub struct Happened {
    pub time: Timestamp,
    /// `approved`, `intent`, `verified`.
    pub what: String,
    pub by: Option<String>,
    pub detail: String,
    pub seq: Option<u64>,
}

/// What is no longer as the plan saw it.
pub struct MovedLine {
    pub action: String,
    pub place: String,
    /// Over several lines, where it is known whose doing it was.
    pub what: String,
    /// It cannot be read now.
    pub unknown: bool,
}

/// A plan on one screen: what would be done, what waits for somebody, and how to go on.
pub fn plan(plan: &RemediationPlan, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(plan::screen(plan, options).as_bytes())
}

/// What came of an apply: what ran first, then what waits or was refused.
pub fn applied(
    plan: &RemediationPlan,
    ran: &Ran<'_>,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(applied::screen(plan, ran, options).as_bytes())
}

/// A comment or a job's summary: the plan, with the states of its actions as they are in it.
pub fn plan_markdown(
    plan: &RemediationPlan,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(markdown::comment(plan, options).as_bytes())
}

/// The whole story of one action.
pub fn show_action(
    action: &Action,
    plan_hash: &str,
    happened: &[Happened],
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(action::story(action, plan_hash, happened, options).as_bytes())
}

/// For standard error: why a plan was not applied.
pub fn refusal(plan_hash: &str, moved: &[MovedLine], options: &Options) -> String {
    refusal::text(plan_hash, moved, options)
}
