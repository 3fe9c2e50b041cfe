//! Lists of objects and versions, page by page.

use crate::deliver;
use crate::state::s3_objects::{self as state, Ask, Entry, LARGEST_PAGE, Object, Page};
use crate::wire::s3_acl::owner;
use crate::wire::s3_buckets::{bucket, time};
use crate::wire::s3_call::S3Call;
use crate::wire::s3_error::Refused;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, CommonPrefix, DeleteMarkerEntry, ETag, EncodingType,
    ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ObjectStorageClass, ObjectVersion,
    ObjectVersionStorageClass,
};

/// What `encoding-type=url` leaves as it is.
const UNENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// Writes names as the request asks: XML cannot carry every key as it is.
#[derive(Clone, Copy)]
pub struct Names {
    encoded: bool,
}

impl Names {
    pub fn asked(encoding: Option<&EncodingType>) -> Result<Names, Refused> {
        match encoding.map(EncodingType::as_str) {
            None | Some("") => Ok(Names { encoded: false }),
            Some("url") => Ok(Names { encoded: true }),
            Some(_) => {
                Err(Refused::invalid_argument("Invalid Encoding Method specified in Request"))
            }
        }
    }

    pub fn write(self, name: &str) -> String {
        match self.encoded {
            true => utf8_percent_encode(name, UNENCODED).to_string(),
            false => name.to_owned(),
        }
    }
}

/// How many entries a page may have.
pub fn page_size(asked: Option<i32>, name: &str) -> Result<usize, Refused> {
    match asked {
        None => Ok(LARGEST_PAGE),
        Some(asked) => usize::try_from(asked).map(|n| n.min(LARGEST_PAGE)).map_err(|_| {
            Refused::invalid_argument(format!(
                "Argument {name} must be an integer between 0 and 2147483647"
            ))
        }),
    }
}

fn size(size: u64) -> Option<i64> {
    i64::try_from(size).ok()
}

fn checksum_of(object: &Object) -> (Option<Vec<ChecksumAlgorithm>>, Option<ChecksumType>) {
    let algorithm = object.checksum.as_ref().map(|c| ChecksumAlgorithm::from(c.algorithm.clone()));
    let kind = object.checksum.as_ref().map(|checksum| {
        ChecksumType::from_static(match checksum.composite {
            true => ChecksumType::COMPOSITE,
            false => ChecksumType::FULL_OBJECT,
        })
    });
    (algorithm.map(|algorithm| vec![algorithm]), kind)
}

fn content(object: &Object, names: Names, with_owner: bool) -> s3s::dto::Object {
    let (checksum_algorithm, checksum_type) = checksum_of(object);
    s3s::dto::Object {
        key: Some(names.write(&object.key)),
        last_modified: Some(time(object.modified)),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        size: size(object.size),
        storage_class: Some(ObjectStorageClass::from(object.storage_class.clone())),
        owner: with_owner.then(|| owner(&object.acl.owner)),
        checksum_algorithm,
        checksum_type,
        ..s3s::dto::Object::default()
    }
}

/// A page's objects and its common prefixes.
fn split(
    page: &Page,
    names: Names,
    with_owner: bool,
) -> (Vec<s3s::dto::Object>, Vec<CommonPrefix>) {
    let (mut contents, mut prefixes) = (Vec::new(), Vec::new());
    for entry in &page.entries {
        match entry {
            Entry::Object { object, .. } => contents.push(content(object, names, with_owner)),
            Entry::CommonPrefix(prefix) => {
                prefixes.push(CommonPrefix { prefix: Some(names.write(prefix)) });
            }
        }
    }
    (contents, prefixes)
}

pub fn list_objects_v2(
    call: &S3Call,
    input: ListObjectsV2Input,
) -> Result<ListObjectsV2Output, Refused> {
    let names = Names::asked(input.encoding_type.as_ref())?;
    let limit = page_size(input.max_keys, "maxKeys")?;
    let token = input.continuation_token.as_deref().map(read_token).transpose()?;
    let prefix = input.prefix.clone().unwrap_or_default();
    deliver::before_listing(&call.ground, &input.bucket, &prefix);
    let page = call.read(|view| {
        bucket(view, &input.bucket)?;
        let ask = Ask {
            prefix: &prefix,
            delimiter: input.delimiter.as_deref(),
            after: token.as_deref().or(input.start_after.as_deref()).filter(|a| !a.is_empty()),
            after_version: None,
            limit,
        };
        Ok(state::list(view, &input.bucket, &ask))
    })?;
    let (contents, prefixes) = split(&page, names, input.fetch_owner.unwrap_or_default());
    let next = page.entries.last().filter(|_| page.truncated).map(|entry| token_of(entry.name()));
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(names.write(&prefix)),
        max_keys: i32::try_from(limit).ok(),
        key_count: i32::try_from(page.entries.len()).ok(),
        continuation_token: input.continuation_token,
        is_truncated: Some(page.truncated),
        next_continuation_token: next,
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        delimiter: input.delimiter.map(|delimiter| names.write(&delimiter)),
        encoding_type: input.encoding_type,
        start_after: input.start_after.map(|after| names.write(&after)),
        ..ListObjectsV2Output::default()
    })
}

fn token_of(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

fn read_token(token: &str) -> Result<String, Refused> {
    let wrong = || Refused::invalid_argument("The continuation token provided is incorrect");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
    String::from_utf8(bytes).map_err(|_| wrong())
}

pub fn list_objects(call: &S3Call, input: ListObjectsInput) -> Result<ListObjectsOutput, Refused> {
    let names = Names::asked(input.encoding_type.as_ref())?;
    let limit = page_size(input.max_keys, "maxKeys")?;
    let prefix = input.prefix.clone().unwrap_or_default();
    deliver::before_listing(&call.ground, &input.bucket, &prefix);
    let page = call.read(|view| {
        bucket(view, &input.bucket)?;
        let ask = Ask {
            prefix: &prefix,
            delimiter: input.delimiter.as_deref(),
            after: input.marker.as_deref().filter(|marker| !marker.is_empty()),
            after_version: None,
            limit,
        };
        Ok(state::list(view, &input.bucket, &ask))
    })?;
    let (contents, prefixes) = split(&page, names, true);
    // "This element is returned only if you have the delimiter request parameter specified."
    let next = page
        .entries
        .last()
        .filter(|_| page.truncated && input.delimiter.is_some())
        .map(|entry| names.write(entry.name()));
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(names.write(&prefix)),
        marker: Some(names.write(input.marker.as_deref().unwrap_or_default())),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(page.truncated),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        delimiter: input.delimiter.map(|delimiter| names.write(&delimiter)),
        next_marker: next,
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    })
}

pub fn list_object_versions(
    call: &S3Call,
    input: ListObjectVersionsInput,
) -> Result<ListObjectVersionsOutput, Refused> {
    let names = Names::asked(input.encoding_type.as_ref())?;
    let limit = page_size(input.max_keys, "max-keys")?;
    let key_marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    let version_marker = input.version_id_marker.as_deref().filter(|marker| !marker.is_empty());
    if version_marker.is_some() && key_marker.is_none() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(Refused::invalid_argument(message));
    }
    let prefix = input.prefix.clone().unwrap_or_default();
    deliver::before_listing(&call.ground, &input.bucket, &prefix);
    let page = call.read(|view| {
        bucket(view, &input.bucket)?;
        let ask = Ask {
            prefix: &prefix,
            delimiter: input.delimiter.as_deref(),
            after: key_marker,
            after_version: version_marker,
            limit,
        };
        Ok(state::list_versions(view, &input.bucket, &ask))
    })?;
    let mut output = ListObjectVersionsOutput::default();
    let (mut versions, mut markers, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &page.entries {
        match entry {
            Entry::CommonPrefix(prefix) => {
                prefixes.push(CommonPrefix { prefix: Some(names.write(prefix)) });
            }
            Entry::Object { object, latest } if object.delete_marker => {
                markers.push(DeleteMarkerEntry {
                    is_latest: Some(*latest),
                    key: Some(names.write(&object.key)),
                    last_modified: Some(time(object.modified)),
                    owner: Some(owner(&object.acl.owner)),
                    version_id: Some(object.version_id().to_owned()),
                });
            }
            Entry::Object { object, latest } => {
                let (checksum_algorithm, checksum_type) = checksum_of(object);
                versions.push(ObjectVersion {
                    e_tag: Some(ETag::Strong(object.etag.clone())),
                    is_latest: Some(*latest),
                    key: Some(names.write(&object.key)),
                    last_modified: Some(time(object.modified)),
                    owner: Some(owner(&object.acl.owner)),
                    size: size(object.size),
                    storage_class: Some(ObjectVersionStorageClass::from(
                        object.storage_class.clone(),
                    )),
                    version_id: Some(object.version_id().to_owned()),
                    checksum_algorithm,
                    checksum_type,
                    ..ObjectVersion::default()
                });
            }
        }
    }
    if let Some(last) = page.entries.last().filter(|_| page.truncated) {
        output.next_key_marker = Some(names.write(last.name()));
        if let Entry::Object { object, .. } = last {
            output.next_version_id_marker = Some(object.version_id().to_owned());
        }
    }
    output.name = Some(input.bucket);
    output.prefix = Some(names.write(&prefix));
    output.key_marker = Some(names.write(key_marker.unwrap_or_default()));
    output.version_id_marker = Some(version_marker.unwrap_or_default().to_owned());
    output.max_keys = i32::try_from(limit).ok();
    output.is_truncated = Some(page.truncated);
    output.versions = Some(versions);
    output.delete_markers = Some(markers);
    output.common_prefixes = Some(prefixes);
    output.delimiter = input.delimiter.map(|delimiter| names.write(&delimiter));
    output.encoding_type = input.encoding_type;
    Ok(output)
}
