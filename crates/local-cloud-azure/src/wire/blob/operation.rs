//! Which operation a request is, and what each needs: one table.

use super::error::BlobError;
use super::{Ask, Reply, blobs, containers, list};
use crate::signature::{Query, first};
use http::Method;
use http::request::Parts;

pub type Run = fn(&Ask<'_>) -> Result<Reply, BlobError>;

pub struct Operation {
    /// As storage resource logs call it: `SetContainerACL`.
    pub name: &'static str,
    /// The RBAC action that a token needs.
    pub action: &'static str,
    /// It is a data action.
    pub data: bool,
    /// Any of these letters in a shared access signature.
    pub letters: &'static str,
    /// `s`, `c` or `o`: the resource type that an account SAS must hold.
    pub kind: char,
    /// What an anonymous caller would be doing.
    pub anonymous: AnonymousUse,
    pub run: Run,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AnonymousUse {
    ReadBlob,
    /// Of a container: allowed at its highest level.
    ReadContainer,
    Nothing,
}

const SERVICE_READ: &str = "Microsoft.Storage/storageAccounts/blobServices/read";
const CONTAINERS_READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/read";
const CONTAINERS_WRITE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/write";
const CONTAINERS_DELETE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/delete";
const GET_ACL: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/getAcl/action";
const SET_ACL: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/setAcl/action";
const BLOBS_READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
const BLOBS_WRITE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
const BLOBS_DELETE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete";

impl Operation {
    #[rustfmt::skip]
    pub fn of(head: &Parts, container: bool, blob: bool, query: &Query) -> Result<Operation, BlobError> {
        use AnonymousUse::{Nothing, ReadBlob, ReadContainer};
        let comp = first(query, "comp").unwrap_or_default();
        let restype = first(query, "restype").unwrap_or_default();
        let method = match head.method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::PUT => "PUT",
            Method::DELETE => "DELETE",
            _ => "other",
        };
        let row = |name, action, data, letters, kind, anonymous, run: Run| {
            Ok(Operation { name, action, data, letters, kind, anonymous, run })
        };
        if blob {
            return match (method, comp) {
                ("GET", "") => row("GetBlob", BLOBS_READ, true, "r", 'o', ReadBlob, blobs::get),
                ("HEAD", "") => row("GetBlobProperties", BLOBS_READ, true, "r", 'o', ReadBlob, blobs::get),
                ("GET" | "HEAD", "metadata") => row("GetBlobMetadata", BLOBS_READ, true, "r", 'o', ReadBlob, blobs::get_metadata),
                ("GET", "blocklist") => row("GetBlockList", BLOBS_READ, true, "r", 'o', ReadBlob, blobs::get_block_list),
                ("PUT", "") => row("PutBlob", BLOBS_WRITE, true, "cw", 'o', Nothing, blobs::put),
                ("PUT", "block") => row("PutBlock", BLOBS_WRITE, true, "cw", 'o', Nothing, blobs::put_block),
                ("PUT", "blocklist") => row("PutBlockList", BLOBS_WRITE, true, "cw", 'o', Nothing, blobs::put_block_list),
                ("PUT", "metadata") => row("SetBlobMetadata", BLOBS_WRITE, true, "w", 'o', Nothing, blobs::set_metadata),
                ("PUT", "properties") => row("SetBlobProperties", BLOBS_WRITE, true, "w", 'o', Nothing, blobs::set_properties),
                ("DELETE", "") => row("DeleteBlob", BLOBS_DELETE, true, "d", 'o', Nothing, blobs::delete),
                _ => Err(not_served(head)),
            };
        }
        if container && restype == "container" {
            return match (method, comp) {
                ("GET" | "HEAD", "" | "metadata") => row("GetContainerProperties", CONTAINERS_READ, false, "r", 'c', ReadContainer, containers::get),
                ("GET", "list") => row("ListBlobs", BLOBS_READ, true, "l", 'c', ReadContainer, list::blobs),
                ("GET" | "HEAD", "acl") => row("GetContainerACL", GET_ACL, false, "", 'c', Nothing, containers::get_acl),
                ("PUT", "acl") => row("SetContainerACL", SET_ACL, false, "", 'c', Nothing, containers::set_acl),
                ("PUT", "") => row("CreateContainer", CONTAINERS_WRITE, false, "cw", 'c', Nothing, containers::create),
                ("PUT", "metadata") => row("SetContainerMetadata", CONTAINERS_WRITE, false, "w", 'c', Nothing, containers::set_metadata),
                ("DELETE", "") => row("DeleteContainer", CONTAINERS_DELETE, false, "d", 'c', Nothing, containers::delete),
                _ => Err(not_served(head)),
            };
        }
        if container {
            // `/name` alone is a blob in the root container.
            return Err(not_served(head));
        }
        match (method, restype, comp) {
            ("GET", "", "list") => row("ListContainers", CONTAINERS_READ, false, "l", 's', Nothing, list::containers),
            ("GET", "service", "properties") => row("GetBlobServiceProperties", SERVICE_READ, false, "r", 's', Nothing, containers::service_properties),
            _ => Err(not_served(head)),
        }
    }
}

fn not_served(head: &Parts) -> BlobError {
    match head.method {
        Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::POST => {
            BlobError::not_implemented(
                "The requested operation is not implemented on the specified resource.",
            )
        }
        _ => BlobError::wrong_verb(),
    }
}
