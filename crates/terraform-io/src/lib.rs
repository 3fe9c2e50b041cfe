//! Terraform's recorded states: bytes in, resources out. No cloud, no SDK.
