//! What stands around a record where somebody passed it on: an EventBridge event, a batch of
//! CloudWatch Logs, a diagnostic setting's line, a table of query results.
//!
//! The record is what the log wrote. What is around it is kept beside the record's own fields,
//! under the envelope's name, so that nothing is lost and the record keeps its own shape.

use crate::strict;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::HashMap;

/// Envelopes lie in envelopes: EventBridge in CloudWatch Logs in a file.
pub(crate) const MAX_OPENED: u8 = 3;

pub(crate) struct Opened<'t> {
    /// The name under which `around` is kept.
    pub name: &'static str,
    /// Each record's text, and what stood around it.
    pub records: Vec<(Cow<'t, str>, Map<String, Value>)>,
}

/// The records inside, if this is an envelope.
pub(crate) fn open<'t>(text: &'t str, fields: &Map<String, Value>) -> Option<Opened<'t>> {
    let text_at = |key: &str| fields.get(key).and_then(Value::as_str);
    // An entry of LookupEvents is CloudTrail's index of the record; the record is inside.
    if let Some(inner) = text_at("CloudTrailEvent") {
        return Some(one("lookup", Cow::Owned(inner.to_owned()), Map::new()));
    }
    if text_at("detail-type").is_some() && fields.get("detail").is_some_and(Value::is_object) {
        return event_bridge(text, fields);
    }
    if text_at("messageType").is_some() && fields.get("logEvents").is_some_and(Value::is_array) {
        return Some(cloudwatch(fields));
    }
    if text_at("category").is_some_and(|c| c.starts_with("kube-audit")) {
        let mut around = fields.clone();
        let log = around.get_mut("properties")?.as_object_mut()?.remove("log")?;
        let log = log.as_str()?.trim_end().to_owned();
        return Some(one("diagnostic", Cow::Owned(log), around));
    }
    if let Some(rows) = fields.get("QueryResultRows").and_then(Value::as_array) {
        return Some(Opened { name: "lake", records: rows.iter().map(lake_row).collect() });
    }
    if let Some(row) = text_at("eventJson").or_else(|| text_at("eventjson")) {
        let mut around = fields.clone();
        around.retain(|key, _| !key.eq_ignore_ascii_case("eventjson"));
        return Some(one("lake", Cow::Owned(row.to_owned()), around));
    }
    if let Some(tables) = fields.get("tables").and_then(Value::as_array) {
        return query_tables(tables);
    }
    None
}

/// A message of an envelope's own that holds no record: nothing is missing.
pub(crate) fn is_control(fields: &Map<String, Value>) -> bool {
    fields.get("messageType").is_some_and(|t| t == "CONTROL_MESSAGE")
}

fn one<'t>(name: &'static str, text: Cow<'t, str>, around: Map<String, Value>) -> Opened<'t> {
    Opened { name, records: vec![(text, around)] }
}

/// `detail` is the record; Security Hub sends its findings as a list in it.
fn event_bridge<'t>(text: &'t str, fields: &Map<String, Value>) -> Option<Opened<'t>> {
    let members = |text: &'t str| serde_json::from_str::<HashMap<Cow<'t, str>, &RawValue>>(text);
    let detail = members(text).ok()?.get("detail")?.get();
    let mut around = fields.clone();
    around.remove("detail");
    let inside = members(detail).ok()?;
    let findings =
        inside.get("findings").map(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()));
    let Some(Ok(findings)) = findings else {
        return Some(one("eventbridge", Cow::Borrowed(detail), around));
    };
    if let Some(Value::Object(detail)) = fields.get("detail") {
        let mut rest = detail.clone();
        rest.remove("findings");
        around.insert("detail".to_owned(), Value::Object(rest));
    }
    let records = findings.iter().map(|f| (Cow::Borrowed(f.get()), around.clone())).collect();
    Some(Opened { name: "eventbridge", records })
}

/// A subscription's batch: each message is a record.
fn cloudwatch<'t>(fields: &Map<String, Value>) -> Opened<'t> {
    let mut around = fields.clone();
    let events = around.remove("logEvents").unwrap_or_default();
    let records = events.as_array().into_iter().flatten().map(|event| {
        let mut around = around.clone();
        let mut own = event.as_object().cloned().unwrap_or_default();
        let message = match own.remove("message") {
            Some(Value::String(message)) => message.trim().to_owned(),
            _ => event.to_string(),
        };
        around.insert("logEvent".to_owned(), Value::Object(own));
        (Cow::Owned(message), around)
    });
    Opened { name: "cloudwatch", records: records.collect() }
}

/// A row of CloudTrail Lake's results: a list of one-member objects, a column each.
fn lake_row<'t>(row: &Value) -> (Cow<'t, str>, Map<String, Value>) {
    let Value::Array(cells) = row else { return (Cow::Owned(row.to_string()), Map::new()) };
    let members: Vec<(&String, &Value)> =
        cells.iter().filter_map(Value::as_object).flatten().collect();
    let whole = cells.iter().all(Value::is_object);
    (
        Cow::Owned(whole.then(|| as_record(&members)).flatten().unwrap_or_else(|| row.to_string())),
        Map::new(),
    )
}

/// What a query of Log Analytics answers: names of columns, and rows of values.
fn query_tables<'t>(tables: &[Value]) -> Option<Opened<'t>> {
    let mut records = Vec::new();
    for table in tables {
        let columns: Vec<String> = table
            .get("columns")?
            .as_array()?
            .iter()
            .map(|c| c.get("name").and_then(Value::as_str).unwrap_or_default().to_owned())
            .collect();
        for row in table.get("rows")?.as_array()? {
            let cells = row.as_array().map_or(&[][..], Vec::as_slice);
            let members: Vec<(&String, &Value)> = columns.iter().zip(cells).collect();
            let record = (cells.len() == columns.len()).then(|| as_record(&members)).flatten();
            records.push((Cow::Owned(record.unwrap_or_else(|| row.to_string())), Map::new()));
        }
    }
    Some(Opened { name: "query", records })
}

/// The columns of a row as one object's text; nothing where two have one name. Who calls then
/// gives the row as it is, which is refused for being none.
fn as_record(members: &[(&String, &Value)]) -> Option<String> {
    let record: Map<String, Value> =
        members.iter().map(|(name, value)| ((*name).clone(), (*value).clone())).collect();
    (record.len() == members.len()).then(|| Value::Object(record).to_string())
}

/// The record's fields with what stood around it beside them.
pub(crate) fn keep(fields: &mut Map<String, Value>, name: &str, around: Map<String, Value>) {
    if around.is_empty() {
        return;
    }
    let mut key = name.to_owned();
    while fields.contains_key(&key) {
        key.push('_');
    }
    fields.insert(key, Value::Object(around));
}

/// A line of a text log as an object, its columns named.
pub(crate) fn columns(names: &[&str], line: &str) -> Result<Map<String, Value>, String> {
    let cells: Vec<&str> = line.split_ascii_whitespace().collect();
    if cells.len() != names.len() {
        return Err(format!("{} columns where the header names {}", cells.len(), names.len()));
    }
    Ok(names.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect())
}

/// A row of a table as an object: results are texts, and an empty cell is no value.
pub(crate) fn cells(names: &[String], cells: Vec<String>) -> Result<Map<String, Value>, String> {
    if cells.len() != names.len() {
        return Err(format!("{} columns where the header names {}", cells.len(), names.len()));
    }
    let cells = cells.into_iter().map(Value::String);
    Ok(names.iter().cloned().zip(cells).filter(|(_, cell)| cell != "").collect())
}

/// The record's text as an object.
pub(crate) fn fields_of(text: &str) -> Result<Map<String, Value>, String> {
    match strict::parse(text)? {
        Value::Object(fields) if fields.is_empty() => Err("an empty object".to_owned()),
        Value::Object(fields) => Ok(fields),
        other => Err(format!("{} where a record should be", crate::read::type_of(&other))),
    }
}
