//! The patterns that the schema gives to types of text, each as a function.
//!
//! The exports hold regular expressions; ten of them do not earn a regular-expression engine.

use std::net::IpAddr;

/// The test of a type that has a pattern; none where the expression says nothing that we test.
pub(crate) fn of(kind: &str) -> Option<fn(&str) -> bool> {
    Some(match kind {
        "bytestring_t" => bytestring,
        "datetime_t" => datetime,
        "email_t" => email,
        "hostname_t" => hostname,
        "ip_t" => ip,
        "mac_t" => mac,
        "uuid_t" => uuid,
        _ => return None,
    })
}

fn ip(text: &str) -> bool {
    text.split('%').next().is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

/// RFC 3339, its offset optional.
fn datetime(text: &str) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else { return false };
    let Some(rest) = rest.strip_prefix(['T', 't']) else { return false };
    let Some((clock, rest)) = rest.split_at_checked(8) else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if after.len() == fraction.len() {
                return false;
            }
            after
        }
        None => rest,
    };
    let offset = match rest.strip_prefix(['+', '-']) {
        Some(offset) => like(offset, "00:00"),
        None => matches!(rest, "" | "Z" | "z"),
    };
    like(date, "0000-00-00") && like(clock, "00:00:00") && offset
}

/// `0` stands for a digit, everything else for itself.
fn like(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

fn email(text: &str) -> bool {
    let local = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let Some((name, domain)) = text.split_once('@') else { return false };
    let Some((host, top)) = domain.split_once('.') else { return false };
    let label = |part: &str, dots: bool| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || (dots && b == b'.'))
    };
    !name.is_empty() && name.bytes().all(local) && label(host, false) && label(top, true)
}

fn hostname(text: &str) -> bool {
    text.split('.').all(|label| {
        label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

fn mac(text: &str) -> bool {
    text.len() == 17
        && text.bytes().enumerate().all(|(at, byte)| match at % 3 {
            2 => matches!(byte, b':' | b'-'),
            _ => byte.is_ascii_hexdigit(),
        })
}

fn uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn bytestring(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len() - body.len() <= 2
        && text.len().is_multiple_of(4)
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_fits_and_what_does_not() {
        for (kind, good, bad) in [
            (
                "ip_t",
                &["1.2.3.4", "2001:db8::1", "fe80::1%eth0"][..],
                &["1.2.3", "", "a.b.c.d"][..],
            ),
            (
                "datetime_t",
                &["2024-09-10T23:20:50.520Z", "2024-09-10T23:20:50", "2024-09-10T23:20:50+01:00"],
                &["2024-09-10 23:20:50", "2024-09-10T23:20:50.Z", "yesterday", "2024-09-10T23:20é"],
            ),
            ("email_t", &["a.b+c@example.com"], &["a@b", "@example.com", "a b@example.com", "x"]),
            ("hostname_t", &["localhost", "a-b.example.com"], &["", "a..b", "-a", "a_b"]),
            ("mac_t", &["18:36:F3:98:4F:9A"], &["18:36:F3:98:4F", "18:36:F3:98:4F:9G"]),
            (
                "uuid_t",
                &["4f0c0d5e-0000-4000-8000-000000000001"],
                &["4f0c0d5e0000400080000000000000001"],
            ),
            ("bytestring_t", &["", "YWJj", "YWI=", "YQ=="], &["YWJ", "Y===", "a b="]),
        ] {
            let fits = super::of(kind).unwrap();
            for text in good {
                assert!(fits(text), "{kind}: {text}");
            }
            for text in bad {
                assert!(!fits(text), "{kind}: {text}");
            }
        }
        assert!(super::of("url_t").is_none());
    }
}
