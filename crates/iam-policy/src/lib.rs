//! AWS policy documents: parse, normal form and equality, evaluate, explain. Pure.
