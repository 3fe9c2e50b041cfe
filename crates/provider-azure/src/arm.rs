//! Calls of Resource Manager: one request, pages, long-running operations.

use crate::error::{self, Refusal};
use crate::session::AzureSession;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{Context, Method, PipelineSendOptions, Request};
use provider::layers::Call;
use provider::{ErrorKind, ProviderError};
use serde_json::Value;
use std::time::Duration;
use url::Url;

const HOST: &str = "management.azure.com";
/// More pages than any listing here has; a link that leads in a circle ends, too.
const MOST_PAGES: usize = 2_000;
/// How long a change may run before it is called stuck, and how often to look when the
/// service does not say.
const LONGEST: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_secs(5);

/// An answer that is not a refusal.
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Headers,
    pub body: Value,
}

/// A page of a listing and the way to the next.
pub(crate) struct Page {
    pub items: Vec<Value>,
    pub next: Option<Url>,
}

fn url(path: &str, version: &str) -> Url {
    let mut url = base();
    url.set_path(path);
    url.query_pairs_mut().append_pair("api-version", version);
    url
}

fn base() -> Url {
    // The text is ours, so it parses.
    Url::parse(&format!("https://{HOST}")).unwrap_or_else(|_| unreachable!("a constant URL"))
}

impl AzureSession {
    pub(crate) async fn get(
        &self,
        call: Call<'_>,
        path: &str,
        version: &str,
    ) -> Result<Value, ProviderError> {
        Ok(self.send(&call, Method::Get, &url(path, version), None).await?.body)
    }

    pub(crate) async fn post(
        &self,
        call: Call<'_>,
        path: &str,
        version: &str,
    ) -> Result<Value, ProviderError> {
        Ok(self.send(&call, Method::Post, &url(path, version), None).await?.body)
    }

    /// A change, followed to its end.
    pub(crate) async fn change(
        &self,
        call: Call<'_>,
        method: Method,
        path: &str,
        version: &str,
        body: Option<&Value>,
    ) -> Result<(), ProviderError> {
        let url = url(path, version);
        let answer = self.send(&call, method, &url, body).await?;
        self.follow(&call, method, url, answer).await
    }

    /// Every item, page after page.
    pub(crate) async fn list(
        &self,
        call: Call<'_>,
        path: &str,
        version: &str,
    ) -> Result<Vec<Value>, ProviderError> {
        let mut items = Vec::new();
        let mut next = Some(url(path, version));
        let mut pages = 0;
        while let Some(at) = next {
            pages += 1;
            if pages > MOST_PAGES {
                return Err(self.named(
                    call.error(ErrorKind::Malformed)
                        .because(format!("a listing of more than {MOST_PAGES} pages")),
                ));
            }
            let page = self.page(&call, &at).await?;
            items.extend(page.items);
            next = page.next;
        }
        Ok(items)
    }

    /// One page of `{"value": [..], "nextLink": ".."}`. The token goes with the request, so
    /// a link is only followed to the host that it came from.
    pub(crate) async fn page(&self, call: &Call<'_>, at: &Url) -> Result<Page, ProviderError> {
        let mut answer = self.send(call, Method::Get, at, None).await?;
        let items = match answer.body.get_mut("value").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => return Err(self.malformed(call, "a listing without a value")),
        };
        let link = answer.body.get("nextLink").and_then(Value::as_str).filter(|l| !l.is_empty());
        let next = match link {
            None => None,
            Some(link) => Some(self.link(call, at, link)?),
        };
        Ok(Page { items, next })
    }

    fn link(&self, call: &Call<'_>, from: &Url, link: &str) -> Result<Url, ProviderError> {
        from.join(link)
            .ok()
            .filter(|to| to.scheme() == from.scheme() && to.host() == from.host())
            .filter(|to| to.port() == from.port() && to != from)
            .ok_or_else(|| self.malformed(call, "a link that leads elsewhere or nowhere"))
    }

    fn malformed(&self, call: &Call<'_>, why: &str) -> ProviderError {
        self.named(call.error(ErrorKind::Malformed).because(why))
    }

    /// One request through all layers. A refusal is an error of its kind.
    pub(crate) async fn send(
        &self,
        call: &Call<'_>,
        method: Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Answer, ProviderError> {
        let body = body.map(Value::to_string);
        let attempt = || async {
            let mut request = Request::new(url.clone(), method);
            request.insert_header("accept", "application/json");
            if let Some(body) = &body {
                request.insert_header("content-type", "application/json");
                request.set_body(body.clone());
            } else if method == Method::Post {
                request.insert_header("content-length", "0");
            }
            let unchecked =
                PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
            let raw = self
                .arm
                .send(&Context::new(), &mut request, Some(unchecked))
                .await
                .map_err(|e| error::of_sdk(call, &e))?;
            let (status, headers, bytes) = raw.deconstruct();
            let status = u16::from(status);
            let parsed: Result<Value, _> = serde_json::from_slice(&bytes);
            if (200..300).contains(&status) {
                let body = match parsed {
                    Ok(body) => body,
                    Err(_) if bytes.iter().all(u8::is_ascii_whitespace) => Value::Null,
                    Err(cause) => {
                        return Err(call
                            .error(ErrorKind::Malformed)
                            .because(format!("the answer is not JSON: {cause}")));
                    }
                };
                return Ok(Answer { status, headers, body });
            }
            let body = parsed.unwrap_or_default();
            let (code, message) = error::arm_words(&body);
            let retry_after = error::retry_after(&headers);
            Err(Refusal { status, code, message, retry_after }.into_error(call))
        };
        self.layers.call(call.clone(), attempt).await.map_err(|e| self.named(e))
    }

    /// Long-running operations: `Azure-AsyncOperation` tells a status, `Location` answers 202
    /// until it is done, else the resource's own `provisioningState` tells.
    async fn follow(
        &self,
        call: &Call<'_>,
        method: Method,
        resource: Url,
        first: Answer,
    ) -> Result<(), ProviderError> {
        let header = |name: &'static str| {
            first.headers.get_optional_str(&HeaderName::from_static(name)).map(str::to_owned)
        };
        let began = tokio::time::Instant::now();
        let look = Call { idempotent: true, ..call.clone() };
        let (monitor, way) = if let Some(at) = header("azure-asyncoperation") {
            (self.link(call, &resource, &at)?, Way::Status)
        } else if let (Some(at), 201 | 202) = (header("location"), first.status) {
            (self.link(call, &resource, &at)?, Way::Location)
        } else if method == Method::Delete {
            return Ok(());
        } else {
            (resource, Way::Resource)
        };
        let mut answer = first;
        let mut asked = false;
        loop {
            match way.state(&answer, asked) {
                State::Done => return Ok(()),
                State::Failed => {
                    let (code, message) = error::arm_words(&answer.body);
                    let refusal = Refusal { status: 409, code, message, retry_after: None };
                    return Err(self.named(refusal.into_error(call)));
                }
                State::Running => {}
            }
            if began.elapsed() > LONGEST {
                return Err(self.named(
                    call.error(ErrorKind::Unreachable)
                        .persistent()
                        .because(format!("still running after {} s", LONGEST.as_secs())),
                ));
            }
            let wait = error::retry_after(&answer.headers).unwrap_or(LOOK);
            tokio::time::sleep(wait.min(Duration::from_secs(30))).await;
            answer = self.send(&look, Method::Get, &monitor, None).await?;
            asked = true;
        }
    }
}

#[derive(Clone, Copy)]
enum Way {
    Status,
    Location,
    Resource,
}

#[derive(Debug, PartialEq)]
enum State {
    Running,
    Done,
    Failed,
}

impl Way {
    /// `asked`: whether the answer comes from the monitor, or is the change's own.
    fn state(self, answer: &Answer, asked: bool) -> State {
        let word = |path: &str| answer.body.pointer(path).and_then(Value::as_str).map(of_word);
        match self {
            Way::Status if !asked => State::Running,
            Way::Status => word("/status").unwrap_or(State::Running),
            Way::Location if !asked || answer.status == 202 => State::Running,
            Way::Location => State::Done,
            // What has no such state is done when it is answered.
            Way::Resource => word("/properties/provisioningState").unwrap_or(State::Done),
        }
    }
}

fn of_word(word: &str) -> State {
    match word.to_ascii_lowercase().as_str() {
        "succeeded" => State::Done,
        "failed" | "canceled" | "cancelled" => State::Failed,
        _ => State::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, body: Value) -> Answer {
        Answer { status, headers: Headers::new(), body }
    }

    #[test]
    fn operations_end() {
        let done = answer(200, json!({"status": "Succeeded"}));
        assert_eq!(Way::Status.state(&done, false), State::Running);
        assert_eq!(Way::Status.state(&done, true), State::Done);
        let failed = answer(200, json!({"status": "FAILED"}));
        assert_eq!(Way::Status.state(&failed, true), State::Failed);
        assert_eq!(Way::Location.state(&answer(202, Value::Null), true), State::Running);
        assert_eq!(Way::Location.state(&answer(200, Value::Null), true), State::Done);
        let creating = answer(200, json!({"properties": {"provisioningState": "ResolvingDNS"}}));
        assert_eq!(Way::Resource.state(&creating, false), State::Running);
        assert_eq!(Way::Resource.state(&answer(201, json!({})), false), State::Done);
    }

    #[test]
    fn names_are_encoded_in_paths() {
        let url = url("/subscriptions/s/resourceGroups/a?b #ü", "2021-04-01");
        assert_eq!(url.host_str(), Some(HOST));
        assert_eq!(url.query(), Some("api-version=2021-04-01"));
        assert!(url.path().ends_with("/a%3Fb%20%23%C3%BC"), "{url}");
    }
}
