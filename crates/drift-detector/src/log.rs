//! The events at hand, each once, and the records of one operation put together.
//!
//! Some clouds write two records for one operation: one when it begins, with what was
//! asked, and one when it ends, with how it went. A change is only known from both.

use model::event::{EventStatus, PrincipalType};
use model::{Cloud, Event, Timestamp};
use std::collections::{BTreeMap, HashSet};

/// Everything that was found in the logs, in the order of time.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    events: Vec<Event>,
    operations: Vec<Operation>,
}

/// One call that may have changed something.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The record that holds what was asked, with the outcome of the last one.
    pub event: Event,
    pub begins: Timestamp,
    pub ends: Timestamp,
    pub outcome: OperationOutcome,
    /// Whether the request is known: not so where records that cannot be told apart hold
    /// different ones.
    pub request_known: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationOutcome {
    Succeeded,
    /// Begun, and nothing at hand says how it ended.
    Open,
}

impl Operation {
    pub fn certain(&self) -> bool {
        self.outcome == OperationOutcome::Succeeded
    }

    /// Ended before the other began. Clocks of one second make neighbours overlap; then
    /// neither is before the other.
    pub fn before(&self, other: &Operation) -> bool {
        self.ends < other.begins
    }
}

impl EventLog {
    /// Takes events in any order; a record delivered twice counts once.
    pub fn new(events: impl IntoIterator<Item = Event>) -> Self {
        let mut seen = HashSet::new();
        let mut events: Vec<Event> =
            events.into_iter().filter(|e| seen.insert((e.cloud.clone(), e.uid.clone()))).collect();
        events.sort_by(|a, b| (a.time, &a.uid).cmp(&(b.time, &b.uid)));
        let operations = operations_of(&events);
        EventLog { events, operations }
    }

    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Operations that succeeded, or may have, and are not reads.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

fn operations_of(events: &[Event]) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut groups: BTreeMap<(&Cloud, &str, String, String), Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(|e| !e.read_only) {
        match &event.correlation_uid {
            Some(correlation) => {
                let on = event.resources.first().map(|r| r.uid.to_lowercase()).unwrap_or_default();
                let key = (&event.cloud, correlation.as_str(), event.operation.to_lowercase(), on);
                groups.entry(key).or_default().push(event);
            }
            None => operations.extend(single(event)),
        }
    }
    operations.extend(groups.into_values().flat_map(|group| join(&group)));
    operations
        .sort_by(|a, b| (a.begins, a.ends, &a.event.uid).cmp(&(b.begins, b.ends, &b.event.uid)));
    operations
}

fn single(event: &Event) -> Option<Operation> {
    let outcome = match event.status {
        EventStatus::Success => OperationOutcome::Succeeded,
        EventStatus::Failure => return None,
        EventStatus::InProgress | EventStatus::Unknown => OperationOutcome::Open,
    };
    Some(Operation {
        event: event.clone(),
        begins: event.time,
        ends: event.time,
        outcome,
        request_known: true,
    })
}

/// Splits the records of one correlation into operations: a client may use one correlation
/// for a whole run, and so do the same thing twice under it.
fn join(group: &[&Event]) -> Vec<Operation> {
    let mut ordered: Vec<&Event> = group.to_vec();
    ordered.sort_by_key(|e| (e.time, e.status != EventStatus::InProgress));
    let mut operations: Vec<Option<Operation>> = Vec::new();
    let mut begun: Vec<&Event> = Vec::new();
    for event in ordered {
        if event.status == EventStatus::InProgress {
            begun.push(event);
            continue;
        }
        if begun.is_empty() && event.request.is_null() {
            // Another record of an outcome that is already known.
            if let Some(Some(last)) = operations.last_mut()
                && event.status == EventStatus::Success
            {
                last.ends = last.ends.max(event.time);
                continue;
            }
        }
        begun.push(event);
        operations.push(merge(&begun));
        begun.clear();
    }
    if !begun.is_empty() {
        operations.push(merge(&begun));
    }
    operations.into_iter().flatten().collect()
}

/// One operation from its records, the last of which tells the outcome.
fn merge(records: &[&Event]) -> Option<Operation> {
    let (first, last) = (*records.first()?, *records.last()?);
    let mut asked: Vec<&Event> = Vec::new();
    for record in records.iter().filter(|r| !r.request.is_null()) {
        if asked.iter().all(|known| known.request != record.request) {
            asked.push(record);
        }
    }
    let carrier = asked.first().copied().unwrap_or(last);
    let mut event = carrier.clone();
    event.status = last.status;
    if event.response.is_null() {
        event.response = last.response.clone();
    }
    // An outcome's record may leave the caller out; it may not name another.
    let same_caller = records.iter().all(|r| {
        r.principal == carrier.principal
            || (r.principal.kind == PrincipalType::Unknown && r.principal.uid.is_none())
    });
    Some(Operation {
        begins: first.time,
        ends: last.time,
        request_known: asked.len() <= 1 && same_caller,
        ..single(&event)?
    })
}
