//! Who exists in the lab's accounts, and from where each seems to call.

use crate::store::{Tx, View};
use model::Cloud;
use serde::{Deserialize, Serialize};

/// A named caller, for `--as NAME`, lessons and messages. The credentials behind it are the
/// cloud's own matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    pub name: String,
    pub cloud: Cloud,
    /// One line: who that is and what it may do.
    pub title: String,
    /// The address that its calls show in the audit log.
    pub origin: String,
}

const TABLE: &str = "callers";
const ORIGINS: &str = "origins";

/// The address shown for a credential that nobody placed anywhere: a documentation address
/// (RFC 5737), because a record that says 127.0.0.1 would teach something untrue.
pub const DEFAULT_ORIGIN: &str = "192.0.2.10";

fn key(cloud: &Cloud, name: &str) -> String {
    format!("{cloud}/{name}")
}

pub fn add(tx: &mut Tx<'_>, caller: &Caller) {
    tx.put(TABLE, &key(&caller.cloud, &caller.name), caller);
}

pub fn all(view: &View<'_>) -> Vec<Caller> {
    view.scan(TABLE, "").into_iter().map(|(_, c)| c).collect()
}

pub fn find(view: &View<'_>, cloud: &Cloud, name: &str) -> Option<Caller> {
    view.get(TABLE, &key(cloud, name))
}

/// Places a credential (an access key id, a client id, a key's name) at an address. A
/// story moves one when somebody else comes to hold it.
pub fn place(tx: &mut Tx<'_>, credential: &str, origin: &str) {
    tx.put(ORIGINS, credential, &origin);
}

/// The address that calls with this credential show.
pub fn origin(view: &View<'_>, credential: &str) -> String {
    view.get(ORIGINS, credential).unwrap_or_else(|| DEFAULT_ORIGIN.to_owned())
}
