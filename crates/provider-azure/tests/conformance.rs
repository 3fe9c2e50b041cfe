//! The conformance suite against the local cloud always, and what Azurite has against one
//! that is named:
//! `LAB_AZURITE=http://127.0.0.1:10000 cargo test -p provider-azure --test conformance -- --nocapture`

#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod azurite;
mod support;

use futures::FutureExt;
use local_cloud::faults::{Fault, FaultEffect};
use provider::conformance::{Matrix, Suite, Throttled};
use std::io::Write;
use support::Lab;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_backend_at_hand() {
    let matrix = local().await;
    let words = match std::env::var("LAB_AZURITE") {
        Ok(url) => {
            azurite::run(url).await;
            "azurite: ran blobs and levels by account key; it has no Resource Manager, so no kind\n"
        }
        Err(_) => "azurite: not run, LAB_AZURITE names none\n",
    };
    let _ = std::io::stdout().write_all(format!("{matrix}{words}").as_bytes());
    assert_eq!(matrix.verdict(), Ok(()), "\n{matrix}");
    assert_eq!(matrix.ran(), 27, "\n{matrix}");
}

async fn local() -> Matrix {
    let lab = Lab::start().await;
    let ground = lab.running.ground().clone();
    let switch = Box::new(move |on: bool| {
        ground.faults.clear();
        if !on {
            return;
        }
        for service in ["Microsoft.Resources", "Microsoft.Storage"] {
            let effect = FaultEffect::Throttle { per_second: 1.0 };
            let service_name = Some(service.to_owned());
            ground.faults.set(Fault {
                cloud: None,
                service: service_name,
                operation: None,
                effect,
            });
            // The first call of a second is for nobody.
            let cloud = provider_azure::CLOUD;
            let drained = ground.faults.check(&cloud, service, "drain").now_or_never();
            assert!(drained.is_some());
        }
    });
    let suite = Suite {
        backend: "local".to_owned(),
        unique: "k3f9a2".to_owned(),
        // Whoever fixes may do everything that a kind does, and nothing else.
        admin: lab.connect("remediator").await,
        // Her roles end at two resource groups.
        denied: Some(lab.connect("dana.ortiz@example.com").await),
        throttled: Some(Throttled { connection: lab.connect("deployer").await, switch }),
        lacks: vec![],
    };
    let matrix = suite.run().await;
    lab.running.stop().await;
    matrix
}
