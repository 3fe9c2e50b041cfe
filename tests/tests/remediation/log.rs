//! What the clouds' own logs hold of one caller's changes.

use model::Event;
use model::event::EventStatus;
use provider::Connection;
use provider::audit_log::{About, AuditQuery};

/// The changes that the caller behind `us` made, oldest first. Whose credentials signed is what a
/// log vouches for.
pub async fn changes(log_reader: &Connection, us: &Connection, about: About) -> Vec<Event> {
    let us = us.reader.identity().await.unwrap().principal;
    let query = AuditQuery { from: None, to: None, about };
    let answer = log_reader.audit.query(&query).await.unwrap();
    let (mut events, rejected) =
        event_formats::read_records(&answer.records, Some(answer.format), "log");
    assert!(rejected.is_empty(), "{rejected:?}");
    // A cloud's own id of a caller stands within the name that it answers with, or around it.
    let ours = |e: &Event| {
        let id = e.principal.uid.as_deref().unwrap_or(&e.principal.name);
        us.contains(id) || id.contains(&us)
    };
    events.retain(|e| !e.read_only && e.status == EventStatus::Success && ours(e));
    events.sort_by_key(|e| e.time);
    events
}
