//! CloudTrail's event history: management events of the region that is asked, newest first.

use crate::audit::{self, Head};
use crate::operation::{Cx, Outcome, refused};
use model::Timestamp;
use serde_json::{Map, Value, json};

/// The history reaches back this far.
const DAYS: i64 = 90;

pub fn lookup_events(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let time = |member: &str| input[member].as_str().and_then(Timestamp::parse);
    let oldest = cx.now.plus_seconds(-DAYS * 86_400);
    let start = time("StartTime").map_or(oldest, |start| start.max(oldest));
    let end = time("EndTime");
    if end.is_some_and(|end| end < start) {
        let message = "The start time must be before the end time.";
        return Err(refused("InvalidTimeRangeException", message, 400));
    }
    let attributes = input["LookupAttributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if attributes.len() > 1 {
        let message = "You can only specify one lookup attribute.";
        return Err(refused("InvalidLookupAttributesException", message, 400));
    }
    if input["EventCategory"] == "insight" {
        return Ok(json!({ "Events": [] }));
    }
    let text =
        |attribute: &Value, name: &str| attribute[name].as_str().unwrap_or_default().to_owned();
    let wanted = attributes.first().map(|a| (text(a, "AttributeKey"), text(a, "AttributeValue")));
    let most = input["MaxResults"].as_u64().unwrap_or(50).clamp(1, 50) as usize;
    let after = match input["NextToken"].as_str() {
        Some(token) => Some(
            position(token)
                .ok_or_else(|| refused("InvalidNextTokenException", "Invalid next token.", 400))?,
        ),
        None => None,
    };

    let view = cx.tx.view();
    let heads: Vec<(String, Head)> = view.scan(audit::HEADS, "");
    let mut found: Vec<(String, Head)> = heads
        .into_iter()
        .filter(|(_, head)| {
            head.management
                && head.region == cx.region
                && head.time >= start
                && end.is_none_or(|end| head.time <= end)
                && wanted.as_ref().is_none_or(|(key, value)| fits(head, key, value))
        })
        .collect();
    // By time, and calls of one moment in the order in which they were made.
    found.sort_by(|a, b| (b.1.time, &b.0).cmp(&(a.1.time, &a.0)));
    let mut rest = found.into_iter().filter(|(key, head)| {
        after.as_ref().is_none_or(|(time, last)| (head.time.unix_millis(), key) < (*time, last))
    });
    let page: Vec<(String, Head)> = rest.by_ref().take(most).collect();
    let more = rest.next().is_some();
    let mut output = Map::new();
    if more && let Some((key, head)) = page.last() {
        output.insert("NextToken".into(), token(head.time.unix_millis(), key).into());
    }
    let events = page.iter().map(|(key, head)| {
        let mut event = json!({
            "EventId": head.event_id, "EventName": head.name, "EventSource": head.source,
            "EventTime": head.time.to_seconds_text(), "ReadOnly": head.read_only.to_string(),
            "Resources": head.resources.iter().map(|(kind, name)| {
                json!({ "ResourceType": kind, "ResourceName": name })
            }).collect::<Vec<_>>(),
            "CloudTrailEvent": audit::text(&view, key).unwrap_or_default(),
        });
        if let Some(user) = &head.user {
            event["Username"] = user.as_str().into();
        }
        if let Some(key) = &head.access_key_id {
            event["AccessKeyId"] = key.as_str().into();
        }
        event
    });
    output.insert("Events".into(), events.collect());
    Ok(Value::Object(output))
}

fn fits(head: &Head, key: &str, value: &str) -> bool {
    match key {
        "EventId" => head.event_id == value,
        "EventName" => head.name == value,
        "EventSource" => head.source == value,
        "ReadOnly" => head.read_only.to_string() == value,
        "Username" => head.user.as_deref() == Some(value),
        "AccessKeyId" => head.access_key_id.as_deref() == Some(value),
        "ResourceType" => head.resources.iter().any(|(kind, _)| kind == value),
        "ResourceName" => head.resources.iter().any(|(_, name)| name == value),
        _ => false,
    }
}

/// The last event told, in hex so that nobody reads meaning into it.
fn token(millis: i64, key: &str) -> String {
    hex::encode(format!("{millis}/{key}"))
}

fn position(token: &str) -> Option<(i64, String)> {
    let text = String::from_utf8(hex::decode(token).ok()?).ok()?;
    let (millis, key) = text.split_once('/')?;
    Some((millis.parse().ok()?, key.to_owned()))
}
