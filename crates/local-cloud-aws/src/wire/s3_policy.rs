//! The policy of a bucket: what may be put, and what is handed back.

use crate::state::iam::{roles, users};
use crate::state::s3;
use crate::story::ACCOUNT;
use crate::wire::s3_buckets::{bucket, change};
use crate::wire::s3_call::S3Call;
use crate::wire::s3_error::Refused;
use aws_protocol::Service;
use iam_policy::{
    Attachment, PUBLIC_POLICIES_PREVENTED, Policy, PrincipalId, Principals, Request, Selection,
    Statement,
};
use local_cloud::View;
use s3s::dto::*;

fn stored_policy(call: &S3Call, name: &str) -> Result<String, Refused> {
    let absent = || Refused::new("NoSuchBucketPolicy", 404, "The bucket policy does not exist");
    call.read(|view| bucket(view, name))?.policy.ok_or_else(absent)
}

pub fn get_bucket_policy(
    call: &S3Call,
    input: GetBucketPolicyInput,
) -> Result<GetBucketPolicyOutput, Refused> {
    Ok(GetBucketPolicyOutput { policy: Some(stored_policy(call, &input.bucket)?) })
}

pub fn get_bucket_policy_status(
    call: &S3Call,
    input: GetBucketPolicyStatusInput,
) -> Result<GetBucketPolicyStatusOutput, Refused> {
    let text = stored_policy(call, &input.bucket)?;
    let public = Policy::parse(&text).is_ok_and(|policy| iam_policy::is_public(&policy));
    let status = PolicyStatus { is_public: Some(public) };
    Ok(GetBucketPolicyStatusOutput { policy_status: Some(status) })
}

pub fn put_bucket_policy(
    call: &S3Call,
    input: PutBucketPolicyInput,
) -> Result<PutBucketPolicyOutput, Refused> {
    let malformed = |message: String| Refused::new("MalformedPolicy", 400, message);
    if input.policy.len() > s3::LARGEST_POLICY {
        return Err(malformed("Policies must be no larger than 20480 bytes.".to_owned()));
    }
    if !input.policy.trim_start().starts_with('{') {
        let message = "Policies must be valid JSON and the first byte must be '{'";
        return Err(malformed(message.to_owned()));
    }
    let policy = Policy::parse(&input.policy).map_err(|error| malformed(error.to_string()))?;
    policy.check(Attachment::Resource).map_err(|error| malformed(error.message))?;
    check_resources(&policy, &input.bucket).map_err(|what| malformed(what.to_owned()))?;
    change(call, &input.bucket, |bucket, view| {
        if !policy.statements.iter().all(|statement| principals_exist(view, statement)) {
            return Err(malformed("Invalid principal in policy".to_owned()));
        }
        let blocked = s3::effective_block(view, bucket).block_public_policy;
        if blocked && iam_policy::is_public(&policy) {
            let principal = call.principal.in_policies();
            let request =
                Request::new(principal, "s3:PutBucketPolicy", &bucket.arn(), &bucket.account);
            let message = request.refusal(PUBLIC_POLICIES_PREVENTED);
            return Err(Refused::new("AccessDenied", 403, message));
        }
        bucket.policy = Some(s3::without_spaces(&input.policy));
        Ok(())
    })?;
    Ok(PutBucketPolicyOutput {})
}

pub fn delete_bucket_policy(
    call: &S3Call,
    input: DeleteBucketPolicyInput,
) -> Result<DeleteBucketPolicyOutput, Refused> {
    change(call, &input.bucket, |bucket, _| {
        bucket.policy = None;
        Ok(())
    })?;
    Ok(DeleteBucketPolicyOutput {})
}

/// A bucket's policy is about this bucket and S3's actions, and every statement is about
/// something.
fn check_resources(policy: &Policy, bucket: &str) -> Result<(), &'static str> {
    let arn = format!("arn:aws:s3:::{bucket}");
    for statement in &policy.statements {
        let (Selection::Only(actions) | Selection::AllBut(actions)) = &statement.actions;
        let of_s3 = |action: &String| {
            action == "*" || action.get(..3).is_some_and(|s| s.eq_ignore_ascii_case("s3:"))
        };
        if !actions.iter().all(of_s3) {
            return Err("Policy has invalid action");
        }
        let Some(Selection::Only(resources) | Selection::AllBut(resources)) = &statement.resources
        else {
            continue;
        };
        let own = |resource: &String| {
            let rest = resource.strip_prefix(&arn);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*', '?']))
        };
        if !resources.iter().all(own) {
            return Err("Policy has invalid resource");
        }
        let positive = matches!(statement.actions, Selection::Only(_))
            && matches!(statement.resources, Some(Selection::Only(_)));
        let fits = |action: &String| resources.iter().any(|resource| applies(action, resource));
        if positive && !actions.iter().any(fits) {
            return Err("Action does not apply to any resource(s) in statement");
        }
    }
    Ok(())
}

/// Whether an action may act on a resource at all: on the bucket, or on its objects. What
/// the operation tables do not know, and what has a wildcard, is given the benefit.
fn applies(action: &str, resource: &str) -> bool {
    let (on_object, on_bucket) = match resource.find(['/', '*', '?']) {
        None => (false, true),
        Some(at) => (true, resource.get(at..=at) != Some("/")),
    };
    let known: Vec<bool> = Service::named("s3")
        .into_iter()
        .flat_map(Service::operations)
        .filter(|operation| {
            let named = operation.row.action.as_deref();
            named.is_some_and(|named| named.eq_ignore_ascii_case(action))
        })
        // DeleteObjects is asked of the bucket and acts on its objects.
        .map(|operation| operation.row.uri.contains("{Key") || operation.name == "DeleteObjects")
        .collect();
    known.is_empty() || known.iter().any(|object| if *object { on_object } else { on_bucket })
}

/// S3 refuses a policy that names users or roles of its own account that are not there. Who
/// belongs to other accounts cannot be asked here.
fn principals_exist(view: &View<'_>, statement: &Statement) -> bool {
    let (Principals::Only(ids) | Principals::AllBut(ids)) = &statement.principals else {
        return true;
    };
    let own = format!("arn:aws:iam::{ACCOUNT}:");
    ids.iter().all(|id| {
        let PrincipalId::Aws(arn) = id else { return true };
        let Some(named) = arn.strip_prefix(&own) else { return true };
        let name = named.rsplit('/').next().unwrap_or_default();
        let known = match named.split('/').next() {
            Some("user") => users::find(view, name).map(|user| user.arn()),
            Some("role") => roles::find(view, name).map(|role| role.arn()),
            Some("root") => return true,
            _ => None,
        };
        known.as_deref() == Some(arn.as_str())
    })
}
