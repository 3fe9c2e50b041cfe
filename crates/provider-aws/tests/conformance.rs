//! The conformance suite: against the local cloud always, against moto where one is named.
//! `LAB_MOTO=http://127.0.0.1:5000 cargo test -p provider-aws --test conformance -- --nocapture`

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod support;

use local_cloud::Fault;
use local_cloud::faults::FaultEffect;
use provider::Sensitive;
use provider::conformance::{Lack, Matrix, Suite, Throttled};
use provider_aws::{ConnectOptions, StaticCredentials};
use serde_json::json;
use std::io::Write;
use support::{Lab, attributes};

#[tokio::test(flavor = "multi_thread")]
async fn every_backend_at_hand() {
    let mut matrices = vec![local().await];
    let mut words = String::new();
    match std::env::var("LAB_MOTO") {
        Ok(url) => matrices.push(moto(url).await),
        Err(_) => words = "moto: not run, LAB_MOTO names none\n".to_owned(),
    }
    for matrix in &matrices {
        words.push_str(&matrix.to_string());
    }
    let _ = std::io::stdout().write_all(words.as_bytes());
    for matrix in &matrices {
        assert_eq!(matrix.verdict(), Ok(()), "{}", matrix.backend);
    }
}

async fn local() -> Matrix {
    let lab = Lab::start().await;
    // Whoever fixes may do everything that a kind does, and nothing else. A local cloud takes
    // more calls a second than an account does.
    let mut options = lab.options("remediator").await;
    options.limits.rate = 1000.0;
    let admin = provider_aws::connect(options).await.unwrap();
    // Somebody who exists, has a key, and may do nothing.
    let nobody = attributes(json!({ "name": "nobody" }));
    admin.writer.create(&"aws_iam_user".into(), &nobody).await.unwrap();
    let key = attributes(json!({ "user": "nobody" }));
    admin.writer.create(&"aws_iam_access_key".into(), &key).await.unwrap();

    let ground = lab.running.ground().clone();
    let switch = move |on: bool| {
        ground.faults.clear();
        if on {
            for service in ["s3", "iam"] {
                ground.faults.set(Fault {
                    cloud: None,
                    service: Some(service.to_owned()),
                    operation: None,
                    effect: FaultEffect::Throttle { per_second: 10.0 },
                });
            }
        }
    };
    let suite = Suite {
        backend: "local".to_owned(),
        unique: "c7a4e1".to_owned(),
        denied: Some(lab.connect("nobody").await),
        throttled: Some(Throttled {
            connection: lab.connect("deployer").await,
            switch: Box::new(switch),
        }),
        admin,
        lacks: local_lacks(),
    };
    let matrix = suite.run().await;
    lab.running.stop().await;
    matrix
}

async fn moto(url: String) -> Matrix {
    let options = ConnectOptions {
        endpoint: Some(url),
        credentials: Some(StaticCredentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Sensitive::new("any".to_owned()),
            session_token: None,
        }),
        ..ConnectOptions::default()
    };
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let suite = Suite {
        backend: "moto".to_owned(),
        unique: format!("{:x}", seconds.as_secs()),
        admin: provider_aws::connect(options).await.unwrap(),
        denied: None,
        throttled: None,
        lacks: moto_lacks(),
    };
    suite.run().await
}

/// The local cloud serves the settings that its kinds need; the others answer 501.
fn local_lacks() -> Vec<Lack> {
    let not_served = ["acceleration_status", "request_payer", "logging", "cors_rule", "website"];
    let mut lacks: Vec<Lack> = not_served
        .iter()
        .map(|name| Lack::change("aws_s3_bucket", name, "the local S3 answers NotImplemented"))
        .collect();
    let owned = "a new bucket has no access control list (BucketOwnerEnforced)";
    lacks.push(Lack::change("aws_s3_bucket", "grant", owned));
    lacks
}

fn moto_lacks() -> Vec<Lack> {
    let listing = "answers every question about it with a listing of the bucket";
    vec![Lack::change("aws_s3_bucket", "request_payer", listing)]
}
