//! The local Google Cloud over real sockets, asked as its clients ask it.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod audit;
mod client;
mod exposure;
mod grpc;
mod iam;
mod objects;
mod tokens;
mod weather;
