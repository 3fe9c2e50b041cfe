//! The generated tables: whole, and what their neighbours rely on.

use aws_protocol::table::{Kind, Missing, Protocol, Style};
use aws_protocol::{Operation, Service};

#[test]
fn every_name_in_a_table_resolves() {
    let mut operations = 0;
    for service in Service::all() {
        assert!(service.provenance.licence.starts_with("Apache-2.0"));
        assert!(service.provenance.model.contains(&service.facts.name));
        for operation in service.operations() {
            operations += 1;
            let mut open: Vec<&str> = operation
                .row
                .input
                .iter()
                .chain(&operation.row.output)
                .map(String::as_str)
                .collect();
            let mut seen = std::collections::BTreeSet::new();
            while let Some(name) = open.pop() {
                if !seen.insert(name) {
                    continue;
                }
                let shape = service.shape(name);
                assert_eq!(shape.kind == Kind::List, shape.member.is_some(), "{name}");
                assert_eq!(
                    shape.kind == Kind::Map,
                    shape.key.is_some() && shape.value.is_some(),
                    "{name}"
                );
                assert!(
                    shape.required.iter().all(|member| shape.members.contains_key(member)),
                    "{name}"
                );
                let members = shape
                    .members
                    .values()
                    .chain(&shape.member)
                    .chain(&shape.key)
                    .chain(&shape.value);
                open.extend(members.map(|member| member.shape.as_str()));
            }
            for error in &operation.row.errors {
                assert!(service.error_row(error).is_some(), "{error}");
            }
        }
    }
    assert!(operations > 150, "{operations}");
}

#[test]
fn every_table_in_the_folder_is_listed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tables");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tables = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut names: Vec<String> =
        tables.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    let listed: Vec<&String> = Service::all().map(|service| &service.facts.name).collect();
    assert_eq!(names.iter().collect::<Vec<_>>(), listed);
}

#[test]
fn a_service_is_found_by_each_of_its_names() {
    for (name, signing, source, protocol) in [
        ("iam", "iam", "iam.amazonaws.com", Protocol::Query),
        ("sts", "sts", "sts.amazonaws.com", Protocol::Query),
        ("cloudtrail", "cloudtrail", "cloudtrail.amazonaws.com", Protocol::Json),
        ("ec2", "ec2", "ec2.amazonaws.com", Protocol::Ec2),
        ("s3", "s3", "s3.amazonaws.com", Protocol::RestXml),
    ] {
        let service = Service::named(name).unwrap();
        assert_eq!(service.facts.protocol, protocol);
        assert_eq!(Service::signed_as(signing).unwrap().facts.name, name);
        assert_eq!(Service::of_event_source(source).unwrap().facts.name, name);
    }
    assert!(Service::named("lambda").is_none());
}

#[test]
fn unknown_and_not_served_are_told_apart() {
    let iam = Service::named("iam").unwrap();
    assert_eq!(iam.operation("CreateGroup").unwrap_err(), Missing::NotServed);
    assert_eq!(iam.operation("CreateUsers").unwrap_err(), Missing::Unknown);
}

#[test]
fn operations_have_the_columns_that_the_models_lack() {
    let row = |service, operation| Operation::named(service, operation).unwrap().row;
    let s3 = row("s3", "PutPublicAccessBlock");
    assert_eq!(s3.event_name, "PutBucketPublicAccessBlock");
    assert_eq!(s3.action.as_deref(), Some("s3:PutBucketPublicAccessBlock"));
    assert!(!s3.read_only && !s3.data_event && s3.style == Style::Http);
    assert_eq!(row("s3", "ListObjectsV2").action.as_deref(), Some("s3:ListBucket"));
    assert!(row("s3", "PutObject").data_event);
    assert!(row("s3", "CreateBucket").headers.contains(&"x-amz-acl".to_owned()));
    assert!(row("s3", "PutObject").headers.iter().all(|header| !header.contains("customer-key")));
    assert!(row("sts", "AssumeRole").read_only && row("sts", "AssumeRole").logs_response);
    assert!(!row("sts", "GetSessionToken").read_only);
    assert_eq!(row("sts", "GetCallerIdentity").action, None);
    assert!(row("sts", "AssumeRoleWithWebIdentity").unsigned);
    assert_eq!(row("ec2", "DescribeSecurityGroups").style, Style::Ec2Old);
    assert_eq!(row("ec2", "DescribeSecurityGroupRules").style, Style::Ec2New);
    assert_eq!(
        row("ec2", "DescribeSecurityGroups").always_lists,
        ["Filters", "GroupIds", "GroupNames"]
    );
}
