//! Who stands behind a role session: the call that opened it says which key it was given.
//!
//! One record alone shows a role and the name that the caller chose for the session. The
//! record of the opening call shows the caller, and the key id that the session then signs
//! with. Put together they name the origin even where the session calls itself something
//! else; a session name is a claim, the key is not.

use model::Event;
use model::event::{EventStatus, Principal, PrincipalType};
use std::collections::HashMap;

/// Gives every event that was signed by a session the origin of that session, where its
/// opening is among the events. Call it once on all events of a run: sessions are opened in
/// one file and used in another. Doing it twice changes nothing.
pub fn link_sessions(events: &mut [Event]) {
    let opened: HashMap<String, (Principal, Option<String>)> = events
        .iter()
        .filter(|e| e.status == EventStatus::Success)
        .filter_map(|e| {
            let key = opened_session(e)?;
            // A service that takes up its own role is not who works behind it.
            let known =
                !matches!(e.principal.kind, PrincipalType::Service | PrincipalType::Anonymous);
            known.then(|| (key.to_owned(), (e.principal.clone(), e.credential_uid.clone())))
        })
        .collect();
    if opened.is_empty() {
        return;
    }
    for event in events {
        let Some(key) = event.credential_uid.clone() else { continue };
        let Some(mut origin) = origin_of(&key, &opened) else { continue };
        // Somebody was vouched for when the session was opened, by one who may: that stands.
        if event.unmapped.pointer("/userIdentity/sessionContext/sourceIdentity").is_some() {
            continue;
        }
        if origin.uid == event.principal.uid {
            continue;
        }
        // What the record itself shows stays in the chain, nearest the call.
        let mut own = std::mem::take(&mut event.principal.via);
        if own.is_empty() {
            own.extend(event.principal.uid.take());
        }
        for link in own {
            if !origin.via.contains(&link) {
                origin.via.push(link);
            }
        }
        event.principal = origin;
    }
}

/// The key of the session that a call opened.
pub fn opened_session(event: &Event) -> Option<&str> {
    event.response.pointer("/credentials/accessKeyId")?.as_str()
}

/// Follows the chain to its first caller. Chains in the wild are two or three long.
fn origin_of(
    key: &str,
    opened: &HashMap<String, (Principal, Option<String>)>,
) -> Option<Principal> {
    let (mut origin, mut credential) = opened.get(key)?.clone();
    let mut via: Vec<Vec<String>> = Vec::new();
    for _ in 0..8 {
        let Some((before, next)) = credential.as_ref().and_then(|c| opened.get(c)) else { break };
        if before.via.iter().eq(origin.via.iter()) && before.name == origin.name {
            break;
        }
        via.push(origin.via);
        origin = before.clone();
        credential = next.clone();
    }
    for links in via.into_iter().rev() {
        for link in links {
            if !origin.via.contains(&link) {
                origin.via.push(link);
            }
        }
    }
    Some(origin)
}
