//! Tags of users and roles.

use super::*;

/// IAM's quota.
const MOST: usize = 50;

/// A list of tags of a request.
pub fn read(list: &Value) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut tags = BTreeMap::new();
    for tag in list.as_array().into_iter().flatten() {
        let text = |name: &str| tag[name].as_str().unwrap_or_default().to_owned();
        let key = text("Key");
        // Tag keys of IAM do not differ by case alone.
        if tags.keys().any(|other: &String| other.eq_ignore_ascii_case(&key)) {
            let message =
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(refused("InvalidInput", message, 400));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = "The tag keys that start with aws: are reserved for AWS use.";
            return Err(refused("InvalidInput", message, 400));
        }
        tags.insert(key, text("Value"));
    }
    within_quota(&tags)?;
    Ok(tags)
}

fn within_quota(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    if tags.len() <= MOST {
        return Ok(());
    }
    Err(refused("LimitExceeded", format!("Cannot exceed quota for TagsPerEntity: {MOST}"), 409))
}

pub fn tree(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

pub fn tag(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut entity = entity(cx, cx.entity_kind(), input)?;
    for (key, value) in read(&input["Tags"])? {
        entity.tags.retain(|other, _| !other.eq_ignore_ascii_case(&key));
        entity.tags.insert(key, value);
    }
    within_quota(&entity.tags)?;
    entity.save(cx.tx);
    Ok(Value::Null)
}

pub fn untag(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut entity = entity(cx, cx.entity_kind(), input)?;
    for key in input["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        entity.tags.retain(|other, _| !other.eq_ignore_ascii_case(key));
    }
    entity.save(cx.tx);
    Ok(Value::Null)
}

pub fn list_tags(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let entity = entity(cx, cx.entity_kind(), input)?;
    let item =
        |(key, value): (&String, &String)| (key.clone(), json!({ "Key": key, "Value": value }));
    page(input, "Tags", entity.tags.iter().map(item).collect())
}
