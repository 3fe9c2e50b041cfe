//! The forms in which AWS writes a time. In our value trees a time is its ISO text in UTC.

use serde_json::{Number, Value};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Reads ISO 8601 (an offset is optional) or seconds since 1970, with or without a fraction.
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    let read = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
        let zoneless = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        let date = format_description!("[year]-[month]-[day]");
        PrimitiveDateTime::parse(text, &zoneless)
            .or_else(|_| time::Date::parse(text, &date).map(|day| day.midnight()))
            .map(PrimitiveDateTime::assume_utc)
            .ok()
    });
    match read {
        Some(time) => in_range(time.to_offset(UtcOffset::UTC)),
        None => from_epoch(text.parse().ok()?),
    }
}

/// Seconds since 1970 as the JSON protocols carry them; milliseconds are kept, less is not.
pub fn from_epoch(seconds: f64) -> Option<OffsetDateTime> {
    let milliseconds = (seconds * 1000.0).round();
    if !milliseconds.is_finite() || milliseconds.abs() > 3e14 {
        return None;
    }
    // In range by the line above.
    let nanoseconds = milliseconds as i128 * 1_000_000;
    in_range(OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?)
}

fn in_range(time: OffsetDateTime) -> Option<OffsetDateTime> {
    (1..=9999).contains(&time.year()).then_some(time)
}

/// `2026-01-02T03:04:05Z`, with milliseconds where there are any.
pub fn iso(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let fraction =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let text = if time.millisecond() == 0 { time.format(&seconds) } else { time.format(&fraction) };
    text.unwrap_or_default()
}

/// `2026-01-02T03:04:05Z`: an event's time has whole seconds.
pub fn iso_seconds(time: OffsetDateTime) -> String {
    iso(time.replace_millisecond(0).unwrap_or(time))
}

/// `Jul 10, 2023, 12:03:15 PM`: how records of the typed services show a time.
pub fn java_medium(time: OffsetDateTime) -> String {
    let form = format_description!(
        "[month repr:short] [day padding:none], [year], [hour repr:12 padding:none]:[minute]:[second] [period]"
    );
    time.to_offset(UtcOffset::UTC).format(&form).unwrap_or_default()
}

/// `20260102T030405Z`: signatures.
pub fn basic(time: OffsetDateTime) -> String {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    time.to_offset(UtcOffset::UTC).format(&form).unwrap_or_default()
}

/// Reads [`basic`].
pub fn parse_basic(text: &str) -> Option<OffsetDateTime> {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    Some(PrimitiveDateTime::parse(text, &form).ok()?.assume_utc())
}

/// The number that the JSON protocols carry.
pub fn epoch(time: OffsetDateTime) -> Value {
    let milliseconds = time.unix_timestamp_nanos().div_euclid(1_000_000) as i64;
    if milliseconds % 1000 == 0 {
        return Value::from(milliseconds / 1000);
    }
    Number::from_f64(milliseconds as f64 / 1000.0).map_or(Value::Null, Value::Number)
}

/// Milliseconds since 1970: times in EC2 records of the old style.
pub fn epoch_milliseconds(time: OffsetDateTime) -> i64 {
    time.unix_timestamp_nanos().div_euclid(1_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_every_form() {
        let time = parse("2023-07-10T14:03:15+02:00").unwrap();
        assert_eq!(iso(time), "2023-07-10T12:03:15Z");
        assert_eq!(java_medium(time), "Jul 10, 2023, 12:03:15 PM");
        assert_eq!(basic(time), "20230710T120315Z");
        assert_eq!(parse_basic("20230710T120315Z"), Some(time));
        assert_eq!(epoch(time), Value::from(1_688_990_595));
        assert_eq!(parse("1688990595"), Some(time));
        assert_eq!(iso(from_epoch(1_688_990_595.25).unwrap()), "2023-07-10T12:03:15.250Z");
        assert_eq!(java_medium(parse("2023-07-01T00:03:15Z").unwrap()), "Jul 1, 2023, 12:03:15 AM");
        assert_eq!(iso(parse("2023-07-01").unwrap()), "2023-07-01T00:00:00Z");
        for wrong in
            ["", "yesterday", "1e300", "NaN", "99999-01-01T00:00:00Z", "2023-02-30T00:00:00Z"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
