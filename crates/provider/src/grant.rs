//! The complete least-privilege policy that an exercise needs, in the cloud's own language.

use crate::kind::Session;
use crate::registry::Kinds;
use model::KindName;

/// What an exercise does with a cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reads the configuration of every supported kind.
    ReadConfiguration,
    /// Changes it.
    WriteConfiguration,
    /// Asks the audit log.
    ReadAuditLog,
    /// Fetches states and logs from object stores.
    ReadObjects,
}

/// Of which kinds, and how much of each.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'k> {
    /// Every supported kind: listed, made and deleted, too.
    Every,
    /// These alone, when it is known which one it is about: read, and changed as it is.
    Only(&'k [KindName]),
}

/// What this access to configuration takes; none for an access to anything else.
pub fn of_kinds<S: Session>(
    kinds: Kinds<S>,
    scope: Scope<'_>,
    access: Access,
) -> Vec<&'static str> {
    let within = |name: &KindName| match scope {
        Scope::Every => true,
        Scope::Only(names) => names.contains(name),
    };
    let every = matches!(scope, Scope::Every);
    let mut lists: Vec<&[&'static str]> = Vec::new();
    for kind in kinds.iter().filter(|k| within(&k.facts().kind)) {
        match access {
            Access::ReadConfiguration => {
                lists.push(kind.read_permissions());
                if every {
                    lists.push(kind.list_permissions());
                }
            }
            Access::WriteConfiguration if every => lists.push(kind.write_permissions()),
            Access::WriteConfiguration => lists.push(kind.update_permissions()),
            Access::ReadAuditLog | Access::ReadObjects => {}
        }
    }
    permissions(lists)
}

/// A policy document that can be pasted: `text` in the cloud's own format, `how` to attach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub title: String,
    pub text: String,
    pub how: String,
}

/// The permissions of all kinds, sorted, each once.
pub fn permissions<'a>(lists: impl IntoIterator<Item = &'a [&'static str]>) -> Vec<&'static str> {
    let mut all: Vec<&'static str> = lists.into_iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}
