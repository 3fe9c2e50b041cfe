//! The one project that this cloud holds, and the names that a story may use.

use model::Cloud;

pub const CLOUD: Cloud = Cloud::from_static("gcp");
pub const PROJECT: &str = "acme-lab";
pub const PROJECT_NUMBER: &str = "418300000123";
pub const PROJECT_NAME: &str = "ACME Lab";
/// Where the audit log is exported to.
pub const LOG_BUCKET: &str = "acme-lab-audit-logs";
pub const LOCATION: &str = "US-CENTRAL1";
pub const STORAGE: &str = "storage.googleapis.com";

pub fn service_account(name: &str) -> String {
    format!("{name}@{PROJECT}.iam.gserviceaccount.com")
}
