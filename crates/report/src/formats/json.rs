//! The report as it is, for machines: the shape of `schemas/v1/drift-report.json`.
//!
//! Nothing is stripped here: JSON escapes control characters itself, and a machine wants
//! names as they are. Sealed values are null because [`model::Value::Redacted`] prints so.

use super::Format;
use crate::options::Options;
use model::report::DriftReport;
use std::io::{self, Write};

pub struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn render(
        &self,
        report: &DriftReport,
        _options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, report)?;
        out.write_all(b"\n")
    }
}
