//! Account keys: the SharedKey scheme and shared access signatures, by the public
//! descriptions ("Authorize with Shared Key", "Create an account SAS", "Create a service
//! SAS").

use crate::state::account::Key;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::Method;
use model::Timestamp;
use std::collections::BTreeMap;

/// Query parameters, decoded, under their lower-case names.
pub type Query = BTreeMap<String, Vec<String>>;

pub fn query_of(text: Option<&str>) -> Query {
    let mut query = Query::new();
    for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
        query.entry(name.to_lowercase()).or_default().push(value.into_owned());
    }
    query
}

pub fn first<'q>(query: &'q Query, name: &str) -> Option<&'q str> {
    query.get(name)?.first().map(String::as_str)
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|v| v.to_str().ok()).map_or("", str::trim)
}

/// What a client signs with SharedKey. `path` is the path as sent: on a path-style endpoint
/// it starts with the account, which then stands there twice.
pub fn string_to_sign(
    method: &Method,
    headers: &HeaderMap,
    account: &str,
    path: &str,
    query: &Query,
) -> String {
    let mut text = format!("{method}\n");
    for name in ["content-encoding", "content-language"] {
        text.push_str(&format!("{}\n", header(headers, name)));
    }
    // Since version 2015-02-21 an empty body signs an empty length.
    let length = header(headers, "content-length");
    text.push_str(if length == "0" { "" } else { length });
    text.push('\n');
    for name in ["content-md5", "content-type"] {
        text.push_str(&format!("{}\n", header(headers, name)));
    }
    if !headers.contains_key("x-ms-date") {
        text.push_str(header(headers, "date"));
    }
    text.push('\n');
    for name in ["if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"] {
        text.push_str(&format!("{}\n", header(headers, name)));
    }
    let mut own: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(n, _)| n.as_str().starts_with("x-ms-")) {
        own.entry(name.as_str()).or_default().push(value.to_str().unwrap_or_default().trim());
    }
    for (name, values) in own {
        text.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    text.push_str(&format!("/{account}{path}"));
    for (name, values) in query {
        let mut values = values.clone();
        values.sort();
        text.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    text
}

/// The name of the key that made this signature.
pub fn made_by<'k>(keys: &'k [Key], text: &str, signature: &str) -> Option<&'k Key> {
    let signature = BASE64_STANDARD.decode(signature).ok()?;
    keys.iter().find(|key| {
        let Ok(secret) = BASE64_STANDARD.decode(&key.value) else { return false };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        hmac::verify(&key, text.as_bytes(), &signature).is_ok()
    })
}

/// What a call needs of a shared access signature.
#[derive(Clone, Copy, Debug)]
pub struct SasNeeds<'a> {
    /// Any of these letters.
    pub letters: &'a str,
    /// `s`, `c` or `o`: service, container, object.
    pub kind: char,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SasError {
    /// Malformed, expired, or not made by a key of this account.
    Signature,
    /// Genuine, and not for this.
    Permission,
    ResourceType,
    Address,
}

/// Where a SAS is used.
pub struct SasPlace<'a> {
    pub account: &'a str,
    pub container: Option<&'a str>,
    pub blob: Option<&'a str>,
    pub source: &'a str,
    pub now: Timestamp,
    /// The stored policy that `si` names: start, expiry, permission.
    pub policy: Option<(Option<&'a str>, Option<&'a str>, Option<&'a str>)>,
}

/// Checks an account SAS (`ss`) or a service SAS (`sr`) and answers with the signing key.
pub fn check_sas<'k>(
    keys: &'k [Key],
    query: &Query,
    place: &SasPlace<'_>,
    needs: SasNeeds<'_>,
) -> Result<&'k Key, SasError> {
    let get = |name: &str| first(query, name).unwrap_or_default();
    let scoped = get("sv") >= "2020-12-06";
    let account_wide = query.contains_key("ss");
    let text = if account_wide {
        let mut text = format!("{}\n", place.account);
        for name in ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"] {
            text.push_str(&format!("{}\n", get(name)));
        }
        if scoped {
            text.push_str(&format!("{}\n", get("ses")));
        }
        text
    } else {
        let container = place.container.ok_or(SasError::Signature)?;
        let mut resource = format!("/blob/{}/{container}", place.account);
        if get("sr") == "b" {
            resource.push_str(&format!("/{}", place.blob.ok_or(SasError::Signature)?));
        }
        let mut parts = vec![get("sp"), get("st"), get("se"), &resource, get("si"), get("sip")];
        parts.extend([get("spr"), get("sv"), get("sr"), get("snapshot")]);
        if scoped {
            parts.push(get("ses"));
        }
        parts.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(get));
        parts.join("\n")
    };
    let key = made_by(keys, &text, get("sig")).ok_or(SasError::Signature)?;

    let policy = place.policy.unwrap_or((None, None, None));
    if query.contains_key("si") && place.policy.is_none() {
        return Err(SasError::Signature);
    }
    let or = |given: &'_ str, stored: Option<&str>| {
        if given.is_empty() { stored.unwrap_or_default().to_owned() } else { given.to_owned() }
    };
    let (start, expiry) = (or(get("st"), policy.0), or(get("se"), policy.1));
    let expiry = moment(&expiry).ok_or(SasError::Signature)?;
    let early = !start.is_empty() && moment(&start).is_none_or(|start| place.now < start);
    if early || place.now >= expiry {
        return Err(SasError::Signature);
    }
    if account_wide {
        if !get("ss").contains('b') {
            return Err(SasError::ResourceType);
        }
        if !get("srt").contains(needs.kind) {
            return Err(SasError::ResourceType);
        }
    } else if needs.kind == 's' {
        return Err(SasError::ResourceType);
    }
    let permissions = or(get("sp"), policy.2);
    if !needs.letters.chars().any(|letter| permissions.contains(letter)) {
        return Err(SasError::Permission);
    }
    let range = get("sip");
    if !range.is_empty() && !in_span(range, place.source) {
        return Err(SasError::Address);
    }
    Ok(key)
}

/// `2026-01-02`, `2026-01-02T03:04Z` and full RFC 3339 are all allowed.
fn moment(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text)
        .or_else(|| Timestamp::parse(&format!("{}:00Z", text.strip_suffix('Z')?)))
        .or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")))
}

/// `203.0.113.1-203.0.113.9`, or one address.
fn in_span(span: &str, source: &str) -> bool {
    let (from, to) = span.split_once('-').unwrap_or((span, span));
    let parse = |text: &str| text.parse::<std::net::Ipv4Addr>().ok();
    match (parse(from), parse(to), parse(source)) {
        (Some(from), Some(to), Some(source)) => (from..=to).contains(&source),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<Key> {
        vec![Key {
            name: "key1".to_owned(),
            value: BASE64_STANDARD.encode(b"secret"),
            created: String::new(),
        }]
    }

    fn sign(text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()))
    }

    #[test]
    fn the_documented_example() {
        // "Authorize with Shared Key", the example of Get Container Metadata.
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT".parse().unwrap());
        headers.insert("x-ms-version", "2015-02-21".parse().unwrap());
        let query = query_of(Some("restype=container&comp=metadata&timeout=20"));
        let text = string_to_sign(&Method::GET, &headers, "myaccount", "/mycontainer", &query);
        assert_eq!(
            text,
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n\
             x-ms-version:2015-02-21\n/myaccount/mycontainer\ncomp:metadata\n\
             restype:container\ntimeout:20"
        );
        assert_eq!(made_by(&keys(), &text, &sign(&text)).unwrap().name, "key1");
        assert!(made_by(&keys(), &text, &sign("else")).is_none());
        assert!(made_by(&keys(), &text, "not base64!").is_none());
    }

    fn place(now: &str) -> SasPlace<'static> {
        SasPlace {
            account: "acme",
            container: Some("c"),
            blob: Some("b"),
            source: "192.0.2.10",
            now: Timestamp::parse(now).unwrap(),
            policy: None,
        }
    }

    fn account_sas(extra: &str) -> Query {
        let mut query = query_of(Some(&format!(
            "sv=2022-11-02&ss=b&srt=o&sp=r&se=2026-01-02T00:00:00Z{extra}"
        )));
        let get = |n: &str| first(&query, n).unwrap_or_default().to_owned();
        let text = format!(
            "acme\n{}\n{}\n{}\n\n{}\n{}\n\n{}\n\n",
            get("sp"),
            get("ss"),
            get("srt"),
            get("se"),
            get("sip"),
            get("sv")
        );
        query.insert("sig".to_owned(), vec![sign(&text)]);
        query
    }

    #[test]
    fn an_account_sas_holds_its_bounds() {
        let reads = SasNeeds { letters: "r", kind: 'o' };
        let check = |query: &Query, now: &str, needs| {
            check_sas(&keys(), query, &place(now), needs).map(|k| k.name.clone())
        };
        let day = "2026-01-01T00:00:00Z";
        assert_eq!(check(&account_sas(""), day, reads).as_deref(), Ok("key1"));
        assert_eq!(
            check(&account_sas(""), "2026-01-02T00:00:00Z", reads),
            Err(SasError::Signature)
        );
        let writes = SasNeeds { letters: "cw", kind: 'o' };
        assert_eq!(check(&account_sas(""), day, writes), Err(SasError::Permission));
        let lists = SasNeeds { letters: "r", kind: 'c' };
        assert_eq!(check(&account_sas(""), day, lists), Err(SasError::ResourceType));
        assert_eq!(
            check(&account_sas("&sip=203.0.113.1-203.0.113.9"), day, reads),
            Err(SasError::Address)
        );
        assert_eq!(
            check(&account_sas("&sip=192.0.2.1-192.0.2.20"), day, reads).as_deref(),
            Ok("key1")
        );
        let mut forged = account_sas("");
        forged.insert("sp".to_owned(), vec!["rwd".to_owned()]);
        assert_eq!(check(&forged, day, reads), Err(SasError::Signature));
    }

    /// A stored policy is how a signature is taken back: without it there is nothing left.
    #[test]
    fn a_signature_by_policy_ends_with_its_policy() {
        let mut query = query_of(Some("sv=2022-11-02&sr=c&si=partner&sp=r&se=2026-01-02"));
        let text = "r\n\n2026-01-02\n/blob/acme/c\npartner\n\n\n2022-11-02\nc\n\n\n\n\n\n\n";
        query.insert("sig".to_owned(), vec![sign(text)]);
        let needs = SasNeeds { letters: "r", kind: 'o' };
        let check = |policy| {
            let place = SasPlace { policy, ..place("2026-01-01T00:00:00Z") };
            check_sas(&keys(), &query, &place, needs).map(|k| k.name.clone())
        };
        assert_eq!(check(Some((None, None, None))).as_deref(), Ok("key1"));
        assert_eq!(check(None), Err(SasError::Signature));
    }

    #[test]
    fn moments_in_short_forms() {
        for text in ["2026-01-02", "2026-01-02T00:00Z", "2026-01-02T00:00:00Z"] {
            assert_eq!(moment(text), Timestamp::parse("2026-01-02T00:00:00Z"), "{text}");
        }
        assert_eq!(moment("soon"), None);
    }
}
