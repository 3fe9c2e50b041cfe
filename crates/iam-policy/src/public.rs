//! Exposure of a bucket policy: S3's rule for *public*, and what anybody may do.

use crate::condition::network;
use crate::context::Context;
use crate::document::{Condition, Effect, Policy, PrincipalId, Principals, Selection, Statement};
use crate::evaluate::{Attached, Layers, Request, evaluate};
use crate::operator::{Quantifier, Test};
use crate::principal::Principal;
use std::net::IpAddr;

/// Whether S3 calls a bucket policy public (S3 User Guide, "Blocking public access", "The meaning
/// of public"): BlockPublicPolicy refuses such a policy, RestrictPublicBuckets defuses it,
/// GetBucketPolicyStatus reports it.
///
/// Every Allow must be limited to fixed values, either by its principals or by one of the listed
/// condition keys. Deny statements are not considered. One public statement makes the whole
/// policy public.
#[must_use]
pub fn is_public(policy: &Policy) -> bool {
    policy.statements.iter().any(opens)
}

/// The indexes of the statements that make it so.
#[must_use]
pub fn public_statements(policy: &Policy) -> Vec<usize> {
    policy.statements.iter().enumerate().filter(|(_, s)| opens(s)).map(|(i, _)| i).collect()
}

fn opens(statement: &Statement) -> bool {
    let strangers = match &statement.principals {
        Principals::Implied => false,
        Principals::AllBut(_) => true,
        Principals::Only(ids) => ids.iter().any(|id| match id {
            PrincipalId::Everyone => true,
            PrincipalId::Aws(id) | PrincipalId::Service(id) => !is_fixed(id),
            // The guide's own example: whoever can sign in at an identity provider.
            PrincipalId::Federated(_) => true,
            PrincipalId::CanonicalUser(_) => false,
        }),
    };
    statement.effect == Effect::Allow && strangers && !statement.conditions.iter().any(limits)
}

/// Keys that limit an Allow when they are compared with fixed values: the guide's list, and for
/// its "AWS principal, user, role, or service principal (e.g. aws:PrincipalOrgID)" the global keys
/// that say the same.
const LIMITING_KEYS: [&str; 16] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Whether a condition limits its statement to fixed values. Anything that also holds for an
/// absent key (`IfExists`, `ForAllValues`, negations) limits nobody.
fn limits(condition: &Condition) -> bool {
    let operator = condition.operator;
    let key = condition.key.to_lowercase();
    let positive = matches!(
        operator.test,
        Test::StringEquals
            | Test::StringEqualsIgnoreCase
            | Test::StringLike
            | Test::ArnEquals
            | Test::ArnLike
            | Test::IpAddress
    );
    if !positive
        || operator.if_exists
        || operator.quantifier == Some(Quantifier::ForAllValues)
        || !LIMITING_KEYS.contains(&key.as_str())
    {
        return false;
    }
    condition.values.iter().all(|value| match key.as_str() {
        "aws:sourceip" => operator.test == Test::IpAddress && is_narrow(value),
        // The name of the access point may be a pattern, its account may not.
        "s3:dataaccesspointarn" => value.split(':').nth(4).is_some_and(is_fixed),
        _ => is_fixed(value),
    })
}

/// A value with a wildcard or a policy variable is not fixed.
fn is_fixed(text: &str) -> bool {
    !text.is_empty() && !text.contains(['*', '?']) && !text.contains("${")
}

/// S3 takes ranges wider than /8 (IPv4) or /32 (IPv6) for the whole internet. It excepts the
/// private ranges of RFC 1918, the widest of which is 10.0.0.0/8.
fn is_narrow(text: &str) -> bool {
    match network(text) {
        Some((IpAddr::V4(_), bits)) => bits >= 8,
        Some((IpAddr::V6(_), bits)) => bits >= 32,
        None => false,
    }
}

/// Whether a request without a signature gets through this policy of a resource. The context is
/// the caller's own to fill: source address, `aws:SecureTransport`, time.
#[must_use]
pub fn anonymous_allows(policy: &Policy, action: &str, resource: &str, context: &Context) -> bool {
    let mut request = Request::new(Principal::Anonymous, action, resource, "");
    request.context = context.clone();
    let layers =
        Layers { resource: Some(Attached::new("resource policy", policy)), ..Layers::default() };
    evaluate(&request, &layers).is_allow()
}

/// Something that anybody on the internet may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnonymousAccess {
    pub action: &'static str,
    /// The resource, as the policy writes it where it writes one: `arn:aws:s3:::b/reports/*`.
    pub resource: String,
}

/// The calls that reach the data of a bucket, and whether they act on objects.
const DATA_ACTIONS: [(&str, bool); 6] = [
    ("s3:GetObject", true),
    ("s3:ListBucket", false),
    ("s3:PutObject", true),
    ("s3:DeleteObject", true),
    ("s3:GetObjectVersion", true),
    ("s3:ListBucketVersions", false),
];

/// Resource patterns that are tried; a bucket policy of 20 KB has room for a few hundred.
const MAX_PATTERNS: usize = 200;

/// What a bucket policy lets the anonymous do with the bucket's data, decided by the evaluator for
/// one object of each kind that the policy tells apart: any object, and one that fits each of its
/// resource patterns.
#[must_use]
pub fn anonymous_access(policy: &Policy, bucket: &str, context: &Context) -> Vec<AnonymousAccess> {
    let bucket_arn = format!("arn:aws:s3:::{bucket}");
    let prefix = format!("{bucket_arn}/");
    let mut objects = vec![format!("{prefix}*")];
    for statement in &policy.statements {
        if let Some(Selection::Only(patterns)) = &statement.resources {
            objects.extend(patterns.iter().filter(|p| p.starts_with(&prefix)).cloned());
        }
    }
    objects.truncate(MAX_PATTERNS);
    let mut access = Vec::new();
    for (action, on_objects) in DATA_ACTIONS {
        let resources =
            if on_objects { objects.as_slice() } else { std::slice::from_ref(&bucket_arn) };
        let open = |pattern: &&String| {
            anonymous_allows(policy, action, &pattern.replace(['*', '?'], "x"), context)
        };
        if let Some(resource) = resources.iter().find(open) {
            access.push(AnonymousAccess { action, resource: resource.clone() });
        }
    }
    access
}
