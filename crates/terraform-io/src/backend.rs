//! Where a Terraform root keeps its state, read from what `terraform init` left behind.
//!
//! `.terraform/terraform.tfstate` names the backend and its settings, `.terraform/environment`
//! the workspace. Settings can hold credentials; only the ones named here are kept.

use crate::source::SourceError;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};

pub const DEFAULT_WORKSPACE: &str = "default";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    Local {
        path: PathBuf,
    },
    S3 {
        bucket: String,
        /// The key of the workspace in use.
        key: String,
        region: Option<String>,
        workspace: String,
        /// Where the backend's own settings point elsewhere than at AWS.
        endpoint: Option<String>,
        profile: Option<String>,
        role_arn: Option<String>,
    },
}

/// The pointer is small; anything larger is something else.
const MAX_POINTER: u64 = 1 << 20;

#[derive(Deserialize)]
struct Pointer {
    backend: Option<PointerBackend>,
}

#[derive(Deserialize)]
struct PointerBackend {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    config: Option<Map<String, Json>>,
}

/// The backend of the root in `folder`; `None` when nothing was initialised there.
pub fn of_root(folder: &Path) -> Result<Option<Backend>, SourceError> {
    let data = folder.join(".terraform");
    if !data.is_dir() {
        return Ok(None);
    }
    let workspace = match read_small(&data.join("environment"))? {
        Some(name) if !name.trim().is_empty() => name.trim().to_owned(),
        _ => DEFAULT_WORKSPACE.to_owned(),
    };
    let pointer = data.join("terraform.tfstate");
    let Some(text) = read_small(&pointer)? else {
        // The local backend without settings leaves no pointer.
        return Ok(Some(local(folder, &Map::new(), &workspace)));
    };
    let shown = pointer.display().to_string();
    let parsed: Pointer = serde_json::from_str(&text).map_err(|e| {
        let what = format!("line {}, column {}: not a backend's pointer", e.line(), e.column());
        SourceError::new(&shown, what, "run terraform init again in this root")
    })?;
    let Some(backend) = parsed.backend else {
        return Ok(Some(local(folder, &Map::new(), &workspace)));
    };
    resolve(folder, &shown, backend, workspace).map(Some)
}

fn resolve(
    folder: &Path,
    pointer: &str,
    backend: PointerBackend,
    workspace: String,
) -> Result<Backend, SourceError> {
    let config = backend.config.unwrap_or_default();
    match backend.kind.as_str() {
        "local" => Ok(local(folder, &config, &workspace)),
        "s3" => s3(pointer, &config, workspace),
        other => Err(elsewhere(pointer, other, &config, &workspace)),
    }
}

/// `workspace_dir` and `path` as in Terraform's local backend.
fn local(folder: &Path, config: &Map<String, Json>, workspace: &str) -> Backend {
    let path = if workspace == DEFAULT_WORKSPACE {
        folder.join(text(config, "path").unwrap_or("terraform.tfstate"))
    } else {
        folder
            .join(text(config, "workspace_dir").unwrap_or("terraform.tfstate.d"))
            .join(workspace)
            .join("terraform.tfstate")
    };
    Backend::Local { path }
}

fn s3(
    pointer: &str,
    config: &Map<String, Json>,
    workspace: String,
) -> Result<Backend, SourceError> {
    let needed = |name: &str| {
        text(config, name).map(str::to_owned).ok_or_else(|| {
            let next = "run terraform init again in this root, with its backend's settings";
            SourceError::new(pointer, format!("the s3 backend has no {name}"), next)
        })
    };
    let (bucket, key) = (needed("bucket")?, needed("key")?);
    let key = if workspace == DEFAULT_WORKSPACE {
        key
    } else {
        let prefix = text(config, "workspace_key_prefix").unwrap_or("env:");
        format!("{prefix}/{workspace}/{key}")
    };
    let own = |name: &str| text(config, name).map(str::to_owned);
    let endpoint = config
        .get("endpoints")
        .and_then(|e| match e {
            Json::Object(one) => text(one, "s3"),
            Json::Array(list) => list.first()?.as_object().and_then(|o| text(o, "s3")),
            _ => None,
        })
        .map(str::to_owned)
        .or_else(|| own("endpoint"));
    let role_arn = match config.get("assume_role") {
        Some(Json::Object(role)) => text(role, "role_arn").map(str::to_owned),
        Some(Json::Array(roles)) => roles
            .first()
            .and_then(|r| r.as_object())
            .and_then(|r| text(r, "role_arn"))
            .map(str::to_owned),
        _ => None,
    }
    .or_else(|| own("role_arn"));
    Ok(Backend::S3 {
        bucket,
        key,
        region: own("region"),
        workspace,
        endpoint,
        profile: own("profile"),
        role_arn,
    })
}

/// A backend that is not followed; where its settings tell the object, so does the message.
fn elsewhere(
    pointer: &str,
    kind: &str,
    config: &Map<String, Json>,
    workspace: &str,
) -> SourceError {
    let url = match kind {
        "gcs" => text(config, "bucket").map(|bucket| {
            let prefix = text(config, "prefix").unwrap_or("").trim_matches('/');
            let slash = if prefix.is_empty() { "" } else { "/" };
            format!("gs://{bucket}/{prefix}{slash}{workspace}.tfstate")
        }),
        "azurerm" => (|| {
            let account = text(config, "storage_account_name")?;
            let container = text(config, "container_name")?;
            let key = text(config, "key")?;
            let suffix = match workspace {
                DEFAULT_WORKSPACE => String::new(),
                name => format!("env:{name}"),
            };
            Some(format!("azblob://{account}/{container}/{key}{suffix}"))
        })(),
        _ => None,
    };
    let next = match url {
        Some(url) => format!("give the state itself: --state {url}"),
        None => "pull it: terraform state pull > root.tfstate, then --state root.tfstate".into(),
    };
    SourceError::new(
        pointer,
        format!("the state lies in the backend {kind}, which is not followed"),
        next,
    )
}

fn text<'a>(config: &'a Map<String, Json>, name: &str) -> Option<&'a str> {
    config.get(name)?.as_str().filter(|s| !s.is_empty())
}

fn read_small(path: &Path) -> Result<Option<String>, SourceError> {
    let failed = |what: String| {
        SourceError::new(path.display().to_string(), what, "run terraform init again in this root")
    };
    match std::fs::metadata(path) {
        Ok(m) if m.len() > MAX_POINTER => {
            return Err(failed("too large for a backend's pointer".into()));
        }
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(format!("could not be read: {e}"))),
    }
    std::fs::read_to_string(path).map(Some).map_err(|e| failed(format!("could not be read: {e}")))
}
