//! Multipart uploads: begin, parts, complete, abort, lists.

use crate::state::s3;
use crate::state::s3_objects::{self, Checksum, Chunk, Object};
use crate::state::s3_uploads::{self as state, LAST_PART, Part, SMALLEST_PART, Upload};
use crate::wire::s3_acl::owner;
use crate::wire::s3_buckets::{bucket, time};
use crate::wire::s3_call::S3Call;
use crate::wire::s3_checksum::{self, Algorithm};
use crate::wire::s3_data::{self, Described, Stored, set, shown_version};
use crate::wire::s3_error::Refused;
use crate::wire::s3_listing::{Names, page_size};
use crate::wire::s3_objects::{assemble, check_write, copy_source, document_length, find, pieces};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CopyPartResult,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, Initiator,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload, Range, StorageClass, UploadPartCopyInput, UploadPartCopyOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3Request, S3Response};
use std::sync::Arc;

pub fn create_multipart_upload(
    call: &S3Call,
    input: CreateMultipartUploadInput,
) -> Result<S3Response<CreateMultipartUploadOutput>, Refused> {
    let place = call.read(|view| bucket(view, &input.bucket))?;
    let block = call.read(|view| Ok(s3::effective_block(view, &place)))?.block_public_acls;
    let described = s3_data::describe(call, &place, block)?;
    let composite = match input.checksum_type.as_ref().map(ChecksumType::as_str) {
        Some("COMPOSITE") => Some(true),
        Some("FULL_OBJECT") => Some(false),
        Some(_) => {
            return Err(Refused::invalid_argument(
                "Value for x-amz-checksum-type header is invalid.",
            ));
        }
        None => None,
    };
    let algorithm = match input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str) {
        None => None,
        Some(name) => Some(Algorithm::parse(name).ok_or_else(|| {
            let message = "Checksum algorithm provided is unsupported. Please try again with any \
                           of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";
            Refused::new("InvalidRequest", 400, message)
        })?),
    };
    // CRC64NVME is always of the whole object, the others of its parts unless asked otherwise.
    let checksum = algorithm.map(|algorithm| {
        let default = algorithm != Algorithm::Crc64Nvme;
        (algorithm.name().to_owned(), composite.unwrap_or(default))
    });
    if let Some((name, composite)) = &checksum {
        let full_only = name == "CRC64NVME" && *composite;
        let composite_only = name.starts_with("SHA") && !*composite;
        if full_only || composite_only {
            let message = format!(
                "The {} checksum type cannot be used with the {name} checksum algorithm.",
                if *composite { "COMPOSITE" } else { "FULL_OBJECT" }
            );
            return Err(Refused::new("InvalidRequest", 400, message));
        }
    }
    let mut headers = s3_data::encryption_headers(&described.encryption);
    if let Some((name, composite)) = &checksum {
        set(&mut headers, "x-amz-checksum-algorithm", name);
        let kind = if *composite { "COMPOSITE" } else { "FULL_OBJECT" };
        set(&mut headers, "x-amz-checksum-type", kind);
    }
    let upload = Upload {
        id: String::new(),
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        initiated: call.time,
        initiator: call.principal.arn(),
        headers: described.headers,
        metadata: described.metadata,
        tags: described.tags,
        storage_class: described.storage_class,
        encryption: described.encryption,
        acl: described.acl,
        checksum,
    };
    let output = |upload: &Upload| CreateMultipartUploadOutput {
        bucket: Some(upload.bucket.clone()),
        key: Some(upload.key.clone()),
        upload_id: Some(upload.id.clone()),
        ..CreateMultipartUploadOutput::default()
    };
    let begun = call.change_answering(
        |tx| {
            bucket(&tx.view(), &input.bucket)?;
            Ok(state::begin(tx, upload))
        },
        |upload| (headers.clone(), document_length(&output(upload))),
    )?;
    Ok(S3Response::with_headers(output(&begun), headers))
}

fn part_number(number: i32) -> Result<u32, Refused> {
    let wrong = || {
        Refused::invalid_argument("Part number must be an integer between 1 and 10000, inclusive")
    };
    u32::try_from(number).ok().filter(|n| (1..=LAST_PART).contains(n)).ok_or_else(wrong)
}

pub async fn upload_part(
    call: &Arc<S3Call>,
    request: S3Request<UploadPartInput>,
) -> Result<S3Response<UploadPartOutput>, S3Error> {
    let S3Request { input, trailing_headers, .. } = request;
    let number = part_number(input.part_number)?;
    let received = s3_data::receive(call, input.body, trailing_headers).await?;
    let checksum = received.checksum.map(|(algorithm, value)| (algorithm.name().to_owned(), value));
    let (bytes, id) = (received.bytes, &input.upload_id);
    let (part, upload) = keep_part(call, &input.bucket, &input.key, id, number, &bytes, checksum)?;
    let mut headers = s3_data::encryption_headers(&upload.encryption);
    set(&mut headers, "etag", &format!("\"{}\"", part.etag));
    if let Some((algorithm, value)) = &part.checksum {
        set(&mut headers, &format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase()), value);
    }
    Ok(S3Response::with_headers(UploadPartOutput::default(), headers))
}

/// Stores a part's bytes and writes it into the list of its upload.
fn keep_part(
    call: &S3Call,
    name: &str,
    key: &str,
    id: &str,
    number: u32,
    bytes: &[u8],
    checksum: Option<(String, String)>,
) -> Result<(Part, Upload), Refused> {
    let blob = call.ground.store.put_blob(bytes)?;
    call.change_answering(
        |tx| {
            bucket(&tx.view(), name)?;
            let upload =
                state::upload(&tx.view(), name, key, id).ok_or_else(Refused::no_such_upload)?;
            // What the upload promised holds for every part.
            let checksum = match (&upload.checksum, checksum) {
                (Some((wanted, _)), Some((sent, value))) if *wanted == sent => Some((sent, value)),
                (Some((wanted, _)), Some((sent, _))) => {
                    let message = format!(
                        "Checksum Type mismatch occurred, expected checksum Type: {}, actual \
                         checksum Type: {}",
                        wanted.to_ascii_lowercase(),
                        sent.to_ascii_lowercase()
                    );
                    return Err(Refused::new("InvalidRequest", 400, message));
                }
                (Some((wanted, _)), None) => {
                    Algorithm::parse(wanted).map(|a| (wanted.clone(), a.of(bytes)))
                }
                (None, sent) => sent,
            };
            let part = Part {
                number,
                modified: call.time,
                etag: hex::encode(s3_checksum::md5(bytes)),
                chunk: Chunk { blob, size: bytes.len() as u64 },
                checksum,
            };
            state::put_part(tx, &upload.id, &part);
            Ok((part, upload))
        },
        |(_, upload)| (s3_data::encryption_headers(&upload.encryption), 0),
    )
}

pub async fn upload_part_copy(
    call: &Arc<S3Call>,
    request: S3Request<UploadPartCopyInput>,
) -> Result<S3Response<UploadPartCopyOutput>, S3Error> {
    let input = request.input;
    let number = part_number(input.part_number)?;
    let (from, from_key, version) = copy_source(&input.copy_source)?;
    let (_, source) = call.read(|view| find(call, view, from, from_key, version))?;
    if source.delete_marker {
        return Err(Refused::no_such_key().into());
    }
    let range = match input.copy_source_range.as_deref() {
        None => 0..source.size,
        Some(text) => {
            let wrong = || {
                let message = "The x-amz-copy-source-range value must be of the form \
                               bytes=first-last where first and last are the zero-based offsets \
                               of the first and last bytes to copy";
                Refused::invalid_argument(message)
            };
            Range::parse(text).ok().and_then(|r| r.check(source.size).ok()).ok_or_else(wrong)?
        }
    };
    if range.end - range.start > s3_data::LARGEST_PUT as u64 {
        let message = "Your proposed upload exceeds the maximum allowed size";
        return Err(Refused::new("EntityTooLarge", 400, message).into());
    }
    let mut bytes = Vec::new();
    let mut stored = Stored::new(call.ground.clone(), &source.content, range);
    while let Some(piece) = stored.next().await {
        bytes.extend_from_slice(&piece.map_err(|_| Refused::internal())?);
    }
    let id = &input.upload_id;
    let (part, _) = keep_part(call, &input.bucket, &input.key, id, number, &bytes, None)?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            e_tag: Some(ETag::Strong(part.etag)),
            last_modified: Some(time(part.modified)),
            ..CopyPartResult::default()
        }),
        ..UploadPartCopyOutput::default()
    }))
}

/// The parts that are named, in order, each as it was uploaded.
fn chosen(named: &[CompletedPart], stored: &[Part]) -> Result<Vec<Part>, Refused> {
    let invalid = || {
        let message = "One or more of the specified parts could not be found. The part may not \
                       have been uploaded, or the specified entity tag may not match the part's \
                       entity tag.";
        Refused::new("InvalidPart", 400, message)
    };
    let mut parts: Vec<Part> = Vec::new();
    for named in named {
        let number = part_number(named.part_number.ok_or_else(Refused::malformed_xml)?)?;
        if parts.last().is_some_and(|last| last.number >= number) {
            let message = "The list of parts was not in ascending order. Parts must be ordered by \
                           part number.";
            return Err(Refused::new("InvalidPartOrder", 400, message));
        }
        let part = stored.iter().find(|part| part.number == number).ok_or_else(invalid)?;
        if named.e_tag.as_ref().is_none_or(|etag| etag.value() != part.etag) {
            return Err(invalid());
        }
        let sent = [
            (&named.checksum_crc32, "CRC32"),
            (&named.checksum_crc32c, "CRC32C"),
            (&named.checksum_crc64nvme, "CRC64NVME"),
            (&named.checksum_sha1, "SHA1"),
            (&named.checksum_sha256, "SHA256"),
        ];
        for (value, algorithm) in sent {
            let Some(value) = value else { continue };
            let known = part.checksum.as_ref().filter(|(name, _)| name == algorithm);
            if known.is_none_or(|(_, known)| known != value) {
                return Err(invalid());
            }
        }
        parts.push(part.clone());
    }
    let last = parts.len().saturating_sub(1);
    if parts.iter().take(last).any(|part| part.chunk.size < SMALLEST_PART) {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(Refused::new("EntityTooSmall", 400, message));
    }
    Ok(parts)
}

/// The object's own checksum out of its parts': of all bytes, or of the parts' checksums.
fn checksum_of(call: &S3Call, upload: &Upload, parts: &[Part]) -> Result<Checksum, Refused> {
    let (algorithm, composite) = match &upload.checksum {
        Some((name, composite)) => (Algorithm::parse(name), *composite),
        None => (Some(Algorithm::Crc64Nvme), false),
    };
    let algorithm = algorithm.ok_or_else(Refused::internal)?;
    let value = if composite {
        let mut sums = Vec::new();
        for part in parts {
            let (_, value) = part.checksum.as_ref().ok_or_else(Refused::internal)?;
            sums.extend(STANDARD.decode(value).map_err(|_| Refused::internal())?);
        }
        format!("{}-{}", algorithm.of(&sums), parts.len())
    } else {
        let chunks: Vec<Chunk> = parts.iter().map(|part| part.chunk.clone()).collect();
        algorithm.of_pieces(pieces(call, &chunks))?
    };
    Ok(Checksum { algorithm: algorithm.name().to_owned(), value, composite })
}

/// The entity tag of an object in parts: the MD5 of the parts' MD5s, and how many.
fn etag_of(parts: &[Part]) -> String {
    let sums: Vec<u8> = parts.iter().filter_map(|p| hex::decode(&p.etag).ok()).flatten().collect();
    format!("{}-{}", hex::encode(s3_checksum::md5(&sums)), parts.len())
}

pub fn complete_multipart_upload(
    call: &Arc<S3Call>,
    input: CompleteMultipartUploadInput,
) -> Result<S3Response<CompleteMultipartUploadOutput>, S3Error> {
    let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    if named.is_empty() {
        return Err(Refused::malformed_xml().into());
    }
    let (name, key, id) = (&input.bucket, &input.key, &input.upload_id);
    let (upload, parts) = call.read(|view| {
        bucket(view, name)?;
        let upload = state::upload(view, name, key, id).ok_or_else(Refused::no_such_upload)?;
        let parts = chosen(&named, &state::parts(view, id))?;
        Ok((upload, parts))
    })?;
    let checksum = checksum_of(call, &upload, &parts)?;
    let sent = [
        (&input.checksum_crc32, "CRC32"),
        (&input.checksum_crc32c, "CRC32C"),
        (&input.checksum_crc64nvme, "CRC64NVME"),
        (&input.checksum_sha1, "SHA1"),
        (&input.checksum_sha256, "SHA256"),
    ];
    for (value, algorithm) in sent {
        let Some(value) = value else { continue };
        let value = value.split('-').next().unwrap_or(value);
        let known = checksum.value.split('-').next().unwrap_or_default();
        if algorithm != checksum.algorithm || value != known {
            let message =
                format!("The {algorithm} you specified did not match the calculated checksum.");
            return Err(Refused::new("BadDigest", 400, message).into());
        }
    }
    let described = Described {
        headers: upload.headers.clone(),
        metadata: upload.metadata.clone(),
        tags: upload.tags.clone(),
        storage_class: upload.storage_class.clone(),
        encryption: upload.encryption.clone(),
        acl: upload.acl.clone(),
    };
    let mut object = assemble(call, key, described, &[]);
    object.size = parts.iter().map(|part| part.chunk.size).sum();
    object.etag = etag_of(&parts);
    object.content = parts.iter().map(|part| part.chunk.clone()).collect();
    object.multipart = true;
    object.checksum = Some(checksum);
    let headers = s3_data::encryption_headers(&object.encryption);
    let output = |object: &Object| {
        let mut output = CompleteMultipartUploadOutput {
            bucket: Some(name.clone()),
            key: Some(key.clone()),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            location: Some(format!("http://{}/{name}/{key}", call.host)),
            ..CompleteMultipartUploadOutput::default()
        };
        if let Some(checksum) = &object.checksum {
            let value = Some(checksum.value.clone());
            match checksum.algorithm.as_str() {
                "CRC32" => output.checksum_crc32 = value,
                "CRC32C" => output.checksum_crc32c = value,
                "CRC64NVME" => output.checksum_crc64nvme = value,
                "SHA1" => output.checksum_sha1 = value,
                _ => output.checksum_sha256 = value,
            }
            output.checksum_type = Some(ChecksumType::from_static(match checksum.composite {
                true => ChecksumType::COMPOSITE,
                false => ChecksumType::FULL_OBJECT,
            }));
        }
        output
    };
    let (place, stored) = call.change_answering(
        |tx| {
            let place = bucket(&tx.view(), name)?;
            // It may have been completed or aborted meanwhile.
            state::upload(&tx.view(), name, key, id).ok_or_else(Refused::no_such_upload)?;
            let (if_match, if_none) = (input.if_match.as_ref(), input.if_none_match.as_ref());
            check_write(&tx.view(), name, key, if_match, if_none)?;
            let stored = s3_objects::put(tx, &place, object);
            state::end(tx, &upload);
            Ok((place, stored))
        },
        |(_, stored)| (headers.clone(), document_length(&output(stored))),
    )?;
    let mut headers = headers;
    if let Some(version) = shown_version(&place, &stored) {
        set(&mut headers, "x-amz-version-id", &version);
    }
    Ok(S3Response::with_headers(output(&stored), headers))
}

pub fn abort_multipart_upload(
    call: &S3Call,
    input: AbortMultipartUploadInput,
) -> Result<AbortMultipartUploadOutput, Refused> {
    call.change(|tx| {
        bucket(&tx.view(), &input.bucket)?;
        let upload = state::upload(&tx.view(), &input.bucket, &input.key, &input.upload_id)
            .ok_or_else(Refused::no_such_upload)?;
        state::end(tx, &upload);
        Ok(())
    })?;
    Ok(AbortMultipartUploadOutput::default())
}

fn initiator(arn: &str) -> Initiator {
    Initiator { id: Some(arn.to_owned()), display_name: None }
}

fn checksum_asked(upload: &Upload) -> (Option<ChecksumAlgorithm>, Option<ChecksumType>) {
    let Some((name, composite)) = &upload.checksum else { return (None, None) };
    let kind = match composite {
        true => ChecksumType::COMPOSITE,
        false => ChecksumType::FULL_OBJECT,
    };
    (Some(ChecksumAlgorithm::from(name.clone())), Some(ChecksumType::from_static(kind)))
}

pub fn list_parts(call: &S3Call, input: ListPartsInput) -> Result<ListPartsOutput, Refused> {
    let limit = page_size(input.max_parts, "max-parts")?;
    let (upload, parts) = call.read(|view| {
        bucket(view, &input.bucket)?;
        let upload = state::upload(view, &input.bucket, &input.key, &input.upload_id)
            .ok_or_else(Refused::no_such_upload)?;
        Ok((upload, state::parts(view, &input.upload_id)))
    })?;
    let marker = input.part_number_marker.unwrap_or_default();
    let mut parts: Vec<Part> =
        parts.into_iter().filter(|part| i64::from(part.number) > i64::from(marker)).collect();
    let truncated = parts.len() > limit;
    parts.truncate(limit);
    let number = |part: &Part| i32::try_from(part.number).ok();
    let next = parts.last().and_then(number);
    let (checksum_algorithm, checksum_type) = checksum_asked(&upload);
    let listed = parts.iter().map(|part| {
        let mut listed = s3s::dto::Part {
            e_tag: Some(ETag::Strong(part.etag.clone())),
            last_modified: Some(time(part.modified)),
            part_number: number(part),
            size: i64::try_from(part.chunk.size).ok(),
            ..s3s::dto::Part::default()
        };
        if let Some((algorithm, value)) = &part.checksum {
            let value = Some(value.clone());
            match algorithm.as_str() {
                "CRC32" => listed.checksum_crc32 = value,
                "CRC32C" => listed.checksum_crc32c = value,
                "CRC64NVME" => listed.checksum_crc64nvme = value,
                "SHA1" => listed.checksum_sha1 = value,
                _ => listed.checksum_sha256 = value,
            }
        }
        listed
    });
    Ok(ListPartsOutput {
        parts: Some(listed.collect()),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        initiator: Some(initiator(&upload.initiator)),
        owner: Some(owner(&upload.acl.owner)),
        is_truncated: Some(truncated),
        max_parts: i32::try_from(limit).ok(),
        part_number_marker: Some(marker),
        next_part_number_marker: next,
        storage_class: Some(StorageClass::from(upload.storage_class)),
        checksum_algorithm,
        checksum_type,
        ..ListPartsOutput::default()
    })
}

pub fn list_multipart_uploads(
    call: &S3Call,
    input: ListMultipartUploadsInput,
) -> Result<ListMultipartUploadsOutput, Refused> {
    if input.delimiter.as_deref().is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(Refused::not_implemented("ListMultipartUploads with a delimiter"));
    }
    let names = Names::asked(input.encoding_type.as_ref())?;
    let limit = page_size(input.max_uploads, "max-uploads")?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let mut found = call.read(|view| {
        bucket(view, &input.bucket)?;
        Ok(state::uploads(view, &input.bucket, &prefix))
    })?;
    if let Some(marker) = input.key_marker.as_deref().filter(|marker| !marker.is_empty()) {
        let id = input.upload_id_marker.as_deref().filter(|id| !id.is_empty());
        found.retain(|upload| match (upload.key.as_str(), id) {
            (key, Some(id)) if key == marker => upload.id.as_str() > id,
            (key, _) => key > marker,
        });
    }
    let truncated = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| truncated);
    let (next_key, next_id) = (last.map(|u| names.write(&u.key)), last.map(|u| u.id.clone()));
    let uploads = found.iter().map(|upload| {
        let (checksum_algorithm, checksum_type) = checksum_asked(upload);
        MultipartUpload {
            initiated: Some(time(upload.initiated)),
            initiator: Some(initiator(&upload.initiator)),
            key: Some(names.write(&upload.key)),
            owner: Some(owner(&upload.acl.owner)),
            storage_class: Some(StorageClass::from(upload.storage_class.clone())),
            upload_id: Some(upload.id.clone()),
            checksum_algorithm,
            checksum_type,
        }
    });
    Ok(ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        bucket: Some(input.bucket),
        prefix: Some(names.write(&prefix)),
        key_marker: input.key_marker.map(|marker| names.write(&marker)),
        upload_id_marker: input.upload_id_marker,
        next_key_marker: next_key,
        next_upload_id_marker: next_id,
        max_uploads: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    })
}
