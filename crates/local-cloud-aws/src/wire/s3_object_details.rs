//! What belongs to an object beside its data: tags, ACL, attributes.

use crate::state::s3_objects as state;
use crate::state::{s3, s3_objects::Object};
use crate::wire::s3_acl;
use crate::wire::s3_call::S3Call;
use crate::wire::s3_configurations::{tag_set, tags};
use crate::wire::s3_data::{http_date, set, shown_version};
use crate::wire::s3_error::Refused;
use crate::wire::s3_objects::find;
use http::HeaderMap;
use s3s::S3Response;
use s3s::dto::*;

/// The version that a call is about, which is no delete marker.
fn existing(
    call: &S3Call,
    view: &local_cloud::View<'_>,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<(s3::Bucket, Object), Refused> {
    let (place, object) = find(call, view, bucket, key, version)?;
    if object.delete_marker {
        return Err(match version {
            Some(_) => Refused::new(
                "MethodNotAllowed",
                405,
                "The specified method is not allowed against this resource.",
            ),
            None => Refused::no_such_key(),
        });
    }
    Ok((place, object))
}

pub fn get_object_tagging(
    call: &S3Call,
    input: GetObjectTaggingInput,
) -> Result<GetObjectTaggingOutput, Refused> {
    let version = input.version_id.as_deref();
    let (place, object) =
        call.read(|view| existing(call, view, &input.bucket, &input.key, version))?;
    Ok(GetObjectTaggingOutput {
        tag_set: tag_set(&object.tags),
        version_id: shown_version(&place, &object),
    })
}

/// Changes what is beside an object's data and leaves the record.
fn change(
    call: &S3Call,
    bucket: &str,
    key: &str,
    version: Option<&str>,
    change: impl FnOnce(&mut Object, &s3::Bucket, bool) -> Result<(), Refused>,
) -> Result<Option<String>, Refused> {
    call.change(|tx| {
        let (place, mut object) = existing(call, &tx.view(), bucket, key, version)?;
        let block = s3::effective_block(&tx.view(), &place).block_public_acls;
        change(&mut object, &place, block)?;
        state::rewrite(tx, bucket, &object);
        Ok(shown_version(&place, &object))
    })
}

pub fn put_object_tagging(
    call: &S3Call,
    input: PutObjectTaggingInput,
) -> Result<PutObjectTaggingOutput, Refused> {
    let tags = tags(input.tagging, 10)?;
    let version = input.version_id.as_deref();
    let version_id = change(call, &input.bucket, &input.key, version, |object, _, _| {
        object.tags = tags;
        Ok(())
    })?;
    Ok(PutObjectTaggingOutput { version_id })
}

pub fn delete_object_tagging(
    call: &S3Call,
    input: DeleteObjectTaggingInput,
) -> Result<DeleteObjectTaggingOutput, Refused> {
    let version = input.version_id.as_deref();
    let version_id = change(call, &input.bucket, &input.key, version, |object, _, _| {
        object.tags = Vec::new();
        Ok(())
    })?;
    Ok(DeleteObjectTaggingOutput { version_id })
}

pub fn get_object_acl(
    call: &S3Call,
    input: GetObjectAclInput,
) -> Result<GetObjectAclOutput, Refused> {
    let version = input.version_id.as_deref();
    let (_, object) = call.read(|view| existing(call, view, &input.bucket, &input.key, version))?;
    Ok(GetObjectAclOutput {
        owner: Some(s3_acl::owner(&object.acl.owner)),
        grants: Some(s3_acl::grants(&object.acl)),
        ..GetObjectAclOutput::default()
    })
}

pub fn put_object_acl(
    call: &S3Call,
    input: PutObjectAclInput,
) -> Result<PutObjectAclOutput, Refused> {
    let version = input.version_id.as_deref();
    let document = input.access_control_policy;
    change(call, &input.bucket, &input.key, version, |object, place, block| {
        let missing = || {
            let message = "Your request was missing a required header";
            Refused::new("MissingSecurityHeader", 400, message)
        };
        let acl = s3_acl::of_request(call, document, &object.acl.owner, &place.owner())?
            .ok_or_else(missing)?;
        s3_acl::permitted(&acl, call.header("x-amz-acl"), place, block)?;
        object.acl = acl;
        Ok(())
    })?;
    Ok(PutObjectAclOutput::default())
}

pub fn get_object_attributes(
    call: &S3Call,
    input: GetObjectAttributesInput,
) -> Result<S3Response<GetObjectAttributesOutput>, Refused> {
    let version = input.version_id.as_deref();
    let (place, object) =
        call.read(|view| existing(call, view, &input.bucket, &input.key, version))?;
    let wants = |name: &str| {
        input
            .object_attributes
            .iter()
            .any(|attribute| attribute.as_str().split(',').any(|asked| asked.trim() == name))
    };
    let checksum = object.checksum.as_ref().filter(|_| wants("Checksum")).map(|known| {
        let mut checksum = Checksum::default();
        let value = Some(known.value.clone());
        match known.algorithm.as_str() {
            "CRC32" => checksum.checksum_crc32 = value,
            "CRC32C" => checksum.checksum_crc32c = value,
            "CRC64NVME" => checksum.checksum_crc64nvme = value,
            "SHA1" => checksum.checksum_sha1 = value,
            _ => checksum.checksum_sha256 = value,
        }
        checksum.checksum_type = Some(ChecksumType::from_static(match known.composite {
            true => ChecksumType::COMPOSITE,
            false => ChecksumType::FULL_OBJECT,
        }));
        checksum
    });
    let parts = (wants("ObjectParts") && object.multipart).then(|| GetObjectAttributesParts {
        total_parts_count: i32::try_from(object.content.len()).ok(),
        ..GetObjectAttributesParts::default()
    });
    let output = GetObjectAttributesOutput {
        checksum,
        e_tag: wants("ETag").then(|| ETag::Strong(object.etag.clone())),
        object_parts: parts,
        object_size: i64::try_from(object.size).ok().filter(|_| wants("ObjectSize")),
        storage_class: wants("StorageClass")
            .then(|| StorageClass::from(object.storage_class.clone())),
        ..GetObjectAttributesOutput::default()
    };
    let mut headers = HeaderMap::new();
    set(&mut headers, "last-modified", &http_date(object.modified));
    if let Some(version) = shown_version(&place, &object) {
        set(&mut headers, "x-amz-version-id", &version);
    }
    Ok(S3Response::with_headers(output, headers))
}
