//! The rules of the house, as ordinary tests. ARCHITECTURE.md names the test that holds each
//! of its invariants, and `invariants.rs` holds ARCHITECTURE.md to it.
//!
//! A rule may have exceptions. They stand in a sorted list beside the rule, each with its
//! reason, and one that is no longer needed fails the test.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "in a test a surprise is a failure")]

mod arrows;
mod deployed;
mod files;
mod house;
mod invariants;
mod markdown;
mod names;
mod provenance;
mod rust;
mod sisters;
