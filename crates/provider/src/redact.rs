//! Secrets are sealed here, before anything leaves the provider layer.

use model::knowledge::KindFacts;
use model::value::{Attributes, Value};
use std::fmt;

/// A secret. It prints as `***` everywhere; [`Sensitive::reveal`] is the one way to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    pub fn new(secret: T) -> Self {
        Sensitive(secret)
    }

    /// Hands out the secret, to sign or to send; never to print.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> serde::Serialize for Sensitive<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str("***")
    }
}

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Sensitive<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize(d).map(Sensitive)
    }
}

/// Seals every attribute that the kind's facts call sensitive.
pub fn seal(attributes: &mut Attributes, facts: &KindFacts) {
    for (pattern, _) in facts.attributes.iter().filter(|(_, a)| a.sensitive) {
        let mut keys = pattern.split('.');
        if let Some(value) = keys.next().and_then(|first| attributes.get_mut(first)) {
            seal_at(value, &keys.collect::<Vec<_>>());
        }
    }
}

fn seal_at(value: &mut Value, keys: &[&str]) {
    match (value, keys) {
        (Value::Null, _) => {}
        (value, []) => *value = Value::Redacted,
        (Value::List(items), _) => items.iter_mut().for_each(|item| seal_at(item, keys)),
        (Value::Map(map), [first, rest @ ..]) => {
            if let Some(inner) = map.get_mut(*first) {
                seal_at(inner, rest);
            }
        }
        _ => {}
    }
}

/// What a secret is called where clouds and their clients print one.
const NAMES: [&str; 18] = [
    "accountkey",
    "sharedaccesssignature",
    "client_secret",
    "clientsecret",
    "client_assertion",
    "access_token",
    "refresh_token",
    "id_token",
    "assertion",
    "secretaccesskey",
    "secret_access_key",
    "sessiontoken",
    "session_token",
    "x-amz-security-token",
    "x-amz-signature",
    "x-goog-signature",
    "private_key",
    "password",
];

/// Masks what looks like a secret in foreign text: `name=value` and `"name": "value"` for
/// the names that clouds give to secrets, bearer and signature headers, SAS signatures and
/// PEM blocks. The text of an error is foreign, and clients like to print their requests.
pub fn mask(text: &str) -> String {
    let mut out = mask_pem(text);
    for name in NAMES {
        out = mask_named(&out, name);
    }
    for lead in ["Bearer ", "SharedKey ", "Signature=", "sig="] {
        out = mask_after(&out, lead);
    }
    out
}

fn mask_pem(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("-----BEGIN ") {
        out.push_str(&rest[..start]);
        out.push_str("***");
        let after = &rest[start..];
        rest = match after.find("-----END ") {
            Some(end) => after[end + 9..].split_once("-----").map_or("", |(_, tail)| tail),
            None => "",
        };
    }
    out + rest
}

fn mask_named(text: &str, name: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let (mut out, mut from) = (String::new(), 0);
    while let Some(found) = lower[from..].find(name).map(|at| from + at) {
        let after = found + name.len();
        out.push_str(&text[from..after]);
        from = after;
        // `"name": "value"`, `name=value`, `name: value`, and `<Name>value<`
        let lead = text[after..]
            .find(|c: char| !matches!(c, '"' | '\'' | '\\' | ' ' | ':' | '=' | '>'))
            .unwrap_or(text.len() - after);
        if !text[after..after + lead].contains([':', '=', '>']) {
            continue;
        }
        let value = after + lead;
        let end = text[value..]
            .find(|c: char| {
                matches!(c, '"' | '\'' | '\\' | '&' | ';' | ',' | '<' | '}') || c.is_whitespace()
            })
            .map_or(text.len(), |at| value + at);
        if end > value {
            out.push_str(&text[after..value]);
            out.push_str("***");
            from = end;
        }
    }
    out.push_str(&text[from..]);
    out
}

fn mask_after(text: &str, lead: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(lead) {
        let value = at + lead.len();
        out.push_str(&rest[..value]);
        let end = rest[value..]
            .find(|c: char| matches!(c, '"' | '\'' | '&' | ',' | '<') || c.is_whitespace())
            .map_or(rest.len(), |end| value + end);
        if end > value {
            out.push_str("***");
        }
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn masks_what_clients_print() {
        for (text, secret) in [
            ("AccountName=a;AccountKey=c2VjcmV0Cg==;EndpointSuffix=x", "c2VjcmV0"),
            (r#"{"access_token": "eyJhbGciOi.x.y", "a": 1}"#, "eyJhbGciOi"),
            ("Authorization: Bearer eyJhbGciOi.x.y", "eyJhbGciOi"),
            ("https://h/c/b?sv=2026&sig=s3cr3t%3D&se=1", "s3cr3t"),
            ("GET /?X-Amz-Signature=abcdef0123&x=1", "abcdef0123"),
            ("<SecretAccessKey>wJalrXUtnFEMI</SecretAccessKey>", "wJalrXUtnFEMI"),
            ("key -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- end", "MIIE"),
            ("AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=fe5f80f7", "fe5f80f7"),
        ] {
            let masked = mask(text);
            assert!(!masked.contains(secret), "{masked}");
            assert!(masked.contains("***"), "{masked}");
        }
    }

    #[test]
    fn leaves_ordinary_words_alone() {
        let text = "password policy of account 111122223333 has no entry; see AccountKeys";
        assert_eq!(mask(text), text);
    }

    #[test]
    fn a_secret_never_prints() {
        let s = Sensitive::new("hunter2".to_owned());
        assert_eq!(format!("{s} {s:?} {}", serde_json::to_string(&s).unwrap()), "*** *** \"***\"");
        assert_eq!(s.reveal(), "hunter2");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            mask(&text);
        }

        #[test]
        fn a_named_secret_is_gone(secret in "[A-Za-z0-9+/]{12,40}", name in 0..NAMES.len()) {
            let name = NAMES[name];
            let compact = format!("{name}={secret}");
            prop_assert!(!mask(&compact).contains(&secret));
            let json = format!("{{\"{}\": \"{secret}\"}}", name.to_uppercase());
            prop_assert!(!mask(&json).contains(&secret));
        }
    }
}
