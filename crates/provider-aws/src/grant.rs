//! The least-privilege IAM policy that an exercise needs, out of what the kinds say they ask.

use crate::kinds::KINDS;
use provider::grant::{Access, Grant, permissions};
use serde_json::json;

/// A policy document for these accesses. Reading and writing is by resource where the kinds
/// are, so `Resource` is `*`: which buckets and users there are is what a check finds out.
pub fn grant(access: &[Access]) -> Grant {
    let mut statements = Vec::new();
    let mut add = |access_of: Access, sid: &str, actions: Vec<&str>| {
        if access.contains(&access_of) {
            statements.push(json!({
                "Sid": sid,
                "Effect": "Allow",
                "Action": actions,
                "Resource": "*",
            }));
        }
    };
    let read = permissions(KINDS.iter().map(|k| k.read_permissions()));
    let write = permissions(KINDS.iter().map(|k| k.write_permissions()));
    add(Access::ReadConfiguration, "ReadConfiguration", read);
    add(Access::WriteConfiguration, "WriteConfiguration", write);
    add(Access::ReadAuditLog, "ReadAuditLog", vec!["cloudtrail:LookupEvents"]);
    add(Access::ReadObjects, "ReadObjects", vec!["s3:GetObject", "s3:ListBucket"]);
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    Grant {
        title: "IAM policy".to_owned(),
        text: format!("{document:#}"),
        how: "aws iam put-role-policy --role-name ROLE --policy-name cloud-security-lab \
              --policy-document file://policy.json"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_protocol::Service;
    use iam_policy::{Attachment, Policy};
    use local_cloud_aws::permissions::{DRIFT_READER, WRITES};
    use std::collections::BTreeSet;

    const ALL: [Access; 4] = [
        Access::ReadConfiguration,
        Access::WriteConfiguration,
        Access::ReadAuditLog,
        Access::ReadObjects,
    ];

    #[test]
    fn is_a_policy_that_aws_takes() {
        let policy = Policy::parse(&grant(&ALL).text).unwrap();
        policy.check(Attachment::Identity).unwrap();
        assert_eq!(policy.statements.len(), 4);
        assert!(grant(&[Access::ReadAuditLog]).text.contains("cloudtrail:LookupEvents"));
        assert!(!grant(&[Access::ReadAuditLog]).text.contains("s3:"));
    }

    /// A permission that no operation of the service takes is a spelling mistake.
    #[test]
    fn every_permission_is_one_of_the_service() {
        for kind in KINDS {
            for permission in kind.read_permissions().iter().chain(kind.write_permissions()) {
                let (service, _) = permission.split_once(':').unwrap();
                let known = Service::named(service)
                    .unwrap()
                    .operations()
                    .any(|o| o.row.action.as_deref() == Some(*permission));
                assert!(known, "{permission} of {}", kind.facts().kind);
            }
        }
    }

    fn actions(access: &[Access]) -> BTreeSet<String> {
        let document: serde_json::Value = serde_json::from_str(&grant(access).text).unwrap();
        let statements = document["Statement"].as_array().unwrap();
        let actions = statements.iter().flat_map(|s| s["Action"].as_array().unwrap());
        actions.map(|a| a.as_str().unwrap().to_owned()).collect()
    }

    /// The callers of the local cloud may do what is asked of people to grant, no more and no
    /// less: a kind that asks something new is told here where to write it down.
    #[test]
    fn callers_of_the_local_cloud_hold_what_is_granted() {
        let held = |list: &[&str]| list.iter().map(|a| (*a).to_owned()).collect::<BTreeSet<_>>();
        let reads = [Access::ReadConfiguration, Access::ReadAuditLog, Access::ReadObjects];
        assert_eq!(held(DRIFT_READER), actions(&reads), "DRIFT_READER of local-cloud-aws");
        assert_eq!(held(WRITES), actions(&[Access::WriteConfiguration]), "WRITES");
    }

    /// What only reads may not change anything.
    #[test]
    fn reading_needs_no_writing() {
        for kind in KINDS {
            for permission in kind.read_permissions() {
                let (_, action) = permission.split_once(':').unwrap();
                assert!(action.starts_with("Get") || action.starts_with("List"), "{permission}");
            }
        }
    }
}
