//! Who makes a call, as every AWS service here sees it.

use aws_protocol::cloudtrail::{Identity, Issuer};
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// The caller of one request: identified and verified, not yet allowed anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub kind: Kind,
    /// The account it belongs to; empty for the anonymous and for services.
    pub account: String,
    /// The key that signed; `None` for the anonymous and for services.
    pub access_key_id: Option<String>,
    /// The address that its calls show.
    pub origin: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request without a signature.
    Anonymous,
    User {
        name: String,
        /// `AIDA...`
        id: String,
        arn: String,
        /// Temporary credentials of GetSessionToken.
        session: Option<Session>,
    },
    Role {
        name: String,
        /// `AROA...`
        id: String,
        /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`
        arn: String,
        session_name: String,
        session: Session,
    },
    /// An AWS service that acts by itself: `codebuild.amazonaws.com`.
    Service(String),
}

/// Temporary credentials, beside who holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// By the lab's clock, which records carry.
    pub created_at: Timestamp,
    /// By the real clock, which clients go by.
    pub expires_at: Timestamp,
    pub mfa: bool,
    pub source_identity: Option<String>,
    /// Session policies, name and text; they cap what the identity may do.
    pub policies: Vec<(String, String)>,
}

impl Principal {
    pub fn anonymous(origin: String) -> Self {
        Principal { kind: Kind::Anonymous, account: String::new(), access_key_id: None, origin }
    }

    pub fn service(name: &str) -> Self {
        Principal {
            kind: Kind::Service(name.to_owned()),
            account: String::new(),
            access_key_id: None,
            origin: name.to_owned(),
        }
    }

    pub fn is_anonymous(&self) -> bool {
        self.kind == Kind::Anonymous
    }

    /// What GetCallerIdentity and every refusal call it.
    pub fn arn(&self) -> String {
        match &self.kind {
            Kind::Anonymous => "anonymous".to_owned(),
            Kind::User { arn, .. } => arn.clone(),
            Kind::Role { name, session_name, .. } => {
                format!("arn:aws:sts::{}:assumed-role/{name}/{session_name}", self.account)
            }
            Kind::Service(name) => name.clone(),
        }
    }

    /// `aws:userid`: the user's id, or the role's with the session's name.
    pub fn user_id(&self) -> String {
        match &self.kind {
            Kind::Anonymous => "anonymous".to_owned(),
            Kind::User { id, .. } => id.clone(),
            Kind::Role { id, session_name, .. } => format!("{id}:{session_name}"),
            Kind::Service(name) => name.clone(),
        }
    }

    pub fn session(&self) -> Option<&Session> {
        match &self.kind {
            Kind::User { session, .. } => session.as_ref(),
            Kind::Role { session, .. } => Some(session),
            Kind::Anonymous | Kind::Service(_) => None,
        }
    }

    /// As policies name it.
    pub fn in_policies(&self) -> iam_policy::Principal {
        match &self.kind {
            Kind::Anonymous => iam_policy::Principal::Anonymous,
            Kind::User { arn, .. } => iam_policy::Principal::User { arn: arn.clone() },
            Kind::Role { arn, .. } => {
                iam_policy::Principal::Session { arn: self.arn(), role: arn.clone() }
            }
            Kind::Service(name) => iam_policy::Principal::Service(name.clone()),
        }
    }

    /// As records show it.
    pub fn identity(&self) -> Identity {
        match &self.kind {
            Kind::Anonymous => Identity::Anonymous,
            Kind::User { name, id, arn, session } => Identity::IamUser {
                principal_id: id.clone(),
                arn: arn.clone(),
                account_id: self.account.clone(),
                access_key_id: self.access_key_id.clone(),
                user_name: name.clone(),
                session: session.as_ref().map(Session::in_records),
                invoked_by: None,
            },
            Kind::Role { name, id, arn, session, .. } => Identity::AssumedRole {
                principal_id: self.user_id(),
                arn: self.arn(),
                account_id: self.account.clone(),
                access_key_id: self.access_key_id.clone(),
                issuer: Issuer {
                    principal_id: id.clone(),
                    arn: arn.clone(),
                    account_id: self.account.clone(),
                    user_name: name.clone(),
                },
                session: session.in_records(),
                ec2_role_delivery: None,
                invoked_by: None,
            },
            Kind::Service(name) => Identity::AwsService { invoked_by: name.clone() },
        }
    }
}

impl Session {
    fn in_records(&self) -> aws_protocol::cloudtrail::Session {
        aws_protocol::cloudtrail::Session {
            created_at: self.created_at.inner(),
            mfa: self.mfa,
            source_identity: self.source_identity.clone(),
            federated_provider: None,
        }
    }
}
