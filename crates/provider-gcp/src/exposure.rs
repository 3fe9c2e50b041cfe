//! Would `GET https://storage.googleapis.com/BUCKET/OBJECT` succeed for somebody without
//! credentials? A pure function of what was read.
//!
//! Cloud Storage documentation, "Public access prevention" and "Make data public": enforced
//! prevention denies whatever a policy says; else a grant of `storage.objects.get` to
//! `allUsers` opens the bucket. Grants under a condition cannot name `allUsers`. Object ACLs,
//! which count while uniform bucket-level access is off, are no part of these kinds.

use crate::kinds::{BINDING, BUCKET, MEMBER};
use crate::members::{self, ALL_USERS};
use crate::policy::{BucketName, Grant};
use model::knowledge::Exposure;
use model::{Resource, Value};

/// What is known of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prevention {
    Enforced,
    Inherited,
    /// The bucket is not among what was read.
    Unread,
}

/// The one rule. `roles` are those that `allUsers` has. `None` where only a custom role's
/// owner could tell.
pub fn anonymous<'r>(
    prevention: Prevention,
    roles: impl IntoIterator<Item = &'r str>,
) -> Option<Exposure> {
    if prevention == Prevention::Enforced {
        return Some(Exposure {
            public: false,
            because: "public access prevention is enforced".to_owned(),
        });
    }
    let mut unknown = false;
    for role in roles {
        match members::powers(role) {
            Some(powers) if powers.read => {
                let unless = match prevention {
                    Prevention::Unread => ", unless the bucket enforces public access prevention",
                    _ => "",
                };
                let because = format!("{role} is granted to allUsers{unless}");
                return Some(Exposure { public: true, because });
            }
            Some(_) => {}
            None => unknown = true,
        }
    }
    let because = "nothing that was read grants storage.objects.get to allUsers".to_owned();
    (!unknown).then_some(Exposure { public: false, because })
}

/// One of this cloud's kinds, beside the others of the same bucket.
pub fn of(live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
    let bucket = bucket_of(live)?;
    let others = neighbours.iter().filter(|n| n.kind != live.kind || n.native_id != live.native_id);
    let around: Vec<&Resource> = std::iter::once(live)
        .chain(others.filter(|r| bucket_of(r).as_ref() == Some(&bucket)))
        .collect();
    let prevention = around
        .iter()
        .filter(|r| r.kind == BUCKET)
        .find_map(|r| r.attributes.get("public_access_prevention")?.as_str())
        .map_or(Prevention::Unread, |p| match p {
            "enforced" => Prevention::Enforced,
            _ => Prevention::Inherited,
        });
    // A grant tells about itself only: it is not what makes another grant public.
    let granting = if live.kind == BUCKET { around } else { vec![live] };
    anonymous(prevention, granting.iter().filter_map(|r| open_role(r)))
}

pub fn bucket_of(resource: &Resource) -> Option<BucketName> {
    if resource.kind == BUCKET {
        return BucketName::parse(&resource.native_id);
    }
    Grant::of(&resource.native_id, &resource.attributes).map(|g| g.bucket)
}

/// The role that this resource gives to everybody.
fn open_role(resource: &Resource) -> Option<&str> {
    let attributes = &resource.attributes;
    let everybody = |v: &Value| v.as_str() == Some(ALL_USERS);
    let open = if resource.kind == BINDING {
        attributes.get("members")?.as_list()?.iter().any(everybody)
    } else {
        resource.kind == MEMBER && everybody(attributes.get("member")?)
    };
    let condition = attributes.get("condition").is_some_and(|c| !c.is_unset());
    attributes.get("role")?.as_str().filter(|_| open && !condition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CLOUD;
    use model::Attributes;

    const VIEWER: &str = "roles/storage.objectViewer";

    #[test]
    fn one_row_each() {
        use Prevention::{Enforced, Inherited, Unread};
        for (prevention, roles, public) in [
            (Enforced, &[VIEWER][..], Some(false)),
            (Enforced, &["projects/p/roles/custom"], Some(false)),
            (Inherited, &[VIEWER], Some(true)),
            (Inherited, &["roles/storage.legacyObjectReader"], Some(true)),
            (Inherited, &["roles/storage.objectAdmin"], Some(true)),
            (Inherited, &["roles/storage.legacyBucketReader"], Some(false)),
            (Inherited, &["roles/storage.objectCreator"], Some(false)),
            (Inherited, &[], Some(false)),
            (Inherited, &["projects/p/roles/custom"], None),
            (Inherited, &["projects/p/roles/custom", VIEWER], Some(true)),
            (Unread, &[VIEWER], Some(true)),
            (Unread, &[], Some(false)),
        ] {
            let found = anonymous(prevention, roles.iter().copied()).map(|e| e.public);
            assert_eq!(found, public, "{prevention:?} {roles:?}");
        }
    }

    fn resource(kind: &str, id: &str, attributes: &str) -> Resource {
        let attributes: Attributes = serde_json::from_str(attributes).unwrap();
        let (kind, native_id) = (kind.into(), id.to_owned());
        Resource { cloud: CLOUD, account: None, region: None, kind, native_id, attributes }
    }

    fn bucket(prevention: &str) -> Resource {
        let attributes = format!(r#"{{"public_access_prevention": "{prevention}"}}"#);
        resource("google_storage_bucket", "b", &attributes)
    }

    fn binding(member: &str, condition: &str) -> Resource {
        let attributes = format!(
            r#"{{"bucket":"b/b","role":"{VIEWER}","members":["{member}"],"condition":{condition}}}"#
        );
        resource("google_storage_bucket_iam_binding", &format!("b/b/{VIEWER}"), &attributes)
    }

    #[test]
    fn a_bucket_and_its_grants_are_seen_together() {
        let public = |live: &Resource, others: &[Resource]| of(live, others).map(|e| e.public);
        let open = binding("allUsers", "[]");
        assert_eq!(public(&open, &[bucket("inherited")]), Some(true));
        assert_eq!(public(&open, &[bucket("enforced")]), Some(false));
        assert_eq!(public(&bucket("inherited"), std::slice::from_ref(&open)), Some(true));
        assert_eq!(public(&bucket("enforced"), &[open]), Some(false));
        let accounts = binding("allAuthenticatedUsers", "[]");
        assert_eq!(public(&accounts, &[bucket("inherited")]), Some(false));
        let narrowed = binding("allUsers", r#"[{"title":"t","expression":"true"}]"#);
        assert_eq!(public(&narrowed, &[bucket("inherited")]), Some(false));
        let member = resource(
            "google_storage_bucket_iam_member",
            &format!("b/b/{VIEWER}/allUsers"),
            &format!(r#"{{"bucket":"b","role":"{VIEWER}","member":"allUsers"}}"#),
        );
        assert_eq!(public(&member, &[bucket("inherited")]), Some(true));
        assert_eq!(public(&bucket("inherited"), &[member]), Some(true));
    }

    #[test]
    fn another_bucket_says_nothing_about_this_one() {
        let elsewhere = resource(
            "google_storage_bucket",
            "other",
            r#"{"public_access_prevention":"enforced"}"#,
        );
        let told = of(&binding("allUsers", "[]"), &[elsewhere]).unwrap();
        assert!(told.public && told.because.contains("unless"), "{told:?}");
    }
}
