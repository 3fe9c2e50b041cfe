//! S3 through real HTTP: signed, presigned and anonymous requests to a server on loopback.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod client;

mod access;
mod agreement;
mod configurations;
mod faults;
mod objects;
mod records;
mod uploads;
