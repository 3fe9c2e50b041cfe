//! The function, called as Lambda calls it: its own binary against a Runtime API, with a cloud
//! behind it in which somebody made a bad call.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod events;
mod least_privilege;
mod signed;
mod stage;
mod weather;
