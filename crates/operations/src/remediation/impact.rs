//! Who used what a fix takes away, as far as the log at hand tells.

use crate::check::Seen;
use drift_detector::EventLog;
use model::event::{EventStatus, PrincipalType};
use model::remediation::Impact;
use model::{Event, Finding, Timestamp};
use std::collections::{BTreeSet, HashSet};

/// Uses by strangers within `days`, for a finding whose mending shuts strangers out.
pub fn of(
    finding: &Finding,
    seen: &Seen,
    events: &[EventLog],
    days: u32,
    now: Timestamp,
) -> Option<Impact> {
    let relevant = finding.effect.as_ref().is_some_and(|e| e.public)
        || finding.attributes.iter().any(|c| {
            let id = &finding.native_id;
            seen.knowledge.restoring(id, &c.path, &c.desired, &c.live)
                == model::knowledge::Restoring::Closes
        });
    if !relevant {
        return None;
    }
    let since = now.plus_seconds(-i64::from(days) * 86_400);
    let mut complete = false;
    let mut uses = 0;
    let mut addresses: BTreeSet<&str> = BTreeSet::new();
    let mut last = None;
    // One record may be at hand more than once: an archive is laid beside every cloud, and files
    // overlap.
    let mut known: HashSet<&str> = HashSet::new();
    let of_cloud = events.iter().flat_map(EventLog::events).filter(|e| e.cloud == finding.cloud);
    for event in of_cloud.filter(|e| known.insert(&e.uid)) {
        if !(event.read_only && is_about_data(event, &seen.belongs_to)) {
            continue;
        }
        complete = true;
        if event.time < since
            || event.status != EventStatus::Success
            || event.principal.kind != PrincipalType::Anonymous
        {
            continue;
        }
        uses += 1;
        addresses.extend(event.source.as_deref());
        last = last.max(Some(event.time));
    }
    let span = match days {
        1 => "in the last day".to_owned(),
        days => format!("in the last {days} days"),
    };
    let words = match (uses, complete) {
        (0, false) => "the log at hand holds no reads of data: who used it is not known".to_owned(),
        (0, true) => format!("nobody without a name read it {span}"),
        (uses, _) => format!(
            "read anonymously {} {span}, from {}",
            times(uses),
            match addresses.len() {
                1 => "1 address".to_owned(),
                n => format!("{n} addresses"),
            }
        ),
    };
    Some(Impact { uses, addresses: addresses.len(), last, complete, words })
}

fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

/// Does the event name something that lies in what the resource belongs to: an object of its
/// bucket, a blob of its container?
fn is_about_data(event: &Event, belongs_to: &str) -> bool {
    let name = belongs_to.rsplit(['/', ':']).find(|part| !part.is_empty()).unwrap_or(belongs_to);
    event.resources.iter().any(|resource| {
        let mut parts = resource.uid.split(['/', ':']).filter(|p| !p.is_empty());
        parts.any(|part| part.eq_ignore_ascii_case(name)) && parts.next().is_some()
    })
}
