//! `aws_s3_bucket_versioning`: whether a bucket keeps what is deleted or overwritten.
//!
//! A bucket has one for as long as it is there. One that never kept versions answers without
//! a status, which Terraform calls `Disabled`; no call leads back to that (S3 User Guide,
//! "Retaining multiple versions of objects with S3 Versioning"). So deleting suspends, as
//! Terraform's provider does, and a listing leaves out the buckets where nobody set it.

use super::attributes::{block, first, set};
use super::records;
use crate::exposure;
use crate::s3::Bucket;
use crate::session::AwsSession;
use async_trait::async_trait;
use aws_sdk_s3::types::{BucketVersioningStatus, MfaDelete, VersioningConfiguration};
use model::knowledge::{EventChange, EventEffect, Judgement, KindFacts};
use model::{AttributePath, Attributes, Event, Knowledge, Resource, Severity, Value};
use provider::{ErrorKind, FactsFile, Kind, ProviderError, Wanted};

pub(super) struct BucketVersioning;

static FACTS: FactsFile = FactsFile::new(include_str!("s3_bucket_versioning.toml"));

const CONFIGURATION: &str = "versioning_configuration";

/// Of a bucket that never kept versions: Terraform's word, S3 has none.
const NEVER: &str = "Disabled";

impl Knowledge for BucketVersioning {
    fn facts(&self) -> &KindFacts {
        FACTS.get()
    }

    /// Terraform records an empty text where S3 says nothing of MFA delete.
    fn equal(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<bool> {
        if path.pattern() != "versioning_configuration.mfa_delete" {
            return None;
        }
        let on = |value: &Value| value.as_str() == Some("Enabled");
        Some(on(desired) == on(live))
    }

    /// Only a bucket that is to keep versions can stop doing so.
    fn judge(&self, path: &AttributePath, desired: &Value, _live: &Value) -> Option<Judgement> {
        let is_status = path.pattern() == "versioning_configuration.status";
        (is_status && desired.as_str() != Some("Enabled")).then(|| Judgement {
            severity: Severity::Low,
            why: "Versioning was changed by hand, not for the worse.".to_owned(),
            techniques: Vec::new(),
        })
    }

    /// A bucket's name is taken once in all accounts.
    fn id_is_global(&self) -> bool {
        true
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        let (operation, bucket) = records::s3(event)?;
        let change = match operation {
            "PutBucketVersioning" => written(event),
            // A bucket with object lock keeps versions from the beginning.
            "CreateBucket" => {
                let lock = event.request.get("x-amz-bucket-object-lock-enabled");
                let locked = records::boolean(lock) == Some(true);
                let status = if locked { "Enabled" } else { NEVER };
                let begins = [(CONFIGURATION, configuration(status, None))];
                EventChange::Creates(records::attributes(begins))
            }
            "DeleteBucket" => EventChange::Deletes,
            _ => return None,
        };
        records::effect(bucket, change)
    }

    fn effect_on(&self, event: &Event, native_id: &str) -> Option<EventChange> {
        let EventEffect { native_id: touched, change } = self.effect_of(event)?;
        (touched == named(native_id).0).then_some(change)
    }

    fn belongs_to(&self, resource: &Resource) -> String {
        exposure::bucket_of(resource).unwrap_or(&resource.native_id).to_owned()
    }
}

/// What a request leaves out is off.
fn written(event: &Event) -> EventChange {
    let written = event.request.get("VersioningConfiguration");
    let said = |element: &str| records::text(written.and_then(|w| w.get(element)));
    match said("Status") {
        Some(status) => {
            records::sets([(CONFIGURATION, configuration(&status, said("MfaDelete").as_deref()))])
        }
        None => EventChange::Opaque,
    }
}

fn configuration(status: &str, mfa_delete: Option<&str>) -> Value {
    let mfa_delete = mfa_delete.unwrap_or("Disabled");
    block([("mfa_delete", mfa_delete.into()), ("status", status.into())])
}

fn status(attributes: &Attributes) -> Option<&str> {
    set(first(attributes.get(CONFIGURATION))?, "status")
}

/// The bucket of an id, and the owner that it must have: `bucket` or `bucket,111122223333`.
fn named(native_id: &str) -> (&str, Option<&str>) {
    match native_id.split_once(',') {
        Some((bucket, owner)) => (bucket, Some(owner)),
        None => (native_id, None),
    }
}

#[async_trait]
impl Kind<AwsSession> for BucketVersioning {
    async fn read(
        &self,
        session: &AwsSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        let id = wanted.native_id.as_str();
        let (name, owner) = named(id);
        let bucket = Bucket::new(session, name, wanted.region.as_deref());
        let answer = bucket
            .find("GetBucketVersioning", &["NoSuchBucket"], |client| {
                let call = client.get_bucket_versioning().bucket(name);
                call.set_expected_bucket_owner(owner.map(str::to_owned)).send()
            })
            .await?;
        let Some(answer) = answer else { return Ok(None) };
        let status = answer.status().map_or(NEVER, BucketVersioningStatus::as_str);
        let mfa_delete = answer.mfa_delete().map(|m| m.as_str());
        let mut attributes = records::attributes([
            ("id", id.into()),
            ("bucket", name.into()),
            (CONFIGURATION, configuration(status, mfa_delete)),
        ]);
        if let Some(owner) = owner {
            attributes.insert("expected_bucket_owner".to_owned(), owner.into());
        }
        Ok(Some(Resource {
            cloud: crate::CLOUD,
            account: session.account().await,
            region: Some(bucket.region()),
            kind: self.facts().kind.clone(),
            native_id: id.to_owned(),
            attributes,
        }))
    }

    async fn list(&self, session: &AwsSession) -> Result<Vec<Resource>, ProviderError> {
        let mut all = super::s3_bucket::of_every_bucket(self, session).await?;
        all.retain(|resource| status(&resource.attributes) != Some(NEVER));
        Ok(all)
    }

    async fn create(
        &self,
        session: &AwsSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let name = self.required(wanted, "bucket")?;
        let id = match set(wanted, "expected_bucket_owner") {
            Some(owner) => format!("{name},{owner}"),
            None => name.to_owned(),
        };
        // Managing a bucket that keeps no versions is no call.
        if status(wanted) != Some(NEVER) {
            put(session, &id, None, wanted).await?;
        }
        super::read_back(self, session, &id).await
    }

    async fn update(
        &self,
        session: &AwsSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let mut whole = current.attributes.clone();
        whole.extend(changes.clone());
        put(session, &current.native_id, current.region.as_deref(), &whole).await
    }

    async fn delete(&self, session: &AwsSession, current: &Resource) -> Result<(), ProviderError> {
        if status(&current.attributes) == Some(NEVER) {
            return Ok(());
        }
        let off = records::attributes([(CONFIGURATION, configuration("Suspended", None))]);
        put(session, &current.native_id, current.region.as_deref(), &off).await
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &["s3:GetBucketVersioning"]
    }

    fn list_permissions(&self) -> &'static [&'static str] {
        &["s3:ListAllMyBuckets"]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &["s3:PutBucketVersioning"]
    }
}

async fn put(
    session: &AwsSession,
    native_id: &str,
    region: Option<&str>,
    wanted: &Attributes,
) -> Result<(), ProviderError> {
    let (name, owner) = named(native_id);
    let status = match status(wanted) {
        Some(status @ ("Enabled" | "Suspended")) => status,
        other => {
            let refused =
                ProviderError::new(ErrorKind::Invalid, "s3:PutBucketVersioning", native_id);
            return Err(refused.because(format!(
                "versioning can be Enabled or Suspended, not {}",
                other.unwrap_or("unset")
            )));
        }
    };
    let device = set(wanted, "mfa");
    // Only the root user with its device may switch MFA delete, so that *off* is only said
    // where the device is at hand.
    let mfa_delete = first(wanted.get(CONFIGURATION))
        .and_then(|c| set(c, "mfa_delete"))
        .filter(|mfa| *mfa == "Enabled" || device.is_some());
    let written = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::from(status))
        .set_mfa_delete(mfa_delete.map(MfaDelete::from))
        .build();
    Bucket::new(session, name, region)
        .write("PutBucketVersioning", |client| {
            let call = client.put_bucket_versioning().bucket(name);
            call.set_expected_bucket_owner(owner.map(str::to_owned))
                .set_mfa(device.map(str::to_owned))
                .versioning_configuration(written.clone())
                .send()
        })
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::golden::Replay;

    const ANSWER: &str =
        "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>";

    async fn read(id: &str, status: u16, body: &str) -> Option<Resource> {
        let session = Replay::default().with("?versioning", status, body).session();
        let wanted = Wanted::new("aws_s3_bucket_versioning", id);
        BucketVersioning.read(&session, &wanted).await.unwrap()
    }

    #[tokio::test]
    async fn a_bucket_that_never_kept_versions_is_there_and_not_listed() {
        let read = read("acme-exports", 200, ANSWER).await.unwrap();
        assert_eq!(status(&read.attributes), Some(NEVER));
        let buckets = "<ListAllMyBucketsResult><Buckets><Bucket><Name>acme-exports</Name></Bucket>\
                       </Buckets></ListAllMyBucketsResult>";
        let replay = Replay::default().with("?versioning", 200, ANSWER).with("?x-id", 200, buckets);
        assert_eq!(BucketVersioning.list(&replay.session()).await.unwrap(), []);
        let kept = ANSWER.replace("/>", "><Status>Enabled</Status></VersioningConfiguration>");
        let replay = Replay::default().with("?versioning", 200, &kept).with("?x-id", 200, buckets);
        let listed = BucketVersioning.list(&replay.session()).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(status(&listed[0].attributes), Some("Enabled"));
    }

    #[tokio::test]
    async fn it_is_gone_with_its_bucket_only() {
        let error = "<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>";
        assert_eq!(read("acme-exports", 404, error).await, None);
    }

    #[tokio::test]
    async fn an_id_may_name_the_owner() {
        let read = read("acme-exports,111122223333", 200, ANSWER).await.unwrap();
        assert_eq!(read.native_id, "acme-exports,111122223333");
        assert_eq!(read.attributes["bucket"], "acme-exports".into());
        assert_eq!(read.attributes["expected_bucket_owner"], "111122223333".into());
        assert_eq!(BucketVersioning.belongs_to(&read), "acme-exports");
    }

    /// There is no call for it: nothing may be asked, and nothing may look as if it worked.
    #[tokio::test]
    async fn nobody_can_make_a_bucket_that_never_kept_versions() {
        let session = Replay::default().session();
        let never = records::attributes([(CONFIGURATION, configuration(NEVER, None))]);
        let error = put(&session, "acme-exports", None, &never).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
    }

    #[test]
    fn only_what_kept_versions_can_stop() {
        let path = AttributePath::root(CONFIGURATION).index(0).key("status");
        let judge = |desired: &str, live: &str| {
            BucketVersioning.judge(&path, &desired.into(), &live.into()).map(|j| j.severity)
        };
        assert_eq!(judge("Enabled", "Suspended"), None, "the facts say how bad");
        assert_eq!(judge("Disabled", "Suspended"), Some(Severity::Low));
        assert_eq!(judge("Suspended", "Enabled"), Some(Severity::Low));
        let mfa = AttributePath::root(CONFIGURATION).index(0).key("mfa_delete");
        let equal = |desired: &str, live: &str| {
            BucketVersioning.equal(&mfa, &desired.into(), &live.into()).unwrap()
        };
        assert!(equal("", "Disabled") && !equal("Enabled", "Disabled") && !equal("", "Enabled"));
    }
}
