//! Blobs: states and logs are fetched from them, ledger entries written to them once.

use crate::data_plane;
use crate::error;
use crate::session::AzureSession;
use async_trait::async_trait;
use azure_core::http::RequestContent;
use azure_core::http::headers::HeaderName;
use azure_storage_blob::BlobContainerClient;
use azure_storage_blob::models::{
    BlobClientDownloadOptions, BlobContainerClientListBlobsOptions, BlockBlobClientUploadOptions,
    ListBlobsResponse,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use model::Timestamp;
use provider::layers::Call;
use provider::{ErrorKind, ObjectInfo, ObjectSink, ObjectSource, ProviderError};
use std::num::NonZero;
use std::sync::Arc;

const LIST: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
const WRITE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
/// One request's share of a large blob: it fits well into one attempt's time.
const PIECE: u64 = 8 << 20;
/// More pages of 5,000 blobs than anyone reads states from.
const MOST_PAGES: usize = 10_000;

/// Containers of any account that the caller may read; a place is `account/container`.
pub(crate) struct Blobs {
    session: Arc<AzureSession>,
}

pub(crate) struct Page {
    pub found: Vec<ObjectInfo>,
    pub next: Option<String>,
}

/// One page of a listing. The SDK's own pager goes on by itself; one page a call is what can
/// be tried again.
pub(crate) async fn page(
    session: &AzureSession,
    client: &BlobContainerClient,
    account: &str,
    container: &str,
    prefix: &str,
    marker: Option<&str>,
    most: Option<i32>,
) -> Result<Page, ProviderError> {
    let target = format!("container {account}/{container}");
    let call = Call::read(LIST, &target);
    let listed: ListBlobsResponse = session
        .layers
        .call(call.clone(), || async {
            let options = BlobContainerClientListBlobsOptions {
                prefix: Some(prefix.to_owned()).filter(|p| !p.is_empty()),
                marker: marker.map(str::to_owned),
                maxresults: most,
                ..BlobContainerClientListBlobsOptions::default()
            };
            let pager = client.list_blobs(Some(options)).map_err(|e| error::of_sdk(&call, &e))?;
            match pager.into_pages().next().await {
                Some(page) => {
                    page.and_then(|p| p.into_model()).map_err(|e| error::of_sdk(&call, &e))
                }
                None => Err(call.error(ErrorKind::Malformed).because("no page at all")),
            }
        })
        .await
        .map_err(|e| session.named(e))?;
    let found = listed
        .blob_items
        .into_iter()
        .filter_map(|blob| {
            let properties = blob.properties.unwrap_or_default();
            Some(ObjectInfo {
                key: blob.name?,
                size: properties.content_length.unwrap_or_default(),
                modified: properties.last_modified.map(Timestamp::new),
                version: properties.etag.map(|e| e.to_string()).unwrap_or_default(),
            })
        })
        .collect();
    Ok(Page { found, next: listed.next_marker.filter(|m| !m.is_empty()) })
}

impl Blobs {
    pub fn new(session: Arc<AzureSession>) -> Blobs {
        Blobs { session }
    }

    fn open<'p>(
        &self,
        place: &'p str,
    ) -> Result<(BlobContainerClient, &'p str, &'p str), ProviderError> {
        let Some((account, container)) = place.split_once('/') else {
            return Err(Call::read("Blob storage", place)
                .error(ErrorKind::Invalid)
                .because("a place is ACCOUNT/CONTAINER")
                .next_step("azblob://ACCOUNT/CONTAINER/PREFIX"));
        };
        let client = data_plane::container(&self.session, account, container, None)?;
        Ok((client, account, container))
    }
}

#[async_trait]
impl ObjectSource for Blobs {
    fn scheme(&self) -> &'static str {
        "azblob"
    }

    async fn list(&self, place: &str, prefix: &str) -> Result<Vec<ObjectInfo>, ProviderError> {
        let (client, account, container) = self.open(place)?;
        let mut all = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let from = marker.as_deref();
            let page = page(&self.session, &client, account, container, prefix, from, None).await?;
            all.extend(page.found);
            match page.next {
                None => return Ok(all),
                next if next == marker => break,
                next => marker = next,
            }
        }
        Err(Call::read(LIST, place).error(ErrorKind::Malformed).because("a listing without end"))
    }

    async fn get(&self, place: &str, key: &str, limit: u64) -> Result<Bytes, ProviderError> {
        let (client, ..) = self.open(place)?;
        let target = format!("blob {place}/{key}");
        let call = Call::read(LIST, &target);
        let blob = client.blob_client(key);
        let layers = &self.session.layers;
        let mut body = BytesMut::new();
        let mut version = None;
        loop {
            let from = body.len() as u64;
            let piece = layers
                .call(call.clone(), || async {
                    let options = BlobClientDownloadOptions {
                        range: Some((from..from + PIECE).into()),
                        if_match: version.clone(),
                        parallel: NonZero::new(1),
                        partition_size: usize::try_from(PIECE).ok().and_then(NonZero::new),
                        ..BlobClientDownloadOptions::default()
                    };
                    let answer =
                        blob.download(Some(options)).await.map_err(|e| error::of_sdk(&call, &e))?;
                    let total = total(&answer.headers);
                    if total.is_none_or(|total| total > limit) {
                        return Err(call
                            .error(ErrorKind::Invalid)
                            .because(format!("larger than {limit} bytes")));
                    }
                    let etag = answer.properties.etag.clone();
                    let bytes =
                        answer.body.collect().await.map_err(|e| error::of_sdk(&call, &e))?;
                    Ok((bytes, total.unwrap_or(0), etag))
                })
                .await
                .map_err(|e| self.session.named(e))?;
            let (bytes, total, etag) = piece;
            body.extend_from_slice(&bytes);
            version = etag;
            if body.len() as u64 >= total {
                return Ok(body.freeze());
            }
            if bytes.is_empty() {
                return Err(call.error(ErrorKind::Malformed).because("it ended early"));
            }
        }
    }
}

/// The whole blob's size: behind the stroke of `bytes 0-9/1234`, else what came is all.
fn total(headers: &azure_core::http::headers::Headers) -> Option<u64> {
    let text = |name| headers.get_optional_str(&HeaderName::from_static(name));
    match text("content-range") {
        Some(range) => range.rsplit_once('/')?.1.trim().parse().ok(),
        None => text("content-length").and_then(|length| length.trim().parse().ok()),
    }
}

#[async_trait]
impl ObjectSink for Blobs {
    async fn put_if_absent(
        &self,
        place: &str,
        key: &str,
        body: Bytes,
    ) -> Result<bool, ProviderError> {
        let (client, ..) = self.open(place)?;
        let target = format!("blob {place}/{key}");
        let call = Call::write(WRITE, &target);
        let blob = client.blob_client(key);
        let written = self
            .session
            .layers
            .call(call.clone(), || async {
                let options = BlockBlobClientUploadOptions::default().if_not_exists();
                let content = RequestContent::from(body.to_vec());
                let answer = blob.upload(content, Some(options)).await;
                answer.map(drop).map_err(|e| error::of_sdk(&call, &e))
            })
            .await;
        match written {
            Ok(()) => Ok(true),
            // 409 BlobAlreadyExists, or 412 where the precondition is looked at first.
            Err(e) if e.is(ErrorKind::AlreadyExists) || e.is(ErrorKind::Conflict) => Ok(false),
            Err(e) => Err(self.session.named(e)),
        }
    }
}
