//! Would S3 answer somebody without a signature? Worked out from a bucket's policy, its
//! access control list and its public access block (S3 User Guide, "Blocking public access").
//!
//! Not known here: the account's own public access block, and the lists of single objects.

use iam_policy::{Context, Effect, Policy, Principals, Selection, anonymous_allows};
use model::knowledge::Exposure;
use model::{Attributes, Resource, Value};

pub(crate) const BUCKET: &str = "aws_s3_bucket";
pub(crate) const POLICY: &str = "aws_s3_bucket_policy";
pub(crate) const ACCESS_BLOCK: &str = "aws_s3_bucket_public_access_block";

/// The group that means everybody (S3 User Guide, "Access control list overview").
const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

/// The pieces of one bucket, from the resource in question first and its neighbours next.
struct Pieces<'a> {
    bucket: &'a str,
    policy: Option<&'a str>,
    block: Option<&'a Attributes>,
    grants: &'a [Value],
}

/// Is the bucket that this resource belongs to public, as far as the pieces at hand tell?
pub(crate) fn of_bucket(live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
    let pieces = pieces(live, neighbours)?;
    Some(judge(&pieces))
}

fn pieces<'a>(live: &'a Resource, neighbours: &'a [Resource]) -> Option<Pieces<'a>> {
    let bucket = bucket_of(live)?;
    let of_kind = |kind: &str| {
        let own = (live.kind.as_str() == kind).then_some(live);
        own.or_else(|| {
            neighbours.iter().find(|n| n.kind.as_str() == kind && bucket_of(n) == Some(bucket))
        })
    };
    let text = |resource: Option<&'a Resource>, name: &str| {
        resource.and_then(|r| r.attributes.get(name)).and_then(Value::as_str)
    };
    let whole = of_kind(BUCKET);
    let policy = match of_kind(POLICY) {
        Some(own) => text(Some(own), "policy"),
        // The bucket's own copy.
        None => text(whole, "policy"),
    };
    Some(Pieces {
        bucket,
        policy: policy.filter(|p| !p.is_empty()),
        block: of_kind(ACCESS_BLOCK).map(|r| &r.attributes),
        grants: whole
            .and_then(|r| r.attributes.get("grant"))
            .and_then(Value::as_list)
            .unwrap_or_default(),
    })
}

pub(crate) fn bucket_of(resource: &Resource) -> Option<&str> {
    let named = resource.attributes.get("bucket").and_then(Value::as_str);
    named.or(Some(resource.native_id.as_str())).filter(|b| !b.is_empty())
}

fn judge(pieces: &Pieces<'_>) -> Exposure {
    let private = |because: String| Exposure { public: false, because };
    let on = |name: &str| {
        pieces.block.and_then(|b| b.get(name)).and_then(Value::as_bool).unwrap_or(false)
    };
    let by_policy = pieces.policy.and_then(|text| open_by_policy(pieces.bucket, text));
    let by_list = open_by_list(pieces.grants);
    let mut stopped = None;
    if let Some((because, counted)) = by_policy {
        if !(counted && on("restrict_public_buckets")) {
            return Exposure { public: true, because };
        }
        stopped = Some(format!("{because}, but restrict_public_buckets is on"));
    }
    if let Some(because) = by_list {
        if !on("ignore_public_acls") {
            return Exposure { public: true, because };
        }
        stopped = Some(format!("{because}, but ignore_public_acls is on"));
    }
    private(stopped.unwrap_or_else(|| "neither policy nor list lets anyone in".to_owned()))
}

/// The statement that lets anybody read or list, and whether S3 calls the policy public (only
/// then does RestrictPublicBuckets stop it).
fn open_by_policy(bucket: &str, text: &str) -> Option<(String, bool)> {
    let policy = Policy::parse(text).ok()?;
    let mut context = Context::new();
    context.set("aws:SecureTransport", "true");
    let root = format!("arn:aws:s3:::{bucket}");
    let mut asked = vec![("s3:ListBucket", root.clone()), ("s3:GetObject", format!("{root}/x"))];
    for statement in policy.statements.iter().filter(|s| s.effect == Effect::Allow) {
        if let Some(Selection::Only(arns)) = &statement.resources {
            // A pattern that holds only a part of the bucket: an object that it means.
            let samples = arns.iter().filter(|a| a.contains('/'));
            asked.extend(samples.map(|a| ("s3:GetObject", a.replace(['*', '?'], "x"))));
        }
    }
    let (action, resource) = asked
        .into_iter()
        .rev()
        .find(|(action, resource)| anonymous_allows(&policy, action, resource, &context))?;
    let line = policy
        .statements
        .iter()
        .filter(|s| s.effect == Effect::Allow && !matches!(s.principals, Principals::Implied))
        .find(|s| {
            let alone = Policy { statements: vec![(*s).clone()], ..policy.clone() };
            anonymous_allows(&alone, action, &resource, &context)
        })
        .map(iam_policy::describe)
        .unwrap_or_else(|| format!("allow * {action}"));
    Some((format!("the bucket policy says {line}"), iam_policy::is_public(&policy)))
}

fn open_by_list(grants: &[Value]) -> Option<String> {
    let opens = |grant: &&Value| {
        let Some(grant) = grant.as_map() else { return false };
        let everybody = grant.get("uri").and_then(Value::as_str) == Some(ALL_USERS);
        let permissions = grant.get("permissions").and_then(Value::as_list).unwrap_or_default();
        let reads = |p: &Value| matches!(p.as_str(), Some("READ" | "FULL_CONTROL"));
        everybody && permissions.iter().any(reads)
    };
    grants.iter().find(opens).map(|_| "its access control list lets everyone list it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(kind: &str, attributes: &str) -> Resource {
        let attributes: Attributes = serde_json::from_str(attributes).unwrap();
        Resource {
            cloud: crate::CLOUD,
            account: None,
            region: None,
            kind: kind.into(),
            native_id: "acme-exports".to_owned(),
            attributes,
        }
    }

    fn policy(statement: &str) -> Resource {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let attributes = serde_json::json!({ "bucket": "acme-exports", "policy": text });
        resource(POLICY, &attributes.to_string())
    }

    fn block(restrict: bool, ignore: bool) -> Resource {
        let attributes = serde_json::json!({
            "bucket": "acme-exports",
            "restrict_public_buckets": restrict,
            "ignore_public_acls": ignore,
        });
        resource(ACCESS_BLOCK, &attributes.to_string())
    }

    const READ: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::acme-exports/*"}"#;

    fn check(live: &Resource, neighbours: &[Resource], public: bool, because: &str) {
        let exposure = of_bucket(live, neighbours).unwrap();
        assert_eq!(exposure.public, public, "{}", exposure.because);
        assert!(exposure.because.contains(because), "{}", exposure.because);
    }

    #[test]
    fn a_policy_for_everyone_opens_the_bucket() {
        let line = "allow * s3:GetObject on acme-exports/*";
        check(&policy(READ), &[], true, line);
        check(&policy(READ), &[block(false, false)], true, line);
        check(&policy(READ), &[block(true, false)], false, "restrict_public_buckets is on");
        check(&block(false, true), &[policy(READ)], true, line);
        check(&block(true, true), &[policy(READ)], false, "restrict_public_buckets is on");
    }

    #[test]
    fn a_part_of_the_bucket_is_open_too() {
        let part = READ.replace("acme-exports/*", "acme-exports/public/*.csv");
        check(&policy(&part), &[], true, "public/*.csv");
        let list =
            READ.replace("s3:GetObject", "s3:ListBucket").replace("acme-exports/*", "acme-exports");
        check(&policy(&list), &[], true, "s3:ListBucket");
    }

    #[test]
    fn what_does_not_open_it() {
        let other = READ.replace(r#""*","Action""#, r#"{"AWS":"111122223333"},"Action""#);
        check(&policy(&other), &[], false, "neither");
        let office = READ.replace(
            r#""Effect""#,
            r#""Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}},"Effect""#,
        );
        check(&policy(&office), &[], false, "neither");
        let deny = READ.replace("Allow", "Deny");
        check(&policy(&format!("{READ},{deny}")), &[], false, "neither");
        check(&policy("{\"Effect\": 1}"), &[], false, "neither");
    }

    #[test]
    fn a_condition_that_everyone_meets_opens_it() {
        let tls = READ.replace(
            r#""Effect""#,
            r#""Condition":{"Bool":{"aws:SecureTransport":"true"}},"Effect""#,
        );
        check(&policy(&tls), &[], true, "s3:GetObject");
    }

    #[test]
    fn a_list_for_everyone_opens_it() {
        let bucket = resource(
            BUCKET,
            &format!(
                r#"{{"bucket":"acme-exports","policy":"","grant":[{{"type":"Group","uri":"{ALL_USERS}","permissions":["READ"]}}]}}"#
            ),
        );
        check(&bucket, &[], true, "access control list");
        check(&bucket, &[block(true, true)], false, "ignore_public_acls is on");
    }

    #[test]
    fn the_bucket_takes_the_policy_of_its_neighbour() {
        let bucket = resource(BUCKET, r#"{"bucket":"acme-exports","policy":""}"#);
        check(&bucket, &[policy(READ)], true, "s3:GetObject");
        let other = resource(BUCKET, r#"{"bucket":"acme-other","policy":""}"#);
        check(&other, &[policy(READ)], false, "neither");
    }
}
