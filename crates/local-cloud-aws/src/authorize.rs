//! Who may: collects the policies that have a say and lets `iam-policy` decide.

use crate::principal::{Kind, Principal};
use crate::state::iam;
use crate::story::ACCOUNT;
use iam_policy::{Attached, Context, Layers, Policy, Request};
use local_cloud::View;
use model::Timestamp;

/// Refused. The message is AWS's own sentence and names what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    pub message: String,
    /// A Deny statement applies; nothing else that would allow it can help.
    pub explicit: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// `s3:GetObject`
    pub action: &'a str,
    /// The ARN, or `*` for calls that act on no resource.
    pub resource: &'a str,
    /// The account that owns the resource.
    pub owner: &'a str,
    /// Bucket policy or trust policy.
    pub policy: Option<&'a Policy>,
    /// S3's RestrictPublicBuckets, of the bucket or of the account.
    pub restrict_public_buckets: bool,
}

impl<'a> Question<'a> {
    /// About something of this account that has no policy of its own.
    pub fn new(action: &'a str, resource: &'a str) -> Self {
        Question { action, resource, owner: ACCOUNT, policy: None, restrict_public_buckets: false }
    }

    #[must_use]
    pub fn under(mut self, policy: Option<&'a Policy>) -> Self {
        self.policy = policy;
        self
    }
}

/// What conditions may ask about a request, beside who makes it.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// By the lab's clock.
    pub time: Timestamp,
    /// As the signature's scope names it.
    pub region: &'a str,
    pub user_agent: &'a str,
}

impl Circumstances<'_> {
    /// The context every request has. Loopback counts as TLS: `aws:SecureTransport` is true
    /// on the plain endpoint too. Add the service's own keys (`s3:prefix`) to it.
    pub fn context(&self, principal: &Principal) -> Context {
        let mut context = principal.in_policies().context();
        context.set("aws:CurrentTime", self.time.to_seconds_text());
        context.set("aws:EpochTime", self.time.unix().to_string());
        context.set("aws:SecureTransport", "true");
        context.set("aws:RequestedRegion", self.region);
        context.set("aws:UserAgent", self.user_agent);
        context.set("aws:userid", principal.user_id());
        match &principal.kind {
            Kind::Service(_) => context.set("aws:ViaAWSService", "true"),
            _ => {
                context.set("aws:SourceIp", principal.origin.as_str());
                context.set("aws:ViaAWSService", "false");
            }
        }
        // Absent for long-lived keys, as the guide says.
        if let Some(session) = principal.session() {
            context.set("aws:MultiFactorAuthPresent", session.mfa.to_string());
            context.set("aws:TokenIssueTime", session.created_at.to_seconds_text());
            if let Some(source) = &session.source_identity {
                context.set("aws:SourceIdentity", source.as_str());
            }
        }
        context
    }
}

/// May this principal do this? `context` is [`Circumstances::context`] and what the service
/// adds to it.
pub fn authorize(
    view: &View<'_>,
    principal: &Principal,
    question: &Question<'_>,
    context: &Context,
) -> Result<(), Denied> {
    let mut request =
        Request::new(principal.in_policies(), question.action, question.resource, question.owner);
    request.context = context.clone();
    request.context.set("aws:ResourceAccount", question.owner);
    let own = iam::policies_of(view, principal);
    for (key, value) in &own.tags {
        request.context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
    }
    let layers = Layers {
        identity: refer(&own.identity),
        resource: question.policy.map(|policy| Attached::new("resource policy", policy)),
        boundary: own.boundary.as_ref().map(|(name, policy)| Attached::new(name, policy)),
        session: refer(&own.session),
        restrict_public_buckets: question.restrict_public_buckets,
        ..Layers::default()
    };
    let decision = iam_policy::evaluate(&request, &layers);
    match decision.message(&request) {
        None => Ok(()),
        Some(message) => {
            let explicit = decision.outcome == iam_policy::Outcome::ExplicitDeny;
            Err(Denied { message, explicit })
        }
    }
}

fn refer(list: &[(String, Policy)]) -> Vec<Attached<'_>> {
    list.iter().map(|(name, policy)| Attached::new(name, policy)).collect()
}
