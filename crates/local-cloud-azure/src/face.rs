//! Which of Azure's front ends a request is for: by host name, and on the plain endpoint by
//! its credential or a path that only Azure has.

use crate::story::TENANT;
use crate::tokens;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use local_cloud::Claim;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Face {
    Entra,
    Arm,
    Blob {
        account: String,
        /// `/account/container/blob` on the plain endpoint.
        path_style: bool,
    },
    /// An account's other endpoints (queue, table, file, web, dfs), which are not served.
    OtherStorage {
        service: String,
    },
}

const ENTRA_HOSTS: &[&str] =
    &["login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"];
const ARM_HOST: &str = "management.azure.com";
const STORAGE_SUFFIX: &str = ".core.windows.net";

/// The front end behind one of Azure's production host names.
pub fn of_host(host: &str) -> Option<Face> {
    let host = host.to_ascii_lowercase();
    if ENTRA_HOSTS.contains(&host.as_str()) {
        return Some(Face::Entra);
    }
    if host == ARM_HOST {
        return Some(Face::Arm);
    }
    let (account, service) = host.strip_suffix(STORAGE_SUFFIX)?.split_once('.')?;
    let account = account.strip_suffix("-secondary").unwrap_or(account);
    if account.is_empty() {
        return None;
    }
    Some(match service {
        "blob" => Face::Blob { account: account.to_owned(), path_style: false },
        service => Face::OtherStorage { service: service.to_owned() },
    })
}

fn host_of(head: &Parts) -> Option<&str> {
    let host = match head.headers.get(HOST) {
        Some(host) => host.to_str().ok()?,
        None => head.uri.authority()?.as_str(),
    };
    Some(host.rsplit_once(':').map_or(host, |(name, _)| name))
}

fn authorization(head: &Parts) -> Option<&str> {
    head.headers.get(AUTHORIZATION)?.to_str().ok()
}

fn is_entra_path(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let tenant = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    (tenant == TENANT || matches!(tenant, "common" | "organizations"))
        && ["/oauth2/", "/discovery/", "/.well-known/", "/userrealm/"]
            .iter()
            .any(|part| path.contains(part))
}

fn is_arm_path(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    path.eq_ignore_ascii_case("/metadata/endpoints")
        || ["subscriptions", "providers", "tenants"].iter().any(|p| first.eq_ignore_ascii_case(p))
}

/// A request on the plain endpoint that names no host of ours.
fn on_plain_endpoint(head: &Parts) -> Option<(Claim, Face)> {
    let path = head.uri.path();
    if is_entra_path(path) {
        return Some((Claim::Prefix, Face::Entra));
    }
    let blob = || {
        let account = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        Face::Blob { account: account.to_owned(), path_style: true }
    };
    if let Some(value) = authorization(head) {
        if value.starts_with("SharedKey ") || value.starts_with("SharedKeyLite ") {
            return Some((Claim::Credential, blob()));
        }
        if value.strip_prefix("Bearer ").is_some_and(tokens::looks_ours) {
            return Some((Claim::Credential, if is_arm_path(path) { Face::Arm } else { blob() }));
        }
    }
    let query = head.uri.query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.starts_with(name));
    if has("sig=") && has("sv=") {
        return Some((Claim::Credential, blob()));
    }
    is_arm_path(path).then_some((Claim::Prefix, Face::Arm))
}

pub fn of(head: &Parts) -> Option<Face> {
    host_of(head).and_then(of_host).or_else(|| on_plain_endpoint(head).map(|(_, face)| face))
}

pub fn claim(head: &Parts) -> Option<Claim> {
    if host_of(head).and_then(of_host).is_some() {
        return Some(Claim::Host);
    }
    on_plain_endpoint(head).map(|(claim, _)| claim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn head(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn hosts() {
        let blob = Face::Blob { account: "acme".to_owned(), path_style: false };
        for (host, face) in [
            ("login.microsoftonline.com", Some(Face::Entra)),
            ("management.azure.com", Some(Face::Arm)),
            ("acme.blob.core.windows.net", Some(blob.clone())),
            ("ACME-secondary.blob.core.windows.net", Some(blob)),
            (".blob.core.windows.net", None),
            ("storage.googleapis.com", None),
        ] {
            assert_eq!(of_host(host), face, "{host}");
        }
    }

    #[test]
    fn the_plain_endpoint_knows_azure_by_credential_or_path() {
        let host = ("host", "127.0.0.1:4000");
        let key = head("/acme/c/b", &[host, ("authorization", "SharedKey acme:x")]);
        assert_eq!(claim(&key), Some(Claim::Credential));
        assert_eq!(of(&key), Some(Face::Blob { account: "acme".to_owned(), path_style: true }));
        let token = format!("/{TENANT}/oauth2/v2.0/token");
        assert_eq!(of(&head(&token, &[host])), Some(Face::Entra));
        assert_eq!(of(&head("/subscriptions/x", &[host])), Some(Face::Arm));
        assert_eq!(claim(&head("/acme/c/b?sv=1&sig=x", &[host])), Some(Claim::Credential));
        assert_eq!(claim(&head("/bucket/key", &[host])), None);
        assert_eq!(
            claim(&head("/b", &[host, ("authorization", "AWS4-HMAC-SHA256 Credential=x")])),
            None
        );
    }
}
