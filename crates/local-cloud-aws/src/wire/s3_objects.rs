//! Objects: put, get, head, delete, copy.

use crate::state::s3::Bucket;
use crate::state::s3_objects::{Checksum, Chunk, Object};
use crate::state::{s3, s3_objects as state};
use crate::wire::s3_access::{self, Need, for_version};
use crate::wire::s3_buckets::{bucket, time};
use crate::wire::s3_call::S3Call;
use crate::wire::s3_checksum::{self, Algorithm};
use crate::wire::s3_data::{self, Described, Received, Stored, http_date, set, shown_version};
use crate::wire::s3_error::Refused;
use http::{HeaderMap, StatusCode};
use local_cloud::View;
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp,
};
use s3s::{S3Error, S3Request, S3Response};
use std::ops::Range;
use std::sync::Arc;

/// An object out of what came and how it is described.
pub fn assemble(call: &S3Call, key: &str, described: Described, bytes: &[u8]) -> Object {
    Object {
        key: key.to_owned(),
        version: None,
        sequence: 0,
        delete_marker: false,
        modified: call.time,
        size: bytes.len() as u64,
        etag: hex::encode(s3_checksum::md5(bytes)),
        content: Vec::new(),
        multipart: false,
        headers: described.headers,
        metadata: described.metadata,
        tags: described.tags,
        checksum: None,
        storage_class: described.storage_class,
        encryption: described.encryption,
        acl: described.acl,
    }
}

/// Holds a conditional write to its condition: put if absent, put if unchanged.
pub fn check_write(
    view: &View<'_>,
    bucket: &str,
    key: &str,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> Result<(), Refused> {
    let current = state::newest(view, bucket, key).filter(|object| !object.delete_marker);
    if let Some(condition) = if_none_match {
        if !condition.is_any() {
            return Err(Refused::not_implemented("If-None-Match with an ETag on a write"));
        }
        if current.is_some() {
            return Err(Refused::precondition_failed());
        }
    }
    if let Some(condition) = if_match {
        let object = current.ok_or_else(Refused::no_such_key)?;
        if !matches(condition, &object.etag) {
            return Err(Refused::precondition_failed());
        }
    }
    Ok(())
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    condition.is_any() || condition.as_etag().is_some_and(|asked| asked.value() == etag)
}

pub async fn put_object(
    call: &Arc<S3Call>,
    request: S3Request<PutObjectInput>,
) -> Result<S3Response<PutObjectOutput>, S3Error> {
    let S3Request { input, trailing_headers, .. } = request;
    let Received { bytes, checksum } = s3_data::receive(call, input.body, trailing_headers).await?;
    let place = call.read(|view| bucket(view, &input.bucket))?;
    let block = call.read(|view| Ok(s3::effective_block(view, &place)))?.block_public_acls;
    let described = s3_data::describe(call, &place, block)?;
    let mut object = assemble(call, &input.key, described, &bytes);
    // Who sends none gets S3's own default.
    let (algorithm, value) =
        checksum.unwrap_or_else(|| (Algorithm::Crc64Nvme, Algorithm::Crc64Nvme.of(&bytes)));
    let algorithm = algorithm.name().to_owned();
    object.checksum = Some(Checksum { algorithm, value, composite: false });
    let blob = call.ground.store.put_blob(&bytes).map_err(Refused::from)?;
    object.content = vec![Chunk { blob, size: object.size }];
    let headers = s3_data::encryption_headers(&object.encryption);
    let (place, stored) = call.change_answering(
        |tx| {
            let place = bucket(&tx.view(), &input.bucket)?;
            let (if_match, if_none) = (input.if_match.as_ref(), input.if_none_match.as_ref());
            check_write(&tx.view(), &input.bucket, &input.key, if_match, if_none)?;
            let stored = state::put(tx, &place, object);
            Ok((place, stored))
        },
        |_| (headers.clone(), 0),
    )?;
    let mut headers = headers;
    set(&mut headers, "etag", &format!("\"{}\"", stored.etag));
    if let Some(version) = shown_version(&place, &stored) {
        set(&mut headers, "x-amz-version-id", &version);
    }
    if let Some(checksum) = &stored.checksum {
        s3_data::checksum_headers(&mut headers, checksum);
    }
    Ok(S3Response::with_headers(PutObjectOutput::default(), headers))
}

/// The object or version that a call is about, and its bucket. Whether an object is missing
/// is told only to who may list.
pub fn find(
    call: &S3Call,
    view: &View<'_>,
    name: &str,
    key: &str,
    version: Option<&str>,
) -> Result<(Bucket, Object), Refused> {
    let place = bucket(view, name)?;
    let may_list = || s3_access::allowed(call, view, &Need::on_bucket("s3:ListBucket", name));
    let found = match version {
        Some(id) => state::version(view, name, key, id).ok_or_else(Refused::no_such_version),
        None => state::newest(view, name, key).ok_or_else(Refused::no_such_key),
    };
    match found {
        Ok(object) => Ok((place, object)),
        Err(missing) => Err(may_list().map_or_else(|_| Refused::access_denied(), |()| missing)),
    }
}

/// A delete marker has no content: S3 says so with headers of its own.
fn refuse_marker(place: &Bucket, object: &Object, by_version: bool) -> Result<(), S3Error> {
    if !object.delete_marker {
        return Ok(());
    }
    let refused = match by_version {
        true => Refused::new(
            "MethodNotAllowed",
            405,
            "The specified method is not allowed against this resource.",
        ),
        false => Refused::no_such_key(),
    };
    let mut headers = HeaderMap::new();
    set(&mut headers, "x-amz-delete-marker", "true");
    if let Some(version) = shown_version(place, object) {
        set(&mut headers, "x-amz-version-id", &version);
    }
    if by_version {
        set(&mut headers, "allow", "DELETE");
        set(&mut headers, "last-modified", &http_date(object.modified));
    }
    let mut error = S3Error::from(refused);
    error.set_headers(headers);
    Err(error)
}

/// The conditions of a read, in the order of RFC 9110 section 13.2.2.
struct Conditions<'a> {
    if_match: Option<&'a ETagCondition>,
    if_none_match: Option<&'a ETagCondition>,
    if_modified_since: Option<&'a Timestamp>,
    if_unmodified_since: Option<&'a Timestamp>,
}

impl Conditions<'_> {
    fn check(&self, place: &Bucket, object: &Object) -> Result<(), S3Error> {
        let modified = time_in_seconds(object);
        let failed = match (self.if_match, self.if_unmodified_since) {
            (Some(condition), _) => !matches(condition, &object.etag),
            (None, Some(since)) => modified > *since,
            (None, None) => false,
        };
        if failed {
            return Err(Refused::precondition_failed().into());
        }
        let unchanged = match (self.if_none_match, self.if_modified_since) {
            (Some(condition), _) => matches(condition, &object.etag),
            (None, Some(since)) => modified <= *since,
            (None, None) => false,
        };
        if !unchanged {
            return Ok(());
        }
        let mut error = S3Error::from(Refused::new("NotModified", 304, "Not Modified"));
        error.set_headers(s3_data::object_headers(place, object, false));
        Err(error)
    }
}

/// HTTP dates have no fractions of a second.
fn time_in_seconds(object: &Object) -> Timestamp {
    let whole = model::Timestamp::from_unix(object.modified.unix()).unwrap_or(object.modified);
    time(whole)
}

/// The bytes that are asked for.
struct Portion {
    range: Range<u64>,
    content_range: Option<String>,
    /// How many parts there are, where one is asked for by number.
    parts: Option<usize>,
}

fn portion(
    object: &Object,
    range: Option<s3s::dto::Range>,
    part: Option<i32>,
) -> Result<Portion, Refused> {
    let unsatisfiable =
        || Refused::new("InvalidRange", 416, "The requested range is not satisfiable");
    let told = |range: &Range<u64>| {
        format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), object.size)
    };
    match (range, part) {
        (Some(_), Some(_)) => {
            let message = "Cannot specify both Range header and partNumber query parameter";
            Err(Refused::new("InvalidRequest", 400, message))
        }
        (Some(range), None) => {
            let range = range.check(object.size).map_err(|_| unsatisfiable())?;
            let content_range = told(&range);
            Ok(Portion { range, content_range: Some(content_range), parts: None })
        }
        (None, Some(number)) => {
            let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
            let index = index.ok_or_else(|| {
                Refused::invalid_argument(
                    "Part number must be an integer between 1 and 10000, inclusive",
                )
            })?;
            let chunk = object.content.get(index).ok_or_else(|| {
                let message = "The requested partnumber is not satisfiable";
                Refused::new("InvalidPartNumber", 416, message)
            })?;
            let start = object.content.iter().take(index).map(|chunk| chunk.size).sum();
            let range = start..start + chunk.size;
            let parts = object.multipart.then_some(object.content.len());
            let content_range = (object.size > 0).then(|| told(&range));
            Ok(Portion { range, content_range, parts })
        }
        (None, None) => Ok(Portion { range: 0..object.size, content_range: None, parts: None }),
    }
}

pub fn get_object(
    call: &Arc<S3Call>,
    input: GetObjectInput,
) -> Result<S3Response<GetObjectOutput>, S3Error> {
    let overrides = input.response_content_type.is_some()
        || input.response_content_disposition.is_some()
        || input.response_content_encoding.is_some()
        || input.response_content_language.is_some()
        || input.response_cache_control.is_some()
        || input.response_expires.is_some();
    if overrides && call.principal.is_anonymous() {
        let message = "Request specific response headers cannot be used for anonymous GET \
                       requests.";
        return Err(Refused::new("InvalidRequest", 400, message).into());
    }
    let version = input.version_id.as_deref();
    let (place, object) = call.read(|view| find(call, view, &input.bucket, &input.key, version))?;
    refuse_marker(&place, &object, version.is_some())?;
    let conditions = Conditions {
        if_match: input.if_match.as_ref(),
        if_none_match: input.if_none_match.as_ref(),
        if_modified_since: input.if_modified_since.as_ref(),
        if_unmodified_since: input.if_unmodified_since.as_ref(),
    };
    conditions.check(&place, &object)?;
    let Portion { range, content_range, parts } = portion(&object, input.range, input.part_number)?;
    // A checksum is of the whole, so it goes with the whole.
    let checksums = input.checksum_mode.is_some() && content_range.is_none();
    let mut headers = s3_data::object_headers(&place, &object, checksums);
    if let Some(parts) = parts {
        set(&mut headers, "x-amz-mp-parts-count", &parts.to_string());
    }
    let length = i64::try_from(range.end - range.start).unwrap_or(i64::MAX);
    let stored = Stored::new(call.ground.clone(), &object.content, range);
    let output = GetObjectOutput {
        body: Some(StreamingBlob::new(stored)),
        content_length: Some(length),
        content_range,
        ..GetObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

pub fn head_object(
    call: &Arc<S3Call>,
    input: HeadObjectInput,
) -> Result<S3Response<HeadObjectOutput>, S3Error> {
    let version = input.version_id.as_deref();
    let (place, object) = call.read(|view| find(call, view, &input.bucket, &input.key, version))?;
    refuse_marker(&place, &object, version.is_some())?;
    let conditions = Conditions {
        if_match: input.if_match.as_ref(),
        if_none_match: input.if_none_match.as_ref(),
        if_modified_since: input.if_modified_since.as_ref(),
        if_unmodified_since: input.if_unmodified_since.as_ref(),
    };
    conditions.check(&place, &object)?;
    let Portion { range, content_range, parts } = portion(&object, input.range, input.part_number)?;
    let checksums = input.checksum_mode.is_some() && content_range.is_none();
    let mut headers = s3_data::object_headers(&place, &object, checksums);
    if let Some(parts) = parts {
        set(&mut headers, "x-amz-mp-parts-count", &parts.to_string());
    }
    let partial = content_range.is_some();
    let output = HeadObjectOutput {
        content_length: Some(i64::try_from(range.end - range.start).unwrap_or(i64::MAX)),
        content_range,
        ..HeadObjectOutput::default()
    };
    let mut response = S3Response::with_headers(output, headers);
    response.status = partial.then_some(StatusCode::PARTIAL_CONTENT);
    Ok(response)
}

pub fn delete_object(
    call: &S3Call,
    input: DeleteObjectInput,
) -> Result<DeleteObjectOutput, Refused> {
    let deleted = call.change(|tx| {
        let place = bucket(&tx.view(), &input.bucket)?;
        if let Some(condition) = &input.if_match {
            check_write(&tx.view(), &input.bucket, &input.key, Some(condition), None)?;
        }
        let version = input.version_id.as_deref();
        Ok(state::delete(tx, &place, &input.key, version, call.time))
    })?;
    Ok(DeleteObjectOutput {
        delete_marker: deleted.delete_marker.then_some(true),
        version_id: deleted.version,
        ..DeleteObjectOutput::default()
    })
}

/// "The request can contain a list of up to 1,000 keys."
const MOST_DELETED: usize = 1_000;

pub fn delete_objects(
    call: &S3Call,
    input: DeleteObjectsInput,
) -> Result<DeleteObjectsOutput, Refused> {
    if input.delete.objects.is_empty() || input.delete.objects.len() > MOST_DELETED {
        return Err(Refused::malformed_xml());
    }
    let quiet = input.delete.quiet.unwrap_or_default();
    call.change_answering(
        |tx| {
            let place = bucket(&tx.view(), &input.bucket)?;
            let (mut deleted, mut errors) = (Vec::new(), Vec::new());
            for object in &input.delete.objects {
                let version = object.version_id.as_deref();
                let action = for_version("s3:DeleteObject", version);
                let need = Need::on_object(&action, &input.bucket, &object.key, version);
                if let Err(Refused(error)) = s3_access::allowed(call, &tx.view(), &need) {
                    errors.push(s3s::dto::Error {
                        code: Some(error.code),
                        key: Some(object.key.clone()),
                        message: Some(error.message),
                        version_id: object.version_id.clone(),
                    });
                    continue;
                }
                let done = state::delete(tx, &place, &object.key, version, call.time);
                if quiet {
                    continue;
                }
                deleted.push(DeletedObject {
                    key: Some(object.key.clone()),
                    version_id: object.version_id.clone(),
                    delete_marker: done.delete_marker.then_some(true),
                    delete_marker_version_id: done.version.filter(|_| done.delete_marker),
                });
            }
            Ok(DeleteObjectsOutput {
                deleted: Some(deleted),
                errors: Some(errors),
                ..DeleteObjectsOutput::default()
            })
        },
        |output| (HeaderMap::new(), document_length(output)),
    )
}

/// How long an answer's document will be.
pub fn document_length<T: s3s::xml::Serialize>(output: &T) -> u64 {
    let mut bytes = Vec::new();
    let mut serializer = s3s::xml::Serializer::new(&mut bytes);
    let written = serializer.decl().and_then(|()| output.serialize(&mut serializer));
    written.map_or(0, |()| bytes.len() as u64)
}

/// The source of a copy: a bucket's object. The other forms belong to access points.
pub fn copy_source(source: &CopySource) -> Result<(&str, &str, Option<&str>), Refused> {
    match source {
        CopySource::Bucket { bucket, key, version_id } => Ok((bucket, key, version_id.as_deref())),
        _ => Err(Refused::not_implemented("CopyObject from an access point")),
    }
}

pub fn copy_object(
    call: &Arc<S3Call>,
    input: CopyObjectInput,
) -> Result<S3Response<CopyObjectOutput>, S3Error> {
    let (from, from_key, from_version) = copy_source(&input.copy_source)?;
    let (source_place, source) =
        call.read(|view| find(call, view, from, from_key, from_version))?;
    if source.delete_marker {
        return Err(match from_version {
            Some(_) => Refused::new("InvalidRequest", 400, "The source of a copy request may not specifically refer to a delete marker by version id."),
            None => Refused::no_such_key(),
        }
        .into());
    }
    let conditions = Conditions {
        if_match: input.copy_source_if_match.as_ref(),
        if_none_match: input.copy_source_if_none_match.as_ref(),
        if_modified_since: input.copy_source_if_modified_since.as_ref(),
        if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
    };
    // A copy has no 304: what does not hold fails.
    conditions.check(&source_place, &source).map_err(|_| Refused::precondition_failed())?;
    let place = call.read(|view| bucket(view, &input.bucket))?;
    let block = call.read(|view| Ok(s3::effective_block(view, &place)))?.block_public_acls;
    let replace = |directive: Option<&str>| directive == Some("REPLACE");
    let replaces = replace(input.metadata_directive.as_ref().map(|d| d.as_str()));
    let itself = from == input.bucket && from_key == input.key && from_version.is_none();
    let changes =
        ["x-amz-storage-class", "x-amz-server-side-encryption", "x-amz-website-redirect-location"];
    if itself && !replaces && !changes.iter().any(|name| call.headers.contains_key(*name)) {
        let message = "This copy request is illegal because it is trying to copy an object to \
                       itself without changing the object's metadata, storage class, website \
                       redirect location or encryption attributes.";
        return Err(Refused::new("InvalidRequest", 400, message).into());
    }
    let mut described = s3_data::describe(call, &place, block)?;
    if !replaces {
        described.headers = source.headers.clone();
        described.metadata = source.metadata.clone();
    }
    if !replace(input.tagging_directive.as_ref().map(|d| d.as_str())) {
        described.tags = source.tags.clone();
    }
    let mut object = assemble(call, &input.key, described, &[]);
    object.size = source.size;
    object.content = source.content.clone();
    // A copy of an object in parts is one object again, with the sum of its bytes.
    object.etag = match source.multipart {
        true => hex::encode(s3_checksum::md5_of_pieces(pieces(call, &source.content))?),
        false => source.etag.clone(),
    };
    object.checksum = source.checksum.clone().filter(|checksum| !checksum.composite);
    let headers = s3_data::encryption_headers(&object.encryption);
    let result = |stored: &Object| CopyObjectResult {
        e_tag: Some(ETag::Strong(stored.etag.clone())),
        last_modified: Some(time(stored.modified)),
        ..CopyObjectResult::default()
    };
    let (place, stored) = call.change_answering(
        |tx| {
            let place = bucket(&tx.view(), &input.bucket)?;
            let stored = state::put(tx, &place, object);
            Ok((place, stored))
        },
        |(_, stored)| (headers.clone(), document_length(&result(stored))),
    )?;
    let mut headers = headers;
    if let Some(version) = shown_version(&place, &stored) {
        set(&mut headers, "x-amz-version-id", &version);
    }
    if let Some(version) = shown_version(&source_place, &source) {
        set(&mut headers, "x-amz-copy-source-version-id", &version);
    }
    let output = CopyObjectOutput {
        copy_object_result: Some(result(&stored)),
        ..CopyObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// The bytes of chunks, one after the other.
pub fn pieces<'a>(
    call: &'a S3Call,
    chunks: &'a [Chunk],
) -> impl Iterator<Item = Result<Arc<Vec<u8>>, Refused>> + 'a {
    chunks.iter().map(|chunk| call.ground.store.blob(&chunk.blob).map_err(Refused::from))
}
