//! Typed documents in store tables, and the rules between them.

pub mod cloudtrail;
pub mod iam;
pub mod lookup;
pub mod s3;
pub mod s3_objects;
pub mod s3_uploads;
pub mod selectors;
pub mod sts;
pub mod trail_bucket;
