//! Managed policies: the account's own, and a few of AWS's. One version each: a new version
//! is an operation that this cloud does not have.

use super::*;
use crate::story::{ACCOUNT, iam_arn, unique_id};
use iam_policy::Attachment;

const TABLE: &str = "aws/iam/policies";
/// The largest managed policy, white space not counted ("IAM and AWS STS quotas").
const QUOTA: usize = 6144;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    pub name: String,
    pub path: String,
    pub id: String,
    pub created: Timestamp,
    pub description: Option<String>,
    pub document: String,
    pub tags: BTreeMap<String, String>,
}

impl ManagedPolicy {
    fn arn(&self) -> String {
        iam_arn("policy", &self.path, &self.name)
    }

    pub fn save(&self, tx: &mut local_cloud::Tx<'_>) {
        tx.put(TABLE, &self.arn(), self);
    }
}

/// What stands in a policy, the account's own or AWS's.
pub fn document(view: &View<'_>, arn: &str) -> Option<String> {
    match view.get::<ManagedPolicy>(TABLE, arn) {
        Some(own) => Some(own.document),
        None => aws_managed::find(arn).map(|policy| policy.document.to_owned()),
    }
}

pub fn check_arn(arn: &str) -> Result<(), ServiceError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", "aws", "iam", "", "aws" | ACCOUNT, policy] if policy.starts_with("policy/") => {
            Ok(())
        }
        _ => Err(refused("InvalidInput", format!("ARN {arn:.256} is not valid."), 400)),
    }
}

/// `/` of `arn:aws:iam::111122223333:policy/name`.
pub fn path_in(arn: &str) -> &str {
    let path = arn.split_once(":policy").map_or("/", |(_, path)| path);
    path.rfind('/').map_or("/", |end| &path[..=end])
}

/// The boundary that a request names, if it is a policy.
pub fn boundary_of(view: &View<'_>, input: &Value) -> Result<Option<String>, ServiceError> {
    let Some(arn) = input["PermissionsBoundary"].as_str() else { return Ok(None) };
    check_arn(arn)?;
    match document(view, arn) {
        Some(_) => Ok(Some(arn.to_owned())),
        None => {
            let message = format!("Scope ARN: {arn} does not exist or is not attachable.");
            Err(refused("NoSuchEntity", message, 404))
        }
    }
}

/// How many users and roles have it.
fn attachments(view: &View<'_>, arn: &str) -> usize {
    [EntityKind::User, EntityKind::Role]
        .iter()
        .flat_map(|kind| view.scan::<Entity>(kind.table(), ""))
        .filter(|(_, entity)| entity.attached.iter().any(|other| other == arn))
        .count()
}

/// A policy as answers tell it, whosever it is.
struct Told {
    arn: String,
    path: String,
    name: String,
    id: String,
    /// AWS's own dates of its policies are not known here; its own policies carry none.
    created: Option<Timestamp>,
    description: Option<String>,
    document: String,
    tags: BTreeMap<String, String>,
}

impl From<ManagedPolicy> for Told {
    fn from(own: ManagedPolicy) -> Self {
        Told {
            arn: own.arn(),
            path: own.path,
            name: own.name,
            id: own.id,
            created: Some(own.created),
            description: own.description,
            document: own.document,
            tags: own.tags,
        }
    }
}

impl From<&aws_managed::AwsManaged> for Told {
    fn from(aws: &aws_managed::AwsManaged) -> Self {
        Told {
            arn: aws.arn.to_owned(),
            path: path_in(aws.arn).to_owned(),
            name: aws.arn.rsplit('/').next().unwrap_or_default().to_owned(),
            id: aws.id.to_owned(),
            created: None,
            description: Some(aws.description.to_owned()),
            document: aws.document.to_owned(),
            tags: BTreeMap::new(),
        }
    }
}

impl Told {
    fn find(view: &View<'_>, arn: &str) -> Result<Told, ServiceError> {
        check_arn(arn)?;
        if let Some(own) = view.get::<ManagedPolicy>(TABLE, arn) {
            return Ok(own.into());
        }
        let message = || format!("Policy {arn} was not found.");
        aws_managed::find(arn)
            .map(Told::from)
            .ok_or_else(|| refused("NoSuchEntity", message(), 404))
    }

    fn tree(&self, view: &View<'_>, details: bool) -> Value {
        let mut tree = json!({
            "PolicyName": self.name, "PolicyId": self.id, "Arn": self.arn, "Path": self.path,
            "DefaultVersionId": "v1", "AttachmentCount": attachments(view, &self.arn),
            "PermissionsBoundaryUsageCount": 0, "IsAttachable": true,
        });
        if let Some(created) = self.created {
            tree["CreateDate"] = created.to_seconds_text().into();
            tree["UpdateDate"] = created.to_seconds_text().into();
        }
        if details && let Some(description) = &self.description {
            tree["Description"] = description.as_str().into();
        }
        if details && !self.tags.is_empty() {
            tree["Tags"] = tags::tree(&self.tags);
        }
        tree
    }

    fn version(&self, document: bool) -> Value {
        let mut tree = json!({ "VersionId": "v1", "IsDefaultVersion": true });
        if let Some(created) = self.created {
            tree["CreateDate"] = created.to_seconds_text().into();
        }
        if document {
            tree["Document"] = url_encoded(&self.document).into();
        }
        tree
    }
}

pub fn create_policy(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let name = input["PolicyName"].as_str().unwrap_or_default();
    check_name("policyName", name)?;
    let path = path_of(input)?;
    let document = input["PolicyDocument"].as_str().unwrap_or_default();
    check_document(document, Attachment::Identity)?;
    if document.chars().filter(|c| !c.is_ascii_whitespace()).count() > QUOTA {
        let message = format!("Cannot exceed quota for PolicySize: {QUOTA}");
        return Err(refused("LimitExceeded", message, 409));
    }
    let tags = tags::read(&input["Tags"])?;
    let own: Vec<(String, ManagedPolicy)> = cx.tx.scan(TABLE, "");
    if own.iter().any(|(_, other)| other.name.eq_ignore_ascii_case(name)) {
        let message =
            format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(refused("EntityAlreadyExists", message, 409));
    }
    let policy = ManagedPolicy {
        name: name.to_owned(),
        path,
        id: unique_id(cx.tx, "ANPA"),
        created: cx.now,
        description: input["Description"].as_str().map(str::to_owned),
        document: document.to_owned(),
        tags,
    };
    policy.save(cx.tx);
    Ok(json!({ "Policy": Told::from(policy).tree(&cx.tx.view(), true) }))
}

fn named(cx: &Cx<'_, '_>, input: &Value) -> Result<Told, ServiceError> {
    Told::find(&cx.tx.view(), input["PolicyArn"].as_str().unwrap_or_default())
}

pub fn get_policy(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let policy = named(cx, input)?;
    Ok(json!({ "Policy": policy.tree(&cx.tx.view(), true) }))
}

pub fn get_policy_version(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let policy = named(cx, input)?;
    match input["VersionId"].as_str() {
        Some("v1") => Ok(json!({ "PolicyVersion": policy.version(true) })),
        other => {
            let (arn, version) = (&policy.arn, other.unwrap_or_default());
            let message =
                format!("Policy {arn} version {version} does not exist or is not attachable.");
            Err(refused("NoSuchEntity", message, 404))
        }
    }
}

pub fn list_policy_versions(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let policy = named(cx, input)?;
    page(input, "Versions", vec![("v1".to_owned(), policy.version(false))])
}

pub fn delete_policy(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let policy = named(cx, input)?;
    if aws_managed::find(&policy.arn).is_some() {
        let message = "Cannot perform DeletePolicy operation on AWS managed policies";
        return Err(refused("AccessDenied", message, 403));
    }
    if attachments(&cx.tx.view(), &policy.arn) > 0 {
        let message = "Cannot delete a policy attached to entities.";
        return Err(refused("DeleteConflict", message, 409));
    }
    cx.tx.delete(TABLE, &policy.arn);
    Ok(Value::Null)
}

pub fn list_policies(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let view = cx.tx.view();
    let scope = input["Scope"].as_str().unwrap_or("All");
    let prefix = input["PathPrefix"].as_str().unwrap_or("/");
    let only_attached = input["OnlyAttached"].as_bool().unwrap_or(false);
    let mut told: Vec<Told> = Vec::new();
    if scope != "AWS" {
        let own: Vec<(String, ManagedPolicy)> = view.scan(TABLE, "");
        told.extend(own.into_iter().map(|(_, policy)| Told::from(policy)));
    }
    if scope != "Local" {
        told.extend(aws_managed::ALL.iter().map(Told::from));
    }
    told.retain(|policy| policy.path.starts_with(prefix));
    told.retain(|policy| !only_attached || attachments(&view, &policy.arn) > 0);
    told.sort_by(|a, b| a.arn.cmp(&b.arn));
    let items = told.iter().map(|policy| (policy.arn.clone(), policy.tree(&view, false))).collect();
    page(input, "Policies", items)
}
