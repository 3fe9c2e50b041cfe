//! Decide, plan, apply, verify, undo, within limits.
