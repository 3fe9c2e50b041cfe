//! Serves this cloud alone, for a foreign client to be tried on:
//! `cargo run -p local-cloud-gcp --example serve -- FOLDER [CALLER]...`. Each line it prints
//! is a caller's environment as JSON; it ends when its input does.

use local_cloud::control::{Answer, Ask};
use local_cloud::running::Start;
use local_cloud::{LocalCloud, LocalCloudError};
use std::io::{Read, Write};

#[tokio::main]
async fn main() -> Result<(), LocalCloudError> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".lab-gcp".to_owned());
    let mut callers: Vec<String> = arguments.collect();
    if callers.is_empty() {
        callers.push("deployer".to_owned());
    }
    let start =
        Start { folder: folder.as_ref(), holder: "serve example", port: None, allowed: Vec::new() };
    let running =
        LocalCloud::start(start, |ground| vec![local_cloud_gcp::service(ground.clone())]).await?;
    let mut out = std::io::stdout();
    for caller in callers {
        let asked = Ask::Environment { caller: Some(caller.clone()) };
        if let Answer::Environment { variables } = running.ask(asked).await? {
            let variables: std::collections::BTreeMap<_, _> = variables.into_iter().collect();
            let line = serde_json::json!({"caller": caller, "environment": variables});
            let _ = writeln!(out, "{line}");
        }
    }
    let _ = out.flush();
    let wait = tokio::task::spawn_blocking(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    });
    let _ = wait.await;
    running.stop().await;
    Ok(())
}
