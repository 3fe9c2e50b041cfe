//! IAM, STS and CloudTrail through real HTTP: signed requests to a server on loopback.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod client;

mod callers;
mod cloudtrail;
mod delivery;
mod faults;
mod iam;
mod routing;
mod sts;
