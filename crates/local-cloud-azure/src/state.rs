//! What there is: typed documents in the store's tables, and the rules of changing them.

pub mod account;
pub mod assignment;
pub mod blob;
pub mod container;
pub mod group;
pub mod principal;
