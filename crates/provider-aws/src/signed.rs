//! A small signed client over `aws-protocol` for services whose SDK costs minutes to compile,
//! with the SDK's own connector and credentials.

use crate::error;
use crate::session::{AwsSession, DEFAULT_REGION};
use aws_protocol::codec::{self, Failure};
use aws_protocol::{Operation, sign};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use provider::layers::Call;
use provider::{ErrorKind, Layers, ProviderError};
use serde_json::Value;
use std::time::SystemTime;

/// What an answer may be long at most: IAM pages hold 1,000 entries.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// More pages than this are a cloud that does not end its lists.
const MOST_PAGES: usize = 10_000;

/// One service in one region.
pub(crate) struct Service<'a> {
    session: &'a AwsSession,
    layers: &'a Layers,
    name: &'static str,
    region: String,
}

impl AwsSession {
    /// IAM is one service a partition, signed for its home region.
    pub(crate) fn iam(&self) -> Service<'_> {
        let region = match self.partition() {
            "aws-cn" => "cn-north-1",
            "aws-us-gov" => "us-gov-west-1",
            _ => DEFAULT_REGION,
        };
        Service { session: self, layers: &self.layers, name: "iam", region: region.to_owned() }
    }

    pub(crate) fn cloudtrail(&self, region: &str) -> Service<'_> {
        Service {
            session: self,
            layers: &self.lookups,
            name: "cloudtrail",
            region: region.to_owned(),
        }
    }
}

impl Service<'_> {
    fn url(&self) -> String {
        let id = match self.name {
            "iam" => "IAM",
            _ => "CloudTrail",
        };
        if let Some(endpoint) = self.session.endpoint(id) {
            return if endpoint.ends_with('/') { endpoint } else { format!("{endpoint}/") };
        }
        let suffix = match self.session.partition() {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        // AWS General Reference, "IAM endpoints": one host for all regions of a partition.
        match (self.name, self.session.partition()) {
            ("iam", "aws") => format!("https://iam.{suffix}/"),
            ("iam", "aws-us-gov") => format!("https://iam.us-gov.{suffix}/"),
            (name, _) => format!("https://{name}.{}.{suffix}/", self.region),
        }
    }

    pub async fn call(
        &self,
        operation: &str,
        target: &str,
        input: &Value,
    ) -> Result<Value, ProviderError> {
        let name = format!("{}:{operation}", self.name);
        let unknown = || ProviderError::new(ErrorKind::Unsupported, &name, target);
        let operation = Operation::named(self.name, operation).ok_or_else(unknown)?;
        let idempotent = operation.row.read_only;
        let call = Call { name: &name, target, idempotent };
        self.layers.call(call.clone(), || self.once(&call, operation, input)).await
    }

    /// `None` when the thing asked about is not there.
    pub async fn find(
        &self,
        operation: &str,
        target: &str,
        input: &Value,
    ) -> Result<Option<Value>, ProviderError> {
        match self.call(operation, target, input).await {
            Err(error) if error.is(ErrorKind::NotFound) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Every element of a paged list: the member `items`, page after page.
    pub async fn pages(
        &self,
        operation: &str,
        target: &str,
        mut input: Value,
        items: &str,
    ) -> Result<Vec<Value>, ProviderError> {
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut page = self.call(operation, target, &input).await?;
            if let Some(Value::Array(found)) = page.get_mut(items).map(Value::take) {
                all.extend(found);
            }
            let more = page["IsTruncated"].as_bool() == Some(true);
            match page["Marker"].as_str().filter(|_| more) {
                Some(marker) => input["Marker"] = marker.into(),
                None => return Ok(all),
            }
        }
        let name = format!("{}:{operation}", self.name);
        Err(ProviderError::new(ErrorKind::Malformed, name, target).because("the list does not end"))
    }

    async fn once(
        &self,
        call: &Call<'_>,
        operation: Operation,
        input: &Value,
    ) -> Result<Value, ProviderError> {
        let session = self.session;
        let invalid = |what: String| call.error(ErrorKind::Invalid).because(what);
        let outgoing =
            codec::encode_request(operation, input).map_err(|e| invalid(e.to_string()))?;
        let mut request = outgoing.into_http(&self.url()).map_err(|e| invalid(e.to_string()))?;
        let credentials = session.credentials(call).await?;
        let signing = &operation.service.facts.signing_name;
        let now = SystemTime::now();
        sign::sign_request(&mut request, &credentials, signing, &self.region, now)
            .map_err(|e| invalid(e.to_string()))?;
        let (status, headers, body) = session.send(call, request.map(SdkBody::from)).await?;
        codec::decode_response(operation, status, &headers, &body).map_err(|failure| {
            let readable = matches!(failure, Failure::Service { .. });
            if !readable && (200..300).contains(&status) {
                return call.error(ErrorKind::Malformed).because(failure.to_string());
            }
            error::of_answer(call, &failure, session.caller(), &session.source())
        })
    }
}

impl AwsSession {
    /// Sends one request and takes the status alone; the body is not read.
    pub(crate) async fn status(
        &self,
        call: &Call<'_>,
        request: http::Request<SdkBody>,
    ) -> Result<u16, ProviderError> {
        let request = HttpRequest::try_from(request)
            .map_err(|e| call.error(ErrorKind::Invalid).because(e.to_string()))?;
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|e| call.error(ErrorKind::Unreachable).because(words(&e)))?;
        Ok(answer.status().as_u16())
    }

    /// Sends one request with the SDK's connector and reads the whole answer.
    pub(crate) async fn send(
        &self,
        call: &Call<'_>,
        request: http::Request<SdkBody>,
    ) -> Result<(u16, http::HeaderMap, bytes::Bytes), ProviderError> {
        let unreachable = |what: String| call.error(ErrorKind::Unreachable).because(what);
        let request = HttpRequest::try_from(request)
            .map_err(|e| call.error(ErrorKind::Invalid).because(e.to_string()))?;
        let answer = self.connector.call(request).await.map_err(|e| unreachable(words(&e)))?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
                Some((name, http::HeaderValue::from_str(value).ok()?))
            })
            .collect();
        let body = read_body(answer.into_body()).await.map_err(unreachable)?;
        Ok((status, headers, body))
    }
}

async fn read_body(mut body: SdkBody) -> Result<bytes::Bytes, String> {
    use http_body::Body;
    let mut all = bytes::BytesMut::new();
    loop {
        let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await;
        match frame {
            None => return Ok(all.freeze()),
            Some(Err(e)) => return Err(e.to_string()),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    if all.len() + data.len() > LONGEST_ANSWER {
                        return Err(format!("an answer of more than {LONGEST_ANSWER} bytes"));
                    }
                    all.extend_from_slice(&data);
                }
            }
        }
    }
}

/// A connector's error says little; its cause says what happened.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}
