//! `lab.toml`, and which setting won: flag, variable, file, default.

use crate::args::{ColorChoice, Global, OutputFormat};
use crate::exit::Failure;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The target of a run that names none.
    pub target: Option<String>,
    pub data: Option<PathBuf>,
    pub format: Option<String>,
    pub color: Option<String>,
    pub fail_on: Option<String>,
    pub targets: BTreeMap<String, Target>,
}

/// A named set of real accounts. The names of the sections below it are the clouds' own.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct Target {
    pub states: Vec<String>,
    pub events: Vec<String>,
    /// `[targets.NAME.CLOUD."ACCOUNT"]`: the cloud's provider reads its own settings.
    #[serde(flatten)]
    pub clouds: BTreeMap<String, BTreeMap<String, toml::Table>>,
}

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: &'static str,
    pub value: String,
    pub source: String,
}

pub struct Config {
    pub file: File,
    pub path: PathBuf,
    pub data: PathBuf,
    pub format: OutputFormat,
    pub color: ColorChoice,
    pub settings: Vec<Setting>,
}

fn read(path: &Path) -> Result<Option<File>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Failure::usage(format!("{}: {e}", path.display()))),
    };
    toml::from_str(&text).map(Some).map_err(|error| {
        let place = error.span().map_or(String::new(), |span| {
            let before = &text[..span.start.min(text.len())];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(1, |l| l.chars().count() + 1);
            format!(" line {line}, column {column}")
        });
        Failure::usage(format!("{}{place}: {}", path.display(), error.message().trim()))
            .hint("lab init writes one with every setting explained")
    })
}

/// The command line's own value or the variable's: clap has merged them, the variable tells
/// which it was.
fn source(name: &'static str, given: bool, in_file: bool, path: &Path) -> String {
    match (given, std::env::var_os(name).is_some(), in_file) {
        (true, true, _) => format!("variable {name}"),
        (true, false, _) => "flag".to_owned(),
        (false, _, true) => path.display().to_string(),
        (false, _, false) => "default".to_owned(),
    }
}

fn named<T: clap::ValueEnum>(what: &str, text: &str, path: &Path) -> Result<T, Failure> {
    T::from_str(text, true).map_err(|e| Failure::usage(format!("{}: {what}: {e}", path.display())))
}

pub fn load(global: &Global) -> Result<Config, Failure> {
    let path = global.config.clone().unwrap_or_else(|| "lab.toml".into());
    let file = read(&path)?;
    let found = file.is_some();
    if !found && global.config.is_some() {
        return Err(Failure::usage(format!("{}: no such file", path.display()))
            .hint("lab init writes a lab.toml"));
    }
    let file = file.unwrap_or_default();
    let data = global.data.clone().or_else(|| file.data.clone()).unwrap_or_else(|| ".lab".into());
    let format = match (global.format, &file.format) {
        (Some(format), _) => format,
        (None, Some(text)) => named("format", text, &path)?,
        (None, None) => OutputFormat::Terminal,
    };
    let color = match (global.color, &file.color) {
        (Some(color), _) => color,
        (None, Some(text)) => named("color", text, &path)?,
        (None, None) => ColorChoice::Auto,
    };
    let settings = vec![
        Setting {
            name: "data",
            value: data.display().to_string(),
            source: source("LAB_DATA", global.data.is_some(), file.data.is_some(), &path),
        },
        Setting {
            name: "format",
            value: format.name().to_owned(),
            source: source("LAB_FORMAT", global.format.is_some(), file.format.is_some(), &path),
        },
        Setting {
            name: "color",
            value: format!("{color:?}").to_lowercase(),
            source: source("LAB_COLOR", global.color.is_some(), file.color.is_some(), &path),
        },
        Setting {
            name: "config",
            value: match found {
                true => path.display().to_string(),
                false => format!("{} (not there)", path.display()),
            },
            source: source("LAB_CONFIG", global.config.is_some(), false, &path),
        },
    ];
    Ok(Config { file, path, data, format, color, settings })
}

impl Config {
    pub fn target(&self, name: &str) -> Result<&Target, Failure> {
        self.file.targets.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.file.targets.keys().map(String::as_str).collect();
            let failure =
                Failure::usage(format!("there is no target {name} in {}", self.path.display()));
            match known.is_empty() {
                true => {
                    failure.hint("lab init writes a lab.toml to fill in; local is always there")
                }
                false => failure.hint(format!("known targets: local, {}", known.join(", "))),
            }
        })
    }

    pub fn color(&self) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
                    || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
                crate::output::stdout_is_terminal() && !plain
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<File>, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lab.toml");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn accounts_are_read_for_clouds_that_are_not_named_here() {
        let file = parse(
            "[targets.prod]\nstates = [\"a.tfstate\"]\n\
             [targets.prod.nimbus.\"1234\"]\nprofile = \"reader\"\n",
        )
        .unwrap()
        .unwrap();
        let target = &file.targets["prod"];
        assert_eq!(target.states, ["a.tfstate"]);
        assert_eq!(target.clouds["nimbus"]["1234"]["profile"].as_str(), Some("reader"));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let error = parse("target = \"prod\"\nformt = \"json\"\n").unwrap_err();
        assert_eq!(error.exit, crate::exit::Exit::Usage);
        assert!(
            error.what.contains("line 2, column 1") && error.what.contains("formt"),
            "{}",
            error.what
        );
    }
}
