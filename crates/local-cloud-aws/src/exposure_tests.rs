//! One row, one test: policy x public access block x ACL x ownership x account x conditions.

use super::*;
use crate::state::s3::Grant;

const OWNER: &str = "owner";
const OFF: PublicAccessBlock = PublicAccessBlock {
    block_public_acls: false,
    ignore_public_acls: false,
    block_public_policy: false,
    restrict_public_buckets: false,
};
const BLOCK_POLICY: PublicAccessBlock = PublicAccessBlock { block_public_policy: true, ..OFF };
const BLOCK_ACLS: PublicAccessBlock = PublicAccessBlock { block_public_acls: true, ..OFF };
const IGNORE_ACLS: PublicAccessBlock = PublicAccessBlock { ignore_public_acls: true, ..OFF };
const RESTRICT: PublicAccessBlock = PublicAccessBlock { restrict_public_buckets: true, ..OFF };

const ANYONE_READS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
  "Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/*"}]}"#;
const ANYONE_LISTS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
  "Principal":{"AWS":"*"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::acme"}]}"#;
const ANYONE_READS_REPORTS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
  "Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/reports/*"}]}"#;
const ACCOUNT_READS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
  "Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"s3:GetObject",
  "Resource":"arn:aws:s3:::acme/*"}]}"#;
const OFFICE_READS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
  "Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/*",
  "Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}]}"#;
const ANYONE_READS_BUT_ONLY_BY_TLS: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/*"},
  {"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::acme/*",
   "Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
const DENY_ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny",
  "Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::acme","arn:aws:s3:::acme/*"]}]}"#;

/// A row of the table.
#[derive(Clone, Copy)]
struct Row {
    action: &'static str,
    key: Option<&'static str>,
    policy: Option<&'static str>,
    block: Option<PublicAccessBlock>,
    account: Option<PublicAccessBlock>,
    ownership: Option<Ownership>,
    bucket_acl: &'static str,
    object_acl: Option<&'static str>,
    source: &'static str,
    tls: bool,
}

const READ: Row = Row {
    action: "s3:GetObject",
    key: Some("reports/a.csv"),
    policy: None,
    block: None,
    account: None,
    ownership: Some(Ownership::BucketOwnerEnforced),
    bucket_acl: "private",
    object_acl: Some("private"),
    source: "198.51.100.9",
    tls: true,
};
const LIST: Row = Row { action: "s3:ListBucket", key: None, object_acl: None, ..READ };
const WITH_ACLS: Option<Ownership> = Some(Ownership::ObjectWriter);

fn check(row: Row, open: bool, why: Why) {
    let policy = row.policy.map(|text| Policy::parse(text).unwrap());
    let bucket_acl = Acl::canned(row.bucket_acl, OWNER, OWNER).unwrap();
    let object_acl = row.object_acl.map(|name| Acl::canned(name, OWNER, OWNER).unwrap());
    let standing = Standing {
        policy: policy.as_ref(),
        bucket_block: row.block,
        account_block: row.account,
        ownership: row.ownership,
        bucket_acl: &bucket_acl,
        object_acl: object_acl.as_ref(),
    };
    let resource = match row.key {
        Some(key) => format!("arn:aws:s3:::acme/{key}"),
        None => "arn:aws:s3:::acme".to_owned(),
    };
    let mut context = Principal::Anonymous.context();
    context.set("aws:SourceIp", row.source);
    context.set("aws:SecureTransport", row.tls.to_string());
    let found = anonymous(&standing, row.action, &resource, &context);
    assert_eq!(found, Exposure { open, why });
}

macro_rules! rows {
    ($($name:ident: $row:expr => $open:expr, $why:expr;)*) => {
        $(#[test] fn $name() { check($row, $open, $why); })*
    };
}

rows! {
    a_new_bucket_is_closed:
        Row { block: Some(PublicAccessBlock::ALL), ..READ } => false, Why::NothingAllows;
    nothing_said_is_closed: READ => false, Why::NothingAllows;
    nothing_said_is_closed_to_lists_too: LIST => false, Why::NothingAllows;

    a_public_policy_opens_what_has_no_block:
        Row { policy: Some(ANYONE_READS), ..READ } => true, Why::PolicyAllows(0);
    a_public_policy_opens_when_all_is_off:
        Row { policy: Some(ANYONE_READS), block: Some(OFF), ..READ } => true, Why::PolicyAllows(0);
    block_public_policy_does_not_close_what_is_there:
        Row { policy: Some(ANYONE_READS), block: Some(BLOCK_POLICY), ..READ }
        => true, Why::PolicyAllows(0);
    block_public_acls_has_nothing_to_do_with_policies:
        Row { policy: Some(ANYONE_READS), block: Some(BLOCK_ACLS), ..READ }
        => true, Why::PolicyAllows(0);
    ignore_public_acls_has_nothing_to_do_with_policies:
        Row { policy: Some(ANYONE_READS), block: Some(IGNORE_ACLS), ..READ }
        => true, Why::PolicyAllows(0);
    restrict_public_buckets_closes:
        Row { policy: Some(ANYONE_READS), block: Some(RESTRICT), ..READ }
        => false, Why::PublicPolicyRestricted;
    all_four_close:
        Row { policy: Some(ANYONE_READS), block: Some(PublicAccessBlock::ALL), ..READ }
        => false, Why::PublicPolicyRestricted;
    restrict_of_the_account_closes:
        Row { policy: Some(ANYONE_READS), block: Some(OFF), account: Some(RESTRICT), ..READ }
        => false, Why::PublicPolicyRestricted;
    an_account_with_all_off_changes_nothing:
        Row { policy: Some(ANYONE_READS), account: Some(OFF), ..READ }
        => true, Why::PolicyAllows(0);
    the_bucket_cannot_take_back_what_the_account_blocks:
        Row { policy: Some(ANYONE_READS), block: Some(OFF), account: Some(PublicAccessBlock::ALL),
              ..READ } => false, Why::PublicPolicyRestricted;

    reading_does_not_open_lists:
        Row { policy: Some(ANYONE_READS), ..LIST } => false, Why::NothingAllows;
    listing_does_not_open_reads:
        Row { policy: Some(ANYONE_LISTS), ..READ } => false, Why::NothingAllows;
    a_list_policy_opens_lists:
        Row { policy: Some(ANYONE_LISTS), ..LIST } => true, Why::PolicyAllows(0);
    a_list_policy_is_restricted_too:
        Row { policy: Some(ANYONE_LISTS), block: Some(RESTRICT), ..LIST }
        => false, Why::PublicPolicyRestricted;
    a_prefix_opens_what_is_under_it:
        Row { policy: Some(ANYONE_READS_REPORTS), ..READ } => true, Why::PolicyAllows(0);
    a_prefix_does_not_open_the_rest:
        Row { policy: Some(ANYONE_READS_REPORTS), key: Some("secret.csv"), ..READ }
        => false, Why::NothingAllows;
    writing_is_not_reading:
        Row { policy: Some(ANYONE_READS), action: "s3:PutObject", ..READ }
        => false, Why::NothingAllows;
    another_account_is_not_everybody:
        Row { policy: Some(ACCOUNT_READS), ..READ } => false, Why::NothingAllows;

    the_office_reads_from_the_office:
        Row { policy: Some(OFFICE_READS), source: "203.0.113.7", ..READ }
        => true, Why::PolicyAllows(0);
    the_office_policy_is_closed_elsewhere:
        Row { policy: Some(OFFICE_READS), ..READ } => false, Why::NothingAllows;
    a_policy_for_fixed_addresses_is_not_public_and_not_restricted:
        Row { policy: Some(OFFICE_READS), source: "203.0.113.7", block: Some(RESTRICT), ..READ }
        => true, Why::PolicyAllows(0);

    tls_is_let_through:
        Row { policy: Some(ANYONE_READS_BUT_ONLY_BY_TLS), ..READ } => true, Why::PolicyAllows(0);
    without_tls_the_deny_wins:
        Row { policy: Some(ANYONE_READS_BUT_ONLY_BY_TLS), tls: false, ..READ }
        => false, Why::PolicyDenies(1);

    an_object_acl_opens_the_object:
        Row { ownership: WITH_ACLS, object_acl: Some("public-read"), ..READ }
        => true, Why::AclGrants(Permission::Read);
    an_object_acl_opens_under_bucket_owner_preferred:
        Row { ownership: Some(Ownership::BucketOwnerPreferred), object_acl: Some("public-read"),
              ..READ } => true, Why::AclGrants(Permission::Read);
    an_object_acl_opens_where_there_are_no_ownership_controls:
        Row { ownership: None, object_acl: Some("public-read"), ..READ }
        => true, Why::AclGrants(Permission::Read);
    bucket_owner_enforced_disables_acls:
        Row { object_acl: Some("public-read"), ..READ } => false, Why::AclsDisabled;
    ignore_public_acls_closes:
        Row { ownership: WITH_ACLS, object_acl: Some("public-read"), block: Some(IGNORE_ACLS),
              ..READ } => false, Why::PublicAclIgnored;
    ignore_public_acls_of_the_account_closes:
        Row { ownership: WITH_ACLS, object_acl: Some("public-read"), account: Some(IGNORE_ACLS),
              ..READ } => false, Why::PublicAclIgnored;
    block_public_acls_does_not_close_what_is_there:
        Row { ownership: WITH_ACLS, object_acl: Some("public-read"), block: Some(BLOCK_ACLS),
              ..READ } => true, Why::AclGrants(Permission::Read);
    restrict_public_buckets_has_nothing_to_do_with_acls:
        Row { ownership: WITH_ACLS, object_acl: Some("public-read"), block: Some(RESTRICT),
              ..READ } => true, Why::AclGrants(Permission::Read);
    authenticated_users_are_not_everybody:
        Row { ownership: WITH_ACLS, object_acl: Some("authenticated-read"), ..READ }
        => false, Why::NothingAllows;
    the_buckets_acl_does_not_open_objects:
        Row { ownership: WITH_ACLS, bucket_acl: "public-read", ..READ }
        => false, Why::NothingAllows;
    the_buckets_acl_opens_lists:
        Row { ownership: WITH_ACLS, bucket_acl: "public-read", ..LIST }
        => true, Why::AclGrants(Permission::Read);
    the_buckets_acl_opens_writes:
        Row { ownership: WITH_ACLS, bucket_acl: "public-read-write", action: "s3:PutObject",
              ..READ } => true, Why::AclGrants(Permission::Write);
    public_read_does_not_open_writes:
        Row { ownership: WITH_ACLS, bucket_acl: "public-read", action: "s3:PutObject", ..READ }
        => false, Why::NothingAllows;
    an_object_that_is_not_there_has_no_acl:
        Row { ownership: WITH_ACLS, object_acl: None, ..READ } => false, Why::NothingAllows;
    no_acl_opens_a_buckets_configuration:
        Row { ownership: WITH_ACLS, bucket_acl: "public-read-write",
              action: "s3:GetBucketPolicy", ..LIST } => false, Why::NothingAllows;

    a_deny_wins_over_an_acl:
        Row { ownership: WITH_ACLS, object_acl: Some("public-read"), policy: Some(DENY_ALL),
              ..READ } => false, Why::PolicyDenies(0);
    an_acl_opens_beside_a_restricted_policy:
        Row { ownership: WITH_ACLS, object_acl: Some("public-read"), policy: Some(ANYONE_READS),
              block: Some(RESTRICT), ..READ } => true, Why::AclGrants(Permission::Read);
    the_policy_opens_beside_an_ignored_acl:
        Row { ownership: WITH_ACLS, object_acl: Some("public-read"), policy: Some(ANYONE_READS),
              block: Some(IGNORE_ACLS), ..READ } => true, Why::PolicyAllows(0);
    both_closed_the_policy_is_told:
        Row { ownership: WITH_ACLS, object_acl: Some("public-read"), policy: Some(ANYONE_READS),
              block: Some(PublicAccessBlock::ALL), ..READ }
        => false, Why::PublicPolicyRestricted;
}

#[test]
fn an_account_is_let_in_by_name_and_as_one_of_those_with_an_account() {
    let mut acl = Acl::private(OWNER);
    acl.grants
        .push(Grant { grantee: Grantee::User("friend".to_owned()), permission: Permission::Read });
    let standing = Standing {
        policy: None,
        bucket_block: Some(PublicAccessBlock::ALL),
        account_block: None,
        ownership: WITH_ACLS,
        bucket_acl: &acl,
        object_acl: None,
    };
    let open = |standing: &Standing<'_>, who| {
        by_acl(standing, "s3:ListBucket", Requester::Account(who)).is_some_and(|found| found.open)
    };
    assert!(open(&standing, "friend"), "a grant by name is not public");
    assert!(!open(&standing, "stranger"));
    let everybody = Acl::canned("authenticated-read", OWNER, OWNER).unwrap();
    let off = Standing { bucket_acl: &everybody, bucket_block: None, ..standing };
    assert!(open(&off, "stranger"));
    assert!(!open(&Standing { bucket_block: Some(IGNORE_ACLS), ..off }, "stranger"));
}
