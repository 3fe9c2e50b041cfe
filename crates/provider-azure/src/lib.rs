//! Microsoft Azure behind the provider traits.
