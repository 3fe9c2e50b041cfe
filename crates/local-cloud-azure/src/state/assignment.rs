//! Role assignments: who holds which role where.

use crate::ids;
use local_cloud::{Tx, View};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const TABLE: &str = "azure/assignments";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub name: String,
    pub scope: String,
    /// The role's id alone; on the wire it is subscription-scoped.
    pub role: String,
    pub principal_id: String,
    pub principal_type: String,
    pub description: Option<String>,
    pub condition: Option<String>,
    pub condition_version: Option<String>,
    pub created_on: String,
    pub created_by: String,
}

impl Assignment {
    pub fn id(&self) -> String {
        let scope = self.scope.trim_end_matches('/');
        format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", self.name)
    }

    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id(),
            "name": self.name,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "roleDefinitionId": ids::role_definition(&self.role),
                "principalId": self.principal_id,
                "principalType": self.principal_type,
                "scope": self.scope,
                "condition": self.condition,
                "conditionVersion": self.condition_version,
                "description": self.description,
                "createdOn": self.created_on,
                "updatedOn": self.created_on,
                "createdBy": self.created_by,
                "updatedBy": self.created_by,
                "delegatedManagedIdentityResourceId": null,
            },
        })
    }
}

pub fn get(view: &View<'_>, name: &str) -> Option<Assignment> {
    view.get(TABLE, &name.to_lowercase())
}

pub fn all(view: &View<'_>) -> Vec<Assignment> {
    view.scan(TABLE, "").into_iter().map(|(_, a)| a).collect()
}

pub fn of(view: &View<'_>, principal_id: &str) -> Vec<Assignment> {
    all(view).into_iter().filter(|a| a.principal_id.eq_ignore_ascii_case(principal_id)).collect()
}

pub fn put(tx: &mut Tx<'_>, assignment: &Assignment) {
    tx.put(TABLE, &assignment.name.to_lowercase(), assignment);
}

pub fn delete(tx: &mut Tx<'_>, name: &str) {
    tx.delete(TABLE, &name.to_lowercase());
}

pub fn delete_below(tx: &mut Tx<'_>, scope: &str) {
    for assignment in all(&tx.view()).into_iter().filter(|a| ids::holds(scope, &a.scope)) {
        delete(tx, &assignment.name);
    }
}
