//! Every kind through the suite of all clouds, on the local cloud.
#![allow(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod desk;

use desk::Desk;
use futures::FutureExt;
use local_cloud::faults::{Fault, FaultEffect};
use provider::conformance::{Suite, Throttled};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_on_the_local_cloud() {
    let desk = Desk::start().await;
    let ground = desk.running.ground().clone();
    let switch = Box::new(move |on: bool| {
        ground.faults.clear();
        let cloud = provider_gcp::CLOUD;
        if on {
            let effect = FaultEffect::Throttle { per_second: 1.0 };
            let service = Some("storage.googleapis.com".to_owned());
            ground.faults.set(Fault { cloud: None, service, operation: None, effect });
            // The first call of a second is for nobody.
            let drained = ground.faults.check(&cloud, "storage.googleapis.com", "drain");
            assert!(drained.now_or_never().is_some());
        }
    });
    let suite = Suite {
        backend: "local".to_owned(),
        unique: "k3f9a2".to_owned(),
        // Whoever fixes may do everything that a kind does, and nothing else.
        admin: desk.cast("remediator").await,
        denied: Some(desk.cast("log-reader").await),
        throttled: Some(Throttled { connection: desk.cast("deployer").await, switch }),
        lacks: vec![],
    };
    let matrix = suite.run().await;
    assert_eq!(matrix.verdict(), Ok(()), "\n{matrix}");
    assert!(matrix.ran() >= 20, "\n{matrix}");
}
