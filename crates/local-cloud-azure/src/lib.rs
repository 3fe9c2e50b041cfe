//! Microsoft Azure on your desk: Entra tokens, Resource Manager, Blob storage, Activity Log.
//!
//! Small and true: who may call, who can read, what the log says. A request is first known
//! by its [`face`] (the sign-in endpoint, Resource Manager, an account's blob endpoint),
//! then [`wire`] reads its protocol, [`tokens`] or [`signature`] verify its credential,
//! [`authorize`] decides, [`state`] holds what there is, and [`audit`] keeps the record.
//!
//! * [`story`]: the story's tenant, subscription and callers
//! * [`callers`]: what is there before anybody can call: principals, roles, the log account
//! * [`exposure`]: would an anonymous read succeed, and why: pure, one row a rule
//! * [`deliver`]: Activity Log files (`PT1H.json`) in the log account

pub mod audit;
pub mod authorize;
pub mod callers;
pub mod deliver;
pub mod exposure;
pub mod face;
pub mod ids;
pub mod roles;
mod service;
pub mod signature;
pub mod state;
pub mod story;
pub mod tokens;
pub mod wire;

use local_cloud::{CloudService, Ground};
use std::sync::Arc;

/// The cloud's name, in its own crates and the wiring only.
pub const CLOUD: model::Cloud = model::Cloud::from_static("azure");

pub fn service(ground: Arc<Ground>) -> Arc<dyn CloudService> {
    Arc::new(service::Azure::new(ground))
}
