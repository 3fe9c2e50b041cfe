//! The Activity Log's query API.

use super::error::ArmError;
use super::{Ask, Reply, Route};
use crate::audit::{self, Record};
use crate::ids;
use http::Method;
use local_cloud::Tx;
use model::Timestamp;
use serde_json::{Value, json};

pub const ROUTES: &[Route] = &[Route::new(
    Method::GET,
    "/subscriptions/*/providers/microsoft.insights/eventtypes/management/values",
    "Microsoft.Insights/eventtypes/values/read",
    query,
)
.above(5)];

/// Records a page, as the service does.
const PAGE: usize = 200;
/// How far back the log goes.
const DAYS: i64 = 90;

/// The only shapes that the API takes: a time and at most one other thing.
#[derive(Debug, Default, PartialEq)]
struct Filter {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    about: Option<(String, String)>,
}

const ABOUT: &[&str] = &["resourcegroupname", "resourceuri", "resourceprovider", "correlationid"];

fn parse(filter: &str) -> Result<Filter, ArmError> {
    let refused = |what: &str| {
        ArmError::bad_request(
            "BadRequest",
            format!("The filter expression is not supported: {what}"),
        )
    };
    let mut parsed = Filter::default();
    for clause in split_and(filter) {
        let mut words = clause.trim().splitn(3, ' ');
        let name = words.next().unwrap_or_default().to_lowercase();
        let operator = words.next().unwrap_or_default().to_lowercase();
        let value = words.next().unwrap_or_default().trim();
        let value = value
            .strip_prefix('\'')
            .and_then(|v| v.strip_suffix('\''))
            .ok_or_else(|| refused(clause))?;
        match (name.as_str(), operator.as_str()) {
            ("eventtimestamp", "ge") | ("eventtimestamp", "gt") => {
                parsed.from = Some(Timestamp::parse(value).ok_or_else(|| refused(clause))?);
            }
            ("eventtimestamp", "le") | ("eventtimestamp", "lt") => {
                parsed.to = Some(Timestamp::parse(value).ok_or_else(|| refused(clause))?);
            }
            (about, "eq") if ABOUT.contains(&about) && parsed.about.is_none() => {
                parsed.about = Some((about.to_owned(), value.to_owned()));
            }
            // The Azure CLI and portal say which channel and category they mean.
            ("eventchannels" | "category", "eq") => {}
            _ => return Err(refused(clause)),
        }
    }
    if parsed.from.is_none() {
        return Err(refused("eventTimestamp ge is required"));
    }
    Ok(parsed)
}

/// Splits at ` and ` outside quotes.
fn split_and(filter: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    let bytes = filter.as_bytes();
    for at in 0..bytes.len() {
        if bytes[at] == b'\'' {
            quoted = !quoted;
        }
        if !quoted
            && at >= start
            && bytes[at..].len() >= 5
            && bytes[at..at + 5].eq_ignore_ascii_case(b" and ")
        {
            parts.push(&filter[start..at]);
            start = at + 5;
        }
    }
    parts.push(&filter[start.min(filter.len())..]);
    parts
}

impl Filter {
    fn fits(&self, record: &Record) -> bool {
        let told = &record.told;
        if self.from.is_some_and(|from| record.time < from)
            || self.to.is_some_and(|to| record.time > to)
        {
            return false;
        }
        let Some((about, value)) = &self.about else { return true };
        match about.as_str() {
            "resourceuri" => told.resource_id.eq_ignore_ascii_case(value.trim_end_matches('/')),
            "resourcegroupname" => ids::segment_after(&told.resource_id, "resourceGroups")
                .is_some_and(|g| g.eq_ignore_ascii_case(value)),
            "resourceprovider" => ids::type_of(&told.resource_id).0.eq_ignore_ascii_case(value),
            _ => told.correlation.eq_ignore_ascii_case(value),
        }
    }
}

fn query(ask: &Ask<'_>, tx: &mut Tx<'_>) -> Result<Reply, ArmError> {
    let filter = ask.query.get("$filter").ok_or_else(|| {
        ArmError::bad_request("BadRequest", "The $filter query parameter is required.")
    })?;
    let filter = parse(filter)?;
    let oldest = ask.now.plus_seconds(-DAYS * 86_400);
    let before: u64 = ask.query.get("$skiptoken").and_then(|t| t.parse().ok()).unwrap_or(u64::MAX);
    // The newest first.
    let mut found = audit::after(&tx.view(), 0, usize::MAX)
        .into_iter()
        .rev()
        .filter(|(number, r)| *number < before && r.time >= oldest && filter.fits(r));
    let page: Vec<(u64, Record)> = found.by_ref().take(PAGE).collect();
    let more = found.next().is_some();
    let select: Option<Vec<&str>> =
        ask.query.get("$select").map(|s| s.split(',').map(str::trim).collect());
    let value: Vec<Value> = page
        .iter()
        .map(|(_, record)| {
            let mut value = record.queried();
            if let (Some(select), Value::Object(map)) = (&select, &mut value) {
                map.retain(|name, _| select.iter().any(|s| s.eq_ignore_ascii_case(name)));
            }
            value
        })
        .collect();
    let mut body = json!({"value": value});
    if let (true, Some((number, _))) = (more, page.last()) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in ask.query.iter().filter(|(name, _)| *name != "$skiptoken") {
            query.append_pair(name, value);
        }
        query.append_pair("$skiptoken", &number.to_string());
        body["nextLink"] = json!(format!("{}{}?{}", ask.base, ask.path, query.finish()));
    }
    Ok(Reply::ok(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let filter = parse(
            "eventTimestamp ge '2026-01-02T03:04:05Z' and eventTimestamp le '2026-01-03T00:00:00Z' \
             and resourceUri eq '/subscriptions/s/x and y'",
        )
        .unwrap();
        assert_eq!(filter.from, Timestamp::parse("2026-01-02T03:04:05Z"));
        assert_eq!(
            filter.about,
            Some(("resourceuri".to_owned(), "/subscriptions/s/x and y".to_owned()))
        );
        for wrong in [
            "",
            "resourceGroupName eq 'x'",
            "eventTimestamp ge 'yesterday'",
            "eventTimestamp ge '2026-01-02T03:04:05Z' and caller eq 'x'",
            "eventTimestamp ge '2026-01-02T03:04:05Z' and resourceUri eq 'x' and correlationId eq 'y'",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
