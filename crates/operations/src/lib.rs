//! The use-cases, one file each, over traits only.
