//! The calls on buckets and their IAM policies, each through all layers.

use crate::bucket_shape::name_of;
use crate::policy::BucketName;
use crate::session::GcpSession;
use futures::stream::{self, StreamExt};
use google_cloud_iam_v1::model::{GetPolicyOptions, Policy};
use google_cloud_storage::model::Bucket;
use google_cloud_wkt::FieldMask;
use provider::layers::Call;
use provider::{ErrorKind, ProviderError};
use std::time::Duration;

/// Conditions exist since this version of policies, and are cut off for older readers.
const POLICY_VERSION: i32 = 3;

/// A policy is written onto the one that was read. When somebody else was faster, it is read
/// and written again, this often.
const CONFLICTS: u32 = 6;
const CONFLICT_WAIT: Duration = Duration::from_millis(150);

/// Policies read at once for a listing; the pace of the calls is the layers' own matter.
const CONCURRENT_READS: usize = 8;

/// More pages than any project has buckets for: an endpoint that never ends its list.
const MOST_PAGES: usize = 10_000;

impl GcpSession {
    pub(crate) async fn bucket(&self, name: &BucketName) -> Result<Option<Bucket>, ProviderError> {
        let target = name.to_string();
        let call = Call::read("storage.buckets.get", &target);
        let found = self
            .sdk(call, || self.ours(self.control.get_bucket().set_name(name.resource())).send())
            .await;
        absent(found)
    }

    pub(crate) async fn buckets(&self) -> Result<Vec<Bucket>, ProviderError> {
        let parent = format!("projects/{}", self.project);
        let target = format!("project {}", self.project);
        let mut all = Vec::new();
        let mut token = String::new();
        for _ in 0..MOST_PAGES {
            let call = Call::read("storage.buckets.list", &target);
            let page = self
                .sdk(call, || {
                    let request = self.control.list_buckets().set_parent(&parent);
                    self.ours(request.set_page_size(1000).set_page_token(&token)).send()
                })
                .await?;
            all.extend(page.buckets);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            token = page.next_page_token;
        }
        Err(ProviderError::new(ErrorKind::Malformed, "storage.buckets.list", target)
            .because("the list does not end"))
    }

    pub(crate) async fn create_bucket(
        &self,
        name: &BucketName,
        bucket: &Bucket,
        object_retention: bool,
    ) -> Result<Bucket, ProviderError> {
        let target = name.to_string();
        let call = Call::write("storage.buckets.create", &target);
        self.sdk(call, || {
            let request = self
                .control
                .create_bucket()
                .set_parent("projects/_")
                .set_bucket_id(name.as_str())
                .set_bucket(bucket.clone())
                .set_enable_object_retention(object_retention);
            self.ours(request).send()
        })
        .await
    }

    /// Writes the fields that `mask` names, unless the bucket is no longer as it was read.
    pub(crate) async fn update_bucket(
        &self,
        name: &BucketName,
        bucket: Bucket,
        read: &Bucket,
        mask: &[&str],
    ) -> Result<Bucket, ProviderError> {
        let target = name.to_string();
        let call = Call::write("storage.buckets.update", &target);
        let bucket = bucket.set_name(name.resource());
        self.sdk(call, || {
            let request = self
                .control
                .update_bucket()
                .set_bucket(bucket.clone())
                .set_if_metageneration_match(read.metageneration)
                .set_update_mask(FieldMask::default().set_paths(mask.iter().copied()));
            self.ours(request).send()
        })
        .await
    }

    pub(crate) async fn delete_bucket(&self, name: &BucketName) -> Result<(), ProviderError> {
        let target = name.to_string();
        let call = Call::write("storage.buckets.delete", &target);
        let deleted = self
            .sdk(call, || self.ours(self.control.delete_bucket().set_name(name.resource())).send())
            .await;
        deleted.map_err(|e| match e.kind {
            ErrorKind::Conflict => e.next_step("empty the bucket first, versions included"),
            _ => e,
        })
    }

    pub(crate) async fn policy(&self, name: &BucketName) -> Result<Option<Policy>, ProviderError> {
        let target = name.to_string();
        let call = Call::read("storage.buckets.getIamPolicy", &target);
        let found = self
            .sdk(call, || {
                let options = GetPolicyOptions::new().set_requested_policy_version(POLICY_VERSION);
                let request = self.control.get_iam_policy().set_resource(name.resource());
                self.ours(request.set_options(options)).send()
            })
            .await;
        absent(found)
    }

    /// The policy of every bucket of the project.
    pub(crate) async fn policies(&self) -> Result<Vec<(BucketName, Policy)>, ProviderError> {
        let buckets = self.buckets().await?;
        let names: Vec<BucketName> =
            buckets.iter().filter_map(|b| BucketName::parse(name_of(b))).collect();
        let mut reads = stream::iter(names)
            .map(|name| async move {
                let policy = self.policy(&name).await;
                (name, policy)
            })
            .buffered(CONCURRENT_READS);
        let mut all = Vec::new();
        while let Some((name, policy)) = reads.next().await {
            // A bucket that went in between has no policy.
            if let Some(policy) = policy? {
                all.push((name, policy));
            }
        }
        Ok(all)
    }

    /// Reads the policy, lets `change` change it and writes it back under its etag. `change`
    /// says whether there is anything to write, and refuses where the part that it is about
    /// is no longer what its caller saw: that holds for every time that it is read again.
    pub(crate) async fn change_policy(
        &self,
        name: &BucketName,
        change: impl Fn(&mut Policy) -> Result<bool, ProviderError> + Send + Sync,
    ) -> Result<Policy, ProviderError> {
        let target = name.to_string();
        let call = Call::write("storage.buckets.setIamPolicy", &target);
        let mut conflict: Option<(bytes::Bytes, ProviderError)> = None;
        for tried in 0..CONFLICTS {
            let read = self.policy(name).await?;
            let Some(mut policy) = read else {
                return Err(call.error(ErrorKind::NotFound).because("the bucket does not exist"));
            };
            // A refusal with the policy unmoved was no race: repeating it changes nothing.
            if let Some((etag, error)) = conflict.take()
                && etag == policy.etag
            {
                return Err(error);
            }
            if !change(&mut policy)? {
                return Ok(policy);
            }
            policy.version = POLICY_VERSION;
            let written = self
                .sdk(call.clone(), || {
                    let request = self.control.set_iam_policy().set_resource(name.resource());
                    self.ours(request.set_policy(policy.clone())).send()
                })
                .await;
            match written {
                Err(error) if error.is(ErrorKind::Conflict) => {
                    conflict = Some((policy.etag.clone(), error));
                    tokio::time::sleep(CONFLICT_WAIT * (tried + 1)).await;
                }
                written => return written,
            }
        }
        let error = conflict.map_or_else(|| call.error(ErrorKind::Conflict), |(_, error)| error);
        Err(error.next_step("somebody else keeps changing this policy: run again later"))
    }
}

fn absent<T>(found: Result<T, ProviderError>) -> Result<Option<T>, ProviderError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is(ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
