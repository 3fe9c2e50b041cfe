//! What the clouds on your desk share: store, journal, clock, callers, faults, front door, CA.
