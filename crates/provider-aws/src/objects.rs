//! S3 objects: states, logs and policies are fetched here; records are written once.

use crate::s3::Bucket;
use crate::session::AwsSession;
use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;
use bytes::{Bytes, BytesMut};
use model::Timestamp;
use provider::layers::Call;
use provider::object_source::{ObjectInfo, ObjectSink, ObjectSource};
use provider::{ErrorKind, ProviderError};
use std::sync::Arc;

pub struct S3Objects {
    session: Arc<AwsSession>,
}

impl S3Objects {
    pub fn new(session: Arc<AwsSession>) -> Self {
        S3Objects { session }
    }
}

#[async_trait]
impl ObjectSource for S3Objects {
    fn scheme(&self) -> &'static str {
        "s3"
    }

    async fn list(&self, place: &str, prefix: &str) -> Result<Vec<ObjectInfo>, ProviderError> {
        let bucket = Bucket::new(&self.session, place, None);
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = bucket
                .read("ListObjectsV2", |client| {
                    client
                        .list_objects_v2()
                        .bucket(place)
                        .prefix(prefix)
                        // A key may hold what XML cannot: one such object would make the
                        // whole listing unreadable.
                        .encoding_type(EncodingType::Url)
                        .set_continuation_token(token.clone())
                        .send()
                })
                .await?;
            let encoded = page.encoding_type() == Some(&EncodingType::Url);
            all.extend(page.contents().iter().filter_map(|object| info(object, encoded)));
            match page.next_continuation_token() {
                Some(next) if page.is_truncated() == Some(true) => token = Some(next.to_owned()),
                _ => return Ok(all),
            }
        }
    }

    async fn get(&self, place: &str, key: &str, limit: u64) -> Result<Bytes, ProviderError> {
        let target = format!("s3://{place}/{key}");
        let call = Call::read("s3:GetObject", &target);
        let bucket = Bucket::new(&self.session, place, None);
        let answer = bucket
            .call(call.clone(), &[], |client| client.get_object().bucket(place).key(key).send())
            .await?;
        let answer = answer.ok_or_else(|| call.error(ErrorKind::NotFound))?;
        let too_large = || {
            call.error(ErrorKind::Invalid)
                .because(format!("larger than {limit} bytes"))
                .next_step("is this the object that you mean?")
        };
        if answer.content_length().is_some_and(|n| u64::try_from(n).is_ok_and(|n| n > limit)) {
            return Err(too_large());
        }
        let mut body = answer.body;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|e| {
                call.error(ErrorKind::Unreachable).because(format!("the answer was cut off: {e}"))
            })?;
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }
}

/// As S3 encodes the keys of a listing: a blank is a plus.
fn decoded(key: &str) -> String {
    let blanks = key.replace('+', " ");
    percent_encoding::percent_decode_str(&blanks).decode_utf8_lossy().into_owned()
}

fn info(object: &aws_sdk_s3::types::Object, encoded: bool) -> Option<ObjectInfo> {
    let key = object.key()?;
    Some(ObjectInfo {
        key: if encoded { decoded(key) } else { key.to_owned() },
        size: object.size().and_then(|n| u64::try_from(n).ok()).unwrap_or_default(),
        modified: object
            .last_modified()
            .and_then(|t| t.to_millis().ok())
            .and_then(Timestamp::from_unix_millis),
        version: object.e_tag().unwrap_or_default().to_owned(),
    })
}

#[async_trait]
impl ObjectSink for S3Objects {
    async fn put_if_absent(
        &self,
        place: &str,
        key: &str,
        body: Bytes,
    ) -> Result<bool, ProviderError> {
        let target = format!("s3://{place}/{key}");
        let bucket = Bucket::new(&self.session, place, None);
        // Not repeated after a lost answer: it could not tell its own object from another's.
        let answer = bucket
            .call(Call::write("s3:PutObject", &target), &["PreconditionFailed"], |client| {
                client
                    .put_object()
                    .bucket(place)
                    .key(key)
                    .if_none_match("*")
                    .body(ByteStream::from(body.clone()))
                    .send()
            })
            .await?;
        Ok(answer.is_some())
    }
}
