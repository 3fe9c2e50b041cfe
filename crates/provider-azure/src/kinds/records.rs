//! What Activity Log records say, for the kinds' `effect_of`.

use model::Event;
use model::knowledge::{EventChange, EventEffect};
use std::fmt::Display;

/// Exports write operations in capitals.
pub(super) fn operation_is(event: &Event, action: &str) -> bool {
    event.operation.eq_ignore_ascii_case(action)
}

/// Whether the call replaced the whole, where the record tells: the query API's does, the
/// export's does not.
pub(super) fn is_put(event: &Event) -> Option<bool> {
    let method = event.unmapped.pointer("/httpRequest/method")?.as_str()?;
    Some(method.eq_ignore_ascii_case("PUT"))
}

pub(super) fn effect(id: impl Display, change: EventChange) -> Option<EventEffect> {
    Some(EventEffect { native_id: id.to_string(), change })
}
