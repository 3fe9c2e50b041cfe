//! IAM, STS and CloudTrail: decode, identify, authorize, one change of the store with its
//! record, encode. The codecs are those of the tables, so Query and JSON are served alike.

use crate::audit;
use crate::authorize::{Circumstances, Denied, Question, authorize};
use crate::identify;
use crate::operation::{self, Cx, Outcome};
use crate::principal::{Kind, Principal};
use crate::state::iam::roles;
use crate::story::{ACCOUNT, REGION};
use aws_protocol::canonical::HttpParts;
use aws_protocol::cloudtrail::Exchange;
use aws_protocol::sign::AuthError;
use aws_protocol::{Operation, Service, ServiceError, codec};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use iam_policy::{Context, Policy, Request};
use local_cloud::service::full;
use local_cloud::store::{secret_bytes, uuid_from};
use local_cloud::{Body, Clock, FaultAction, Ground, LostAnswer, StoreError, Tx};
use model::Timestamp;
use serde_json::Value;

/// One call that was understood so far that its operation is known.
pub struct Asked<'a> {
    pub operation: Operation,
    /// The input tree, or what the service says of it.
    pub input: Result<Value, ServiceError>,
    pub principal: &'a Principal,
    pub region: &'a str,
    pub user_agent: &'a str,
    /// Set when the call came through TLS.
    pub tls_host: Option<&'a str>,
    pub fault: FaultAction,
}

/// Answers a request to one of these services.
pub async fn answer(
    ground: &Ground,
    service: &'static Service,
    parts: &Parts,
    body: &[u8],
    tls: bool,
) -> Response<Body> {
    let http = HttpParts::new(parts, body);
    let incoming = codec::Incoming { headers: &parts.headers, query: http.query, body };
    let signed = ground.store.read(|view| identify::authenticate(view, &http));
    let (principal, region) = match signed {
        Ok(Some((principal, signed))) => match signed.is_for(service) {
            Ok(()) => (principal, signed.scope.region),
            Err(error) => return refuse(service, &error.service_error(service)),
        },
        Ok(None) => (ground.store.read(identify::anonymous), REGION.to_owned()),
        Err(error) => return refuse(service, &error.service_error(service)),
    };
    let (operation, input) = match codec::decode_request(service, incoming) {
        Ok(request) => (request.operation, Ok(request.input)),
        Err(refusal) => match refusal.operation {
            Some(operation) => (operation, Err(refusal.error)),
            None => return refuse(service, &refusal.error),
        },
    };
    if operation::find(operation).is_none() {
        return refuse(service, &service.not_implemented(operation.name));
    }
    if principal.is_anonymous() && !operation.row.unsigned {
        return refuse(service, &AuthError::Missing.service_error(service));
    }
    let source = service.facts.event_source.split('.').next().unwrap_or_default();
    let fault = ground.faults.check(&"aws".into(), source, operation.name).await;
    let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = header(http::header::HOST).or(http.authority).unwrap_or_default();
    let asked = Asked {
        operation,
        input,
        principal: &principal,
        region: &region,
        user_agent: header(http::header::USER_AGENT).unwrap_or_default(),
        tls_host: tls.then_some(host),
        fault,
    };
    let now = ground.clock.now();
    let performed = ground.store.write(|tx| Ok::<_, StoreError>(perform(tx, now, &asked)));
    let mut response = match performed {
        Ok((request_id, Ok(output))) => {
            match codec::encode_response(operation, &output, &request_id) {
                Ok(encoded) => respond(encoded),
                Err(error) => {
                    tracing::error!(%error, "an answer that is not in the model");
                    refuse(service, &internal(service))
                }
            }
        }
        Ok((request_id, Err(error))) => respond(codec::encode_error(service, &error, &request_id)),
        Err(error) => {
            tracing::error!(%error, "the store refuses a change");
            refuse(service, &internal(service))
        }
    };
    if fault == FaultAction::LoseAnswer {
        response.extensions_mut().insert(LostAnswer);
    }
    response
}

/// Carries a call out, or refuses it, and leaves its record; answers with the request's id.
pub fn perform(tx: &mut Tx<'_>, now: Timestamp, asked: &Asked<'_>) -> (String, Outcome) {
    let request_id = audit::request_id(tx);
    let mut cx = Cx {
        tx,
        operation: asked.operation,
        principal: asked.principal,
        now,
        real: Clock::real(),
        region: asked.region,
        recorded: None,
    };
    let outcome = decide(&mut cx, asked);
    let recorded = cx.recorded.take();
    let output = recorded.as_ref().or(outcome.as_ref().ok());
    audit::record(
        tx,
        &audit::Call {
            operation: asked.operation,
            principal: asked.principal,
            time: now,
            region: asked.region,
            user_agent: asked.user_agent,
            exchange: Exchange::Typed { input: asked.input.as_ref().ok(), output },
            error: outcome.as_ref().err(),
            request_id: &request_id,
            tls_host: asked.tls_host,
        },
    );
    (request_id, outcome)
}

fn decide(cx: &mut Cx<'_, '_>, asked: &Asked<'_>) -> Outcome {
    let service = cx.operation.service;
    match asked.fault {
        FaultAction::Throttle => return Err(service.throttled()),
        FaultAction::Fail => return Err(internal(service)),
        FaultAction::Deny => return Err(denied_by_fault(cx, asked)),
        FaultAction::Proceed | FaultAction::LoseAnswer => {}
    }
    not_with_a_users_session(cx)?;
    let nothing = Value::Null;
    let input = asked.input.as_ref().unwrap_or(&nothing);
    may(cx, input, asked.user_agent).map_err(|denied| service.access_denied(denied.message))?;
    let input = asked.input.as_ref().map_err(Clone::clone)?;
    match operation::find(cx.operation) {
        Some(operate) => operate(cx, input),
        None => Err(service.not_implemented(cx.operation.name)),
    }
}

fn denied_by_fault(cx: &Cx<'_, '_>, asked: &Asked<'_>) -> ServiceError {
    let input = asked.input.as_ref().ok().cloned().unwrap_or_default();
    let by_name = format!("{}:{}", cx.operation.service.facts.name, cx.operation.name);
    let action = cx.operation.row.action.as_deref().unwrap_or(&by_name);
    let resource = operation::resource(cx, &input);
    let request = Request::new(cx.principal.in_policies(), action, &resource, ACCOUNT);
    let reason = format!("because no identity-based policy allows the {action} action");
    cx.operation.service.access_denied(request.refusal(&reason))
}

/// Credentials of GetSessionToken reach IAM and STS only with a second factor, which nobody
/// here has (STS API reference, GetSessionToken, "Permissions").
fn not_with_a_users_session(cx: &Cx<'_, '_>) -> Result<(), ServiceError> {
    let Kind::User { session: Some(session), .. } = &cx.principal.kind else { return Ok(()) };
    let refused = match cx.operation.service.facts.name.as_str() {
        "iam" => true,
        "sts" => {
            !matches!(cx.operation.name, "AssumeRole" | "GetCallerIdentity" | "GetSessionToken")
        }
        _ => false,
    };
    match refused && !session.mfa {
        true => Err(AuthError::UnknownKey.service_error(cx.operation.service)),
        false => Ok(()),
    }
}

fn may(cx: &Cx<'_, '_>, input: &Value, user_agent: &str) -> Result<(), Denied> {
    let Some(action) = cx.operation.row.action.as_deref() else { return Ok(()) };
    let view = cx.tx.view();
    let resource = operation::resource(cx, input);
    let trust = match cx.operation.name {
        "AssumeRole" => {
            roles::by_arn(&view, &resource).and_then(|role| Policy::parse(&role.role?.trust).ok())
        }
        _ => None,
    };
    let circumstances = Circumstances { time: cx.now, region: cx.region, user_agent };
    let mut context = circumstances.context(cx.principal);
    add_parameters(&mut context, input);
    let question = Question::new(action, &resource).under(trust.as_ref());
    authorize(&view, cx.principal, &question, &context)
}

/// Condition keys that come out of a request's own parameters (service authorization
/// reference, IAM and STS).
fn add_parameters(context: &mut Context, input: &Value) {
    const KEYS: &[(&str, &str)] = &[
        ("PolicyArn", "iam:PolicyARN"),
        ("PermissionsBoundary", "iam:PermissionsBoundary"),
        ("ExternalId", "sts:ExternalId"),
        ("RoleSessionName", "sts:RoleSessionName"),
        ("SourceIdentity", "sts:SourceIdentity"),
    ];
    for (member, key) in KEYS {
        if let Some(text) = input[*member].as_str() {
            context.set(key, text);
        }
    }
    let tags = input["Tags"].as_array().into_iter().flatten();
    let names: Vec<&str> = tags.clone().filter_map(|tag| tag["Key"].as_str()).collect();
    for tag in tags {
        if let (Some(key), Some(value)) = (tag["Key"].as_str(), tag["Value"].as_str()) {
            context.set(&format!("aws:RequestTag/{key}"), value);
        }
    }
    if !names.is_empty() {
        context.set_all("aws:TagKeys", names);
    }
}

/// The service's own fault, in its own name.
fn internal(service: &Service) -> ServiceError {
    let message = "We encountered an internal error. Please try again.";
    match service.facts.name.as_str() {
        "iam" => ServiceError::new("ServiceFailure", message, 500),
        _ => ServiceError::new("InternalFailure", message, 500),
    }
}

/// Refuses a call that leaves no record: nobody is known to have made it.
fn refuse(service: &Service, error: &ServiceError) -> Response<Body> {
    respond(codec::encode_error(service, error, &uuid_from(&secret_bytes())))
}

fn respond(encoded: codec::Response) -> Response<Body> {
    let mut response = Response::new(full(encoded.body));
    *response.status_mut() = StatusCode::from_u16(encoded.status).unwrap_or(StatusCode::OK);
    for (name, value) in encoded.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The answer to a service that this cloud does not have: 501 is retried by no SDK.
pub fn no_such_service(name: &str, parts: &Parts) -> Response<Body> {
    let message = format!("the service {name:.64} is not implemented here");
    let error = ServiceError::new("NotImplemented", message, 501);
    // The wrapper of the protocol that the request speaks.
    let like = if parts.headers.contains_key("x-amz-target") { "cloudtrail" } else { "sts" };
    match Service::named(like) {
        Some(service) => refuse(service, &error),
        None => Response::new(full(error.message)),
    }
}
