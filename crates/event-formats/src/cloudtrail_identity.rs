//! Who called, out of CloudTrail's `userIdentity`.
//!
//! Decided from what AWS documents of the element:
//!
//! * `sourceIdentity` wins: it is set when the session is opened, cannot be changed after,
//!   and stays along a chain of roles.
//! * A role session is a person where the role is one of IAM Identity Center's, or the
//!   session's name is an e-mail address or `first.last`: that is what SSO portals and
//!   identity providers put there. The session's ARN is then what the person acted through.
//! * A session named after an instance, a function's or an SDK's own session, a web identity
//!   that is no person: a workload, known by its role.
//! * An IAM user may be a person or a pipeline, and the record does not say which. It is
//!   called human if it came through the console, with MFA, or has an e-mail address for a
//!   name; else *unknown*: a long-lived key alone proves neither.

use crate::person::{is_address, looks_like_person};
use model::event::{Principal, PrincipalType};
use serde_json::Value;

pub(crate) struct Identified {
    pub principal: Principal,
    pub credential: Option<String>,
}

/// `console`: the call came out of a browser session.
pub(crate) fn identify(identity: &Value, console: bool) -> Identified {
    let text =
        |pointer: &str| identity.pointer(pointer).and_then(Value::as_str).filter(|s| !s.is_empty());
    let arn = text("/arn");
    let mfa = text("/sessionContext/attributes/mfaAuthenticated") == Some("true");
    let mut principal = match text("/type") {
        Some("Root") => Principal {
            name: "root".to_owned(),
            kind: if mfa || console { PrincipalType::Human } else { PrincipalType::Unknown },
            via: Vec::new(),
            uid: arn.map(str::to_owned),
        },
        Some("IAMUser") => iam_user(&text, mfa || console),
        Some("AssumedRole") => assumed_role(&text, identity, mfa || console),
        Some("FederatedUser") => {
            let name = text("/arn")
                .and_then(|a| a.rsplit_once("federated-user/"))
                .or_else(|| text("/principalId").and_then(|p| p.split_once(':')))
                .map_or("federated user", |(_, name)| name);
            federated(name, arn)
        }
        Some("SAMLUser" | "IdentityCenterUser" | "Directory") => {
            let name = text("/userName")
                .or_else(|| text("/onBehalfOf/userId"))
                .or_else(|| text("/principalId"))
                .unwrap_or("federated user");
            Principal {
                name: name.to_owned(),
                kind: PrincipalType::Human,
                via: Vec::new(),
                uid: arn.or_else(|| text("/principalId")).map(str::to_owned),
            }
        }
        Some("WebIdentityUser") => {
            let name = text("/userName").or_else(|| text("/principalId")).unwrap_or("web identity");
            let kind = if looks_like_person(name) {
                PrincipalType::Human
            } else {
                PrincipalType::Workload
            };
            Principal {
                name: name.to_owned(),
                kind,
                via: Vec::new(),
                uid: text("/principalId").map(str::to_owned),
            }
        }
        Some("AWSAccount")
            if matches!(text("/accountId"), Some("ANONYMOUS_PRINCIPAL" | "anonymous")) =>
        {
            Principal {
                name: "anonymous".to_owned(),
                kind: PrincipalType::Anonymous,
                via: Vec::new(),
                uid: None,
            }
        }
        Some("AWSService") => service(text("/invokedBy")),
        None if text("/invokedBy").is_some() => service(text("/invokedBy")),
        // Another account's caller, or a type that is not documented.
        _ => {
            let account = text("/accountId").map(|a| format!("account {a}"));
            let name = text("/userName")
                .or(arn)
                .or_else(|| text("/principalId"))
                .map(str::to_owned)
                .or(account)
                .unwrap_or_else(|| "unknown".to_owned());
            Principal {
                name,
                kind: PrincipalType::Unknown,
                via: Vec::new(),
                uid: arn.or_else(|| text("/principalId")).map(str::to_owned),
            }
        }
    };
    if let Some(source) = text("/sessionContext/sourceIdentity") {
        if principal.via.is_empty() {
            principal.via.extend(arn.map(str::to_owned));
        }
        principal.name = source.to_owned();
        if principal.kind != PrincipalType::Service {
            principal.kind = if looks_like_person(source) || mfa {
                PrincipalType::Human
            } else {
                PrincipalType::Unknown
            };
        }
    }
    // A service that made the call for the caller stands nearest to it.
    if principal.kind != PrincipalType::Service
        && let Some(forwarder) = text("/invokedBy").filter(|by| *by != "AWS Internal")
    {
        principal.via.push(forwarder.to_owned());
    }
    Identified { principal, credential: text("/accessKeyId").map(str::to_owned) }
}

fn iam_user<'a>(text: &impl Fn(&str) -> Option<&'a str>, person: bool) -> Principal {
    let arn = text("/arn");
    let name = text("/userName")
        .or_else(|| arn.and_then(|a| a.rsplit('/').next()))
        .or_else(|| text("/principalId"))
        .unwrap_or("IAM user");
    Principal {
        name: name.to_owned(),
        kind: if person || is_address(name) {
            PrincipalType::Human
        } else {
            PrincipalType::Unknown
        },
        via: Vec::new(),
        uid: arn.map(str::to_owned),
    }
}

fn assumed_role<'a>(
    text: &impl Fn(&str) -> Option<&'a str>,
    identity: &Value,
    person: bool,
) -> Principal {
    let arn = text("/arn");
    let (role, session) = arn
        .and_then(|a| a.split_once(":assumed-role/"))
        .and_then(|(_, rest)| rest.split_once('/'))
        .unwrap_or_else(|| {
            let session = text("/principalId").and_then(|p| p.split_once(':')).map_or("", |p| p.1);
            ("", session)
        });
    let role = text("/sessionContext/sessionIssuer/userName").unwrap_or(role);
    let role_arn = text("/sessionContext/sessionIssuer/arn");
    let via: Vec<String> = arn.map(str::to_owned).into_iter().collect();
    let uid = arn.or_else(|| text("/principalId")).map(str::to_owned);
    // The session's own name is its opener's word: only IAM Identity Center gives it itself.
    // Who opened another one stands in the record of that call.
    if role.starts_with("AWSReservedSSO_") && !session.is_empty() {
        return Principal { name: session.to_owned(), kind: PrincipalType::Human, via, uid };
    }
    let name = match (role, session) {
        ("", "") => "assumed role",
        ("", session) => session,
        (role, _) => role,
    };
    let service_linked = role_arn.is_some_and(|a| a.contains(":role/aws-service-role/"))
        || role.starts_with("AWSServiceRoleFor");
    let federated = identity
        .pointer("/sessionContext/webIdFederationData/federatedProvider")
        .is_some_and(|p| !p.is_null());
    let delivered = identity.pointer("/sessionContext/ec2RoleDelivery").is_some();
    let kind = if service_linked {
        PrincipalType::Service
    } else if person {
        PrincipalType::Human
    } else if federated || delivered || is_machine_session(session) {
        PrincipalType::Workload
    } else {
        PrincipalType::Unknown
    };
    Principal { name: name.to_owned(), kind, via, uid: role_arn.map(str::to_owned).or(uid) }
}

/// Session names that instances, pipelines and SDKs give themselves.
fn is_machine_session(session: &str) -> bool {
    let instance = session
        .strip_prefix("i-")
        .is_some_and(|id| matches!(id.len(), 8 | 17) && id.bytes().all(|b| b.is_ascii_hexdigit()));
    instance
        || ["botocore-session-", "aws-sdk-", "aws-go-sdk-", "awslambda_", "GitHubActions"]
            .iter()
            .any(|own| session.starts_with(own))
        || (session.len() >= 10 && session.bytes().all(|b| b.is_ascii_digit()))
}

fn federated(name: &str, arn: Option<&str>) -> Principal {
    Principal {
        name: name.to_owned(),
        kind: if looks_like_person(name) { PrincipalType::Human } else { PrincipalType::Unknown },
        via: arn.map(str::to_owned).into_iter().collect(),
        uid: arn.map(str::to_owned),
    }
}

fn service(invoked_by: Option<&str>) -> Principal {
    Principal {
        name: invoked_by.unwrap_or("AWS service").to_owned(),
        kind: PrincipalType::Service,
        via: Vec::new(),
        uid: invoked_by.map(str::to_owned),
    }
}
