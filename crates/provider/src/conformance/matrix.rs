//! What ran, what a backend does not offer, what failed: one cell a kind and capability.

use model::KindName;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// What nobody made is absent.
    Absent,
    Create,
    Read,
    List,
    Change,
    /// What somebody else changed in between is not overwritten.
    Concurrent,
    Throttled,
    Denied,
    Delete,
}

impl Capability {
    pub const ALL: [Capability; 9] = [
        Capability::Absent,
        Capability::Create,
        Capability::Read,
        Capability::List,
        Capability::Change,
        Capability::Concurrent,
        Capability::Throttled,
        Capability::Denied,
        Capability::Delete,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Capability::Absent => "absent",
            Capability::Create => "create",
            Capability::Read => "read",
            Capability::List => "list",
            Capability::Change => "change",
            Capability::Concurrent => "concurrent",
            Capability::Throttled => "throttled",
            Capability::Denied => "denied",
            Capability::Delete => "delete",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ran,
    /// With the reason why not.
    NotOffered(String),
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct Cell {
    pub kind: KindName,
    pub capability: Capability,
    pub outcome: Outcome,
}

#[derive(Clone, Debug)]
pub struct Matrix {
    pub backend: String,
    pub cells: Vec<Cell>,
    /// What was left out of a cell that ran.
    pub notes: Vec<Cell>,
}

impl Matrix {
    pub fn new(backend: &str) -> Self {
        Matrix { backend: backend.to_owned(), cells: Vec::new(), notes: Vec::new() }
    }

    pub fn note(&mut self, kind: &KindName, capability: Capability, left_out: String) {
        let outcome = Outcome::NotOffered(left_out);
        self.notes.push(Cell { kind: kind.clone(), capability, outcome });
    }

    pub fn add(&mut self, kind: &KindName, capability: Capability, outcome: Outcome) {
        self.cells.push(Cell { kind: kind.clone(), capability, outcome });
    }

    pub fn ran(&self) -> usize {
        self.cells.iter().filter(|c| c.outcome == Outcome::Ran).count()
    }

    /// Green: something ran, and nothing failed.
    pub fn verdict(&self) -> Result<(), String> {
        let failed: Vec<String> = self
            .cells
            .iter()
            .filter_map(|c| match &c.outcome {
                Outcome::Failed(what) => {
                    Some(format!("{} {}: {what}", c.kind, c.capability.as_str()))
                }
                _ => None,
            })
            .collect();
        if !failed.is_empty() {
            return Err(failed.join("\n"));
        }
        if self.ran() == 0 {
            return Err(format!("nothing ran on {}", self.backend));
        }
        Ok(())
    }

    fn cell(&self, kind: &KindName, capability: Capability) -> &'static str {
        let outcome = self
            .cells
            .iter()
            .find(|c| c.kind == *kind && c.capability == capability)
            .map(|c| &c.outcome);
        match outcome {
            Some(Outcome::Ran) => "ran",
            Some(Outcome::NotOffered(_)) => "-",
            Some(Outcome::Failed(_)) => "FAILED",
            None => "not reached",
        }
    }
}

/// A table of kinds and capabilities, then the reasons.
impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<&KindName> = self.cells.iter().map(|c| &c.kind).collect();
        kinds.dedup();
        let width = kinds.iter().map(|k| k.as_str().len()).max().unwrap_or(0).max(7);
        write!(f, "{:width$}", self.backend)?;
        for capability in Capability::ALL {
            write!(f, "  {:11}", capability.as_str())?;
        }
        writeln!(f)?;
        for kind in &kinds {
            write!(f, "{kind:width$}")?;
            for capability in Capability::ALL {
                write!(f, "  {:11}", self.cell(kind, capability))?;
            }
            writeln!(f)?;
        }
        for cell in self.cells.iter().chain(&self.notes) {
            match &cell.outcome {
                Outcome::Ran => {}
                Outcome::NotOffered(why) => {
                    writeln!(f, "-       {} {}: {why}", cell.kind, cell.capability.as_str())?;
                }
                Outcome::Failed(what) => {
                    writeln!(f, "FAILED  {} {}: {what}", cell.kind, cell.capability.as_str())?;
                }
            }
        }
        writeln!(f, "{} ran", self.ran())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ran_is_red() {
        let mut matrix = Matrix::new("toy");
        assert!(matrix.verdict().is_err());
        matrix.add(&"a".into(), Capability::Read, Outcome::NotOffered("no".into()));
        assert!(matrix.verdict().is_err());
        matrix.add(&"a".into(), Capability::Create, Outcome::Ran);
        assert_eq!(matrix.verdict(), Ok(()));
        matrix.add(&"a".into(), Capability::Delete, Outcome::Failed("boom".into()));
        assert_eq!(matrix.verdict(), Err("a delete: boom".to_owned()));
        let text = matrix.to_string();
        assert!(text.contains("FAILED  a delete: boom"), "{text}");
        assert!(text.contains("-       a read: no"), "{text}");
    }
}
