//! Why: the deciding statement, and AWS's own words for a refusal.

use crate::evaluate::{Decision, Outcome, Request, is_role_trust};
use crate::principal::Principal;
use std::fmt;

/// A kind of policy that has a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    Identity,
    Resource,
    /// A role's trust policy.
    Trust,
    Boundary,
    Session,
    ServiceControl,
    ResourceControl,
}

impl Layer {
    /// The noun of AWS's messages (guide, "Troubleshoot access denied error messages").
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Layer::Identity => "identity-based policy",
            Layer::Resource => "resource-based policy",
            Layer::Trust => "role trust policy",
            Layer::Boundary => "permissions boundary",
            Layer::Session => "session policy",
            Layer::ServiceControl => "service control policy",
            Layer::ResourceControl => "resource control policy",
        }
    }
}

/// Where a statement stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StatementRef {
    pub layer: Layer,
    /// The name that [`Attached`](crate::Attached) gave the policy.
    pub policy: String,
    /// Position in the document, from 0.
    pub index: usize,
    pub sid: Option<String>,
}

impl fmt::Display for StatementRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sid {
            Some(sid) if !sid.is_empty() => write!(f, "statement {sid:?}")?,
            _ => write!(f, "statement {}", self.index + 1)?,
        }
        write!(f, " of {} ({})", self.policy, self.layer.noun())
    }
}

/// What decided a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Because {
    /// This statement allows, or denies.
    Statement(StatementRef),
    /// An Allow of this layer was needed, and none fits.
    NothingAllows(Layer),
    /// The account's root user needs no policy in its own account.
    AccountRoot,
    /// RestrictPublicBuckets keeps strangers from a bucket whose policy is public.
    PublicAccessRestricted,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Because::Statement(statement) => write!(f, "{statement}"),
            Because::NothingAllows(layer) => write!(f, "no {} allows it", layer.noun()),
            Because::AccountRoot => f.write_str("the account's root user"),
            Because::PublicAccessRestricted => {
                f.write_str("RestrictPublicBuckets limits the public bucket policy to its account")
            }
        }
    }
}

impl Decision {
    /// The message of AWS's AccessDenied error; `None` for an Allow.
    ///
    /// S3 puts the resource in quotes, and says only `Access Denied` to callers of another
    /// account and to the anonymous.
    #[must_use]
    pub fn message(&self, request: &Request) -> Option<String> {
        if self.outcome == Outcome::Allow {
            return None;
        }
        let action = &request.action;
        let s3 = action.starts_with("s3:");
        let own = request.principal.account() == Some(request.resource_account.as_str());
        if s3 && !own {
            return Some("Access Denied".to_owned());
        }
        let reason = match &self.because {
            Because::Statement(statement) => {
                let article = match statement.layer {
                    Layer::Identity => "an",
                    Layer::Trust => "the",
                    _ => "a",
                };
                format!("with an explicit deny in {article} {}", statement.layer.noun())
            }
            Because::NothingAllows(layer) => {
                format!("because no {} allows the {action} action", layer.noun())
            }
            Because::AccountRoot | Because::PublicAccessRestricted => return None,
        };
        let user = match &request.principal {
            Principal::Anonymous => "anonymous".to_owned(),
            known => known.to_string(),
        };
        let resource = &request.resource;
        let on = match resource.as_str() {
            _ if s3 => format!(" on resource: \"{resource}\""),
            _ if is_role_trust(request) || resource != "*" => format!(" on resource: {resource}"),
            _ => " on resource: *".to_owned(),
        };
        Some(format!("User: {user} is not authorized to perform: {action}{on} {reason}"))
    }
}
