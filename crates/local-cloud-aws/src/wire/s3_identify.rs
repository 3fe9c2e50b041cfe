//! Who makes an S3 call: Signature Version 4 in the header or presigned, Version 2 where an
//! old tool still presigns with it, nobody at all.

use crate::identify;
use crate::principal::Principal;
use crate::story::REGION;
use crate::wire::s3_call::text;
use crate::wire::s3_error::Refused;
use crate::wire::s3_route::parameter;
use aws_protocol::canonical::{HttpParts, Scope, Signed};
use aws_protocol::cloudtrail::Authentication;
use aws_protocol::sign::AuthError;
use http::header::AUTHORIZATION;
use http::request::Parts;
use local_cloud::{Clock, Ground, View};

/// Who calls, or who says to, and why that does not hold.
pub struct Caller {
    pub principal: Principal,
    /// The signature holds, or there is none. Version 2 is verified further in.
    pub verified: bool,
    pub region: String,
    pub signed_region: Option<String>,
    pub authentication: Option<Authentication>,
    pub refused: Option<Refused>,
}

impl Caller {
    fn nobody(view: &View<'_>, region: Option<String>) -> Caller {
        Caller {
            principal: identify::anonymous(view),
            verified: true,
            region: region.unwrap_or_else(|| REGION.to_owned()),
            signed_region: None,
            authentication: None,
            refused: None,
        }
    }

    fn refused(mut self, why: Refused) -> Caller {
        self.refused = Some(why);
        self
    }
}

fn authentication(presigned: bool) -> Option<Authentication> {
    Some(match presigned {
        true => Authentication::Query,
        false => Authentication::Header,
    })
}

/// Who makes this request.
pub fn caller(ground: &Ground, parts: &Parts, host_region: Option<&str>) -> Caller {
    let query = parts.uri.query().unwrap_or("");
    let authorization = text(&parts.headers, AUTHORIZATION.as_str());
    let presigned = authorization.is_none();
    ground.store.read(|view| {
        let old_key = match authorization {
            Some(header) => header
                .strip_prefix("AWS ")
                .and_then(|rest| rest.split_once(':'))
                .map(|(key, _)| key.to_owned()),
            None => parameter(query, "Signature").and(parameter(query, "AWSAccessKeyId")),
        };
        if let Some(key) = old_key {
            return version_2(view, parts, &key, presigned);
        }
        let scope = Scope::of(&parts.headers, query);
        let region = scope.as_ref().map(|s| s.region.clone()).or(host_region.map(str::to_owned));
        let nobody = Caller::nobody(view, region);
        if authorization.is_some_and(|header| !header.starts_with("AWS4-HMAC-SHA256")) {
            return nobody.refused(Refused::invalid_argument("Unsupported Authorization Type"));
        }
        // The body's hash is the one declared; the protocol layer holds the body to it.
        match identify::authenticate(view, &HttpParts::new(parts, &[])) {
            Ok(Some((principal, signed))) => signed_by(nobody, principal, &signed, presigned),
            Ok(None) => nobody,
            Err(error) => {
                let key = scope.as_ref().map(|scope| scope.access_key.as_str());
                let known = key.and_then(|key| identify::secret_for(view, key)).is_some();
                let mut nobody = nobody;
                // The address is where the credential is, whoever uses it.
                if let Some(principal) = key.and_then(|key| identify::principal_of(view, key)) {
                    nobody.principal.origin = principal.origin;
                }
                nobody.refused(Refused::of_signature(&error, presigned, known))
            }
        }
    })
}

fn signed_by(nobody: Caller, principal: Principal, signed: &Signed, presigned: bool) -> Caller {
    let caller = Caller {
        principal,
        region: signed.scope.region.clone(),
        signed_region: Some(signed.scope.region.clone()),
        authentication: authentication(presigned),
        ..nobody
    };
    let service = signed.scope.service.as_str();
    if service == "s3" {
        return caller;
    }
    let message = format!(
        "The authorization header is malformed; incorrect service \"{service}\". This endpoint \
         belongs to \"s3\"."
    );
    caller.refused(Refused::new("AuthorizationHeaderMalformed", 400, message))
}

/// The protocol layer verifies Version 2, so the caller counts only from then on.
fn version_2(view: &View<'_>, parts: &Parts, key: &str, presigned: bool) -> Caller {
    let mut caller = Caller::nobody(view, None);
    caller.verified = false;
    caller.authentication = authentication(presigned);
    let (Some(secret), Some(principal)) =
        (identify::secret_for(view, key), identify::principal_of(view, key))
    else {
        return caller.refused(Refused::unknown_key());
    };
    caller.principal = principal;
    let query = parts.uri.query().unwrap_or("");
    let token = text(&parts.headers, "x-amz-security-token")
        .map(str::to_owned)
        .or_else(|| parameter(query, "x-amz-security-token"));
    let expired = secret.expires_at.is_some_and(|at| at <= Clock::real().inner());
    if token == secret.session_token && !expired {
        return caller;
    }
    let error = match expired {
        true => AuthError::ExpiredToken,
        false => AuthError::UnknownKey,
    };
    caller.refused(Refused::of_signature(&error, presigned, true))
}
