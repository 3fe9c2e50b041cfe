//! Google Cloud on your desk: one project with Cloud Storage, its IAM, and its audit log.
//!
//! A request goes through [`service`] to one of the protocols in [`wire`], which makes one of
//! the [`calls`]; a call is authorised ([`authorize`], [`roles`], [`condition`], and
//! [`exposure`] for callers that are nobody), changes [`state`] and leaves its record
//! ([`audit`]) in one step. gRPC, JSON and XML are three ways to the same calls.
//!
//! * [`callers`], [`keys`], [`tokens`]: who is there, and how they prove it
//! * [`log_filter`], [`deliver`]: the audit log, asked and exported

mod audit;
mod authorize;
mod callers;
mod calls;
mod condition;
mod deliver;
mod error;
mod exposure;
mod keys;
mod log_filter;
mod roles;
mod service;
mod state;
pub mod story;
mod tokens;
mod wire;

pub use callers::{READ, WRITE};

pub use service::service;
