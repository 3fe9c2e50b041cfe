//! Resource groups.

use crate::ids;
use crate::state::{account, assignment};
use local_cloud::{Tx, View};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

const TABLE: &str = "azure/groups";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub location: String,
    pub tags: Option<Map<String, Value>>,
    pub managed_by: Option<String>,
}

impl Group {
    pub fn id(&self) -> String {
        ids::group(&self.name)
    }

    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "id": self.id(),
            "name": self.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.location,
            "properties": {"provisioningState": "Succeeded"},
        });
        if let Some(tags) = &self.tags {
            body["tags"] = Value::Object(tags.clone());
        }
        if let Some(managed_by) = &self.managed_by {
            body["managedBy"] = Value::String(managed_by.clone());
        }
        body
    }
}

pub fn get(view: &View<'_>, name: &str) -> Option<Group> {
    view.get(TABLE, &name.to_lowercase())
}

pub fn all(view: &View<'_>) -> Vec<Group> {
    view.scan(TABLE, "").into_iter().map(|(_, g)| g).collect()
}

pub fn put(tx: &mut Tx<'_>, group: &Group) {
    tx.put(TABLE, &group.name.to_lowercase(), group);
}

/// A group goes with everything in it, role assignments below it included.
pub fn delete(tx: &mut Tx<'_>, group: &Group) {
    for account in account::in_group(&tx.view(), &group.name) {
        account::delete(tx, &account);
    }
    assignment::delete_below(tx, &group.id());
    tx.delete(TABLE, &group.name.to_lowercase());
}
