//! How callers prove who they are.

use crate::client::{Caller, Lab, key_file, sign};
use http::Method;
use serde_json::{Value, json};

fn claims(email: &Value, now: i64) -> Value {
    json!({
        "iss": email, "iat": now, "exp": now + 3600,
        "aud": "https://oauth2.googleapis.com/token",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
    })
}

fn now() -> i64 {
    local_cloud::Clock::real().unix()
}

async fn exchange(lab: &Lab, form: &[(&str, &str)]) -> (u16, Value) {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let reply = lab.nobody().ask(Method::POST, "/token", &headers, body).await;
    (reply.status, reply.json())
}

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

#[tokio::test]
async fn a_key_buys_a_token_and_only_its_own() {
    let lab = Lab::start().await;
    let key = key_file(&lab.environment("deployer").await);
    let assertion = sign(&key, &claims(&key["client_email"], now()));
    let (status, answer) =
        exchange(&lab, &[("grant_type", BEARER), ("assertion", &assertion)]).await;
    assert_eq!(status, 200, "{answer}");
    let caller = Caller { lab: &lab, token: answer["access_token"].as_str().map(str::to_owned) };
    assert_eq!(caller.get("/storage/v1/b?project=acme-lab").await.status, 200);
    assert_eq!(caller.get("/v1/userinfo").await.json()["email"], key["client_email"]);

    let token = caller.token.clone().unwrap();
    let info = lab.nobody().get(&format!("/tokeninfo?access_token={token}")).await;
    assert_eq!(info.json()["email"], key["client_email"]);
    assert_eq!(lab.nobody().get("/tokeninfo?access_token=ya29.x").await.status, 400);

    // Signed by one, in the name of another.
    lab.environment("remediator").await;
    let other = json!("remediator@acme-lab.iam.gserviceaccount.com");
    let stale = claims(&key["client_email"], now() - 7200);
    for bad in [sign(&key, &claims(&other, now())), sign(&key, &stale), "x.y.z".to_owned()] {
        let (status, answer) = exchange(&lab, &[("grant_type", BEARER), ("assertion", &bad)]).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some("invalid_grant")), "{answer}");
    }
    let (status, _) = exchange(&lab, &[("grant_type", "password")]).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_self_signed_token_is_verified() {
    let lab = Lab::start().await;
    let key = key_file(&lab.environment("drift-reader").await);
    let ask = async |claims: Value| {
        let caller = Caller { lab: &lab, token: Some(sign(&key, &claims)) };
        caller.get("/storage/v1/b?project=acme-lab").await.status
    };
    let (email, now) = (&key["client_email"], now());
    let good = claims(email, now);
    assert_eq!(ask(good.clone()).await, 200);
    let audience = json!({"iss": email, "sub": email, "iat": now, "exp": now + 600,
        "aud": "https://storage.googleapis.com/"});
    assert_eq!(ask(audience).await, 200);
    let mut for_tokens_only = good.clone();
    for_tokens_only.as_object_mut().unwrap().remove("scope");
    assert_eq!(ask(for_tokens_only).await, 401);
    let mut in_anothers_name = good.clone();
    in_anothers_name["iss"] = "deployer@acme-lab.iam.gserviceaccount.com".into();
    assert_eq!(ask(in_anothers_name).await, 401);
    assert_eq!(ask(claims(email, now - 7200)).await, 401);
    let mut for_ever = good;
    for_ever["exp"] = (now + 1_000_000).into();
    assert_eq!(ask(for_ever).await, 401);
}

#[tokio::test]
async fn a_person_refreshes() {
    let lab = Lab::start().await;
    let file = key_file(&lab.environment("li.wei@example.com").await);
    assert_eq!(file["type"], "authorized_user");
    let refresh = file["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let (status, answer) = exchange(&lab, &form).await;
    assert_eq!(status, 200, "{answer}");
    let caller = Caller { lab: &lab, token: answer["access_token"].as_str().map(str::to_owned) };
    assert_eq!(caller.get("/v1/userinfo").await.json()["email"], "li.wei@example.com");
    let form = [("grant_type", "refresh_token"), ("refresh_token", "1//stolen")];
    assert_eq!(exchange(&lab, &form).await.0, 400);
    // Asking for the environment again does not sign anybody out.
    let again = key_file(&lab.environment("li.wei@example.com").await);
    assert_eq!(again["refresh_token"], file["refresh_token"]);
}

#[tokio::test]
async fn the_metadata_server_speaks_for_the_default_caller() {
    let lab = Lab::start().await;
    let flavored = [("metadata-flavor", "Google")];
    let ask = async |path: &str| lab.nobody().ask(Method::GET, path, &flavored, "").await;
    let ping = ask("/").await;
    assert_eq!((ping.status, &ping.headers["metadata-flavor"]), (200, &"Google".parse().unwrap()));
    assert_eq!(ask("/computeMetadata/v1/project/project-id").await.text(), "acme-lab");
    let path = "/computeMetadata/v1/instance/service-accounts/default/";
    let account = ask(&format!("{path}?recursive=true")).await.json();
    assert_eq!(account["email"], "deployer@acme-lab.iam.gserviceaccount.com");
    let token = ask(&format!("{path}token")).await.json();
    let caller = Caller { lab: &lab, token: token["access_token"].as_str().map(str::to_owned) };
    assert_eq!(caller.get("/storage/v1/b?project=acme-lab").await.status, 200);
    let plain = lab.nobody().get("/computeMetadata/v1/project/project-id").await;
    assert_eq!(plain.status, 403);
}

#[tokio::test]
async fn credentials_outlive_a_restart_and_files_are_private() {
    let lab = Lab::start().await;
    let environment = lab.environment("deployer").await;
    let before = key_file(&environment);
    #[cfg(unix)]
    for name in ["GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&environment[name]).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let token = std::fs::read_to_string(&environment["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"]).unwrap();
    lab.running.stop().await;
    let running = crate::client::start_on(lab.dir.path()).await;
    let lab = Lab { running, dir: lab.dir };
    let caller = Caller { lab: &lab, token: Some(token) };
    assert_eq!(caller.get("/storage/v1/b?project=acme-lab").await.status, 200);
    assert_eq!(key_file(&lab.environment("deployer").await)["private_key"], before["private_key"]);
    // The store holds what verifies, and nothing that signs.
    for entry in std::fs::read_dir(lab.dir.path()).unwrap().flatten() {
        if entry.path().is_file() && !entry.file_name().to_string_lossy().contains("ca") {
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
            assert!(!text.contains("PRIVATE KEY"), "{:?}", entry.path());
        }
    }
}

#[tokio::test]
async fn a_bad_header_is_refused_even_where_nobody_may() {
    let lab = Lab::start().await;
    let deployer = lab.caller("deployer").await;
    deployer.make_bucket(json!({"name": "open-bucket", "location": "us-central1"})).await;
    deployer.put_object("open-bucket", "a", "x").await;
    deployer.grant("open-bucket", "roles/storage.objectViewer", "allUsers").await.ok();
    let path = "/storage/v1/b/open-bucket/o/a?alt=media";
    assert_eq!(lab.nobody().get(path).await.status, 200);
    for header in ["", "Bearer", "Bearer ya29.nonsense", "Basic eDp5"] {
        let headers = [("authorization", header)];
        let reply = lab.nobody().ask(Method::GET, path, &headers, "").await;
        assert_eq!((reply.status, reply.refusal().1.as_str()), (401, "authError"), "{header}");
    }
}
