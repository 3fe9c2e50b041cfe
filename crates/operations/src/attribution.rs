//! Who did it: fetches the records that may tell, hands them to the pure part.

use crate::archive::Archive;
use crate::reading::Reached;
use drift_detector::{Drift, EventLog};
use model::finding::Searched;
use model::report::ReportError;
use provider::audit_log::{About, AuditQuery};
use std::collections::BTreeSet;

/// The events at hand for one cloud, and what was searched for them.
pub(crate) struct Evidence {
    pub log: EventLog,
    pub searched: Searched,
}

/// Asks a cloud's own log about the drifted resources, then about the credentials that the
/// answer names: only their other calls tell whether an address is new. Where one is a
/// session's, its opening is among the answers, and whoever opened it is asked about next:
/// a session calls itself whatever its opener likes.
pub(crate) async fn ask(reached: &Reached<'_>, drifts: &[&Drift]) -> (Evidence, Vec<ReportError>) {
    let mut errors = Vec::new();
    let mut events = Vec::new();
    let mut searched: Option<Searched> = None;
    let about: Vec<_> = drifts.iter().map(|d| (d.kind.clone(), d.native_id.clone())).collect();
    for known in &reached.known {
        let mut asked = BTreeSet::new();
        let mut waiting = vec![About::Resources(about.clone())];
        while let Some(about) = waiting.pop() {
            let first = matches!(about, About::Resources(_));
            let query = AuditQuery { from: None, to: None, about };
            let answer = match known.account.audit.query(&query).await {
                Ok(answer) => answer,
                Err(error) => {
                    let place = format!("{} audit log", reached.cloud.catalog.title());
                    let gap = format!("{place} could not be asked: {error}");
                    errors.push(crate::fetch::failed(place, &error));
                    merge(
                        &mut searched,
                        Searched {
                            source: "the cloud's own log".to_owned(),
                            from: None,
                            to: None,
                            gaps: vec![gap],
                            note: None,
                        },
                    );
                    continue;
                }
            };
            let (found, rejected) = event_formats::read_records(
                &answer.records,
                Some(answer.format),
                &answer.searched.source,
            );
            for event in &found {
                let opens = event_formats::opened_session(event).is_some_and(|s| asked.contains(s));
                if let Some(credential) = &event.credential_uid
                    && ((first && !event.read_only) || opens)
                    && asked.insert(credential.clone())
                {
                    waiting.push(About::Credential(credential.clone()));
                }
            }
            let mut told = answer.searched;
            if !rejected.is_empty() {
                told.gaps.push(format!("{} records could not be read", rejected.len()));
            }
            merge(&mut searched, told);
            events.extend(found);
        }
    }
    event_formats::link_sessions(&mut events);
    let searched = searched.unwrap_or_else(|| Searched {
        source: "nothing".to_owned(),
        from: None,
        to: None,
        gaps: vec!["no account of this cloud could be asked".to_owned()],
        note: None,
    });
    (Evidence { log: EventLog::new(events), searched }, errors)
}

/// The records that the user named, for one cloud. Silence of a log that was not given is
/// no answer, and is said to be none.
pub(crate) fn from_archive(archive: &Archive, cloud: &model::Cloud, title: &str) -> Evidence {
    let mut searched = archive.searched();
    if !archive.events.iter().any(|e| e.cloud == *cloud) {
        searched.gaps.push(format!("no record of {title} is among these files"));
    }
    Evidence { log: EventLog::new(archive.events.clone()), searched }
}

/// Several answers of one log are one search.
fn merge(all: &mut Option<Searched>, one: Searched) {
    let Some(all) = all else {
        *all = Some(one);
        return;
    };
    all.from = [all.from, one.from].into_iter().flatten().min();
    all.to = [all.to, one.to].into_iter().flatten().max();
    for gap in one.gaps {
        if !all.gaps.contains(&gap) {
            all.gaps.push(gap);
        }
    }
    if all.note.is_none() {
        all.note = one.note;
    }
}
