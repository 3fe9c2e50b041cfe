//! Embeds the lessons and the lab environments: a new folder under `labs/` or
//! `terraform/environments/` needs no registration.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn folders(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    found.sort();
    found
}

fn embed(out: &mut String, constant: &str, root: &Path, files: &[&str]) {
    println!("cargo:rerun-if-changed={}", root.display());
    let _ = writeln!(out, "pub const {constant}: &[Embedded] = &[");
    for folder in folders(root) {
        println!("cargo:rerun-if-changed={}", folder.display());
        let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let _ = writeln!(out, "    Embedded {{ folder: {name:?}, files: &[");
        for file in files {
            let path = folder.join(file);
            if path.is_file() {
                println!("cargo:rerun-if-changed={}", path.display());
                let _ = writeln!(
                    out,
                    "        ({file:?}, include_str!({:?})),",
                    path.display().to_string()
                );
            }
        }
        let _ = writeln!(out, "    ] }},");
    }
    out.push_str("];\n");
}

fn main() {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = here.join("../..");
    let mut out = String::new();
    embed(&mut out, "LABS", &root.join("labs"), &["lesson.toml", "story.md", "slip.toml"]);
    embed(
        &mut out,
        "ENVIRONMENTS",
        &root.join("terraform/environments"),
        &["terraform.tfstate", "traffic.toml"],
    );
    let target = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(target.join("embedded.rs"), out).expect("the build folder can be written");
}
