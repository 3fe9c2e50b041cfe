//! CloudTrail records as tables keep them: CloudTrail Lake's query results and Athena's, whose
//! columns are in lower case (CloudTrail User Guide, "Supported SQL schemas for event data
//! stores"). Structures are objects, or text in the form `{type=IAMUser, arn=...}`.
//!
//! Results come as JSON (`QueryResultRows`) or, saved into a bucket, as comma-separated text. One
//! that has the column `eventJson` holds the record itself; that is opened before.

use crate::cloudtrail::CloudTrail;
use crate::format::Format;
use crate::record::Record;
use crate::strict::parse_object;
use model::Event;
use serde_json::{Map, Value, json};

pub(crate) struct CloudTrailLake;

/// Columns and what the record calls them. What is not here stays as it is.
const NAMES: &[(&str, &str)] = &[
    ("awsregion", "awsRegion"),
    ("errorcode", "errorCode"),
    ("errormessage", "errorMessage"),
    ("eventid", "eventID"),
    ("eventname", "eventName"),
    ("eventsource", "eventSource"),
    ("eventtime", "eventTime"),
    ("readonly", "readOnly"),
    ("recipientaccountid", "recipientAccountId"),
    ("requestid", "requestID"),
    ("requestparameters", "requestParameters"),
    ("responseelements", "responseElements"),
    ("sharedeventid", "sharedEventID"),
    ("sourceipaddress", "sourceIPAddress"),
    ("useragent", "userAgent"),
    ("useridentity", "userIdentity"),
];

/// Members of `userIdentity` whose lower case hides capitals.
const IDENTITY: &[(&str, &str)] = &[
    ("accesskeyid", "accessKeyId"),
    ("accountid", "accountId"),
    ("creationdate", "creationDate"),
    ("federatedprovider", "federatedProvider"),
    ("invokedby", "invokedBy"),
    ("mfaauthenticated", "mfaAuthenticated"),
    ("onbehalfof", "onBehalfOf"),
    ("principalid", "principalId"),
    ("sessioncontext", "sessionContext"),
    ("sessionissuer", "sessionIssuer"),
    ("sourceidentity", "sourceIdentity"),
    ("userid", "userId"),
    ("username", "userName"),
    ("webidfederationdata", "webIdFederationData"),
];

impl Format for CloudTrailLake {
    fn name(&self) -> &'static str {
        "cloudtrail_lake"
    }

    fn product(&self) -> &'static str {
        CloudTrail.product()
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let text = |key| fields.get(key).is_some_and(Value::is_string);
        text("eventsource") && text("eventname") && !fields.contains_key("eventName")
    }

    fn event(&self, record: Record) -> Result<Event, String> {
        let hash = record.raw_hash.clone();
        let (columns, _, location) = record.rest();
        let Value::Object(columns) = columns else { return Err("no columns".to_owned()) };
        let mut fields = Map::new();
        for (column, value) in columns {
            let name = NAMES.iter().find(|(from, _)| *from == column).map(|(_, to)| *to);
            let (name, value) = match (name, value) {
                (None, value) => (column, value),
                // Results are texts, whatever the column's type.
                (Some("readOnly"), Value::String(told)) => match told.as_str() {
                    "true" => ("readOnly".to_owned(), json!(true)),
                    "false" => ("readOnly".to_owned(), json!(false)),
                    _ => (column, Value::String(told)),
                },
                (Some("userIdentity"), Value::String(told)) => {
                    let read = parse_object(&told).or_else(|| structure(&told));
                    fields.insert(column, Value::String(told));
                    let read = read.map_or(Value::Null, Value::Object);
                    ("userIdentity".to_owned(), renamed(read))
                }
                (Some("userIdentity"), value) => ("userIdentity".to_owned(), renamed(value)),
                (Some("requestParameters" | "responseElements"), Value::String(told)) => {
                    match parse_object(&told) {
                        Some(read) => {
                            let name = name.unwrap_or_default().to_owned();
                            fields.insert(column, Value::String(told));
                            (name, Value::Object(read))
                        }
                        None => (column, Value::String(told)),
                    }
                }
                (Some(name), value) => (name.to_owned(), value),
            };
            fields.insert(name, value);
        }
        let mut event = CloudTrail.event(Record::new(fields, "", location))?;
        if event.uid == event.raw_hash {
            event.uid.clone_from(&hash);
        }
        event.raw_hash = hash;
        Ok(event)
    }
}

fn renamed(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| {
                    let name = IDENTITY.iter().find(|(from, _)| *from == key);
                    (name.map_or(key, |(_, to)| (*to).to_owned()), renamed(value))
                })
                .collect(),
        ),
        other => other,
    }
}

/// `{type=IAMUser, sessioncontext={attributes=null}}`: members are told apart by the commas of
/// their own level. Nothing where the text has another form.
fn structure(text: &str) -> Option<Map<String, Value>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if depth > 8 {
            return None;
        }
    }
    parts.push(&inner[start..]);
    let mut fields = Map::new();
    for part in parts {
        let (key, value) = part.trim().split_once('=')?;
        let value = match value {
            "null" => Value::Null,
            value if value.starts_with('{') => Value::Object(structure(value)?),
            value => json!(value),
        };
        if fields.insert(key.to_owned(), value).is_some() {
            return None;
        }
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_as_text() {
        let read = structure(
            "{type=IAMUser, userName=a=b, sessioncontext={attributes={mfa=false}, issuer=null}}",
        );
        assert_eq!(
            Value::Object(read.unwrap()),
            json!({"type": "IAMUser", "userName": "a=b",
                "sessioncontext": {"attributes": {"mfa": "false"}, "issuer": null}})
        );
        for text in ["", "{", "{a}", "{a=1, a=2}", "{a={b=1}", "}{"] {
            assert!(structure(text).is_none(), "{text}");
        }
        assert!(structure(&format!("{}{}", "{a=".repeat(50_000), "}".repeat(50_000))).is_none());
    }
}
