//! What can be asked of this cloud, whatever protocol it came by: permission, change and
//! audit record in one step of the store.

pub mod acl;
pub mod buckets;
pub mod logs;
pub mod objects;
pub mod projects;

use crate::audit::{self, Access, Caller, Extra, Record};
use crate::authorize::{self, On};
use crate::error::ApiError;
use crate::state::bucket::{self, Bucket};
use crate::state::object::{self, Object};
use crate::story;
use local_cloud::{FaultAction, Ground, Tx};
use model::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct Calls {
    pub ground: Arc<Ground>,
}

/// One call under way.
pub struct Call {
    pub caller: Caller,
    /// Its answer is to be lost, on request.
    lost: AtomicBool,
}

impl Call {
    pub fn new(caller: Caller) -> Call {
        Call { caller, lost: AtomicBool::new(false) }
    }

    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// A method as the log and the permissions know it.
pub struct Method {
    pub name: &'static str,
    pub permission: &'static str,
    pub access: Access,
    pub service: &'static str,
}

impl Method {
    const fn storage(name: &'static str, permission: &'static str, access: Access) -> Method {
        Method { name, permission, access, service: story::STORAGE }
    }
}

#[derive(Clone, Copy)]
pub enum Target<'a> {
    Project,
    /// A bucket that is to be made: permissions are those on the project.
    NewBucket(&'a str),
    Bucket(&'a str),
    Object {
        bucket: &'a str,
        name: &'a str,
        generation: Option<i64>,
    },
    /// An object that need not exist yet: permissions are those on its bucket.
    NewObject {
        bucket: &'a str,
        name: &'a str,
    },
}

impl<'a> Target<'a> {
    fn bucket(&self) -> Option<&'a str> {
        match self {
            Target::Project | Target::NewBucket(_) => None,
            Target::Bucket(bucket)
            | Target::Object { bucket, .. }
            | Target::NewObject { bucket, .. } => Some(bucket),
        }
    }

    fn resource_name(&self) -> String {
        match self {
            Target::Project => format!("projects/{}", story::PROJECT),
            Target::NewBucket(bucket) | Target::Bucket(bucket) => bucket::resource_name(bucket),
            Target::Object { bucket, name, .. } | Target::NewObject { bucket, name } => {
                format!("{}/objects/{name}", bucket::resource_name(bucket))
            }
        }
    }
}

/// A permitted call at its work.
pub struct Work<'t, 's> {
    pub tx: &'t mut Tx<'s>,
    pub caller: &'t Caller,
    pub now: Timestamp,
    pub extra: Extra,
    pub permissions: Vec<&'static str>,
    bucket: Option<Bucket>,
    pub object: Option<Object>,
}

impl Work<'_, '_> {
    pub fn bucket(&self) -> Result<Bucket, ApiError> {
        self.bucket.clone().ok_or_else(ApiError::no_bucket)
    }

    /// One more permission that this call takes.
    pub fn require(&mut self, permission: &'static str, on: On<'_>) -> Result<(), ApiError> {
        authorize::require(&self.tx.view(), &self.caller.who, permission, on, self.now)?;
        self.permissions.push(permission);
        Ok(())
    }

    pub fn may(&self, permission: &str, on: On<'_>) -> bool {
        authorize::may(&self.tx.view(), &self.caller.who, permission, on, self.now)
    }
}

impl Calls {
    /// Faults, then permission, then the work and its record; a refusal is recorded too.
    pub async fn perform<T>(
        &self,
        call: &Call,
        method: &Method,
        target: Target<'_>,
        work: impl FnOnce(&mut Work<'_, '_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let fault = self.ground.faults.check(&story::CLOUD, method.service, method.name).await;
        match fault {
            FaultAction::Throttle => return Err(ApiError::throttled()),
            FaultAction::Fail => return Err(ApiError::backend()),
            FaultAction::LoseAnswer => call.lost.store(true, Ordering::Relaxed),
            FaultAction::Deny | FaultAction::Proceed => {}
        }
        let now = self.ground.clock.now();
        let outcome = self.ground.store.write(|tx| {
            let view = tx.view();
            let bucket = target.bucket().map(|name| bucket::get(&view, name)).transpose()?;
            let object = match target {
                Target::Object { bucket, name, generation } => {
                    object::get(&view, bucket, name, generation).ok()
                }
                _ => None,
            };
            let on = match (&bucket, target) {
                (Some(bucket), Target::Object { name, .. }) => {
                    On::Object(bucket, name, object.as_ref())
                }
                (Some(bucket), Target::NewObject { name, .. }) => On::Object(bucket, name, None),
                (Some(bucket), _) => On::Bucket(bucket),
                (None, _) => On::Project,
            };
            if fault == FaultAction::Deny {
                return Err(authorize::refusal(&call.caller.who, method.permission, on));
            }
            authorize::require(&view, &call.caller.who, method.permission, on, now)?;
            let mut working = Work {
                tx,
                caller: &call.caller,
                now,
                extra: Extra::default(),
                permissions: vec![method.permission],
                bucket,
                object,
            };
            let value = work(&mut working)?;
            let Work { extra, permissions, bucket, .. } = working;
            let location = bucket.map(|b| b.config.location);
            record(
                tx,
                call,
                method,
                target,
                Outcome { extra, permissions, location, refused: None, now },
            );
            Ok(value)
        });
        if let Err(error) = &outcome {
            self.refused(call, method, target, error, now)?;
        }
        if method.access == Access::AdminWrite {
            crate::deliver::deliver_many(&self.ground);
        }
        outcome
    }

    fn refused(
        &self,
        call: &Call,
        method: &Method,
        target: Target<'_>,
        error: &ApiError,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        self.ground.store.write(|tx| {
            let location = target
                .bucket()
                .and_then(|b| bucket::get(&tx.view(), b).ok())
                .map(|b| b.config.location);
            let outcome = Outcome {
                extra: Extra::default(),
                permissions: vec![error.permission.unwrap_or(method.permission)],
                location,
                refused: Some(error),
                now,
            };
            record(tx, call, method, target, outcome);
            Ok(())
        })
    }
}

struct Outcome<'e> {
    extra: Extra,
    permissions: Vec<&'static str>,
    location: Option<String>,
    refused: Option<&'e ApiError>,
    now: Timestamp,
}

fn record(tx: &mut Tx<'_>, call: &Call, method: &Method, target: Target<'_>, outcome: Outcome<'_>) {
    let resource_name = target.resource_name();
    let bucket = match target {
        Target::NewBucket(name) => Some(name),
        _ => target.bucket(),
    };
    let location =
        outcome.location.or_else(|| Some(bucket::get(&tx.view(), bucket?).ok()?.config.location));
    let resource = match bucket {
        Some(bucket) => audit::bucket_resource(bucket, location.as_deref()),
        None => audit::project_resource(),
    };
    let record = Record {
        caller: &call.caller,
        service: method.service,
        method: method.name,
        access: method.access,
        resource_name,
        resource,
        location,
        permissions: outcome.permissions,
        extra: outcome.extra,
        refused: outcome.refused,
        now: outcome.now,
    };
    audit::append(tx, record);
}
