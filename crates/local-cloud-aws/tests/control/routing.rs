//! Which service answers, and how it refuses what it does not have.

use crate::client::lab;
use serde_json::json;

#[tokio::test]
async fn a_wrong_signature_and_none_are_told_apart() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let id = deployer.credentials.access_key_id();
    let wrong = lab.with(id, "wrong", None);
    let code = wrong.refused("sts", "GetCallerIdentity", json!({})).await.0;
    assert_eq!(code, "SignatureDoesNotMatch");
    let code = wrong.refused("cloudtrail", "LookupEvents", json!({})).await.0;
    assert_eq!(code, "InvalidSignatureException");
    let stranger = lab.with("AKIAIOSFODNN7EXAMPLE", "wrong", None);
    let code = stranger.refused("iam", "ListUsers", json!({})).await.0;
    assert_eq!(code, "InvalidClientTokenId");

    let request = http::Request::post(lab.url())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(b"Action=ListUsers&Version=2010-05-08".to_vec())
        .unwrap();
    let (status, _, body) = lab.send(request).await;
    let text = String::from_utf8(body).unwrap();
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("<Code>MissingAuthenticationToken</Code>"), "{text}");
}

#[tokio::test]
async fn a_service_that_is_not_here_says_so_in_its_own_protocol() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    for (service, content_type, target, says) in [
        ("kms", "application/x-amz-json-1.1", Some("TrentService.ListKeys"), "\"NotImplemented\""),
        ("sns", "application/x-www-form-urlencoded", None, "<Code>NotImplemented</Code>"),
    ] {
        let mut request = http::Request::post(lab.url())
            .header("content-type", content_type)
            .body(b"Action=ListTopics&Version=2010-03-31".to_vec())
            .unwrap();
        if let Some(target) = target {
            request.headers_mut().insert("x-amz-target", target.parse().unwrap());
        }
        let now = std::time::SystemTime::now();
        let credentials = &deployer.credentials;
        aws_protocol::sign::sign_request(&mut request, credentials, service, "us-east-1", now)
            .unwrap();
        let (status, _, body) = lab.send(request).await;
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, 501, "{text}");
        assert!(text.contains(says), "{text}");
    }
}

#[tokio::test]
async fn an_operation_that_is_not_here_is_never_a_success() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    for (body, status) in [
        ("Action=CreateGroup&GroupName=x&Version=2010-05-08", 501),
        ("Action=NoSuchThing&Version=2010-05-08", 400),
        ("Version=2010-05-08", 400),
        ("%zz=%ff&Action=ListUsers", 400),
    ] {
        let mut request = http::Request::post(lab.url())
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(body.as_bytes().to_vec())
            .unwrap();
        let now = std::time::SystemTime::now();
        let credentials = &deployer.credentials;
        aws_protocol::sign::sign_request(&mut request, credentials, "iam", "us-east-1", now)
            .unwrap();
        let (found, _, answer) = lab.send(request).await;
        assert_eq!(found, status, "{body}: {}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn records_of_calls_through_tls_say_so() {
    let lab = lab().await;
    let deployer = lab.caller("deployer").await;
    let endpoints = lab.running.endpoints();
    let bundle = std::fs::read(&endpoints.ca_bundle).unwrap();
    let roots = reqwest::Certificate::from_pem_bundle(&bundle).unwrap();
    let proxied = reqwest::Client::builder()
        .proxy(reqwest::Proxy::all(endpoints.url()).unwrap())
        .tls_certs_only(roots)
        .build()
        .unwrap();
    let operation = aws_protocol::Operation::named("iam", "ListUsers").unwrap();
    let outgoing = aws_protocol::codec::encode_request(operation, &json!({})).unwrap();
    let mut request = outgoing.into_http("https://iam.amazonaws.com/").unwrap();
    let now = std::time::SystemTime::now();
    let credentials = &deployer.credentials;
    aws_protocol::sign::sign_request(&mut request, credentials, "iam", "us-east-1", now).unwrap();
    let response = proxied.execute(request.try_into().unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let record = &deployer.records("EventName", "ListUsers").await[0];
    assert_eq!(record["tlsDetails"]["clientProvidedHostHeader"], "iam.amazonaws.com");
}
