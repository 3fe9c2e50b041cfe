//! The decision: which layers apply to a caller, and what they say together.
//!
//! IAM User Guide, "Policy evaluation logic": a Deny anywhere wins; organisation policies cap;
//! within an account a policy of the identity *or* of the resource is enough, across accounts
//! both are needed; boundaries and session policies cap what the identity's policies grant, and
//! what a resource policy grants to the role, but not what it grants to the session or user by
//! name.

use crate::condition;
use crate::context::Context;
use crate::document::{Effect, Policy, Principals, Selection, Statement, Version};
use crate::explain::{Because, Layer, StatementRef};
use crate::pattern;
use crate::principal::{Named, Principal, names};
use crate::public::is_public;

/// One call to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub principal: Principal,
    /// `s3:GetObject`
    pub action: String,
    /// The ARN, or `*` for calls that act on no resource. Not a pattern.
    pub resource: String,
    /// The account that owns the resource: S3 ARNs do not tell.
    pub resource_account: String,
    pub context: Context,
}

impl Request {
    /// A request whose context holds what follows from the caller ([`Principal::context`]) and
    /// `aws:ResourceAccount`; add the rest by [`Request::with`].
    #[must_use]
    pub fn new(principal: Principal, action: &str, resource: &str, resource_account: &str) -> Self {
        let mut context = principal.context();
        context.set("aws:ResourceAccount", resource_account);
        Request {
            principal,
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: resource_account.to_owned(),
            context,
        }
    }

    /// Adds a condition key with one value.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context.set(key, value);
        self
    }
}

/// A policy and what it is called in an explanation: `inline policy ops`,
/// `arn:aws:iam::aws:policy/ReadOnlyAccess`.
#[derive(Debug, Clone, Copy)]
pub struct Attached<'a> {
    pub name: &'a str,
    pub policy: &'a Policy,
}

impl<'a> Attached<'a> {
    #[must_use]
    pub fn new(name: &'a str, policy: &'a Policy) -> Self {
        Attached { name, policy }
    }
}

/// Every policy that has a say. Empty means: there is none of that kind.
#[derive(Debug, Clone, Default)]
pub struct Layers<'a> {
    /// Inline and managed policies of the user and its groups, or of the role.
    pub identity: Vec<Attached<'a>>,
    /// The bucket policy, key policy, or the role's trust policy.
    pub resource: Option<Attached<'a>>,
    /// The permissions boundary.
    pub boundary: Option<Attached<'a>>,
    /// Session policies given to AssumeRole or GetFederationToken.
    pub session: Vec<Attached<'a>>,
    /// Service control policies of the caller's account, one list a level (root, units, account).
    /// Leave empty for the management account and for service-linked roles, which they do not
    /// reach.
    pub scps: Vec<Vec<Attached<'a>>>,
    /// Resource control policies of the resource's account, one list a level.
    pub rcps: Vec<Vec<Attached<'a>>>,
    /// S3's RestrictPublicBuckets, of bucket or account: a *public* bucket policy
    /// ([`is_public`]) then lets in only AWS services and the owner's own account.
    pub restrict_public_buckets: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Allow,
    /// Nothing allows it.
    ImplicitDeny,
    /// A Deny statement applies.
    ExplicitDeny,
}

/// The answer, and what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub outcome: Outcome,
    pub because: Because,
}

impl Decision {
    #[must_use]
    pub fn is_allow(&self) -> bool {
        self.outcome == Outcome::Allow
    }

    fn missing(layer: Layer) -> Self {
        Decision { outcome: Outcome::ImplicitDeny, because: Because::NothingAllows(layer) }
    }
}

/// Decides a request.
#[must_use]
pub fn evaluate(request: &Request, layers: &Layers<'_>) -> Decision {
    let resource_layer = if is_role_trust(request) { Layer::Trust } else { Layer::Resource };
    let identity_side = request.principal.account().is_some();

    let rcps = levels(request, layers, &layers.rcps, Layer::ResourceControl);
    let scps = match identity_side {
        true => levels(request, layers, &layers.scps, Layer::ServiceControl),
        false => Verdicts::default(),
    };
    let mut resource = Verdicts::of(request, layers, layers.resource.as_slice(), resource_layer);
    let [identity, boundary, session] = match identity_side {
        true => [
            Verdicts::of(request, layers, &layers.identity, Layer::Identity),
            Verdicts::of(request, layers, layers.boundary.as_slice(), Layer::Boundary),
            Verdicts::of(request, layers, &layers.session, Layer::Session),
        ],
        false => Default::default(),
    };
    let same_account = request.principal.account() == Some(request.resource_account.as_str());
    let root = matches!(request.principal, Principal::Root { .. });
    if root && same_account && BUCKET_POLICY_ACTIONS.iter().any(|a| same(a, &request.action)) {
        resource.deny = None;
    }

    for layer in [&rcps, &scps, &resource, &identity, &boundary, &session] {
        if let Some(statement) = &layer.deny {
            let because = Because::Statement(statement.clone());
            return Decision { outcome: Outcome::ExplicitDeny, because };
        }
    }
    let blocked = layers.restrict_public_buckets
        && !same_account
        && !matches!(request.principal, Principal::Service(_))
        && layers.resource.is_some_and(|attached| is_public(attached.policy));
    if blocked {
        let because = Because::PublicAccessRestricted;
        return Decision { outcome: Outcome::ImplicitDeny, because };
    }
    for (layer, caps) in [(Layer::ResourceControl, &rcps), (Layer::ServiceControl, &scps)] {
        if caps.missing {
            return Decision::missing(layer);
        }
    }

    let allow = |statement: StatementRef| Decision {
        outcome: Outcome::Allow,
        because: Because::Statement(statement),
    };
    let grant = resource.allow;
    if !identity_side {
        return grant.map_or(Decision::missing(resource_layer), |(_, statement)| allow(statement));
    }
    let needs_resource = !same_account || is_role_trust(request) || is_key(request);
    if needs_resource && grant.is_none() {
        return Decision::missing(resource_layer);
    }
    if same_account && let Some((Named::Direct, statement)) = &grant {
        return allow(statement.clone());
    }
    let granted_to_role = match &grant {
        Some((Named::Role, statement)) if same_account => Some(statement.clone()),
        _ => None,
    };
    let decided = match (granted_to_role, identity.allow) {
        (Some(statement), _) | (None, Some((_, statement))) => allow(statement),
        (None, None) if root => Decision { outcome: Outcome::Allow, because: Because::AccountRoot },
        (None, None) => return Decision::missing(Layer::Identity),
    };
    if layers.boundary.is_some() && boundary.allow.is_none() {
        return Decision::missing(Layer::Boundary);
    }
    if !layers.session.is_empty() && session.allow.is_none() {
        return Decision::missing(Layer::Session);
    }
    decided
}

/// What the root user of the owner's account may always do, so that nobody can lock a bucket for
/// good (S3 API reference, PutBucketPolicy).
const BUCKET_POLICY_ACTIONS: [&str; 3] =
    ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"];

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

fn arn_part(arn: &str, index: usize) -> &str {
    arn.splitn(6, ':').nth(index).unwrap_or_default()
}

/// Getting into a role: its trust policy must allow, an identity policy alone does not do.
fn is_role_trust(request: &Request) -> bool {
    let sts = request.action.split_once(':').is_some_and(|(service, _)| same(service, "sts"));
    sts && arn_part(&request.resource, 2) == "iam"
        && arn_part(&request.resource, 5).starts_with("role/")
}

/// KMS keys: the key policy must allow, by naming the caller or the account.
fn is_key(request: &Request) -> bool {
    arn_part(&request.resource, 2) == "kms" && arn_part(&request.resource, 5).starts_with("key/")
}

/// What one layer says.
#[derive(Debug, Default)]
struct Verdicts {
    deny: Option<StatementRef>,
    /// The statement that grants most.
    allow: Option<(Named, StatementRef)>,
    /// Of organisation policies: some level allows nothing that fits.
    missing: bool,
}

impl Verdicts {
    fn of(request: &Request, layers: &Layers<'_>, docs: &[Attached<'_>], layer: Layer) -> Self {
        let mut verdicts = Verdicts::default();
        for attached in docs {
            for (index, statement) in attached.policy.statements.iter().enumerate() {
                let bounded = layers.boundary.is_some();
                let version = attached.policy.version;
                let Some(named) = applies(statement, version, request, layer, bounded) else {
                    continue;
                };
                let found = || StatementRef {
                    layer,
                    policy: attached.name.to_owned(),
                    index,
                    sid: statement.sid.clone(),
                };
                match statement.effect {
                    Effect::Deny if verdicts.deny.is_none() => verdicts.deny = Some(found()),
                    Effect::Allow
                        if verdicts.allow.as_ref().is_none_or(|(best, _)| *best < named) =>
                    {
                        verdicts.allow = Some((named, found()));
                    }
                    _ => {}
                }
            }
        }
        verdicts
    }
}

/// Organisation policies: a union within a level, and each level must allow.
fn levels(
    request: &Request,
    layers: &Layers<'_>,
    levels: &[Vec<Attached<'_>>],
    layer: Layer,
) -> Verdicts {
    let mut all = Verdicts::default();
    for level in levels {
        let verdicts = Verdicts::of(request, layers, level, layer);
        all.missing |= verdicts.allow.is_none();
        all.deny = all.deny.or(verdicts.deny);
    }
    all
}

/// Whether a statement is about this request, and how closely it means the caller.
fn applies(
    statement: &Statement,
    version: Version,
    request: &Request,
    layer: Layer,
    bounded: bool,
) -> Option<Named> {
    let named = match &statement.principals {
        // A resource policy without Principal means nobody; the services refuse to store it.
        Principals::Implied if matches!(layer, Layer::Resource | Layer::Trust) => return None,
        Principals::Implied => Named::Direct,
        Principals::Only(ids) => ids.iter().filter_map(|id| names(id, &request.principal)).max()?,
        // The guide: a NotPrincipal with Deny always denies an identity that has a boundary,
        // whatever it lists.
        Principals::AllBut(_) if bounded && statement.effect == Effect::Deny => Named::Direct,
        Principals::AllBut(ids) => {
            match ids.iter().any(|id| names(id, &request.principal).is_some()) {
                true => return None,
                false => Named::Direct,
            }
        }
    };
    let variables = version == Version::V2012;
    let context = &request.context;
    let action_fits = |pattern: &str| {
        pattern::bind(pattern, None).map(|tokens| pattern::matches_folded(&tokens, &request.action))
    };
    let resource_fits = |pattern: &str| {
        pattern::matches_resource(pattern, &request.resource, variables.then_some(context))
    };
    let about = selects(&statement.actions, action_fits)
        && statement.resources.as_ref().is_none_or(|resources| selects(resources, resource_fits))
        && statement.conditions.iter().all(|c| condition::holds(c, context, variables));
    about.then_some(named)
}

/// `fits` is `None` where a pattern holds a variable without value: it selects nothing, and in a
/// `NotResource` it makes the whole element select nothing, so that it never widens.
fn selects(selection: &Selection, fits: impl Fn(&str) -> Option<bool>) -> bool {
    match selection {
        Selection::Only(patterns) => patterns.iter().any(|pattern| fits(pattern) == Some(true)),
        Selection::AllBut(patterns) => patterns.iter().all(|pattern| fits(pattern) == Some(false)),
    }
}
