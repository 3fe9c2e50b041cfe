//! Inline policies of users and roles.

use super::*;
use iam_policy::Attachment;

/// The largest sum of inline policies, white space not counted ("IAM and AWS STS quotas").
fn quota(kind: EntityKind) -> usize {
    match kind {
        EntityKind::User => 2048,
        EntityKind::Role => 10_240,
    }
}

fn no_such_policy(kind: EntityKind, name: &str) -> ServiceError {
    let noun = kind.noun();
    refused("NoSuchEntity", format!("The {noun} policy with name {name} cannot be found."), 404)
}

fn policy_name(input: &Value) -> &str {
    input["PolicyName"].as_str().unwrap_or_default()
}

pub fn put(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut entity = entity(cx, cx.entity_kind(), input)?;
    let name = policy_name(input);
    check_name("policyName", name)?;
    let text = input["PolicyDocument"].as_str().unwrap_or_default();
    check_document(text, Attachment::Identity)?;
    entity.inline.insert(name.to_owned(), text.to_owned());
    let size: usize = entity
        .inline
        .values()
        .map(|text| text.chars().filter(|c| !c.is_ascii_whitespace()).count())
        .sum();
    let most = quota(entity.kind);
    if size > most {
        let (noun, name) = (entity.kind.noun(), &entity.name);
        let message = format!("Maximum policy size of {most} bytes exceeded for {noun} {name}");
        return Err(refused("LimitExceeded", message, 409));
    }
    entity.save(cx.tx);
    Ok(Value::Null)
}

pub fn get(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let entity = entity(cx, cx.entity_kind(), input)?;
    let name = policy_name(input);
    let text = entity.inline.get(name).ok_or_else(|| no_such_policy(entity.kind, name))?;
    Ok(json!({
        entity.kind.member(): entity.name, "PolicyName": name, "PolicyDocument": url_encoded(text),
    }))
}

pub fn delete(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut entity = entity(cx, cx.entity_kind(), input)?;
    let name = policy_name(input);
    if entity.inline.remove(name).is_none() {
        return Err(no_such_policy(entity.kind, name));
    }
    entity.save(cx.tx);
    Ok(Value::Null)
}

pub fn list(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let entity = entity(cx, cx.entity_kind(), input)?;
    let items = entity.inline.keys().map(|name| (name.clone(), name.as_str().into()));
    page(input, "PolicyNames", items.collect())
}
