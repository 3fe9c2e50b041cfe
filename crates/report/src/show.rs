//! The whole story of one finding.

use crate::options::Options;
use model::finding::Finding;
use model::report::DriftReport;
use std::io::{self, Write};

/// What an id on the command line means.
#[derive(Debug, PartialEq)]
pub enum Found<'a> {
    One(&'a Finding),
    /// Ids that begin like it.
    Several(Vec<&'a str>),
    Nothing,
}

/// Takes `F-7c1e`, any longer prefix of the fingerprint, with or without `F-`.
pub fn find<'a>(report: &'a DriftReport, id: &str) -> Found<'a> {
    let id = id.trim();
    let bare = id.strip_prefix("F-").or_else(|| id.strip_prefix("f-")).unwrap_or(id);
    let bare = bare.strip_prefix("sha256:").unwrap_or(bare).to_ascii_lowercase();
    if bare.is_empty() {
        return Found::Nothing;
    }
    let mut found: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|f| {
            f.id == id
                || f.fingerprint
                    .strip_prefix("sha256:")
                    .unwrap_or(&f.fingerprint)
                    .starts_with(&bare)
        })
        .collect();
    found.dedup_by_key(|f| &f.fingerprint);
    match found.as_slice() {
        [] => Found::Nothing,
        [one] => Found::One(one),
        many => Found::Several(many.iter().map(|f| f.id.as_str()).collect()),
    }
}

pub fn show(
    finding: &Finding,
    report: &DriftReport,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let story = story::Story::new(finding, report, options);
    out.write_all(story.tell().as_bytes())
}

pub(crate) mod chapters;
mod diff;
mod story;
