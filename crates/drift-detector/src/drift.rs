//! One resource that is not as desired, with all that classifying and attributing ask of it.

use model::finding::{AttributeChange, DriftStatus};
use model::resource::Desired;
use model::{Attributes, Cloud, KindName, Resource, ResourceAddress};

#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    pub status: DriftStatus,
    pub cloud: Cloud,
    pub account: Option<String>,
    pub region: Option<String>,
    pub kind: KindName,
    /// Empty for what no state manages.
    pub address: Option<ResourceAddress>,
    pub native_id: String,
    pub state: Option<String>,
    pub changes: Vec<AttributeChange>,
    /// Empty for what is missing.
    pub live: Option<Resource>,
    /// Empty for what no state manages.
    pub desired: Option<Attributes>,
}

impl Drift {
    pub fn changed(desired: &Desired, live: &Resource, changes: Vec<AttributeChange>) -> Self {
        Drift {
            status: DriftStatus::Changed,
            cloud: live.cloud.clone(),
            account: live.account.clone(),
            region: live.region.clone(),
            kind: live.kind.clone(),
            address: Some(desired.address.clone()),
            native_id: live.native_id.clone(),
            state: Some(desired.state.clone()),
            changes,
            live: Some(live.clone()),
            desired: Some(desired.attributes.clone()),
        }
    }

    /// Where a missing resource should lie, its state says, not a reader.
    pub fn missing(
        desired: &Desired,
        cloud: Cloud,
        account: Option<String>,
        region: Option<String>,
    ) -> Self {
        Drift {
            status: DriftStatus::Missing,
            cloud,
            account,
            region,
            kind: desired.address.kind.clone(),
            address: Some(desired.address.clone()),
            native_id: desired.native_id.clone(),
            state: Some(desired.state.clone()),
            changes: Vec::new(),
            live: None,
            desired: Some(desired.attributes.clone()),
        }
    }

    pub fn unmanaged(live: &Resource) -> Self {
        Drift {
            status: DriftStatus::Unmanaged,
            cloud: live.cloud.clone(),
            account: live.account.clone(),
            region: live.region.clone(),
            kind: live.kind.clone(),
            address: None,
            native_id: live.native_id.clone(),
            state: None,
            changes: Vec::new(),
            live: Some(live.clone()),
            desired: None,
        }
    }

    /// The resource as the state wants it, in the place where it is (or was).
    pub fn as_desired(&self) -> Option<Resource> {
        let mut attributes =
            self.live.as_ref().map(|live| live.attributes.clone()).unwrap_or_default();
        attributes.extend(self.desired.clone()?);
        Some(Resource {
            cloud: self.cloud.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
            kind: self.kind.clone(),
            native_id: self.native_id.clone(),
            attributes,
        })
    }
}
