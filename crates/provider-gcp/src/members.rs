//! Who is in a binding, and what a role lets them do with a bucket.
//!
//! Roles and their permissions: Cloud Storage documentation, "IAM roles for Cloud Storage".

pub const ALL_USERS: &str = "allUsers";
pub const ALL_AUTHENTICATED: &str = "allAuthenticatedUsers";

/// As the Terraform provider compares members: the identity without case, except for
/// federated principals, whose subjects are foreign text.
pub fn normal(member: &str) -> String {
    let mut parts = member.splitn(2, ':');
    let (Some(kind), Some(identity)) = (parts.next(), parts.next()) else {
        return member.to_owned();
    };
    match kind {
        "principal" | "principalSet" | "principalHierarchy" => member.to_owned(),
        "deleted" => format!("{kind}:{}", normal(identity)),
        _ => format!("{kind}:{}", identity.to_lowercase()),
    }
}

pub fn same(a: &str, b: &str) -> bool {
    a == b || normal(a) == normal(b)
}

/// Everybody, or everybody with a Google account.
pub fn is_public(member: &str) -> bool {
    member == ALL_USERS || member == ALL_AUTHENTICATED
}

/// What a predefined role gives on a bucket and its objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// `storage.objects.get`
    pub read: bool,
    /// `storage.objects.list`
    pub list: bool,
    /// Creates, changes or deletes objects.
    pub write: bool,
    /// Changes who may do what.
    pub administer: bool,
}

/// `None` for a role that only its owner knows (custom), or that is not of Cloud Storage.
pub fn powers(role: &str) -> Option<Powers> {
    let powers = |read, list, write, administer| Some(Powers { read, list, write, administer });
    match role.strip_prefix("roles/storage.")? {
        "admin" => powers(true, true, true, true),
        "objectAdmin" => powers(true, true, true, true),
        "objectUser" => powers(true, true, true, false),
        "objectViewer" => powers(true, true, false, false),
        "objectCreator" => powers(false, false, true, false),
        "folderAdmin" => powers(false, true, true, true),
        "legacyObjectReader" => powers(true, false, false, false),
        "legacyObjectOwner" => powers(true, false, true, true),
        "legacyBucketReader" => powers(false, true, false, false),
        "legacyBucketWriter" => powers(false, true, true, false),
        "legacyBucketOwner" => powers(false, true, true, true),
        "bucketViewer" => powers(false, false, false, false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_compared_as_terraform_does() {
        assert!(same("user:Li.Wei@Example.com", "user:li.wei@example.com"));
        assert!(!same("user:a@x", "group:a@x"));
        assert!(!same("principal://iam/pools/p/subject/A", "principal://iam/pools/p/subject/a"));
        assert!(same("deleted:user:A@x?uid=1", "deleted:user:a@x?uid=1"));
        assert_eq!(normal("allUsers"), "allUsers");
    }

    #[test]
    fn only_known_roles_have_known_powers() {
        assert!(powers("roles/storage.objectViewer").is_some_and(|p| p.read && p.list && !p.write));
        assert!(powers("roles/storage.legacyBucketReader").is_some_and(|p| !p.read && p.list));
        assert_eq!(powers("projects/p/roles/reader"), None);
        assert_eq!(powers("roles/viewer"), None);
    }
}
