//! The crate through its front door: tables, codecs, signatures, records.

// clippy.toml allows unwrap in tests; it does not see that a helper beside them is one.
#![allow(clippy::unwrap_used)]

mod botocore;
mod codecs;
mod properties;
mod records;
mod signatures;
mod tables;
