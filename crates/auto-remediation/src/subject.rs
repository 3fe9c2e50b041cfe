//! All that planning is told of one finding. Whoever gathers it has read the clouds; from
//! here on nothing is asked any more.

use model::remediation::Impact;
use model::{Attributes, Finding, Knowledge, Resource, ResourceAddress};
use std::collections::BTreeMap;

/// The state that wants a resource, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSeen {
    pub source: String,
    pub serial: u64,
    pub lineage: String,
}

/// One finding with what lies behind it.
pub struct Subject<'a> {
    pub finding: &'a Finding,
    pub knowledge: &'a dyn Knowledge,
    pub desired: Option<Attributes>,
    pub live: Option<Resource>,
    pub state: Option<StateSeen>,
    /// Tags and labels of the resource and of what it belongs to, as states record them.
    pub tags: BTreeMap<String, String>,
    /// Those that it bears now: whoever changed it may have tagged it too, so they can make a
    /// rule ask and nothing else.
    pub live_tags: BTreeMap<String, String>,
    /// Who used what mending this takes away.
    pub impact: Option<Impact>,
    /// The credential that made the change, where it is one that can be switched off.
    pub credential: Option<CredentialSubject<'a>>,
}

/// A credential that somebody else holds, as the resource that it is.
pub struct CredentialSubject<'a> {
    pub knowledge: &'a dyn Knowledge,
    pub live: Resource,
    pub address: Option<ResourceAddress>,
    pub state: Option<StateSeen>,
}
