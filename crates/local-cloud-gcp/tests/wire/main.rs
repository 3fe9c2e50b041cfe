//! The local Google Cloud over real sockets, asked as its clients ask it.

mod audit;
mod client;
mod exposure;
mod grpc;
mod iam;
mod objects;
mod tokens;
mod weather;
