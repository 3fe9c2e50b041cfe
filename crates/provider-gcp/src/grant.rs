//! The least role that an exercise needs, as a custom role and the commands that give it.

use crate::kinds::KINDS;
use provider::grant::{Access, Grant, permissions};

/// Asking the log, private entries (data access) included.
const LOG: [&str; 2] = ["logging.logEntries.list", "logging.privateLogEntries.list"];
const OBJECTS: [&str; 2] = ["storage.objects.get", "storage.objects.list"];
/// A probe looks for an object to ask for as nobody.
const PROBE: [&str; 1] = ["storage.objects.list"];

pub fn grant(access: &[Access]) -> Grant {
    let mut lists: Vec<&[&'static str]> = Vec::new();
    for access in access {
        match access {
            Access::ReadConfiguration => {
                lists.extend(KINDS.iter().map(|k| k.read_permissions()));
                lists.push(&PROBE);
            }
            Access::WriteConfiguration => lists.extend(KINDS.iter().map(|k| k.write_permissions())),
            Access::ReadAuditLog => lists.push(&LOG),
            Access::ReadObjects => lists.push(&OBJECTS),
        }
    }
    let writes = access.contains(&Access::WriteConfiguration);
    let name = if writes { "cloudSecurityLabWriter" } else { "cloudSecurityLabReader" };
    let does = if writes { "changes" } else { "reads" };
    let mut text = format!("title: Cloud Security Lab, {does}\nstage: GA\nincludedPermissions:\n");
    for permission in permissions(lists) {
        text.push_str(&format!("- {permission}\n"));
    }
    Grant {
        title: "Google Cloud: a custom role".to_owned(),
        text,
        how: format!(
            "gcloud iam roles create {name} --project PROJECT --file role.yaml\n\
             gcloud projects add-iam-policy-binding PROJECT --condition=None \
             --role projects/PROJECT/roles/{name} \
             --member serviceAccount:NAME@PROJECT.iam.gserviceaccount.com"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_gets_no_write() {
        let reads = grant(&[Access::ReadConfiguration, Access::ReadAuditLog, Access::ReadObjects]);
        for permission in
            ["storage.buckets.getIamPolicy", "logging.logEntries.list", "storage.objects.get"]
        {
            assert_eq!(reads.text.matches(&format!("- {permission}\n")).count(), 1, "{permission}");
        }
        let writes = ["set", "create", "update", "delete"];
        assert!(!writes.iter().any(|w| reads.text.contains(&format!(".{w}"))), "{}", reads.text);
        let all = grant(&[Access::ReadConfiguration, Access::WriteConfiguration]);
        assert!(all.text.contains("- storage.buckets.setIamPolicy\n"));
    }
}
