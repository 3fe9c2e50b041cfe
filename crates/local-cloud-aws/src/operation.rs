//! The operations of IAM, STS and CloudTrail: one row each.

use crate::principal::{Kind, Principal};
use crate::state::iam::{
    self, EntityKind, absent, attached, inline, keys, managed, roles, tags, users,
};
use crate::state::{cloudtrail, lookup, sts};
use aws_protocol::{Operation, ServiceError};
use local_cloud::Tx;
use model::Timestamp;
use serde_json::Value;

/// An output tree under the model's member names, or the service's own refusal.
pub type Outcome = Result<Value, ServiceError>;

/// Carries out one operation. It writes nothing before it has checked everything.
pub type Operate = fn(&mut Cx<'_, '_>, &Value) -> Outcome;

/// What an operation works with: a change of the store, and who asked when and where.
pub struct Cx<'a, 'store> {
    pub tx: &'a mut Tx<'store>,
    pub operation: Operation,
    pub principal: &'a Principal,
    /// By the lab's clock.
    pub now: Timestamp,
    /// By the real one, which credentials expire by.
    pub real: Timestamp,
    pub region: &'a str,
    /// The output as the record shows it, where it differs from the answer.
    pub recorded: Option<Value>,
}

impl Cx<'_, '_> {
    /// The user that a request means when it names none.
    pub fn own_user_name(&self) -> Result<String, ServiceError> {
        match &self.principal.kind {
            Kind::User { name, .. } => Ok(name.clone()),
            _ => {
                let message = "Must specify userName when calling with non-User credentials";
                Err(refused("ValidationError", message, 400))
            }
        }
    }

    pub fn entity_kind(&self) -> EntityKind {
        EntityKind::of_operation(self.operation.name)
    }
}

pub fn refused(code: &str, message: impl Into<String>, status: u16) -> ServiceError {
    ServiceError::new(code, message, status)
}

/// Service, operation, what carries it out. Sorted; a test holds it against the tables.
const OPERATIONS: &[(&str, &str, Operate)] = &[
    ("cloudtrail", "AddTags", cloudtrail::add_tags),
    ("cloudtrail", "CreateTrail", cloudtrail::create_trail),
    ("cloudtrail", "DeleteTrail", cloudtrail::delete_trail),
    ("cloudtrail", "DescribeTrails", cloudtrail::describe_trails),
    ("cloudtrail", "GetEventSelectors", cloudtrail::get_event_selectors),
    ("cloudtrail", "GetTrail", cloudtrail::get_trail),
    ("cloudtrail", "GetTrailStatus", cloudtrail::get_trail_status),
    ("cloudtrail", "ListTags", cloudtrail::list_tags),
    ("cloudtrail", "ListTrails", cloudtrail::list_trails),
    ("cloudtrail", "LookupEvents", lookup::lookup_events),
    ("cloudtrail", "PutEventSelectors", cloudtrail::put_event_selectors),
    ("cloudtrail", "StartLogging", cloudtrail::start_logging),
    ("cloudtrail", "StopLogging", cloudtrail::stop_logging),
    ("cloudtrail", "UpdateTrail", cloudtrail::update_trail),
    ("iam", "AttachRolePolicy", attached::attach),
    ("iam", "AttachUserPolicy", attached::attach),
    ("iam", "CreateAccessKey", keys::create_access_key),
    ("iam", "CreatePolicy", managed::create_policy),
    ("iam", "CreateRole", roles::create_role),
    ("iam", "CreateUser", users::create_user),
    ("iam", "DeleteAccessKey", keys::delete_access_key),
    ("iam", "DeleteLoginProfile", absent::no_login_profile),
    ("iam", "DeletePolicy", managed::delete_policy),
    ("iam", "DeleteRole", roles::delete_role),
    ("iam", "DeleteRolePolicy", inline::delete),
    ("iam", "DeleteUser", users::delete_user),
    ("iam", "DeleteUserPolicy", inline::delete),
    ("iam", "DetachRolePolicy", attached::detach),
    ("iam", "DetachUserPolicy", attached::detach),
    ("iam", "GetAccessKeyLastUsed", keys::get_access_key_last_used),
    ("iam", "GetAccountSummary", absent::get_account_summary),
    ("iam", "GetLoginProfile", absent::no_login_profile),
    ("iam", "GetPolicy", managed::get_policy),
    ("iam", "GetPolicyVersion", managed::get_policy_version),
    ("iam", "GetRole", roles::get_role),
    ("iam", "GetRolePolicy", inline::get),
    ("iam", "GetUser", users::get_user),
    ("iam", "GetUserPolicy", inline::get),
    ("iam", "ListAccessKeys", keys::list_access_keys),
    ("iam", "ListAccountAliases", absent::list_account_aliases),
    ("iam", "ListAttachedRolePolicies", attached::list),
    ("iam", "ListAttachedUserPolicies", attached::list),
    ("iam", "ListGroupsForUser", absent::list_groups_for_user),
    ("iam", "ListInstanceProfilesForRole", absent::list_instance_profiles_for_role),
    ("iam", "ListMFADevices", absent::list_mfa_devices),
    ("iam", "ListPolicies", managed::list_policies),
    ("iam", "ListPolicyVersions", managed::list_policy_versions),
    ("iam", "ListRolePolicies", inline::list),
    ("iam", "ListRoleTags", tags::list_tags),
    ("iam", "ListRoles", roles::list_roles),
    ("iam", "ListSSHPublicKeys", absent::list_ssh_public_keys),
    ("iam", "ListServiceSpecificCredentials", absent::list_service_specific_credentials),
    ("iam", "ListSigningCertificates", absent::list_signing_certificates),
    ("iam", "ListUserPolicies", inline::list),
    ("iam", "ListUserTags", tags::list_tags),
    ("iam", "ListUsers", users::list_users),
    ("iam", "ListVirtualMFADevices", absent::list_virtual_mfa_devices),
    ("iam", "PutRolePolicy", inline::put),
    ("iam", "PutUserPolicy", inline::put),
    ("iam", "TagRole", tags::tag),
    ("iam", "TagUser", tags::tag),
    ("iam", "UntagRole", tags::untag),
    ("iam", "UntagUser", tags::untag),
    ("iam", "UpdateAccessKey", keys::update_access_key),
    ("iam", "UpdateAssumeRolePolicy", roles::update_assume_role_policy),
    ("iam", "UpdateRole", roles::update_role),
    ("iam", "UpdateUser", users::update_user),
    ("sts", "AssumeRole", sts::assume_role),
    ("sts", "GetAccessKeyInfo", sts::get_access_key_info),
    ("sts", "GetCallerIdentity", sts::get_caller_identity),
    ("sts", "GetSessionToken", sts::get_session_token),
];

/// What carries an operation out; `None`: this cloud does not have it.
pub fn find(operation: Operation) -> Option<Operate> {
    let wanted = (operation.service.facts.name.as_str(), operation.name);
    let row = OPERATIONS.binary_search_by(|(service, name, _)| (*service, *name).cmp(&wanted));
    row.ok().map(|at| OPERATIONS[at].2)
}

/// The ARN that a permission for this call must name; `*` where there is none.
pub fn resource(cx: &Cx<'_, '_>, input: &Value) -> String {
    let text = |member: &str| input[member].as_str();
    let own =
        |kind: &str, rest: &str| format!("arn:aws:iam::{}:{kind}/{rest}", crate::story::ACCOUNT);
    let view = cx.tx.view();
    let of = |kind: EntityKind, name: &str| match iam::find(&view, kind, name) {
        Some(entity) => entity.arn(),
        // IAM's own words for what does not exist.
        None => format!("{} {name}", kind.noun()),
    };
    let made =
        |kind: &str, name: &str| crate::story::iam_arn(kind, text("Path").unwrap_or("/"), name);
    match (cx.operation.service.facts.name.as_str(), cx.operation.name) {
        ("iam", "CreateUser") => made("user", text("UserName").unwrap_or_default()),
        ("iam", "CreateRole") => made("role", text("RoleName").unwrap_or_default()),
        ("iam", "CreatePolicy") => made("policy", text("PolicyName").unwrap_or_default()),
        ("iam", "ListUsers") => own("user", ""),
        ("iam", "ListRoles") => own("role", ""),
        ("iam", "ListPolicies") => own("policy", ""),
        ("iam", "ListVirtualMFADevices") => own("mfa", ""),
        ("iam", "GetAccountSummary" | "ListAccountAliases") => "*".to_owned(),
        ("iam", "GetAccessKeyLastUsed") => {
            let key = keys::find(&view, text("AccessKeyId").unwrap_or_default());
            key.map_or_else(|| "*".to_owned(), |key| of(EntityKind::User, &key.user))
        }
        ("iam", _) => match (text("RoleName"), text("UserName"), text("PolicyArn")) {
            (Some(role), _, _) => of(EntityKind::Role, role),
            (None, Some(user), _) => of(EntityKind::User, user),
            (None, None, Some(arn)) => arn.to_owned(),
            (None, None, None) => match &cx.principal.kind {
                Kind::User { arn, .. } => arn.clone(),
                _ => "*".to_owned(),
            },
        },
        ("sts", "AssumeRole") => text("RoleArn").unwrap_or_default().to_owned(),
        ("cloudtrail", "LookupEvents" | "DescribeTrails" | "ListTrails") => "*".to_owned(),
        ("cloudtrail", _) => {
            let first = input["ResourceIdList"][0].as_str();
            let name = text("Name").or(text("TrailName")).or(text("ResourceId")).or(first);
            cloudtrail::arn_of(cx.region, name.unwrap_or_default())
        }
        _ => "*".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_protocol::Service;

    #[test]
    fn every_operation_of_the_tables_has_its_row() {
        let keys: Vec<_> = OPERATIONS.iter().map(|row| (row.0, row.1)).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        for service in ["iam", "sts", "cloudtrail"] {
            let service = Service::named(service).unwrap();
            let missing: Vec<&str> = service
                .operations()
                .filter(|operation| find(*operation).is_none())
                .map(|operation| operation.name)
                .collect();
            // There is no identity provider here whose tokens could be checked.
            let known: &[&str] = match service.facts.name.as_str() {
                "sts" => &["AssumeRoleWithWebIdentity"],
                _ => &[],
            };
            assert_eq!(missing, known);
        }
        for (service, name, _) in OPERATIONS {
            assert!(Operation::named(service, name).is_some(), "{service} {name}");
        }
    }
}
