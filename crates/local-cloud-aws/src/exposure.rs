//! Would an anonymous request succeed, and why: bucket policy, Block Public Access of bucket
//! and account, ACLs and who owns objects, together. Pure.
//!
//! From the S3 User Guide, "How Amazon S3 authorizes a request", "Blocking public access to
//! your Amazon S3 storage" and "Controlling ownership of objects and disabling ACLs":
//!
//! | what | does |
//! | --- | --- |
//! | a Deny of the policy that applies | refuses, whatever else allows |
//! | an Allow of the policy that applies | allows |
//! | RestrictPublicBuckets, bucket or account | the policy allows strangers nothing if it is public |
//! | BlockPublicPolicy, BlockPublicAcls | refuse a later put; what is there stays |
//! | an ACL grant to AllUsers | allows |
//! | IgnorePublicAcls, bucket or account | grants to AllUsers and AuthenticatedUsers do nothing |
//! | BucketOwnerEnforced | no ACL does anything |

use crate::state::s3::{
    ALL_USERS, AUTHENTICATED_USERS, Acl, Grantee, Ownership, Permission, PublicAccessBlock,
};
use iam_policy::{Attached, Because, Context, Layers, Outcome, Policy, Principal, Request};

/// Everything that has a say in who may reach a bucket and one of its objects.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    pub policy: Option<&'a Policy>,
    /// `None`: there is no configuration, which counts as all off.
    pub bucket_block: Option<PublicAccessBlock>,
    pub account_block: Option<PublicAccessBlock>,
    /// `None`: there is no configuration, which counts as `ObjectWriter`.
    pub ownership: Option<Ownership>,
    pub bucket_acl: &'a Acl,
    /// The object that is asked for, if it exists.
    pub object_acl: Option<&'a Acl>,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The statement with this index allows it.
    PolicyAllows(usize),
    /// The statement with this index denies it.
    PolicyDenies(usize),
    /// A grant of the bucket's or the object's ACL.
    AclGrants(Permission),
    /// The policy would allow it, but it is public and RestrictPublicBuckets is on.
    PublicPolicyRestricted,
    /// An ACL would allow it, but IgnorePublicAcls is on.
    PublicAclIgnored,
    /// An ACL would allow it, but ACLs are disabled by BucketOwnerEnforced.
    AclsDisabled,
    NothingAllows,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    pub open: bool,
    pub why: Why,
}

/// Whose grants count for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester<'a> {
    Anonymous,
    /// Somebody with an account, by its canonical user id.
    Account(&'a str),
}

impl Standing<'_> {
    fn block(&self) -> PublicAccessBlock {
        self.bucket_block.unwrap_or_default().or(self.account_block.unwrap_or_default())
    }

    fn acls_disabled(&self) -> bool {
        self.ownership == Some(Ownership::BucketOwnerEnforced)
    }
}

/// Would an anonymous request for this action on this resource succeed? The context is what
/// conditions ask about: source address, `aws:SecureTransport`, time.
pub fn anonymous(
    standing: &Standing<'_>,
    action: &str,
    resource: &str,
    context: &Context,
) -> Exposure {
    let closed = match by_policy(standing, action, resource, context) {
        Some(found) if found.open || matches!(found.why, Why::PolicyDenies(_)) => return found,
        Some(restricted) => restricted,
        None => Exposure { open: false, why: Why::NothingAllows },
    };
    match by_acl(standing, action, Requester::Anonymous) {
        // Of two reasons why not, the policy's is told: it is the one that opens more.
        Some(acl) if acl.open || closed.why == Why::NothingAllows => acl,
        _ => closed,
    }
}

/// What the policy says; `None`: nothing.
fn by_policy(
    standing: &Standing<'_>,
    action: &str,
    resource: &str,
    context: &Context,
) -> Option<Exposure> {
    let policy = standing.policy?;
    let mut request = Request::new(Principal::Anonymous, action, resource, "");
    request.context = context.clone();
    let mut layers =
        Layers { resource: Some(Attached::new("bucket policy", policy)), ..Layers::default() };
    let decision = iam_policy::evaluate(&request, &layers);
    let index = match decision.because {
        Because::Statement(statement) => statement.index,
        _ => return None,
    };
    if decision.outcome != Outcome::Allow {
        return Some(Exposure { open: false, why: Why::PolicyDenies(index) });
    }
    layers.restrict_public_buckets = standing.block().restrict_public_buckets;
    Some(match iam_policy::evaluate(&request, &layers).is_allow() {
        true => Exposure { open: true, why: Why::PolicyAllows(index) },
        false => Exposure { open: false, why: Why::PublicPolicyRestricted },
    })
}

/// What the ACLs say for a requester; `None`: they grant nothing.
pub fn by_acl(standing: &Standing<'_>, action: &str, who: Requester<'_>) -> Option<Exposure> {
    let (on_object, needed) = permission_for(action)?;
    let acl = match on_object {
        true => standing.object_acl?,
        false => standing.bucket_acl,
    };
    let mut public = None;
    for grant in &acl.grants {
        if grant.permission != needed && grant.permission != Permission::FullControl {
            continue;
        }
        match (&grant.grantee, who) {
            (Grantee::User(id), Requester::Account(caller)) if id == caller => {
                return Some(match standing.acls_disabled() {
                    true => Exposure { open: false, why: Why::AclsDisabled },
                    false => Exposure { open: true, why: Why::AclGrants(grant.permission) },
                });
            }
            (Grantee::Group(uri), _) if uri == ALL_USERS => public = Some(grant.permission),
            (Grantee::Group(uri), Requester::Account(_)) if uri == AUTHENTICATED_USERS => {
                public = Some(grant.permission);
            }
            _ => {}
        }
    }
    let permission = public?;
    Some(if standing.acls_disabled() {
        Exposure { open: false, why: Why::AclsDisabled }
    } else if standing.block().ignore_public_acls {
        Exposure { open: false, why: Why::PublicAclIgnored }
    } else {
        Exposure { open: true, why: Why::AclGrants(permission) }
    })
}

/// The ACL permission behind an action, and whether it is the object's ACL that counts ("ACL
/// permissions and access policy permissions").
fn permission_for(action: &str) -> Option<(bool, Permission)> {
    Some(match action {
        "s3:ListBucket" | "s3:ListBucketVersions" | "s3:ListBucketMultipartUploads" => {
            (false, Permission::Read)
        }
        "s3:PutObject" | "s3:DeleteObject" => (false, Permission::Write),
        "s3:GetBucketAcl" => (false, Permission::ReadAcp),
        "s3:PutBucketAcl" => (false, Permission::WriteAcp),
        "s3:GetObject" | "s3:GetObjectVersion" => (true, Permission::Read),
        "s3:GetObjectAcl" | "s3:GetObjectVersionAcl" => (true, Permission::ReadAcp),
        "s3:PutObjectAcl" | "s3:PutObjectVersionAcl" => (true, Permission::WriteAcp),
        _ => return None,
    })
}

#[cfg(test)]
#[path = "exposure_tests.rs"]
mod tests;
