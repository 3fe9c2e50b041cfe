//! Who calls, and whether a `Principal` element means that caller.

use crate::context::Context;
use crate::document::PrincipalId;
use std::fmt;

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A request without a signature.
    Anonymous,
    /// The account itself: `arn:aws:iam::ACCOUNT:root`.
    Root { account: String },
    User {
        /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`
        arn: String,
    },
    /// A role at work. Policies may name the role (then boundary and session policy cap what
    /// they grant) or this very session (then they do not).
    Session {
        /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`
        arn: String,
        /// `arn:aws:iam::ACCOUNT:role/PATH/ROLE`: the session's own ARN does not tell the path.
        role: String,
    },
    /// `arn:aws:sts::ACCOUNT:federated-user/NAME`, made by GetFederationToken.
    FederatedUser { arn: String },
    /// An AWS service: `cloudtrail.amazonaws.com`.
    Service(String),
    /// Somebody whom an identity provider vouches for, on the way into a role: the provider's
    /// ARN, or `cognito-identity.amazonaws.com` and the like.
    Federated(String),
}

impl Principal {
    /// Reads an ARN of a user, session, federated user or root. A session's role is taken to have
    /// no path; use [`Principal::Session`] where it is known.
    #[must_use]
    pub fn from_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts.as_slice() else {
            return None;
        };
        let own = || arn.to_owned();
        match (*service, resource.split_once('/')) {
            ("iam", None) if *resource == "root" => {
                Some(Principal::Root { account: (*account).to_owned() })
            }
            ("iam", Some(("user", _))) => Some(Principal::User { arn: own() }),
            ("iam", Some(("role", _))) => Some(Principal::Session { arn: own(), role: own() }),
            ("sts", Some(("federated-user", _))) => Some(Principal::FederatedUser { arn: own() }),
            ("sts", Some(("assumed-role", rest))) => {
                let (role, _session) = rest.split_once('/')?;
                let role = format!("arn:{partition}:iam::{account}:role/{role}");
                Some(Principal::Session { arn: own(), role })
            }
            _ => None,
        }
    }

    /// The account the caller belongs to; nobody's for the anonymous, services and federated.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Principal::Root { account } => Some(account),
            Principal::User { arn }
            | Principal::Session { arn, .. }
            | Principal::FederatedUser { arn } => arn.split(':').nth(4),
            Principal::Anonymous | Principal::Service(_) | Principal::Federated(_) => None,
        }
    }

    /// The condition keys that follow from who calls (guide, "Properties of the principal" and
    /// "Principal key values"). `aws:userid` of users and sessions is an id that IAM assigned: set
    /// it where it is known.
    #[must_use]
    pub fn context(&self) -> Context {
        let mut context = Context::new();
        let mut aws = |kind: &str, arn: &str| {
            context.set("aws:PrincipalType", kind);
            context.set("aws:PrincipalArn", arn);
            context.set("aws:PrincipalIsAWSService", "false");
            if let Some(account) = self.account() {
                context.set("aws:PrincipalAccount", account);
            }
        };
        match self {
            Principal::Anonymous => {
                context.set("aws:PrincipalType", "Anonymous");
                context.set("aws:userid", "anonymous");
            }
            Principal::Root { account } => {
                aws("Account", &format!("arn:aws:iam::{account}:root"));
                context.set("aws:userid", account.as_str());
            }
            Principal::User { arn } => {
                aws("User", arn);
                if let Some((_, name)) = arn.rsplit_once('/') {
                    context.set("aws:username", name);
                }
            }
            Principal::Session { role, .. } => aws("AssumedRole", role),
            Principal::FederatedUser { arn } => {
                aws("FederatedUser", arn);
                if let (Some(account), Some((_, name))) = (self.account(), arn.split_once('/')) {
                    context.set("aws:userid", format!("{account}:{name}"));
                }
            }
            Principal::Service(name) => {
                context.set("aws:PrincipalIsAWSService", "true");
                context.set("aws:PrincipalServiceName", name.as_str());
            }
            Principal::Federated(provider) => context.set("aws:FederatedProvider", provider),
        }
        context
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Anonymous => f.write_str("anonymous"),
            Principal::Root { account } => write!(f, "arn:aws:iam::{account}:root"),
            Principal::User { arn }
            | Principal::Session { arn, .. }
            | Principal::FederatedUser { arn } => f.write_str(arn),
            Principal::Service(name) | Principal::Federated(name) => f.write_str(name),
        }
    }
}

/// How closely a `Principal` element means the caller; a later one grants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// By account: leaves it to the account's own policies.
    Account,
    /// By role: grants, but boundary and session policy cap it.
    Role,
    /// By its own name, or as everyone: grants, and nothing but a Deny or an SCP caps it.
    Direct,
}

/// Whether an entry of a `Principal` element means the caller. Wildcards have no meaning here
/// (the guide: "you cannot use a wildcard to match part of a principal name or ARN").
pub(crate) fn names(id: &PrincipalId, caller: &Principal) -> Option<Named> {
    match (id, caller) {
        (PrincipalId::Everyone, _) => Some(Named::Direct),
        (PrincipalId::Aws(id), _) => names_aws(id, caller),
        (PrincipalId::Service(id), Principal::Service(name)) => {
            (id == "*" || id.eq_ignore_ascii_case(name)).then_some(Named::Direct)
        }
        (PrincipalId::Federated(id), Principal::Federated(name)) => {
            (id == "*" || id == name).then_some(Named::Direct)
        }
        // S3 stores the ARN for a canonical user id when the policy is put; what is left names
        // somebody whom these requests do not know, such as a CloudFront origin identity.
        (PrincipalId::CanonicalUser(_), _)
        | (PrincipalId::Service(_) | PrincipalId::Federated(_), _) => None,
    }
}

fn names_aws(id: &str, caller: &Principal) -> Option<Named> {
    let account = caller.account()?;
    let means_account = id == account
        || id.split_once(":iam::").is_some_and(|(partition, rest)| {
            partition.starts_with("arn:") && rest.strip_suffix(":root") == Some(account)
        });
    match caller {
        _ if means_account => Some(Named::Account),
        Principal::User { arn } | Principal::FederatedUser { arn } if id == arn => {
            Some(Named::Direct)
        }
        Principal::Session { role, .. } if id == role => Some(Named::Role),
        Principal::Session { arn, .. } if id == arn => Some(Named::Direct),
        _ => None,
    }
}
