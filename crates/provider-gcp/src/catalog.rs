//! All that is known of Google Cloud without asking it anything.

use crate::kinds::KINDS;
use crate::{CLOUD, policy};
use model::knowledge::Catalog;
use model::resource::Desired;
use model::{Cloud, KindName, Knowledge, Value};
use provider::registry;

pub static CATALOG: GcpCatalog = GcpCatalog;

pub struct GcpCatalog;

impl Catalog for GcpCatalog {
    fn cloud(&self) -> Cloud {
        CLOUD
    }

    fn title(&self) -> &'static str {
        "Google Cloud"
    }

    fn owns(&self, kind: &KindName) -> bool {
        kind.as_str().starts_with("google_")
    }

    fn kind(&self, kind: &KindName) -> Option<&dyn Knowledge> {
        registry::find(KINDS, kind).map(|k| k as &dyn Knowledge)
    }

    fn kinds(&self) -> Vec<&dyn Knowledge> {
        KINDS.iter().map(|k| *k as &dyn Knowledge).collect()
    }

    /// The project that a resource's own attributes or id name. A bucket's IAM resources name
    /// a bucket and a role; a custom role's project is the role's, not the bucket's.
    fn account_of(&self, desired: &Desired) -> Option<String> {
        if policy::is_bucket_iam(desired.address.kind.as_str()) {
            return None;
        }
        let named = desired.attributes.get("project").and_then(Value::as_str);
        if let Some(project) = named.filter(|p| !p.is_empty()) {
            return Some(project.to_owned());
        }
        let after = desired.native_id.strip_prefix("projects/")?;
        let project = after.split('/').next()?;
        (!project.is_empty() && project != "_" && project != "-").then(|| project.to_owned())
    }

    fn region_of(&self, desired: &Desired) -> Option<String> {
        let text = |name: &str| {
            desired.attributes.get(name).and_then(Value::as_str).filter(|t| !t.is_empty())
        };
        text("location").or_else(|| text("region")).map(str::to_lowercase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Attributes, ResourceAddress};

    fn account(kind: &str, id: &str, project: Option<&str>) -> Option<String> {
        let attributes: Attributes =
            project.map(|p| ("project".to_owned(), p.into())).into_iter().collect();
        CATALOG.account_of(&Desired {
            address: ResourceAddress::root(kind, "a"),
            provider: "p".into(),
            native_id: id.into(),
            attributes,
            schema_version: 0,
            state: "s".into(),
        })
    }

    #[test]
    fn a_project_is_taken_from_the_resource_itself() {
        let bucket = "google_storage_bucket";
        assert_eq!(account(bucket, "b", Some("acme-lab")).as_deref(), Some("acme-lab"));
        assert_eq!(account(bucket, "b", None), None);
        let role = "b/x/projects/other/roles/reader";
        assert_eq!(account("google_storage_bucket_iam_binding", role, None), None);
        let network = "projects/acme-lab/global/networks/n";
        assert_eq!(account("google_compute_network", network, None).as_deref(), Some("acme-lab"));
        assert_eq!(account("google_x", "projects/_/buckets/b", None), None);
    }
}
