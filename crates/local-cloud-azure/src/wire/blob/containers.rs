//! Containers on the data plane.

use super::super::http_date;
use super::error::BlobError;
use super::{Ask, Reply};
use crate::exposure::Level;
use crate::state::container::{self, Container, StoredPolicy};
use http::StatusCode;
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;
use std::collections::BTreeMap;

pub fn find(ask: &Ask<'_>) -> Result<Container, BlobError> {
    let name = ask.container()?;
    ask.ground
        .store
        .read(|v| container::get(v, &ask.account.name, name))
        .ok_or_else(BlobError::no_container)
}

/// `x-ms-meta-*` headers, names as sent in lower case.
pub fn metadata(ask: &Ask<'_>) -> BTreeMap<String, String> {
    ask.head
        .headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix("x-ms-meta-")?;
            Some((name.to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

pub fn with_metadata(mut reply: Reply, metadata: &BTreeMap<String, String>) -> Reply {
    for (name, value) in metadata {
        if let Ok(name) = format!("x-ms-meta-{name}").parse() {
            reply.headers.push((name, value.clone()));
        }
    }
    reply
}

fn described(reply: Reply, container: &Container) -> Reply {
    let reply = reply
        .header("etag", format!("\"{}\"", container.etag))
        .header("last-modified", http_date(container.modified));
    match container.level.header() {
        Some(level) => reply.header("x-ms-blob-public-access", level),
        None => reply,
    }
}

/// The level in the request's header; absent is private.
fn asked_level(ask: &Ask<'_>) -> Result<Level, BlobError> {
    let level = match ask.header("x-ms-blob-public-access") {
        None => Level::None,
        Some(text) => Level::parse(text).ok_or_else(BlobError::invalid_header)?,
    };
    if level != Level::None && ask.account.allows_public_access() == Some(false) {
        return Err(BlobError::public_access());
    }
    Ok(level)
}

pub fn create(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let name = ask.container()?;
    if !container::valid_name(name) {
        return Err(BlobError::invalid_name());
    }
    let level = asked_level(ask)?;
    let metadata = metadata(ask);
    let made = ask.ground.store.write(|tx| {
        if container::get(&tx.view(), &ask.account.name, name).is_some() {
            return Err(BlobError::container_exists());
        }
        let mut made = Container::new(tx, &ask.account.name, name, level, ask.now);
        made.metadata = metadata;
        container::put(tx, &made);
        Ok(made)
    })?;
    let mut reply = described(Reply::empty(StatusCode::CREATED), &made);
    reply.headers.retain(|(name, _)| name != "x-ms-blob-public-access");
    Ok(reply)
}

pub fn get(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let container = find(ask)?;
    let reply = described(Reply::empty(StatusCode::OK), &container)
        .header("x-ms-lease-status", "unlocked")
        .header("x-ms-lease-state", "available")
        .header("x-ms-has-immutability-policy", "false")
        .header("x-ms-has-legal-hold", "false")
        .header("x-ms-default-encryption-scope", "$account-encryption-key")
        .header("x-ms-deny-encryption-scope-override", "false");
    Ok(with_metadata(reply, &container.metadata))
}

fn change(ask: &Ask<'_>, apply: impl FnOnce(&mut Container)) -> Result<Container, BlobError> {
    let name = ask.container()?;
    ask.ground.store.write(|tx| {
        let mut found = container::get(&tx.view(), &ask.account.name, name)
            .ok_or_else(BlobError::no_container)?;
        apply(&mut found);
        found.touch(tx, ask.now);
        container::put(tx, &found);
        Ok(found)
    })
}

pub fn set_metadata(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let metadata = metadata(ask);
    let changed = change(ask, |c| c.metadata = metadata)?;
    Ok(described(Reply::empty(StatusCode::OK), &changed))
}

pub fn set_acl(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let level = asked_level(ask)?;
    let policies = read_policies(ask.body)?;
    let changed = change(ask, |c| {
        c.level = level;
        c.policies = policies;
    })?;
    let mut reply = described(Reply::empty(StatusCode::OK), &changed);
    reply.headers.retain(|(name, _)| name != "x-ms-blob-public-access");
    Ok(reply)
}

pub fn get_acl(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let container = find(ask)?;
    let mut body =
        String::from("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><SignedIdentifiers>");
    for policy in &container.policies {
        body.push_str(&format!("<SignedIdentifier><Id>{}</Id><AccessPolicy>", escape(&policy.id)));
        for (name, value) in [
            ("Start", &policy.start),
            ("Expiry", &policy.expiry),
            ("Permission", &policy.permission),
        ] {
            if let Some(value) = value {
                body.push_str(&format!("<{name}>{}</{name}>", escape(value)));
            }
        }
        body.push_str("</AccessPolicy></SignedIdentifier>");
    }
    body.push_str("</SignedIdentifiers>");
    Ok(described(Reply::xml(body), &container))
}

/// At most five policies, as the service allows.
const MOST_POLICIES: usize = 5;

fn read_policies(body: &[u8]) -> Result<Vec<StoredPolicy>, BlobError> {
    let mut policies: Vec<StoredPolicy> = Vec::new();
    let mut element = String::new();
    read_xml(body, |event| match event {
        Xml::Start(name) => {
            if name == "SignedIdentifier" {
                policies.push(StoredPolicy::default());
            }
            element = name;
        }
        Xml::Text(text) => {
            if let Some(policy) = policies.last_mut() {
                match element.as_str() {
                    "Id" => policy.id = text,
                    "Start" => policy.start = Some(text),
                    "Expiry" => policy.expiry = Some(text),
                    "Permission" => policy.permission = Some(text),
                    _ => {}
                }
            }
        }
    })?;
    if policies.len() > MOST_POLICIES {
        return Err(BlobError::invalid_xml());
    }
    Ok(policies)
}

pub enum Xml {
    Start(String),
    Text(String),
}

/// Walks a small document: element names and texts, in order.
pub fn read_xml(body: &[u8], mut see: impl FnMut(Xml)) -> Result<(), BlobError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| BlobError::invalid_xml())?;
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().map_err(|_| BlobError::invalid_xml())? {
            Event::Start(start) => {
                let name = start.local_name().as_ref().to_owned();
                see(Xml::Start(name));
            }
            Event::Text(text) => {
                let text = text.trim().to_owned();
                if !text.is_empty() {
                    see(Xml::Text(text));
                }
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

pub fn delete(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let name = ask.container()?;
    ask.ground.store.write(|tx| {
        let found = container::get(&tx.view(), &ask.account.name, name)
            .ok_or_else(BlobError::no_container)?;
        container::delete(tx, &found);
        Ok::<_, BlobError>(())
    })?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// What a fresh account answers: logging and metrics off, no rules.
pub fn service_properties(_: &Ask<'_>) -> Result<Reply, BlobError> {
    let off = "<Version>1.0</Version><Enabled>false</Enabled>\
               <RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>";
    Ok(Reply::xml(format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><StorageServiceProperties><Logging>\
         <Version>1.0</Version><Read>false</Read><Write>false</Write><Delete>false</Delete>\
         <RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging>\
         <HourMetrics>{off}</HourMetrics><MinuteMetrics>{off}</MinuteMetrics><Cors />\
         <DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>\
         <StaticWebsite><Enabled>false</Enabled></StaticWebsite></StorageServiceProperties>"
    )))
}
