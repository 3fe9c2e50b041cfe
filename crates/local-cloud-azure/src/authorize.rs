//! Who may: role assignments at the scope or above it, and the roles they name. Roles only
//! ever add up; there is no deny here.

use crate::ids;
use crate::roles;
use crate::state::assignment;
use crate::state::principal::Principal;
use local_cloud::View;
use serde::{Deserialize, Serialize};

/// The grant that let a call through, as the Activity Log tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub role: String,
    pub role_guid: String,
    pub assignment: String,
    pub assignment_scope: String,
    pub principal_id: String,
    pub principal_type: String,
}

/// May this principal do `action` on `scope`? `data` asks for data actions.
pub fn check(
    view: &View<'_>,
    principal: &Principal,
    action: &str,
    scope: &str,
    data: bool,
) -> Option<Evidence> {
    assignment::of(view, &principal.object_id)
        .into_iter()
        .filter(|a| ids::holds(&a.scope, scope))
        .find_map(|assignment| {
            let role = roles::find(view, &assignment.role)?;
            role.permits(action, data).then(|| Evidence {
                role: role.name,
                role_guid: role.guid,
                assignment: assignment.name.replace('-', ""),
                assignment_scope: assignment.scope,
                principal_id: assignment.principal_id.replace('-', ""),
                principal_type: assignment.principal_type,
            })
        })
}

/// Does this principal hold any role in or below `scope`? Then lists there are trimmed to
/// what it may read, not refused.
pub fn holds_any(view: &View<'_>, principal: &Principal, scope: &str) -> bool {
    assignment::of(view, &principal.object_id)
        .iter()
        .any(|a| ids::holds(scope, &a.scope) || ids::holds(&a.scope, scope))
}
