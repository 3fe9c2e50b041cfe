//! The least-privilege IAM policy that an exercise needs, out of what the kinds say they ask.

use crate::kinds::KINDS;
use model::KindName;
use provider::grant::{Access, Grant, Scope, of_kinds};
use serde_json::json;

/// A policy document for these accesses. Reading and writing is by resource where the kinds
/// are, so `Resource` is `*`: which buckets and users there are is what a check finds out.
pub fn grant(access: &[Access]) -> Grant {
    within(Scope::Every, access)
}

/// As [`grant`], for these kinds alone and for reading and changing what is there: neither
/// lists nor makes nor deletes.
pub fn grant_for(kinds: &[KindName], access: &[Access]) -> Grant {
    within(Scope::Only(kinds), access)
}

fn within(scope: Scope<'_>, access: &[Access]) -> Grant {
    let mut statements = Vec::new();
    let mut add = |access_of: Access, sid: &str, actions: Vec<&str>| {
        if access.contains(&access_of) && !actions.is_empty() {
            statements.push(json!({
                "Sid": sid,
                "Effect": "Allow",
                "Action": actions,
                "Resource": "*",
            }));
        }
    };
    let read = of_kinds(KINDS, scope, Access::ReadConfiguration);
    let write = of_kinds(KINDS, scope, Access::WriteConfiguration);
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
    use crate::{AwsSession, ConnectOptions};
    use aws_protocol::Service;
    use iam_policy::{Attachment, Policy};
    use local_cloud::control::{Answer, Ask};
    use local_cloud::running::{LocalCloud, Start};
    use local_cloud_aws::permissions::{DRIFT_READER, WRITES};
    use model::{Attributes, Live, UnknownReason};
    use provider::{Connection, ErrorKind, Wanted};
    use std::collections::BTreeSet;
    use std::sync::Arc;

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
            let reads = kind.read_permissions().iter().chain(kind.list_permissions());
            for permission in reads.chain(kind.write_permissions()) {
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

    /// One of each kind, and what is changed of it over the local cloud.
    const FIXES: [(&str, &str, &str, &str); 6] = [
        ("aws_iam_access_key", r#"{"user": "least-victim"}"#, "", r#"[{"status": "Inactive"}]"#),
        (
            "aws_iam_user",
            "",
            "least-victim",
            r#"[{"tags_all": {"a": "1"}}, {"tags_all": {}}, {"path": "/x/"}]"#,
        ),
        (
            "aws_s3_bucket",
            "",
            "least-bucket",
            r#"[{"tags_all": {"a": "1"}}, {"versioning": [{"enabled": true, "mfa_delete": false}]},
                {"server_side_encryption_configuration": []},
                {"policy": "POLICY"}, {"policy": ""}]"#,
        ),
        (
            "aws_s3_bucket_policy",
            r#"{"bucket": "least-bucket", "policy": "POLICY"}"#,
            "least-bucket",
            r#"[{"policy": "OTHER"}]"#,
        ),
        (
            "aws_s3_bucket_public_access_block",
            "",
            "least-bucket",
            r#"[{"block_public_acls": false}, {"block_public_acls": true}]"#,
        ),
        (
            "aws_s3_bucket_versioning",
            "",
            "least-bucket",
            r#"[{"versioning_configuration": [{"status": "Enabled"}]},
                {"versioning_configuration": [{"status": "Suspended"}]}]"#,
        ),
    ];

    /// Changes of these are not served by the local cloud.
    const NOT_SERVED: [&str; 7] = [
        "s3:DeleteBucketWebsite",
        "s3:PutAccelerateConfiguration",
        "s3:PutBucketAcl",
        "s3:PutBucketCORS",
        "s3:PutBucketLogging",
        "s3:PutBucketRequestPayment",
        "s3:PutBucketWebsite",
    ];

    fn filled(text: &str) -> serde_json::Value {
        let policy = |action: &str| {
            let arn = "arn:aws:s3:::least-bucket/*";
            let principal = json!({"AWS": "arn:aws:iam::111122223333:root"});
            let statement = json!({"Effect": "Allow", "Principal": principal,
                "Action": action, "Resource": arn});
            json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
        };
        let json = |policy: String| json!(policy).to_string();
        let text = text.replace("\"POLICY\"", &json(policy("s3:GetObject")));
        serde_json::from_str(&text.replace("\"OTHER\"", &json(policy("s3:PutObject")))).unwrap()
    }

    /// What was refused first: of a read, then of every change.
    async fn refused(by: &Connection, wanted: &Wanted, changes: &[Attributes]) -> Option<String> {
        for change in changes {
            match by.reader.read(wanted).await {
                Live::Present(live) => match by.writer.update(&live, change).await {
                    Ok(()) => {}
                    Err(error) if error.is(ErrorKind::Denied) => return Some(error.next_step),
                    Err(error) => panic!("{error}"),
                },
                Live::Unknown(unknown) if unknown.reason == UnknownReason::Denied => {
                    return Some(unknown.next_step);
                }
                live => panic!("{live:?}"),
            }
        }
        None
    }

    /// The policy of each kind is enough to read one and to change all of it, and no action of
    /// it is too much.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_policy_of_a_kind_is_the_least_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let start = Start { folder: folder.path(), holder: "test", port: None, allowed: vec![] };
        let cloud =
            LocalCloud::start(start, |ground| vec![local_cloud_aws::service(ground.clone())]);
        let running = cloud.await.unwrap();
        let options = async |caller: &str| {
            let ask = Ask::Environment { caller: Some(caller.to_owned()) };
            let Answer::Environment { variables } = running.ask(ask).await.unwrap() else {
                panic!("{caller} has no environment");
            };
            let mut options =
                ConnectOptions::from_variables(&variables, &running.endpoints().url());
            options.limits.rate = 1000.0;
            options
        };
        let session = Arc::new(AwsSession::open(options("deployer").await).await.unwrap());
        let deployer = crate::over(session.clone());
        let create = async |kind: &str, wanted: serde_json::Value| {
            let wanted = serde_json::from_value(wanted).unwrap();
            deployer.writer.create(&kind.into(), &wanted).await.unwrap()
        };
        create("aws_iam_user", json!({"name": "least-victim"})).await;
        create("aws_s3_bucket", json!({"bucket": "least-bucket"})).await;
        create("aws_iam_user", json!({"name": "fixer"})).await;
        create("aws_iam_access_key", json!({"user": "fixer"})).await;
        let fixer = crate::connect(options("fixer").await).await.unwrap();

        let mut proved = 0;
        for (kind, made, id, changes) in FIXES {
            let id = match made {
                "" => id.to_owned(),
                made => create(kind, filled(made)).await.native_id,
            };
            let (name, wanted) = (KindName::from(kind), Wanted::new(kind, id));
            let changes: Vec<Attributes> = serde_json::from_value(filled(changes)).unwrap();
            let text = grant_for(
                std::slice::from_ref(&name),
                &[Access::ReadConfiguration, Access::WriteConfiguration],
            )
            .text;
            let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
            let all: Vec<String> = whole["Statement"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|s| s["Action"].as_array().unwrap())
                .map(|a| a.as_str().unwrap().to_owned())
                .collect();
            assert!(!all.iter().any(|a| a.contains("Create") || a.contains("All")), "{all:?}");
            let hold = async |actions: Vec<&String>| {
                let policy = json!({"Version": "2012-10-17", "Statement":
                    [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
                let input = json!({"UserName": "fixer", "PolicyName": "least",
                    "PolicyDocument": policy.to_string()});
                session.iam().call("PutUserPolicy", "user fixer", &input).await.unwrap();
            };
            for left_out in all.iter().filter(|a| !NOT_SERVED.contains(&a.as_str())) {
                hold(all.iter().filter(|a| *a != left_out).collect()).await;
                let refused = refused(&fixer, &wanted, &changes).await;
                assert_eq!(refused, Some(format!("grant {left_out}")), "{kind}");
                proved += 1;
            }
            hold(all.iter().collect()).await;
            assert_eq!(refused(&fixer, &wanted, &changes).await, None, "{kind}: {all:?}");
        }
        assert_eq!(FIXES.len(), KINDS.len(), "a new kind is proved here, too");
        assert!(proved > 25, "{proved}");
        running.stop().await;
    }

    /// What only reads may not change anything.
    #[test]
    fn reading_needs_no_writing() {
        for kind in KINDS {
            for permission in kind.read_permissions().iter().chain(kind.list_permissions()) {
                let (_, action) = permission.split_once(':').unwrap();
                assert!(action.starts_with("Get") || action.starts_with("List"), "{permission}");
            }
        }
    }
}
