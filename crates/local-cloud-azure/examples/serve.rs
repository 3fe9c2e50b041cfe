//! Serves this cloud alone on a folder and prints the environment of one caller, so that a
//! foreign client can be pointed at it:
//!
//! `cargo run -p local-cloud-azure --example serve -- FOLDER [CALLER]`
//!
//! It ends when its standard input does.
#![allow(clippy::print_stdout)] // an example's output is what it is for

use local_cloud::LocalCloud;
use local_cloud::control::{Answer, Ask};
use local_cloud::running::Start;
use std::path::Path;
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: serve FOLDER [CALLER]")?;
    let caller = arguments.next();
    let start =
        Start { folder: Path::new(&folder), holder: "serve", port: None, allowed: Vec::new() };
    let running =
        LocalCloud::start(start, |ground| vec![local_cloud_azure::service(ground.clone())]).await?;
    if let Answer::Environment { variables } = running.ask(Ask::Environment { caller }).await? {
        for (name, value) in variables {
            println!("export {name}='{value}'");
        }
    }
    println!("# ready");
    let mut input = Vec::new();
    tokio::io::stdin().read_to_end(&mut input).await?;
    running.stop().await;
    Ok(())
}
