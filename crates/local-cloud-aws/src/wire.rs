//! Protocol in, one change of the store, protocol out.

pub mod s3;
pub mod s3_access;
pub mod s3_acl;
pub mod s3_buckets;
pub mod s3_call;
pub mod s3_checksum;
pub mod s3_configurations;
pub mod s3_control;
pub mod s3_data;
pub mod s3_error;
pub mod s3_identify;
pub mod s3_listing;
pub mod s3_object_details;
pub mod s3_objects;
pub mod s3_operations;
pub mod s3_policy;
pub mod s3_route;
pub mod s3_uploads;
pub mod typed;
