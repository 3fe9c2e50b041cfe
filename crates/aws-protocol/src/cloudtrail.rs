//! CloudTrail records, derived: from an operation's table row and one call to the record that CloudTrail would write.
//! Pure: time and ids come in with the call. Event version 1.11; key order as in delivered log files.

mod ec2;
mod envelope;
mod identity;
mod lookup;
mod s3;
mod typed;

pub use envelope::{Record, Resource};
pub use identity::{Identity, Issuer, Session};
pub use s3::{Authentication, S3Exchange};

use crate::error::ServiceError;
use crate::table::{Operation, Protocol, Service};
use serde_json::Value;
use time::OffsetDateTime;

/// One call, as the service saw it.
pub struct Call<'a> {
    pub operation: Operation,
    pub identity: Identity,
    pub time: OffsetDateTime,
    /// The region called; services with one global region are recorded there all the same.
    pub region: &'a str,
    pub source_ip: &'a str,
    pub user_agent: &'a str,
    pub exchange: Exchange<'a>,
    pub error: Option<&'a ServiceError>,
    /// A UUID; of S3 16 characters A-Z0-9.
    pub request_id: &'a str,
    pub event_id: &'a str,
    /// The account whose log this is.
    pub recipient_account: &'a str,
    /// Set on TLS connections.
    pub tls: Option<Tls<'a>>,
    /// Links the records of one call in several accounts; always there when a service calls.
    pub shared_event_id: Option<&'a str>,
    pub vpc_endpoint_id: Option<&'a str>,
    /// The session came out of the console.
    pub from_console: bool,
}

/// What went in and out.
pub enum Exchange<'a> {
    /// Query, EC2 and JSON services: the decoded trees. `input` is `None` if the request could not be decoded.
    Typed { input: Option<&'a Value>, output: Option<&'a Value> },
    /// S3: the HTTP request.
    S3(S3Exchange<'a>),
}

#[derive(Clone, Copy, Debug)]
pub struct Tls<'a> {
    /// `TLSv1.3`.
    pub version: &'a str,
    /// `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'a str,
    /// The Host header as the client sent it.
    pub host: &'a str,
}

/// Raised before the request is decoded, so that the record of a typed service has no parameters.
const BEFORE_DECODING: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedException",
    "Throttling",
    "ThrottlingException",
];

impl Call<'_> {
    fn request_parameters(&self) -> Option<Value> {
        let ec2 = self.operation.service.facts.protocol == Protocol::Ec2;
        match &self.exchange {
            Exchange::S3(exchange) => exchange.request_parameters(self.operation),
            Exchange::Typed { input, .. } => {
                let early =
                    self.error.is_some_and(|error| BEFORE_DECODING.contains(&error.code.as_str()));
                let input = input.filter(|_| ec2 || !early)?;
                match ec2 {
                    true => ec2::request(self.operation, input),
                    false => typed::request(self.operation, input),
                }
            }
        }
    }

    fn response_elements(&self) -> Option<Value> {
        if self.error.is_some() {
            return None;
        }
        let ec2 = self.operation.service.facts.protocol == Protocol::Ec2;
        match &self.exchange {
            Exchange::S3(exchange) => exchange.response_elements(self.operation),
            Exchange::Typed { .. } if !self.operation.row.logs_response => None,
            Exchange::Typed { output, .. } if ec2 => {
                Some(ec2::response(self.operation, output.unwrap_or(&Value::Null), self.request_id))
            }
            Exchange::Typed { output, .. } => typed::response(self.operation, (*output)?),
        }
    }

    fn resources(&self) -> Vec<Resource> {
        match &self.exchange {
            Exchange::S3(exchange) => exchange.resources(self.operation, self.error),
            Exchange::Typed { input: Some(input), .. }
                if self.error.is_none()
                    && self.operation.row.event_name.starts_with("AssumeRole") =>
            {
                let arn = input["RoleArn"].as_str().unwrap_or_default();
                let account = arn.split(':').nth(4).map(str::to_owned);
                vec![Resource {
                    account_id: account,
                    kind: Some("AWS::IAM::Role".to_owned()),
                    arn: Some(arn.to_owned()),
                    arn_prefix: None,
                }]
            }
            Exchange::Typed { .. } => Vec::new(),
        }
    }
}

/// An error's code as records show it: the exception's name, `AccessDenied` without a suffix, EC2's with a side.
fn error_code(service: &Service, error: &ServiceError) -> String {
    if service.facts.protocol == Protocol::Ec2 {
        let side = if error.receiver { "Server" } else { "Client" };
        return format!("{side}.{}", error.code);
    }
    match (service.error_row(&error.code), error.code.as_str()) {
        (Some((name, _)), _) => name.to_owned(),
        (None, "AccessDeniedException") => "AccessDenied".to_owned(),
        (None, "ValidationError") => "ValidationException".to_owned(),
        (None, "Throttling") => "ThrottlingException".to_owned(),
        (None, code) => code.to_owned(),
    }
}
