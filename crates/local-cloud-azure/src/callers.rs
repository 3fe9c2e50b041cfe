//! Founding: who exists, what they may do, and where the log goes. And the environment under
//! which unmodified tools act as one of them.

use crate::CLOUD;
use crate::exposure::Level;
use crate::roles::{self, Role};
use crate::state::account::Account;
use crate::state::assignment::{self, Assignment};
use crate::state::container::Container;
use crate::state::group::Group;
use crate::state::principal::{self, Principal, PrincipalKind};
use crate::state::{account, container, group};
use crate::story::*;
use crate::{ids, tokens};
use local_cloud::{Caller, Ground, Tx};
use model::Timestamp;
use serde_json::json;

/// What reading the supported kinds takes.
pub const READ_CONFIGURATION: &[&str] = &[
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Storage/storageAccounts/blobServices/containers/read",
    "Microsoft.Storage/storageAccounts/blobServices/read",
    "Microsoft.Storage/storageAccounts/read",
];
/// What changing them takes.
pub const WRITE_CONFIGURATION: &[&str] = &[
    "Microsoft.Resources/subscriptions/resourceGroups/delete",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.Resources/subscriptions/resourcegroups/resources/read",
    "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
    "Microsoft.Storage/storageAccounts/blobServices/containers/write",
    "Microsoft.Storage/storageAccounts/blobServices/write",
    "Microsoft.Storage/storageAccounts/delete",
    "Microsoft.Storage/storageAccounts/write",
];
pub const READ_AUDIT_LOG: &[&str] = &["Microsoft.Insights/eventtypes/values/read"];
/// Fetching states and logs from a container: a data action, and finding the container.
pub const READ_OBJECTS: &[&str] =
    &["Microsoft.Storage/storageAccounts/blobServices/containers/read"];
pub const READ_OBJECTS_DATA: &[&str] =
    &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"];

struct Founder<'a, 't> {
    tx: &'a mut Tx<'t>,
    now: Timestamp,
    by: String,
}

impl Founder<'_, '_> {
    fn principal(&mut self, name: &str, title: &str, origin: &str) -> Principal {
        let human = name.contains('@');
        let secret = hex::encode(local_cloud::store::secret_bytes::<20>());
        let principal = Principal {
            name: name.to_owned(),
            kind: if human { PrincipalKind::User } else { PrincipalKind::ServicePrincipal },
            object_id: self.tx.fresh_uuid("azure/object"),
            client_id: (!human).then(|| self.tx.fresh_uuid("azure/client")),
            // The shape of a client secret: 40 characters with a tilde in it.
            secret: format!("{}~{}", &secret[..3], &secret[3..39]),
        };
        principal::put(self.tx, &principal);
        let title = match &principal.client_id {
            Some(client) => format!("{title}; application {client}"),
            None => title.to_owned(),
        };
        let caller =
            Caller { name: name.to_owned(), cloud: CLOUD, title, origin: origin.to_owned() };
        local_cloud::callers::add(self.tx, &caller);
        local_cloud::callers::place(self.tx, principal.credential(), origin);
        principal
    }

    fn custom_role(&mut self, name: &str, actions: &[&[&str]], data: &[&str]) -> String {
        let mut actions: Vec<String> =
            actions.iter().flat_map(|list| list.iter()).map(|a| (*a).to_owned()).collect();
        actions.sort();
        actions.dedup();
        let role = Role {
            guid: self.tx.fresh_uuid("azure/role"),
            name: name.to_owned(),
            custom: true,
            actions,
            not_actions: Vec::new(),
            data_actions: data.iter().map(|a| (*a).to_owned()).collect(),
            not_data_actions: Vec::new(),
            scopes: vec![ids::subscription()],
        };
        roles::put(self.tx, &role);
        role.guid
    }

    fn assign(&mut self, principal: &Principal, role: &str, scope: &str) {
        let assignment = Assignment {
            name: self.tx.fresh_uuid("azure/assignment"),
            scope: scope.to_owned(),
            role: role.to_owned(),
            principal_id: principal.object_id.clone(),
            principal_type: principal.kind.as_str().to_owned(),
            description: None,
            condition: None,
            condition_version: None,
            created_on: self.now.to_millis_text(),
            created_by: self.by.clone(),
        };
        assignment::put(self.tx, &assignment);
    }
}

/// Addresses are documentation ranges (RFC 5737).
pub fn found(tx: &mut Tx<'_>, ground: &Ground) {
    let now = ground.clock.now();
    tokens::found(tx);
    let subscription = ids::subscription();
    let mut f = Founder { tx, now, by: String::new() };

    let deployer =
        f.principal(DEPLOYER, "deploys the environment; may do everything", "192.0.2.10");
    f.by = deployer.object_id.clone();
    f.assign(&deployer, roles::OWNER, &subscription);
    f.assign(&deployer, roles::BLOB_DATA_OWNER, &subscription);

    let reader = f.principal(DRIFT_READER, "reads what a drift check needs", "192.0.2.20");
    let role = f.custom_role(
        "Drift check",
        &[READ_CONFIGURATION, READ_AUDIT_LOG, READ_OBJECTS],
        READ_OBJECTS_DATA,
    );
    f.assign(&reader, &role, &subscription);

    let log_reader = f.principal(LOG_READER, "reads the audit log and its files", "192.0.2.21");
    let role = f.custom_role("Log collection", &[READ_AUDIT_LOG, READ_OBJECTS], READ_OBJECTS_DATA);
    f.assign(&log_reader, &role, &subscription);

    let remediator = f.principal(REMEDIATOR, "reads and writes the supported kinds", "192.0.2.22");
    let role = f.custom_role(
        "Remediation",
        &[READ_CONFIGURATION, WRITE_CONFIGURATION, READ_AUDIT_LOG, READ_OBJECTS],
        READ_OBJECTS_DATA,
    );
    f.assign(&remediator, &role, &subscription);

    let dana = f.principal(
        CONTRACTOR,
        "contractor; Contributor on the data group, so able to list account keys",
        "203.0.113.41",
    );
    f.assign(&dana, roles::CONTRIBUTOR, &ids::group(DATA_GROUP));
    f.assign(&dana, roles::READER, &ids::group(PLATFORM_GROUP));

    let backup = f.principal(BACKUP_JOB, "nightly backup; lists account keys", "198.51.100.77");
    f.assign(&backup, roles::KEY_OPERATOR, &subscription);
    f.assign(&backup, roles::READER, &subscription);

    let pipeline = f.principal(PIPELINE, "delivery pipeline; its ordinary job", "198.51.100.200");
    f.assign(&pipeline, roles::CONTRIBUTOR, &subscription);
    f.assign(&pipeline, roles::BLOB_DATA_CONTRIBUTOR, &subscription);

    trail(tx, now);
}

/// The log account: nobody from outside, no account key.
fn trail(tx: &mut Tx<'_>, now: Timestamp) {
    let platform = Group {
        name: PLATFORM_GROUP.to_owned(),
        location: LOCATION.to_owned(),
        tags: None,
        managed_by: None,
    };
    group::put(tx, &platform);
    let body = json!({
        "location": LOCATION,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "tags": {"purpose": "activity-log"},
        "properties": {
            "allowBlobPublicAccess": false,
            "allowSharedKeyAccess": false,
            "minimumTlsVersion": "TLS1_2",
        },
    });
    if let Ok(logs) = Account::new(PLATFORM_GROUP, LOG_ACCOUNT, &body, &now.to_millis_text()) {
        account::put(tx, &logs);
    }
    let place = Container::new(tx, LOG_ACCOUNT, LOG_CONTAINER, Level::None, now);
    container::put(tx, &place);
}

/// The variables under which Microsoft's own SDKs and Terraform act as a caller.
pub fn environment(ground: &Ground, caller: &str) -> Option<Vec<(String, String)>> {
    let principal = ground.store.read(|v| {
        local_cloud::callers::find(v, &CLOUD, caller)?;
        principal::by_name(v, caller)
    })?;
    let mut variables = vec![
        ("AZURE_TENANT_ID", TENANT.to_owned()),
        ("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION.to_owned()),
        ("ARM_TENANT_ID", TENANT.to_owned()),
        ("ARM_SUBSCRIPTION_ID", SUBSCRIPTION.to_owned()),
    ];
    match &principal.client_id {
        Some(client) => variables.extend([
            ("AZURE_CLIENT_ID", client.clone()),
            ("AZURE_CLIENT_SECRET", principal.secret.clone()),
            ("ARM_CLIENT_ID", client.clone()),
            ("ARM_CLIENT_SECRET", principal.secret.clone()),
        ]),
        // A person signs in through the Azure CLI's public client.
        None => variables.extend([
            ("AZURE_CLIENT_ID", AZURE_CLI.to_owned()),
            ("AZURE_USERNAME", principal.name.clone()),
            ("AZURE_PASSWORD", principal.secret.clone()),
        ]),
    }
    Some(variables.into_iter().map(|(n, v)| (n.to_owned(), v)).collect())
}
