//! Buckets: making, finding and deleting them, Block Public Access, ACLs and ownership.

use crate::state::s3::{self, Acl, Bucket, Ownership, PublicAccessBlock};
use crate::state::{s3_objects, s3_uploads};
use crate::story::ACCOUNT;
use crate::wire::s3_acl;
use crate::wire::s3_call::S3Call;
use crate::wire::s3_error::Refused;
use local_cloud::View;
use s3s::dto::*;

/// The bucket of a call, or that there is none.
pub fn bucket(view: &View<'_>, name: &str) -> Result<Bucket, Refused> {
    s3::bucket(view, name).ok_or_else(Refused::no_such_bucket)
}

/// Changes one bucket and leaves the record.
pub fn change(
    call: &S3Call,
    name: &str,
    change: impl FnOnce(&mut Bucket, &View<'_>) -> Result<(), Refused>,
) -> Result<(), Refused> {
    call.change(|tx| {
        let mut document = bucket(&tx.view(), name)?;
        change(&mut document, &tx.view())?;
        s3::put_bucket(tx, &document);
        Ok(())
    })
}

/// A time as answers carry it.
pub fn time(moment: model::Timestamp) -> Timestamp {
    Timestamp::from(moment.inner())
}

pub fn create_bucket(
    call: &S3Call,
    input: CreateBucketInput,
) -> Result<CreateBucketOutput, Refused> {
    if !s3::is_bucket_name(&input.bucket) {
        let message = "The specified bucket is not valid.";
        return Err(Refused::new("InvalidBucketName", 400, message));
    }
    if input.object_lock_enabled_for_bucket == Some(true) {
        return Err(Refused::not_implemented("CreateBucket with Object Lock"));
    }
    let configuration = input.create_bucket_configuration;
    let constraint = configuration.and_then(|c| c.location_constraint);
    let region = match constraint.as_ref().map(BucketLocationConstraint::as_str) {
        // us-east-1 takes any place, the others only their own.
        None | Some("") if call.region == "us-east-1" => call.region.clone(),
        None | Some("") => {
            let message = format!(
                "The unspecified location constraint is incompatible for the region specific \
                 endpoint this request was sent to: {}",
                call.region
            );
            return Err(Refused::new("IllegalLocationConstraintException", 400, message));
        }
        Some("EU") => "eu-west-1".to_owned(),
        Some("us-east-1") => {
            let message = "The specified location-constraint is not valid";
            return Err(Refused::new("InvalidLocationConstraint", 400, message));
        }
        Some(place) if call.region == "us-east-1" || call.region == place => place.to_owned(),
        Some(place) => {
            let message = format!(
                "The {place} location constraint is incompatible for the region specific \
                 endpoint this request was sent to."
            );
            return Err(Refused::new("IllegalLocationConstraintException", 400, message));
        }
    };
    let mut made = Bucket::new(&input.bucket, ACCOUNT, &region, call.time);
    if let Some(ownership) = &input.object_ownership {
        let unknown = || Refused::invalid_argument("Invalid x-amz-object-ownership header");
        made.ownership = Some(Ownership::parse(ownership.as_str()).ok_or_else(unknown)?);
    }
    let owner = made.owner();
    if let Some(acl) = s3_acl::of_request(call, None, &owner, &owner)? {
        if acl.is_public() || acl != Acl::private(&owner) {
            let (code, message) = match made.acls_disabled() {
                true => (
                    "InvalidBucketAclWithObjectOwnership",
                    "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced \
                     setting",
                ),
                false => (
                    "InvalidBucketAclWithBlockPublicAccessError",
                    "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
                ),
            };
            if made.acls_disabled() || acl.is_public() {
                return Err(Refused::new(code, 400, message));
            }
        }
        made.acl = acl;
    }
    call.change(|tx| {
        if let Some(known) = s3::bucket(&tx.view(), &made.name) {
            // "In us-east-1, you will get 200 OK" when the bucket is one's own already.
            if known.account == ACCOUNT && known.region == "us-east-1" && region == "us-east-1" {
                return Ok(());
            }
            let message = "Your previous request to create the named bucket succeeded and you \
                           already own it.";
            return Err(Refused::new("BucketAlreadyOwnedByYou", 409, message));
        }
        if s3::buckets(&tx.view(), ACCOUNT, "", None).len() >= s3::MOST_BUCKETS {
            let message = "You have attempted to create more buckets than allowed";
            return Err(Refused::new("TooManyBuckets", 400, message));
        }
        s3::put_bucket(tx, &made);
        Ok(())
    })?;
    Ok(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) })
}

pub fn delete_bucket(
    call: &S3Call,
    input: DeleteBucketInput,
) -> Result<DeleteBucketOutput, Refused> {
    call.change(|tx| {
        bucket(&tx.view(), &input.bucket)?;
        if !s3_objects::is_empty(&tx.view(), &input.bucket) {
            let message = "The bucket you tried to delete is not empty";
            return Err(Refused::new("BucketNotEmpty", 409, message));
        }
        for upload in s3_uploads::uploads(&tx.view(), &input.bucket, "") {
            s3_uploads::end(tx, &upload);
        }
        s3::delete_bucket(tx, &input.bucket);
        Ok(())
    })?;
    Ok(DeleteBucketOutput {})
}

pub fn head_bucket(call: &S3Call, input: HeadBucketInput) -> Result<HeadBucketOutput, Refused> {
    let found = call.read(|view| bucket(view, &input.bucket))?;
    Ok(HeadBucketOutput {
        bucket_region: Some(found.region),
        access_point_alias: Some(false),
        ..HeadBucketOutput::default()
    })
}

/// "The maximum number of buckets to be returned", and all of them when nobody asks for
/// pages.
const MOST_IN_A_PAGE: i32 = 10_000;

pub fn list_buckets(call: &S3Call, input: ListBucketsInput) -> Result<ListBucketsOutput, Refused> {
    let limit = input.max_buckets.unwrap_or(MOST_IN_A_PAGE);
    if !(1..=MOST_IN_A_PAGE).contains(&limit) {
        let message = "Argument max-buckets must be an integer between 1 and 10000";
        return Err(Refused::invalid_argument(message));
    }
    let limit = usize::try_from(limit).unwrap_or_default();
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.continuation_token.as_deref();
    let mut found =
        call.read(|view| Ok(s3::buckets(view, &call.principal.account, &prefix, after)))?;
    if let Some(region) = &input.bucket_region {
        found.retain(|bucket| bucket.region == *region);
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|bucket| bucket.name.clone());
    let paged = input.max_buckets.is_some() || input.bucket_region.is_some();
    let buckets = found.into_iter().map(|bucket| s3s::dto::Bucket {
        name: Some(bucket.name),
        creation_date: Some(time(bucket.created)),
        bucket_region: paged.then_some(bucket.region),
    });
    Ok(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        continuation_token: next,
        owner: Some(s3_acl::owner(&s3::canonical_user(&call.principal.account))),
        prefix: input.prefix,
    })
}

pub fn get_bucket_location(
    call: &S3Call,
    input: GetBucketLocationInput,
) -> Result<GetBucketLocationOutput, Refused> {
    let found = call.read(|view| bucket(view, &input.bucket))?;
    // us-east-1 is told by saying nothing.
    let place = Some(found.region).filter(|region| region != "us-east-1");
    Ok(GetBucketLocationOutput { location_constraint: place.map(BucketLocationConstraint::from) })
}

pub fn get_public_access_block(
    call: &S3Call,
    input: GetPublicAccessBlockInput,
) -> Result<GetPublicAccessBlockOutput, Refused> {
    let found = call.read(|view| bucket(view, &input.bucket))?;
    let absent = || {
        let message = "The public access block configuration was not found";
        Refused::new("NoSuchPublicAccessBlockConfiguration", 404, message)
    };
    let block = found.public_access_block.ok_or_else(absent)?;
    Ok(GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(PublicAccessBlockConfiguration {
            block_public_acls: Some(block.block_public_acls),
            ignore_public_acls: Some(block.ignore_public_acls),
            block_public_policy: Some(block.block_public_policy),
            restrict_public_buckets: Some(block.restrict_public_buckets),
        }),
    })
}

pub fn put_public_access_block(
    call: &S3Call,
    input: PutPublicAccessBlockInput,
) -> Result<PutPublicAccessBlockOutput, Refused> {
    let asked = input.public_access_block_configuration;
    // What is left out is off.
    let block = PublicAccessBlock {
        block_public_acls: asked.block_public_acls.unwrap_or_default(),
        ignore_public_acls: asked.ignore_public_acls.unwrap_or_default(),
        block_public_policy: asked.block_public_policy.unwrap_or_default(),
        restrict_public_buckets: asked.restrict_public_buckets.unwrap_or_default(),
    };
    change(call, &input.bucket, |bucket, _| {
        bucket.public_access_block = Some(block);
        Ok(())
    })?;
    Ok(PutPublicAccessBlockOutput {})
}

pub fn delete_public_access_block(
    call: &S3Call,
    input: DeletePublicAccessBlockInput,
) -> Result<DeletePublicAccessBlockOutput, Refused> {
    change(call, &input.bucket, |bucket, _| {
        bucket.public_access_block = None;
        Ok(())
    })?;
    Ok(DeletePublicAccessBlockOutput {})
}

pub fn get_bucket_acl(
    call: &S3Call,
    input: GetBucketAclInput,
) -> Result<GetBucketAclOutput, Refused> {
    let found = call.read(|view| bucket(view, &input.bucket))?;
    Ok(GetBucketAclOutput {
        owner: Some(s3_acl::owner(&found.acl.owner)),
        grants: Some(s3_acl::grants(&found.acl)),
    })
}

pub fn put_bucket_acl(
    call: &S3Call,
    input: PutBucketAclInput,
) -> Result<PutBucketAclOutput, Refused> {
    let owner = call.read(|view| bucket(view, &input.bucket))?.owner();
    let missing = || {
        let message = "Your request was missing a required header";
        Refused::new("MissingSecurityHeader", 400, message)
    };
    let acl = s3_acl::of_request(call, input.access_control_policy, &owner, &owner)?
        .ok_or_else(missing)?;
    change(call, &input.bucket, |bucket, view| {
        let block = s3::effective_block(view, bucket).block_public_acls;
        s3_acl::permitted(&acl, call.header("x-amz-acl"), bucket, block)?;
        bucket.acl = acl.clone();
        Ok(())
    })?;
    Ok(PutBucketAclOutput {})
}

pub fn get_bucket_ownership_controls(
    call: &S3Call,
    input: GetBucketOwnershipControlsInput,
) -> Result<GetBucketOwnershipControlsOutput, Refused> {
    let found = call.read(|view| bucket(view, &input.bucket))?;
    let absent = || {
        let message = "The bucket ownership controls were not found";
        Refused::new("OwnershipControlsNotFoundError", 404, message)
    };
    let ownership = found.ownership.ok_or_else(absent)?;
    let rule = OwnershipControlsRule {
        object_ownership: ObjectOwnership::from_static(ownership.as_str()),
    };
    Ok(GetBucketOwnershipControlsOutput {
        ownership_controls: Some(OwnershipControls { rules: vec![rule] }),
    })
}

pub fn put_bucket_ownership_controls(
    call: &S3Call,
    input: PutBucketOwnershipControlsInput,
) -> Result<PutBucketOwnershipControlsOutput, Refused> {
    let [rule] = input.ownership_controls.rules.as_slice() else {
        return Err(Refused::malformed_xml());
    };
    let ownership =
        Ownership::parse(rule.object_ownership.as_str()).ok_or_else(Refused::malformed_xml)?;
    change(call, &input.bucket, |bucket, _| {
        let enforced = ownership == Ownership::BucketOwnerEnforced;
        if enforced && bucket.acl != Acl::private(&bucket.owner()) {
            let message = "Bucket cannot have ACLs set with ObjectOwnership's \
                           BucketOwnerEnforced setting";
            return Err(Refused::new("InvalidBucketAclWithObjectOwnership", 400, message));
        }
        bucket.ownership = Some(ownership);
        Ok(())
    })?;
    Ok(PutBucketOwnershipControlsOutput {})
}

pub fn delete_bucket_ownership_controls(
    call: &S3Call,
    input: DeleteBucketOwnershipControlsInput,
) -> Result<DeleteBucketOwnershipControlsOutput, Refused> {
    change(call, &input.bucket, |bucket, _| {
        bucket.ownership = None;
        Ok(())
    })?;
    Ok(DeleteBucketOwnershipControlsOutput {})
}
