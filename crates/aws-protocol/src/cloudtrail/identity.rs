//! Who called: the forms of `userIdentity`.

use crate::timestamp;
use serde::Serialize;
use time::OffsetDateTime;

/// The caller, in the forms that records show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    IamUser {
        principal_id: String,
        arn: String,
        account_id: String,
        access_key_id: Option<String>,
        user_name: String,
        /// Console and GetSessionToken sessions.
        session: Option<Session>,
        invoked_by: Option<String>,
    },
    AssumedRole {
        /// `AROA...:session`.
        principal_id: String,
        /// `arn:aws:sts::111122223333:assumed-role/Role/session`.
        arn: String,
        account_id: String,
        /// Absent on service-linked roles.
        access_key_id: Option<String>,
        issuer: Issuer,
        session: Session,
        /// `1.0` or `2.0` on sessions of an EC2 instance.
        ec2_role_delivery: Option<String>,
        invoked_by: Option<String>,
    },
    Root {
        account_id: String,
        access_key_id: Option<String>,
        session: Option<Session>,
    },
    /// A service for itself: `cloudtrail.amazonaws.com`.
    AwsService {
        invoked_by: String,
    },
    /// Someone of another account, as the resource's account sees it.
    AwsAccount {
        principal_id: String,
        account_id: String,
    },
    /// Nobody: an unsigned S3 request.
    Anonymous,
    /// An unsigned call that brings a token of an identity provider (AssumeRoleWithWebIdentity).
    WebIdentityUser {
        /// `<provider>:<audience>:<subject>`.
        principal_id: String,
        user_name: String,
        identity_provider: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub created_at: OffsetDateTime,
    pub mfa: bool,
    pub source_identity: Option<String>,
    /// Provider of the token that a role was assumed with: `arn:aws:iam::...:oidc-provider/...`.
    pub federated_provider: Option<String>,
}

/// The role behind a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    pub principal_id: String,
    pub arn: String,
    pub account_id: String,
    pub user_name: String,
}

impl Identity {
    pub(super) fn invoked_by(&self) -> Option<&str> {
        match self {
            Identity::IamUser { invoked_by, .. } | Identity::AssumedRole { invoked_by, .. } => {
                invoked_by.as_deref()
            }
            Identity::AwsService { invoked_by } => Some(invoked_by),
            _ => None,
        }
    }

    pub(super) fn is_session(&self) -> bool {
        matches!(
            self,
            Identity::AssumedRole { .. }
                | Identity::IamUser { session: Some(_), .. }
                | Identity::Root { session: Some(_), .. }
        )
    }

    /// What the event history calls the user: the IAM user's name, the role session's name, `root`.
    pub(super) fn display_name(&self) -> Option<String> {
        match self {
            Identity::IamUser { user_name, .. } | Identity::WebIdentityUser { user_name, .. } => {
                Some(user_name.clone())
            }
            Identity::AssumedRole { arn, .. } => arn.rsplit('/').next().map(str::to_owned),
            Identity::Root { .. } => Some("root".to_owned()),
            _ => None,
        }
    }

    pub(super) fn access_key_id(&self) -> Option<&str> {
        match self {
            Identity::IamUser { access_key_id, .. }
            | Identity::AssumedRole { access_key_id, .. }
            | Identity::Root { access_key_id, .. } => access_key_id.as_deref(),
            _ => None,
        }
    }

    pub(super) fn form(&self) -> Form {
        match self.clone() {
            Identity::IamUser {
                principal_id,
                arn,
                account_id,
                access_key_id,
                user_name,
                session,
                invoked_by,
            } => Form {
                kind: Some("IAMUser"),
                principal_id: Some(principal_id),
                arn: Some(arn),
                account_id: Some(account_id),
                access_key_id,
                user_name: Some(user_name),
                session_context: session.map(|session| Context::new(session, None, None)),
                invoked_by,
                ..Form::default()
            },
            Identity::AssumedRole {
                principal_id,
                arn,
                account_id,
                access_key_id,
                issuer,
                session,
                ec2_role_delivery,
                invoked_by,
            } => Form {
                kind: Some("AssumedRole"),
                principal_id: Some(principal_id),
                arn: Some(arn),
                account_id: Some(account_id),
                access_key_id,
                session_context: Some(Context::new(session, Some(issuer), ec2_role_delivery)),
                invoked_by,
                ..Form::default()
            },
            Identity::Root { account_id, access_key_id, session } => Form {
                kind: Some("Root"),
                principal_id: Some(account_id.clone()),
                arn: Some(format!("arn:aws:iam::{account_id}:root")),
                account_id: Some(account_id),
                access_key_id,
                session_context: session.map(|session| Context::new(session, None, None)),
                ..Form::default()
            },
            Identity::AwsService { invoked_by } => {
                Form { kind: Some("AWSService"), invoked_by: Some(invoked_by), ..Form::default() }
            }
            Identity::AwsAccount { principal_id, account_id } => Form {
                kind: Some("AWSAccount"),
                principal_id: Some(principal_id),
                account_id: Some(account_id),
                ..Form::default()
            },
            Identity::Anonymous => Form {
                kind: Some("AWSAccount"),
                principal_id: Some(String::new()),
                account_id: Some("ANONYMOUS_PRINCIPAL".to_owned()),
                ..Form::default()
            },
            Identity::WebIdentityUser { principal_id, user_name, identity_provider } => Form {
                kind: Some("WebIdentityUser"),
                principal_id: Some(principal_id),
                user_name: Some(user_name),
                identity_provider: Some(identity_provider),
                ..Form::default()
            },
        }
    }
}

/// `userIdentity` in the order of its keys.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<Context>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_provider: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_issuer: Option<IssuerForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    web_id_federation_data: Option<FederationForm>,
    attributes: Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ec2_role_delivery: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IssuerForm {
    #[serde(rename = "type")]
    kind: &'static str,
    principal_id: String,
    arn: String,
    account_id: String,
    user_name: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FederationForm {
    federated_provider: String,
    attributes: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    creation_date: String,
    /// A string in every record.
    mfa_authenticated: &'static str,
}

impl Context {
    fn new(session: Session, issuer: Option<Issuer>, ec2_role_delivery: Option<String>) -> Self {
        Context {
            session_issuer: issuer.map(|issuer| IssuerForm {
                kind: "Role",
                principal_id: issuer.principal_id,
                arn: issuer.arn,
                account_id: issuer.account_id,
                user_name: issuer.user_name,
            }),
            web_id_federation_data: session.federated_provider.map(|federated_provider| {
                FederationForm { federated_provider, attributes: Default::default() }
            }),
            attributes: Attributes {
                creation_date: timestamp::iso_seconds(session.created_at),
                mfa_authenticated: if session.mfa { "true" } else { "false" },
            },
            source_identity: session.source_identity,
            ec2_role_delivery,
        }
    }
}
