//! What users and roles of this account never have: passwords, devices, certificates,
//! groups, instance profiles. Clients ask before they delete a user.

use super::*;
use crate::story::ALIAS;

fn nothing(input: &Value, member: &str) -> Outcome {
    page(input, member, Vec::new())
}

/// A user that is named must exist; no name means the caller, and for devices everybody.
fn of_user(cx: &mut Cx<'_, '_>, input: &Value, member: &str) -> Outcome {
    entity(cx, EntityKind::User, input)?;
    nothing(input, member)
}

pub fn list_groups_for_user(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    of_user(cx, input, "Groups")
}

pub fn list_mfa_devices(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    of_user(cx, input, "MFADevices")
}

pub fn list_virtual_mfa_devices(_: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    nothing(input, "VirtualMFADevices")
}

pub fn list_ssh_public_keys(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    of_user(cx, input, "SSHPublicKeys")
}

pub fn list_service_specific_credentials(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    entity(cx, EntityKind::User, input)?;
    Ok(json!({ "ServiceSpecificCredentials": [] }))
}

pub fn list_signing_certificates(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    of_user(cx, input, "Certificates")
}

pub fn list_instance_profiles_for_role(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    entity(cx, EntityKind::Role, input)?;
    nothing(input, "InstanceProfiles")
}

/// GetLoginProfile and DeleteLoginProfile alike: nobody signs in with a password.
pub fn no_login_profile(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let user = entity(cx, EntityKind::User, input)?;
    let message = format!("Login Profile for User {} cannot be found.", user.name);
    Err(refused("NoSuchEntity", message, 404))
}

pub fn list_account_aliases(_: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    page(input, "AccountAliases", vec![(ALIAS.to_owned(), ALIAS.into())])
}

pub fn get_account_summary(cx: &mut Cx<'_, '_>, _: &Value) -> Outcome {
    let view = cx.tx.view();
    let count = |kind: EntityKind| view.scan::<Value>(kind.table(), "").len();
    Ok(json!({ "SummaryMap": {
        "Users": count(EntityKind::User), "Roles": count(EntityKind::Role), "Groups": 0,
        "MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0,
        "AccountAccessKeysPresent": 0, "AccessKeysPerUserQuota": 2, "UsersQuota": 5000,
        "RolesQuota": 1000, "AttachedPoliciesPerUserQuota": 10, "AttachedPoliciesPerRoleQuota": 10,
    }}))
}
