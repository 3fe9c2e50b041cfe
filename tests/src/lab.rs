//! The binary as a user runs it: a folder of its own, an environment of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No command of the suite takes longer; one that does is stuck.
const LIMIT: Duration = Duration::from_secs(120);

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The end that was expected, or a failure that shows everything.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| {
            panic!("not JSON ({e})\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr)
        })
    }
}

/// The built binary lies beside this test: `cargo test --workspace` builds both.
pub fn binary() -> PathBuf {
    built("lab")
}

/// A program of this workspace, as it lies beside this test.
pub fn built(name: &str) -> PathBuf {
    let mut folder = std::env::current_exe().expect("a test has a path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not built: cargo test --workspace builds it", path.display());
    path
}

/// A place to run lab in.
pub struct Lab {
    pub folder: TempDir,
}

impl Default for Lab {
    fn default() -> Self {
        Lab { folder: tempfile::tempdir().expect("a temporary folder") }
    }
}

impl Lab {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder in a temporary folder");
        }
        std::fs::write(&path, bytes).expect("a file in a temporary folder");
        path
    }

    /// A command that is not started yet; the machine's own settings of clouds and of lab
    /// do not reach it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.path()).args(arguments).stdin(Stdio::null());
        for (name, _) in std::env::vars() {
            let foreign = ["LAB_", "AWS_", "AZURE_", "ARM_", "GOOGLE_", "CLOUDSDK_", "GCE_"];
            if foreign.iter().any(|p| name.starts_with(p)) || name.ends_with("_PROXY") {
                command.env_remove(name);
            }
        }
        command.env("HOME", self.path()).env("COLUMNS", "80").env_remove("RUST_LOG");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        finish(self.command(arguments))
    }
}

pub fn finish(mut command: Command) -> Run {
    let child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    wait(child)
}

/// Waits for a child, within the limit.
pub fn wait(mut child: Child) -> Run {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut text);
            }
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = read(out.map(|p| Box::new(p) as Box<dyn std::io::Read + Send>));
    let err = read(err.map(|p| Box::new(p) as Box<dyn std::io::Read + Send>));
    let until = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait().expect("a child can be waited for") {
            Some(status) => break status,
            None if Instant::now() > until => {
                let _ = child.kill();
                panic!("still running after {} s", LIMIT.as_secs());
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    #[cfg(unix)]
    let code = {
        use std::os::unix::process::ExitStatusExt;
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    };
    #[cfg(not(unix))]
    let code = status.code().unwrap_or(1);
    let join = |t: std::thread::JoinHandle<String>| t.join().unwrap_or_default();
    Run { code, stdout: join(out), stderr: join(err) }
}
