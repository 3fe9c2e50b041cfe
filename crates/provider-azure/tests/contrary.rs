//! What the local cloud never does: operations that go on by and by, links that lead
//! elsewhere, answers that are none. A server here gives scripted answers.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use model::{Attributes, Live};
use provider::layers::Limits;
use provider::{Connection, ErrorKind, Sensitive, Wanted};
use provider_azure::{ConnectOptions, Explicit};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SUBSCRIPTION: &str = "2b6f9d34-5c1e-4a7b-8d2f-6e0c4b9a7d10";
const GROUP: &str = "/subscriptions/2b6f9d34-5c1e-4a7b-8d2f-6e0c4b9a7d10/resourceGroups/g";
const ARM: &str = "https://management.azure.com";

struct Scripted {
    status: &'static str,
    headers: String,
    body: String,
}

fn answer(status: &'static str, headers: &str, body: impl ToString) -> Scripted {
    Scripted { status, headers: headers.to_owned(), body: body.to_string() }
}

/// Serves a token to whoever asks for one, and the script to everybody else; keeps the first
/// line and the host of each other request.
async fn serve(script: Vec<Scripted>) -> (Connection, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (script, seen) = (Arc::new(Mutex::new(VecDeque::from(script))), asked.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (script, seen) = (script.clone(), seen.clone());
            tokio::spawn(async move {
                while let Some(head) = request(&mut stream).await {
                    let first = head.lines().next().unwrap_or_default().to_owned();
                    let host = head.lines().find_map(|l| l.strip_prefix("host: "));
                    let scripted = if first.contains("/oauth2/v2.0/token") {
                        let token = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "t"});
                        answer("200 OK", "", token)
                    } else {
                        seen.lock().unwrap().push(format!("{first} {}", host.unwrap_or("-")));
                        let next = script.lock().unwrap().pop_front();
                        next.unwrap_or_else(|| answer("500 Internal Server Error", "", "{}"))
                    };
                    let text = format!(
                        "HTTP/1.1 {}\r\n{}content-length: {}\r\n\r\n{}",
                        scripted.status,
                        scripted.headers,
                        scripted.body.len(),
                        scripted.body
                    );
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let options = ConnectOptions {
        endpoint: Some(endpoint),
        subscription: Some(SUBSCRIPTION.to_owned()),
        credential: Some(Explicit::ClientSecret {
            tenant_id: "7f0c1c9e-0b5e-4d8e-9f5a-3f6f2f7b1a01".to_owned(),
            client_id: "c".to_owned(),
            client_secret: Sensitive::new("s".to_owned()),
        }),
        limits: Some(Limits {
            attempts: 2,
            first_wait: std::time::Duration::from_millis(1),
            ..Limits::default()
        }),
        ..ConnectOptions::default()
    };
    (provider_azure::connect(options).await.unwrap(), asked)
}

/// The head of one request, its body read and dropped.
async fn request(stream: &mut tokio::net::TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
    let length: usize = length.and_then(|l| l.trim().parse().ok()).unwrap_or(0);
    let mut missing = (end + length).saturating_sub(bytes.len());
    while missing > 0 {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => missing = missing.saturating_sub(n),
        }
    }
    Some(head)
}

fn group() -> serde_json::Value {
    json!({"id": GROUP, "name": "g", "location": "westeurope"})
}

fn wanted() -> Attributes {
    serde_json::from_value(json!({"name": "g", "location": "westeurope"})).unwrap()
}

fn gone() -> Scripted {
    answer("404 Not Found", "", json!({"error": {"code": "ResourceGroupNotFound", "message": "m"}}))
}

#[tokio::test]
async fn an_operation_is_followed_to_its_end() {
    let later = format!("location: {ARM}/later?x=1\r\nretry-after: 0\r\n");
    let (cloud, asked) = serve(vec![
        gone(),
        answer("202 Accepted", &later, ""),
        answer("202 Accepted", &later, ""),
        answer("200 OK", "", ""),
        answer("200 OK", "", group()),
    ])
    .await;
    let made = cloud.writer.create(&"azurerm_resource_group".into(), &wanted()).await.unwrap();
    assert_eq!(made.native_id, GROUP);
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 5, "{asked:?}");
    assert!(asked[3].starts_with("GET /later?x=1 "), "{asked:?}");
    assert!(asked.iter().all(|line| line.ends_with(" management.azure.com")), "{asked:?}");
}

#[tokio::test]
async fn an_operation_that_fails_is_an_error() {
    let status = format!("azure-asyncoperation: {ARM}/status\r\nretry-after: 0\r\n");
    let failed =
        json!({"status": "Failed", "error": {"code": "ScopeLocked", "message": "Locked."}});
    let (cloud, _) = serve(vec![
        gone(),
        answer("201 Created", &status, group()),
        answer("200 OK", "retry-after: 0\r\n", json!({"status": "Running"})),
        answer("200 OK", "", failed),
    ])
    .await;
    let kind = "azurerm_resource_group".into();
    let error = cloud.writer.create(&kind, &wanted()).await.unwrap_err();
    assert!(error.is(ErrorKind::Conflict), "{error}");
    assert!(error.cause.contains("Locked."), "{error}");
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_not_followed() {
    let own = format!("{ARM}/subscriptions/{SUBSCRIPTION}/resourcegroups?api-version=2021-04-01");
    for link in ["https://evil.example/x", "http://management.azure.com/x", own.as_str()] {
        let page = json!({"value": [group()], "nextLink": link});
        let (cloud, asked) = serve(vec![answer("200 OK", "", page)]).await;
        let error = cloud.reader.list(&"azurerm_resource_group".into()).await.unwrap_err();
        assert!(error.is(ErrorKind::Malformed), "{link}: {error}");
        assert_eq!(asked.lock().unwrap().len(), 1, "{link}");
    }
    let more = json!({"value": [group()], "nextLink": format!("{ARM}/more?$skipToken=a%20b")});
    let last = json!({"value": [], "nextLink": ""});
    let script = vec![answer("200 OK", "", more), answer("200 OK", "", last)];
    let (cloud, asked) = serve(script).await;
    assert_eq!(cloud.reader.list(&"azurerm_resource_group".into()).await.unwrap().len(), 1);
    assert!(asked.lock().unwrap()[1].starts_with("GET /more?$skipToken=a%20b "));
}

#[tokio::test]
async fn what_is_no_answer_is_never_missing_and_never_in_sync() {
    for scripted in [
        answer("200 OK", "", "<html>sign in to the wifi</html>"),
        answer("200 OK", "", "[]"),
        answer("200 OK", "", "null"),
        answer("200 OK", "", json!({"id": "/x"})),
        answer("302 Found", "location: https://evil.example/\r\n", ""),
        answer("404 Not Found", "", "<html>no such page</html>"),
        answer("404 Not Found", "", json!({"error": {"code": "SubscriptionNotFound"}})),
        answer("400 Bad Request", "", json!({"code": "NoRegisteredProviderFound"})),
        answer("401 Unauthorized", "", json!({"error": {"code": "ExpiredAuthenticationToken"}})),
        answer("500 Internal Server Error", "", ""),
    ] {
        let what = format!("{} {}", scripted.status, scripted.body);
        let (cloud, _) = serve(vec![scripted]).await;
        let live = cloud.reader.read(&Wanted::new("azurerm_resource_group", GROUP)).await;
        assert!(matches!(live, Live::Unknown(_)), "{what}: {live:?}");
    }
}

#[tokio::test]
async fn a_throttled_read_waits_as_long_as_it_is_told() {
    let (cloud, asked) = serve(vec![
        answer("429 Too Many Requests", "retry-after: 0\r\n", json!({"error": {"code": "x"}})),
        answer("200 OK", "", group()),
    ])
    .await;
    let live = cloud.reader.read(&Wanted::new("azurerm_resource_group", GROUP)).await;
    assert!(matches!(live, Live::Present(_)), "{live:?}");
    assert_eq!(asked.lock().unwrap().len(), 2);
}
