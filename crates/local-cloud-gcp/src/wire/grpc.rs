//! gRPC: `google.storage.v2.Storage` for buckets, and
//! `google.storage.control.v2.StorageControl` for their IAM policies, where Google's own
//! clients look for them.

use super::{Form, from_token, grpc_shape as shape, refuse, to_token};
use crate::calls::Call;
use crate::calls::buckets::{Change, NewBucket};
use crate::error::ApiError;
use crate::service::Google;
use crate::state::bucket::Preconditions;
use googleapis_tonic_google_iam_v1::google::iam::v1 as iam;
use googleapis_tonic_google_storage_v2::google::storage::v2 as pb;
use http::{Request, Response};
use http_body_util::BodyExt;
use local_cloud::Body;
use std::future::Future;
use tonic::Status;
use tonic_prost::ProstCodec;

const STORAGE: &str = "/google.storage.v2.Storage/";
const CONTROL: &str = "/google.storage.control.v2.StorageControl/";

/// Tonic's body as one of ours.
pub fn ours(body: tonic::body::Body) -> Body {
    body.map_err(|status| -> local_cloud::service::BoxError { Box::new(status) }).boxed_unsync()
}

pub async fn serve(google: &Google, call: &Call, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let method = path.strip_prefix(STORAGE).or_else(|| path.strip_prefix(CONTROL));
    match method.unwrap_or_default() {
        "CreateBucket" => unary(request, |r| create(google, call, r)).await,
        "GetBucket" => unary(request, |r| get(google, call, r)).await,
        "ListBuckets" => unary(request, |r| list(google, call, r)).await,
        "UpdateBucket" => unary(request, |r| update(google, call, r)).await,
        "DeleteBucket" => unary(request, |r| delete(google, call, r)).await,
        "LockBucketRetentionPolicy" => unary(request, |r| lock(google, call, r)).await,
        "GetIamPolicy" => unary(request, |r| get_policy(google, call, r)).await,
        "SetIamPolicy" => unary(request, |r| set_policy(google, call, r)).await,
        "TestIamPermissions" => unary(request, |r| test_permissions(google, call, r)).await,
        _ => refuse(Form::Grpc, &ApiError::unimplemented(&path)),
    }
}

/// Decodes one message, answers with one.
async fn unary<I, O, F>(request: Request<Body>, work: impl FnOnce(I) -> F) -> Response<Body>
where
    I: prost::Message + Default + 'static,
    O: prost::Message + Default + 'static,
    F: Future<Output = Result<O, ApiError>>,
{
    // Tonic's server owns what it calls; the call here borrows. So it only decodes and
    // encodes, with the work in between.
    let (sender, receiver) = tokio::sync::oneshot::channel::<I>();
    let (back, answer) = tokio::sync::oneshot::channel::<Result<O, Status>>();
    let mut slots = Some((sender, answer));
    let service = tower::service_fn(move |request: tonic::Request<I>| {
        let slots = slots.take();
        async move {
            let (sender, answer) =
                slots.ok_or_else(|| Status::internal("one message, one call"))?;
            let _ = sender.send(request.into_inner());
            let answer = answer.await.map_err(|_| Status::internal("the call was cut"))?;
            answer.map(tonic::Response::new)
        }
    });
    let mut codec = tonic::server::Grpc::new(ProstCodec::<O, I>::default());
    let serving = codec.unary(service, request);
    let working = async {
        if let Ok(message) = receiver.await {
            let _ = back.send(work(message).await.map_err(|error| error.status()));
        }
    };
    let (response, ()) = futures::future::join(serving, working).await;
    response.map(ours)
}

/// `projects/_/buckets/B`
fn bucket_of(name: &str) -> Result<&str, ApiError> {
    name.strip_prefix("projects/_/buckets/")
        .filter(|b| !b.is_empty() && !b.contains('/'))
        .ok_or_else(|| ApiError::invalid(format!("Invalid bucket name: '{name}'")))
}

fn preconditions(matches: Option<i64>, not_matches: Option<i64>) -> Preconditions {
    Preconditions { matches, not_matches }
}

fn named(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

async fn create(
    google: &Google,
    call: &Call,
    r: pb::CreateBucketRequest,
) -> Result<pb::Bucket, ApiError> {
    let bucket = r.bucket.unwrap_or_default();
    // The project stands in the parent, or in the bucket when the parent is the wildcard.
    let project = match r.parent.as_str() {
        "projects/_" | "" => bucket.project.clone(),
        parent => parent.to_owned(),
    };
    let new = NewBucket {
        name: r.bucket_id,
        project,
        body: shape::to_json(&bucket),
        predefined_acl: named(r.predefined_acl),
        predefined_default_object_acl: named(r.predefined_default_object_acl),
        object_retention: r.enable_object_retention,
    };
    Ok(shape::bucket(&google.calls.create_bucket(call, new).await?))
}

async fn get(
    google: &Google,
    call: &Call,
    r: pb::GetBucketRequest,
) -> Result<pb::Bucket, ApiError> {
    let held = preconditions(r.if_metageneration_match, r.if_metageneration_not_match);
    Ok(shape::bucket(&google.calls.get_bucket(call, bucket_of(&r.name)?, held, false).await?))
}

async fn list(
    google: &Google,
    call: &Call,
    r: pb::ListBucketsRequest,
) -> Result<pb::ListBucketsResponse, ApiError> {
    let limit = if r.page_size > 0 { usize::try_from(r.page_size).unwrap_or(1000) } else { 1000 };
    let after = from_token(Some(&r.page_token))?;
    let prefix = r.prefix.strip_prefix("projects/_/buckets/").unwrap_or(&r.prefix);
    let (page, next) = google
        .calls
        .list_buckets(call, &r.parent, prefix, after.as_deref(), limit.min(1000))
        .await?;
    Ok(pb::ListBucketsResponse {
        buckets: page.iter().map(shape::bucket).collect(),
        next_page_token: next.map(|n| to_token(&n)).unwrap_or_default(),
        unreachable: Vec::new(),
    })
}

async fn update(
    google: &Google,
    call: &Call,
    r: pb::UpdateBucketRequest,
) -> Result<pb::Bucket, ApiError> {
    let bucket = r.bucket.unwrap_or_default();
    let paths = r.update_mask.map(|m| m.paths).unwrap_or_default();
    if paths.is_empty() {
        return Err(ApiError::invalid("The update_mask must name at least one field."));
    }
    let change = Change::Patch(shape::patch(&bucket, &paths)?);
    let held = preconditions(r.if_metageneration_match, r.if_metageneration_not_match);
    let predefined = (named(r.predefined_acl), named(r.predefined_default_object_acl));
    let name = bucket_of(&bucket.name)?;
    let updated = google.calls.update_bucket(call, name, change, held, predefined).await?;
    Ok(shape::bucket(&updated))
}

async fn delete(google: &Google, call: &Call, r: pb::DeleteBucketRequest) -> Result<(), ApiError> {
    let held = preconditions(r.if_metageneration_match, r.if_metageneration_not_match);
    google.calls.delete_bucket(call, bucket_of(&r.name)?, held).await
}

async fn lock(
    google: &Google,
    call: &Call,
    r: pb::LockBucketRetentionPolicyRequest,
) -> Result<pb::Bucket, ApiError> {
    let name = bucket_of(&r.bucket)?;
    Ok(shape::bucket(&google.calls.lock_retention(call, name, r.if_metageneration_match).await?))
}

async fn get_policy(
    google: &Google,
    call: &Call,
    r: iam::GetIamPolicyRequest,
) -> Result<iam::Policy, ApiError> {
    Ok(shape::policy(&google.calls.get_bucket_policy(call, bucket_of(&r.resource)?).await?))
}

async fn set_policy(
    google: &Google,
    call: &Call,
    r: iam::SetIamPolicyRequest,
) -> Result<iam::Policy, ApiError> {
    let asked = r.policy.unwrap_or_default();
    let etag = (!asked.etag.is_empty()).then(|| asked.etag.clone());
    let version = i64::from(asked.version);
    let policy = shape::read_policy(asked);
    let name = bucket_of(&r.resource)?;
    Ok(shape::policy(&google.calls.set_bucket_policy(call, name, policy, version, etag).await?))
}

async fn test_permissions(
    google: &Google,
    call: &Call,
    r: iam::TestIamPermissionsRequest,
) -> Result<iam::TestIamPermissionsResponse, ApiError> {
    let name = bucket_of(&r.resource)?;
    let permissions = google.calls.test_bucket_permissions(call, name, &r.permissions).await?;
    Ok(iam::TestIamPermissionsResponse { permissions })
}
