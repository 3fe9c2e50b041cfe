//! Google Cloud behind the provider traits.
