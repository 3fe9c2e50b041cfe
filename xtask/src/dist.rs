//! `cargo xtask dist`: the archives that are deployed, one an architecture, under
//! `target/dist/`. The same sources and compiler give the same bytes.

mod elf;
mod zip;

use crate::{Outcome, root};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What Lambda's custom runtimes start.
const BINARY: &str = "bootstrap";
const PACKAGE: &str = "remediation-lambda";
const PROFILE: &str = "lambda";

/// `provided.al2023` is Amazon Linux 2023, which has glibc 2.34 for as long as it lives
/// (AL2023 User Guide, "Comparing AL2 and AL2023").
const GLIBC: (u32, u32) = (2, 34);

/// A zip that is uploaded directly may have 50 MB (Lambda Developer Guide, "Lambda quotas");
/// ours is held to half of that before it is packed.
const LARGEST: u64 = 25_000_000;

struct Architecture {
    /// As Lambda calls it.
    name: &'static str,
    triple: &'static str,
    /// The linker, where it is not the host's own.
    linker: Option<&'static str>,
    machine: elf::Machine,
}

const ARCHITECTURES: [Architecture; 2] = [
    Architecture {
        name: "x86_64",
        triple: "x86_64-unknown-linux-gnu",
        linker: None,
        machine: elf::Machine::X86_64,
    },
    Architecture {
        name: "arm64",
        triple: "aarch64-unknown-linux-gnu",
        linker: Some("aarch64-linux-gnu-gcc"),
        machine: elf::Machine::Aarch64,
    },
];

pub fn run(arguments: &[String]) -> Outcome {
    if let Some(unknown) = arguments.first() {
        return Err(format!("no such argument: {unknown}"));
    }
    let target = target_folder();
    let mut told = Vec::new();
    let mut built = 0;
    for architecture in &ARCHITECTURES {
        match missing(architecture) {
            Some(why) => told.push(format!("{:<8} not built: {why}", architecture.name)),
            None => {
                told.push(archive(architecture, &target)?);
                built += 1;
            }
        }
    }
    match built {
        0 => Err(told.join("\n")),
        _ => Ok(told.join("\n")),
    }
}

fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// What this machine lacks to build for an architecture.
fn missing(architecture: &Architecture) -> Option<String> {
    let triple = architecture.triple;
    if is_host(architecture) {
        return None;
    }
    let library = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", triple])
        .output()
        .ok()
        .map(|o| PathBuf::from(String::from_utf8_lossy(&o.stdout).trim()));
    if !library.is_some_and(|l| l.is_dir()) {
        return Some(format!("the target is not installed (rustup target add {triple})"));
    }
    let linker = architecture.linker.unwrap_or("cc");
    let there = Command::new(linker).arg("--version").output().is_ok_and(|o| o.status.success());
    (!there).then(|| format!("{linker} is not here"))
}

fn is_host(architecture: &Architecture) -> bool {
    cfg!(target_os = "linux") && architecture.triple.starts_with(std::env::consts::ARCH)
}

fn archive(architecture: &Architecture, target: &Path) -> Result<String, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["build", "--profile", PROFILE, "--locked", "-p", PACKAGE]);
    let mut folder = target.to_path_buf();
    if !is_host(architecture) {
        cargo.args(["--target", architecture.triple]);
        folder.push(architecture.triple);
        if let Some(linker) = architecture.linker {
            let name = architecture.triple.replace('-', "_");
            cargo.env(format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()), linker);
            cargo.env(format!("CC_{name}"), linker);
        }
    }
    let status = cargo.status().map_err(|e| format!("cargo: {e}"))?;
    if !status.success() {
        return Err(format!("cargo build for {} ended with {status}", architecture.name));
    }
    let path = folder.join(PROFILE).join(BINARY);
    let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let newest = runs_on_lambda(architecture, &bytes)?;
    let zip = zip::one_program(BINARY, &bytes)?;
    let dist = target.join("dist");
    std::fs::create_dir_all(&dist).map_err(|e| format!("{}: {e}", dist.display()))?;
    let out = dist.join(format!("{PACKAGE}-{}.zip", architecture.name));
    // Beside its place and renamed: nobody uploads half of it.
    let part = dist.join(format!(".{PACKAGE}-{}.part", architecture.name));
    std::fs::write(&part, &zip)
        .and_then(|()| std::fs::rename(&part, &out))
        .map_err(|e| format!("{}: {e}", out.display()))?;
    Ok(format!(
        "{:<8} {}: {:.1} MB, packed {:.1} MB, needs glibc {newest}",
        architecture.name,
        out.display(),
        bytes.len() as f64 / 1e6,
        zip.len() as f64 / 1e6,
    ))
}

/// Would it start there? Answers with the newest glibc that it needs.
fn runs_on_lambda(architecture: &Architecture, bytes: &[u8]) -> Result<String, String> {
    let program = elf::read(bytes).map_err(|e| format!("{BINARY}: {e}"))?;
    if program.machine != architecture.machine {
        return Err(format!("{BINARY} is not for {}", architecture.name));
    }
    if bytes.len() as u64 > LARGEST {
        return Err(format!("{BINARY} has {} bytes, more than {LARGEST}", bytes.len()));
    }
    let versions: Vec<(u32, u32)> = program.needs.iter().filter_map(|need| glibc(need)).collect();
    let newest = versions.iter().copied().max().unwrap_or((2, 0));
    if newest > GLIBC {
        return Err(format!(
            "{BINARY} needs glibc {}.{}, and Lambda has {}.{}: build it on an older system",
            newest.0, newest.1, GLIBC.0, GLIBC.1
        ));
    }
    Ok(format!("{}.{}", newest.0, newest.1))
}

/// `GLIBC_2.34`, `GLIBC_2.2.5`.
fn glibc(need: &str) -> Option<(u32, u32)> {
    let mut parts = need.strip_prefix("GLIBC_")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_and_no_texts() {
        assert_eq!(glibc("GLIBC_2.2.5"), Some((2, 2)));
        assert!(glibc("GLIBC_2.34") > glibc("GLIBC_2.4"));
        assert_eq!(glibc("GCC_3.0"), None);
    }

    /// This very program is for this machine, and needs some glibc.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn a_program_tells_what_it_needs() {
        let path = std::env::current_exe().unwrap();
        let program = elf::read(&std::fs::read(path).unwrap()).unwrap();
        assert!(program.needs.iter().any(|n| glibc(n).is_some()), "{:?}", program.needs);
        for cut in [0, 3, 16, 63, 200, 4096] {
            let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
            assert!(elf::read(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
