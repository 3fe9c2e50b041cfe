//! Cloud Storage objects: states and logs to fetch, and places to write to once.

use crate::error;
use crate::policy::BucketName;
use crate::session::{GcpSession, Service};
use async_trait::async_trait;
use bytes::Bytes;
use model::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use provider::layers::Call;
use provider::{ErrorKind, ObjectInfo, ObjectSink, ObjectSource, ProviderError};
use serde::Deserialize;
use std::sync::Arc;

/// What need not be escaped in the path of an object's public URL.
pub(crate) const IN_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// One page of a listing is far smaller.
const LARGEST_PAGE: usize = 64 << 20;
/// A thousand objects each: an endpoint that never ends its list.
const MOST_PAGES: usize = 100_000;

pub struct CloudStorage {
    session: Arc<GcpSession>,
}

impl CloudStorage {
    pub fn new(session: Arc<GcpSession>) -> Self {
        CloudStorage { session }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Page {
    items: Vec<Object>,
    next_page_token: String,
}

/// 64-bit numbers are texts in this API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    name: String,
    size: String,
    generation: String,
    updated: Option<Timestamp>,
}

fn bucket_name(place: &str) -> Result<BucketName, ProviderError> {
    BucketName::parse(place).ok_or_else(|| {
        ProviderError::new(ErrorKind::Invalid, "storage.objects.list", place)
            .because("this is no bucket's name")
    })
}

impl GcpSession {
    async fn object_page(
        &self,
        bucket: &BucketName,
        prefix: &str,
        token: &str,
        size: &str,
    ) -> Result<Page, ProviderError> {
        let target = bucket.to_string();
        let call = Call::read("storage.objects.list", &target);
        let url = self.url(Service::Storage, &format!("/storage/v1/b/{}/o", bucket.as_str()));
        let mut query = vec![
            ("maxResults", size),
            ("projection", "noAcl"),
            ("fields", "items(name,size,generation,updated),nextPageToken"),
        ];
        let optional = [("prefix", prefix), ("pageToken", token)];
        query.extend(optional.into_iter().filter(|(_, v)| !v.is_empty()));
        let body = self
            .rest(&self.layers, call.clone(), LARGEST_PAGE, |http| http.get(&url).query(&query))
            .await?;
        serde_json::from_slice(&body)
            .map_err(|e| call.error(ErrorKind::Malformed).because(e.to_string()))
    }

    /// The name of some object, if there is any.
    pub(crate) async fn first_object(
        &self,
        bucket: &BucketName,
    ) -> Result<Option<String>, ProviderError> {
        let page = self.object_page(bucket, "", "", "1").await?;
        Ok(page.items.into_iter().next().map(|o| o.name))
    }
}

#[async_trait]
impl ObjectSource for CloudStorage {
    fn scheme(&self) -> &'static str {
        "gs"
    }

    async fn list(&self, place: &str, prefix: &str) -> Result<Vec<ObjectInfo>, ProviderError> {
        let bucket = bucket_name(place)?;
        let (mut all, mut token) = (Vec::new(), String::new());
        for _ in 0..MOST_PAGES {
            let page = self.session.object_page(&bucket, prefix, &token, "1000").await?;
            all.extend(page.items.into_iter().map(|o| ObjectInfo {
                size: o.size.parse().unwrap_or_default(),
                modified: o.updated,
                version: o.generation,
                key: o.name,
            }));
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            token = page.next_page_token;
        }
        Err(ProviderError::new(ErrorKind::Malformed, "storage.objects.list", bucket.to_string())
            .because("the list does not end"))
    }

    async fn get(&self, place: &str, key: &str, limit: u64) -> Result<Bytes, ProviderError> {
        let bucket = bucket_name(place)?;
        let target = format!("gs://{}/{key}", bucket.as_str());
        let call = Call::read("storage.objects.get", &target);
        let session = &self.session;
        let large = |size: u64| {
            call.error(ErrorKind::Invalid)
                .because(format!("it has {size} bytes or more; the limit is {limit}"))
        };
        let told = |e| error::of_sdk(&call, &session.by(), &e);
        session
            .layers
            .call(call.clone(), || async {
                let request = session.storage.read_object(bucket.resource(), key);
                let asked = request.with_user_agent(session.user_agent()).send();
                let mut answer = asked.await.map_err(told)?;
                let size = u64::try_from(answer.object().size).unwrap_or_default();
                if size > limit {
                    return Err(large(size));
                }
                let mut body = Vec::new();
                while let Some(chunk) = answer.next().await {
                    body.extend_from_slice(&chunk.map_err(told)?);
                    // One that is unpacked on its way has more bytes than its size.
                    if body.len() as u64 > limit {
                        return Err(large(body.len() as u64));
                    }
                }
                Ok(Bytes::from(body))
            })
            .await
    }
}

#[async_trait]
impl ObjectSink for CloudStorage {
    /// Generation 0 is that of an object that is not there.
    async fn put_if_absent(
        &self,
        place: &str,
        key: &str,
        body: Bytes,
    ) -> Result<bool, ProviderError> {
        let bucket = bucket_name(place)?;
        let target = format!("gs://{}/{key}", bucket.as_str());
        let session = &self.session;
        let storage = &session.storage;
        let written = session
            .sdk(Call::write("storage.objects.create", &target), || {
                let request = storage.write_object(bucket.resource(), key, body.clone());
                let request =
                    request.set_if_generation_match(0_i64).with_user_agent(session.user_agent());
                request.send_buffered()
            })
            .await;
        match written {
            Ok(_) => Ok(true),
            Err(error) if error.is(ErrorKind::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
