//! Where a resource stands in the configuration: the file and line of its block.
//!
//! Only the headers of blocks are read, `resource "kind" "name" {`, and the `source` of
//! modules that lie in the same repository. Nothing is evaluated.

use model::ResourceAddress;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Sizes beyond which a file or folder is not somebody's configuration.
const MAX_FILES: usize = 1_000;
const MAX_BYTES: u64 = 4 << 20;
const MAX_DEPTH: usize = 8;
/// Modules used, counted each time: one that uses itself would never end.
const MAX_MODULES: usize = 2_000;
/// Resources of one root, modules included: a module may be used many times.
const MAX_PLACES: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Below the folder that was given, with it in front.
    pub file: PathBuf,
    /// From 1.
    pub line: u32,
}

/// The blocks of one Terraform root and its local modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// By address without indexes: `module.data.aws_s3_bucket.exports`.
    blocks: BTreeMap<String, Block>,
    modules: usize,
}

impl Configuration {
    /// Reads a root. What cannot be read is left out: a place is a service, not a result.
    pub fn of_root(folder: &Path) -> Self {
        let mut configuration = Configuration::default();
        configuration.module(folder, "", 0);
        configuration
    }

    pub fn find(&self, address: &ResourceAddress) -> Option<&Block> {
        let module = without_indexes(&address.module);
        let dot = if module.is_empty() { "" } else { "." };
        self.blocks.get(&format!("{module}{dot}{}.{}", address.kind, address.name))
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    fn module(&mut self, folder: &Path, prefix: &str, depth: usize) {
        self.modules += 1;
        for file in files(folder) {
            let Some(text) = read(&file) else { continue };
            for header in headers(&text) {
                if self.blocks.len() >= MAX_PLACES || self.modules >= MAX_MODULES {
                    return;
                }
                match header {
                    Header::Resource { kind, name, line } => {
                        let address = format!("{prefix}{kind}.{name}");
                        self.blocks.entry(address).or_insert(Block { file: file.clone(), line });
                    }
                    Header::Module { name, source } if depth < MAX_DEPTH => {
                        let inner = plain(&folder.join(source));
                        self.module(&inner, &format!("{prefix}module.{name}."), depth + 1);
                    }
                    Header::Module { .. } => {}
                }
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "tf" || e == "tofu"))
        .take(MAX_FILES)
        .collect();
    files.sort();
    files
}

fn read(file: &Path) -> Option<String> {
    let small = fs::metadata(file).is_ok_and(|m| m.is_file() && m.len() <= MAX_BYTES);
    small.then(|| fs::read_to_string(file).ok()).flatten()
}

/// `a/b/../c` as `a/c`, without asking the disk.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[derive(Debug, PartialEq)]
enum Header<'a> {
    Resource { kind: &'a str, name: &'a str, line: u32 },
    Module { name: &'a str, source: &'a str },
}

/// Headers at the start of a line, outside of block comments and here-documents.
fn headers(text: &str) -> Vec<Header<'_>> {
    let mut headers = Vec::new();
    let mut module: Option<&str> = None;
    let mut comment = false;
    let mut heredoc: Option<&str> = None;
    for (i, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if let Some(end) = heredoc {
            if trimmed == end {
                heredoc = None;
            }
            continue;
        }
        if comment || trimmed.starts_with("/*") {
            comment = !trimmed.contains("*/");
            continue;
        }
        heredoc = heredoc_end(trimmed);
        if let Some((kind, rest)) = labelled(trimmed, "resource") {
            if let Some(name) = quoted(rest.trim_start()).map(|(n, _)| n) {
                let line = u32::try_from(i + 1).unwrap_or(u32::MAX);
                headers.push(Header::Resource { kind, name, line });
            }
        } else if let Some((name, _)) = labelled(trimmed, "module") {
            module = Some(name);
        } else if let Some(name) = module {
            if line.starts_with('}') {
                module = None;
            } else if let Some(source) = local_source(trimmed) {
                headers.push(Header::Module { name, source });
                module = None;
            }
        }
    }
    headers
}

fn labelled<'a>(line: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let rest = line.strip_prefix(word)?;
    let label = rest.trim_start();
    // `resource_group = "x"` is an argument.
    if label.len() == rest.len() && !label.starts_with('"') {
        return None;
    }
    quoted(label)
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

/// `source = "./modules/data"`: a module of the same repository.
fn local_source(line: &str) -> Option<&str> {
    let value = line.strip_prefix("source")?.trim_start().strip_prefix('=')?.trim_start();
    let (source, _) = quoted(value)?;
    (source.starts_with("./") || source.starts_with("../")).then_some(source)
}

fn heredoc_end(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("<<")?;
    let word = rest.strip_prefix('-').unwrap_or(rest).trim();
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!word.is_empty() && word.chars().all(name)).then_some(word)
}

/// `module.a["x.y"].module.b` as `module.a.module.b`.
fn without_indexes(module: &str) -> String {
    let mut out = String::new();
    let (mut inside, mut quoted, mut escaped) = (false, false, false);
    for c in module.chars() {
        match c {
            '"' if inside && !escaped => quoted = !quoted,
            '[' if !quoted => inside = true,
            ']' if !quoted => {
                inside = false;
                continue;
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if !inside {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "\
# resource \"aws_s3_bucket\" \"no\" {
/*
resource \"aws_s3_bucket\" \"no\" {
*/
resource \"aws_s3_bucket\" \"exports\" {
  bucket = <<-EOT
resource \"aws_s3_bucket\" \"no\" {
  EOT
}
module \"data\" {
  for_each = toset([\"a\"])
  source   = \"./modules/data\"
}
module \"far\" {
  source = \"registry/x\"
}
resource   \"aws_iam_user\" \"ci\" { name = \"ci\" }
";

    #[test]
    fn blocks_are_found_where_they_stand() {
        let dir = tempfile::tempdir().unwrap();
        let modules = dir.path().join("modules/data");
        fs::create_dir_all(&modules).unwrap();
        fs::write(dir.path().join("main.tf"), MAIN).unwrap();
        fs::write(modules.join("x.tf"), "\nresource \"aws_s3_bucket\" \"m\" {\n}\n").unwrap();
        let configuration = Configuration::of_root(dir.path());
        let line = |address: &str| {
            let address = ResourceAddress::parse(address).unwrap();
            configuration.find(&address).map(|b| (b.file.clone(), b.line))
        };
        let main = dir.path().join("main.tf");
        assert_eq!(line("aws_s3_bucket.exports[3]"), Some((main.clone(), 5)));
        assert_eq!(line("aws_iam_user.ci"), Some((main, 17)));
        assert_eq!(line("module.data[\"a.b\"].aws_s3_bucket.m"), Some((modules.join("x.tf"), 2)));
        assert_eq!(line("aws_s3_bucket.no"), None);
        assert!(Configuration::of_root(Path::new("/none")).is_empty());
    }

    #[test]
    fn a_module_that_uses_itself_ends() {
        let dir = tempfile::tempdir().unwrap();
        let text = "module \"a\" {\n  source = \"./\"\n}\nresource \"t\" \"n\" {\n}\n";
        fs::write(dir.path().join("main.tf"), text).unwrap();
        let configuration = Configuration::of_root(dir.path());
        let address = ResourceAddress::parse("module.a.t.n").unwrap();
        assert_eq!(configuration.find(&address).unwrap().file, dir.path().join("main.tf"));
    }
}
