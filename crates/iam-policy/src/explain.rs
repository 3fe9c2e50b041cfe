//! Why: the deciding statement, and AWS's own words for a refusal.

use crate::evaluate::{Decision, Outcome, Request};
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
    /// Refusals by a trust policy do not name the role, as in the guide's examples. S3 says only
    /// `Access Denied` to callers of another account and to the anonymous.
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
            Because::AccountRoot | Because::PublicAccessRestricted => {
                return Some("Access Denied".to_owned());
            }
        };
        let trust = match &self.because {
            Because::Statement(statement) => statement.layer == Layer::Trust,
            because => *because == Because::NothingAllows(Layer::Trust),
        };
        Some(match trust {
            true => format!(
                "User: {} is not authorized to perform: {action} {reason}",
                request.principal
            ),
            false => request.refusal(&reason),
        })
    }
}

/// The reason of S3's refusal of PutBucketPolicy when the policy [`is_public`](crate::is_public)
/// and BlockPublicPolicy is on, for [`Request::refusal`] (S3 User Guide, "Troubleshoot access
/// denied (403 Forbidden) errors in Amazon S3").
pub const PUBLIC_POLICIES_PREVENTED: &str = "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access";

impl Request {
    /// AWS's sentence for a refusal: `User: .. is not authorized to perform: .. on resource: ..`
    /// and the reason. The resource is left out where there is none (`*`); S3 puts it in quotes.
    #[must_use]
    pub fn refusal(&self, reason: &str) -> String {
        let Request { principal, action, resource, .. } = self;
        let on = match resource.as_str() {
            "*" => String::new(),
            _ if action.starts_with("s3:") => format!(" on resource: \"{resource}\""),
            _ => format!(" on resource: {resource}"),
        };
        format!("User: {principal} is not authorized to perform: {action}{on} {reason}")
    }
}
