//! Users: create, tell, rename, delete, list.

use super::*;
use crate::story::unique_id;

pub fn find(view: &View<'_>, name: &str) -> Option<Entity> {
    super::find(view, EntityKind::User, name)
}

fn tree(user: &Entity, details: bool) -> Value {
    let mut members = user.shared();
    if details {
        user.add_details(&mut members);
    }
    Value::Object(members)
}

pub fn create_user(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let name = input["UserName"].as_str().unwrap_or_default();
    check_name("userName", name)?;
    let path = path_of(input)?;
    let tags = tags::read(&input["Tags"])?;
    let boundary = managed::boundary_of(&cx.tx.view(), input)?;
    if name_taken(&cx.tx.view(), EntityKind::User, name) {
        let message = format!("User with name {name} already exists.");
        return Err(refused("EntityAlreadyExists", message, 409));
    }
    let user = Entity {
        kind: EntityKind::User,
        name: name.to_owned(),
        path,
        id: unique_id(cx.tx, "AIDA"),
        created: cx.now,
        tags,
        inline: BTreeMap::new(),
        attached: Vec::new(),
        boundary,
        role: None,
    };
    user.save(cx.tx);
    Ok(json!({ "User": tree(&user, true) }))
}

pub fn get_user(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let user = entity(cx, EntityKind::User, input)?;
    Ok(json!({ "User": tree(&user, true) }))
}

pub fn update_user(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut user = entity(cx, EntityKind::User, input)?;
    let old = user.name.clone();
    if let Some(name) = input["NewUserName"].as_str() {
        check_name("newUserName", name)?;
        let same = name.eq_ignore_ascii_case(&old);
        if !same && name_taken(&cx.tx.view(), EntityKind::User, name) {
            let message = format!("User with name {name} already exists.");
            return Err(refused("EntityAlreadyExists", message, 409));
        }
        user.name = name.to_owned();
    }
    if let Some(path) = input["NewPath"].as_str() {
        user.path = path_of(&json!({ "Path": path }))?;
    }
    if user.name != old {
        cx.tx.delete(EntityKind::User.table(), &old);
        for mut key in keys::of_user(&cx.tx.view(), &old, true) {
            key.user = user.name.clone();
            keys::save(cx.tx, &key);
        }
    }
    user.save(cx.tx);
    Ok(Value::Null)
}

pub fn delete_user(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let user = entity(cx, EntityKind::User, input)?;
    let conflict = |what: &str| {
        let message = format!("Cannot delete entity, must {what} first.");
        Err(refused("DeleteConflict", message, 409))
    };
    if !keys::of_user(&cx.tx.view(), &user.name, false).is_empty() {
        return conflict("delete access keys");
    }
    if !user.inline.is_empty() {
        return conflict("delete policies");
    }
    if !user.attached.is_empty() {
        return conflict("detach all policies");
    }
    for key in keys::of_user(&cx.tx.view(), &user.name, true) {
        keys::remove(cx.tx, &key.id);
    }
    cx.tx.delete(EntityKind::User.table(), &user.name);
    Ok(Value::Null)
}

pub fn list_users(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let prefix = input["PathPrefix"].as_str().unwrap_or("/");
    let all: Vec<(String, Entity)> = cx.tx.scan(EntityKind::User.table(), "");
    let items = all
        .into_iter()
        .filter(|(_, user)| user.path.starts_with(prefix))
        .map(|(name, user)| (name, tree(&user, false)))
        .collect();
    page(input, "Users", items)
}
