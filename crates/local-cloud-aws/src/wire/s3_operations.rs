//! The operations that are served, one line each. Every other one answers 501
//! NotImplemented with its name, which no SDK retries.

use crate::wire::s3_call::S3Call;
use crate::wire::{
    s3_buckets as buckets, s3_configurations as configurations, s3_listing as listing,
    s3_object_details as details, s3_objects as objects, s3_policy as policy,
    s3_uploads as uploads,
};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

pub struct Operations;

macro_rules! serve {
    (
        plain { $($plain:ident($plain_in:ty) -> $plain_out:ty = $plain_handler:path;)* }
        answering { $($full:ident($full_in:ty) -> $full_out:ty = $full_handler:path;)* }
        streaming { $($stream:ident($stream_in:ty) -> $stream_out:ty = $stream_handler:path;)* }
    ) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(
                async fn $plain(
                    &self,
                    request: S3Request<$plain_in>,
                ) -> S3Result<S3Response<$plain_out>> {
                    let call = S3Call::of(&request)?;
                    Ok(S3Response::new($plain_handler(&call, request.input)?))
                }
            )*
            $(
                async fn $full(
                    &self,
                    request: S3Request<$full_in>,
                ) -> S3Result<S3Response<$full_out>> {
                    let call = S3Call::of(&request)?;
                    Ok($full_handler(&call, request.input)?)
                }
            )*
            $(
                async fn $stream(
                    &self,
                    request: S3Request<$stream_in>,
                ) -> S3Result<S3Response<$stream_out>> {
                    let call = S3Call::of(&request)?;
                    $stream_handler(&call, request).await
                }
            )*
        }
    };
}

serve! {
    plain {
        create_bucket(CreateBucketInput) -> CreateBucketOutput = buckets::create_bucket;
        delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = buckets::delete_bucket;
        head_bucket(HeadBucketInput) -> HeadBucketOutput = buckets::head_bucket;
        list_buckets(ListBucketsInput) -> ListBucketsOutput = buckets::list_buckets;
        get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput
            = buckets::get_bucket_location;

        get_public_access_block(GetPublicAccessBlockInput) -> GetPublicAccessBlockOutput
            = buckets::get_public_access_block;
        put_public_access_block(PutPublicAccessBlockInput) -> PutPublicAccessBlockOutput
            = buckets::put_public_access_block;
        delete_public_access_block(DeletePublicAccessBlockInput) -> DeletePublicAccessBlockOutput
            = buckets::delete_public_access_block;
        get_bucket_policy(GetBucketPolicyInput) -> GetBucketPolicyOutput
            = policy::get_bucket_policy;
        put_bucket_policy(PutBucketPolicyInput) -> PutBucketPolicyOutput
            = policy::put_bucket_policy;
        delete_bucket_policy(DeleteBucketPolicyInput) -> DeleteBucketPolicyOutput
            = policy::delete_bucket_policy;
        get_bucket_policy_status(GetBucketPolicyStatusInput) -> GetBucketPolicyStatusOutput
            = policy::get_bucket_policy_status;
        get_bucket_acl(GetBucketAclInput) -> GetBucketAclOutput = buckets::get_bucket_acl;
        put_bucket_acl(PutBucketAclInput) -> PutBucketAclOutput = buckets::put_bucket_acl;
        get_bucket_ownership_controls(GetBucketOwnershipControlsInput)
            -> GetBucketOwnershipControlsOutput = buckets::get_bucket_ownership_controls;
        put_bucket_ownership_controls(PutBucketOwnershipControlsInput)
            -> PutBucketOwnershipControlsOutput = buckets::put_bucket_ownership_controls;
        delete_bucket_ownership_controls(DeleteBucketOwnershipControlsInput)
            -> DeleteBucketOwnershipControlsOutput = buckets::delete_bucket_ownership_controls;

        get_bucket_encryption(GetBucketEncryptionInput) -> GetBucketEncryptionOutput
            = configurations::get_bucket_encryption;
        put_bucket_encryption(PutBucketEncryptionInput) -> PutBucketEncryptionOutput
            = configurations::put_bucket_encryption;
        delete_bucket_encryption(DeleteBucketEncryptionInput) -> DeleteBucketEncryptionOutput
            = configurations::delete_bucket_encryption;
        get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput
            = configurations::get_bucket_versioning;
        put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput
            = configurations::put_bucket_versioning;
        get_bucket_tagging(GetBucketTaggingInput) -> GetBucketTaggingOutput
            = configurations::get_bucket_tagging;
        put_bucket_tagging(PutBucketTaggingInput) -> PutBucketTaggingOutput
            = configurations::put_bucket_tagging;
        delete_bucket_tagging(DeleteBucketTaggingInput) -> DeleteBucketTaggingOutput
            = configurations::delete_bucket_tagging;
        get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput
            = configurations::get_bucket_cors;
        delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput
            = configurations::delete_bucket_cors;
        get_bucket_website(GetBucketWebsiteInput) -> GetBucketWebsiteOutput
            = configurations::get_bucket_website;
        delete_bucket_website(DeleteBucketWebsiteInput) -> DeleteBucketWebsiteOutput
            = configurations::delete_bucket_website;
        get_bucket_lifecycle_configuration(GetBucketLifecycleConfigurationInput)
            -> GetBucketLifecycleConfigurationOutput
            = configurations::get_bucket_lifecycle_configuration;
        delete_bucket_lifecycle(DeleteBucketLifecycleInput) -> DeleteBucketLifecycleOutput
            = configurations::delete_bucket_lifecycle;
        get_bucket_replication(GetBucketReplicationInput) -> GetBucketReplicationOutput
            = configurations::get_bucket_replication;
        delete_bucket_replication(DeleteBucketReplicationInput) -> DeleteBucketReplicationOutput
            = configurations::delete_bucket_replication;
        get_object_lock_configuration(GetObjectLockConfigurationInput)
            -> GetObjectLockConfigurationOutput = configurations::get_object_lock_configuration;
        get_bucket_accelerate_configuration(GetBucketAccelerateConfigurationInput)
            -> GetBucketAccelerateConfigurationOutput
            = configurations::get_bucket_accelerate_configuration;
        get_bucket_request_payment(GetBucketRequestPaymentInput)
            -> GetBucketRequestPaymentOutput = configurations::get_bucket_request_payment;
        get_bucket_logging(GetBucketLoggingInput) -> GetBucketLoggingOutput
            = configurations::get_bucket_logging;
        get_bucket_notification_configuration(GetBucketNotificationConfigurationInput)
            -> GetBucketNotificationConfigurationOutput
            = configurations::get_bucket_notification_configuration;

        list_objects(ListObjectsInput) -> ListObjectsOutput = listing::list_objects;
        list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = listing::list_objects_v2;
        list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput
            = listing::list_object_versions;
        delete_object(DeleteObjectInput) -> DeleteObjectOutput = objects::delete_object;
        delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = objects::delete_objects;
        get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput
            = details::get_object_tagging;
        put_object_tagging(PutObjectTaggingInput) -> PutObjectTaggingOutput
            = details::put_object_tagging;
        delete_object_tagging(DeleteObjectTaggingInput) -> DeleteObjectTaggingOutput
            = details::delete_object_tagging;
        get_object_acl(GetObjectAclInput) -> GetObjectAclOutput = details::get_object_acl;
        put_object_acl(PutObjectAclInput) -> PutObjectAclOutput = details::put_object_acl;

        abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput
            = uploads::abort_multipart_upload;
        list_parts(ListPartsInput) -> ListPartsOutput = uploads::list_parts;
        list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput
            = uploads::list_multipart_uploads;
    }
    answering {
        get_object(GetObjectInput) -> GetObjectOutput = objects::get_object;
        head_object(HeadObjectInput) -> HeadObjectOutput = objects::head_object;
        copy_object(CopyObjectInput) -> CopyObjectOutput = objects::copy_object;
        get_object_attributes(GetObjectAttributesInput) -> GetObjectAttributesOutput
            = details::get_object_attributes;
        create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput
            = uploads::create_multipart_upload;
        complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput
            = uploads::complete_multipart_upload;
    }
    streaming {
        put_object(PutObjectInput) -> PutObjectOutput = objects::put_object;
        upload_part(UploadPartInput) -> UploadPartOutput = uploads::upload_part;
        upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput
            = uploads::upload_part_copy;
    }
}
