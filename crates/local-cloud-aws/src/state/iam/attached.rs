//! Managed policies on users and roles.

use super::*;

/// IAM's quota.
const PER_ENTITY: usize = 10;

pub fn attach(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut entity = entity(cx, cx.entity_kind(), input)?;
    let arn = input["PolicyArn"].as_str().unwrap_or_default();
    managed::check_arn(arn)?;
    if managed::document(&cx.tx.view(), arn).is_none() {
        let message = format!("Policy {arn} does not exist or is not attachable.");
        return Err(refused("NoSuchEntity", message, 404));
    }
    if !entity.attached.iter().any(|other| other == arn) {
        if entity.attached.len() >= PER_ENTITY {
            let noun = match entity.kind {
                EntityKind::User => "PoliciesPerUser",
                EntityKind::Role => "PoliciesPerRole",
            };
            let message = format!("Cannot exceed quota for {noun}: {PER_ENTITY}");
            return Err(refused("LimitExceeded", message, 409));
        }
        entity.attached.push(arn.to_owned());
    }
    entity.save(cx.tx);
    Ok(Value::Null)
}

pub fn detach(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut entity = entity(cx, cx.entity_kind(), input)?;
    let arn = input["PolicyArn"].as_str().unwrap_or_default();
    managed::check_arn(arn)?;
    let before = entity.attached.len();
    entity.attached.retain(|other| other != arn);
    if entity.attached.len() == before {
        return Err(refused("NoSuchEntity", format!("Policy {arn} was not found."), 404));
    }
    entity.save(cx.tx);
    Ok(Value::Null)
}

pub fn list(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let entity = entity(cx, cx.entity_kind(), input)?;
    let prefix = input["PathPrefix"].as_str().unwrap_or("/");
    let mut items: Vec<(String, Value)> = entity
        .attached
        .iter()
        .filter(|arn| managed::path_in(arn).starts_with(prefix))
        .map(|arn| {
            let name = arn.rsplit('/').next().unwrap_or_default();
            (arn.clone(), json!({ "PolicyName": name, "PolicyArn": arn }))
        })
        .collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    page(input, "AttachedPolicies", items)
}
