//! A moment, in UTC, printed with milliseconds. This crate never asks what time it is.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    pub fn new(moment: OffsetDateTime) -> Self {
        Timestamp(moment.to_offset(time::UtcOffset::UTC))
    }

    /// RFC 3339 as every cloud writes it, with any number of fractional digits.
    pub fn parse(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().map(Timestamp::new)
    }

    pub fn from_unix(seconds: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp(seconds).ok().map(Timestamp)
    }

    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
            .ok()
            .map(Timestamp)
    }

    pub fn unix(&self) -> i64 {
        self.0.unix_timestamp()
    }

    pub fn unix_millis(&self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    pub fn inner(&self) -> OffsetDateTime {
        self.0
    }

    pub fn plus_seconds(&self, seconds: i64) -> Self {
        Timestamp(self.0.saturating_add(time::Duration::seconds(seconds)))
    }

    pub fn plus_millis(&self, millis: i64) -> Self {
        Timestamp(self.0.saturating_add(time::Duration::milliseconds(millis)))
    }

    /// `2026-01-02T03:04:05Z`: the form of CloudTrail and of most request signatures.
    pub fn to_seconds_text(&self) -> String {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        self.0.format(&form).unwrap_or_default()
    }

    /// `2026-01-02T03:04:05.678Z`
    pub fn to_millis_text(&self) -> String {
        let form = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        self.0.format(&form).unwrap_or_default()
    }

    /// `14:02:11`
    pub fn clock_text(&self) -> String {
        self.0.format(&format_description!("[hour]:[minute]:[second]")).unwrap_or_default()
    }

    /// `2026-01-02`
    pub fn date_text(&self) -> String {
        self.0.format(&format_description!("[year]-[month]-[day]")).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_millis_text())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.to_millis_text())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Timestamp::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("not an RFC 3339 time: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clouds_write() {
        let t = Timestamp::parse("2026-01-02T03:04:05.6789012Z").unwrap();
        assert_eq!(t.to_string(), "2026-01-02T03:04:05.678Z");
        assert_eq!(t.to_seconds_text(), "2026-01-02T03:04:05Z");
        assert_eq!(Timestamp::parse("2026-01-02T05:04:05+02:00").unwrap().clock_text(), "03:04:05");
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert_eq!(
            Timestamp::from_unix_millis(t.unix_millis()).unwrap().to_string(),
            t.to_string()
        );
    }
}
