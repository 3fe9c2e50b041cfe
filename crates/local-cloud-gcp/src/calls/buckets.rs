//! Buckets and their IAM policies.

use super::{Call, Calls, Method, Target, Work, acl};
use crate::audit::Access;
use crate::authorize::On;
use crate::error::ApiError;
use crate::roles;
use crate::state::bucket::{self, Bucket, Preconditions};
use crate::state::config::{Config, RetentionPolicy};
use crate::state::object;
use crate::state::policy::{ALL_AUTHENTICATED, ALL_USERS, Policy};
use crate::story;
use serde_json::{Value, json};

const CREATE: Method =
    Method::storage("storage.buckets.create", "storage.buckets.create", Access::AdminWrite);
const GET: Method =
    Method::storage("storage.buckets.get", "storage.buckets.get", Access::AdminRead);
const LIST: Method =
    Method::storage("storage.buckets.list", "storage.buckets.list", Access::AdminRead);
/// What a bucket is made like; asking takes the permission to list its objects.
const LAYOUT: Method =
    Method::storage("storage.buckets.getStorageLayout", "storage.objects.list", Access::AdminRead);
const UPDATE: Method =
    Method::storage("storage.buckets.update", "storage.buckets.update", Access::AdminWrite);
const DELETE: Method =
    Method::storage("storage.buckets.delete", "storage.buckets.delete", Access::AdminWrite);
const GET_IAM: Method =
    Method::storage("storage.getIamPermissions", "storage.buckets.getIamPolicy", Access::AdminRead);
const SET_IAM: Method = Method::storage(
    "storage.setIamPermissions",
    "storage.buckets.setIamPolicy",
    Access::AdminWrite,
);

/// A bucket is asked for by its configuration in the JSON API's shape, whatever the protocol.
#[derive(Clone, Debug, Default)]
pub struct NewBucket {
    pub name: String,
    pub project: String,
    pub body: Value,
    pub predefined_acl: Option<String>,
    pub predefined_default_object_acl: Option<String>,
    pub object_retention: bool,
}

pub enum Change {
    /// Merge patch of the JSON resource.
    Patch(Value),
    Replace(Value),
}

/// A policy as it is answered.
#[derive(Clone, Debug)]
pub struct Answered {
    pub policy: Policy,
    pub etag: Vec<u8>,
}

impl Answered {
    pub fn version(&self) -> i64 {
        if self.policy.bindings.iter().any(|b| b.condition.is_some()) { 3 } else { 1 }
    }
}

impl Calls {
    pub async fn create_bucket(&self, call: &Call, new: NewBucket) -> Result<Bucket, ApiError> {
        project_is_ours(&new.project)?;
        let name = new.name.clone();
        self.perform(call, &CREATE, Target::NewBucket(&name), |work| {
            bucket::check_name(&new.name)?;
            if bucket::exists(&work.tx.view(), &new.name) {
                return Err(ApiError::conflict(
                    "Your previous request to create the named bucket succeeded and you already own it.",
                ));
            }
            let mut body = new.body;
            if new.object_retention
                && let Value::Object(body) = &mut body
            {
                body.insert("objectRetention".to_owned(), json!({"mode": "Enabled"}));
            }
            let config = Config::create(&body, work.now)?;
            let mut bucket = Bucket {
                name: new.name,
                project: story::PROJECT.to_owned(),
                metageneration: 1,
                created: work.now,
                updated: work.now,
                policy: Policy::of_new_bucket(story::PROJECT),
                default_object_acl: acl::default_object_acl(),
                config,
            };
            if let Some(predefined) = &new.predefined_acl {
                acl::apply_to_bucket(&mut bucket, &acl::predefined_bucket(predefined)?)?;
            }
            if let Some(predefined) = &new.predefined_default_object_acl {
                bucket.default_object_acl = acl::predefined_object(predefined, None)?;
            }
            acl::patch_bucket(&mut bucket, &body)?;
            acl::check_public(&bucket, &bucket.default_object_acl, &[])?;
            bucket::put(work.tx, &bucket);
            work.extra.deltas = Policy::default().delta(&bucket.policy);
            if !bucket.config.uniform() {
                work.extra.request = Some(json!({"defaultObjectAcl": {
                    "@type": "type.googleapis.com/google.iam.v1.Policy",
                    "bindings": acl::as_bindings(&bucket.default_object_acl),
                }}));
            }
            Ok(bucket)
        })
        .await
    }

    pub async fn get_bucket(
        &self,
        call: &Call,
        name: &str,
        preconditions: Preconditions,
        full: bool,
    ) -> Result<Bucket, ApiError> {
        self.perform(call, &GET, Target::Bucket(name), |work| {
            let bucket = work.bucket()?;
            if full {
                work.require("storage.buckets.getIamPolicy", On::Bucket(&bucket))?;
            }
            preconditions.hold(bucket.metageneration)?;
            Ok(bucket)
        })
        .await
    }

    pub async fn storage_layout(&self, call: &Call, name: &str) -> Result<Bucket, ApiError> {
        self.perform(call, &LAYOUT, Target::Bucket(name), |work| work.bucket()).await
    }

    pub async fn list_buckets(
        &self,
        call: &Call,
        project: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Bucket>, Option<String>), ApiError> {
        project_is_ours(project)?;
        self.perform(call, &LIST, Target::Project, |work| {
            let mut page = bucket::page(&work.tx.view(), prefix, after, limit.saturating_add(1));
            let more = page.len() > limit;
            page.truncate(limit);
            let next = page.last().filter(|_| more).map(|b| b.name.clone());
            Ok((page, next))
        })
        .await
    }

    pub async fn update_bucket(
        &self,
        call: &Call,
        name: &str,
        change: Change,
        preconditions: Preconditions,
        predefined: (Option<String>, Option<String>),
    ) -> Result<Bucket, ApiError> {
        self.perform(call, &UPDATE, Target::Bucket(name), |work| {
            let mut bucket = work.bucket()?;
            preconditions.hold(bucket.metageneration)?;
            let before = bucket.clone();
            let body = match &change {
                Change::Patch(body) => {
                    bucket.config = bucket.config.patch(body, work.now)?;
                    body
                }
                Change::Replace(body) => {
                    bucket.config = bucket.config.replace(body, work.now)?;
                    body
                }
            };
            if let Some(predefined) = &predefined.0 {
                acl::apply_to_bucket(&mut bucket, &acl::predefined_bucket(predefined)?)?;
            }
            if let Some(predefined) = &predefined.1 {
                bucket.default_object_acl = acl::predefined_object(predefined, None)?;
            }
            acl::patch_bucket(&mut bucket, body)?;
            acl::check_public(&bucket, &bucket.default_object_acl, &before.default_object_acl)?;
            no_new_public(&bucket, &before.policy, &bucket.policy)?;
            work.extra.deltas = before.policy.delta(&bucket.policy);
            if !work.extra.deltas.is_empty() {
                work.require("storage.buckets.setIamPolicy", On::Bucket(&before))?;
            }
            bucket.touch(work.now);
            bucket::put(work.tx, &bucket);
            Ok(bucket)
        })
        .await
    }

    pub async fn delete_bucket(
        &self,
        call: &Call,
        name: &str,
        preconditions: Preconditions,
    ) -> Result<(), ApiError> {
        self.perform(call, &DELETE, Target::Bucket(name), |work| {
            let bucket = work.bucket()?;
            preconditions.hold(bucket.metageneration)?;
            if object::any(&work.tx.view(), name) {
                return Err(ApiError::not_empty());
            }
            bucket::delete(work.tx, name);
            Ok(())
        })
        .await
    }

    pub async fn lock_retention(
        &self,
        call: &Call,
        name: &str,
        metageneration: i64,
    ) -> Result<Bucket, ApiError> {
        self.perform(call, &UPDATE, Target::Bucket(name), |work| {
            let mut bucket = work.bucket()?;
            Preconditions { matches: Some(metageneration), not_matches: None }
                .hold(bucket.metageneration)?;
            let Some(retention) = bucket.config.retention_policy.take() else {
                return Err(ApiError::invalid("The bucket does not have a retention policy."));
            };
            bucket.config.retention_policy =
                Some(RetentionPolicy { is_locked: Some(true), ..retention });
            bucket.touch(work.now);
            bucket::put(work.tx, &bucket);
            Ok(bucket)
        })
        .await
    }

    pub async fn get_bucket_policy(&self, call: &Call, name: &str) -> Result<Answered, ApiError> {
        self.perform(call, &GET_IAM, Target::Bucket(name), |work| {
            let bucket = work.bucket()?;
            let etag = bucket.etag_bytes();
            Ok(Answered { policy: bucket.policy, etag })
        })
        .await
    }

    pub async fn set_bucket_policy(
        &self,
        call: &Call,
        name: &str,
        policy: Policy,
        version: i64,
        etag: Option<Vec<u8>>,
    ) -> Result<Answered, ApiError> {
        self.perform(call, &SET_IAM, Target::Bucket(name), |work| {
            let mut bucket = work.bucket()?;
            if etag.is_some_and(|e| !e.is_empty() && e != bucket.etag_bytes()) {
                return Err(ApiError::precondition_not_held());
            }
            let view = work.tx.view();
            policy.check(version, |role| roles::fits_bucket(&view, role))?;
            if policy.bindings.iter().any(|b| b.condition.is_some()) && !bucket.config.uniform() {
                return Err(ApiError::precondition(
                    "Conditions can only be used on buckets with uniform bucket-level access.",
                ));
            }
            let new = Policy { audit_configs: Vec::new(), ..policy.clone() }.normal();
            no_new_public(&bucket, &bucket.policy, &new)?;
            work.extra.deltas = bucket.policy.delta(&new);
            bucket.policy = new;
            bucket.touch(work.now);
            bucket::put(work.tx, &bucket);
            let etag = bucket.etag_bytes();
            Ok(Answered { policy: bucket.policy, etag })
        })
        .await
    }

    /// Which of these the caller has; asking takes no permission and leaves no record.
    pub async fn test_bucket_permissions(
        &self,
        call: &Call,
        name: &str,
        permissions: &[String],
    ) -> Result<Vec<String>, ApiError> {
        let fault = self
            .ground
            .faults
            .check(&story::CLOUD, story::STORAGE, "storage.testIamPermissions")
            .await;
        super::projects::weather(fault)?;
        let now = self.ground.clock.now();
        self.ground.store.read(|view| {
            let bucket = bucket::get(view, name)?;
            let has = |p: &&String| {
                crate::authorize::may(view, &call.caller.who, p, On::Bucket(&bucket), now)
            };
            Ok(permissions.iter().filter(has).cloned().collect())
        })
    }

    /// A change of a bucket's ACL: of the legacy roles in its policy.
    pub async fn change_bucket_acl(
        &self,
        call: &Call,
        name: &str,
        change: impl FnOnce(&mut Bucket) -> Result<(), ApiError>,
    ) -> Result<Bucket, ApiError> {
        self.perform(call, &SET_IAM, Target::Bucket(name), |work: &mut Work<'_, '_>| {
            let mut bucket = work.bucket()?;
            acl::not_uniform(&bucket, "bucket")?;
            let before = bucket.policy.clone();
            change(&mut bucket)?;
            no_new_public(&bucket, &before, &bucket.policy)?;
            work.extra.deltas = before.delta(&bucket.policy);
            bucket.touch(work.now);
            bucket::put(work.tx, &bucket);
            Ok(bucket)
        })
        .await
    }
}

/// `projects/acme-lab`, its number, or the bare id.
pub fn project_is_ours(project: &str) -> Result<(), ApiError> {
    let id = project.strip_prefix("projects/").unwrap_or(project);
    match id {
        "" => Err(ApiError::required("Required parameter: project")),
        story::PROJECT | story::PROJECT_NUMBER => Ok(()),
        _ => Err(ApiError::not_found("The requested project was not found.")),
    }
}

/// Under enforced prevention nobody new may be everybody; who already was stays, in vain.
fn no_new_public(bucket: &Bucket, before: &Policy, after: &Policy) -> Result<(), ApiError> {
    let public = |d: &&crate::state::policy::BindingDelta| {
        d.action == "ADD" && (d.member == ALL_USERS || d.member == ALL_AUTHENTICATED)
    };
    if bucket.config.prevented() && before.delta(after).iter().any(|d| public(&d)) {
        return Err(ApiError::precondition(
            "The member bindings allUsers and allAuthenticatedUsers are not allowed since public \
             access prevention is enforced.",
        ));
    }
    Ok(())
}
