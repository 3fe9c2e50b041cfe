//! Amazon Web Services behind the provider traits.
