//! Who did it. A principal is named only when a successful event's own parameters produce
//! the live value and no later event of unknown content touched the resource; otherwise
//! those who may have done it are candidates, or nobody is named. Never a wrong person.
//!
//! Every changed attribute (and of a set: every element) is asked for on its own, because
//! one finding may be the work of several. For each, every operation that touched the
//! resource either wrote the value that is live now, wrote another, or may have written
//! anything. Operations whose times overlap have no order between them.

use crate::drift::Drift;
use crate::log::{EventLog, Operation};
use crate::meaning::{Chain, Meaning, elements};
use model::event::{EventStatus, PrincipalType};
use model::finding::{AttributedEvent, Attribution, AttributionStatus, DriftStatus, Searched};
use model::knowledge::EventChange;
use model::{AttributePath, Event, Knowledge, Value};
use std::collections::BTreeMap;

/// More candidates than a person can look into help nobody; the note counts the rest.
const MAX_CANDIDATES: usize = 20;

/// `other_ids` are further ids by which events may name the resource; its native id is
/// always one. `searched` says where the events of `log` come from; the gaps of the kind's
/// log and a note are added here.
pub fn attribute(
    drift: &Drift,
    other_ids: &[String],
    knowledge: &dyn Knowledge,
    log: &EventLog,
    mut searched: Searched,
) -> Attribution {
    let acts = acts_on(drift, other_ids, knowledge, log);
    let mut found: BTreeMap<usize, Vec<AttributePath>> = BTreeMap::new();
    let mut possible: Vec<usize> = Vec::new();
    let mut open: Vec<String> = Vec::new();
    for question in questions(drift, knowledge) {
        let answers: Vec<Answer> = question
            .units
            .iter()
            .map(|unit| resolve(&acts, |act| touch(act, unit, &question, knowledge)))
            .collect();
        let named = !answers.is_empty() && answers.iter().all(|a| matches!(a, Answer::One(_)));
        for answer in answers {
            match answer {
                Answer::One(act) if named => {
                    let paths = found.entry(act).or_default();
                    paths.extend(
                        question
                            .path
                            .iter()
                            .filter(|p| !paths.contains(p))
                            .cloned()
                            .collect::<Vec<_>>(),
                    );
                }
                Answer::One(act) => possible.push(act),
                Answer::Several(acts) => possible.extend(acts),
            }
        }
        if !named {
            open.push(question.path.map_or_else(|| "it".to_owned(), |p| p.to_string()));
        }
    }
    possible.sort_unstable();
    possible.dedup();

    if !open.is_empty()
        && let Some(gap) = knowledge.log_gap()
    {
        searched.gaps.push(gap.to_owned());
    }
    if !found.is_empty() {
        if !open.is_empty() {
            add_note(
                &mut searched,
                format!("the log does not tell who changed {}", open.join(", ")),
            );
        }
        let events = found
            .into_iter()
            .map(|(act, paths)| described(&acts[act].operation.event, paths, log))
            .collect();
        return Attribution {
            status: AttributionStatus::Attributed,
            events,
            searched: Some(searched),
        };
    }

    let mut events: Vec<AttributedEvent> = possible
        .iter()
        .map(|act| described(&acts[*act].operation.event, Vec::new(), log))
        .collect();
    if knowledge.log_gap().is_some() {
        events.extend(holders(drift, knowledge, log));
    }
    if events.len() > MAX_CANDIDATES {
        let more = events.len() - MAX_CANDIDATES;
        add_note(&mut searched, format!("{more} more could have done it"));
        events.drain(..more);
    }
    let status = if events.is_empty() {
        let known = acts.iter().any(|a| a.operation.certain());
        if known {
            add_note(
                &mut searched,
                "the last change in the log does not hold what is live now: a record is missing"
                    .to_owned(),
            );
        }
        AttributionStatus::Unattributed
    } else {
        AttributionStatus::Candidates
    };
    Attribution { status, events, searched: Some(searched) }
}

/// An operation that touched the resource, and what its record says it did.
struct Act<'l> {
    operation: &'l Operation,
    change: EventChange,
}

fn acts_on<'l>(
    drift: &Drift,
    other_ids: &[String],
    knowledge: &dyn Knowledge,
    log: &'l EventLog,
) -> Vec<Act<'l>> {
    let ids =
        || std::iter::once(drift.native_id.as_str()).chain(other_ids.iter().map(String::as_str));
    log.operations()
        .iter()
        .filter(|operation| operation.event.cloud == drift.cloud)
        .filter(|operation| knowledge.id_is_global() || !elsewhere(&operation.event, drift))
        .filter_map(|operation| {
            let on = |event: &Event| ids().find_map(|id| knowledge.effect_on(event, id));
            let change = if operation.certain() {
                on(&operation.event)?
            } else {
                // Asked as if it had succeeded; what is not certain is never named.
                on(&Event { status: EventStatus::Success, ..operation.event.clone() })?
            };
            let change = if operation.request_known { change } else { EventChange::Opaque };
            Some(Act { operation, change })
        })
        .collect()
}

/// Is it known to have happened in another account? An archive may hold those of many.
fn elsewhere(event: &Event, drift: &Drift) -> bool {
    match (&event.account, &drift.account) {
        (Some(there), Some(here)) => !there.eq_ignore_ascii_case(here),
        _ => false,
    }
}

/// One changed attribute, or the being of the resource itself.
struct QuestionOf {
    /// Empty for a resource that is missing or unmanaged.
    path: Option<AttributePath>,
    units: Vec<Unit>,
}

/// The smallest thing that one event may be answerable for.
enum Unit {
    /// Is it there?
    Being(bool),
    /// The value as a whole.
    Value(Value),
    /// One element of a set: is it in?
    Element { element: Value, present: bool },
}

fn questions(drift: &Drift, knowledge: &dyn Knowledge) -> Vec<QuestionOf> {
    match drift.status {
        DriftStatus::Missing => {
            return vec![QuestionOf { path: None, units: vec![Unit::Being(false)] }];
        }
        DriftStatus::Unmanaged => {
            return vec![QuestionOf { path: None, units: vec![Unit::Being(true)] }];
        }
        DriftStatus::Changed => {}
    }
    let meaning = Meaning::new(knowledge);
    drift
        .changes
        .iter()
        .map(|change| {
            let set = Chain::at(knowledge.facts(), &change.path).own.is_some_and(|f| f.set);
            let lists = (elements(&change.desired), elements(&change.live));
            let mut units = Vec::new();
            if let (true, (Some(desired), Some(live))) = (set, lists) {
                let missing_in = |one: &[Value], other: &[Value], present| -> Vec<Unit> {
                    one.iter()
                        .filter(|e| !meaning.contains(&change.path, other, e))
                        .map(|e| Unit::Element { element: e.clone(), present })
                        .collect()
                };
                units.extend(missing_in(live, desired, true));
                units.extend(missing_in(desired, live, false));
            }
            if units.is_empty() {
                units.push(Unit::Value(change.live.clone()));
            }
            QuestionOf { path: Some(change.path.clone()), units }
        })
        .collect()
}

/// What one act did to one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touch {
    Not,
    /// It wrote what is live now.
    WroteIt,
    WroteOther,
    /// It may have written anything.
    Unknown,
}

fn touch(act: &Act<'_>, unit: &Unit, question: &QuestionOf, knowledge: &dyn Knowledge) -> Touch {
    let wrote = |it: bool| if it { Touch::WroteIt } else { Touch::WroteOther };
    let (path, unit) = match (unit, &question.path) {
        (Unit::Being(present), _) => {
            return match &act.change {
                EventChange::Opaque => Touch::Unknown,
                EventChange::Deletes => wrote(!present),
                EventChange::Creates(_) => wrote(*present),
                // Whoever put elements in was there while it was; whoever took some out may
                // have emptied it, which ends it.
                EventChange::Elements { added, .. } => match (*present, added.is_empty()) {
                    (present, false) => wrote(present),
                    (true, true) => Touch::Not,
                    (false, true) => Touch::Unknown,
                },
                // Where there is no call of its own to make one, setting it makes it.
                EventChange::Sets(_) => wrote(*present),
            };
        }
        (_, None) => return Touch::Not,
        (unit, Some(path)) => (path, unit),
    };
    let meaning = Meaning::new(knowledge);
    match &act.change {
        EventChange::Opaque => Touch::Unknown,
        EventChange::Deletes => Touch::WroteOther,
        EventChange::Sets(attributes) | EventChange::Creates(attributes) => {
            if !attributes.contains_key(path.attribute()) {
                // A new one has some value here, which the record does not tell.
                return match &act.change {
                    EventChange::Creates(_) => Touch::Unknown,
                    _ => Touch::Not,
                };
            }
            let value = path.find(attributes).unwrap_or(&Value::Null);
            if *value == Value::Redacted {
                return Touch::Unknown;
            }
            match unit {
                Unit::Element { element, present } => match elements(value) {
                    Some(list) => wrote(meaning.contains(path, list, element) == *present),
                    None => Touch::Unknown,
                },
                Unit::Value(live) => wrote(meaning.equal(path, value, live)),
                Unit::Being(_) => Touch::Not,
            }
        }
        EventChange::Elements { path: set, added, removed } => {
            let (here, there) = (path.pattern(), set.pattern());
            match unit {
                Unit::Element { element, present } if here == there => {
                    let added = meaning.contains(path, added, element);
                    let removed = meaning.contains(path, removed, element);
                    match (added, removed) {
                        (false, false) => Touch::Not,
                        (true, true) => Touch::Unknown,
                        (added, _) => wrote(added == *present),
                    }
                }
                _ if overlaps(&here, &there) => Touch::Unknown,
                _ => Touch::Not,
            }
        }
    }
}

/// One lies in the other, or both are the same.
fn overlaps(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    within(a, b) || within(b, a)
}

enum Answer {
    One(usize),
    /// Any of these, or nobody at all.
    Several(Vec<usize>),
}

fn resolve(acts: &[Act<'_>], touch: impl Fn(&Act<'_>) -> Touch) -> Answer {
    let touched: Vec<(usize, &Operation, Touch)> = acts
        .iter()
        .enumerate()
        .map(|(i, act)| (i, act.operation, touch(act)))
        .filter(|(_, _, touch)| *touch != Touch::Not)
        .collect();
    let wrote_other =
        |operation: &Operation, touch: Touch| operation.certain() && touch == Touch::WroteOther;

    // Whoever wrote the live value, with nothing after it that wrote, or may have written,
    // something else. What may have happened at the same time as an unknown write is out;
    // a known other value at the same time must have come first, for it is not live.
    let sure: Vec<(usize, &Operation)> = touched
        .iter()
        .filter(|(_, operation, touch)| operation.certain() && *touch == Touch::WroteIt)
        .filter(|(i, operation, _)| {
            !touched.iter().any(|(j, other, touch)| {
                i != j
                    && ((*touch == Touch::Unknown && !other.before(operation))
                        || (wrote_other(other, *touch) && operation.before(other)))
            })
        })
        .map(|(i, operation, _)| (*i, *operation))
        .collect();

    // The first of them made the change, later ones repeated it; but one that a different
    // value may have followed was perhaps overwritten, and then the next one made it.
    let contested = |operation: &Operation| {
        touched.iter().any(|(_, x, touch)| *touch == Touch::WroteOther && !x.before(operation))
    };
    let first = sure.iter().min_by_key(|(_, o)| (contested(o), o.begins, o.ends));
    if let Some((first, operation)) = first {
        // Where another could have been the one, there is no telling.
        let rivals: Vec<usize> = touched
            .iter()
            .filter(|(i, other, touch)| {
                i != first
                    && *touch == Touch::WroteIt
                    && (could_have_followed(other, operation, &touched)
                        || (other.event.principal != operation.event.principal
                            && could_have_come_first(other, operation, &touched)))
            })
            .map(|(i, _, _)| *i)
            .collect();
        if rivals.is_empty() {
            return Answer::One(*first);
        }
        return Answer::Several(std::iter::once(*first).chain(rivals).collect());
    }

    // Whatever may have been the last to write: not what was certainly overwritten.
    Answer::Several(
        touched
            .iter()
            .filter(|(_, _, touch)| *touch != Touch::WroteOther)
            .filter(|(_, operation, _)| {
                !touched
                    .iter()
                    .any(|(_, other, touch)| wrote_other(other, *touch) && operation.before(other))
            })
            .map(|(i, _, _)| *i)
            .collect(),
    )
}

/// Could `other` have written the same value before `first`, which then only repeated it?
/// That is out only if something different certainly came between: an unknown write need
/// not have changed anything here.
fn could_have_come_first(
    other: &Operation,
    first: &Operation,
    touched: &[(usize, &Operation, Touch)],
) -> bool {
    !first.before(other)
        && !touched.iter().any(|(_, x, touch)| {
            x.certain() && *touch == Touch::WroteOther && other.before(x) && x.before(first)
        })
}

/// Could `other` have written the same value again after `first` was overwritten?
fn could_have_followed(
    other: &Operation,
    first: &Operation,
    touched: &[(usize, &Operation, Touch)],
) -> bool {
    !other.before(first)
        && touched.iter().any(|(_, x, touch)| {
            *touch == Touch::WroteOther && !x.before(first) && !other.before(x)
        })
}

/// Those who came to hold what is needed to change it without a record, each once.
fn holders(drift: &Drift, knowledge: &dyn Knowledge, log: &EventLog) -> Vec<AttributedEvent> {
    let Some(resource) = drift.live.clone().or_else(|| drift.as_desired()) else {
        return Vec::new();
    };
    let mut holders: Vec<(&Event, String)> = Vec::new();
    for event in log.events() {
        if event.cloud != drift.cloud || event.status != EventStatus::Success {
            continue;
        }
        if let Some(how) = knowledge.enables_on(event, &resource) {
            holders.retain(|(known, _)| known.principal != event.principal);
            holders.push((event, how));
        }
    }
    holders
        .into_iter()
        .map(|(event, how)| {
            let mut described = described(event, Vec::new(), log);
            described.notes.insert(0, how);
            described
        })
        .collect()
}

fn described(event: &Event, attributes: Vec<AttributePath>, log: &EventLog) -> AttributedEvent {
    AttributedEvent {
        attributes,
        principal: event.principal.clone(),
        credential: event.credential_uid.clone(),
        operation: event.operation.clone(),
        time: event.time,
        source_ip: event.source.clone(),
        user_agent: event.user_agent.clone(),
        event_id: event.uid.clone(),
        notes: new_address(event, log).into_iter().collect(),
    }
}

/// Only the records at hand are asked: without earlier ones nothing is said.
fn new_address(event: &Event, log: &EventLog) -> Option<String> {
    let source = event.source.as_deref()?;
    let earlier: Vec<&Event> =
        log.events().iter().filter(|e| e.cloud == event.cloud && e.time < event.time).collect();
    let by_credential: Vec<&&Event> = earlier
        .iter()
        .filter(|e| event.credential_uid.is_some() && e.credential_uid == event.credential_uid)
        .collect();
    let nameless =
        matches!(event.principal.kind, PrincipalType::Anonymous | PrincipalType::Unknown)
            && event.principal.uid.is_none();
    let known: Vec<&&Event> = if !by_credential.is_empty() {
        by_credential
    } else if nameless {
        Vec::new()
    } else {
        earlier.iter().filter(|e| same_caller(e, event)).collect()
    };
    let first = known
        .iter()
        .filter(|e| e.source.as_deref() == Some(source))
        .map(|e| e.time)
        .fold(event.time, Ord::min);
    let before = known.iter().any(|e| e.time < first && e.source.is_some());
    let seconds = event.time.unix() - first.unix();
    match (before, seconds) {
        (false, _) => None,
        (true, ..1) => Some("an address it never used before".to_owned()),
        (true, ..NEW_FOR) => Some(format!("an address it first used {} before", span(seconds))),
        (true, _) => None,
    }
}

/// Whoever looks around first and acts then has still just arrived; a day later an address
/// is no news.
const NEW_FOR: i64 = 86_400;

fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

fn same_caller(a: &Event, b: &Event) -> bool {
    a.principal.name == b.principal.name && a.principal.kind == b.principal.kind
}

fn add_note(searched: &mut Searched, note: String) {
    searched.note = Some(match searched.note.take() {
        Some(before) => format!("{before}; {note}"),
        None => note,
    });
}
