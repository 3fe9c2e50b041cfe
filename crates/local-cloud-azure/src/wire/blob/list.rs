//! Lists of containers and of blobs.

use super::super::http_date;
use super::access::is_log;
use super::error::BlobError;
use super::{Ask, Reply, containers as wire};
use crate::deliver;
use crate::signature::first;
use crate::state::blob::{self, Blob};
use crate::state::container;
use quick_xml::escape::escape;
use std::collections::BTreeMap;

/// The service's largest page.
const PAGE: usize = 5000;

fn limit(ask: &Ask<'_>) -> Result<usize, BlobError> {
    match first(ask.query, "maxresults") {
        None => Ok(PAGE),
        Some(text) => match text.parse::<usize>() {
            Ok(n) if n > 0 => Ok(n.min(PAGE)),
            _ => Err(BlobError::invalid_query()),
        },
    }
}

fn includes(ask: &Ask<'_>, what: &str) -> bool {
    let lists = ask.query.get("include").into_iter().flatten();
    lists.flat_map(|list| list.split(',')).any(|i| i.eq_ignore_ascii_case(what))
}

fn metadata_xml(metadata: &BTreeMap<String, String>) -> String {
    let mut xml = String::from("<Metadata>");
    for (name, value) in metadata {
        xml.push_str(&format!("<{name}>{}</{name}>", escape(value.as_str())));
    }
    xml + "</Metadata>"
}

fn head(ask: &Ask<'_>, attributes: &str) -> String {
    let mut xml = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults \
         ServiceEndpoint=\"https://{}.blob.core.windows.net/\"{attributes}>",
        ask.account.name
    );
    for (name, element) in [
        ("prefix", "Prefix"),
        ("marker", "Marker"),
        ("maxresults", "MaxResults"),
        ("delimiter", "Delimiter"),
    ] {
        if let Some(value) = first(ask.query, name) {
            xml.push_str(&format!("<{element}>{}</{element}>", escape(value)));
        }
    }
    xml
}

fn next_marker(next: Option<&str>) -> String {
    match next {
        Some(next) => format!("<NextMarker>{}</NextMarker>", escape(next)),
        None => "<NextMarker />".to_owned(),
    }
}

pub fn containers(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let limit = limit(ask)?;
    let prefix = first(ask.query, "prefix").unwrap_or_default();
    let after = first(ask.query, "marker").filter(|m| !m.is_empty());
    let mut page =
        ask.ground.store.read(|v| container::page(v, &ask.account.name, prefix, after, limit + 1));
    let more = page.len() > limit;
    page.truncate(limit);
    let mut xml = head(ask, "") + "<Containers>";
    for container in &page {
        xml.push_str(&format!(
            "<Container><Name>{}</Name><Properties><Last-Modified>{}</Last-Modified>\
             <Etag>\"{}\"</Etag><LeaseStatus>unlocked</LeaseStatus>\
             <LeaseState>available</LeaseState>",
            escape(container.name.as_str()),
            http_date(container.modified),
            container.etag,
        ));
        if let Some(level) = container.level.header() {
            xml.push_str(&format!("<PublicAccess>{level}</PublicAccess>"));
        }
        xml.push_str(
            "<DefaultEncryptionScope>$account-encryption-key</DefaultEncryptionScope>\
             <DenyEncryptionScopeOverride>false</DenyEncryptionScopeOverride>\
             <HasImmutabilityPolicy>false</HasImmutabilityPolicy>\
             <HasLegalHold>false</HasLegalHold></Properties>",
        );
        if includes(ask, "metadata") {
            xml.push_str(&metadata_xml(&container.metadata));
        }
        xml.push_str("</Container>");
    }
    let next = page.last().filter(|_| more).map(|c| c.name.as_str());
    xml.push_str(&format!("</Containers>{}</EnumerationResults>", next_marker(next)));
    Ok(Reply::xml(xml))
}

enum Entry {
    Blob(Box<Blob>),
    Prefix(String),
}

pub fn blobs(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let container = wire::find(ask)?;
    if is_log(&ask.account.name, ask.container) {
        deliver::deliver(ask.ground)?;
    }
    let limit = limit(ask)?;
    let prefix = first(ask.query, "prefix").unwrap_or_default();
    let delimiter = first(ask.query, "delimiter").filter(|d| !d.is_empty());
    let after = first(ask.query, "marker").filter(|m| !m.is_empty());
    let (entries, next) = ask.ground.store.read(|v| {
        let mut entries: Vec<Entry> = Vec::new();
        // A marker that ends in the delimiter was a prefix: everything below it is told.
        let mut last = after.map(str::to_owned);
        let mut skip =
            after.filter(|a| delimiter.is_some_and(|d| a.ends_with(d))).map(str::to_owned);
        loop {
            let page =
                blob::page(v, &ask.account.name, &container.name, prefix, last.as_deref(), PAGE);
            let Some(end) = page.last().map(|b| b.name.clone()) else { return (entries, None) };
            for found in page {
                if skip.as_ref().is_some_and(|s| found.name.starts_with(s.as_str())) {
                    last = Some(found.name);
                    continue;
                }
                let cut = delimiter.and_then(|d| {
                    let at = found.name[prefix.len()..].find(d)?;
                    Some(found.name[..prefix.len() + at + d.len()].to_owned())
                });
                if entries.len() == limit {
                    let marker = match entries.last() {
                        Some(Entry::Prefix(prefix)) => Some(prefix.clone()),
                        _ => last,
                    };
                    return (entries, marker);
                }
                last = Some(found.name.clone());
                match cut {
                    Some(cut) => {
                        entries.push(Entry::Prefix(cut.clone()));
                        skip = Some(cut);
                    }
                    None => entries.push(Entry::Blob(Box::new(found))),
                }
            }
            last = Some(end);
        }
    });
    let attributes = format!(" ContainerName=\"{}\"", escape(container.name.as_str()));
    let mut xml = head(ask, &attributes) + "<Blobs>";
    for entry in &entries {
        match entry {
            Entry::Prefix(prefix) => xml.push_str(&format!(
                "<BlobPrefix><Name>{}</Name></BlobPrefix>",
                escape(prefix.as_str())
            )),
            Entry::Blob(found) => xml.push_str(&blob_xml(found, includes(ask, "metadata"))),
        }
    }
    xml.push_str(&format!("</Blobs>{}</EnumerationResults>", next_marker(next.as_deref())));
    Ok(Reply::xml(xml))
}

fn blob_xml(found: &Blob, metadata: bool) -> String {
    let mut xml = format!(
        "<Blob><Name>{}</Name><Properties><Creation-Time>{}</Creation-Time>\
         <Last-Modified>{}</Last-Modified><Etag>{}</Etag><Content-Length>{}</Content-Length>\
         <Content-Type>{}</Content-Type><Content-Encoding>{}</Content-Encoding>\
         <Content-Language /><Content-CRC64 />",
        escape(found.name.as_str()),
        http_date(found.created),
        http_date(found.modified),
        found.etag,
        found.size,
        escape(found.content_type.as_str()),
        escape(found.content_encoding.as_deref().unwrap_or_default()),
    );
    match &found.content_md5 {
        Some(md5) => xml.push_str(&format!("<Content-MD5>{}</Content-MD5>", escape(md5.as_str()))),
        None => xml.push_str("<Content-MD5 />"),
    }
    xml.push_str(&format!(
        "<Cache-Control /><Content-Disposition /><BlobType>{}</BlobType>\
         <AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>\
         <LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>\
         <ServerEncrypted>true</ServerEncrypted></Properties>",
        found.kind
    ));
    if metadata {
        xml.push_str(&metadata_xml(&found.metadata));
    }
    xml + "</Blob>"
}
