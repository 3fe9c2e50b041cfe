//! IAM policies: bindings of roles to members, and the delta between two of them.

use crate::error::ApiError;
use serde::{Deserialize, Serialize};

pub const ALL_USERS: &str = "allUsers";
pub const ALL_AUTHENTICATED: &str = "allAuthenticatedUsers";
/// The documented limit of members in one policy.
const MOST_MEMBERS: usize = 1500;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<Binding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audit_configs: Vec<AuditConfig>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Binding {
    pub role: String,
    pub members: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Condition {
    pub title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    pub expression: String,
}

/// Which data access a project wants to see in its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditConfig {
    pub service: String,
    pub audit_log_configs: Vec<AuditLogConfig>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditLogConfig {
    pub log_type: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exempted_members: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BindingDelta {
    pub action: &'static str,
    pub role: String,
    pub member: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

impl Policy {
    /// What a new bucket has: the convenience groups of its project.
    pub fn of_new_bucket(project: &str) -> Policy {
        let groups = |groups: &[&str]| groups.iter().map(|g| format!("{g}:{project}")).collect();
        let binding =
            |role: &str, members| Binding { role: role.to_owned(), members, condition: None };
        Policy {
            bindings: vec![
                binding(
                    "roles/storage.legacyBucketOwner",
                    groups(&["projectEditor", "projectOwner"]),
                ),
                binding("roles/storage.legacyBucketReader", groups(&["projectViewer"])),
            ],
            audit_configs: Vec::new(),
        }
    }

    /// One binding a role and condition, members sorted, empty ones gone.
    pub fn normal(mut self) -> Policy {
        let mut bindings: Vec<Binding> = Vec::new();
        for binding in self.bindings {
            let same =
                |b: &&mut Binding| b.role == binding.role && b.condition == binding.condition;
            match bindings.iter_mut().find(same) {
                Some(known) => known.members.extend(binding.members),
                None => bindings.push(binding),
            }
        }
        for binding in &mut bindings {
            binding.members.sort();
            binding.members.dedup();
        }
        bindings.retain(|b| !b.members.is_empty());
        self.bindings = bindings;
        self
    }

    fn grants(&self) -> impl Iterator<Item = (&str, &str, Option<&Condition>)> {
        self.bindings.iter().flat_map(|b| {
            b.members.iter().map(|m| (b.role.as_str(), m.as_str(), b.condition.as_ref()))
        })
    }

    /// What has to be added to and removed from `self` to make `new`.
    pub fn delta(&self, new: &Policy) -> Vec<BindingDelta> {
        let missing = |from: &Policy, what: &Policy, action| -> Vec<BindingDelta> {
            what.grants()
                .filter(|g| !from.grants().any(|f| f == *g))
                .map(|(role, member, condition)| BindingDelta {
                    action,
                    role: role.to_owned(),
                    member: member.to_owned(),
                    condition: condition.cloned(),
                })
                .collect()
        };
        let mut deltas = missing(new, self, "REMOVE");
        deltas.extend(missing(self, new, "ADD"));
        deltas
    }

    /// Is it well formed? `known` says whether a role exists.
    pub fn check(&self, version: i64, known: impl Fn(&str) -> bool) -> Result<(), ApiError> {
        if self.grants().count() > MOST_MEMBERS {
            return Err(ApiError::invalid(format!(
                "The number of members in the policy exceeds the maximum of {MOST_MEMBERS}."
            )));
        }
        for binding in &self.bindings {
            if !known(&binding.role) {
                let role = &binding.role;
                return Err(ApiError::invalid(format!(
                    "Role {role} is not supported for this resource."
                )));
            }
            if let Some(member) = binding.members.iter().find(|m| !is_member(m)) {
                return Err(ApiError::invalid(format!("Invalid IAM member: {member}.")));
            }
            let Some(condition) = &binding.condition else { continue };
            if version < 3 {
                return Err(ApiError::invalid(
                    "A policy with conditions must have version 3. \
                     See https://cloud.google.com/iam/docs/policies#versions",
                ));
            }
            if binding.members.iter().any(|m| m == ALL_USERS || m == ALL_AUTHENTICATED) {
                return Err(ApiError::invalid(
                    "allUsers and allAuthenticatedUsers cannot be members of a conditional binding.",
                ));
            }
            if crate::condition::parse(&condition.expression).is_none() {
                return Err(ApiError::unimplemented(format!(
                    "The condition '{}'",
                    condition.expression
                )));
            }
        }
        Ok(())
    }
}

fn is_member(member: &str) -> bool {
    if member == ALL_USERS || member == ALL_AUTHENTICATED {
        return true;
    }
    const KINDS: [&str; 10] = [
        "user",
        "serviceAccount",
        "group",
        "domain",
        "projectOwner",
        "projectEditor",
        "projectViewer",
        "principal",
        "principalSet",
        "deleted",
    ];
    member.split_once(':').is_some_and(|(kind, name)| KINDS.contains(&kind) && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(grants: &[(&str, &[&str])]) -> Policy {
        let bindings = grants
            .iter()
            .map(|(role, members)| Binding {
                role: (*role).to_owned(),
                members: members.iter().map(|m| (*m).to_owned()).collect(),
                condition: None,
            })
            .collect();
        Policy { bindings, audit_configs: Vec::new() }
    }

    #[test]
    fn the_delta_says_who_came_and_who_went() {
        let old = policy(&[("r", &["user:a@x", "user:b@x"])]);
        let new = policy(&[("r", &["user:a@x", "allUsers"])]);
        let delta: Vec<_> = old.delta(&new).into_iter().map(|d| (d.action, d.member)).collect();
        assert_eq!(delta, [("REMOVE", "user:b@x".to_owned()), ("ADD", "allUsers".to_owned())]);
        assert!(old.delta(&old).is_empty());
    }

    #[test]
    fn normal_form_joins_and_drops() {
        let joined = policy(&[("r", &["user:b@x"]), ("s", &[]), ("r", &["user:a@x", "user:b@x"])]);
        assert_eq!(joined.normal(), policy(&[("r", &["user:a@x", "user:b@x"])]));
    }

    #[test]
    fn strange_members_and_roles_are_refused() {
        assert!(policy(&[("r", &["somebody"])]).check(1, |_| true).is_err());
        assert!(policy(&[("r", &["allUsers"])]).check(1, |_| false).is_err());
        let mut conditional = policy(&[("r", &["allUsers"])]);
        conditional.bindings[0].condition =
            Some(Condition { expression: "true".to_owned(), ..Condition::default() });
        assert_eq!(conditional.check(3, |_| true).unwrap_err().http, 400);
    }
}
