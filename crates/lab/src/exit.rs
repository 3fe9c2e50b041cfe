//! Exit codes: a contract with scripts and CI jobs.

/// What a command ends with. The table in docs/reference is made from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Clean,
    Failed,
    Findings,
    Incomplete,
    Usage,
    Interrupted,
    /// What a command that `lab cloud exec` ran ended with.
    Other(u8),
}

impl Exit {
    pub const TABLE: [(Exit, &'static str); 6] = [
        (
            Exit::Clean,
            "clean: nothing found (at or above --fail-on), or everything asked for was done \
             and verified; a lesson solved; a ledger that verifies",
        ),
        (Exit::Failed, "the tool failed, or a fix did; a ledger that does not verify"),
        (
            Exit::Findings,
            "findings: drift, or actions that wait to be applied or approved; a lesson not \
             solved yet",
        ),
        (
            Exit::Incomplete,
            "incomplete: something is unknown, rejected, refused or held back, and nothing \
             worse was found",
        ),
        (Exit::Usage, "wrong usage"),
        (Exit::Interrupted, "interrupted (Ctrl-C)"),
    ];

    pub fn code(self) -> u8 {
        match self {
            Exit::Clean => 0,
            Exit::Failed => 1,
            Exit::Findings => 2,
            Exit::Incomplete => 3,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
            Exit::Other(code) => code,
        }
    }

    /// `--exit-zero`: advisory runs.
    pub fn advisory(self) -> Exit {
        match self {
            Exit::Findings | Exit::Incomplete => Exit::Clean,
            other => other,
        }
    }
}

/// The table as `lab --help` shows it; docs/reference/exit-codes.md is made from that.
pub fn help() -> String {
    let mut text = String::from("Exit codes:");
    for (exit, meaning) in Exit::TABLE {
        let mut line = format!("  {:<5}", exit.code());
        for word in meaning.split(' ') {
            if line.len() + 1 + word.len() > 78 {
                text.push('\n');
                text.push_str(&line);
                line = " ".repeat(7);
            }
            line.push(' ');
            line.push_str(word);
        }
        text.push('\n');
        text.push_str(&line);
    }
    text
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command ends without having done its work: what, and what to do next.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub what: String,
    pub hints: Vec<String>,
}

impl Failure {
    pub fn usage(what: impl Into<String>) -> Self {
        Failure { exit: Exit::Usage, what: what.into(), hints: Vec::new() }
    }

    pub fn new(what: impl Into<String>) -> Self {
        Failure { exit: Exit::Failed, what: what.into(), hints: Vec::new() }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::new(error.to_string())
    }
}

pub type Outcome = Result<Exit, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_contract() {
        assert_eq!(Exit::TABLE.map(|(e, _)| e.code()), [0, 1, 2, 3, 64, 130]);
        assert_eq!(Exit::Findings.advisory(), Exit::Clean);
        assert_eq!(Exit::Failed.advisory(), Exit::Failed);
    }
}
