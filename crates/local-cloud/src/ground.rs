//! What all three clouds stand on.

use crate::clock::Clock;
use crate::faults::Faults;
use crate::store::{Store, StoreError};
use std::path::{Path, PathBuf};

pub struct Ground {
    pub store: Store,
    pub clock: Clock,
    pub faults: Faults,
    /// Where credential files for other tools may be written; `None` in memory.
    folder: Option<PathBuf>,
}

impl Ground {
    pub fn in_memory() -> Ground {
        Ground {
            store: Store::in_memory(),
            clock: Clock::default(),
            faults: Faults::default(),
            folder: None,
        }
    }

    pub fn open(folder: &Path, holder: &str) -> Result<Ground, StoreError> {
        Ok(Ground {
            store: Store::open(folder, holder)?,
            clock: Clock::default(),
            faults: Faults::default(),
            folder: Some(folder.to_owned()),
        })
    }

    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }
}
