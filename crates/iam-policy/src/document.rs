//! The policy document: its parts, its reader, its printer.

use crate::json::Node;
use crate::operator::Operator;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::fmt;

/// A policy larger than this is no policy: the largest that AWS takes is a key policy of 32 KB
/// (KMS quotas; bucket policies end at 20 KB), and white space may multiply that.
const MAX_BYTES: usize = 256 * 1024;

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub version: Version,
    pub id: Option<String>,
    pub statements: Vec<Statement>,
}

/// The version of the policy language. Variables exist in the newer one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Version {
    /// `2008-10-17`, and what a document without `Version` means.
    #[default]
    V2008,
    /// `2012-10-17`
    V2012,
}

impl Version {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V2008 => "2008-10-17",
            Version::V2012 => "2012-10-17",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    Allow,
    Deny,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sid: Option<String>,
    pub effect: Effect,
    pub principals: Principals,
    pub actions: Selection,
    /// Absent in trust policies, whose resource is the role they are attached to.
    pub resources: Option<Selection>,
    pub conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    Only(Vec<String>),
    AllBut(Vec<String>),
}

/// Whom a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principals {
    /// No `Principal`: whoever the policy is attached to.
    Implied,
    Only(Vec<PrincipalId>),
    AllBut(Vec<PrincipalId>),
}

/// One entry of a `Principal` element.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalId {
    /// `"*"`, which is the same as `{"AWS": "*"}`.
    Everyone,
    /// An account id, an ARN, or the unique id that IAM leaves where a deleted user stood.
    Aws(String),
    Service(String),
    Federated(String),
    CanonicalUser(String),
}

/// One operator, one key, and the values any of which will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub operator: Operator,
    pub key: String,
    pub values: Vec<String>,
}

/// Where a policy is attached; each place has its own grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// A user, group or role; also boundaries, session policies and SCPs: no `Principal`.
    Identity,
    /// A bucket, key, queue: `Principal` and `Resource` are needed.
    Resource,
    /// A role's trust policy: `Principal` is needed, `Resource` is not allowed.
    Trust,
}

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// `Statement[2].Condition.StringEquals`; empty for the document as a whole.
    pub path: String,
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for PolicyError {}

fn wrong<T>(path: &str, message: impl Into<String>) -> Result<T, PolicyError> {
    Err(PolicyError { path: path.to_owned(), message: message.into() })
}

impl Policy {
    /// Reads a document. Strings and one-element lists are interchangeable, a single statement
    /// need not be in a list; everything else must be as the policy grammar says.
    ///
    /// # Errors
    /// The first thing that is not a policy, with its JSON path.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_BYTES {
            return wrong("", format!("the document is larger than {MAX_BYTES} bytes"));
        }
        match serde_json::from_str::<Node>(text) {
            Ok(node) => Self::from_node(&node),
            Err(error) => wrong("", format!("not valid JSON: {error}")),
        }
    }

    fn from_node(node: &Node) -> Result<Self, PolicyError> {
        let Node::Object(members) = node else {
            return wrong("", format!("expected an object, found {}", node.kind()));
        };
        let mut policy = Policy { version: Version::default(), id: None, statements: Vec::new() };
        let mut has_statement = false;
        for (name, value) in members {
            match name.as_str() {
                "Version" => {
                    policy.version = match text(value, "Version")? {
                        "2012-10-17" => Version::V2012,
                        "2008-10-17" => Version::V2008,
                        other => {
                            let known = "expected 2012-10-17 or 2008-10-17";
                            return wrong("Version", format!("{known}, found {other:?}"));
                        }
                    }
                }
                "Id" => policy.id = Some(text(value, "Id")?.to_owned()),
                "Statement" => {
                    has_statement = true;
                    policy.statements = match value {
                        Node::List(items) => items
                            .iter()
                            .enumerate()
                            .map(|(i, item)| statement(item, &format!("Statement[{i}]")))
                            .collect::<Result<_, _>>()?,
                        single => vec![statement(single, "Statement")?],
                    };
                }
                other => return wrong(other, "not an element of a policy"),
            }
        }
        if !has_statement {
            return wrong("", "the element Statement is missing");
        }
        Ok(policy)
    }

    /// Whether the document may be attached there, as IAM or the resource's service checks it when
    /// it is put. The messages are those of MalformedPolicyDocument and S3's MalformedPolicy.
    ///
    /// # Errors
    /// The first thing that is missing or out of place.
    pub fn check(&self, attachment: Attachment) -> Result<(), PolicyError> {
        if self.statements.is_empty() {
            return wrong("Statement", "Policy document must contain at least one statement.");
        }
        let mut sids = HashSet::new();
        for (i, statement) in self.statements.iter().enumerate() {
            let path = format!("Statement[{i}]");
            statement.check(attachment, &path)?;
            let sid = statement.sid.as_deref().filter(|sid| !sid.is_empty());
            if sid.is_some_and(|sid| !sids.insert(sid)) {
                return wrong(&path, "Statement IDs (SID) in a single policy must be unique.");
            }
        }
        Ok(())
    }

    /// The document without some statements, by index; `None` when nothing is left of it.
    #[must_use]
    pub fn without(&self, indexes: &[usize]) -> Option<Policy> {
        let statements: Vec<_> = self
            .statements
            .iter()
            .enumerate()
            .filter(|(i, _)| !indexes.contains(i))
            .map(|(_, statement)| statement.clone())
            .collect();
        if statements.is_empty() { None } else { Some(Policy { statements, ..self.clone() }) }
    }

    /// The document as JSON; reading it gives an equal `Policy`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        out.insert("Version".into(), self.version.as_str().into());
        if let Some(id) = &self.id {
            out.insert("Id".into(), id.as_str().into());
        }
        out.insert("Statement".into(), self.statements.iter().map(Statement::to_value).collect());
        Value::Object(out)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_value())
    }
}

impl Statement {
    fn check(&self, attachment: Attachment, path: &str) -> Result<(), PolicyError> {
        let named = self.principals != Principals::Implied;
        match attachment {
            Attachment::Identity if named => {
                return wrong(path, "Policy document should not specify a principal.");
            }
            Attachment::Identity if self.resources.is_none() => {
                return wrong(path, "Policy statement must contain resources.");
            }
            Attachment::Resource | Attachment::Trust if !named => {
                return wrong(path, "Missing required field Principal");
            }
            Attachment::Trust if self.resources.is_some() => {
                return wrong(path, "Has prohibited field Resource");
            }
            Attachment::Resource if self.resources.is_none() => {
                return wrong(path, "Missing required field Resource");
            }
            _ => {}
        }
        let (Selection::Only(actions) | Selection::AllBut(actions)) = &self.actions;
        if actions.iter().any(|action| action != "*" && !action.contains(':')) {
            let vendor =
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
            return wrong(&format!("{path}.Action"), vendor);
        }
        if let Some(Selection::Only(arns) | Selection::AllBut(arns)) = &self.resources
            && let Some(arn) = arns.iter().find(|arn| *arn != "*" && !arn.starts_with("arn:"))
        {
            let format = format!("Resource {arn} must be in ARN format or \"*\".");
            return wrong(&format!("{path}.Resource"), format);
        }
        Ok(())
    }

    /// The statement as JSON. Conditions that share an operator become one block again.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        if let Some(sid) = &self.sid {
            out.insert("Sid".into(), sid.as_str().into());
        }
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        out.insert("Effect".into(), effect.into());
        match &self.principals {
            Principals::Implied => {}
            Principals::Only(ids) => {
                out.insert("Principal".into(), principals_value(ids));
            }
            Principals::AllBut(ids) => {
                out.insert("NotPrincipal".into(), principals_value(ids));
            }
        }
        let mut select = |name: &str, selection: &Selection| match selection {
            Selection::Only(patterns) => out.insert(name.into(), one_or_many(patterns)),
            Selection::AllBut(patterns) => out.insert(format!("Not{name}"), one_or_many(patterns)),
        };
        select("Action", &self.actions);
        if let Some(resources) = &self.resources {
            select("Resource", resources);
        }
        if !self.conditions.is_empty() {
            let mut block = Map::new();
            for condition in &self.conditions {
                let keys = block
                    .entry(condition.operator.to_string())
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(keys) = keys {
                    keys.insert(condition.key.clone(), one_or_many(&condition.values));
                }
            }
            out.insert("Condition".into(), Value::Object(block));
        }
        Value::Object(out)
    }
}

fn one_or_many(values: &[String]) -> Value {
    match values {
        [one] => one.as_str().into(),
        many => many.into(),
    }
}

fn principals_value(ids: &[PrincipalId]) -> Value {
    if ids == [PrincipalId::Everyone] {
        return json!("*");
    }
    let mut by_kind: Map<String, Value> = Map::new();
    for id in ids {
        let (kind, value) = match id {
            PrincipalId::Everyone => ("AWS", "*"),
            PrincipalId::Aws(value) => ("AWS", value.as_str()),
            PrincipalId::Service(value) => ("Service", value.as_str()),
            PrincipalId::Federated(value) => ("Federated", value.as_str()),
            PrincipalId::CanonicalUser(value) => ("CanonicalUser", value.as_str()),
        };
        let entry = by_kind.entry(kind).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = entry {
            values.push(value.into());
        }
    }
    for values in by_kind.values_mut() {
        if let Value::Array(list) = values
            && list.len() == 1
        {
            *values = list.remove(0);
        }
    }
    Value::Object(by_kind)
}

fn statement(node: &Node, path: &str) -> Result<Statement, PolicyError> {
    let Node::Object(members) = node else {
        return wrong(path, format!("expected an object, found {}", node.kind()));
    };
    let mut sid = None;
    let mut effect = None;
    let mut principals = None;
    let mut actions = None;
    let mut resources = None;
    let mut conditions = Vec::new();
    for (name, value) in members {
        let at = format!("{path}.{name}");
        match name.as_str() {
            "Sid" => sid = Some(text(value, &at)?.to_owned()),
            "Effect" => {
                effect = Some(match text(value, &at)? {
                    "Allow" => Effect::Allow,
                    "Deny" => Effect::Deny,
                    other => {
                        return wrong(&at, format!("expected Allow or Deny, found {other:?}"));
                    }
                });
            }
            "Principal" => {
                let new = Principals::Only(principal_ids(value, &at)?);
                put_once(&mut principals, new, &at, "Principal")?;
            }
            "NotPrincipal" => {
                let new = Principals::AllBut(principal_ids(value, &at)?);
                put_once(&mut principals, new, &at, "Principal")?;
            }
            "Action" => {
                put_once(&mut actions, Selection::Only(texts(value, &at)?), &at, "Action")?;
            }
            "NotAction" => {
                put_once(&mut actions, Selection::AllBut(texts(value, &at)?), &at, "Action")?;
            }
            "Resource" => {
                put_once(&mut resources, Selection::Only(texts(value, &at)?), &at, "Resource")?;
            }
            "NotResource" => {
                put_once(&mut resources, Selection::AllBut(texts(value, &at)?), &at, "Resource")?;
            }
            "Condition" => conditions = condition_block(value, &at)?,
            _ => return wrong(&at, "not an element of a statement"),
        }
    }
    let Some(effect) = effect else { return wrong(path, "the element Effect is missing") };
    let Some(actions) = actions else { return wrong(path, "the element Action is missing") };
    let principals = principals.unwrap_or(Principals::Implied);
    Ok(Statement { sid, effect, principals, actions, resources, conditions })
}

/// `X` and `NotX` exclude each other.
fn put_once<T>(slot: &mut Option<T>, new: T, path: &str, name: &str) -> Result<(), PolicyError> {
    if slot.replace(new).is_some() {
        return wrong(path, format!("{name} and Not{name} cannot be used together"));
    }
    Ok(())
}

fn condition_block(node: &Node, path: &str) -> Result<Vec<Condition>, PolicyError> {
    let Node::Object(operators) = node else {
        return wrong(path, format!("expected an object, found {}", node.kind()));
    };
    let mut conditions: Vec<Condition> = Vec::new();
    for (name, keys) in operators {
        let at = format!("{path}.{name}");
        let Ok(operator) = name.parse::<Operator>() else {
            return wrong(&at, "not a condition operator");
        };
        let Node::Object(keys) = keys else {
            return wrong(&at, format!("expected an object, found {}", keys.kind()));
        };
        for (key, values) in keys {
            let at = format!("{at}.{key}");
            // Operators are read without regard to case, so that two blocks may meet here.
            if conditions.iter().any(|c| c.operator == operator && c.key == *key) {
                return wrong(&at, "the key appears twice under this operator");
            }
            let values = scalars(values, &at)?;
            conditions.push(Condition { operator, key: key.clone(), values });
        }
    }
    Ok(conditions)
}

fn principal_ids(node: &Node, path: &str) -> Result<Vec<PrincipalId>, PolicyError> {
    match node {
        Node::Text(star) if star == "*" => Ok(vec![PrincipalId::Everyone]),
        Node::Object(kinds) => {
            let mut ids = Vec::new();
            for (kind, values) in kinds {
                let at = format!("{path}.{kind}");
                let make: fn(String) -> PrincipalId = match kind.as_str() {
                    "AWS" => |id| match id.as_str() {
                        "*" => PrincipalId::Everyone,
                        _ => PrincipalId::Aws(id),
                    },
                    "Service" => PrincipalId::Service,
                    "Federated" => PrincipalId::Federated,
                    "CanonicalUser" => PrincipalId::CanonicalUser,
                    _ => return wrong(&at, "expected AWS, Service, Federated or CanonicalUser"),
                };
                // An account id may be written as a number.
                ids.extend(scalars(values, &at)?.into_iter().map(make));
            }
            if ids.is_empty() {
                return wrong(path, "names nobody");
            }
            Ok(ids)
        }
        other => wrong(path, format!("expected \"*\" or an object, found {}", other.kind())),
    }
}

fn text<'a>(node: &'a Node, path: &str) -> Result<&'a str, PolicyError> {
    match node {
        Node::Text(text) => Ok(text),
        other => wrong(path, format!("expected a string, found {}", other.kind())),
    }
}

/// A string or a list of strings, at least one.
fn texts(node: &Node, path: &str) -> Result<Vec<String>, PolicyError> {
    match node {
        Node::Text(one) => Ok(vec![one.clone()]),
        Node::List(items) if items.is_empty() => wrong(path, "the list is empty"),
        Node::List(items) => items
            .iter()
            .enumerate()
            .map(|(i, item)| text(item, &format!("{path}[{i}]")).map(str::to_owned))
            .collect(),
        other => wrong(path, format!("expected a string or a list, found {}", other.kind())),
    }
}

/// Condition values may be written as JSON booleans and numbers, too; an empty list is allowed
/// and matches nothing.
fn scalars(node: &Node, path: &str) -> Result<Vec<String>, PolicyError> {
    let scalar = |node: &Node, path: &str| match node {
        Node::Text(text) | Node::Number(text) => Ok(text.clone()),
        Node::Bool(value) => Ok(value.to_string()),
        other => wrong(path, format!("expected a string, found {}", other.kind())),
    };
    match node {
        Node::List(items) => items
            .iter()
            .enumerate()
            .map(|(i, item)| scalar(item, &format!("{path}[{i}]")))
            .collect(),
        one => Ok(vec![scalar(one, path)?]),
    }
}
