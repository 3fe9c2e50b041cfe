//! The environment of the function, as typed values; an error names the variable.

use model::KindName;
use model::knowledge::Catalog;
use std::collections::BTreeSet;
use std::path::PathBuf;
use terraform_io::{ObjectPattern, StateSource};

pub const STATES: &str = "LAB_STATES";
pub const POLICY: &str = "LAB_POLICY";
pub const LEDGER: &str = "LAB_LEDGER";
pub const KINDS: &str = "LAB_KINDS";
pub const APPLY: &str = "LAB_APPLY";
pub const TARGET: &str = "LAB_TARGET";

/// The name of the target where none is given. It is part of a plan's hash: a plan that is
/// made here and applied elsewhere needs the same name there.
const DEFAULT_TARGET: &str = "lambda";

/// A file here, or an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    Local(PathBuf),
    Object { bucket: String, key: String },
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub states: Vec<StateSource>,
    /// Without one the built-in rules hold.
    pub policy: Option<Place>,
    /// A folder, or a bucket and a prefix.
    pub ledger: Place,
    /// What is looked after; nothing named means every kind.
    pub kinds: BTreeSet<KindName>,
    /// Whether anything is ever changed.
    pub apply: bool,
    pub target: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {what}; {next_step}")]
pub struct SettingsError {
    pub variable: &'static str,
    pub what: String,
    pub next_step: String,
}

fn wrong(
    variable: &'static str,
    what: impl Into<String>,
    next: impl Into<String>,
) -> SettingsError {
    SettingsError { variable, what: what.into(), next_step: next.into() }
}

impl Settings {
    /// `read` gives the value of a variable. An empty one is none.
    pub fn read(read: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let value = |name: &str| read(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let states = value(STATES).ok_or_else(|| {
            wrong(STATES, "not set", "name the states: s3://BUCKET/KEY, separated by commas")
        })?;
        let ledger = value(LEDGER).ok_or_else(|| {
            wrong(LEDGER, "not set", "name the record's place: s3://BUCKET/PREFIX")
        })?;
        let apply = match value(APPLY).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(wrong(APPLY, format!("{other:?} is neither"), "give true or false"));
            }
        };
        Ok(Settings {
            states: states_of(&states)?,
            policy: value(POLICY).map(|text| place(POLICY, &text)).transpose()?,
            ledger: place(LEDGER, &ledger)?,
            kinds: kinds_of(value(KINDS).as_deref().unwrap_or_default())?,
            apply,
            target: value(TARGET).unwrap_or_else(|| DEFAULT_TARGET.to_owned()),
        })
    }
}

fn states_of(text: &str) -> Result<Vec<StateSource>, SettingsError> {
    let mut states = Vec::new();
    for one in text.split(',').map(str::trim).filter(|t| !t.is_empty()) {
        let parsed =
            StateSource::parse(one).map_err(|e| wrong(STATES, e.to_string(), e.next_step))?;
        let served = match &parsed {
            StateSource::Stdin => false,
            StateSource::Local(_) => true,
            StateSource::Object(pattern) => pattern.scheme() == "s3",
        };
        if !served {
            return Err(wrong(
                STATES,
                format!("{one} cannot be read from here"),
                "name objects as s3://BUCKET/KEY",
            ));
        }
        states.push(parsed);
    }
    if states.is_empty() {
        return Err(wrong(STATES, "names no state", "name them: s3://BUCKET/KEY"));
    }
    Ok(states)
}

fn kinds_of(text: &str) -> Result<BTreeSet<KindName>, SettingsError> {
    let known = || provider_aws::CATALOG.kinds().into_iter().map(|k| &k.facts().kind);
    let named = text.split(',').map(str::trim).filter(|t| !t.is_empty());
    named
        .map(|name| {
            known().find(|k| k.as_str() == name).cloned().ok_or_else(|| {
                let all: Vec<&str> = known().map(KindName::as_str).collect();
                wrong(KINDS, format!("{name} is not supported"), format!("of {}", all.join(", ")))
            })
        })
        .collect()
}

fn place(variable: &'static str, text: &str) -> Result<Place, SettingsError> {
    let form = "give s3://BUCKET/KEY or file:///PATH";
    if let Some(path) = text.strip_prefix("file://") {
        return match path.starts_with('/') {
            true => Ok(Place::Local(PathBuf::from(path))),
            false => Err(wrong(variable, format!("{text} is not an absolute path"), form)),
        };
    }
    let pattern =
        ObjectPattern::parse(text).map_err(|e| wrong(variable, e.to_string(), form.to_owned()))?;
    let key = pattern.list_prefix().trim_end_matches('/');
    let exact = pattern.url(pattern.list_prefix()) == text || pattern.list_prefix().is_empty();
    if pattern.scheme() != "s3" || !exact {
        return Err(wrong(variable, format!("{text} is no object of S3"), form));
    }
    if variable == POLICY && key.is_empty() {
        return Err(wrong(variable, format!("{text} names no object"), form));
    }
    Ok(Place::Object { bucket: pattern.place().to_owned(), key: key.to_owned() })
}
