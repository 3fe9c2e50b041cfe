//! Dates of condition values: the ISO 8601 forms of the W3C note that IAM names, and epoch
//! seconds. Written here because two dozen lines need no calendar crate.

/// A point in time: seconds since 1970 and nanoseconds.
pub(crate) type Instant = (i64, u32);

/// Reads `2026`, `2026-11`, `2026-11-24`, `2026-11-24T12:00Z`, `2026-11-24T12:00:00.5+01:00`, or
/// the seconds since 1970. Four digits alone are a year, as in the W3C note.
pub(crate) fn parse(text: &str) -> Option<Instant> {
    let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if all_digits && text.len() != 4 {
        return Some((text.parse().ok()?, 0));
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |m| number(m, 2))?;
    let day = parts.next().map_or(Some(1), |d| number(d, 2))?;
    if parts.next().is_some() || !(1..=12).contains(&month) {
        return None;
    }
    if day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * 86_400;
    let Some(time) = time else { return Some((midnight, 0)) };
    if date.len() != 10 {
        return None;
    }
    let (clock, offset) = split_zone(time)?;
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, fraction),
        None => (clock, "0"),
    };
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |s| number(s, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    Some((midnight + hour * 3600 + minute * 60 + second - offset, nanos))
}

/// Splits `12:00:00+01:00` into clock and offset in seconds. A time without zone is UTC.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (clock, zone) = time.split_at(at);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone[1..].split_once(':').or_else(|| zone[1..].split_at_checked(2))?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    if hours > 23 || minutes > 59 {
        None
    } else {
        Some((clock, sign * (hours * 3600 + minutes * 60)))
    }
}

fn number(text: &str, width: usize) -> Option<i64> {
    if text.len() == width && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar; years begin in March, so that the
/// leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_the_forms_that_iam_names() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970", 0),
            ("2000-02-29", 951_782_400),
            ("2026-11", 1_793_491_200),
            ("2026-11-24T12:00Z", 1_795_521_600),
            ("2026-11-24T13:00:00+01:00", 1_795_521_600),
            ("2026-11-24T07:00:00-0500", 1_795_521_600),
            ("1795521600", 1_795_521_600),
        ] {
            assert_eq!(parse(text), Some((seconds, 0)), "{text}");
        }
        assert_eq!(parse("1970-01-01T00:00:00.25Z"), Some((0, 250_000_000)));
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "x",
            "2026-13",
            "2026-02-29",
            "2026-00-01",
            "26-01-01",
            "2026-01-01T",
            "-1",
            "2026-01-01T25:00Z",
            "2026-01-01T10:00:00.Z",
            "2026-01-01T10:00+é0",
            "2026-1-1",
            "2026T10:00Z",
            "99999999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
