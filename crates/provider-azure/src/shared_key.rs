//! Signs a request with an account's key ("Authorize with Shared Key" in the storage
//! service's REST reference). Who holds the key is whoever holds the key: no name is in it.

use azure_core::credentials::Secret;
use azure_core::hmac::hmac_sha256;
use azure_core::http::headers::{HeaderName, HeaderValue};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};
use azure_core::time::{OffsetDateTime, to_rfc7231};
use provider::Sensitive;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Signs every try, so that each has a fresh date.
#[derive(Debug)]
pub(crate) struct SharedKey {
    account: String,
    key: Sensitive<String>,
}

impl SharedKey {
    pub fn new(account: &str, key: Sensitive<String>) -> SharedKey {
        SharedKey { account: account.to_owned(), key }
    }
}

#[async_trait::async_trait]
impl Policy for SharedKey {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        request.insert_header("x-ms-date", to_rfc7231(&OffsetDateTime::now_utc()));
        let text = string_to_sign(request, &self.account);
        let signature = hmac_sha256(&text, &Secret::new(self.key.reveal().clone()))?;
        let value = format!("SharedKey {}:{signature}", self.account);
        request.insert_header(HeaderName::from_static("authorization"), HeaderValue::from(value));
        match next {
            [first, rest @ ..] => first.send(context, request, rest).await,
            [] => Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Other,
                "a signature is not the last step",
            )),
        }
    }
}

fn string_to_sign(request: &Request, account: &str) -> String {
    let header = |name: &'static str| {
        request.headers().get_optional_str(&HeaderName::from_static(name)).unwrap_or_default()
    };
    let length = request.body().len().filter(|n| *n > 0).map(|n| n.to_string());
    let mut text = format!("{}\n", request.method());
    for line in [
        header("content-encoding"),
        header("content-language"),
        length.as_deref().unwrap_or_default(),
        header("content-md5"),
        header("content-type"),
        // The date is in x-ms-date.
        "",
        header("if-modified-since"),
        header("if-match"),
        header("if-none-match"),
        header("if-unmodified-since"),
        header("range"),
    ] {
        text.push_str(line.trim());
        text.push('\n');
    }
    let own: BTreeMap<String, &str> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_lowercase(), value.as_str()))
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .collect();
    for (name, value) in own {
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
    text.push_str(&format!("/{account}{}", request.url().path()));
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in request.url().query_pairs() {
        query.entry(name.to_lowercase()).or_default().push(value.into_owned());
    }
    for (name, mut values) in query {
        values.sort();
        text.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::Method;
    use url::Url;

    /// The example of the public description, "GET with query parameters".
    #[test]
    fn the_string_of_a_listing() {
        let url = "https://acme.blob.core.windows.net/mycontainer\
                   ?restype=container&comp=metadata&timeout=20";
        let mut request = Request::new(Url::parse(url).unwrap(), Method::Get);
        request.insert_header("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT");
        request.insert_header("x-ms-version", "2015-02-21");
        assert_eq!(
            string_to_sign(&request, "acme"),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n\
             x-ms-version:2015-02-21\n\
             /acme/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
        );
    }
}
