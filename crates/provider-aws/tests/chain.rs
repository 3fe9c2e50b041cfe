//! The ordinary credential chain, against the local cloud: each case is this program again,
//! as a child with the environment and the files of a user's machine.

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

#[allow(dead_code, reason = "this test needs a part of it")]
mod support;

use aws_credential_types::Credentials;
use aws_protocol::{Operation, codec, sign};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use provider_aws::{ConnectOptions, StaticCredentials};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use support::Lab;

const CHILD: &str = "LAB_TEST_CHAIN_CHILD";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Ok(options) = std::env::var(CHILD) {
        runtime.block_on(child(&options));
    } else if !std::env::args().any(|a| a == "--list") {
        runtime.block_on(cases());
    }
}

/// Says who it is, or why it is nobody.
async fn child(options: &str) {
    let before: BTreeMap<_, _> = std::env::vars_os().collect();
    let given: BTreeMap<String, String> = serde_json::from_str(options).unwrap();
    let options = ConnectOptions {
        profile: given.get("profile").cloned(),
        role_arn: given.get("role_arn").cloned(),
        external_id: given.get("external_id").cloned(),
        ..ConnectOptions::default()
    };
    let connection = provider_aws::connect(options).await.unwrap();
    let told = match connection.reader.identity().await {
        Ok(identity) => json!({ "caller": identity.caller, "source": identity.source }),
        Err(error) => json!({
            "kind": format!("{:?}", error.kind), "cause": error.cause, "next": error.next_step,
        }),
    };
    let after: BTreeMap<_, _> = std::env::vars_os().collect();
    assert_eq!(before, after, "the process environment is never changed");
    std::io::stdout().write_all(told.to_string().as_bytes()).unwrap();
}

struct Machine {
    home: tempfile::TempDir,
    endpoint: String,
}

impl Machine {
    async fn ask(&self, environment: &[(&str, &str)], options: Value) -> Value {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", "us-east-1")
            .env(CHILD, options.to_string())
            .envs(environment.iter().copied());
        let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words}"))
    }
}

fn expect(case: &str, told: &Value, wanted: &[(&str, &str)]) {
    for (name, part) in wanted {
        let text = told[*name].as_str().unwrap_or_default();
        assert!(text.contains(part), "{case}: {name} of {told} has no {part}");
    }
}

async fn cases() {
    let lab = Lab::start().await;
    let key = |options: ConnectOptions| options.credentials.unwrap();
    let reader = key(lab.options("drift-reader").await);
    let deployer = key(lab.options("deployer").await);
    let endpoint = lab.running.endpoints().url();
    let role = make_role(&endpoint, &deployer).await;

    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), &reader, &role);
    let machine = Machine { home, endpoint };
    let secret = reader.secret_access_key.reveal().as_str();
    let own =
        [("AWS_ACCESS_KEY_ID", reader.access_key_id.as_str()), ("AWS_SECRET_ACCESS_KEY", secret)];

    let told = machine.ask(&own, json!({})).await;
    expect("variables", &told, &[("caller", "user/drift-reader"), ("source", "environment")]);
    let told = machine.ask(&[], json!({ "profile": "keys" })).await;
    expect("profile", &told, &[("caller", "user/drift-reader"), ("source", "profile keys")]);
    let told = machine.ask(&[("AWS_PROFILE", "keys")], json!({})).await;
    expect("AWS_PROFILE", &told, &[("caller", "user/drift-reader"), ("source", "profile")]);
    let told = machine.ask(&[], json!({ "profile": "role" })).await;
    let wanted = [("caller", "role/audited"), ("source", "profile role")];
    expect("role of a profile", &told, &wanted);
    let told = machine.ask(&[], json!({ "profile": "process" })).await;
    let wanted = [("caller", "user/drift-reader"), ("source", "credential_process")];
    expect("credential_process", &told, &wanted);

    let assumed = json!({ "role_arn": role, "external_id": "lab-4711" });
    let told = machine.ask(&own, assumed).await;
    expect("role on top", &told, &[("caller", "role/audited"), ("source", "role assumed")]);
    let told = machine.ask(&own, json!({ "role_arn": role, "external_id": "wrong" })).await;
    expect("wrong external id", &told, &[("kind", "Credentials"), ("cause", "source failed")]);

    let told = machine.ask(&[], json!({})).await;
    let wanted = [("kind", "Credentials"), ("cause", "no credentials"), ("next", "aws sso login")];
    expect("nothing", &told, &wanted);
    let told = machine.ask(&[], json!({ "profile": "nowhere" })).await;
    expect("no such profile", &told, &[("kind", "Credentials"), ("next", "nowhere")]);
    let told = machine.ask(&[], json!({ "profile": "sso" })).await;
    expect("not signed in", &told, &[("kind", "Credentials"), ("next", "sso")]);
    let wrong = [own[0], ("AWS_SECRET_ACCESS_KEY", "canary-of-a-secret")];
    let told = machine.ask(&wrong, json!({})).await;
    expect("wrong secret", &told, &[("kind", "Credentials"), ("next", "AWS_ACCESS_KEY_ID")]);
    assert!(!told.to_string().contains("canary"), "{told}");
    lab.running.stop().await;
}

fn write_files(home: &Path, key: &StaticCredentials, role: &str) {
    let (id, secret) = (&key.access_key_id, key.secret_access_key.reveal());
    let told = json!({ "Version": 1, "AccessKeyId": id, "SecretAccessKey": secret });
    let answer = home.join("process.json");
    std::fs::write(&answer, told.to_string()).unwrap();
    let folder = home.join(".aws");
    std::fs::create_dir(&folder).unwrap();
    let config = format!(
        "[profile keys]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\
         [profile role]\nrole_arn = {role}\nexternal_id = lab-4711\nsource_profile = keys\n\
         [profile process]\ncredential_process = cat {}\n\
         [profile sso]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Reader\n\
         [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example.com/start\n",
        answer.display()
    );
    std::fs::write(folder.join("config"), config).unwrap();
}

/// A role that drift-reader may assume who knows its external id.
async fn make_role(endpoint: &str, deployer: &StaticCredentials) -> String {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::111122223333:user/drift-reader" },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": "lab-4711" } },
    }]});
    let input = json!({ "RoleName": "audited", "AssumeRolePolicyDocument": trust.to_string() });
    let operation = Operation::named("iam", "CreateRole").unwrap();
    let outgoing = codec::encode_request(operation, &input).unwrap();
    let mut request = outgoing.into_http(&format!("{endpoint}/")).unwrap();
    let (id, secret) = (&deployer.access_key_id, deployer.secret_access_key.reveal());
    let credentials = Credentials::new(id.clone(), secret.clone(), None, None, "test");
    let now = std::time::SystemTime::now();
    sign::sign_request(&mut request, &credentials, "iam", "us-east-1", now).unwrap();
    let connector = aws_smithy_http_client::Connector::builder().build_http();
    let request = HttpRequest::try_from(request.map(SdkBody::from)).unwrap();
    let answer = connector.call(request).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    "arn:aws:iam::111122223333:role/audited".to_owned()
}
