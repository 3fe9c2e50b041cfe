//! ACLs in and out: canned ones, grant headers, the document.

use crate::state::s3::{Acl, Bucket, Grant, Grantee, Permission};
use crate::wire::s3_call::S3Call;
use crate::wire::s3_error::Refused;
use s3s::dto;

/// What a request says about the ACL; `None`: nothing.
pub fn of_request(
    call: &S3Call,
    document: Option<dto::AccessControlPolicy>,
    owner: &str,
    bucket_owner: &str,
) -> Result<Option<Acl>, Refused> {
    if let Some(canned) = call.header("x-amz-acl") {
        let unknown = || Refused::invalid_argument("Unsupported canned ACL");
        return Acl::canned(canned, owner, bucket_owner).map(Some).ok_or_else(unknown);
    }
    let mut grants = Vec::new();
    for (header, permission) in [
        ("x-amz-grant-full-control", Permission::FullControl),
        ("x-amz-grant-read", Permission::Read),
        ("x-amz-grant-write", Permission::Write),
        ("x-amz-grant-read-acp", Permission::ReadAcp),
        ("x-amz-grant-write-acp", Permission::WriteAcp),
    ] {
        let Some(value) = call.header(header) else { continue };
        for grantee in value.split(',') {
            grants.push(Grant { grantee: grantee_of(grantee.trim())?, permission });
        }
    }
    if !grants.is_empty() {
        return Ok(Some(Acl { owner: owner.to_owned(), grants }));
    }
    let Some(document) = document else { return Ok(None) };
    let grants = document.grants.unwrap_or_default().into_iter().map(|grant| {
        let permission = grant.permission.as_ref().and_then(|p| Permission::parse(p.as_str()));
        let grantee = grant.grantee.and_then(|grantee| match (grantee.id, grantee.uri) {
            (Some(id), _) => Some(Grantee::User(id)),
            (None, Some(uri)) => Some(Grantee::Group(uri)),
            (None, None) => None,
        });
        match (grantee, permission) {
            (Some(grantee), Some(permission)) => Ok(Grant { grantee, permission }),
            _ => Err(Refused::new(
                "MalformedACLError",
                400,
                "The ACL that you provided was not well formed or did not validate against our \
                 published schema.",
            )),
        }
    });
    let grants = grants.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Acl { owner: owner.to_owned(), grants }))
}

/// `id="...", uri="..."`.
fn grantee_of(text: &str) -> Result<Grantee, Refused> {
    let (kind, value) = text
        .split_once('=')
        .ok_or_else(|| Refused::invalid_argument("Argument format not recognized"))?;
    let value = value.trim_matches('"').to_owned();
    match kind.trim().to_ascii_lowercase().as_str() {
        "id" => Ok(Grantee::User(value)),
        "uri" => Ok(Grantee::Group(value)),
        // E-mail addresses belong to account roots, which nobody has here.
        _ => Err(Refused::new(
            "UnresolvableGrantByEmailAddress",
            400,
            "The e-mail address you provided does not match any account on record.",
        )),
    }
}

/// Whether an ACL may be put on a bucket or an object of it, as ownership and Block Public
/// Access have it.
pub fn permitted(
    acl: &Acl,
    canned: Option<&str>,
    bucket: &Bucket,
    block_public_acls: bool,
) -> Result<(), Refused> {
    if bucket.acls_disabled() {
        let owner = bucket.owner();
        let full = |grant: &Grant| {
            grant.grantee == Grantee::User(owner.clone())
                && grant.permission == Permission::FullControl
        };
        // "Requests that specify bucket owner full control ACLs" are all that is accepted.
        let own = match canned {
            Some(name) => name == "bucket-owner-full-control",
            None => acl.grants.iter().all(full),
        };
        if !own {
            let message = "The bucket does not allow ACLs";
            return Err(Refused::new("AccessControlListNotSupported", 400, message));
        }
    }
    if block_public_acls && acl.is_public() {
        return Err(Refused::access_denied());
    }
    Ok(())
}

pub fn owner(id: &str) -> dto::Owner {
    dto::Owner { id: Some(id.to_owned()), display_name: None }
}

pub fn grants(acl: &Acl) -> Vec<dto::Grant> {
    acl.grants
        .iter()
        .map(|grant| {
            let (id, uri, kind) = match &grant.grantee {
                Grantee::User(id) => (Some(id.clone()), None, dto::Type::CANONICAL_USER),
                Grantee::Group(uri) => (None, Some(uri.clone()), dto::Type::GROUP),
            };
            dto::Grant {
                grantee: Some(dto::Grantee {
                    display_name: None,
                    email_address: None,
                    id,
                    type_: dto::Type::from_static(kind),
                    uri,
                }),
                permission: Some(dto::Permission::from_static(grant.permission.as_str())),
            }
        })
        .collect()
}
