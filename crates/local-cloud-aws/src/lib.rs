//! Amazon Web Services on your desk: protocols, permissions, exposure, CloudTrail.
//!
//! One request, in the order in which it passes through here: [`service`] finds out which
//! service it is for; [`wire`] reads its protocol; [`identify`] says who signed it;
//! [`authorize`] whether that caller may; [`operation`] and [`state`] do it; [`audit`]
//! leaves its record, in the same change of the store; [`deliver`] brings records into the
//! trails' buckets. [`exposure`] decides, apart from all that, what an anonymous reader gets.
//!
//! * [`story`], [`principal`]: the account of the story; who makes a call
//! * [`callers`], [`permissions`]: who is there from the beginning, and what each may do
//!
//! What is not served answers with the error of the service that was asked.

pub mod audit;
pub mod authorize;
pub mod callers;
pub mod deliver;
pub mod exposure;
pub mod identify;
pub mod operation;
pub mod permissions;
pub mod principal;
mod service;
pub mod state;
pub mod story;
pub mod wire;

pub use service::service;
