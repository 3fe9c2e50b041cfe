//! Each kind's golden pair: what AWS answers (`.wire.xml`), read by the very code that reads
//! from AWS, and the resource that must come out (`.resource.json`).
//!
//! A wire file holds one `<answer>` an operation; `call` is what tells it: the query of S3
//! (`?policy`), the action of IAM, `HEAD`. The text of an answer is the body as it came.

use super::KINDS;
use crate::error::CredentialSource;
use crate::session::{AwsSession, static_config};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use http::StatusCode;
use provider::layers::Limits;
use provider::{ErrorKind, Kind, Wanted};
use std::collections::BTreeMap;

/// One recorded answer.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Replay(BTreeMap<String, Answer>);

const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/drift-reader</Arn>\
    <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Account>111122223333</Account></GetCallerIdentityResult>\
    <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>";

impl Replay {
    pub fn read(text: &str) -> Self {
        let mut answers = BTreeMap::new();
        for part in text.split("<answer ").skip(1) {
            let (head, rest) = part.split_once('>').unwrap();
            let body = rest.split("</answer>").next().unwrap().trim();
            let mut given: BTreeMap<&str, &str> = BTreeMap::new();
            for pair in head.split("\" ") {
                let (name, value) = pair.split_once('=').unwrap();
                given.insert(name.trim(), value.trim().trim_matches('"'));
            }
            let call = given.remove("call").unwrap().to_owned();
            let status = given.remove("status").unwrap().parse().unwrap();
            let headers = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            answers.insert(call, Answer { status, headers, body: body.to_owned() });
        }
        Replay(answers)
    }

    pub fn with(mut self, call: &str, status: u16, body: &str) -> Self {
        let answer = Answer { status, headers: Vec::new(), body: body.to_owned() };
        self.0.insert(call.to_owned(), answer);
        self
    }

    pub fn session(self) -> AwsSession {
        let connector = SharedHttpConnector::new(self);
        let credentials =
            Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret-of-a-test", None, None, "test");
        let config = static_config(credentials, "us-east-1", None, &connector);
        let source = CredentialSource::of(true, None);
        AwsSession::over(config, connector, Limits::default(), source)
    }

    fn answer(&self, request: &HttpRequest) -> Answer {
        let body = request.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        let query = request.uri().split_once('?').map_or("", |(_, query)| query);
        let sub = query.split(['=', '&']).next().unwrap_or_default();
        let call = match (action, request.method(), sub) {
            (Some(action), ..) => action.to_owned(),
            (None, "HEAD", _) => "HEAD".to_owned(),
            (None, _, sub) => format!("?{sub}"),
        };
        if call == "GetCallerIdentity" {
            return Answer { status: 200, headers: Vec::new(), body: IDENTITY.to_owned() };
        }
        self.0.get(&call).cloned().unwrap_or_else(|| panic!("no answer to {call} was recorded"))
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.answer(&request);
        let status = StatusCode::from_u16(answer.status).unwrap();
        let mut response = HttpResponse::new(status.into(), SdkBody::from(answer.body));
        for (name, value) in answer.headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn kind(name: &str) -> &'static dyn Kind<AwsSession> {
    KINDS.iter().find(|k| k.facts().kind.as_str() == name).copied().unwrap()
}

async fn check(name: &str, wire: &str, expected: &str) {
    let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
    let kind = kind(name);
    let id = expected["native_id"].as_str().unwrap();
    let mut wanted = Wanted::new(name, id);
    wanted.recorded = serde_json::from_value(expected["attributes"].clone()).unwrap();
    let session = Replay::read(wire).session();
    let read = kind.read(&session, &wanted).await.unwrap().unwrap();
    let read = serde_json::to_value(&read).unwrap();
    assert_eq!(read, expected, "{name}:\n{read:#}");
}

#[tokio::test]
async fn every_kind_reads_what_aws_answers() {
    for kind in KINDS {
        let name = kind.facts().kind.as_str();
        let stem = name.strip_prefix("aws_").unwrap();
        let file = |ending: &str| {
            let path = format!("{}/src/kinds/{stem}.{ending}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
        };
        check(name, &file("wire.xml"), &file("resource.json")).await;
    }
}

fn s3_error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>said so</Message></Error>")
}

async fn read(name: &str, id: &str, replay: Replay) -> Result<bool, provider::ProviderError> {
    let mut wanted = Wanted::new(name, id);
    wanted.recorded.insert("user".to_owned(), "ci-deploy".into());
    kind(name).read(&replay.session(), &wanted).await.map(|r| r.is_some())
}

#[tokio::test]
async fn absence_is_what_the_service_says_it_is() {
    let missing = |code| Replay::default().with("?publicAccessBlock", 404, &s3_error(code));
    let block = "aws_s3_bucket_public_access_block";
    for code in ["NoSuchPublicAccessBlockConfiguration", "NoSuchBucket"] {
        assert_eq!(read(block, "b-1", missing(code)).await, Ok(false), "{code}");
    }
    let policy = Replay::default().with("?policy", 404, &s3_error("NoSuchBucketPolicy"));
    assert_eq!(read("aws_s3_bucket_policy", "b-1", policy).await, Ok(false));
    let bucket = Replay::default().with("HEAD", 404, "");
    assert_eq!(read("aws_s3_bucket", "b-1", bucket).await, Ok(false));
    let none = "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code>\
                <Message>The user with name x cannot be found.</Message></Error></ErrorResponse>";
    let user = Replay::default().with("GetUser", 404, none);
    assert_eq!(read("aws_iam_user", "x", user).await, Ok(false));
    let key = Replay::default().with("ListAccessKeys", 404, none);
    assert_eq!(read("aws_iam_access_key", "AKIAX", key).await, Ok(false));
}

/// An answer that is not *absent* is never taken for it.
#[tokio::test]
async fn everything_else_is_unknown() {
    let block = "aws_s3_bucket_public_access_block";
    let with = |status, body: &str| Replay::default().with("?publicAccessBlock", status, body);
    let denied = read(block, "b-1", with(403, &s3_error("AccessDenied"))).await.unwrap_err();
    assert_eq!(denied.kind, ErrorKind::Denied);
    assert_eq!(denied.next_step, "grant s3:GetBucketPublicAccessBlock");
    let odd = read(block, "b-1", with(404, "")).await.unwrap_err();
    assert_eq!(odd.kind, ErrorKind::NotFound);
    let html = read(block, "b-1", with(200, "<html>sign in</html>")).await;
    assert!(html.is_err() || html == Ok(false), "{html:?}");
    for status in [400, 403] {
        let head = Replay::default().with("HEAD", status, "");
        let error = read("aws_s3_bucket", "b-1", head).await.unwrap_err();
        assert!(!error.is(ErrorKind::NotFound), "{error}");
    }
    let garbled = Replay::default().with("GetUser", 200, "<GetUserResponse><GetUser");
    let error = read("aws_iam_user", "x", garbled).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed);
}
