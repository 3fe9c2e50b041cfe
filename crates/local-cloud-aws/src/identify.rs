//! From a credential to a principal: access keys of users, temporary credentials, nobody.
//!
//! Keys and tokens are checked against the real clock, because clients sign with theirs.

use crate::principal::{Kind, Principal, Session};
use crate::state::iam::{AccessKey, keys, roles, users};
use crate::story::ACCOUNT;
use aws_protocol::canonical::{HttpParts, Signed};
use aws_protocol::sign::{AuthError, SecretKey};
use local_cloud::callers;
use local_cloud::{Clock, View};

/// The credential under which requests without a signature are placed at an address.
pub const ANONYMOUS: &str = "anonymous";

/// The secret behind an access key id, and for temporary credentials their token and end.
/// `None`: there is no such key, or it is inactive.
pub fn secret_for(view: &View<'_>, access_key_id: &str) -> Option<SecretKey> {
    let key = keys::find(view, access_key_id)?;
    key.is_active().then(|| SecretKey {
        secret: key.secret.clone(),
        session_token: key.session.as_ref().map(|session| session.token.clone()),
        expires_at: key.session.as_ref().map(|session| session.session.expires_at.inner()),
    })
}

/// Who holds an access key. `None` when the key, its user or its role is gone.
pub fn principal_of(view: &View<'_>, access_key_id: &str) -> Option<Principal> {
    let key = keys::find(view, access_key_id)?;
    let kind = kind_of(view, &key)?;
    Some(Principal {
        kind,
        account: ACCOUNT.to_owned(),
        access_key_id: Some(access_key_id.to_owned()),
        origin: callers::origin(view, access_key_id),
    })
}

fn kind_of(view: &View<'_>, key: &AccessKey) -> Option<Kind> {
    let session: Option<Session> = key.session.as_ref().map(|s| s.session.clone());
    match key.session.as_ref().and_then(|s| s.role.as_ref()) {
        Some(role) => {
            let document = roles::find(view, &role.name).filter(|found| found.id == role.id)?;
            Some(Kind::Role {
                arn: document.arn(),
                name: document.name,
                id: document.id,
                session_name: role.session_name.clone(),
                session: session?,
            })
        }
        None => {
            let user = users::find(view, &key.user)?;
            Some(Kind::User { arn: user.arn(), name: user.name, id: user.id, session })
        }
    }
}

/// A request that nobody signed.
pub fn anonymous(view: &View<'_>) -> Principal {
    Principal::anonymous(callers::origin(view, ANONYMOUS))
}

/// Reads and verifies a request's signature and says who calls. `Ok(None)`: it carries none.
pub fn authenticate(
    view: &View<'_>,
    request: &HttpParts<'_>,
) -> Result<Option<(Principal, Signed)>, AuthError> {
    let now = Clock::real().inner();
    let lookup = |access_key: &str| secret_for(view, access_key);
    let Some(signed) = aws_protocol::sign::authenticate(request, now, lookup)? else {
        return Ok(None);
    };
    let principal = principal_of(view, &signed.scope.access_key).ok_or(AuthError::UnknownKey)?;
    Ok(Some((principal, signed)))
}
