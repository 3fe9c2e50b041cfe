//! Serves the local AWS alone, on a folder, until it is ended: for trying other tools on it.
//!
//! `cargo run -p local-cloud-aws --example serve -- FOLDER [CALLER]` prints the environment
//! of the caller as `export` lines; `eval` them in another shell.

use local_cloud::control::{Answer, Ask};
use local_cloud::running::{LocalCloud, Start};
use std::io::Write;
use std::path::PathBuf;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: serve FOLDER [CALLER]...")?);
    let mut callers: Vec<String> = arguments.collect();
    if callers.is_empty() {
        callers.push(local_cloud_aws::callers::DEPLOYER.to_owned());
    }
    let start = Start { folder: &folder, holder: "serve", port: None, allowed: Vec::new() };
    let running =
        LocalCloud::start(start, |ground| vec![local_cloud_aws::service(ground.clone())]).await?;
    for caller in callers {
        // One file a caller, so that a script can act as several.
        let file = folder.join(format!("{caller}.env"));
        if let Answer::Environment { variables } =
            running.ask(Ask::Environment { caller: Some(caller) }).await?
        {
            let mut out = std::fs::File::create(&file)?;
            for (name, value) in variables {
                writeln!(out, "export {name}={value}")?;
            }
        }
        writeln!(std::io::stdout(), "{}", file.display())?;
    }
    running.asked_to_stop().await;
    running.stop().await;
    Ok(())
}
