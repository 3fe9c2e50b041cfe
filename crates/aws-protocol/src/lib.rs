//! The protocols of AWS as tables and codecs: the same rows serve the client side and the local cloud, and the
//! CloudTrail record of a call follows from them.
//!
//! Reading order: [`table`] (what there is), [`codec`] (messages, both ways), [`canonical`] and [`sign`]
//! (signatures, both ways), [`cloudtrail`] (the record). [`error`], [`validate`] and [`timestamp`] are what these
//! share. Not here: HTTP, connections, retries, state, a clock.
//!
//! To serve another operation, add its name to `tables/rules.toml` and run `cargo xtask aws-tables`.
//!
//! # The server side
//! ```
//! use aws_protocol::{Service, canonical::HttpParts, codec, sign};
//! # use aws_protocol::cloudtrail::{Call, Exchange, Identity, Record};
//! # let now = time::OffsetDateTime::from_unix_timestamp(1_767_322_800).unwrap();
//! # let operation = aws_protocol::Operation::named("iam", "GetUser").unwrap();
//! # let outgoing = codec::encode_request(operation, &serde_json::json!({ "UserName": "maya" })).unwrap();
//! # let mut request = outgoing.into_http("https://iam.amazonaws.com/").unwrap();
//! # let credentials = aws_credential_types::Credentials::new(
//! #     "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "example");
//! # sign::sign_request(&mut request, &credentials, "iam", "us-east-1", now.into()).unwrap();
//! # let (parts, body) = request.into_parts();
//! // (http::request::Parts, body) of a request
//! let http = HttpParts::new(&parts, &body);
//! let scope = aws_protocol::canonical::Scope::of(&parts.headers, http.query).unwrap();
//! let service = Service::signed_as(&scope.service).unwrap();
//! assert_eq!(service.facts.name, "iam");
//!
//! // who calls
//! let signed = sign::authenticate(&http, now, |access_key| {
//!     assert_eq!(access_key, "AKIAIOSFODNN7EXAMPLE");
//!     let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned();
//!     Some(sign::SecretKey { secret, session_token: None, expires_at: None })
//! });
//! let signed = signed.map_err(|error| error.service_error(service)).unwrap().unwrap();
//! signed.is_for(service).unwrap();
//!
//! // what is asked: operation, input tree under the model's member names, checked against the model
//! let incoming = codec::Incoming { headers: &parts.headers, query: http.query, body: &body };
//! let request = codec::decode_request(service, incoming).map_err(|refusal| refusal.error).unwrap();
//! assert_eq!(request.operation.name, "GetUser");
//! assert_eq!(request.operation.row.action.as_deref(), Some("iam:GetUser"));
//! assert_eq!(request.input["UserName"], "maya");
//!
//! // what is answered
//! let output = serde_json::json!({ "User": {
//!     "Path": "/", "UserName": "maya", "UserId": "AIDACKCEVSQ6C2EXAMPLE",
//!     "Arn": "arn:aws:iam::111122223333:user/maya", "CreateDate": "2026-01-02T03:04:05Z",
//! }});
//! let response = codec::encode_response(request.operation, &output, "request-id").unwrap();
//! assert_eq!(response.status, 200);
//! let error = service.error("NoSuchEntity", "The user with name maya cannot be found.");
//! assert_eq!(codec::encode_error(service, &error, "request-id").status, 404);
//!
//! // what the log says
//! let record = Record::new(&Call {
//!     operation: request.operation,
//!     identity: Identity::Root { account_id: "111122223333".into(), access_key_id: None, session: None },
//!     time: now,
//!     region: "us-east-1",
//!     source_ip: "198.51.100.23",
//!     user_agent: "aws-cli/2.0",
//!     exchange: Exchange::Typed { input: Some(&request.input), output: Some(&output) },
//!     error: None,
//!     request_id: "11111111-2222-3333-4444-555555555555",
//!     event_id: "66666666-7777-8888-9999-000000000000",
//!     recipient_account: "111122223333",
//!     tls: None,
//!     shared_event_id: None,
//!     vpc_endpoint_id: None,
//!     from_console: false,
//! });
//! assert!(record.to_json().starts_with(r#"{"eventVersion":"1.11","userIdentity":{"type":"Root""#));
//! ```
//!
//! # The client side
//! ```
//! use aws_protocol::{Operation, codec, sign};
//! # let credentials = aws_credential_types::Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "example");
//! let operation = Operation::named("iam", "ListAccessKeys").unwrap();
//! let outgoing = codec::encode_request(operation, &serde_json::json!({ "UserName": "maya" })).unwrap();
//! let mut request = outgoing.into_http("https://iam.amazonaws.com/").unwrap();
//! sign::sign_request(&mut request, &credentials, "iam", "us-east-1", std::time::SystemTime::now()).unwrap();
//! // ... send it; then
//! # let (status, headers, body) = (200, http::HeaderMap::new(),
//! #     br#"<ListAccessKeysResponse><ListAccessKeysResult><AccessKeyMetadata/></ListAccessKeysResult></ListAccessKeysResponse>"#);
//! let output = codec::decode_response(operation, status, &headers, body).unwrap();
//! assert_eq!(output["AccessKeyMetadata"], serde_json::json!([]));
//! ```

pub mod canonical;
pub mod cloudtrail;
pub mod codec;
pub mod error;
pub mod sign;
pub mod table;
pub mod timestamp;
pub mod validate;

pub use error::ServiceError;
pub use table::{Operation, Service};
