//! `aws_s3_bucket_public_access_block`: the guard against public policies and lists.

use super::records;
use crate::exposure;
use crate::s3::Bucket;
use crate::session::AwsSession;
use async_trait::async_trait;
use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use model::knowledge::{EventChange, EventEffect, Exposure, KindFacts};
use model::{Attributes, Event, Knowledge, Resource, Value};
use provider::{FactsFile, Kind, Probe, ProviderError, Wanted};

pub(super) struct PublicAccessBlock;

static FACTS: FactsFile = FactsFile::new(include_str!("s3_bucket_public_access_block.toml"));

/// Attribute, and the element of the wire.
const FLAGS: [(&str, &str); 4] = [
    ("block_public_acls", "BlockPublicAcls"),
    ("block_public_policy", "BlockPublicPolicy"),
    ("ignore_public_acls", "IgnorePublicAcls"),
    ("restrict_public_buckets", "RestrictPublicBuckets"),
];

/// One call writes all four.
const ATTRIBUTES: [&str; 4] = [FLAGS[0].0, FLAGS[1].0, FLAGS[2].0, FLAGS[3].0];

impl Knowledge for PublicAccessBlock {
    fn facts(&self) -> &KindFacts {
        FACTS.get()
    }

    fn exposure(&self, live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
        exposure::of_bucket(live, neighbours)
    }

    fn belongs_to(&self, resource: &Resource) -> String {
        exposure::bucket_of(resource).unwrap_or(&resource.native_id).to_owned()
    }

    /// A bucket's name is taken once in all accounts.
    fn id_is_global(&self) -> bool {
        true
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        let (operation, bucket) = records::s3(event)?;
        match operation {
            "PutBucketPublicAccessBlock" | "PutPublicAccessBlock" => {
                let written = event.request.get("PublicAccessBlockConfiguration");
                let Some(written) = written.filter(|w| w.is_object()) else {
                    return records::effect(bucket, EventChange::Opaque);
                };
                // What a request leaves out is off.
                let flags = FLAGS.map(|(attribute, element)| {
                    let on = records::boolean(written.get(element)).unwrap_or(false);
                    (attribute, Value::from(on))
                });
                records::effect(bucket, records::sets(flags))
            }
            "DeleteBucketPublicAccessBlock" | "DeletePublicAccessBlock" | "DeleteBucket" => {
                records::effect(bucket, EventChange::Deletes)
            }
            // A new bucket has all four on (S3 User Guide, since April 2023).
            "CreateBucket" => {
                let on = FLAGS.map(|(attribute, _)| (attribute, Value::from(true)));
                records::effect(bucket, EventChange::Creates(records::attributes(on)))
            }
            _ => None,
        }
    }
}

#[async_trait]
impl Kind<AwsSession> for PublicAccessBlock {
    async fn read(
        &self,
        session: &AwsSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        let name = wanted.native_id.as_str();
        let bucket = Bucket::new(session, name, wanted.region.as_deref());
        let absent = ["NoSuchPublicAccessBlockConfiguration", "NoSuchBucket"];
        let answer = bucket
            .find("GetPublicAccessBlock", &absent, |client| {
                client.get_public_access_block().bucket(name).send()
            })
            .await?;
        let Some(written) = answer.and_then(|a| a.public_access_block_configuration) else {
            return Ok(None);
        };
        let attributes = records::attributes([
            ("id", name.into()),
            ("bucket", name.into()),
            ("block_public_acls", written.block_public_acls().unwrap_or(false).into()),
            ("block_public_policy", written.block_public_policy().unwrap_or(false).into()),
            ("ignore_public_acls", written.ignore_public_acls().unwrap_or(false).into()),
            ("restrict_public_buckets", written.restrict_public_buckets().unwrap_or(false).into()),
        ]);
        Ok(Some(Resource {
            cloud: crate::CLOUD,
            account: session.account().await,
            region: Some(bucket.region()),
            kind: self.facts().kind.clone(),
            native_id: name.to_owned(),
            attributes,
        }))
    }

    async fn list(&self, session: &AwsSession) -> Result<Vec<Resource>, ProviderError> {
        super::s3_bucket::of_every_bucket(self, session).await
    }

    async fn create(
        &self,
        session: &AwsSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let name = self.required(wanted, "bucket")?;
        put(session, name, wanted).await?;
        super::read_back(self, session, name).await
    }

    async fn update(
        &self,
        session: &AwsSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let mut whole = current.attributes.clone();
        whole.extend(changes.clone());
        put(session, &current.native_id, &whole).await
    }

    async fn delete(&self, session: &AwsSession, current: &Resource) -> Result<(), ProviderError> {
        let name = current.native_id.as_str();
        Bucket::new(session, name, current.region.as_deref())
            .write("DeletePublicAccessBlock", |client| {
                client.delete_public_access_block().bucket(name).send()
            })
            .await?;
        Ok(())
    }

    async fn probe(
        &self,
        session: &AwsSession,
        live: &Resource,
    ) -> Result<Option<Probe>, ProviderError> {
        crate::probe::bucket(session, live, None).await
    }

    fn written_whole(&self) -> &'static [&'static str] {
        &ATTRIBUTES
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &["s3:GetBucketPublicAccessBlock"]
    }

    fn list_permissions(&self) -> &'static [&'static str] {
        &["s3:ListAllMyBuckets"]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &["s3:PutBucketPublicAccessBlock"]
    }
}

async fn put(session: &AwsSession, name: &str, wanted: &Attributes) -> Result<(), ProviderError> {
    let on = |flag: &str| wanted.get(flag).and_then(Value::as_bool).unwrap_or(false);
    let written = PublicAccessBlockConfiguration::builder()
        .block_public_acls(on("block_public_acls"))
        .block_public_policy(on("block_public_policy"))
        .ignore_public_acls(on("ignore_public_acls"))
        .restrict_public_buckets(on("restrict_public_buckets"))
        .build();
    Bucket::new(session, name, None)
        .write("PutPublicAccessBlock", |client| {
            client
                .put_public_access_block()
                .bucket(name)
                .public_access_block_configuration(written.clone())
                .send()
        })
        .await?;
    Ok(())
}
