//! The effect, tried: an object found by an authenticated list, then asked for as nobody.

use crate::s3::Bucket;
use crate::session::AwsSession;
use aws_smithy_types::body::SdkBody;
use iam_policy::{Context, Policy, anonymous_allows};
use model::Resource;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use provider::layers::Call;
use provider::{ErrorKind, Probe, ProviderError};

/// A key keeps its slashes (S3 User Guide, "Object key names"; RFC 3986's unreserved).
const KEY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Asks for one object of the bucket without a signature: one that the policy lets anybody
/// read, where it does not do so for all. `None`: the bucket is empty.
pub(crate) async fn bucket(
    session: &AwsSession,
    live: &Resource,
    policy: Option<&str>,
) -> Result<Option<Probe>, ProviderError> {
    let Some(name) = crate::exposure::bucket_of(live) else { return Ok(None) };
    let bucket = Bucket::new(session, name, live.region.as_deref());
    let listed =
        bucket.read("ListObjectsV2", |client| client.list_objects_v2().bucket(name).send()).await?;
    let keys: Vec<&str> = listed.contents().iter().filter_map(|o| o.key()).collect();
    let policy = policy.and_then(|text| Policy::parse(text).ok());
    let mut context = Context::new();
    context.set("aws:SecureTransport", "true");
    let open = policy.and_then(|policy| {
        keys.iter().copied().find(|key| {
            let object = format!("arn:aws:s3:::{name}/{key}");
            anonymous_allows(&policy, "s3:GetObject", &object, &context)
        })
    });
    let Some(key) = open.or(keys.first().copied()) else { return Ok(None) };
    let url = session.object_url(name, key);
    let target = format!("s3://{name}/{key}");
    let call = Call::read("s3:GetObject", &target);
    let request = || {
        http::Request::get(&url)
            .body(SdkBody::empty())
            .map_err(|e| call.error(ErrorKind::Invalid).because(e.to_string()))
    };
    let status = session
        .layers
        .call(call.clone(), || async { session.status(&call, request()?).await })
        .await?;
    Ok(Some(Probe { asked: format!("GET {url}"), status }))
}

impl AwsSession {
    /// Where the whole internet would ask for an object.
    fn object_url(&self, bucket: &str, key: &str) -> String {
        let key = utf8_percent_encode(key, KEY);
        if let Some(endpoint) = self.endpoint("S3") {
            return format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/'));
        }
        let region = self.bucket_region(bucket);
        let suffix = if self.partition() == "aws-cn" { ".cn" } else { "" };
        let host = format!("s3.{region}.amazonaws.com{suffix}");
        // The certificate of *.s3.region does not hold for a name with a dot.
        match bucket.contains('.') {
            true => format!("https://{host}/{bucket}/{key}"),
            false => format!("https://{bucket}.{host}/{key}"),
        }
    }
}
