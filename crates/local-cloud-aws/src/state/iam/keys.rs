//! Access keys of users. Temporary credentials lie in the same table and are not told here.

use super::*;
use crate::audit;
use crate::story::BASE32;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use local_cloud::Tx;
use local_cloud::store::secret_bytes;

const TABLE: &str = "aws/iam/access-keys";
/// IAM's quota.
const PER_USER: usize = 2;

pub fn find(view: &View<'_>, id: &str) -> Option<AccessKey> {
    view.get(TABLE, id)
}

pub fn save(tx: &mut Tx<'_>, key: &AccessKey) {
    tx.put(TABLE, &key.id, key);
}

pub fn remove(tx: &mut Tx<'_>, id: &str) {
    tx.delete(TABLE, id);
}

/// A user's keys in the order of their making; with temporary ones or without.
pub fn of_user(view: &View<'_>, user: &str, temporary: bool) -> Vec<AccessKey> {
    let all: Vec<(String, AccessKey)> = view.scan(TABLE, "");
    let mut own: Vec<AccessKey> = all
        .into_iter()
        .map(|(_, key)| key)
        .filter(|key| key.user == user && (temporary || key.session.is_none()))
        .collect();
    own.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    own
}

/// Every key that is temporary, whoever holds it.
pub fn temporary(view: &View<'_>) -> Vec<AccessKey> {
    let all: Vec<(String, AccessKey)> = view.scan(TABLE, "ASIA");
    all.into_iter().map(|(_, key)| key).collect()
}

/// A new key: its id repeats in a store with the same history, its secret never does.
pub fn fresh(tx: &mut Tx<'_>, prefix: &str, user: &str, now: Timestamp) -> AccessKey {
    // Sessions draw from a sequence of their own: whoever signs in before the lab is laid out
    // must not shift the ids of the keys that its state records.
    let purpose = if prefix == "AKIA" { "aws/access-key" } else { "aws/session-key" };
    AccessKey {
        id: format!("{prefix}{}", tx.fresh_text(purpose, BASE32, 16)),
        user: user.to_owned(),
        // 30 bytes are the 40 characters that AWS's secrets have.
        secret: BASE64.encode(secret_bytes::<30>()),
        status: "Active".to_owned(),
        created: now,
        session: None,
    }
}

pub fn create_access_key(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let user = entity(cx, EntityKind::User, input)?;
    if of_user(&cx.tx.view(), &user.name, false).len() >= PER_USER {
        let message = format!("Cannot exceed quota for AccessKeysPerUser: {PER_USER}");
        return Err(refused("LimitExceeded", message, 409));
    }
    let key = fresh(cx.tx, "AKIA", &user.name, cx.now);
    save(cx.tx, &key);
    Ok(json!({ "AccessKey": {
        "UserName": key.user, "AccessKeyId": key.id, "Status": key.status,
        "SecretAccessKey": key.secret, "CreateDate": key.created.to_seconds_text(),
    }}))
}

fn named(cx: &Cx<'_, '_>, input: &Value) -> Result<AccessKey, ServiceError> {
    let id = input["AccessKeyId"].as_str().unwrap_or_default();
    let user = match (input["UserName"].as_str(), find(&cx.tx.view(), id)) {
        (None, Some(key)) if key.session.is_none() => key.user,
        _ => entity(cx, EntityKind::User, input)?.name,
    };
    find(&cx.tx.view(), id).filter(|key| key.user == user && key.session.is_none()).ok_or_else(
        || {
            let message = format!("The Access Key with id {id} cannot be found.");
            refused("NoSuchEntity", message, 404)
        },
    )
}

pub fn update_access_key(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut key = named(cx, input)?;
    key.status = input["Status"].as_str().unwrap_or("Active").to_owned();
    save(cx.tx, &key);
    Ok(Value::Null)
}

pub fn delete_access_key(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let key = named(cx, input)?;
    remove(cx.tx, &key.id);
    Ok(Value::Null)
}

pub fn list_access_keys(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let user = entity(cx, EntityKind::User, input)?;
    let items = of_user(&cx.tx.view(), &user.name, false).into_iter().map(|key| {
        let order = format!("{:020}/{}", key.created.unix_millis().max(0), key.id);
        let tree = json!({
            "UserName": key.user, "AccessKeyId": key.id, "Status": key.status,
            "CreateDate": key.created.to_seconds_text(),
        });
        (order, tree)
    });
    page(input, "AccessKeyMetadata", items.collect())
}

/// Out of the records: nothing is kept beside them.
pub fn get_access_key_last_used(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let id = input["AccessKeyId"].as_str().unwrap_or_default();
    let key = find(&cx.tx.view(), id).filter(|key| key.session.is_none()).ok_or_else(|| {
        // IAM does not tell strangers' keys from keys that do not exist.
        let message = format!("User with access key {id} cannot be found.");
        refused("NoSuchEntity", message, 404)
    })?;
    let heads: Vec<(String, audit::Head)> = cx.tx.scan(audit::HEADS, "");
    let last = heads.into_iter().rev().find(|(_, h)| h.access_key_id.as_deref() == Some(id));
    let last_used = match last {
        Some((_, head)) => json!({
            "LastUsedDate": head.time.to_seconds_text(),
            "ServiceName": head.source.split('.').next().unwrap_or_default(),
            "Region": head.region,
        }),
        None => json!({ "ServiceName": "N/A", "Region": "N/A" }),
    };
    Ok(json!({ "UserName": key.user, "AccessKeyLastUsed": last_used }))
}
