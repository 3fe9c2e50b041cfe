//! The lab's time: real, or set by whoever tells a story.

use model::Timestamp;
use std::sync::{Mutex, PoisonError};
use time::OffsetDateTime;

/// Audit records carry this clock; signatures and token lifetimes are checked against the
/// real one, because clients sign with theirs.
#[derive(Debug, Default)]
pub struct Clock {
    set: Mutex<Option<Timestamp>>,
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.unwrap_or_else(Clock::real)
    }

    /// The machine's time, whatever the lab's says.
    pub fn real() -> Timestamp {
        Timestamp::new(OffsetDateTime::now_utc())
    }

    /// From now on it is `moment`, until it is set again or follows the real one.
    pub fn set(&self, moment: Timestamp) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }

    /// From now on both agree.
    pub fn follow_real(&self) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn is_set(&self) -> bool {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}
