//! Resource Manager: one table of routes, and what happens to every call on its way: token,
//! route, api-version, weather, authorization, the change, its record.

mod accounts;
mod activity;
mod authorization;
mod containers;
pub mod error;
mod groups;
mod subscriptions;

use super::{answer, request_id};
use crate::audit::{self, Outcome, Told};
use crate::story::SUBSCRIPTION;
use crate::tokens::{self, ARM, Caller, TokenError};
use crate::{CLOUD, authorize, deliver, ids};
use error::ArmError;
use http::header::{AUTHORIZATION, HOST, HeaderName};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use local_cloud::callers::origin;
use local_cloud::{Body, Clock, FaultAction, Ground, LostAnswer, Tx, service};
use model::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

const LARGEST: usize = 4 << 20;
const JSON: &str = "application/json; charset=utf-8";
/// The public documentation of Azure RBAC: Resource Manager takes tokens for both names.
const AUDIENCES: &[&str] = &[ARM, "https://management.core.windows.net"];

/// A call on its way, as the routes' functions see it.
pub struct Ask<'a> {
    /// What stood at each `*` of the shape.
    pub names: Vec<&'a str>,
    /// What stood at `**`.
    pub scope: &'a str,
    pub path: &'a str,
    pub query: &'a BTreeMap<String, String>,
    pub body: &'a Value,
    pub now: Timestamp,
    pub caller: &'a Caller,
    /// The action's role holds at the asked scope; else a list is trimmed.
    pub everywhere: bool,
    /// Scheme and host as the client sees them, for links.
    pub base: &'a str,
}

pub struct Reply {
    pub status: StatusCode,
    pub body: Option<Value>,
    pub headers: Vec<(HeaderName, String)>,
    /// Whether the Activity Log holds the body: keys must never get there.
    pub logged: bool,
}

impl Reply {
    pub fn ok(body: Value) -> Reply {
        Reply::with(StatusCode::OK, body)
    }

    pub fn with(status: StatusCode, body: Value) -> Reply {
        Reply { status, body: Some(body), headers: Vec::new(), logged: true }
    }

    pub fn empty(status: StatusCode) -> Reply {
        Reply { status, body: None, headers: Vec::new(), logged: true }
    }

    pub fn secret(body: Value) -> Reply {
        Reply { logged: false, ..Reply::ok(body) }
    }
}

pub type Run = fn(&Ask<'_>, &mut Tx<'_>) -> Result<Reply, ArmError>;

/// One operation: its place, the action it needs, and what it does.
pub struct Route {
    pub method: Method,
    pub shape: &'static str,
    /// In the case in which the Activity Log's query API spells it.
    pub action: &'static str,
    pub run: Run,
    /// A list: a caller without the action sees what it may see.
    pub trimmed: bool,
    /// So many segments at the end of the path are no part of the resource.
    pub above: usize,
}

impl Route {
    pub const fn new(method: Method, shape: &'static str, action: &'static str, run: Run) -> Route {
        Route { method, shape, action, run, trimmed: false, above: 0 }
    }

    pub const fn trimmed(mut self) -> Route {
        self.trimmed = true;
        self
    }

    pub const fn above(mut self, segments: usize) -> Route {
        self.above = segments;
        self
    }

    /// Reads leave no record.
    fn recorded(&self) -> bool {
        !self.action.ends_with("/read")
    }

    /// The namespace, for faults: `Microsoft.Storage`.
    fn provider(&self) -> &'static str {
        self.action.split('/').next().unwrap_or(self.action)
    }
}

fn routes() -> impl Iterator<Item = &'static Route> {
    [
        subscriptions::ROUTES,
        groups::ROUTES,
        accounts::ROUTES,
        containers::ROUTES,
        authorization::ROUTES,
        activity::ROUTES,
    ]
    .into_iter()
    .flatten()
}

pub async fn call(ground: &Ground, head: Parts, body: Body) -> Response<Body> {
    let correlation = header(&head, "x-ms-correlation-request-id");
    let outcome = handle(ground, &head, body, correlation.as_deref()).await;
    let (lost, outcome) = match outcome {
        Ok((reply, lost)) => (lost, Ok(reply)),
        Err(error) => (false, Err(error)),
    };
    let id = request_id();
    let mut headers = vec![
        (HeaderName::from_static("x-ms-request-id"), id.clone()),
        (HeaderName::from_static("x-ms-correlation-request-id"), correlation.unwrap_or(id)),
        (HeaderName::from_static("cache-control"), "no-cache".to_owned()),
        (HeaderName::from_static("x-ms-ratelimit-remaining-subscription-reads"), "11999".into()),
        (HeaderName::from_static("x-ms-ratelimit-remaining-subscription-writes"), "1199".into()),
    ];
    let (status, body) = match outcome {
        Ok(reply) => {
            headers.extend(reply.headers);
            (reply.status, reply.body.map(|b| b.to_string()).unwrap_or_default())
        }
        Err(error) => {
            headers.extend(error.headers());
            (error.status, error.body().to_string())
        }
    };
    let body = if head.method == Method::HEAD { String::new() } else { body };
    let mut response = answer(status, JSON, body, headers);
    if lost {
        response.extensions_mut().insert(LostAnswer);
    }
    response
}

fn header(head: &Parts, name: &str) -> Option<String> {
    head.headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Production clients come by host name, through TLS that somebody else ended or by the
/// plain endpoint; links must lead back the way they came.
fn base(head: &Parts) -> String {
    let host = header(head, HOST.as_str()).unwrap_or_default();
    if crate::face::of_host(host.split(':').next().unwrap_or_default()).is_some() {
        return format!("https://{host}");
    }
    format!("http://{host}")
}

async fn handle(
    ground: &Ground,
    head: &Parts,
    body: Body,
    correlation: Option<&str>,
) -> Result<(Reply, bool), ArmError> {
    let path = percent_encoding::percent_decode_str(head.uri.path())
        .decode_utf8()
        .map_err(|_| ArmError::bad_request("InvalidRequestUri", "The request URI is invalid."))?;
    if path.eq_ignore_ascii_case("/metadata/endpoints") {
        return Ok((Reply::ok(subscriptions::endpoints()), false));
    }
    let caller = authenticate(ground, head)?;
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .map(|(name, value)| (name.to_lowercase(), value.into_owned()))
            .collect();
    let (route, names, scope) = find(&head.method, &path)?;
    check_version(&query)?;
    let body = service::read_body(body, LARGEST)
        .await
        .map_err(|e| ArmError::bad_request("RequestContentTooLarge", e.to_string()))?;
    let parsed = parse(&body)?;
    let action = ground.faults.check(&CLOUD, route.provider(), route.action).await;
    match action {
        FaultAction::Throttle => return Err(ArmError::throttled()),
        FaultAction::Fail => return Err(ArmError::internal()),
        FaultAction::Proceed | FaultAction::Deny | FaultAction::LoseAnswer => {}
    }
    let resource = scope_of(route, &path);
    let evidence = ground
        .store
        .read(|v| authorize::check(v, &caller.principal, route.action, resource, false));
    let trimmed = route.trimmed
        && ground.store.read(|v| authorize::holds_any(v, &caller.principal, &ids::subscription()));
    let permitted = (evidence.is_some() || trimmed) && action != FaultAction::Deny;

    let now = ground.clock.now();
    let base = base(head);
    let told = Told {
        action: route.action.to_owned(),
        resource_id: resource.to_owned(),
        caller: caller.claims.upn.clone().unwrap_or_else(|| caller.claims.oid.clone()),
        claims: audit::claims(&caller, now.unix() - Clock::real().unix()),
        address: ground.store.read(|v| origin(v, caller.principal.credential())),
        correlation: String::new(),
        client_request: header(head, "x-ms-client-request-id").unwrap_or_default(),
        method: head.method.to_string(),
        uri: format!("{base}{}", head.uri),
        evidence: evidence.clone(),
    };
    let request = (!body.is_empty()).then(|| String::from_utf8_lossy(&body).into_owned());
    let ask = Ask {
        names,
        scope,
        path: &path,
        query: &query,
        body: &parsed,
        now,
        caller: &caller,
        everywhere: evidence.is_some(),
        base: &base,
    };
    let correlate = |tx: &mut Tx<'_>| {
        correlation.map_or_else(|| tx.fresh_uuid("azure/correlation"), str::to_owned)
    };
    let outcome = ground.store.write(|tx| {
        if !permitted {
            return Err(ArmError::denied(&caller, route.action, resource));
        }
        check_subscription(&path)?;
        let reply = (route.run)(&ask, tx)?;
        if route.recorded() {
            let told = Told { correlation: correlate(tx), ..told.clone() };
            let response = reply.body.as_ref().filter(|_| reply.logged).map(Value::to_string);
            let done = Outcome::Done { status: reply.status, response };
            audit::record(tx, now, told, request.clone(), done);
        }
        Ok(reply)
    });
    if let (Err(error), true) = (&outcome, route.recorded()) {
        ground.store.write(|tx| {
            let told = Told { correlation: correlate(tx), ..told };
            let failed = Outcome::Failed { status: error.status, body: error.body().to_string() };
            audit::record(tx, now, told, request, failed);
            Ok::<_, ArmError>(())
        })?;
    }
    if deliver::waiting(ground) >= deliver::ENOUGH {
        deliver::deliver(ground)?;
    }
    Ok((outcome?, action == FaultAction::LoseAnswer))
}

fn authenticate(ground: &Ground, head: &Parts) -> Result<Caller, ArmError> {
    let value = header(head, AUTHORIZATION.as_str()).ok_or_else(ArmError::no_credentials)?;
    let token =
        value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")).ok_or_else(
            || ArmError::bad_token("InvalidAuthenticationToken", "The access token is invalid."),
        )?;
    ground.store.read(|v| tokens::verify(v, token, AUDIENCES, Clock::real().unix())).map_err(
        |error| match error {
            TokenError::Expired => ArmError::bad_token(
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than current UTC time.",
            ),
            TokenError::Audience => ArmError::bad_token(
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for wrong audience or resource. It should \
                 exactly match one of the allowed audiences 'https://management.core.windows.net', \
                 'https://management.azure.com'.",
            ),
            TokenError::Invalid => {
                ArmError::bad_token("InvalidAuthenticationToken", "The access token is invalid.")
            }
        },
    )
}

fn find<'p>(
    method: &Method,
    path: &'p str,
) -> Result<(&'static Route, Vec<&'p str>, &'p str), ArmError> {
    let mut elsewhere = false;
    for route in routes() {
        if let Some((names, scope)) = ids::fit(route.shape, path) {
            if route.method == *method {
                return Ok((route, names, scope));
            }
            elsewhere = true;
        }
    }
    Err(if elsewhere { ArmError::wrong_method(method) } else { ArmError::no_such_type(path) })
}

/// Any date from 2014 on, with `-preview` or without.
fn check_version(query: &BTreeMap<String, String>) -> Result<(), ArmError> {
    let Some(version) = query.get("api-version").filter(|v| !v.is_empty()) else {
        return Err(ArmError::bad_request(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    let date = version.split("-preview").next().unwrap_or_default();
    let shaped = date.len() == 10
        && date.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    if shaped && date >= "2014-01-01" {
        return Ok(());
    }
    Err(ArmError::bad_request(
        "InvalidApiVersionParameter",
        format!("The api-version '{version}' is invalid."),
    ))
}

fn parse(body: &[u8]) -> Result<Value, ArmError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|cause| {
        ArmError::bad_request(
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{cause}'."),
        )
    })
}

fn check_subscription(path: &str) -> Result<(), ArmError> {
    match ids::segment_after(path, "subscriptions") {
        Some(id) if !id.eq_ignore_ascii_case(SUBSCRIPTION) => Err(ArmError::not_found(
            "SubscriptionNotFound",
            format!("The subscription '{id}' could not be found."),
        )),
        _ => Ok(()),
    }
}

/// What an operation is about, and where the caller must hold its action: the path less the
/// names of collections and actions at its end.
fn scope_of<'p>(route: &Route, path: &'p str) -> &'p str {
    (0..route.above).fold(path.trim_end_matches('/'), |path, _| {
        path.rsplit_once('/').map_or(path, |(parent, _)| parent)
    })
}
