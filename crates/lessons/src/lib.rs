//! Lay-out, ordinary traffic, slips and checks of the guided lessons.
