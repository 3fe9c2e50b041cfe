//! From a record back to the call: the inverse of the derivation, over the same tables but written apart from it.

use aws_protocol::cloudtrail::{Authentication, Identity, Issuer, Session};
use aws_protocol::codec::xml::Sink;
use aws_protocol::table::{Kind, Shape, Style};
use aws_protocol::{Operation, Service};
use http::HeaderMap;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The input. Where the record shows none because of its error, there was one all the same: some input must not
/// show up in the derivation either. Without an error, nothing was given.
pub fn request(operation: Operation, record: &Value) -> Option<Value> {
    let tree = &record["requestParameters"];
    match (operation.input(), tree.is_null(), record["errorCode"].is_string()) {
        (None, _, _) | (Some(_), true, false) => Some(Value::Object(Map::new())),
        (Some(shape), true, true) => Some(sample(operation.service, shape, 0)),
        (Some(shape), false, _) => {
            Some(structure(operation.service, shape, tree, operation.row.style, true))
        }
    }
}

/// The output. Where the record shows none there may have been one, so one is made up that must not show up.
pub fn response(operation: Operation, record: &Value) -> Option<Value> {
    let shape = operation.output()?;
    match &record["responseElements"] {
        Value::Null => Some(sample(operation.service, shape, 0)),
        tree => Some(structure(operation.service, shape, tree, operation.row.style, false)),
    }
}

/// Some tree of a shape, with every member of the first two levels.
fn sample(service: &Service, shape: &Shape, depth: usize) -> Value {
    match shape.kind {
        Kind::Structure if depth > 2 => Value::Object(Map::new()),
        Kind::Structure => {
            let members = shape.members.iter();
            members
                .map(|(name, member)| {
                    (name.clone(), sample(service, service.shape(&member.shape), depth + 1))
                })
                .collect()
        }
        Kind::List => Value::Array(Vec::new()),
        Kind::Map => Value::Object(Map::new()),
        Kind::Boolean => Value::Bool(true),
        Kind::Integer | Kind::Long | Kind::Float | Kind::Double => 1.into(),
        Kind::Timestamp => "2026-01-02T03:04:05Z".into(),
        Kind::String | Kind::Blob => "abcd".into(),
    }
}

fn lower_first(text: &str) -> String {
    text.chars().take(1).flat_map(char::to_lowercase).chain(text.chars().skip(1)).collect()
}

fn structure(service: &Service, shape: &Shape, tree: &Value, style: Style, request: bool) -> Value {
    let mut members = Map::new();
    for (name, member) in &shape.members {
        let inner = service.shape(&member.shape);
        let key = match style {
            Style::Ec2Old => match &member.record_list {
                Some(key) if request && inner.kind == Kind::List => key.clone(),
                _ => lower_first(member.wire_name(name)),
            },
            _ => lower_first(name),
        };
        let key = if key == "return" { "_return".to_owned() } else { key };
        if let Some(value) = tree.get(&key) {
            members.insert(name.clone(), invert(service, inner, value, style, request));
        }
    }
    Value::Object(members)
}

fn invert(service: &Service, shape: &Shape, tree: &Value, style: Style, request: bool) -> Value {
    match (shape.kind, tree) {
        (Kind::Structure, _) => structure(service, shape, tree, style, request),
        (Kind::List, tree) => {
            let Some(element) = &shape.member else { return Value::Null };
            let inner = service.shape(&element.shape);
            let items =
                tree.as_array().or_else(|| tree["items"].as_array()).cloned().unwrap_or_default();
            let items = items.iter().map(|item| match (inner.kind, style, item.as_object()) {
                // One scalar under its own key.
                (kind, Style::Ec2Old, Some(only)) if kind != Kind::Structure => {
                    only.values().next().cloned().unwrap_or_default()
                }
                _ => invert(service, inner, item, style, request),
            });
            items.collect()
        }
        (Kind::Map, Value::Object(entries)) => {
            let Some(element) = &shape.value else { return Value::Null };
            let inner = service.shape(&element.shape);
            entries
                .iter()
                .map(|(key, value)| (key.clone(), invert(service, inner, value, style, request)))
                .collect()
        }
        (Kind::Timestamp, Value::String(text)) => {
            java_medium(text).map_or(tree.clone(), Value::from)
        }
        _ => tree.clone(),
    }
}

/// `Jul 10, 2023[,] 12:03:15 PM` to ISO. Writers differ by version in the comma and in the last space.
pub fn java_medium(text: &str) -> Option<String> {
    let text = text.replace(['\u{202f}', ','], " ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let [month, day, year, clock, half] = words[..] else { return None };
    let months =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month)? + 1;
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<u8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let hour = hour % 12 + if half == "PM" { 12 } else { 0 };
    let day: u8 = day.parse().ok()?;
    Some(format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

pub fn identity(tree: &Value) -> Identity {
    let text = |key: &str| tree[key].as_str().unwrap_or_default().to_owned();
    let option = |key: &str| tree[key].as_str().map(str::to_owned);
    let context = &tree["sessionContext"];
    let session = context.is_object().then(|| Session {
        created_at: OffsetDateTime::parse(
            context["attributes"]["creationDate"].as_str().unwrap_or_default(),
            &Rfc3339,
        )
        .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        mfa: context["attributes"]["mfaAuthenticated"] == "true",
        source_identity: context["sourceIdentity"].as_str().map(str::to_owned),
        federated_provider: context["webIdFederationData"]["federatedProvider"]
            .as_str()
            .map(str::to_owned),
    });
    match (tree["type"].as_str(), session) {
        (Some("IAMUser"), session) => Identity::IamUser {
            principal_id: text("principalId"),
            arn: text("arn"),
            account_id: text("accountId"),
            access_key_id: option("accessKeyId"),
            user_name: text("userName"),
            session,
            invoked_by: option("invokedBy"),
        },
        (Some("AssumedRole"), Some(session)) => {
            let issuer =
                |key: &str| context["sessionIssuer"][key].as_str().unwrap_or_default().to_owned();
            Identity::AssumedRole {
                principal_id: text("principalId"),
                arn: text("arn"),
                account_id: text("accountId"),
                access_key_id: option("accessKeyId"),
                issuer: Issuer {
                    principal_id: issuer("principalId"),
                    arn: issuer("arn"),
                    account_id: issuer("accountId"),
                    user_name: issuer("userName"),
                },
                session,
                ec2_role_delivery: context["ec2RoleDelivery"].as_str().map(str::to_owned),
                invoked_by: option("invokedBy"),
            }
        }
        (Some("Root"), session) => Identity::Root {
            account_id: text("accountId"),
            access_key_id: option("accessKeyId"),
            session,
        },
        (Some("AWSService"), _) => Identity::AwsService { invoked_by: text("invokedBy") },
        (Some("AWSAccount"), _) if text("accountId") == "ANONYMOUS_PRINCIPAL" => {
            Identity::Anonymous
        }
        _ => Identity::AwsAccount {
            principal_id: text("principalId"),
            account_id: text("accountId"),
        },
    }
}

/// An S3 request as it must have been.
pub struct Http {
    pub bucket: Option<String>,
    pub key: Option<String>,
    pub host: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub bucket_owner: Option<String>,
    pub authentication: Option<Authentication>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub extended_request_id: String,
}

pub fn http(operation: Operation, record: &Value) -> Http {
    let parameters = record["requestParameters"].as_object().cloned().unwrap_or_default();
    let more = &record["additionalEventData"];
    let mut http = Http {
        bucket: None,
        key: None,
        host: String::new(),
        query: String::new(),
        headers: HeaderMap::new(),
        body: Vec::new(),
        bucket_owner: record["resources"][0]["accountId"].as_str().map(str::to_owned),
        authentication: match more["AuthenticationMethod"].as_str() {
            Some("AuthHeader") => Some(Authentication::Header),
            Some(_) => Some(Authentication::Query),
            None => None,
        },
        bytes_in: more["bytesTransferredIn"].as_u64().unwrap_or_default(),
        bytes_out: more["bytesTransferredOut"].as_u64().unwrap_or_default(),
        extended_request_id: more["x-amz-id-2"].as_str().unwrap_or_default().to_owned(),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &parameters {
        match (name.as_str(), value) {
            ("bucketName", Value::String(value)) => http.bucket = Some(value.clone()),
            ("key", Value::String(value)) => http.key = Some(value.clone()),
            ("Host", Value::String(value)) => http.host = value.clone(),
            ("bucketPolicy", value) => http.body = value.to_string().into_bytes(),
            (name, Value::String(value)) if operation.row.headers.iter().any(|h| h == name) => {
                let header = http::HeaderName::from_bytes(name.as_bytes());
                if let (Ok(header), Ok(value)) = (header, value.parse()) {
                    http.headers.insert(header, value);
                }
            }
            (name, Value::String(value)) => {
                query.append_pair(name, value);
            }
            (name, tree) => {
                let mut sink = Sink::new();
                element(&mut sink, name, tree);
                http.body = sink.finish();
            }
        }
    }
    http.query = query.finish().replace('+', "%20");
    http
}

fn element(sink: &mut Sink, name: &str, tree: &Value) {
    match tree {
        Value::Array(several) => several.iter().for_each(|one| element(sink, name, one)),
        Value::Object(members) => {
            sink.open(name, members.get("xmlns").and_then(Value::as_str));
            for (name, tree) in members.iter().filter(|(name, _)| *name != "xmlns") {
                element(sink, name, tree);
            }
            sink.close(name);
        }
        Value::String(text) => sink.leaf(name, text),
        other => sink.leaf(name, &other.to_string()),
    }
}
