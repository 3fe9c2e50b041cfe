//! What a renderer needs to know besides the report.

use model::Timestamp;
use std::collections::BTreeMap;

/// Columns when nobody knows better.
pub const DEFAULT_WIDTH: usize = 80;

#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Columns of the terminal. Nothing printed is wider.
    pub width: usize,
    /// ANSI colours. Never needed to understand anything.
    pub color: bool,
    /// Also what is in sync, every state, and why an effect is what it is.
    pub verbose: bool,
    /// The moment of printing, for ages of states.
    pub now: Timestamp,
    /// Where the configuration of an address stands, by the address as Terraform writes it.
    /// Paths are relative to the repository.
    pub sources: BTreeMap<String, SourcePlace>,
    /// What to do next, in the caller's order. Printed last, after the steps that the
    /// report itself suggests (`lab show` on the worst finding).
    pub next: Vec<NextStep>,
}

impl Options {
    pub fn new(now: Timestamp) -> Self {
        Options {
            width: DEFAULT_WIDTH,
            color: false,
            verbose: false,
            now,
            sources: BTreeMap::new(),
            next: Vec::new(),
        }
    }
}

/// A line of the user's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePlace {
    pub path: String,
    /// From 1.
    pub line: u32,
}

/// `lab run remediate` and `the fix for each of them; changes nothing yet`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    pub command: String,
    pub what: String,
}

impl NextStep {
    pub fn new(command: impl Into<String>, what: impl Into<String>) -> Self {
        NextStep { command: command.into(), what: what.into() }
    }
}
