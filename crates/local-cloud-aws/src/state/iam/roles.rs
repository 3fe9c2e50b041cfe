//! Roles: create, tell, change, delete, list.

use super::*;
use crate::story::unique_id;
use iam_policy::Attachment;

/// IAM's default and bounds of MaxSessionDuration, in seconds.
pub const DEFAULT_MAX_SESSION: i64 = 3600;

pub fn find(view: &View<'_>, name: &str) -> Option<Entity> {
    super::find(view, EntityKind::Role, name)
}

/// The role with this ARN.
pub fn by_arn(view: &View<'_>, arn: &str) -> Option<Entity> {
    let name = arn.rsplit('/').next()?;
    find(view, name).filter(|role| role.arn() == arn)
}

fn tree(role: &Entity, details: bool) -> Value {
    let mut members = role.shared();
    if let Some(facts) = &role.role {
        members.insert("AssumeRolePolicyDocument".into(), url_encoded(&facts.trust).into());
        members.insert("MaxSessionDuration".into(), facts.max_session.into());
        if let Some(description) = &facts.description {
            members.insert("Description".into(), description.as_str().into());
        }
    }
    if details {
        role.add_details(&mut members);
        members.insert("RoleLastUsed".into(), json!({}));
    }
    Value::Object(members)
}

pub fn create_role(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let name = input["RoleName"].as_str().unwrap_or_default();
    check_name("roleName", name)?;
    let path = path_of(input)?;
    let tags = tags::read(&input["Tags"])?;
    let boundary = managed::boundary_of(&cx.tx.view(), input)?;
    let trust = input["AssumeRolePolicyDocument"].as_str().unwrap_or_default();
    check_document(trust, Attachment::Trust)?;
    if name_taken(&cx.tx.view(), EntityKind::Role, name) {
        let message = format!("Role with name {name} already exists.");
        return Err(refused("EntityAlreadyExists", message, 409));
    }
    let role = Entity {
        kind: EntityKind::Role,
        name: name.to_owned(),
        path,
        id: unique_id(cx.tx, "AROA"),
        created: cx.now,
        tags,
        inline: BTreeMap::new(),
        attached: Vec::new(),
        boundary,
        role: Some(RoleFacts {
            trust: trust.to_owned(),
            description: input["Description"].as_str().map(str::to_owned),
            max_session: input["MaxSessionDuration"].as_i64().unwrap_or(DEFAULT_MAX_SESSION),
        }),
    };
    role.save(cx.tx);
    Ok(json!({ "Role": tree(&role, true) }))
}

pub fn get_role(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let role = entity(cx, EntityKind::Role, input)?;
    Ok(json!({ "Role": tree(&role, true) }))
}

pub fn update_role(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut role = entity(cx, EntityKind::Role, input)?;
    if let Some(facts) = &mut role.role {
        // What is not given goes back to its default, as the API reference says.
        facts.description = input["Description"].as_str().map(str::to_owned);
        facts.max_session = input["MaxSessionDuration"].as_i64().unwrap_or(DEFAULT_MAX_SESSION);
    }
    role.save(cx.tx);
    Ok(json!({}))
}

pub fn update_assume_role_policy(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut role = entity(cx, EntityKind::Role, input)?;
    let trust = input["PolicyDocument"].as_str().unwrap_or_default();
    check_document(trust, Attachment::Trust)?;
    if let Some(facts) = &mut role.role {
        facts.trust = trust.to_owned();
    }
    role.save(cx.tx);
    Ok(Value::Null)
}

pub fn delete_role(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let role = entity(cx, EntityKind::Role, input)?;
    let conflict = |what: &str| {
        let message = format!("Cannot delete entity, must {what} first.");
        Err(refused("DeleteConflict", message, 409))
    };
    if !role.inline.is_empty() {
        return conflict("delete policies");
    }
    if !role.attached.is_empty() {
        return conflict("detach all policies");
    }
    cx.tx.delete(EntityKind::Role.table(), &role.name);
    Ok(Value::Null)
}

pub fn list_roles(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let prefix = input["PathPrefix"].as_str().unwrap_or("/");
    let all: Vec<(String, Entity)> = cx.tx.scan(EntityKind::Role.table(), "");
    let items = all
        .into_iter()
        .filter(|(_, role)| role.path.starts_with(prefix))
        .map(|(name, role)| (name, tree(&role, false)))
        .collect();
    page(input, "Roles", items)
}
