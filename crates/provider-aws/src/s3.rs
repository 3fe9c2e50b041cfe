//! Calls on one bucket, through all layers, in the region where the bucket is.

use crate::error::{self, Failed};
use crate::session::AwsSession;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use provider::layers::Call;
use provider::{ErrorKind, ProviderError};
use std::error::Error;
use std::future::Future;
use std::sync::PoisonError;

/// One bucket and what a call on it is called.
pub(crate) struct Bucket<'a> {
    session: &'a AwsSession,
    pub name: &'a str,
    target: String,
}

/// What an attempt came to.
enum Attempt<T> {
    Answer(T),
    NotConfigured,
    /// The region that the answer names, and what it says besides.
    OtherRegion(String, Box<ProviderError>),
}

impl<'a> Bucket<'a> {
    /// `region`: where a state says that it is. An answer may say otherwise.
    pub fn new(session: &'a AwsSession, name: &'a str, region: Option<&str>) -> Self {
        if let Some(region) = region.filter(|r| is_region(r)) {
            let mut known = session.regions.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(name.to_owned()).or_insert_with(|| region.to_owned());
        }
        Bucket { session, name, target: format!("bucket {name}") }
    }

    /// Calls that are about no bucket: the list of them.
    pub fn of_account(session: &'a AwsSession) -> Self {
        Bucket { session, name: "", target: "all buckets".to_owned() }
    }

    pub fn region(&self) -> String {
        self.session.bucket_region(self.name)
    }

    /// A read; `None` when an answer has one of the `absent` codes.
    pub async fn find<T, E, F, A>(
        &self,
        operation: &str,
        absent: &[&str],
        attempt: A,
    ) -> Result<Option<T>, ProviderError>
    where
        A: Fn(aws_sdk_s3::Client) -> F,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let name = format!("s3:{operation}");
        self.call(Call::read(&name, &self.target), absent, attempt).await
    }

    pub async fn read<T, E, F, A>(&self, operation: &str, attempt: A) -> Result<T, ProviderError>
    where
        A: Fn(aws_sdk_s3::Client) -> F,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let name = format!("s3:{operation}");
        let call = Call::read(&name, &self.target);
        let answer = self.call(call.clone(), &[], attempt).await?;
        answer.ok_or_else(|| call.error(ErrorKind::Malformed))
    }

    /// A write. Each of S3's bucket settings is written whole, and all the same a write whose
    /// answer was lost is not made again: by then somebody else may have written.
    pub async fn write<T, E, F, A>(&self, operation: &str, attempt: A) -> Result<T, ProviderError>
    where
        A: Fn(aws_sdk_s3::Client) -> F,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let name = format!("s3:{operation}");
        let call = Call::write(&name, &self.target);
        let answer = self.call(call.clone(), &[], attempt).await?;
        answer.ok_or_else(|| call.error(ErrorKind::Malformed))
    }

    pub async fn call<T, E, F, A>(
        &self,
        call: Call<'_>,
        absent: &[&str],
        attempt: A,
    ) -> Result<Option<T>, ProviderError>
    where
        A: Fn(aws_sdk_s3::Client) -> F,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let session = self.session;
        if !self.name.is_empty() && !is_bucket_name(self.name) {
            return Err(call
                .error(ErrorKind::Invalid)
                .because("not a name that a bucket can have"));
        }
        let once = |region: String| {
            let client = session.s3_client(&region);
            let (call, attempt) = (&call, &attempt);
            async move {
                session.credentials(call).await?;
                session
                    .layers
                    .call(call.clone(), || async {
                        let failed = match attempt(client.clone()).await {
                            Ok(answer) => return Ok(Attempt::Answer(answer)),
                            Err(failed) => failed,
                        };
                        let source = session.source();
                        let failed = error::of_sdk(call, &failed, session.caller(), &source);
                        settle(failed, absent)
                    })
                    .await
            }
        };
        let mut region = self.region();
        let mut outcome = once(region.clone()).await?;
        if let Attempt::OtherRegion(other, _) = &outcome
            && *other != region
        {
            let other = other.clone();
            session.bucket_lies_in(self.name, &other);
            region = other.clone();
            outcome = once(other).await?;
        }
        match outcome {
            Attempt::Answer(answer) => Ok(Some(answer)),
            Attempt::NotConfigured => Ok(None),
            // It names the region with other refusals, too.
            Attempt::OtherRegion(other, error) if other == region => Err(*error),
            Attempt::OtherRegion(region, _) => Err(call
                .error(ErrorKind::Malformed)
                .because(format!("the bucket is said to be in {region}, and is not"))),
        }
    }
}

fn settle<T>(failed: Failed, absent: &[&str]) -> Result<Attempt<T>, ProviderError> {
    if failed.is_any(absent) {
        return Ok(Attempt::NotConfigured);
    }
    match failed.region {
        Some(region) => Ok(Attempt::OtherRegion(region, Box::new(failed.error))),
        None => Err(failed.error),
    }
}

impl AwsSession {
    pub(crate) fn bucket_region(&self, bucket: &str) -> String {
        let known = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(bucket).cloned().unwrap_or_else(|| self.region().to_owned())
    }

    pub(crate) fn bucket_lies_in(&self, bucket: &str, region: &str) {
        if !is_region(region) {
            return;
        }
        let mut known = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(bucket.to_owned(), region.to_owned());
    }
}

/// What may become part of a host name and of a signature. A state can hold anything there,
/// and the SDK takes what it is given for granted.
fn is_region(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// S3 User Guide, "General purpose bucket naming rules", with those of the buckets that
/// us-east-1 made before 2018: no more than 255 of these characters. What is none of them
/// would lead to another path.
fn is_bucket_name(text: &str) -> bool {
    (3..=255).contains(&text.len())
        && !text.contains("..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::CredentialSource;
    use crate::session::static_config;
    use aws_credential_types::Credentials;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_types::body::SdkBody;
    use provider::layers::Limits;
    use std::sync::{Arc, Mutex};

    /// Has the bucket in one region, and says so elsewhere.
    #[derive(Clone, Debug)]
    struct ElsewhereS3 {
        status: u16,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl HttpConnector for ElsewhereS3 {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let here = request.uri().contains("eu-central-1");
            self.asked.lock().unwrap().push(request.uri().to_owned());
            let (status, body) = match here {
                true => (200, r#"{"Version":"2012-10-17","Statement":[]}"#),
                false => (
                    self.status,
                    "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>",
                ),
            };
            let status = http::StatusCode::from_u16(status).unwrap();
            let mut response = HttpResponse::new(status.into(), SdkBody::from(body));
            response.headers_mut().insert("x-amz-bucket-region", "eu-central-1");
            HttpConnectorFuture::ready(Ok(response))
        }
    }

    async fn check(status: u16) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let connector = SharedHttpConnector::new(ElsewhereS3 { status, asked: asked.clone() });
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "x", None, None, "test");
        let config = static_config(credentials, "us-east-1", None, &connector);
        let source = CredentialSource::of(true, None);
        let session = AwsSession::over(config, connector, Limits::default(), source);
        let bucket = Bucket::new(&session, "acme-exports", None);
        for _ in 0..2 {
            let read = bucket
                .read("GetBucketPolicy", |c| c.get_bucket_policy().bucket("acme-exports").send())
                .await;
            assert!(read.unwrap().policy().is_some());
        }
        assert_eq!(bucket.region(), "eu-central-1");
        let asked = asked.lock().unwrap();
        let at_home = asked.iter().filter(|url| url.contains("eu-central-1")).count();
        assert_eq!((asked.len(), at_home), (3, 2), "the detour is made once: {asked:?}");
    }

    #[test]
    fn what_leads_elsewhere_is_neither_a_region_nor_a_bucket() {
        for region in ["us-east-1", "us-gov-west-1", "cn-north-1", "local"] {
            assert!(is_region(region), "{region}");
        }
        for region in ["", "us-east-1/", "evil.example", "eu west 1\n", "US-EAST-1", "a@b"] {
            assert!(!is_region(region), "{region}");
        }
        for name in ["acme-exports", "a.b-c", "Old_Bucket", "123"] {
            assert!(is_bucket_name(name), "{name}");
        }
        for name in ["", "ab", "a/../b", "a..b", "a b c", "acme?acl", "acme\n", "büro"] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_bucket_elsewhere_is_asked_there() {
        check(301).await;
        check(307).await;
        check(400).await;
    }
}
