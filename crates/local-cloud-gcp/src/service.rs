//! Google Cloud as the front door sees it, and which of its services a request is for.

use crate::audit::Caller;
use crate::calls::{Call, Calls};
use crate::error::ApiError;
use crate::wire;
use crate::{callers, deliver, story, tokens};
use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use local_cloud::{
    Body, Claim, CloudService, Connection, Endpoints, Ground, LocalCloudError, LostAnswer, Tx,
};
use model::Cloud;
use std::sync::Arc;

/// Google Cloud on this ground.
pub fn service(ground: Arc<Ground>) -> Arc<dyn CloudService> {
    Arc::new(Google { uploads: wire::upload::Uploads::default(), calls: Calls { ground } })
}

pub(crate) struct Google {
    pub calls: Calls,
    pub uploads: wire::upload::Uploads,
}

/// Which protocol a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Grpc,
    Token,
    Metadata,
    Logging,
    Projects,
    Userinfo,
    Tokeninfo,
    Storage,
    Xml,
    Unserved,
}

impl Google {
    fn way(&self, host: &str, method: &Method, path: &str, headers: &HeaderMap) -> Way {
        if is_grpc(headers) {
            return Way::Grpc;
        }
        if let Some(way) = way_of_path(method, path) {
            return way;
        }
        if headers.contains_key("metadata-flavor") {
            return Way::Metadata;
        }
        let name = host.strip_suffix(".googleapis.com").unwrap_or(host);
        match name {
            "oauth2" | "accounts.google.com" => Way::Token,
            "metadata.google.internal" => Way::Metadata,
            "storage" => Way::Xml,
            _ if host.ends_with(".storage.googleapis.com") => Way::Xml,
            // The plain endpoint: a public link, sent here because of its token.
            _ if !host.contains("google") => Way::Xml,
            _ => Way::Unserved,
        }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with("application/grpc"))
}

/// The paths that are Google's own on the plain endpoint.
fn way_of_path(method: &Method, path: &str) -> Option<Way> {
    const STORAGE: [&str; 6] = [
        "/storage/v1/",
        "/upload/storage/",
        "/resumable/upload/storage/",
        "/download/storage/",
        "/batch/storage/",
        "/storage/v1b",
    ];
    if STORAGE.iter().any(|prefix| path.starts_with(prefix)) {
        return Some(Way::Storage);
    }
    if method == Method::POST && matches!(path, "/token" | "/oauth2/v4/token" | "/o/oauth2/token") {
        return Some(Way::Token);
    }
    if path.starts_with("/computeMetadata/") {
        return Some(Way::Metadata);
    }
    if path == "/v2/entries:list" {
        return Some(Way::Logging);
    }
    if matches!(path, "/v1/userinfo" | "/oauth2/v3/userinfo") {
        return Some(Way::Userinfo);
    }
    if path == "/tokeninfo" {
        return Some(Way::Tokeninfo);
    }
    if path.starts_with("/v1/projects") || path.starts_with("/v3/projects") {
        return Some(Way::Projects);
    }
    None
}

#[async_trait]
impl CloudService for Google {
    fn cloud(&self) -> Cloud {
        story::CLOUD
    }

    fn owns_host(&self, host: &str) -> bool {
        host == "googleapis.com"
            || host.ends_with(".googleapis.com")
            || host == "accounts.google.com"
            || host == "metadata.google.internal"
    }

    fn claims(&self, head: &Parts) -> Option<Claim> {
        let path = head.uri.path();
        let host = head.headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default();
        if self.owns_host(name) {
            return Some(Claim::Host);
        }
        if is_grpc(&head.headers) && path.starts_with("/google.") {
            return Some(Claim::Credential);
        }
        let token = head.headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
        if token.is_some_and(|t| t.starts_with("Bearer ya29.")) {
            return Some(Claim::Credential);
        }
        let flavored = head.headers.get("metadata-flavor").is_some_and(|v| v == "Google");
        (flavored || way_of_path(&head.method, path).is_some()).then_some(Claim::Prefix)
    }

    async fn call(&self, request: Request<Body>, _connection: Connection) -> Response<Body> {
        let host = request
            .headers()
            .get(HOST)
            .and_then(|h| h.to_str().ok())
            .or_else(|| request.uri().host())
            .map(|h| h.split(':').next().unwrap_or(h).to_ascii_lowercase())
            .unwrap_or_default();
        let way = self.way(&host, request.method(), request.uri().path(), request.headers());
        match way {
            Way::Token => return wire::token::serve(self, request).await,
            Way::Tokeninfo => return wire::userinfo::tokeninfo(self, request).await,
            Way::Metadata => return wire::metadata::serve(self, &request),
            _ => {}
        }
        let call = match tokens::identify(&self.calls.ground, request.headers()) {
            Ok(who) => Call::new(Caller { who, user_agent: user_agent(request.headers()) }),
            Err(error) => return wire::refuse(way_form(way), &error),
        };
        let mut response = match way {
            Way::Grpc => wire::grpc::serve(self, &call, request).await,
            Way::Storage => wire::json::serve(self, &call, request).await,
            Way::Xml => wire::xml::serve(self, &call, &host, request).await,
            Way::Logging => wire::logging::serve(self, &call, request).await,
            Way::Userinfo => wire::userinfo::serve(&call),
            Way::Projects => wire::projects::serve(self, &call, request).await,
            Way::Unserved | Way::Token | Way::Tokeninfo | Way::Metadata => {
                let what = format!("{} {}", request.method(), request.uri().path());
                wire::refuse(wire::Form::Platform, &ApiError::unimplemented(what))
            }
        };
        if call.is_lost() {
            response.extensions_mut().insert(LostAnswer);
        }
        response
    }

    fn found(&self, tx: &mut Tx<'_>) {
        callers::found(&self.calls.ground, tx);
    }

    fn environment(
        &self,
        caller: &str,
        endpoints: &Endpoints,
    ) -> Result<Option<Vec<(String, String)>>, LocalCloudError> {
        callers::environment(&self.calls.ground, caller, endpoints)
    }

    fn default_caller(&self) -> &'static str {
        callers::DEPLOYER
    }

    async fn settle(&self) {
        deliver::deliver(&self.calls.ground);
    }
}

fn way_form(way: Way) -> wire::Form {
    match way {
        Way::Grpc => wire::Form::Grpc,
        Way::Xml => wire::Form::Xml,
        Way::Storage => wire::Form::Legacy,
        _ => wire::Form::Platform,
    }
}

/// gRPC clients say what they are in a header of their own, beside the transport's.
fn user_agent(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    text("x-goog-api-client")
        .filter(|_| !headers.contains_key(USER_AGENT))
        .or_else(|| headers.get(USER_AGENT).and_then(|v| v.to_str().ok()))
        .unwrap_or_default()
        .to_owned()
}
