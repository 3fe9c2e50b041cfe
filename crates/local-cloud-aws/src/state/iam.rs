//! IAM: users and roles with their policies and tags, access keys, managed policies.
//!
//! Operations check everything before they write anything: a refusal leaves no change.

pub mod absent;
pub mod attached;
pub mod aws_managed;
pub mod inline;
pub mod keys;
pub mod managed;
pub mod roles;
pub mod tags;
pub mod users;

use crate::operation::{Cx, Outcome, refused};
use crate::principal::{Kind, Principal, Session};
use crate::story::iam_arn;
use aws_protocol::ServiceError;
use iam_policy::Policy;
use local_cloud::View;
use model::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What users and roles have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    pub kind: EntityKind,
    pub name: String,
    /// `/` or `/team/`.
    pub path: String,
    /// `AIDA...`, `AROA...`
    pub id: String,
    pub created: Timestamp,
    pub tags: BTreeMap<String, String>,
    /// Inline policies as they were put.
    pub inline: BTreeMap<String, String>,
    /// ARNs of managed policies, in the order in which they were attached.
    pub attached: Vec<String>,
    pub boundary: Option<String>,
    /// Of roles.
    pub role: Option<RoleFacts>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleFacts {
    /// The trust policy.
    pub trust: String,
    pub description: Option<String>,
    /// Seconds.
    pub max_session: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    User,
    Role,
}

impl EntityKind {
    pub fn noun(self) -> &'static str {
        match self {
            EntityKind::User => "user",
            EntityKind::Role => "role",
        }
    }

    pub fn table(self) -> &'static str {
        match self {
            EntityKind::User => "aws/iam/users",
            EntityKind::Role => "aws/iam/roles",
        }
    }

    /// The member that names one in a request.
    pub fn member(self) -> &'static str {
        match self {
            EntityKind::User => "UserName",
            EntityKind::Role => "RoleName",
        }
    }

    /// The kind that an operation is about, by its name.
    pub fn of_operation(name: &str) -> Self {
        if name.contains("Role") { EntityKind::Role } else { EntityKind::User }
    }
}

/// A key of a user, or temporary credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessKey {
    pub id: String,
    /// The user that it belongs to; of a role's session nobody's.
    pub user: String,
    pub secret: String,
    /// `Active` or `Inactive`.
    pub status: String,
    pub created: Timestamp,
    pub session: Option<Temporary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Temporary {
    pub token: String,
    pub session: Session,
    /// Set when a role was assumed; else GetSessionToken made it.
    pub role: Option<AssumedRole>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssumedRole {
    pub name: String,
    /// A role that was deleted and made again is another role.
    pub id: String,
    pub session_name: String,
}

impl AccessKey {
    pub fn is_active(&self) -> bool {
        self.status == "Active"
    }
}

impl Entity {
    pub fn arn(&self) -> String {
        iam_arn(self.kind.noun(), &self.path, &self.name)
    }

    pub fn save(&self, tx: &mut local_cloud::Tx<'_>) {
        tx.put(self.kind.table(), &self.name, self);
    }

    /// The members that users and roles share in answers.
    fn shared(&self) -> Map<String, Value> {
        let (name, id) = match self.kind {
            EntityKind::User => ("UserName", "UserId"),
            EntityKind::Role => ("RoleName", "RoleId"),
        };
        let mut members = Map::new();
        members.insert("Path".into(), self.path.as_str().into());
        members.insert(name.into(), self.name.as_str().into());
        members.insert(id.into(), self.id.as_str().into());
        members.insert("Arn".into(), self.arn().into());
        members.insert("CreateDate".into(), self.created.to_seconds_text().into());
        members
    }

    /// Tags and boundary, which only the operations on one entity tell.
    fn add_details(&self, members: &mut Map<String, Value>) {
        if let Some(boundary) = &self.boundary {
            members.insert(
                "PermissionsBoundary".into(),
                json!({
                    "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary,
                }),
            );
        }
        if !self.tags.is_empty() {
            members.insert("Tags".into(), tags::tree(&self.tags));
        }
    }
}

/// The entity that a request names.
pub fn entity(cx: &Cx<'_, '_>, kind: EntityKind, input: &Value) -> Result<Entity, ServiceError> {
    let name = match input[kind.member()].as_str() {
        Some(name) => name.to_owned(),
        None if kind == EntityKind::User => cx.own_user_name()?,
        None => String::new(),
    };
    find(&cx.tx.view(), kind, &name).ok_or_else(|| no_such(kind, &name))
}

pub fn find(view: &View<'_>, kind: EntityKind, name: &str) -> Option<Entity> {
    view.get(kind.table(), name)
}

pub fn no_such(kind: EntityKind, name: &str) -> ServiceError {
    let noun = kind.noun();
    refused("NoSuchEntity", format!("The {noun} with name {name} cannot be found."), 404)
}

/// Names are unique whatever their case.
pub fn name_taken(view: &View<'_>, kind: EntityKind, name: &str) -> bool {
    let all: Vec<(String, Value)> = view.scan(kind.table(), "");
    all.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
}

/// IAM's own alphabet of names ("IAM and AWS STS quotas").
pub fn check_name(member: &str, name: &str) -> Result<(), ServiceError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if !name.is_empty() && name.chars().all(legal) {
        return Ok(());
    }
    let message = format!(
        "The specified value for {member} is invalid. It must contain only alphanumeric characters \
         and/or the following: +=,.@_-"
    );
    Err(refused("ValidationError", message, 400))
}

/// A path begins and ends with a slash.
pub fn path_of(input: &Value) -> Result<String, ServiceError> {
    let path = input["Path"].as_str().unwrap_or("/");
    let legal = path.starts_with('/')
        && path.ends_with('/')
        && path.len() <= 512
        && path.chars().all(|c| c.is_ascii_graphic());
    if legal {
        return Ok(path.to_owned());
    }
    let message = "The specified value for path is invalid. It must begin and end with / and contain \
        only alphanumeric characters and/or / characters.";
    Err(refused("ValidationError", message, 400))
}

/// Reads a policy that is about to be stored.
pub fn check_document(
    text: &str,
    attachment: iam_policy::Attachment,
) -> Result<Policy, ServiceError> {
    let policy = Policy::parse(text).and_then(|policy| {
        policy.check(attachment)?;
        Ok(policy)
    });
    policy.map_err(|error| refused("MalformedPolicyDocument", error.to_string(), 400))
}

/// Everything but RFC 3986's unreserved characters: policies in answers are URL-encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub fn url_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A page of a list: `Marker` is the key of the last item told, in hex so that nobody reads
/// meaning into it.
pub fn page(input: &Value, member: &str, items: Vec<(String, Value)>) -> Outcome {
    let most = input["MaxItems"].as_u64().unwrap_or(100).clamp(1, 1000) as usize;
    let after = match input["Marker"].as_str() {
        None => None,
        Some(marker) => {
            let key = hex::decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let key = key.ok_or_else(|| refused("ValidationError", "Invalid Marker.", 400))?;
            Some(key)
        }
    };
    let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|a| key > a));
    let told: Vec<(String, Value)> = rest.by_ref().take(most).collect();
    let truncated = rest.next().is_some();
    let mut output = Map::new();
    if truncated && let Some((last, _)) = told.last() {
        output.insert("Marker".into(), hex::encode(last).into());
    }
    output.insert("IsTruncated".into(), truncated.into());
    output.insert(member.into(), told.into_iter().map(|(_, value)| value).collect());
    Ok(Value::Object(output))
}

/// Every policy that speaks about a caller.
#[derive(Default)]
pub struct Own {
    pub identity: Vec<(String, Policy)>,
    pub boundary: Option<(String, Policy)>,
    pub session: Vec<(String, Policy)>,
    /// `aws:PrincipalTag/*`.
    pub tags: BTreeMap<String, String>,
}

/// Collects a caller's policies. One that cannot be read any more allows nothing: it could
/// not have been stored.
pub fn policies_of(view: &View<'_>, principal: &Principal) -> Own {
    let entity = match &principal.kind {
        Kind::User { name, .. } => find(view, EntityKind::User, name),
        Kind::Role { name, .. } => find(view, EntityKind::Role, name),
        Kind::Anonymous | Kind::Service(_) => None,
    };
    let Some(entity) = entity else { return Own::default() };
    let read = |name: &str, text: &str| Some((name.to_owned(), Policy::parse(text).ok()?));
    let managed = |arn: &String| read(arn, &managed::document(view, arn)?);
    let inline = entity.inline.iter().filter_map(|(name, text)| read(name, text));
    let session = principal.session().map(|s| s.policies.as_slice()).unwrap_or_default();
    Own {
        identity: inline.chain(entity.attached.iter().filter_map(managed)).collect(),
        boundary: entity.boundary.as_ref().and_then(managed),
        session: session.iter().filter_map(|(name, text)| read(name, text)).collect(),
        tags: entity.tags,
    }
}
