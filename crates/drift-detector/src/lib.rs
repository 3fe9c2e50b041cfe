//! Compare, attribute, classify: pure, given desired, live and events.
