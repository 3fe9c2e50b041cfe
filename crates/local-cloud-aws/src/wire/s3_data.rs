//! Object data: bytes in, held to what was promised; bytes out, chunk by chunk.

use crate::state::s3::{Acl, Bucket, Encryption, Tag};
use crate::state::s3_objects::{Checksum, Chunk, Object};
use crate::wire::s3_acl;
use crate::wire::s3_call::S3Call;
use crate::wire::s3_checksum::{self, Algorithm};
use crate::wire::s3_configurations::check_tag;
use crate::wire::s3_error::{Refused, default_message};
use crate::wire::s3_route::parameters;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use local_cloud::Ground;
use s3s::dto::{StreamingBlob, Timestamp, TimestampFormat};
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{StdError, TrailingHeaders};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A single put, or one part, is held in memory on its way into the store. S3 takes 5 GiB;
/// larger objects come in parts.
pub const LARGEST_PUT: usize = 256 << 20;

/// Bytes that came and the checksum that goes with them.
pub struct Received {
    pub bytes: Bytes,
    pub checksum: Option<(Algorithm, String)>,
}

/// Reads a body to its end and holds it to Content-MD5 and checksum, sent before or behind.
pub async fn receive(
    call: &S3Call,
    body: Option<StreamingBlob>,
    trailers: Option<TrailingHeaders>,
) -> Result<Received, Refused> {
    let mut bytes = BytesMut::new();
    if let Some(mut body) = body {
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|cause| broken(&cause))?;
            if bytes.len() + piece.len() > LARGEST_PUT {
                let message = "Your proposed upload exceeds the maximum allowed size";
                return Err(Refused::new("EntityTooLarge", 400, message));
            }
            bytes.extend_from_slice(&piece);
        }
    }
    let bytes = bytes.freeze();
    s3_checksum::verify_md5(&call.headers, &bytes)?;
    let behind = trailers.and_then(|trailers| trailers.take()).unwrap_or_default();
    let checksum = match s3_checksum::sent(&call.headers)? {
        Some(sent) => Some(sent),
        None => s3_checksum::sent(&behind)?,
    };
    if let Some((algorithm, value)) = &checksum {
        s3_checksum::verify(*algorithm, value, &bytes)?;
    }
    Ok(Received { bytes, checksum })
}

/// What was wrong with a body that could not be read to its end. The protocol layer's error
/// types are its own; their texts are what can be asked.
fn broken(cause: &StdError) -> Refused {
    let text = cause.to_string();
    let with = |code: &str, status| Refused::new(code, status, default_message(code));
    if text.contains("Sha256Mismatch") {
        s3_checksum::content_mismatch()
    } else if text.contains("SignatureMismatch") {
        with("SignatureDoesNotMatch", 403)
    } else {
        with("IncompleteBody", 400)
    }
}

/// Headers that are kept with an object and come back as they were.
const KEPT: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];
const METADATA: &str = "x-amz-meta-";
/// "The user-defined metadata is limited to 2 KB in size."
const MOST_METADATA: usize = 2 * 1024;

/// How an object is to be described and kept, as the request says.
pub struct Described {
    pub headers: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
    pub tags: Vec<Tag>,
    pub storage_class: String,
    pub encryption: Encryption,
    pub acl: Acl,
}

pub fn describe(call: &S3Call, bucket: &Bucket, block_acls: bool) -> Result<Described, Refused> {
    if call.headers.contains_key("x-amz-server-side-encryption-customer-algorithm") {
        return Err(Refused::not_implemented("Encryption with customer-provided keys"));
    }
    let mut headers: BTreeMap<String, String> = KEPT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), call.header(name)?.to_owned())))
        .collect();
    // `aws-chunked` is how it was sent, not what it is.
    if let Some(encoding) = headers.remove("content-encoding") {
        let own: Vec<&str> =
            encoding.split(',').map(str::trim).filter(|e| *e != "aws-chunked").collect();
        if !own.is_empty() {
            headers.insert("content-encoding".to_owned(), own.join(","));
        }
    }
    headers.entry("content-type".to_owned()).or_insert_with(|| "binary/octet-stream".to_owned());
    let mut metadata = BTreeMap::new();
    for (name, value) in &call.headers {
        if let (Some(key), Ok(value)) = (name.as_str().strip_prefix(METADATA), value.to_str()) {
            metadata.insert(key.to_owned(), value.to_owned());
        }
    }
    if metadata.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > MOST_METADATA {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(Refused::new("MetadataTooLarge", 400, message));
    }
    let tags = call.header("x-amz-tagging").map(read_tags).transpose()?.unwrap_or_default();
    let owner = bucket.owner();
    let acl = match s3_acl::of_request(call, None, &owner, &owner)? {
        Some(acl) => {
            s3_acl::permitted(&acl, call.header("x-amz-acl"), bucket, block_acls)?;
            acl
        }
        None => Acl::private(&owner),
    };
    Ok(Described {
        headers,
        metadata,
        tags,
        storage_class: storage_class(call)?,
        encryption: encryption(call, bucket)?,
        acl,
    })
}

/// `key=value&key=value`, as a query is written.
fn read_tags(text: &str) -> Result<Vec<Tag>, Refused> {
    let mut tags: Vec<Tag> = Vec::new();
    for (key, value) in parameters(text) {
        let tag = Tag { key, value };
        check_tag(&tag)?;
        if tags.iter().any(|known| known.key == tag.key) {
            let message = "Cannot provide multiple Tags with the same key";
            return Err(Refused::new("InvalidTag", 400, message));
        }
        tags.push(tag);
    }
    if tags.len() > 10 {
        let message = "Object tags cannot be greater than 10";
        return Err(Refused::new("BadRequest", 400, message));
    }
    Ok(tags)
}

fn storage_class(call: &S3Call) -> Result<String, Refused> {
    const CLASSES: [&str; 9] = [
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "GLACIER_IR",
        "EXPRESS_ONEZONE",
    ];
    let class = call.header("x-amz-storage-class").unwrap_or("STANDARD");
    if CLASSES.contains(&class) {
        return Ok(class.to_owned());
    }
    let message = "The storage class you specified is not valid";
    Err(Refused::new("InvalidStorageClass", 400, message))
}

fn encryption(call: &S3Call, bucket: &Bucket) -> Result<Encryption, Refused> {
    let Some(algorithm) = call.header("x-amz-server-side-encryption") else {
        return Ok(bucket.encryption.clone());
    };
    if !["AES256", "aws:kms", "aws:kms:dsse"].contains(&algorithm) {
        let message = "The encryption method specified is not supported";
        return Err(Refused::new("InvalidEncryptionAlgorithmError", 400, message));
    }
    let key = call.header("x-amz-server-side-encryption-aws-kms-key-id").map(str::to_owned);
    let bucket_key = call.header("x-amz-server-side-encryption-bucket-key-enabled") == Some("true");
    Ok(Encryption { algorithm: algorithm.to_owned(), kms_key: key, bucket_key })
}

/// The answer headers that tell how an object is encrypted.
pub fn encryption_headers(encryption: &Encryption) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, "x-amz-server-side-encryption", &encryption.algorithm);
    if let Some(key) = &encryption.kms_key {
        set(&mut headers, "x-amz-server-side-encryption-aws-kms-key-id", key);
    }
    if encryption.bucket_key && encryption.algorithm.starts_with("aws:kms") {
        set(&mut headers, "x-amz-server-side-encryption-bucket-key-enabled", "true");
    }
    headers
}

/// The answer header of a checksum.
pub fn checksum_headers(headers: &mut HeaderMap, checksum: &Checksum) {
    let name = format!("x-amz-checksum-{}", checksum.algorithm.to_ascii_lowercase());
    set(headers, &name, &checksum.value);
    let kind = if checksum.composite { "COMPOSITE" } else { "FULL_OBJECT" };
    set(headers, "x-amz-checksum-type", kind);
}

pub fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) =
        (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
    {
        headers.insert(name, value);
    }
}

/// `Thu, 01 Jan 2026 00:00:00 GMT`
pub fn http_date(moment: model::Timestamp) -> String {
    let mut text = Vec::new();
    // Years of four digits are all that a clock here can show.
    let _ = Timestamp::from(moment.inner()).format(TimestampFormat::HttpDate, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Everything that GET and HEAD say about an object in headers.
pub fn object_headers(bucket: &Bucket, object: &Object, checksums: bool) -> HeaderMap {
    let mut headers = encryption_headers(&object.encryption);
    for (name, value) in &object.headers {
        set(&mut headers, name, value);
    }
    for (key, value) in &object.metadata {
        set(&mut headers, &format!("{METADATA}{key}"), value);
    }
    set(&mut headers, "etag", &format!("\"{}\"", object.etag));
    set(&mut headers, "last-modified", &http_date(object.modified));
    set(&mut headers, "accept-ranges", "bytes");
    if let Some(version) = shown_version(bucket, object) {
        set(&mut headers, "x-amz-version-id", &version);
    }
    if object.storage_class != "STANDARD" {
        set(&mut headers, "x-amz-storage-class", &object.storage_class);
    }
    if !object.tags.is_empty() {
        set(&mut headers, "x-amz-tagging-count", &object.tags.len().to_string());
    }
    if let Some(checksum) = object.checksum.as_ref().filter(|_| checksums) {
        checksum_headers(&mut headers, checksum);
    }
    headers
}

/// Answers name the version where the bucket has, or had, versions.
pub fn shown_version(bucket: &Bucket, object: &Object) -> Option<String> {
    use crate::state::s3::Versioning;
    match bucket.versioning {
        Versioning::Unset => None,
        _ => Some(object.version_id().to_owned()),
    }
}

/// The bytes of a range of chunks, read as they are asked for.
pub struct Stored {
    ground: Arc<Ground>,
    queue: VecDeque<(String, Range<usize>)>,
    remaining: usize,
}

impl Stored {
    pub fn new(ground: Arc<Ground>, chunks: &[Chunk], range: Range<u64>) -> Stored {
        let mut queue = VecDeque::new();
        let (mut start, mut remaining) = (0, 0);
        for chunk in chunks {
            let end = start + chunk.size;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                let place = |at: u64| usize::try_from(at - start).unwrap_or(usize::MAX);
                queue.push_back((chunk.blob.clone(), place(from)..place(to)));
                remaining += place(to) - place(from);
            }
            start = end;
        }
        Stored { ground, queue, remaining }
    }
}

impl Stream for Stored {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some((blob, range)) = self.queue.pop_front() else { return Poll::Ready(None) };
        self.remaining -= range.len();
        Poll::Ready(Some(match self.ground.store.blob(&blob) {
            Ok(bytes) => {
                let bytes = bytes.get(range).unwrap_or_default();
                Ok(Bytes::copy_from_slice(bytes))
            }
            Err(cause) => Err(Box::new(cause)),
        }))
    }
}

impl ByteStream for Stored {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(self.remaining)
    }
}
