//! STS: who am I, and temporary credentials.

use crate::operation::{Cx, Outcome, refused};
use crate::principal::{Kind, Session};
use crate::state::iam::{AssumedRole, Temporary, check_document, keys, managed, roles};
use crate::story::ACCOUNT;
use aws_protocol::ServiceError;
use iam_policy::Attachment;
use local_cloud::{Tx, callers};
use model::Timestamp;
use serde_json::{Value, json};

/// Seconds that a session gets when nobody asks: of a role, of a user.
const ROLE_DEFAULT: i64 = 3600;
const USER_DEFAULT: i64 = 43_200;
/// The longest session of a role that another session assumes ("role chaining").
const CHAINED_MOST: i64 = 3600;
/// Keys of sessions that ended this long ago are forgotten.
const FORGET_AFTER: i64 = 86_400;

pub fn get_caller_identity(cx: &mut Cx<'_, '_>, _: &Value) -> Outcome {
    let principal = cx.principal;
    Ok(json!({
        "UserId": principal.user_id(), "Account": principal.account, "Arn": principal.arn(),
    }))
}

pub fn get_access_key_info(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let id = input["AccessKeyId"].as_str().unwrap_or_default();
    match keys::find(&cx.tx.view(), id) {
        Some(_) => Ok(json!({ "Account": ACCOUNT })),
        None => Err(refused("ValidationError", "Access key ID is not valid.", 400)),
    }
}

/// Whoever gets here is allowed by the role's trust policy.
pub fn assume_role(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    for member in ["Tags", "TransitiveTagKeys", "ProvidedContexts"] {
        if input[member].as_array().is_some_and(|list| !list.is_empty()) {
            let what = format!("{member} of AssumeRole");
            return Err(cx.operation.service.not_implemented(&what));
        }
    }
    no_device(input, cx.principal.arn())?;
    let arn = input["RoleArn"].as_str().unwrap_or_default();
    let Some(role) = roles::by_arn(&cx.tx.view(), arn) else {
        let message =
            format!("{} is not authorized to perform: sts:AssumeRole", cx.principal.arn());
        return Err(refused("AccessDenied", message, 403));
    };
    let session_name = input["RoleSessionName"].as_str().unwrap_or_default();
    session_characters("roleSessionName", session_name)?;
    let source_identity = match input["SourceIdentity"].as_str() {
        Some(name) => {
            session_characters("sourceIdentity", name)?;
            Some(name.to_owned())
        }
        // Once set, it stays through every further role.
        None => cx.principal.session().and_then(|session| session.source_identity.clone()),
    };
    let seconds = input["DurationSeconds"].as_i64().unwrap_or(ROLE_DEFAULT);
    let chained = matches!(cx.principal.kind, Kind::Role { .. });
    if chained && seconds > CHAINED_MOST {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(refused("ValidationError", message, 400));
    }
    if seconds > role.role.as_ref().map_or(CHAINED_MOST, |facts| facts.max_session) {
        let message =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(refused("ValidationError", message, 400));
    }
    let policies = session_policies(cx, input)?;
    let mut session = Session {
        created_at: cx.now,
        expires_at: cx.real.plus_seconds(seconds),
        mfa: false,
        source_identity: source_identity.clone(),
        policies,
    };
    session.mfa = cx.principal.session().is_some_and(|session| session.mfa);
    let packed: usize = session.policies.iter().map(|(_, text)| text.len()).sum();
    let assumed = AssumedRole {
        name: role.name.clone(),
        id: role.id.clone(),
        session_name: session_name.to_owned(),
    };
    let mut output = hand_out(cx, String::new(), session, Some(assumed), seconds);
    for tree in [&mut output].into_iter().chain(&mut cx.recorded) {
        tree["AssumedRoleUser"] = json!({
            "AssumedRoleId": format!("{}:{session_name}", role.id),
            "Arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{session_name}", role.name),
        });
        if let Some(name) = &source_identity {
            tree["SourceIdentity"] = name.as_str().into();
        }
        if packed > 0 {
            // In percent of the 2,048 characters that a session policy may have.
            tree["PackedPolicySize"] = (packed * 100 / 2048).clamp(1, 100).into();
        }
    }
    Ok(output)
}

pub fn get_session_token(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    no_device(input, cx.principal.arn())?;
    let name = match &cx.principal.kind {
        Kind::User { name, session: None, .. } => name.clone(),
        _ => {
            let message = "Cannot call GetSessionToken with session credentials";
            return Err(refused("AccessDenied", message, 403));
        }
    };
    let seconds = input["DurationSeconds"].as_i64().unwrap_or(USER_DEFAULT);
    let session = Session {
        created_at: cx.now,
        expires_at: cx.real.plus_seconds(seconds),
        mfa: false,
        source_identity: None,
        policies: Vec::new(),
    };
    Ok(hand_out(cx, name, session, None, seconds))
}

/// Nobody here has a device whose code could be right.
fn no_device(input: &Value, caller: String) -> Result<(), ServiceError> {
    if input["SerialNumber"].is_null() && input["TokenCode"].is_null() {
        return Ok(());
    }
    let message =
        format!("MultiFactorAuthentication failed, unable to validate MFA code for {caller}.");
    Err(refused("AccessDenied", message, 403))
}

fn session_characters(member: &str, text: &str) -> Result<(), ServiceError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if text.chars().all(legal) {
        return Ok(());
    }
    let message = format!(
        "1 validation error detected: Value '{text}' at '{member}' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [\\w+=,.@-]*"
    );
    Err(refused("ValidationError", message, 400))
}

fn session_policies(cx: &Cx<'_, '_>, input: &Value) -> Result<Vec<(String, String)>, ServiceError> {
    let mut policies = Vec::new();
    if let Some(text) = input["Policy"].as_str() {
        check_document(text, Attachment::Identity)?;
        policies.push(("session policy".to_owned(), text.to_owned()));
    }
    for descriptor in input["PolicyArns"].as_array().into_iter().flatten() {
        let arn = descriptor["arn"].as_str().unwrap_or_default();
        let Some(text) = managed::document(&cx.tx.view(), arn) else {
            let message = format!("PolicyArn {arn:.256} does not exist or is not attachable.");
            return Err(refused("ValidationError", message, 400));
        };
        policies.push((arn.to_owned(), text));
    }
    Ok(policies)
}

/// Makes the key and its answer. The answer's end is the real clock's, which clients go by;
/// the record's is the lab's, so that a story told of last week is whole.
fn hand_out(
    cx: &mut Cx<'_, '_>,
    user: String,
    session: Session,
    role: Option<AssumedRole>,
    seconds: i64,
) -> Value {
    forget_old(cx.tx, cx.real);
    let mut key = keys::fresh(cx.tx, "ASIA", &user, cx.now);
    // The token is no secret by itself: CloudTrail writes it into the record of the call.
    let token = format!("IQoJb3JpZ2luX2VjE{}", cx.tx.fresh_text("aws/session-token", TOKEN, 240));
    let credentials = |expires: Timestamp| {
        json!({ "Credentials": {
            "AccessKeyId": key.id, "SecretAccessKey": key.secret, "SessionToken": token,
            "Expiration": expires.to_seconds_text(),
        }})
    };
    let output = credentials(session.expires_at);
    cx.recorded = Some(credentials(cx.now.plus_seconds(seconds)));
    key.session = Some(Temporary { token, session, role });
    keys::save(cx.tx, &key);
    // A session calls from where it was asked for.
    callers::place(cx.tx, &key.id, &cx.principal.origin);
    output
}

const TOKEN: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn forget_old(tx: &mut Tx<'_>, real: Timestamp) {
    for key in keys::temporary(&tx.view()) {
        let end = key.session.as_ref().map(|temporary| temporary.session.expires_at);
        if end.is_some_and(|end| end.plus_seconds(FORGET_AFTER) < real) {
            keys::remove(tx, &key.id);
        }
    }
}
