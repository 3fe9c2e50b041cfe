//! Bucket configurations beside access: encryption, versioning, tags, and the ones that a
//! bucket here never has, read as S3 reads them where they were never set.

use crate::state::s3::{Encryption, Tag as StoredTag, Versioning};
use crate::wire::s3_buckets::{bucket, change};
use crate::wire::s3_call::S3Call;
use crate::wire::s3_error::Refused;
use s3s::dto::*;

pub fn get_bucket_encryption(
    call: &S3Call,
    input: GetBucketEncryptionInput,
) -> Result<GetBucketEncryptionOutput, Refused> {
    let found = call.read(|view| bucket(view, &input.bucket))?.encryption;
    let rule = ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
            kms_master_key_id: found.kms_key,
            sse_algorithm: ServerSideEncryption::from(found.algorithm),
        }),
        bucket_key_enabled: Some(found.bucket_key),
    };
    Ok(GetBucketEncryptionOutput {
        server_side_encryption_configuration: Some(ServerSideEncryptionConfiguration {
            rules: vec![rule],
        }),
    })
}

pub fn put_bucket_encryption(
    call: &S3Call,
    input: PutBucketEncryptionInput,
) -> Result<PutBucketEncryptionOutput, Refused> {
    let [rule] = input.server_side_encryption_configuration.rules.as_slice() else {
        return Err(Refused::malformed_xml());
    };
    let by_default =
        rule.apply_server_side_encryption_by_default.as_ref().ok_or_else(Refused::malformed_xml)?;
    let algorithm = by_default.sse_algorithm.as_str();
    let kms = matches!(algorithm, "aws:kms" | "aws:kms:dsse");
    if !kms && algorithm != "AES256" {
        return Err(Refused::malformed_xml());
    }
    if !kms && by_default.kms_master_key_id.is_some() {
        let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not \
                       aws:kms or aws:kms:dsse";
        return Err(Refused::invalid_argument(message));
    }
    let encryption = Encryption {
        algorithm: algorithm.to_owned(),
        kms_key: by_default.kms_master_key_id.clone(),
        bucket_key: rule.bucket_key_enabled.unwrap_or_default(),
    };
    change(call, &input.bucket, |bucket, _| {
        bucket.encryption = encryption;
        Ok(())
    })?;
    Ok(PutBucketEncryptionOutput {})
}

/// "Resets the default encryption for the bucket as SSE-S3."
pub fn delete_bucket_encryption(
    call: &S3Call,
    input: DeleteBucketEncryptionInput,
) -> Result<DeleteBucketEncryptionOutput, Refused> {
    change(call, &input.bucket, |bucket, _| {
        bucket.encryption = Encryption::default();
        Ok(())
    })?;
    Ok(DeleteBucketEncryptionOutput {})
}

pub fn get_bucket_versioning(
    call: &S3Call,
    input: GetBucketVersioningInput,
) -> Result<GetBucketVersioningOutput, Refused> {
    let status = match call.read(|view| bucket(view, &input.bucket))?.versioning {
        Versioning::Unset => None,
        Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
    };
    Ok(GetBucketVersioningOutput {
        status: status.map(BucketVersioningStatus::from_static),
        ..GetBucketVersioningOutput::default()
    })
}

pub fn put_bucket_versioning(
    call: &S3Call,
    input: PutBucketVersioningInput,
) -> Result<PutBucketVersioningOutput, Refused> {
    let asked = input.versioning_configuration;
    if asked.mfa_delete.as_ref().is_some_and(|mfa| mfa.as_str() == "Enabled") {
        return Err(Refused::not_implemented("PutBucketVersioning with MFA delete"));
    }
    let versioning = match asked.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        Some(_) => return Err(Refused::malformed_xml()),
        None => {
            let message = "The Versioning element must be specified";
            return Err(Refused::new("IllegalVersioningConfigurationException", 400, message));
        }
    };
    change(call, &input.bucket, |bucket, _| {
        bucket.versioning = versioning;
        Ok(())
    })?;
    Ok(PutBucketVersioningOutput {})
}

/// Tags of a request, checked as S3 checks them.
pub fn tags(tagging: Tagging, most: usize) -> Result<Vec<StoredTag>, Refused> {
    let mut tags: Vec<StoredTag> = Vec::new();
    for tag in tagging.tag_set {
        let tag = StoredTag {
            key: tag.key.ok_or_else(Refused::malformed_xml)?,
            value: tag.value.unwrap_or_default(),
        };
        check_tag(&tag)?;
        if tags.iter().any(|known| known.key == tag.key) {
            let message = "Cannot provide multiple Tags with the same key";
            return Err(Refused::new("InvalidTag", 400, message));
        }
        tags.push(tag);
    }
    if tags.len() > most {
        let message = match most {
            10 => "Object tags cannot be greater than 10",
            _ => "Bucket tag count cannot be greater than 50",
        };
        return Err(Refused::new("BadRequest", 400, message));
    }
    Ok(tags)
}

pub fn check_tag(tag: &StoredTag) -> Result<(), Refused> {
    let refused = |message| Err(Refused::new("InvalidTag", 400, message));
    if tag.key.is_empty() || tag.key.chars().count() > 128 {
        return refused("The TagKey you have provided is invalid");
    }
    if tag.value.chars().count() > 256 {
        return refused("The TagValue you have provided is invalid");
    }
    if tag.key.starts_with("aws:") {
        return refused("System tags cannot be added/updated by requester");
    }
    Ok(())
}

pub fn tag_set(tags: &[StoredTag]) -> Vec<Tag> {
    let tag = |tag: &StoredTag| Tag { key: Some(tag.key.clone()), value: Some(tag.value.clone()) };
    tags.iter().map(tag).collect()
}

pub fn get_bucket_tagging(
    call: &S3Call,
    input: GetBucketTaggingInput,
) -> Result<GetBucketTaggingOutput, Refused> {
    let found = call.read(|view| bucket(view, &input.bucket))?;
    if found.tags.is_empty() {
        return Err(Refused::new("NoSuchTagSet", 404, "The TagSet does not exist"));
    }
    Ok(GetBucketTaggingOutput { tag_set: tag_set(&found.tags) })
}

pub fn put_bucket_tagging(
    call: &S3Call,
    input: PutBucketTaggingInput,
) -> Result<PutBucketTaggingOutput, Refused> {
    let tags = tags(input.tagging, 50)?;
    change(call, &input.bucket, |bucket, _| {
        bucket.tags = tags;
        Ok(())
    })?;
    Ok(PutBucketTaggingOutput {})
}

pub fn delete_bucket_tagging(
    call: &S3Call,
    input: DeleteBucketTaggingInput,
) -> Result<DeleteBucketTaggingOutput, Refused> {
    change(call, &input.bucket, |bucket, _| {
        bucket.tags = Vec::new();
        Ok(())
    })?;
    Ok(DeleteBucketTaggingOutput {})
}

/// The answer to a read of a configuration that no bucket here has.
fn absent<T>(call: &S3Call, name: &str, code: &str, message: &str) -> Result<T, Refused> {
    call.read(|view| bucket(view, name))?;
    Err(Refused::new(code, 404, message))
}

/// Deleting what was never set succeeds.
fn nothing_to_delete(call: &S3Call, name: &str) -> Result<(), Refused> {
    call.change(|tx| bucket(&tx.view(), name).map(|_| ()))
}

pub fn get_bucket_cors(
    call: &S3Call,
    input: GetBucketCorsInput,
) -> Result<GetBucketCorsOutput, Refused> {
    let message = "The CORS configuration does not exist";
    absent(call, &input.bucket, "NoSuchCORSConfiguration", message)
}

pub fn delete_bucket_cors(
    call: &S3Call,
    input: DeleteBucketCorsInput,
) -> Result<DeleteBucketCorsOutput, Refused> {
    nothing_to_delete(call, &input.bucket)?;
    Ok(DeleteBucketCorsOutput {})
}

pub fn get_bucket_website(
    call: &S3Call,
    input: GetBucketWebsiteInput,
) -> Result<GetBucketWebsiteOutput, Refused> {
    let message = "The specified bucket does not have a website configuration";
    absent(call, &input.bucket, "NoSuchWebsiteConfiguration", message)
}

pub fn delete_bucket_website(
    call: &S3Call,
    input: DeleteBucketWebsiteInput,
) -> Result<DeleteBucketWebsiteOutput, Refused> {
    nothing_to_delete(call, &input.bucket)?;
    Ok(DeleteBucketWebsiteOutput {})
}

pub fn get_bucket_lifecycle_configuration(
    call: &S3Call,
    input: GetBucketLifecycleConfigurationInput,
) -> Result<GetBucketLifecycleConfigurationOutput, Refused> {
    let message = "The lifecycle configuration does not exist";
    absent(call, &input.bucket, "NoSuchLifecycleConfiguration", message)
}

pub fn delete_bucket_lifecycle(
    call: &S3Call,
    input: DeleteBucketLifecycleInput,
) -> Result<DeleteBucketLifecycleOutput, Refused> {
    nothing_to_delete(call, &input.bucket)?;
    Ok(DeleteBucketLifecycleOutput {})
}

pub fn get_bucket_replication(
    call: &S3Call,
    input: GetBucketReplicationInput,
) -> Result<GetBucketReplicationOutput, Refused> {
    let message = "The replication configuration was not found";
    absent(call, &input.bucket, "ReplicationConfigurationNotFoundError", message)
}

pub fn delete_bucket_replication(
    call: &S3Call,
    input: DeleteBucketReplicationInput,
) -> Result<DeleteBucketReplicationOutput, Refused> {
    nothing_to_delete(call, &input.bucket)?;
    Ok(DeleteBucketReplicationOutput {})
}

pub fn get_object_lock_configuration(
    call: &S3Call,
    input: GetObjectLockConfigurationInput,
) -> Result<GetObjectLockConfigurationOutput, Refused> {
    let message = "Object Lock configuration does not exist for this bucket";
    absent(call, &input.bucket, "ObjectLockConfigurationNotFoundError", message)
}

pub fn get_bucket_accelerate_configuration(
    call: &S3Call,
    input: GetBucketAccelerateConfigurationInput,
) -> Result<GetBucketAccelerateConfigurationOutput, Refused> {
    call.read(|view| bucket(view, &input.bucket))?;
    Ok(GetBucketAccelerateConfigurationOutput::default())
}

pub fn get_bucket_request_payment(
    call: &S3Call,
    input: GetBucketRequestPaymentInput,
) -> Result<GetBucketRequestPaymentOutput, Refused> {
    call.read(|view| bucket(view, &input.bucket))?;
    let payer = Payer::from_static(Payer::BUCKET_OWNER);
    Ok(GetBucketRequestPaymentOutput { payer: Some(payer) })
}

pub fn get_bucket_logging(
    call: &S3Call,
    input: GetBucketLoggingInput,
) -> Result<GetBucketLoggingOutput, Refused> {
    call.read(|view| bucket(view, &input.bucket))?;
    Ok(GetBucketLoggingOutput::default())
}

pub fn get_bucket_notification_configuration(
    call: &S3Call,
    input: GetBucketNotificationConfigurationInput,
) -> Result<GetBucketNotificationConfigurationOutput, Refused> {
    call.read(|view| bucket(view, &input.bucket))?;
    Ok(GetBucketNotificationConfigurationOutput::default())
}
