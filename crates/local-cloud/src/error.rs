//! What can go wrong with a local cloud as a whole; a single call's failure is the cloud's
//! own answer and never one of these.

use crate::store::StoreError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum LocalCloudError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "port {port} on 127.0.0.1 is taken: {cause}; choose another with --port, or leave it out"
    )]
    Port { port: u16, cause: std::io::Error },
    #[error("{path}: {cause}")]
    File { path: PathBuf, cause: std::io::Error },
    #[error("the lab's certificate authority could not be made: {0}")]
    Certificate(String),
    #[error("no caller is called {name}; lab cloud callers lists them all: {known}")]
    UnknownCaller { name: String, known: String },
    #[error(
        "the local cloud at {address} does not answer: {cause}; lab cloud stop, then lab cloud start"
    )]
    Unreachable { address: String, cause: String },
    #[error("{0}")]
    Refused(String),
}
