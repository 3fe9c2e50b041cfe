//! Mending in bad weather, with bad input: what a user sees, and what the clouds' own logs say of
//! it afterwards.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod belts;
mod cut_off;
mod desk;
mod exit_codes;
mod forged;
mod impact;
mod killed;
mod log;
mod meanwhile;
mod moved;
mod random;
mod record;
mod remedies;
mod secrets;
mod stage;
mod weather;
