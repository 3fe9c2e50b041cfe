//! Meaning: when two documents are the same policy, and what differs when they are not.
//!
//! The normal form forgets what no decision depends on: `Id`, `Sid`, order, repetition, string or
//! one-element list, `"*"` or `{"AWS": "*"}`, account id or root ARN, case of actions and
//! condition keys, one statement with two actions or two with one each, and the language version
//! of a statement without variables. Equal normal forms give equal decisions; the reverse is not
//! promised (`s3:*` beside `s3:Get*` is kept as written).

use crate::document::{
    Condition, Effect, Policy, PrincipalId, Principals, Selection, Statement, Version,
};
use crate::operator::Operator;
use crate::pattern::has_variables;
use std::collections::BTreeSet;

/// Whether two documents mean the same.
#[must_use]
pub fn equal(a: &Policy, b: &Policy) -> bool {
    atoms(a) == atoms(b)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    Added,
    Removed,
}

/// A statement that only one of two documents has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementChange {
    pub change: Change,
    /// Its position in the document that has it.
    pub index: usize,
    pub statement: Statement,
}

/// What `new` has and `old` has not, and the reverse; empty exactly when they are [`equal`].
#[must_use]
pub fn diff(old: &Policy, new: &Policy) -> Vec<StatementChange> {
    let (was, is) = (atoms(old), atoms(new));
    let only = |policy: &Policy, others: &BTreeSet<Atom>, change: Change| {
        policy
            .statements
            .iter()
            .enumerate()
            .filter(|(_, statement)| !explode(statement, policy.version).is_subset(others))
            .map(|(index, statement)| StatementChange {
                change,
                index,
                statement: statement.clone(),
            })
            .collect::<Vec<_>>()
    };
    let mut changes = only(old, &is, Change::Removed);
    changes.extend(only(new, &was, Change::Added));
    changes
}

/// A statement of one principal, one action, one resource, as far as they can be taken apart: a
/// list means "any of these", its negation does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Atom {
    effect: Effect,
    principals: Choice<PrincipalId>,
    actions: Choice<String>,
    resources: Option<Choice<String>>,
    conditions: BTreeSet<(Operator, String, BTreeSet<String>)>,
    /// Holds variables, and its document is of the version that reads them.
    variables: bool,
}

impl Atom {
    fn marked(mut self, version: Version) -> Self {
        let resources = match &self.resources {
            Some(Choice::AnyOf(items) | Choice::NoneOf(items)) => items.iter().collect(),
            Some(Choice::Implied) | None => Vec::new(),
        };
        let values =
            self.conditions.iter().filter(|(operator, ..)| operator.test.takes_variables());
        let values = values.flat_map(|(_, _, values)| values);
        let any = resources.into_iter().chain(values).any(|text| has_variables(text));
        self.variables = any && version == Version::V2012;
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Choice<T> {
    Implied,
    AnyOf(BTreeSet<T>),
    NoneOf(BTreeSet<T>),
}

/// A statement with more combinations than this is compared whole: the largest bucket policy
/// would make hundreds of thousands.
const MAX_ATOMS: usize = 4096;

pub(crate) fn atoms(policy: &Policy) -> BTreeSet<Atom> {
    policy.statements.iter().flat_map(|s| explode(s, policy.version)).collect()
}

pub(crate) fn explode(statement: &Statement, version: Version) -> BTreeSet<Atom> {
    let whole = normal(statement);
    let principals = split(&whole.principals);
    let actions = split(&whole.actions);
    let resources: Vec<Option<Choice<String>>> = match &whole.resources {
        None => vec![None],
        Some(resources) => split(resources).into_iter().map(Some).collect(),
    };
    let combinations =
        principals.len().saturating_mul(actions.len()).saturating_mul(resources.len());
    if combinations > MAX_ATOMS {
        return BTreeSet::from([whole.marked(version)]);
    }
    let mut out = BTreeSet::new();
    for principals in &principals {
        for actions in &actions {
            for resources in &resources {
                let atom = Atom {
                    principals: principals.clone(),
                    actions: actions.clone(),
                    resources: resources.clone(),
                    ..whole.clone()
                };
                out.insert(atom.marked(version));
            }
        }
    }
    out
}

fn split<T: Ord + Clone>(choice: &Choice<T>) -> Vec<Choice<T>> {
    match choice {
        Choice::AnyOf(items) => {
            items.iter().map(|item| Choice::AnyOf(BTreeSet::from([item.clone()]))).collect()
        }
        whole => vec![whole.clone()],
    }
}

fn normal(statement: &Statement) -> Atom {
    let choose = |selection: &Selection, form: fn(&str) -> String| match selection {
        Selection::Only(items) => Choice::AnyOf(items.iter().map(|i| form(i)).collect()),
        Selection::AllBut(items) => Choice::NoneOf(items.iter().map(|i| form(i)).collect()),
    };
    let ids = |ids: &[PrincipalId]| ids.iter().map(normal_id).collect::<BTreeSet<_>>();
    Atom {
        effect: statement.effect,
        principals: match &statement.principals {
            Principals::Implied => Choice::Implied,
            Principals::Only(list) => Choice::AnyOf(ids(list)),
            Principals::AllBut(list) => Choice::NoneOf(ids(list)),
        },
        actions: choose(&statement.actions, str::to_ascii_lowercase),
        resources: statement.resources.as_ref().map(|r| choose(r, str::to_owned)),
        conditions: statement.conditions.iter().map(normal_condition).collect(),
        variables: false,
    }
}

fn normal_id(id: &PrincipalId) -> PrincipalId {
    match id {
        PrincipalId::Aws(id) if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) => {
            PrincipalId::Aws(format!("arn:aws:iam::{id}:root"))
        }
        PrincipalId::Service(name) => PrincipalId::Service(name.to_ascii_lowercase()),
        other => other.clone(),
    }
}

fn normal_condition(condition: &Condition) -> (Operator, String, BTreeSet<String>) {
    (
        condition.operator,
        condition.key.to_ascii_lowercase(),
        condition.values.iter().cloned().collect(),
    )
}
