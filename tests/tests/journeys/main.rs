//! What a user does, and what a user sees: the built binary, from a shell's view.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod bad_input;
mod bad_weather;
mod changes_nothing;
mod ci_templates;
mod first_contact;
mod lessons;
mod local_clouds;
mod real_targets;
