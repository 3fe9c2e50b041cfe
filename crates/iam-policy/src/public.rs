//! Exposure of a bucket policy: S3's rule for *public*, and what anybody may do.

use crate::condition::network;
use crate::context::Context;
use crate::document::{Condition, Effect, Policy, PrincipalId, Principals, Statement};
use crate::evaluate::{Attached, Layers, Request, evaluate};
use crate::operator::{Quantifier, Test};
use crate::principal::Principal;
use std::net::IpAddr;

/// Whether S3 calls a bucket policy public (S3 User Guide, "Blocking public access", "The meaning
/// of public"): BlockPublicPolicy refuses such a policy, RestrictPublicBuckets defuses it,
/// GetBucketPolicyStatus reports it.
///
/// Every Allow must be limited to fixed values, either by its principals or by one of the listed
/// condition keys. Deny statements are not considered.
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
    let everyone = match &statement.principals {
        Principals::Implied => false,
        Principals::AllBut(_) => true,
        Principals::Only(ids) => ids.iter().any(|id| match id {
            PrincipalId::Everyone => true,
            PrincipalId::Aws(id) | PrincipalId::Service(id) | PrincipalId::Federated(id) => {
                is_open_text(id)
            }
            PrincipalId::CanonicalUser(_) => false,
        }),
    };
    statement.effect == Effect::Allow && everyone && !statement.conditions.iter().any(limits)
}

/// Keys that limit an Allow when they are compared with fixed values.
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
        "s3:dataaccesspointarn" => {
            value.splitn(6, ':').nth(4).is_some_and(|account| !is_open_text(account))
        }
        _ => !is_open_text(value),
    })
}

/// A value with a wildcard or a policy variable is not fixed.
fn is_open_text(text: &str) -> bool {
    text.contains(['*', '?']) || text.contains("${") || text.is_empty()
}

/// S3 takes ranges wider than /8 (IPv4) or /32 (IPv6) for the whole internet, private ones
/// excepted.
fn is_narrow(text: &str) -> bool {
    match network(text) {
        Some((IpAddr::V4(address), bits)) => bits >= 8 || (address.is_private() && bits >= 8),
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
