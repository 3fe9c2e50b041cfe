//! Calls that only a test makes: an object put over another, a policy given to a user. Signed
//! here by hand (Signature Version 4, as the IAM User Guide's "Create a signed AWS API request"
//! lays it out), because no SDK is at home in this crate.

use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::net::TcpStream;

pub struct Caller {
    /// `127.0.0.1:4566`
    host: String,
    key: String,
    secret: String,
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// RFC 2104 over SHA-256; no key here is longer than a block.
fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let with = |pad: u8, rest: &[u8]| {
        let mut all: Vec<u8> = block.iter().map(|b| b ^ pad).collect();
        all.extend(rest);
        Sha256::digest(all).to_vec()
    };
    with(0x5c, &with(0x36, message.as_bytes()))
}

impl Caller {
    pub fn new(variables: &[(String, String)]) -> Caller {
        let value = |name: &str| {
            let found = variables.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let host = value("AWS_ENDPOINT_URL").replace("http://", "");
        let (key, secret) = (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"));
        assert!(value("AWS_SESSION_TOKEN").is_empty(), "a caller with a key of its own");
        Caller { host, key, secret }
    }

    /// Sends one request and gives the status and the whole answer.
    pub fn send(&self, method: &str, path: &str, service: &str, body: &str) -> (u16, String) {
        let now = model::Timestamp::new(std::time::SystemTime::now().into()).to_seconds_text();
        let now = now.replace(['-', ':'], "");
        let day = &now[..8];
        let hash = digest(body.as_bytes());
        let names = "host;x-amz-content-sha256;x-amz-date";
        let headers =
            format!("host:{}\nx-amz-content-sha256:{hash}\nx-amz-date:{now}\n", self.host);
        let canonical = format!("{method}\n{path}\n\n{headers}\n{names}\n{hash}");
        let scope = format!("{day}/us-east-1/{service}/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", digest(canonical.as_bytes()));
        let secret = format!("AWS4{}", self.secret);
        let key = [day, "us-east-1", service, "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, part| hmac(&key, part));
        let signature = hex::encode(hmac(&key, &text));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nX-Amz-Date: {now}\r\n\
             X-Amz-Content-Sha256: {hash}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}",
            host = self.host,
            key = self.key,
            length = body.len(),
        );
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        (status, answer)
    }

    #[track_caller]
    pub fn put(&self, bucket: &str, key: &str, body: &str) {
        let (status, answer) = self.send("PUT", &format!("/{bucket}/{key}"), "s3", body);
        assert_eq!(status, 200, "{answer}");
    }

    #[track_caller]
    pub fn remove(&self, bucket: &str, key: &str) {
        let (status, answer) = self.send("DELETE", &format!("/{bucket}/{key}"), "s3", "");
        assert_eq!(status, 204, "{answer}");
    }

    /// An inline policy of a user; one that was there is replaced.
    #[track_caller]
    pub fn put_user_policy(&self, user: &str, name: &str, document: &str) {
        let form: String = [
            ("Action", "PutUserPolicy"),
            ("Version", "2010-05-08"),
            ("UserName", user),
            ("PolicyName", name),
            ("PolicyDocument", document),
        ]
        .iter()
        .map(|(name, value)| format!("{name}={}&", percent(value)))
        .collect();
        let (status, answer) = self.send("POST", "/", "iam", form.trim_end_matches('&'));
        assert_eq!(status, 200, "{answer}");
    }
}

fn percent(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
