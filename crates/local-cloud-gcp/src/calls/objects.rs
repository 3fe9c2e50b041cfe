//! Objects and their ACLs.

use super::{Call, Calls, Method, Target, Work, acl};
use crate::audit::Access;
use crate::authorize::{self, On};
use crate::deliver;
use crate::error::ApiError;
use crate::state::bucket::Bucket;
use crate::state::object::{self, Acl, Listing, Object, Page};
use crate::story;
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const GET: Method = Method::storage("storage.objects.get", "storage.objects.get", Access::DataRead);
const LIST: Method =
    Method::storage("storage.objects.list", "storage.objects.list", Access::DataRead);
const CREATE: Method =
    Method::storage("storage.objects.create", "storage.objects.create", Access::DataWrite);
const UPDATE: Method =
    Method::storage("storage.objects.update", "storage.objects.update", Access::DataWrite);
const DELETE: Method =
    Method::storage("storage.objects.delete", "storage.objects.delete", Access::DataWrite);
const GET_ACL: Method =
    Method::storage("storage.getIamPermissions", "storage.objects.getIamPolicy", Access::AdminRead);
/// A change of an object's ACL is admin activity: `setIamPermissions` on the object.
const SET_ACL: Method = Method::storage(
    "storage.setIamPermissions",
    "storage.objects.setIamPolicy",
    Access::AdminWrite,
);

/// The four generation preconditions of the JSON API.
#[derive(Clone, Copy, Debug, Default)]
pub struct ObjectPreconditions {
    pub generation_match: Option<i64>,
    pub generation_not_match: Option<i64>,
    pub metageneration_match: Option<i64>,
    pub metageneration_not_match: Option<i64>,
}

impl ObjectPreconditions {
    /// Generation 0 is "there is none".
    fn hold(&self, object: Option<&Object>) -> Result<(), ApiError> {
        let generation = object.map_or(0, |o| o.generation);
        let metageneration = object.map_or(0, |o| o.metageneration);
        let held = self.generation_match.is_none_or(|g| g == generation)
            && self.generation_not_match.is_none_or(|g| g != generation)
            && self.metageneration_match.is_none_or(|m| m == metageneration)
            && self.metageneration_not_match.is_none_or(|m| m != metageneration);
        if held { Ok(()) } else { Err(ApiError::precondition_not_held()) }
    }
}

/// The live object of a name, or one certain generation of it.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub bucket: &'a str,
    pub name: &'a str,
    pub generation: Option<i64>,
}

impl<'a> Wanted<'a> {
    fn target(self) -> Target<'a> {
        let Wanted { bucket, name, generation } = self;
        Target::Object { bucket, name, generation }
    }
}

/// The writable part of an object's resource, as an upload's metadata holds it.
#[derive(Clone, Debug, Default)]
pub struct NewObject {
    pub bucket: String,
    pub name: String,
    pub content_type: Option<String>,
    pub body: Value,
    pub predefined_acl: Option<String>,
    pub preconditions: ObjectPreconditions,
}

const HEADERS: [&str; 4] =
    ["cacheControl", "contentDisposition", "contentEncoding", "contentLanguage"];

impl Calls {
    pub async fn insert_object(
        &self,
        call: &Call,
        new: &NewObject,
        bytes: Bytes,
    ) -> Result<Object, ApiError> {
        check_name(&new.name)?;
        let crc32c = object::crc32c(&bytes);
        let md5 = object::md5(&bytes);
        check_sums(&new.body, crc32c, &md5, bytes.len())?;
        let target = Target::NewObject { bucket: &new.bucket, name: &new.name };
        self.perform(call, &CREATE, target, |work| {
            let bucket = work.bucket()?;
            let old = object::live(&work.tx.view(), &new.bucket, &new.name);
            new.preconditions.hold(old.as_ref())?;
            if let Some(old) = &old {
                work.require("storage.objects.delete", On::Object(&bucket, &new.name, Some(old)))?;
                protected(&bucket, old, work)?;
            }
            let acl = new_acl(&bucket, new, work.caller.who.email())?;
            let blob = self.ground.store.put_blob(&bytes)?;
            let text = |name: &str| new.body.get(name).and_then(Value::as_str).map(str::to_owned);
            let hold = |name: &str| new.body.get(name).and_then(Value::as_bool);
            let object = Object {
                bucket: new.bucket.clone(),
                name: new.name.clone(),
                generation: object::next_generation(work.tx, work.now),
                metageneration: 1,
                blob,
                size: bytes.len() as u64,
                crc32c,
                md5: md5.clone(),
                content_type: text("contentType").or_else(|| new.content_type.clone()),
                headers: HEADERS.iter().filter_map(|h| Some(((*h).to_owned(), text(h)?))).collect(),
                metadata: strings(new.body.get("metadata")),
                created: work.now,
                updated: work.now,
                deleted: None,
                storage_class: text("storageClass")
                    .unwrap_or_else(|| bucket.config.storage_class.clone()),
                acl,
                event_based_hold: hold("eventBasedHold")
                    .unwrap_or(bucket.config.default_event_based_hold == Some(true)),
                temporary_hold: hold("temporaryHold").unwrap_or(false),
            };
            if let Some(old) = &old {
                object::retire(work.tx, old, bucket.config.versioned(), work.now);
            }
            object::put(work.tx, &object);
            Ok(object)
        })
        .await
    }

    pub async fn get_object(
        &self,
        call: &Call,
        wanted: Wanted<'_>,
        preconditions: ObjectPreconditions,
    ) -> Result<Object, ApiError> {
        self.perform(call, &GET, wanted.target(), |work| {
            let object = found(work, wanted.name, "storage.objects.get")?;
            preconditions.hold(Some(&object))?;
            Ok(object)
        })
        .await
    }

    /// The object and its bytes.
    pub async fn read_object(
        &self,
        call: &Call,
        wanted: Wanted<'_>,
        preconditions: ObjectPreconditions,
    ) -> Result<(Object, Arc<Vec<u8>>), ApiError> {
        let object = self.get_object(call, wanted, preconditions).await?;
        let bytes = self.ground.store.blob(&object.blob)?;
        Ok((object, bytes))
    }

    pub async fn list_objects(
        &self,
        call: &Call,
        bucket: &str,
        listing: &Listing,
    ) -> Result<Page, ApiError> {
        if bucket == story::LOG_BUCKET {
            deliver::deliver(&self.ground);
        }
        self.perform(call, &LIST, Target::Bucket(bucket), |work| {
            work.bucket()?;
            Ok(object::list(&work.tx.view(), bucket, listing))
        })
        .await
    }

    pub async fn update_object(
        &self,
        call: &Call,
        wanted: Wanted<'_>,
        preconditions: ObjectPreconditions,
        body: &Value,
        predefined_acl: Option<&str>,
    ) -> Result<Object, ApiError> {
        // A patch of the ACL alone is logged as what it is.
        let names_acl = body.get("acl").is_some_and(|a| !a.is_null()) || predefined_acl.is_some();
        let method = if names_acl { &SET_ACL } else { &UPDATE };
        self.perform(call, method, wanted.target(), |work| {
            let mut object = found(work, wanted.name, method.permission)?;
            let bucket = work.bucket()?;
            preconditions.hold(Some(&object))?;
            if names_acl {
                work.require(
                    "storage.objects.update",
                    On::Object(&bucket, wanted.name, Some(&object)),
                )?;
                acl::not_uniform(&bucket, "object")?;
                let new = match predefined_acl {
                    Some(predefined) => acl::predefined_object(predefined, None)?,
                    None => acl::read(&body["acl"])?,
                };
                acl::check_public(&bucket, &new, &object.acl)?;
                object.acl = new;
            }
            for header in HEADERS {
                match body.get(header) {
                    Some(Value::Null) => drop(object.headers.remove(header)),
                    Some(Value::String(text)) => {
                        object.headers.insert(header.to_owned(), text.clone());
                    }
                    _ => {}
                }
            }
            if let Some(Value::String(text)) = body.get("contentType") {
                object.content_type = Some(text.clone());
            }
            match body.get("metadata") {
                Some(Value::Null) => object.metadata.clear(),
                Some(Value::Object(patch)) => {
                    for (key, value) in patch {
                        match value.as_str() {
                            Some(text) => {
                                drop(object.metadata.insert(key.clone(), text.to_owned()))
                            }
                            None => drop(object.metadata.remove(key)),
                        }
                    }
                }
                _ => {}
            }
            if let Some(hold) = body.get("temporaryHold").and_then(Value::as_bool) {
                object.temporary_hold = hold;
            }
            if let Some(hold) = body.get("eventBasedHold").and_then(Value::as_bool) {
                object.event_based_hold = hold;
            }
            object.metageneration += 1;
            object.updated = work.now;
            if object.deleted.is_none() {
                object::put(work.tx, &object);
            }
            Ok(object)
        })
        .await
    }

    pub async fn delete_object(
        &self,
        call: &Call,
        wanted: Wanted<'_>,
        preconditions: ObjectPreconditions,
    ) -> Result<(), ApiError> {
        self.perform(call, &DELETE, wanted.target(), |work| {
            let object = found(work, wanted.name, "storage.objects.delete")?;
            let bucket = work.bucket()?;
            preconditions.hold(Some(&object))?;
            protected(&bucket, &object, work)?;
            match wanted.generation {
                Some(_) => object::delete_generation(work.tx, &object),
                None => object::retire(work.tx, &object, bucket.config.versioned(), work.now),
            }
            Ok(())
        })
        .await
    }

    pub async fn object_acl(
        &self,
        call: &Call,
        bucket: &str,
        name: &str,
    ) -> Result<Object, ApiError> {
        self.perform(call, &GET_ACL, Target::Object { bucket, name, generation: None }, |work| {
            let object = found(work, name, GET_ACL.permission)?;
            acl::not_uniform(&work.bucket()?, "object")?;
            Ok(object)
        })
        .await
    }

    /// Adds an entry, or takes one away.
    pub async fn change_object_acl(
        &self,
        call: &Call,
        bucket: &str,
        name: &str,
        entity: &str,
        entry: Option<Acl>,
    ) -> Result<Object, ApiError> {
        self.perform(call, &SET_ACL, Target::Object { bucket, name, generation: None }, |work| {
            let mut object = found(work, name, SET_ACL.permission)?;
            let bucket = work.bucket()?;
            acl::not_uniform(&bucket, "object")?;
            let before = object.acl.clone();
            object.acl.retain(|a| a.entity != entity);
            match entry {
                Some(entry) => object.acl.push(entry),
                None if object.acl.len() == before.len() => {
                    return Err(ApiError::not_found("The specified ACL entry does not exist."));
                }
                None => {}
            }
            acl::check_public(&bucket, &object.acl, &before)?;
            object.metageneration += 1;
            object.updated = work.now;
            object::put(work.tx, &object);
            Ok(object)
        })
        .await
    }
}

/// The object, or the refusal that does not tell whether there is one.
fn found(work: &Work<'_, '_>, name: &str, permission: &'static str) -> Result<Object, ApiError> {
    if let Some(object) = &work.object {
        return Ok(object.clone());
    }
    let bucket = work.bucket()?;
    if work.may("storage.objects.list", On::Bucket(&bucket)) {
        return Err(ApiError::not_found(format!("No such object: {}/{name}", bucket.name)));
    }
    Err(authorize::refusal(&work.caller.who, permission, On::Object(&bucket, name, None)))
}

/// Retention and holds keep an object from being deleted or replaced.
fn protected(bucket: &Bucket, object: &Object, work: &Work<'_, '_>) -> Result<(), ApiError> {
    let held = object.temporary_hold || object.event_based_hold;
    let retained = bucket
        .config
        .retention_policy
        .as_ref()
        .is_some_and(|r| object.created.plus_seconds(r.retention_period.0) > work.now);
    let why = match (held, retained) {
        (true, _) => "is under active hold",
        (_, true) => "is subject to bucket's retention policy",
        _ => return Ok(()),
    };
    Err(ApiError::denied(
        format!(
            "Object '{}/{}' {why} and cannot be deleted, overwritten or archived.",
            bucket.name, object.name
        ),
        "storage.objects.delete",
    ))
}

fn new_acl(bucket: &Bucket, new: &NewObject, owner: Option<&str>) -> Result<Vec<Acl>, ApiError> {
    let listed = new.body.get("acl").filter(|a| !a.is_null());
    if bucket.config.uniform() {
        return match (listed, &new.predefined_acl) {
            (None, None) => Ok(Vec::new()),
            _ => acl::not_uniform(bucket, "object").map(|()| Vec::new()),
        };
    }
    let mut entries = match (&new.predefined_acl, listed) {
        (Some(predefined), _) => acl::predefined_object(predefined, owner)?,
        (None, Some(list)) => acl::read(list)?,
        (None, None) => bucket.default_object_acl.clone(),
    };
    if let Some(owner) = owner {
        let entity = format!("user-{owner}");
        if !entries.iter().any(|a| a.entity == entity) {
            entries.push(Acl { entity, role: "OWNER".to_owned() });
        }
    }
    acl::check_public(bucket, &entries, &bucket.default_object_acl)?;
    Ok(entries)
}

fn strings(map: Option<&Value>) -> BTreeMap<String, String> {
    map.and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
        .collect()
}

/// The naming rules of objects.
fn check_name(name: &str) -> Result<(), ApiError> {
    let bad = name.is_empty()
        || name.len() > 1024
        || name == "."
        || name == ".."
        || name.starts_with(".well-known/acme-challenge/")
        || name.contains(['\r', '\n', '\0']);
    if name.is_empty() {
        return Err(ApiError::required("Required parameter: name"));
    }
    if bad { Err(ApiError::invalid("Invalid object name.")) } else { Ok(()) }
}

/// A checksum that the client sent along must be that of what arrived.
fn check_sums(body: &Value, crc32c: u32, md5: &str, size: usize) -> Result<(), ApiError> {
    use base64::Engine;
    let ours = base64::engine::general_purpose::STANDARD.encode(crc32c.to_be_bytes());
    if let Some(theirs) = body.get("crc32c").and_then(Value::as_str)
        && theirs != ours
    {
        return Err(ApiError::invalid(format!(
            "Provided CRC32C \"{theirs}\" doesn't match calculated CRC32C \"{ours}\"."
        )));
    }
    if let Some(theirs) = body.get("md5Hash").and_then(Value::as_str)
        && theirs != md5
    {
        return Err(ApiError::invalid(format!(
            "Provided MD5 hash \"{theirs}\" doesn't match calculated MD5 hash \"{md5}\"."
        )));
    }
    let told = body.get("size").and_then(Value::as_str).and_then(|s| s.parse::<usize>().ok());
    if told.is_some_and(|told| told != size) {
        return Err(ApiError::invalid("The size of the upload is not the one that was told."));
    }
    Ok(())
}
