//! The built program, for the chores that show what it prints: the one that `LAB_BIN` names,
//! else the one that cargo builds.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs the program of the checkout, with an environment that is the same everywhere.
pub fn run(arguments: &[&str], folder: &Path) -> Result<Output, String> {
    let program = find()?;
    let mut command = Command::new(&program);
    for (name, _) in std::env::vars_os() {
        let foreign = name.to_str().is_none_or(|n| {
            ["LAB_", "AWS_", "AZURE_", "ARM_", "GOOGLE_", "CLOUDSDK_", "RUST_LOG", "NO_COLOR"]
                .iter()
                .any(|prefix| n.starts_with(prefix))
        });
        if foreign {
            command.env_remove(&name);
        }
    }
    command
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "80")
        .env("TZ", "UTC")
        .output()
        .map_err(|e| format!("{}: {e}", program.display()))
}

fn find() -> Result<PathBuf, String> {
    if let Some(program) = std::env::var_os("LAB_BIN") {
        return Ok(program.into());
    }
    let root = super::root();
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root.join(folder),
        None => root.join("target"),
    };
    let program = target.join("debug").join(format!("lab{}", std::env::consts::EXE_SUFFIX));
    // Always asked, so that what is shown is what the source says; nothing to do is quick.
    // The whole workspace, because a part of it resolves other features and builds anew.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--bins"])
        .current_dir(&root)
        .status()
        .map_err(|e| format!("cargo build: {e}"))?;
    if !built.success() {
        return Err("the program does not build".into());
    }
    if !program.exists() {
        return Err(format!("{}: cargo build did not make it", program.display()));
    }
    Ok(program)
}

/// What it printed, as text.
pub fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|e| format!("the program printed no text: {e}"))
}

/// Writes a page, or with `check` compares it with what is there.
pub fn page(path: &str, text: &str, check: bool) -> Result<(), String> {
    let place = super::root().join(path);
    if check {
        let found = std::fs::read_to_string(&place).map_err(|e| format!("{path}: {e}"))?;
        return match found == text {
            true => Ok(()),
            false => Err(format!("{path} is stale: {}", first_difference(&found, text))),
        };
    }
    let parent = place.parent().ok_or("a page lies in a folder")?;
    let beside = place.with_extension("new");
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(&beside, text))
        .and_then(|()| std::fs::rename(&beside, &place))
        .map_err(|e| format!("{path}: {e}"))
}

pub fn first_difference(found: &str, wanted: &str) -> String {
    let pairs = found.lines().zip(wanted.lines()).enumerate();
    let different = pairs.into_iter().find(|(_, (a, b))| a != b);
    match different {
        Some((at, (a, b))) => format!("line {}: has {a:?}, should have {b:?}", at + 1),
        None => {
            format!("{} lines, should have {}", found.lines().count(), wanted.lines().count())
        }
    }
}
