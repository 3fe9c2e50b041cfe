//! `aws_s3_bucket`: a bucket and, as the provider's deprecated copies, all of its settings.
//!
//! Reading asks what Terraform's provider asks: HeadBucket, twelve settings, the tags. Where
//! Terraform takes any error of HeadBucket for a bucket that is gone, only 404 is that here.

mod effect;
mod grants;
mod settings;
mod write;

use super::attributes::wanted_tags;
use super::records;
use crate::catalog::partition_of;
use crate::exposure;
use crate::s3::Bucket as Calls;
use crate::session::AwsSession;
use async_trait::async_trait;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use futures::{StreamExt, TryStreamExt};
use model::knowledge::{EventEffect, Exposure, Judgement, KindFacts, Restoring};
use model::{AttributePath, Attributes, Event, Knowledge, Resource, Value};
use provider::{ErrorKind, FactsFile, Kind, Probe, ProviderError, Wanted};

pub(super) struct Bucket;

static FACTS: FactsFile = FactsFile::new(include_str!("s3_bucket.toml"));

/// Buckets read at a time: each is a call or more, and all share one pace.
const AT_A_TIME: usize = 8;

impl Knowledge for Bucket {
    fn facts(&self) -> &KindFacts {
        FACTS.get()
    }

    fn equal(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<bool> {
        super::s3_bucket_policy::equal(path, desired, live)
    }

    fn summary(&self, path: &AttributePath, desired: &Value, live: &Value) -> Vec<String> {
        super::s3_bucket_policy::summary(path, desired, live)
    }

    fn judge(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<Judgement> {
        super::s3_bucket_policy::judge(path, desired, live)
    }

    fn restoring(
        &self,
        _native_id: &str,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Restoring {
        super::s3_bucket_policy::restoring(path, desired, live)
            .or_else(|| grants::restoring(path, desired, live))
            .unwrap_or_else(|| self.facts().restoring(path, desired, live))
    }

    fn without_additions(
        &self,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Option<Value> {
        super::s3_bucket_policy::without_additions(path, desired, live)
            .or_else(|| grants::without_additions(path, desired, live))
    }

    fn exposure(&self, live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
        exposure::of_bucket(live, neighbours)
    }

    /// A bucket's name is taken once in all accounts.
    fn id_is_global(&self) -> bool {
        true
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        effect::effect_of(event)
    }
}

#[async_trait]
impl Kind<AwsSession> for Bucket {
    async fn read(
        &self,
        session: &AwsSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        let name = wanted.native_id.as_str();
        let region = wanted.region.as_deref().or(wanted.recorded("region"));
        let bucket = Calls::new(session, name, region);
        // HEAD answers have no body: the code of a 404 is the SDK's own word for it.
        let head =
            bucket.read("HeadBucket", |client| client.head_bucket().bucket(name).send()).await;
        match head {
            Ok(head) => {
                if let Some(region) = head.bucket_region() {
                    session.bucket_lies_in(name, region);
                }
            }
            Err(error) if error.is(ErrorKind::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut attributes = of_name(name, &bucket.region());
        attributes.extend(settings::read(&bucket).await?);
        Ok(Some(resource(self, session, name, attributes).await))
    }

    /// Names, regions and what follows from them: settings are a dozen calls a bucket, and
    /// whoever lists wants to know what there is.
    async fn list(&self, session: &AwsSession) -> Result<Vec<Resource>, ProviderError> {
        let mut all = Vec::new();
        for name in names(session).await? {
            let region = session.bucket_region(&name);
            all.push(resource(self, session, &name, of_name(&name, &region)).await);
        }
        Ok(all)
    }

    /// The bucket with its tags, then those settings that are given inline and have no
    /// permission in them; a policy or list comes by its own kind.
    async fn create(
        &self,
        session: &AwsSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let name = self.required(wanted, "bucket")?;
        let region = super::attributes::set(wanted, "region").unwrap_or(session.region());
        let bucket = Calls::new(session, name, Some(region));
        // us-east-1 has no location constraint (S3 API reference, CreateBucket).
        let place = (region != crate::session::DEFAULT_REGION).then(|| {
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(region))
                .build()
        });
        let locked = wanted.get("object_lock_enabled").and_then(Value::as_bool) == Some(true);
        let target = format!("bucket {name}");
        let made = bucket
            .call(provider::layers::Call::write("s3:CreateBucket", &target), &[], |client| {
                client
                    .create_bucket()
                    .bucket(name)
                    .set_create_bucket_configuration(place.clone())
                    .set_object_lock_enabled_for_bucket(locked.then_some(true))
                    .send()
            })
            .await?;
        drop(made);
        if let Some(tags) = wanted_tags(wanted).filter(|t| !t.is_empty()) {
            write::tags(&bucket, &tags).await?;
        }
        write::inline(&bucket, wanted).await?;
        super::read_back(self, session, name).await
    }

    async fn update(
        &self,
        session: &AwsSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let bucket = Calls::new(session, &current.native_id, current.region.as_deref());
        write::changes(session, &bucket, current, changes).await
    }

    async fn delete(&self, session: &AwsSession, current: &Resource) -> Result<(), ProviderError> {
        let name = current.native_id.as_str();
        let deleted = Calls::new(session, name, current.region.as_deref())
            .write("DeleteBucket", |client| client.delete_bucket().bucket(name).send())
            .await;
        match deleted {
            Err(error) if error.is(ErrorKind::Conflict) => {
                Err(error.next_step("empty the bucket first, old versions included"))
            }
            other => other.map(drop),
        }
    }

    async fn probe(
        &self,
        session: &AwsSession,
        live: &Resource,
    ) -> Result<Option<Probe>, ProviderError> {
        let policy = live.attributes.get("policy").and_then(Value::as_str);
        crate::probe::bucket(session, live, policy).await
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &[
            "s3:GetAccelerateConfiguration",
            "s3:GetBucketAcl",
            "s3:GetBucketCORS",
            "s3:GetBucketLogging",
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetBucketPolicy",
            "s3:GetBucketRequestPayment",
            "s3:GetBucketTagging",
            "s3:GetBucketVersioning",
            "s3:GetBucketWebsite",
            "s3:GetEncryptionConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:GetReplicationConfiguration",
            "s3:ListBucket",
        ]
    }

    fn list_permissions(&self) -> &'static [&'static str] {
        &["s3:ListAllMyBuckets"]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &[
            "s3:CreateBucket",
            "s3:DeleteBucket",
            "s3:DeleteBucketPolicy",
            "s3:DeleteBucketWebsite",
            "s3:PutAccelerateConfiguration",
            "s3:PutBucketAcl",
            "s3:PutBucketCORS",
            "s3:PutBucketLogging",
            "s3:PutBucketPolicy",
            "s3:PutBucketRequestPayment",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutBucketWebsite",
            "s3:PutEncryptionConfiguration",
        ]
    }

    fn update_permissions(&self) -> &'static [&'static str] {
        &[
            "s3:DeleteBucketPolicy",
            "s3:DeleteBucketWebsite",
            "s3:PutAccelerateConfiguration",
            "s3:PutBucketAcl",
            "s3:PutBucketCORS",
            "s3:PutBucketLogging",
            "s3:PutBucketPolicy",
            "s3:PutBucketRequestPayment",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutBucketWebsite",
            "s3:PutEncryptionConfiguration",
        ]
    }
}

async fn resource(
    kind: &dyn Knowledge,
    session: &AwsSession,
    name: &str,
    attributes: Attributes,
) -> Resource {
    Resource {
        cloud: crate::CLOUD,
        account: session.account().await,
        region: Some(session.bucket_region(name)),
        kind: kind.facts().kind.clone(),
        native_id: name.to_owned(),
        attributes,
    }
}

/// Every bucket of the account, and where each is.
async fn names(session: &AwsSession) -> Result<Vec<String>, ProviderError> {
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let page = Calls::of_account(session)
            .read("ListBuckets", |client| {
                client.list_buckets().set_continuation_token(token.clone()).send()
            })
            .await?;
        for bucket in page.buckets() {
            let Some(name) = bucket.name() else { continue };
            if let Some(region) = bucket.bucket_region() {
                session.bucket_lies_in(name, region);
            }
            all.push(name.to_owned());
        }
        match page.continuation_token() {
            Some(next) if !next.is_empty() => token = Some(next.to_owned()),
            _ => return Ok(all),
        }
    }
}

/// For kinds of which a bucket has one or none: asks every bucket.
pub(super) async fn of_every_bucket(
    kind: &dyn Kind<AwsSession>,
    session: &AwsSession,
) -> Result<Vec<Resource>, ProviderError> {
    let name = &kind.facts().kind;
    let found: Vec<Option<Resource>> = futures::stream::iter(names(session).await?)
        .map(|bucket| async move { kind.read(session, &Wanted::new(name.clone(), bucket)).await })
        .buffered(AT_A_TIME)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// What follows from a bucket's name and region.
fn of_name(name: &str, region: &str) -> Attributes {
    let partition = partition_of(region);
    let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    records::attributes([
        ("arn", format!("arn:{partition}:s3:::{name}").into()),
        ("bucket", name.into()),
        ("bucket_domain_name", format!("{name}.s3.{suffix}").into()),
        ("bucket_regional_domain_name", format!("{name}.s3.{region}.{suffix}").into()),
        ("hosted_zone_id", hosted_zone(region).into()),
        ("id", name.into()),
        ("region", region.into()),
    ])
}

/// AWS General Reference, "Amazon S3 website endpoints".
fn hosted_zone(region: &str) -> Option<&'static str> {
    ZONES.iter().find(|(name, _)| *name == region).map(|(_, zone)| *zone)
}

const ZONES: [(&str, &str); 17] = [
    ("ap-east-1", "ZNB98KWMFR0R6"),
    ("ap-northeast-1", "Z2M4EHUR26P7ZW"),
    ("ap-northeast-2", "Z3W03O7B5YMIYP"),
    ("ap-northeast-3", "Z2YQB5RD63NC85"),
    ("ap-south-1", "Z11RGJOFQNVJUP"),
    ("ap-southeast-1", "Z3O0J2DXBE1FTB"),
    ("ap-southeast-2", "Z1WCIGYICN2BYD"),
    ("ca-central-1", "Z1QDHH18159H29"),
    ("eu-central-1", "Z21DNDUVLTQW6Q"),
    ("eu-north-1", "Z3BAZG2TWCNX0D"),
    ("eu-west-1", "Z1BKCTXD74EZPE"),
    ("eu-west-2", "Z3GKZC51ZF0DB4"),
    ("eu-west-3", "Z3R1K369G5AVDG"),
    ("sa-east-1", "Z7KQH4QJS55SO"),
    ("us-east-1", "Z3AQBSTGFYJSTF"),
    ("us-east-2", "Z2O1EMRO9K5GLX"),
    ("us-west-2", "Z3BJ6K6RIION7M"),
];
