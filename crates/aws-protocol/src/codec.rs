//! Messages over the operation tables, both ways: the server decodes requests and encodes responses and errors, the
//! client does the reverse. Trees are `serde_json::Value` under the model's own member names (`UserName`), as boto3
//! and the API reference write them; times are ISO text, blobs base64, absent members are absent.

mod ec2;
mod form;
mod json;
mod query;
mod scalar;
pub mod xml;

pub(crate) use scalar::to_text as scalar_text;

use crate::error::ServiceError;
use crate::table::{Missing, Operation, Protocol, Service};
use crate::validate::{self, ShapeError};
use form::Node;
use http::HeaderMap;
use serde_json::Value;
use std::fmt;

/// What of an HTTP request the codecs read.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    pub headers: &'a HeaderMap,
    /// The query string without its question mark; a Query request may come as a GET.
    pub query: &'a str,
    pub body: &'a [u8],
}

/// A request that was understood.
#[derive(Clone, Debug)]
pub struct Request {
    pub operation: Operation,
    pub input: Value,
}

/// A request that was not: the operation where it got that far, and what the service says.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub operation: Option<Operation>,
    pub error: ServiceError,
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What the client sends, before it is signed. Method POST, path `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// Why a response gave no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The service said no.
    Service { error: ServiceError, request_id: Option<String> },
    /// The answer is not one of this protocol.
    Unreadable { status: u16, what: String },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Service { error, request_id: Some(id) } => write!(f, "{error} (request {id})"),
            Failure::Service { error, request_id: None } => error.fmt(f),
            Failure::Unreadable { status, what } => {
                write!(f, "HTTP {status} with an unreadable body: {what}")
            }
        }
    }
}

impl std::error::Error for Failure {}

impl Response {
    fn xml(status: u16, request_id: &str, body: Vec<u8>) -> Self {
        let headers = vec![
            ("content-type", "text/xml;charset=UTF-8".to_owned()),
            ("x-amzn-requestid", request_id.to_owned()),
        ];
        Response { status, headers, body }
    }

    fn json(service: &Service, status: u16, request_id: &str, body: Vec<u8>) -> Self {
        let headers =
            vec![("content-type", json_type(service)), ("x-amzn-requestid", request_id.to_owned())];
        Response { status, headers, body }
    }
}

impl Outgoing {
    /// The request as `http` has it, to an absolute URL; ready to be signed.
    pub fn into_http(self, url: &str) -> Result<http::Request<Vec<u8>>, http::Error> {
        let mut request = http::Request::post(url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(self.body)
    }
}

fn json_type(service: &Service) -> String {
    format!("application/x-amz-json-{}", service.facts.json_version.as_deref().unwrap_or("1.1"))
}

/// Reads and checks a request to a service: its operation, its input, what the model requires of it.
pub fn decode_request(
    service: &'static Service,
    incoming: Incoming<'_>,
) -> Result<Request, Refusal> {
    let nowhere = |error| Refusal { operation: None, error };
    match service.facts.protocol {
        Protocol::Query | Protocol::Ec2 => {
            let form = Node::parse(incoming.query, incoming.body)
                .map_err(|what| nowhere(ServiceError::new("MalformedQueryString", what, 400)))?;
            let operation = named_in_form(service, &form).map_err(nowhere)?;
            let here = |error| Refusal { operation: Some(operation), error };
            let input = query::decode_input(operation, &form).map_err(here)?;
            validate::check_input(operation, &input).map_err(here)?;
            Ok(Request { operation, input })
        }
        Protocol::Json => {
            let operation = named_in_target(service, incoming.headers).map_err(nowhere)?;
            let here = |error| Refusal { operation: Some(operation), error };
            let input = json::decode_input(operation, incoming.body).map_err(here)?;
            validate::check_input(operation, &input).map_err(here)?;
            Ok(Request { operation, input })
        }
        Protocol::RestXml => Err(nowhere(service.not_implemented("over this endpoint"))),
    }
}

/// The service that a request without a credential scope is for: by the prefix of its target, or by the action of
/// its form (calls that are made unsigned, such as AssumeRoleWithWebIdentity, first). `None`: S3, or nobody.
pub fn service_of_unsigned(incoming: Incoming<'_>) -> Option<&'static Service> {
    if let Some(target) = incoming.headers.get("x-amz-target") {
        let (prefix, _) = target.to_str().ok()?.rsplit_once('.')?;
        return Service::all()
            .find(|service| service.facts.target_prefix.as_deref() == Some(prefix));
    }
    let form = Node::parse(incoming.query, incoming.body).ok()?;
    let (action, version) = (form.text("Action")?, form.text("Version")?);
    let has = |service: &&'static Service| {
        matches!(service.facts.protocol, Protocol::Query | Protocol::Ec2)
            && service.facts.api_version == version
            && !matches!(service.operation(action), Err(Missing::Unknown))
    };
    let mut candidates: Vec<_> = Service::all().filter(has).collect();
    candidates
        .sort_by_key(|service| !service.operation(action).is_ok_and(|found| found.row.unsigned));
    candidates.first().copied()
}

fn named_in_form(service: &'static Service, form: &Node) -> Result<Operation, ServiceError> {
    let ec2 = service.facts.protocol == Protocol::Ec2;
    let version = form.text("Version");
    let Some(action) = form.text("Action").filter(|action| !action.is_empty()) else {
        let message = "The request is missing an Action parameter.";
        return Err(ServiceError::new("MissingAction", message, 400));
    };
    // IAM and STS have one API version each; EC2 takes all of its past ones.
    let version_fits = ec2 || version == Some(service.facts.api_version.as_str());
    match service.operation(action) {
        Ok(operation) if version_fits => Ok(operation),
        Err(Missing::NotServed) if version_fits => Err(service.not_implemented(action)),
        _ if ec2 => {
            let message = format!("The action {action:.128} is not valid for this web service.");
            Err(ServiceError::new("InvalidAction", message, 400))
        }
        _ => {
            let version = version.unwrap_or("NO_VERSION_SPECIFIED");
            let message =
                format!("Could not find operation {action:.128} for version {version:.32}");
            Err(ServiceError::new("InvalidAction", message, 400))
        }
    }
}

fn named_in_target(
    service: &'static Service,
    headers: &HeaderMap,
) -> Result<Operation, ServiceError> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or("");
    let unknown = || ServiceError::new("UnknownOperationException", "", 400);
    let (prefix, name) = target.rsplit_once('.').ok_or_else(unknown)?;
    if service.facts.target_prefix.as_deref().is_some_and(|ours| ours != prefix) {
        return Err(unknown());
    }
    match service.operation(name) {
        Ok(operation) => Ok(operation),
        Err(Missing::NotServed) => Err(service.not_implemented(name)),
        Err(Missing::Unknown) => Err(unknown()),
    }
}

/// The response of a success. An output that does not have its shape is a mistake of the server.
pub fn encode_response(
    operation: Operation,
    output: &Value,
    request_id: &str,
) -> Result<Response, ShapeError> {
    validate::conforms(operation, operation.output(), output)?;
    Ok(match operation.service.facts.protocol {
        Protocol::Query => query::encode_output(operation, output, request_id),
        Protocol::Ec2 => ec2::encode_output(operation, output, request_id),
        Protocol::Json => json::encode_output(operation, output, request_id),
        Protocol::RestXml => return Err(no_codec(operation)),
    })
}

/// An error in the wrapper of the service's protocol.
pub fn encode_error(service: &Service, error: &ServiceError, request_id: &str) -> Response {
    match service.facts.protocol {
        Protocol::Query | Protocol::RestXml => query::encode_error(service, error, request_id),
        Protocol::Ec2 => ec2::encode_error(error, request_id),
        Protocol::Json => json::encode_error(service, error, request_id),
    }
}

/// The request of a call: POST `/` with these headers and this body.
pub fn encode_request(operation: Operation, input: &Value) -> Result<Outgoing, ShapeError> {
    let shape_error = |what: String| ShapeError {
        operation: operation.name.to_owned(),
        path: "(whole)".to_owned(),
        what,
    };
    validate::conforms(operation, operation.input(), input)?;
    validate::check_input(operation, input).map_err(|error| shape_error(error.message))?;
    let facts = &operation.service.facts;
    let (content_type, body) = match facts.protocol {
        Protocol::Query | Protocol::Ec2 => (
            "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            query::encode_input(operation, input),
        ),
        Protocol::Json => (json_type(operation.service), json::encode_input(operation, input)),
        Protocol::RestXml => return Err(no_codec(operation)),
    };
    let mut headers = vec![("content-type", content_type)];
    if let Some(prefix) = &facts.target_prefix {
        headers.push(("x-amz-target", format!("{prefix}.{}", operation.name)));
    }
    Ok(Outgoing { headers, body })
}

fn no_codec(operation: Operation) -> ShapeError {
    ShapeError {
        operation: operation.name.to_owned(),
        path: "(whole)".to_owned(),
        what: "REST services have no codec here".to_owned(),
    }
}

/// The output of a call, or why there is none.
pub fn decode_response(
    operation: Operation,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, Failure> {
    let unreadable = |what| Failure::Unreadable { status, what };
    let json = operation.service.facts.protocol == Protocol::Json;
    if (200..300).contains(&status) {
        return match json {
            true => json::decode_output(operation, body).map_err(unreadable),
            false => xml::parse(body)
                .and_then(|root| query::decode_output(operation, &root))
                .map_err(unreadable),
        };
    }
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let mut request_id = header("x-amzn-requestid").map(str::to_owned);
    let (code, message, receiver) = if json {
        let (code, message) = json::decode_error(header("x-amzn-errortype"), body)
            .ok_or_else(|| unreadable("no error code".into()))?;
        (code, message, status >= 500)
    } else {
        let root = xml::parse(body).map_err(unreadable)?;
        // <ErrorResponse><Error>, <Response><Errors><Error>, and a bare <Error> from a proxy.
        let error = root.child("Error").or_else(|| root.at(&["Errors", "Error"]));
        let error = error.or_else(|| (root.name == "Error").then_some(&root));
        let error = error.ok_or_else(|| unreadable(format!("a root element {:.40}", root.name)))?;
        let id = root.text_of("RequestId").or_else(|| root.text_of("RequestID"));
        request_id = id.map(str::to_owned).or(request_id);
        let text = |name| error.text_of(name).unwrap_or_default().to_owned();
        (text("Code"), text("Message"), error.text_of("Type") == Some("Receiver") || status >= 500)
    };
    Err(Failure::Service { error: ServiceError { code, message, status, receiver }, request_id })
}
