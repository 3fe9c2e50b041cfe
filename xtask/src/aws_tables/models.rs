//! Finding and reading the service models of an installed botocore.

use serde_json::Value;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

pub struct Models {
    pub version: String,
    folder: PathBuf,
}

impl Models {
    pub fn find() -> Result<Self, String> {
        let program = "import botocore; print(botocore.__version__); print(botocore.__file__)";
        let said = Command::new("python3")
            .args(["-c", program])
            .output()
            .map_err(|e| format!("python3 does not start: {e}"))?;
        if !said.status.success() {
            return Err("the Python package botocore is not installed: pip install botocore".into());
        }
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let mut lines = said.lines();
        match (lines.next(), lines.next()) {
            (Some(version), Some(file)) => Ok(Models {
                version: version.to_owned(),
                folder: PathBuf::from(file).with_file_name("data"),
            }),
            _ => Err(format!("python3 did not say where botocore is: {said:?}")),
        }
    }

    /// API versions of a service that come with this botocore, oldest first.
    pub fn api_versions(&self, service: &str) -> Result<Vec<String>, String> {
        let folder = self.folder.join(service);
        let mut versions: Vec<String> = std::fs::read_dir(&folder)
            .map_err(|e| format!("{}: {e}", folder.display()))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with("20"))
            .collect();
        versions.sort();
        if versions.is_empty() {
            return Err(format!("{}: no API version in it", folder.display()));
        }
        Ok(versions)
    }

    pub fn read(&self, service: &str, version: &str) -> Result<Value, String> {
        let path = self.folder.join(service).join(version).join("service-2.json.gz");
        let file = std::fs::File::open(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(file)
            .read_to_string(&mut text)
            .map_err(|e| format!("{}: {e}", path.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    }
}
