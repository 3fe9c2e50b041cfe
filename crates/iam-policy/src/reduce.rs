//! What of one document another has, and what it has not: statements that are shared in part
//! are taken apart as far as [`crate::equal`] does.

use crate::document::{Policy, PrincipalId, Principals, Selection, Statement};
use crate::equal::{Atom, atoms, explode};
use std::collections::{BTreeMap, BTreeSet};

/// `policy` without what `other` has not. Statements that both have stay as they are written
/// and where they are, with their `Sid`.
#[must_use]
pub fn within(policy: &Policy, other: &Policy) -> Policy {
    let theirs = atoms(other);
    keep(policy, |atom| theirs.contains(atom))
}

/// What `policy` has and `other` has not. Together with [`within`] it is all of `policy`.
#[must_use]
pub fn beyond(policy: &Policy, other: &Policy) -> Policy {
    let theirs = atoms(other);
    keep(policy, |atom| !theirs.contains(atom))
}

fn keep(policy: &Policy, wanted: impl Fn(&Atom) -> bool) -> Policy {
    let mut statements = Vec::new();
    for statement in &policy.statements {
        let all = explode(statement, policy.version);
        let kept: BTreeSet<Atom> = all.iter().filter(|a| wanted(a)).cloned().collect();
        if kept.len() == all.len() {
            statements.push(statement.clone());
        } else if !kept.is_empty() {
            statements.extend(narrowed(policy, statement, &kept));
        }
    }
    Policy { statements, ..policy.clone() }
}

/// The entries of a statement's three lists, each alone; what is not a list of
/// possibilities is one entry.
struct Entries {
    principals: Vec<Principals>,
    actions: Vec<Selection>,
    resources: Vec<Option<Selection>>,
}

impl Entries {
    fn of(statement: &Statement) -> Self {
        let alone = |selection: &Selection| match selection {
            Selection::Only(items) => {
                items.iter().map(|item| Selection::Only(vec![item.clone()])).collect()
            }
            whole @ Selection::AllBut(_) => vec![whole.clone()],
        };
        Entries {
            principals: match &statement.principals {
                Principals::Only(ids) => {
                    ids.iter().map(|id| Principals::Only(vec![id.clone()])).collect()
                }
                whole => vec![whole.clone()],
            },
            actions: alone(&statement.actions),
            resources: match &statement.resources {
                None => vec![None],
                Some(resources) => alone(resources).into_iter().map(Some).collect(),
            },
        }
    }

    /// The statement of these entries, by their places.
    fn put(&self, like: &Statement, ps: &[usize], acts: &[usize], rs: &[usize]) -> Statement {
        let of = |list: &[usize], at: fn(&Self, usize) -> Option<&Selection>| {
            let mut found = list.iter().filter_map(|i| at(self, *i));
            match found.next() {
                Some(Selection::Only(first)) => {
                    let rest = found.filter_map(|s| match s {
                        Selection::Only(items) => Some(items),
                        Selection::AllBut(_) => None,
                    });
                    let all = first.iter().chain(rest.flatten()).cloned().collect();
                    Some(Selection::Only(all))
                }
                other => other.cloned(),
            }
        };
        let ids: Vec<PrincipalId> = ps
            .iter()
            .filter_map(|i| match &self.principals[*i] {
                Principals::Only(ids) => Some(ids.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let actions = of(acts, |entries, i| entries.actions.get(i));
        Statement {
            principals: match ids.is_empty() {
                true => like.principals.clone(),
                false => Principals::Only(ids),
            },
            actions: actions.unwrap_or_else(|| like.actions.clone()),
            resources: of(rs, |entries, i| entries.resources.get(i)?.as_ref()),
            ..like.clone()
        }
    }
}

/// The part of a statement that these atoms are: one statement where its lists can be
/// shortened to them, else one a principal and set of resources.
fn narrowed(policy: &Policy, statement: &Statement, kept: &BTreeSet<Atom>) -> Vec<Statement> {
    let entries = Entries::of(statement);
    let held = |p: usize, a: usize, r: usize| {
        explode(&entries.put(statement, &[p], &[a], &[r]), policy.version).is_subset(kept)
    };
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    for p in 0..entries.principals.len() {
        for a in 0..entries.actions.len() {
            found
                .extend((0..entries.resources.len()).filter(|r| held(p, a, *r)).map(|r| (p, a, r)));
        }
    }
    let one = |of: fn(&(usize, usize, usize)) -> usize| -> Vec<usize> {
        found.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let (ps, acts, rs) = (one(|f| f.0), one(|f| f.1), one(|f| f.2));
    if ps.len() * acts.len() * rs.len() == found.len() {
        return vec![entries.put(statement, &ps, &acts, &rs)];
    }
    let mut parts = Vec::new();
    for p in ps {
        // Actions that go with the same resources share a statement.
        let mut together: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for a in &acts {
            let rs: Vec<usize> =
                found.iter().filter(|f| f.0 == p && f.1 == *a).map(|f| f.2).collect();
            if !rs.is_empty() {
                together.entry(rs).or_default().push(*a);
            }
        }
        parts.extend(together.iter().map(|(rs, acts)| entries.put(statement, &[p], acts, rs)));
    }
    // A Sid may stand once in a document.
    for part in parts.iter_mut().skip(1) {
        part.sid = None;
    }
    parts
}
