//! Who may call the data plane: a token with a data role, an account key, a shared access
//! signature, or nobody at all where the container is open.

use super::error::BlobError;
use super::operation::{AnonymousUse, Operation};
use crate::exposure::{Anonymous, Verdict, Wants, decide, firewall};
use crate::ids;
use crate::signature::{
    Query, SasError, SasNeeds, SasPlace, check_sas, first, made_by, string_to_sign,
};
use crate::state::account::Account;
use crate::state::{blob, container};
use crate::tokens::{self, STORAGE, TokenError};
use crate::{authorize, story};
use http::header::AUTHORIZATION;
use http::request::Parts;
use local_cloud::callers::{DEFAULT_ORIGIN, origin};
use local_cloud::{Clock, Ground};

pub struct Asked<'a> {
    pub ground: &'a Ground,
    pub head: &'a Parts,
    pub account: &'a Account,
    pub container: Option<&'a str>,
    pub blob: Option<&'a str>,
    pub query: &'a Query,
    pub operation: &'a Operation,
    pub tls: bool,
}

pub fn check(asked: &Asked<'_>) -> Result<(), BlobError> {
    let authorization = asked.head.headers.get(AUTHORIZATION).map(|v| v.to_str());
    match authorization {
        None if first(asked.query, "sig").is_some() => shared_access_signature(asked),
        None => anonymous(asked),
        Some(Ok(value)) => match value.split_once(' ') {
            Some(("Bearer", token)) => bearer(asked, token.trim()),
            Some(("SharedKey", credential)) => shared_key(asked, credential.trim()),
            _ => Err(BlobError::invalid_authentication()),
        },
        Some(Err(_)) => Err(BlobError::invalid_authentication()),
    }
}

fn admitted(asked: &Asked<'_>, source: &str) -> Result<(), BlobError> {
    if asked.account.network().admits(source) { Ok(()) } else { Err(firewall().into()) }
}

/// The address of somebody who only holds a key: a story places keys as it places callers.
fn key_origin(asked: &Asked<'_>, key: &str) -> String {
    asked.ground.store.read(|v| origin(v, &format!("{}/{key}", asked.account.name)))
}

fn shared_key(asked: &Asked<'_>, credential: &str) -> Result<(), BlobError> {
    let (account, signature) =
        credential.split_once(':').ok_or_else(BlobError::invalid_authentication)?;
    if !account.eq_ignore_ascii_case(&asked.account.name) {
        return Err(BlobError::bad_signature());
    }
    if !asked.account.allows_shared_key() {
        return Err(BlobError::no_shared_key());
    }
    let head = asked.head;
    let text = string_to_sign(&head.method, &head.headers, account, head.uri.path(), asked.query);
    let key =
        made_by(&asked.account.keys, &text, signature).ok_or_else(BlobError::bad_signature)?;
    admitted(asked, &key_origin(asked, &key.name))
}

fn shared_access_signature(asked: &Asked<'_>) -> Result<(), BlobError> {
    if !asked.account.allows_shared_key() {
        return Err(BlobError::no_shared_key());
    }
    let place = asked
        .container
        .and_then(|name| asked.ground.store.read(|v| container::get(v, &asked.account.name, name)));
    let policy = first(asked.query, "si").and_then(|id| {
        let place = place.as_ref()?;
        let policy = place.policies.iter().find(|p| p.id == id)?;
        Some((policy.start.as_deref(), policy.expiry.as_deref(), policy.permission.as_deref()))
    });
    let place = SasPlace {
        account: &asked.account.name,
        container: asked.container,
        blob: asked.blob,
        source: DEFAULT_ORIGIN,
        now: Clock::real(),
        policy,
    };
    let needs = SasNeeds { letters: asked.operation.letters, kind: asked.operation.kind };
    let key = check_sas(&asked.account.keys, asked.query, &place, needs).map_err(|e| match e {
        SasError::Signature => BlobError::bad_signature(),
        SasError::Permission => BlobError::denied(),
        SasError::ResourceType => BlobError::sas_resource_type(),
        SasError::Address => BlobError::sas_address(),
    })?;
    admitted(asked, &key_origin(asked, &key.name))
}

fn bearer(asked: &Asked<'_>, token: &str) -> Result<(), BlobError> {
    let account = format!("https://{}.blob.core.windows.net", asked.account.name);
    let now = Clock::real().unix();
    let view_of = &asked.ground.store;
    let caller = view_of.read(|v| tokens::verify(v, token, &[STORAGE, &account], now)).map_err(
        |error| match error {
            TokenError::Audience => BlobError::bad_token(
                "Server failed to authenticate the request. The audience of the token is not this \
                 service.",
            ),
            TokenError::Expired => BlobError::bad_token(
                "Server failed to authenticate the request. The token has expired.",
            ),
            TokenError::Invalid => BlobError::bad_token(
                "Server failed to authenticate the request. Please refer to the information in the \
                 www-authenticate header.",
            ),
        },
    )?;
    let source = view_of.read(|v| origin(v, caller.principal.credential()));
    admitted(asked, &source)?;
    let scope = match asked.container {
        Some(name) => ids::container(&asked.account.group, &asked.account.name, name),
        None => asked.account.id(),
    };
    let operation = asked.operation;
    let may = view_of
        .read(|v| authorize::check(v, &caller.principal, operation.action, &scope, operation.data));
    may.map(|_| ()).ok_or_else(BlobError::denied)
}

/// Clients of this version and later are told how to sign in.
const CHALLENGED_SINCE: &str = "2019-12-12";

fn anonymous(asked: &Asked<'_>) -> Result<(), BlobError> {
    let (level, exists) = asked.ground.store.read(|v| {
        let name = asked.container.unwrap_or_default();
        let level = container::get(v, &asked.account.name, name).map(|c| c.level);
        let exists =
            asked.blob.is_some_and(|blob| blob::get(v, &asked.account.name, name, blob).is_some());
        (level, exists)
    });
    let version = asked.head.headers.get("x-ms-version").and_then(|v| v.to_str().ok());
    let network = asked.account.network();
    let call = Anonymous {
        tls: asked.tls,
        https_only: asked.account.https_only(),
        network: &network,
        source: DEFAULT_ORIGIN,
        allow_public: asked.account.allows_public_access(),
        level,
        wants: match asked.operation.anonymous {
            AnonymousUse::ReadBlob => Wants::Blob { exists },
            AnonymousUse::ReadContainer => Wants::List,
            AnonymousUse::Nothing => Wants::Other,
        },
        challenge: version.is_some_and(|v| v >= CHALLENGED_SINCE),
    };
    match decide(&call) {
        Verdict::Open => Ok(()),
        Verdict::Refused(refusal) => Err(refusal.into()),
    }
}

/// Whether a container is the one that the Activity Log's files lie in.
pub fn is_log(account: &str, container: Option<&str>) -> bool {
    account == story::LOG_ACCOUNT && container == Some(story::LOG_CONTAINER)
}
