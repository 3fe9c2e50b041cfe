//! The names of the story: one tenant, one subscription, and who calls.

pub const TENANT: &str = "7f0c1c9e-0b5e-4d8e-9f5a-3f6f2f7b1a01";
pub const SUBSCRIPTION: &str = "2b6f9d34-5c1e-4a7b-8d2f-6e0c4b9a7d10";
pub const SUBSCRIPTION_NAME: &str = "acme-lab";
pub const LOCATION: &str = "westeurope";

/// The group whose owners are trusted with customer data, and the contractor's own.
pub const DATA_GROUP: &str = "acme-data";
/// The platform team's group; the log account lies in it.
pub const PLATFORM_GROUP: &str = "acme-platform";
/// Where the Activity Log is exported to.
pub const LOG_ACCOUNT: &str = "acmelogs";
pub const LOG_CONTAINER: &str = "insights-activity-logs";

pub const DEPLOYER: &str = "deployer";
pub const DRIFT_READER: &str = "drift-reader";
pub const LOG_READER: &str = "log-reader";
pub const REMEDIATOR: &str = "remediator";
pub const BACKUP_JOB: &str = "backup-job";
pub const PIPELINE: &str = "pipeline";
pub const CONTRACTOR: &str = "dana.ortiz@example.com";

/// The public client id of the Azure CLI: people sign in through it.
pub const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
