//! Mending what a check found: plan, say yes or no, apply, take back. The engine and its rules
//! are `auto-remediation`'s; here they meet the clouds, the states and the ledger.
//!
//! * [`powers`]: who reads and writes, cloud by cloud
//! * [`planning`]: a check, and the plan for what it found
//! * [`applying`]: the plan that was approved, or nothing
//! * [`approving`]: yes and no
//! * [`undoing`]: back to what was there
//! * [`impact`]: who used what a fix takes away

pub mod applying;
pub mod approving;
pub mod impact;
pub mod planning;
pub mod powers;
pub mod undoing;

pub use applying::{Applied, ApplyRequest, apply};
pub use approving::{ApproveRequest, approve, reject};
pub use planning::{PlanRequest, make_plan, make_plan_in, standing};
pub use powers::{FixCloud, Powers};
pub use undoing::{UndoRequest, undo};

use auto_remediation::engine::{Halt, Moved};
use ledger::LedgerError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RemediationError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The plan is not what its hash says, or not for this target, or of another version.
    #[error("{what}")]
    BadPlan { what: String, next_step: String },
    /// Not allowed, or no longer: nothing was done.
    #[error("{what}")]
    NotAllowed { what: String, next_step: String },
    /// Something moved, so nothing ran.
    #[error("plan {} no longer fits", short(.plan))]
    Moved { plan: String, moved: Vec<Moved> },
    #[error("{0}")]
    Stopped(String),
}

impl From<Halt> for RemediationError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Ledger(error) => RemediationError::Ledger(error),
            stopped => RemediationError::Stopped(stopped.to_string()),
        }
    }
}

/// The first eight digits of a hash, as people are shown it.
pub fn short(hash: &str) -> &str {
    let bare = hash.strip_prefix("sha256:").unwrap_or(hash);
    bare.get(..8).unwrap_or(bare)
}
