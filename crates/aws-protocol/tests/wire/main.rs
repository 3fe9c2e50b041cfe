//! The crate through its front door: tables, codecs, signatures, records.

mod botocore;
mod codecs;
mod properties;
mod records;
mod signatures;
mod tables;
