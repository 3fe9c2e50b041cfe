//! Records the state of one lab environment: see `recording.rs`.
//!
//!     cargo run -p journeys --example record_environment -- azure

#[path = "../recording.rs"]
mod recording;

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cloud = std::env::args().nth(1).ok_or("which environment? azure or gcp")?;
    let state = recording::record(&cloud).await?;
    let path = recording::environment(&cloud).join("terraform.tfstate");
    std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&state)?))?;
    Ok(())
}
