//! How a long run tells that it is alive.

pub trait Progress: Send + Sync {
    /// A stage begins: what it does, and how many steps it has.
    fn stage(&self, what: &str, steps: usize);

    fn step(&self);
}

/// Says nothing.
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _what: &str, _steps: usize) {}

    fn step(&self) {}
}
