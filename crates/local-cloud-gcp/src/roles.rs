//! Which permissions a role holds: the predefined roles of Cloud Storage and of the log
//! viewer as their public reference lists them, the basic roles as far as they concern what
//! this cloud serves, and the project's custom roles.

use crate::state::project;
use local_cloud::View;

const OBJECT_READ: [&str; 2] = ["storage.objects.get", "storage.objects.list"];
const OBJECT_ALL: [&str; 8] = [
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.getIamPolicy",
    "storage.objects.list",
    "storage.objects.setIamPolicy",
    "storage.objects.setRetention",
    "storage.objects.update",
];
const BUCKET_ALL: [&str; 8] = [
    "storage.buckets.create",
    "storage.buckets.delete",
    "storage.buckets.enableObjectRetention",
    "storage.buckets.get",
    "storage.buckets.getIamPolicy",
    "storage.buckets.list",
    "storage.buckets.setIamPolicy",
    "storage.buckets.update",
];
const LOGS: [&str; 3] =
    ["logging.logEntries.list", "logging.logs.list", "resourcemanager.projects.get"];

fn predefined(role: &str) -> Option<Vec<&'static str>> {
    Some(match role {
        "roles/storage.admin" => {
            [&BUCKET_ALL[..], &OBJECT_ALL, &["resourcemanager.projects.get"]].concat()
        }
        "roles/storage.bucketViewer" => vec!["storage.buckets.get", "storage.buckets.list"],
        "roles/storage.objectAdmin" => {
            [&OBJECT_ALL[..], &["resourcemanager.projects.get"]].concat()
        }
        "roles/storage.objectUser" => vec![
            "storage.objects.create",
            "storage.objects.delete",
            "storage.objects.get",
            "storage.objects.list",
            "storage.objects.update",
            "resourcemanager.projects.get",
        ],
        "roles/storage.objectViewer" => {
            [&OBJECT_READ[..], &["resourcemanager.projects.get"]].concat()
        }
        "roles/storage.objectCreator" => {
            vec!["storage.objects.create", "resourcemanager.projects.get"]
        }
        "roles/storage.legacyObjectReader" => vec!["storage.objects.get"],
        "roles/storage.legacyObjectOwner" => vec![
            "storage.objects.get",
            "storage.objects.getIamPolicy",
            "storage.objects.setIamPolicy",
            "storage.objects.setRetention",
            "storage.objects.update",
        ],
        "roles/storage.legacyBucketReader" => vec!["storage.buckets.get", "storage.objects.list"],
        "roles/storage.legacyBucketWriter" => vec![
            "storage.buckets.get",
            "storage.objects.create",
            "storage.objects.delete",
            "storage.objects.list",
            "storage.objects.setRetention",
        ],
        "roles/storage.legacyBucketOwner" => vec![
            "storage.buckets.enableObjectRetention",
            "storage.buckets.get",
            "storage.buckets.getIamPolicy",
            "storage.buckets.setIamPolicy",
            "storage.buckets.update",
            "storage.objects.create",
            "storage.objects.delete",
            "storage.objects.list",
            "storage.objects.setRetention",
        ],
        "roles/logging.viewer" => LOGS.to_vec(),
        "roles/logging.privateLogViewer" => {
            [&LOGS[..], &["logging.privateLogEntries.list"]].concat()
        }
        "roles/browser" => {
            vec!["resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy"]
        }
        "roles/iam.securityReviewer" => vec![
            "resourcemanager.projects.getIamPolicy",
            "storage.buckets.getIamPolicy",
            "storage.buckets.list",
            "storage.objects.getIamPolicy",
            "storage.objects.list",
        ],
        "roles/resourcemanager.projectIamAdmin" => vec![
            "resourcemanager.projects.get",
            "resourcemanager.projects.getIamPolicy",
            "resourcemanager.projects.setIamPolicy",
        ],
        // Basic roles reach into buckets only through the convenience members that a new
        // bucket's policy names.
        "roles/viewer" => {
            [&LOGS[..], &["resourcemanager.projects.getIamPolicy", "storage.buckets.list"]].concat()
        }
        "roles/editor" => [
            &LOGS[..],
            &[
                "resourcemanager.projects.getIamPolicy",
                "storage.buckets.create",
                "storage.buckets.delete",
                "storage.buckets.list",
            ],
        ]
        .concat(),
        "roles/owner" => [
            &LOGS[..],
            &[
                "logging.privateLogEntries.list",
                "resourcemanager.projects.getIamPolicy",
                "resourcemanager.projects.setIamPolicy",
                "storage.buckets.create",
                "storage.buckets.delete",
                "storage.buckets.list",
            ],
        ]
        .concat(),
        _ => return None,
    })
}

pub fn exists(view: &View<'_>, role: &str) -> bool {
    predefined(role).is_some() || project::role(view, role).is_some()
}

/// Basic roles cannot be granted on a bucket.
pub fn fits_bucket(view: &View<'_>, role: &str) -> bool {
    let basic = matches!(role, "roles/owner" | "roles/editor" | "roles/viewer");
    let of_storage = role.starts_with("roles/storage.") || !role.starts_with("roles/");
    !basic && of_storage && exists(view, role)
}

pub fn holds(view: &View<'_>, role: &str, permission: &str) -> bool {
    match predefined(role) {
        Some(permissions) => permissions.contains(&permission),
        None => {
            project::role(view, role).is_some_and(|r| r.permissions.iter().any(|p| p == permission))
        }
    }
}
