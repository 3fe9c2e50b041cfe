//! Would an anonymous request succeed, and why: a pure function of configuration.
//!
//! Out of the Cloud Storage documentation ("Public access prevention", "Uniform bucket-level
//! access", "Access control lists"): prevention first, then the bucket's IAM policy, then,
//! unless access is uniform, the ACL.

use crate::state::bucket::Bucket;
use crate::state::object::Acl;
use crate::state::policy::ALL_USERS;

/// What an anonymous caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish<'a> {
    /// Read this object, whose ACL is known if it exists.
    Get { acl: Option<&'a [Acl]> },
    /// List the bucket.
    List,
}

/// The rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Prevented,
    Iam,
    Acl,
    UniformIgnoresAcl,
    Nothing,
}

impl Rule {
    pub fn allows(self) -> bool {
        matches!(self, Rule::Iam | Rule::Acl)
    }
}

/// `holds` says whether a role has a permission.
pub fn anonymous(bucket: &Bucket, wish: Wish<'_>, holds: impl Fn(&str, &str) -> bool) -> Rule {
    let permission = match wish {
        Wish::Get { .. } => "storage.objects.get",
        Wish::List => "storage.objects.list",
    };
    if bucket.config.prevented() {
        return Rule::Prevented;
    }
    let iam = bucket.policy.bindings.iter().any(|b| {
        b.condition.is_none()
            && b.members.iter().any(|m| m == ALL_USERS)
            && holds(&b.role, permission)
    });
    if iam {
        return Rule::Iam;
    }
    // A bucket's own ACL is its legacy roles: those are bindings and were just asked.
    let Wish::Get { acl: Some(acl) } = wish else { return Rule::Nothing };
    let open =
        acl.iter().any(|a| a.entity == ALL_USERS && matches!(a.role.as_str(), "READER" | "OWNER"));
    match (open, bucket.config.uniform()) {
        (true, true) => Rule::UniformIgnoresAcl,
        (true, false) => Rule::Acl,
        (false, _) => Rule::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles;
    use crate::state::config::Config;
    use crate::state::policy::{Binding, Condition, Policy};
    use local_cloud::Store;
    use model::Timestamp;
    use serde_json::json;

    fn bucket(prevention: &str, uniform: bool, bindings: &[(&str, &str)]) -> Bucket {
        let now = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        let config = json!({"iamConfiguration": {
            "publicAccessPrevention": prevention,
            "uniformBucketLevelAccess": {"enabled": uniform}}});
        let mut policy = Policy::of_new_bucket("p");
        policy.bindings.extend(bindings.iter().map(|(role, member)| Binding {
            role: (*role).to_owned(),
            members: vec![(*member).to_owned()],
            condition: None,
        }));
        Bucket {
            name: "b".to_owned(),
            project: "p".to_owned(),
            metageneration: 1,
            created: now,
            updated: now,
            config: Config::create(&config, now).unwrap(),
            policy,
            default_object_acl: Vec::new(),
        }
    }

    fn ask(bucket: &Bucket, acl: Option<&str>) -> (Rule, Rule) {
        let acl: Vec<Acl> = acl
            .map(|role| Acl { entity: ALL_USERS.to_owned(), role: role.to_owned() })
            .into_iter()
            .collect();
        Store::in_memory().read(|view| {
            let holds = |role: &str, permission: &str| roles::holds(view, role, permission);
            (
                anonymous(bucket, Wish::Get { acl: Some(&acl) }, holds),
                anonymous(bucket, Wish::List, holds),
            )
        })
    }

    const VIEWER: &[(&str, &str)] = &[("roles/storage.objectViewer", ALL_USERS)];
    const LEGACY: &[(&str, &str)] = &[("roles/storage.legacyObjectReader", ALL_USERS)];
    const LISTER: &[(&str, &str)] = &[("roles/storage.legacyBucketReader", ALL_USERS)];
    const ACCOUNTS: &[(&str, &str)] = &[("roles/storage.objectViewer", "allAuthenticatedUsers")];

    #[test]
    fn enforced_prevention_denies_whatever_is_stored() {
        for uniform in [true, false] {
            let answer = ask(&bucket("enforced", uniform, VIEWER), Some("READER"));
            assert_eq!(answer, (Rule::Prevented, Rule::Prevented));
        }
    }

    #[test]
    fn a_viewer_role_for_all_users_reads_and_lists() {
        for uniform in [true, false] {
            assert_eq!(ask(&bucket("inherited", uniform, VIEWER), None), (Rule::Iam, Rule::Iam));
        }
    }

    #[test]
    fn the_legacy_reader_reads_and_does_not_list() {
        assert_eq!(ask(&bucket("inherited", true, LEGACY), None), (Rule::Iam, Rule::Nothing));
    }

    #[test]
    fn the_bucket_reader_lists_and_does_not_read() {
        assert_eq!(ask(&bucket("inherited", false, LISTER), None), (Rule::Nothing, Rule::Iam));
    }

    #[test]
    fn uniform_access_ignores_the_acl() {
        let answer = ask(&bucket("inherited", true, &[]), Some("READER"));
        assert_eq!(answer, (Rule::UniformIgnoresAcl, Rule::Nothing));
    }

    #[test]
    fn without_uniform_access_the_acl_opens_one_object() {
        for role in ["READER", "OWNER"] {
            let answer = ask(&bucket("inherited", false, &[]), Some(role));
            assert_eq!(answer, (Rule::Acl, Rule::Nothing));
        }
    }

    #[test]
    fn nothing_granted_is_nothing_allowed() {
        assert_eq!(ask(&bucket("inherited", false, &[]), None), (Rule::Nothing, Rule::Nothing));
        assert!(!Rule::Nothing.allows() && !Rule::Prevented.allows());
    }

    #[test]
    fn all_authenticated_users_are_not_anonymous() {
        assert_eq!(ask(&bucket("inherited", true, ACCOUNTS), None), (Rule::Nothing, Rule::Nothing));
    }

    #[test]
    fn a_conditional_binding_opens_nothing() {
        let mut bucket = bucket("inherited", true, VIEWER);
        if let Some(binding) = bucket.policy.bindings.last_mut() {
            binding.condition =
                Some(Condition { expression: "true".to_owned(), ..Condition::default() });
        }
        assert_eq!(ask(&bucket, None), (Rule::Nothing, Rule::Nothing));
    }

    #[test]
    fn a_missing_object_follows_the_policy_alone() {
        let open = bucket("inherited", true, VIEWER);
        Store::in_memory().read(|view| {
            let holds = |role: &str, permission: &str| roles::holds(view, role, permission);
            assert_eq!(anonymous(&open, Wish::Get { acl: None }, holds), Rule::Iam);
        });
    }
}
