//! The least role that an exercise needs, as a custom role and the commands that give it.

use crate::kinds::KINDS;
use model::KindName;
use provider::grant::{Access, Grant, Scope, of_kinds, permissions};

/// Asking the log, private entries (data access) included.
const LOG: [&str; 2] = ["logging.logEntries.list", "logging.privateLogEntries.list"];
const OBJECTS: [&str; 2] = ["storage.objects.get", "storage.objects.list"];
/// A probe looks for an object to ask for as nobody.
const PROBE: [&str; 1] = ["storage.objects.list"];

pub fn grant(access: &[Access]) -> Grant {
    within(Scope::Every, access)
}

/// As [`grant`], for these kinds alone and for reading and changing what is there: neither
/// lists nor makes nor deletes.
pub fn grant_for(kinds: &[KindName], access: &[Access]) -> Grant {
    within(Scope::Only(kinds), access)
}

fn within(scope: Scope<'_>, access: &[Access]) -> Grant {
    let of_kinds: Vec<Vec<&str>> = access.iter().map(|a| of_kinds(KINDS, scope, *a)).collect();
    let mut lists: Vec<&[&'static str]> = of_kinds.iter().map(Vec::as_slice).collect();
    for access in access {
        match access {
            Access::ReadConfiguration => lists.push(&PROBE),
            Access::WriteConfiguration => {}
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
    use std::collections::BTreeSet;

    /// The callers of the local cloud may do what is asked of people to grant, no more and no
    /// less.
    #[test]
    fn callers_of_the_local_cloud_hold_what_is_granted() {
        let granted = |access: &[Access]| -> BTreeSet<String> {
            let text = grant(access).text;
            let lines = text.lines().filter_map(|line| line.strip_prefix("- "));
            lines.map(str::to_owned).collect()
        };
        let held = |lists: &[&[&str]]| -> BTreeSet<String> {
            lists.iter().flat_map(|list| list.iter()).map(|p| (*p).to_owned()).collect()
        };
        let reads = [Access::ReadConfiguration, Access::ReadAuditLog, Access::ReadObjects];
        assert_eq!(held(&[&local_cloud_gcp::READ]), granted(&reads));
        let all = [&reads[..], &[Access::WriteConfiguration]].concat();
        assert_eq!(held(&[&local_cloud_gcp::READ, &local_cloud_gcp::WRITE]), granted(&all));
    }

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
        let access = [Access::ReadConfiguration, Access::WriteConfiguration];
        let fixer = grant_for(&["google_storage_bucket".into()], &access).text;
        assert!(fixer.contains("- storage.buckets.update\n"), "{fixer}");
        for other in ["list\n- storage.buckets.", "create", "delete", "IamPolicy"] {
            assert!(!fixer.contains(other), "{fixer}");
        }
    }
}
