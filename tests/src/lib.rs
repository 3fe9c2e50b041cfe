//! What holds for the house as a whole.
//!
//! * [`lab`]: the binary as a user runs it
//! * [`lambda`]: the function as Lambda runs it
//! * `tests/tidy/`: the rules of the house as ordinary tests; each sentence of ARCHITECTURE.md
//!   that names an absence is held by one
//! * `tests/journeys/`: what a user does, and what a user sees
//! * `tests/lambda/`: the function, called as Lambda calls it

pub mod lab;
pub mod lambda;
