//! The seams that every cloud fills: traits, errors, layers, redaction, the conformance suite.
