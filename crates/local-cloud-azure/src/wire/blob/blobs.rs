//! Blobs on the data plane: whole, in blocks, in ranges.

use super::super::http_date;
use super::access::is_log;
use super::containers::{Xml, metadata, read_xml, with_metadata};
use super::error::BlobError;
use super::{Ask, Reply};
use crate::deliver;
use crate::signature::first;
use crate::state::blob::{self, Blob, Block};
use crate::state::container;
use http::{Method, StatusCode};
use local_cloud::Tx;
use quick_xml::escape::escape;

fn find(ask: &Ask<'_>) -> Result<Blob, BlobError> {
    let (place, name) = (ask.container()?, ask.blob()?);
    ask.ground.store.read(|v| {
        if container::get(v, &ask.account.name, place).is_none() {
            return Err(BlobError::no_container());
        }
        blob::get(v, &ask.account.name, place, name).ok_or_else(BlobError::no_blob)
    })
}

/// `If-Match` and `If-None-Match` against what is there.
fn conditions(ask: &Ask<'_>, current: Option<&Blob>) -> Result<(), BlobError> {
    let matches =
        |wanted: &str, blob: &Blob| wanted == "*" || wanted.trim_matches('"') == blob.etag;
    if let Some(wanted) = ask.header("if-match")
        && !current.is_some_and(|b| matches(wanted, b))
    {
        return Err(BlobError::condition());
    }
    if let Some(unwanted) = ask.header("if-none-match")
        && let Some(blob) = current
        && matches(unwanted, blob)
    {
        let reads = ask.head.method == Method::GET || ask.head.method == Method::HEAD;
        return Err(match (reads, unwanted) {
            (true, _) => BlobError::not_modified(),
            (false, "*") => BlobError::blob_exists(),
            (false, _) => BlobError::condition(),
        });
    }
    Ok(())
}

fn described(reply: Reply, found: &Blob) -> Reply {
    let mut reply = reply
        .header("etag", format!("\"{}\"", found.etag))
        .header("last-modified", http_date(found.modified))
        .header("x-ms-creation-time", http_date(found.created))
        .header("x-ms-blob-type", found.kind.as_str())
        .header("x-ms-lease-status", "unlocked")
        .header("x-ms-lease-state", "available")
        .header("x-ms-server-encrypted", "true")
        .header("accept-ranges", "bytes")
        .header("content-type", found.content_type.as_str());
    if let Some(encoding) = &found.content_encoding {
        reply = reply.header("content-encoding", encoding.as_str());
    }
    with_metadata(reply, &found.metadata)
}

pub fn get(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    if is_log(&ask.account.name, ask.container) {
        deliver::deliver(ask.ground)?;
    }
    let found = find(ask)?;
    conditions(ask, Some(&found))?;
    if ask.head.method == Method::HEAD {
        let mut reply = described(Reply::empty(StatusCode::OK), &found)
            .header("content-length", found.size.to_string())
            .header("x-ms-access-tier", "Hot");
        if let Some(md5) = &found.content_md5 {
            reply = reply.header("content-md5", md5.as_str());
        }
        return Ok(reply);
    }
    let bytes = ask.ground.store.blob(&found.content)?;
    let asked = ask.header("x-ms-range").or_else(|| ask.header("range"));
    let range = asked.and_then(|r| range(r, found.size)).transpose()?;
    Ok(match range {
        Some((from, to)) => {
            let part = bytes.get(from..to).unwrap_or_default().to_vec();
            let last = to.saturating_sub(1);
            let mut reply = described(Reply::empty(StatusCode::PARTIAL_CONTENT), &found)
                .header("content-range", format!("bytes {from}-{last}/{}", found.size));
            if let Some(md5) = &found.content_md5 {
                reply = reply.header("x-ms-blob-content-md5", md5.as_str());
            }
            Reply { body: part, ..reply }
        }
        None => {
            let mut reply = described(Reply::empty(StatusCode::OK), &found);
            if let Some(md5) = &found.content_md5 {
                reply = reply.header("content-md5", md5.as_str());
            }
            Reply { body: bytes.to_vec(), ..reply }
        }
    })
}

/// The half-open span of `bytes=a-b`. A header that is not one is no range at all.
fn range(text: &str, size: u64) -> Option<Result<(usize, usize), BlobError>> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = from.parse().ok()?;
    let to: u64 = if to.is_empty() { u64::MAX } else { to.parse().ok()? };
    if from >= size || to < from {
        return Some(Err(BlobError::invalid_range()));
    }
    let to = to.saturating_add(1).min(size);
    let both = usize::try_from(from).and_then(|f| usize::try_from(to).map(|t| (f, t)));
    Some(both.map_err(|_| BlobError::invalid_range()))
}

pub fn get_metadata(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let found = find(ask)?;
    let reply = Reply::empty(StatusCode::OK)
        .header("etag", format!("\"{}\"", found.etag))
        .header("last-modified", http_date(found.modified));
    Ok(with_metadata(reply, &found.metadata))
}

fn written(status: StatusCode, made: &Blob) -> Reply {
    Reply::empty(status)
        .header("etag", format!("\"{}\"", made.etag))
        .header("last-modified", http_date(made.modified))
        .header("x-ms-request-server-encrypted", "true")
}

/// Puts a blob into its container; the conditions are checked in the same change.
fn store(
    ask: &Ask<'_>,
    make: impl FnOnce(&mut Tx<'_>) -> Result<Blob, BlobError>,
) -> Result<Blob, BlobError> {
    let (place, name) = (ask.container()?, ask.blob()?);
    let account = &ask.account.name;
    ask.ground.store.write(|tx| {
        if container::get(&tx.view(), account, place).is_none() {
            return Err(BlobError::no_container());
        }
        let old = blob::get(&tx.view(), account, place, name);
        conditions(ask, old.as_ref())?;
        let mut made = make(tx)?;
        if let Some(old) = old {
            made.created = old.created;
        }
        blob::drop_blocks(tx, account, place, name);
        blob::put(tx, account, place, &made);
        Ok(made)
    })
}

fn headers_onto(ask: &Ask<'_>, made: &mut Blob) {
    let text = |name: &str| ask.header(name).filter(|v| !v.is_empty()).map(str::to_owned);
    if let Some(content_type) = text("x-ms-blob-content-type").or_else(|| text("content-type")) {
        made.content_type = content_type;
    }
    made.content_encoding = text("x-ms-blob-content-encoding").or_else(|| text("content-encoding"));
    made.content_md5 = text("x-ms-blob-content-md5").or_else(|| text("content-md5"));
    made.metadata = metadata(ask);
}

pub fn put(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    match ask.header("x-ms-blob-type") {
        Some("BlockBlob") => {}
        Some(_) => {
            return Err(BlobError::not_implemented(
                "Only block blobs are served by the local cloud.",
            ));
        }
        None => return Err(BlobError::missing_header()),
    }
    if ask.header("x-ms-copy-source").is_some() {
        return Err(BlobError::not_implemented("Copying is not served by the local cloud."));
    }
    let content = ask.ground.store.put_blob(ask.body)?;
    let name = ask.blob()?;
    let made = store(ask, |tx| {
        let mut made = Blob::new(tx, name, content, ask.body.len() as u64, ask.now);
        headers_onto(ask, &mut made);
        Ok(made)
    })?;
    Ok(written(StatusCode::CREATED, &made))
}

pub fn put_block(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let (place, name) = (ask.container()?, ask.blob()?);
    let id = first(ask.query, "blockid").ok_or_else(BlobError::invalid_query)?;
    let content = ask.ground.store.put_blob(ask.body)?;
    let block = Block { id: id.to_owned(), content, size: ask.body.len() as u64 };
    ask.ground.store.write(|tx| {
        if container::get(&tx.view(), &ask.account.name, place).is_none() {
            return Err(BlobError::no_container());
        }
        blob::put_block(tx, &ask.account.name, place, name, &block);
        Ok(())
    })?;
    Ok(Reply::empty(StatusCode::CREATED).header("x-ms-request-server-encrypted", "true"))
}

pub fn put_block_list(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let mut wanted: Vec<(String, String)> = Vec::new();
    let mut source = String::new();
    read_xml(ask.body, |event| match event {
        Xml::Start(name) => source = name,
        Xml::Text(id) => wanted.push((source.clone(), id)),
    })?;
    let (place, name) = (ask.container()?, ask.blob()?);
    let waiting = ask.ground.store.read(|v| blob::blocks(v, &ask.account.name, place, name));
    let mut bytes = Vec::new();
    let mut blocks = Vec::new();
    for (source, id) in &wanted {
        // Blocks of the committed blob are not kept apart from its bytes.
        let found = matches!(source.as_str(), "Latest" | "Uncommitted")
            .then(|| waiting.iter().find(|b| b.id == *id))
            .flatten()
            .ok_or_else(BlobError::invalid_block_list)?;
        bytes.extend_from_slice(&ask.ground.store.blob(&found.content)?);
        blocks.push((found.id.clone(), found.size));
    }
    let content = ask.ground.store.put_blob(&bytes)?;
    let made = store(ask, |tx| {
        let mut made = Blob::new(tx, name, content, bytes.len() as u64, ask.now);
        headers_onto(ask, &mut made);
        // The list itself is XML; the blob is what its own header says.
        made.content_type =
            ask.header("x-ms-blob-content-type").unwrap_or("application/octet-stream").to_owned();
        made.content_md5 = ask.header("x-ms-blob-content-md5").map(str::to_owned);
        made.blocks = blocks;
        Ok(made)
    })?;
    Ok(written(StatusCode::CREATED, &made))
}

pub fn get_block_list(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let (place, name) = (ask.container()?, ask.blob()?);
    let (committed, waiting) = ask.ground.store.read(|v| {
        (
            blob::get(v, &ask.account.name, place, name),
            blob::blocks(v, &ask.account.name, place, name),
        )
    });
    if committed.is_none() && waiting.is_empty() {
        return Err(BlobError::no_blob());
    }
    let xml_of = |id: &str, size: u64| {
        format!("<Block><Name>{}</Name><Size>{size}</Size></Block>", escape(id))
    };
    let kind = first(ask.query, "blocklisttype").unwrap_or("committed");
    let mut xml = String::from("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    if matches!(kind, "committed" | "all") {
        xml.push_str("<CommittedBlocks>");
        for (id, size) in committed.iter().flat_map(|b| &b.blocks) {
            xml.push_str(&xml_of(id, *size));
        }
        xml.push_str("</CommittedBlocks>");
    }
    if matches!(kind, "uncommitted" | "all") {
        xml.push_str("<UncommittedBlocks>");
        waiting.iter().for_each(|b| xml.push_str(&xml_of(&b.id, b.size)));
        xml.push_str("</UncommittedBlocks>");
    }
    Ok(Reply::xml(xml + "</BlockList>"))
}

fn change(ask: &Ask<'_>, apply: impl FnOnce(&mut Blob)) -> Result<Blob, BlobError> {
    let found = find(ask)?;
    store(ask, |tx| {
        let mut made = Blob::new(tx, &found.name, found.content.clone(), found.size, ask.now);
        made = Blob { etag: made.etag, modified: ask.now, ..found };
        apply(&mut made);
        Ok(made)
    })
}

pub fn set_metadata(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let changed = change(ask, |b| b.metadata = metadata(ask))?;
    Ok(written(StatusCode::OK, &changed))
}

pub fn set_properties(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let changed = change(ask, |b| {
        let kept = b.metadata.clone();
        let content_type = ask.header("x-ms-blob-content-type").map(str::to_owned);
        headers_onto(ask, b);
        b.content_type = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        b.metadata = kept;
    })?;
    Ok(written(StatusCode::OK, &changed))
}

pub fn delete(ask: &Ask<'_>) -> Result<Reply, BlobError> {
    let found = find(ask)?;
    conditions(ask, Some(&found))?;
    let place = ask.container()?;
    ask.ground.store.write(|tx| {
        blob::delete(tx, &ask.account.name, place, &found.name);
        Ok::<_, BlobError>(())
    })?;
    Ok(Reply::empty(StatusCode::ACCEPTED).header("x-ms-delete-type-permanent", "true"))
}
